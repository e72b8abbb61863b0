//! `systemd-analyze calendar` as an oracle: what it takes, how it shows it, and when it fires. In CI it must be
//! there; elsewhere the tests say that they were skipped.
//!
//! systemd has `dst = { gap = "skip" }`. In a fold it fires in one pass, whichever `mktime` finds first, which is left
//! out of the comparison. So is what systemd cannot: it steps from `*:2/50` at :52 on to :42 of the next hour and so misses :02
//! ([`goes_round`]), loses the day on which Dublin's negative saving ends, loses days or gives up where midnight
//! lies in a gap, and refuses a range of a single second and long lists of days from the end.

use super::super::on_calendar::OnCalendar;
use super::calendar_corpora::with_dst;
use super::calendar_oracle::{Parts, ZONES, near_a_change};
use super::oracle::Random;
use super::{calendar, zone};
use crate::trigger::{DstMark, Gap, Zone};
use chrono::{DateTime, NaiveDateTime, Utc};
use std::collections::{BTreeSet, HashMap};
use std::process::Command;

const ITERATIONS: usize = 8;

/// An event as systemd sees it.
struct Answer {
    normal: String,
    fire_times: Vec<DateTime<Utc>>,
}

/// Returns what systemd says of each event that it takes; nothing at all without systemd.
#[expect(clippy::disallowed_methods, reason = "whether this is CI is a setting of the test run")]
fn ask(events: &[String], from: i64) -> Option<HashMap<String, Answer>> {
    let mut command = Command::new("systemd-analyze");
    command.args(["calendar", &format!("--iterations={ITERATIONS}"), &format!("--base-time=@{from}"), "--"]);
    let Ok(output) = command.args(events).env("TZ", "UTC").env("LC_ALL", "C").output() else {
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "CI has no systemd-analyze");
        println!("skipped: there is no systemd-analyze");
        return None;
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    let (mut answers, mut original, mut event) = (HashMap::new(), None, String::new());
    for line in stdout.lines() {
        let Some((label, value)) = line.trim().split_once(": ") else { continue };
        match label {
            "Original form" => original = Some(value.to_owned()),
            // What is normal already is shown once.
            "Normalized form" => {
                event = original.take().unwrap_or_else(|| value.to_owned());
                answers.insert(event.clone(), Answer { normal: value.into(), fire_times: Vec::new() });
            }
            label if label == "Next elapse" || label.starts_with("Iter") => {
                let at = NaiveDateTime::parse_from_str(value, "%a %Y-%m-%d %H:%M:%S UTC");
                let answer = answers.get_mut(&event).expect("the forms come first");
                answer.fire_times.extend(at.ok().map(|at| at.and_utc()));
            }
            _ => {}
        }
    }
    Some(answers)
}

#[test]
fn fire_times_are_systemds() {
    let (mut compared, mut events_compared, mut left_out) = (0, 0, 0);
    let mut random = Random::of(252);
    for round in 0..16 {
        let zones = ZONES.map(|zone| if zone == "Europe/Dublin" { "Europe/London" } else { zone });
        let zone_name = zones[random.below(10) as usize];
        // Zones changed their rules since; those tables may differ.
        let from = near_a_change(&mut random, zone_name) % 1_500_000_000;
        let mut parts = Vec::new();
        while parts.len() < 25 {
            parts.extend(
                Some(Parts::random(&mut random, round % 3 == 0)).filter(|parts| goes_round(&parts.text())),
            );
        }
        let events: Vec<_> = parts.iter().map(|parts| format!("{} {zone_name}", parts.text())).collect();
        let Some(answers) = ask(&events, from) else { return };
        let zone = zone(zone_name);
        let start = DateTime::from_timestamp(from, 0).expect("in range");
        for event in &events {
            let schedule = with_dst(event, &zone, Some(Gap::Skip), None);
            let answer = answers.get(event).filter(|answer| {
                let last = answer.fire_times.last();
                !last.is_some_and(|last| loses_midnight(&zone, start, *last))
                    && last.is_none() == schedule.never_fires()
            });
            let Some(answer) = answer else {
                left_out += 1;
                continue;
            };
            let read = OnCalendar::parse(event).expect("a sound event");
            assert_eq!(read.normalised(), answer.normal, "`{event}`");
            let once = |at: &DateTime<Utc>| schedule.dst_mark(*at) != Some(DstMark::Fold);
            let last = answer.fire_times.last().copied().unwrap_or(start);
            let found: Vec<_> = schedule.upcoming(start).take_while(|at| *at <= last).filter(once).collect();
            let expected: Vec<_> = answer.fire_times.iter().copied().filter(once).collect();
            assert_eq!(found, expected, "round {round}: `{event}` from {start}");
            compared += found.len();
            events_compared += 1;
        }
    }
    println!("{compared} fire times of {events_compared} random events are systemd's; {left_out} left out");
    assert!(left_out < events_compared, "most are compared");
}

