//! Searches for the next fire time beside the `cron` crate's own iteration and croner 4, in the same run.
//!
//! `cargo bench --bench trigger`, some seconds. Thirty expressions as people have them, each followed for a while
//! from several instants, in UTC and in New York; all three take turns, so that a machine that is busy is so for
//! each of them. Ratios of medians count. Calendar events and intervals, which no peer has, run beside the crons
//! that are due at the same times.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron as Croner;
use runner::trigger::{Schedule, ScheduleBuilder, ShortMonth, Trigger, Zone};
use std::hint::black_box;
use std::str::FromStr;
use std::time::Instant;

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
/// The same times as a cron and as a calendar event.
const EVENTS: [(&str, &str); 8] = [
    ("* * * * *", "minutely"),
    ("*/15 * * * *", "*:0/15"),
    ("0 * * * *", "hourly"),
    ("0 0 * * *", "daily"),
    ("30 2 * * *", "02:30"),
    ("*/15 9-17 * * *", "9..17:0/15"),
    ("0 9 * * MON-FRI", "Mon..Fri 09:00"),
    ("0 0 1 */3 *", "quarterly"),
];
/// The same times as a cron and as an interval from the first of January on, which is a Thursday.
const INTERVALS: [(&str, &str); 4] = [
    ("30 2 * * *", "1 day"),
    ("30 2 * * THU", "1 week"),
    ("30 2 1 * *", "1 month"),
    ("30 2 1 1 *", "1 year"),
];
const FOLLOWED: usize = 40;
const STARTS: i64 = 24;
const ROUNDS: usize = 9;

fn starts() -> impl Iterator<Item = DateTime<Utc>> {
    let first = Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a time");
    (0..STARTS).map(move |n| first + TimeDelta::seconds(n * (15 * 86_400 + 7919)))
}

fn schedule(expression: &str, zone: &Zone) -> Schedule {
    of(Trigger::cron(expression, zone).expect("a sound expression"))
}

fn of(trigger: Trigger) -> Schedule {
    ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build()
}

fn crates(expression: &str) -> cron::Schedule {
    cron::Schedule::from_str(&format!("0 {expression}")).expect("a sound expression")
}

fn croners(expression: &str) -> Croner {
    Croner::from_str(expression).expect("a sound expression")
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// How many each of them finds a second, in turns.
fn race<const N: usize>(contestants: [&dyn Fn() -> usize; N]) -> [f64; N] {
    let mut rates = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (rates, contestant) in rates.iter_mut().zip(contestants) {
            let begin = Instant::now();
            let found = black_box(contestant());
            rates.push(found as f64 / begin.elapsed().as_secs_f64());
        }
    }
    rates.map(median)
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
    let million = rows.map(|a_second| a_second / 1e6);
    println!(
        "{zone:18} {:8.2} {:8.2} {:8.2}   {:6.1} {:6.1}",
        million[0],
        million[1],
        million[2],
        million[0] / million[1],
        million[0] / million[2]
    );
}

/// What no peer has, beside the crons that are due at the same times.
fn beside_cron(kind: &str, pairs: &[(&str, &str)], zone: &Zone, read: impl Fn(&str) -> Trigger) {
    let crons: Vec<_> = pairs.iter().map(|(cron, _)| schedule(cron, zone)).collect();
    let others: Vec<_> = pairs.iter().map(|(_, text)| of(read(text))).collect();
    let follow = |start, schedule: &Schedule| -> Vec<_> { schedule.upcoming(start).take(FOLLOWED).collect() };
    for ((cron, other), start) in crons.iter().zip(&others).zip(starts().skip(1)) {
        assert_eq!(follow(start, cron), follow(start, other));
    }
    let each = |schedules: &[Schedule]| -> usize {
        let count =
            |start, schedule: &Schedule| schedule.upcoming(start).take(FOLLOWED).map(black_box).count();
        starts().map(|start| schedules.iter().map(|schedule| count(start, schedule)).sum::<usize>()).sum()
    };
    let [other, cron] = race([&|| each(&others), &|| each(&crons)]).map(|a_second| a_second / 1e6);
    println!("{:26} {other:8.2} {cron:8.2}   {:6.2}", format!("{kind}, {zone}"), other / cron);
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
    let micros = rows.map(|a_second| 1e6 / a_second);
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
    println!("\n                             runner  as cron   x cron   (no peer has these)");
    for zone in [Zone::utc(), Zone::find("America/New_York").expect("a zone")] {
        let event = |text: &str| Trigger::calendar(text, &zone).expect("a sound event");
        beside_cron("calendar", &EVENTS, &zone, event);
        let interval = |text: &str| Trigger::interval(text, "2026-01-01T02:30", ShortMonth::Skip, &zone);
        beside_cron("interval", &INTERVALS, &zone, |text| interval(text).expect("a sound interval"));
    }
    println!();
    parsing();
    println!("a trigger itself: {} bytes, and what it shares: see `trigger::tests`", size_of::<Trigger>());
    worst();
}
