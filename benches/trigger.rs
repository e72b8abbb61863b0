//! Searches for the next fire time beside the `cron` crate's own iteration and croner 4, in the same run.
//!
//! `cargo bench --bench trigger`, some seconds. Thirty expressions as people have them, each followed for a while
//! from several instants, in UTC and in New York; all three take turns, so that a machine that is busy is so for
//! each of them. Ratios of medians count.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron as Croner;
use runner::trigger::{Schedule, ScheduleBuilder, Trigger, Zone};
use std::hint::black_box;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// They mean the same to all three, with a zero in front for the `cron` crate.
const BASKET: [&str; 30] = [
    "* * * * *",
    "*/2 * * * *",
    "*/5 * * * *",
    "*/10 * * * *",
    "*/15 * * * *",
    "*/30 * * * *",
    "0 * * * *",
    "17 * * * *",
    "5,35 * * * *",
    "0-29 * * * *",
    "0 */2 * * *",
    "30 */6 * * *",
    "0 0 * * *",
    "30 2 * * *",
    "15 4 * * *",
    "0 9,17 * * *",
    "0 9-17 * * *",
    "*/15 9-17 * * *",
    "0 9 * * MON-FRI",
    "*/10 8-18 * * MON-FRI",
    "0 22 * * SAT,SUN",
    "0 6 * * MON",
    "0 23 * * FRI",
    "0 0 1 * *",
    "0 12 15 * *",
    "0 6 1,15 * *",
    "30 5 1-7 * *",
    "0 0 1 */3 *",
    "0 0 1 1 *",
    "0 0 25 12 *",
];
/// Hard ones.
const WORST: [&str; 8] = [
    "* * * * * *",
    "59 59 23 31 12 *",
    "0 0 29 2 *",
    "0 0 29 2 +MON",
    "0 0 0 29 2 * 2096",
    "0 0 31W 2 *",
    "0 0 31 2 *",
    "0 2 * * SUN#5",
];
const FOLLOWED: usize = 40;
const STARTS: i64 = 24;
const ROUNDS: usize = 9;

fn starts() -> impl Iterator<Item = DateTime<Utc>> {
    let first = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a time");
    (0..STARTS).map(move |n| first + TimeDelta::seconds(n * (15 * 86_400 + 7919)))
}

fn schedule(expression: &str, zone: &Zone) -> Schedule {
    let triggers = vec![Trigger::cron(expression, zone).expect("a sound expression")];
    ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build()
}

fn crates(expression: &str) -> cron::Schedule {
    cron::Schedule::from_str(&format!("0 {expression}")).expect("a sound expression")
}

fn croners(expression: &str) -> Croner {
    Croner::from_str(expression).expect("a sound expression")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How long each of three takes for the whole basket, in turns.
fn race(contestants: [&dyn Fn() -> usize; 3]) -> [(f64, usize); 3] {
    let mut times = [const { Vec::new() }; 3];
    let mut found = [0; 3];
    for _ in 0..ROUNDS {
        for (index, contestant) in contestants.iter().enumerate() {
            let begin = Instant::now();
            found[index] = black_box(contestant());
            times[index].push(begin.elapsed());
        }
    }
    let [a, b, c] = times.map(median);
    [(a, found[0]), (b, found[1]), (c, found[2])]
        .map(|(time, found)| (found as f64 / time.as_secs_f64(), found))
}

fn searches(zone: &str) {
    let (ours, tz) = (Zone::find(zone).expect("a zone"), Tz::from_str(zone).expect("a zone"));
    let runner: Vec<_> = BASKET.iter().map(|expression| schedule(expression, &ours)).collect();
    let of_crate: Vec<_> = BASKET.iter().map(|expression| crates(expression)).collect();
    let of_croner: Vec<_> = BASKET.iter().map(|expression| croners(expression)).collect();
    let each = |search: &dyn Fn(DateTime<Utc>, usize) -> usize| -> usize {
        starts().map(|start| (0..BASKET.len()).map(|index| search(start, index)).sum::<usize>()).sum()
    };
    let rows = race([
        &|| each(&|start, index| runner[index].upcoming(start).take(FOLLOWED).map(black_box).count()),
        &|| {
            each(&|start, index| {
                let start = start.with_timezone(&tz);
                of_crate[index].after(&start).take(FOLLOWED).map(black_box).count()
            })
        },
        &|| {
            each(&|start, index| {
                of_croner[index].iter_after(start.with_timezone(&tz)).take(FOLLOWED).map(black_box).count()
            })
        },
    ]);
    let million = rows.map(|(a_second, _)| a_second / 1e6);
    println!(
        "{zone:18} {:8.2} {:8.2} {:8.2}   {:6.1} {:6.1}",
        million[0],
        million[1],
        million[2],
        million[0] / million[1],
        million[0] / million[2]
    );
}

fn agree() {
    let utc = Zone::utc();
    for expression in BASKET {
        let start = starts().next().expect("there are some");
        let ours: Vec<_> = schedule(expression, &utc).upcoming(start).take(FOLLOWED).collect();
        let theirs: Vec<_> = crates(expression).after(&start).take(FOLLOWED).collect();
        let croner: Vec<_> = croners(expression).iter_after(start).take(FOLLOWED).collect();
        assert_eq!(ours, theirs, "{expression}");
        assert_eq!(ours, croner, "{expression}");
    }
}

fn parsing() {
    const TIMES: usize = 200;
    let utc = Zone::utc();
    let texts: Vec<String> = BASKET.iter().map(|expression| format!("0 {expression}")).collect();
    let all = |parse: &dyn Fn(usize)| {
        (0..TIMES).for_each(|_| (0..BASKET.len()).for_each(parse));
        TIMES * BASKET.len()
    };
    let rows = race([
        &|| all(&|index| drop(black_box(Trigger::cron(BASKET[index], &utc)))),
        &|| all(&|index| drop(black_box(cron::Schedule::from_str(&texts[index])))),
        &|| all(&|index| drop(black_box(Croner::from_str(BASKET[index])))),
    ]);
    let micros = rows.map(|(a_second, _)| 1e6 / a_second);
    println!(
        "parsing, us         {:8.2} {:8.2} {:8.2}   {:6.2} {:6.2}",
        micros[0],
        micros[1],
        micros[2],
        micros[0] / micros[1],
        micros[0] / micros[2]
    );
}

fn worst() {
    const TIMES: u32 = 2000;
    let zone = Zone::find("America/New_York").expect("a zone");
    println!("\none search in New York, ns, the mean of {TIMES}");
    for expression in WORST {
        let schedule = schedule(expression, &zone);
        let first = starts().next().expect("there are some");
        let begin = Instant::now();
        for n in 0..TIMES {
            black_box(schedule.next_after(first + TimeDelta::hours(n.into())));
        }
        println!("{expression:20} {:8.0}", begin.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES));
    }
}

fn main() {
    agree();
    println!("million searches a second, {} expressions", BASKET.len());
    println!("                     runner     cron   croner   x cron x croner");
    searches("UTC");
    searches("America/New_York");
    parsing();
    println!("a trigger itself: {} bytes, and what it shares: see `trigger::tests`", size_of::<Trigger>());
    worst();
}