/// Whether a midnight lies in a gap.
fn loses_midnight(zone: &Zone, after: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    let daily = calendar("daily", zone);
    zone.gaps(after, until).iter().any(|gap| daily.dst_mark(*gap) == Some(DstMark::Gap))
}

/// Whether systemd finds the first value again after the last one of each repetition without an end.
fn goes_round(event: &str) -> bool {
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let is_open = |item: &str| item.contains('/') && !item.contains("..");
    let mut open = event.split([' ', '-', ':', '~']).filter(|part| part.split(',').any(is_open));
    open.all(|part| {
        let (first, step) = part.split_once('/').expect("a repetition");
        let from_end = event.contains(&format!("~{part}"));
        // In a list it may be any of the other values.
        !part.contains(',') && number(step) <= if from_end { 30 - number(first) } else { number(first) + 1 }
    })
}

/// White space is freer here, but for one: systemd takes `@ 31`. Fractions are not. And systemd counts seconds in
/// microseconds, of which there may be 2^31.
fn is_comparable(event: &str) -> bool {
    let has_fraction = event.replace("..", "").contains('.');
    let mut numbers = event.split(|c: char| !c.is_ascii_digit());
    let are_small = numbers.all(|digits| digits.len() < 4 || digits == "2024");
    let is_spaced = event.split(' ').all(|word| !word.is_empty());
    let is_single = |item: &str| item.split_once("..").is_some_and(|(first, last)| first == last);
    let seconds = event.rsplit(':').next().unwrap_or_default();
    let single_second = seconds.split([',', ' ']).any(is_single);
    // It takes 3 days off the month for each of a list.
    let from_end = event.split('~').nth(1).and_then(|day| day.split(' ').next());
    let long_list = from_end.is_some_and(|days| days.contains(','));
    is_spaced && !event.contains("@ ") && !has_fraction && !single_second && are_small && !long_list
}

#[test]
fn what_is_read_is_what_systemd_reads() {
    const WORDS: [&str; 30] = [
        "0", "1", "5", "12", "28", "31", "59", "60", "70", "99", "2024", "3..9", "*", "*-", "00:00", "/",
        ",", "..", "-", "~", ":", " ", " ", "Mon", "tuesday", "Fri", "@", "daily", "UTC", "",
    ];
    let mut random = Random::of(252);
    let mut events = BTreeSet::new();
    while events.len() < 3000 {
        // A sound event with a change or two.
        let mut event = match random.below(4) {
            0 => ["weekly", "Mon", "10-15", "2024-2-29", "@31", "*~1"][random.below(6) as usize].to_owned(),
            _ => Parts::random(&mut random, true).text(),
        };
        for _ in 0..random.below(3) {
            let at = random.below(u32::try_from(event.len()).expect("short") + 1) as usize;
            let end = (at + random.below(3) as usize).min(event.len());
            event.replace_range(at..end, WORDS[random.below(30) as usize]);
        }
        if is_comparable(&event) {
            events.insert(event);
        }
    }
    let events: Vec<String> = events.into_iter().collect();
    let Some(answers) = ask(&events, 1_700_000_000) else { return };
    let mut read = 0;
    for event in &events {
        let ours = OnCalendar::parse(event).ok().map(|event| event.normalised());
        read += usize::from(ours.is_some());
        assert_eq!(ours.as_ref(), answers.get(event).map(|answer| &answer.normal), "`{event}`");
    }
    println!("{read} of {} random texts are events, and systemd says the same", events.len());
    assert!(read > 500, "few of them are events: {read}");
}
