//! Schedules as texts, and back.

use super::oracle::Random;
use super::{utc, zone};
use crate::trigger::{BadDefinition, Dst, Fold, Gap, Schedule, ScheduleBuilder, ShortMonth, Trigger, Zone};
use chrono::TimeDelta;
use std::time::Duration;

/// Triggers of every kind, no two the same, in zones that differ.
fn triggers() -> Vec<Trigger> {
    let mut triggers = Vec::new();
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"] {
        of_zone(&super::zone(zone), &mut triggers);
    }
    let every = |millis| Trigger::every(Duration::from_millis(millis)).expect("a period");
    triggers.extend([10, 1500, 90_000, 604_800_000].map(every));
    let utc = Zone::utc();
    let cron = |text: &str| Trigger::cron(text, &utc).expect("a cron");
    triggers.extend([
        cron("@daily"),
        Trigger::any([cron("0 9-17 * * *"), every(3_600_000)]),
        Trigger::any([every(3_600_000), cron("0 9-17 * * *")]),
        Trigger::all([every(7_200_000), every(3_600_000)]),
        Trigger::all([Trigger::any([cron("H * * * *").spread(3)]), cron("* 3 * * *")]),
        Trigger::any([]),
        Trigger::all([]),
    ]);
    triggers
}

/// What leaves no choice open is not the same as what has another default.
fn choices(trigger: &Trigger) -> [Trigger; 4] {
    let (after, skip) = (Some(Gap::After), Some(Gap::Skip));
    [(after, Fold::First), (after, Fold::Last), (skip, Fold::First), (skip, Fold::Both)]
        .map(|(gap, fold)| trigger.clone().with_dst(Dst { gap, fold: Some(fold) }))
}

fn of_zone(zone: &Zone, triggers: &mut Vec<Trigger>) {
    let cron = |text: &str| Trigger::cron(text, zone).expect("a cron");
    for text in ["30 2 * * *", "*/20 * * * *"] {
        triggers.extend(choices(&cron(text)));
    }
    for text in ["0  3 * * *", "15 30 3 * * *", "0 0 3 * * * 2020-2040", "0 4 L-1,15W * +FRI#2"] {
        triggers.push(cron(text));
    }
    triggers.extend([0, 1, u64::MAX].map(|spread| cron("H H(2-5) * * *").spread(spread)));
    let calendar = |text: &str| Trigger::calendar(text, zone).expect("a calendar event");
    triggers.extend(choices(&calendar("02:30")));
    triggers.extend(["Mon..Fri 09:00", "*-*~02 1:00:00", "quarterly"].map(calendar));
    let interval = |text, start, short| Trigger::interval(text, start, short, zone).expect("an interval");
    triggers.extend(choices(&interval("1 day", "2020-01-01T02:30", ShortMonth::Skip)));
    for short in [ShortMonth::Skip, ShortMonth::Last] {
        triggers.push(interval("1 month", "2019-12-31T09:00:07", short));
    }
    triggers.push(interval("2 weeks", "2026-01-01T09:00:00+09:00", ShortMonth::Skip));
    let at = |text| Trigger::at(text, zone).expect("an instant");
    triggers.extend(choices(&at("2026-10-25 02:30")));
    triggers.extend(["2026-12-24T18:00", "2026-12-24T18:00:00+05:30"].map(at));
}

fn schedule(triggers: Vec<Trigger>, start: Option<&str>, end: Option<&str>) -> Schedule {
    ScheduleBuilder { triggers, start: start.map(utc), end: end.map(utc) }.build()
}

/// Each trigger alone, in bounds, and beside another one.
fn basket() -> Vec<Schedule> {
    let triggers = triggers();
    let start = Some("2026-03-01T00:00:00.123456789Z");
    let mut schedules = vec![schedule(vec![], None, None), schedule(vec![], start, None)];
    for (trigger, next) in triggers.iter().zip(triggers.iter().cycle().skip(1)) {
        let one = || vec![trigger.clone()];
        schedules.push(schedule(one(), None, None));
        schedules.push(schedule(one(), start, None));
        schedules.push(schedule(one(), None, Some("2027-11-02T12:00:00Z")));
        schedules.push(schedule(vec![trigger.clone(), next.clone()], start, Some("2029-01-01T00:00:00Z")));
    }
    let at = |text| Trigger::at(text, &Zone::utc()).expect("an instant");
    let one_shots = schedule(["2026-12-24T18:00", "2027-12-24T18:00"].map(at).into(), None, None);
    for second in ["2026-12-24T18:00:00Z", "2027-12-24T18:00:00Z"] {
        schedules.push(one_shots.finishing(|instant| instant == utc(second)));
    }
    schedules.push(one_shots.finishing(|_| true));
    schedules
}

#[test]
fn equal_schedules_have_equal_texts_and_different_ones_different_texts() {
    let (first, second) = (basket(), basket());
    let texts = |schedules: &[Schedule]| schedules.iter().map(Schedule::definition).collect::<Vec<_>>();
    let (first_texts, second_texts) = (texts(&first), texts(&second));
    for (one, text) in first.iter().zip(&first_texts) {
        for (other, other_text) in second.iter().zip(&second_texts) {
            assert_eq!(one == other, text == other_text, "{text:?} {other_text:?}");
        }
    }
}

#[test]
fn a_text_fires_as_the_schedule_did() {
    let mut random = Random::of(5);
    for schedule in basket() {
        let text = schedule.definition().expect("there is no predicate");
        let read = Schedule::of_definition(&text).expect("a definition");
        assert_eq!(read, schedule, "{text}");
        assert_eq!(read.definition().as_ref(), Some(&text));
        // Half of them within two days of a change of some clock.
        let changes = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-11-01T06:00:00Z"].map(utc);
        for n in 0..400 {
            let at = match n % 2 {
                0 => {
                    utc("2015-01-01T00:00:00Z") + TimeDelta::milliseconds(random.below(u32::MAX).into()) * 150
                }
                _ => {
                    random.one(&changes) + TimeDelta::seconds(random.below(4 * 86_400).into())
                        - TimeDelta::days(2)
                }
            };
            assert_eq!(read.next_after(at), schedule.next_after(at), "{text} after {at}");
            assert_eq!(read.prev_before(at), schedule.prev_before(at), "{text} before {at}");
        }
    }
}

#[test]
fn texts_of_earlier_releases_are_still_written_the_same() {
    let berlin = zone("Europe/Berlin");
    let triggers = vec![
        Trigger::cron("H 3 * * *", &berlin).expect("a cron").spread(7),
        Trigger::calendar("Mon..Fri 09:00", &berlin).expect("a calendar event"),
        Trigger::interval("1 month", "2026-01-31T09:00", ShortMonth::Last, &berlin).expect("an interval"),
        Trigger::every(Duration::from_secs(90)).expect("a period"),
        Trigger::at("2026-12-24T18:00", &berlin).expect("an instant"),
        Trigger::all([Trigger::cron("*/5 * * * *", &Zone::utc()).expect("a cron")]),
    ];
    let schedule = schedule(triggers, Some("2026-01-01T00:00:00Z"), Some("2027-01-01T00:00:00Z"));
    let text = include_str!("definition.json").trim_end();
    assert_eq!(schedule.definition().as_deref(), Some(text));
    assert_eq!(Schedule::of_definition(text).expect("a definition"), schedule);
}

#[test]
fn a_zone_is_the_one_that_is_meant_whatever_it_was_called() {
    let trigger = |zone: &str| Trigger::cron("0 3 * * *", &super::zone(zone)).expect("a cron");
    let text = |zone: &str| schedule(vec![trigger(zone)], None, None).definition();
    assert_eq!(text("europe/berlin"), text("Europe/Berlin"));
    let calendar = Trigger::calendar("03:00 Asia/Tokyo", &zone("Europe/Berlin")).expect("a calendar event");
    let text = schedule(vec![calendar], None, None).definition().expect("there is no predicate");
    assert!(text.contains(r#""zone":"Asia/Tokyo""#), "{text}");
}

#[test]
fn the_pass_in_which_an_interval_starts_is_kept() {
    let definition = |start: &str| {
        let trigger = Trigger::interval("1 year", start, ShortMonth::Skip, &zone("Europe/Berlin"));
        let definition = schedule(vec![trigger.expect("an interval")], None, None).definition();
        let text = definition.expect("there is no predicate");
        let read = Schedule::of_definition(&text).expect("a definition");
        assert_eq!(read.definition().as_ref(), Some(&text));
        text
    };
    let second = definition("2026-10-25T02:30:00+01:00");
    assert!(second.contains(r#""start":"2026-10-25T02:30:00+01:00""#), "{second}");
    assert_ne!(second, definition("2026-10-25T02:30:00+02:00"));
    // Else there is nothing to tell apart.
    assert_eq!(definition("2026-10-25T03:30:00+01:00"), definition("2026-10-25T03:30"));
}

#[test]
fn a_predicate_is_not_written() {
    let some = Trigger::cron("0 3 * * *", &Zone::utc()).expect("a cron").filter(|_| true);
    let alone = vec![some.clone()];
    let within = vec![Trigger::any([Trigger::all([some])])];
    assert_eq!([alone, within].map(|triggers| schedule(triggers, None, None).definition()), [None, None]);
}

#[test]
fn a_text_that_is_no_definition_says_why() {
    let fault = |text: &str| Schedule::of_definition(text).expect_err(text);
    for text in ["", "{}", r#"{"triggers":[{"moon":{}}]}"#, r#"{"triggers":[],"except":1}"#] {
        assert!(matches!(fault(text), BadDefinition::Unreadable { .. }), "{text}");
    }
    let text = include_str!("definition.json");
    let unknown = text.replace(r#""spread":7"#, r#""spread":7,"leap":true"#);
    assert!(matches!(fault(&unknown), BadDefinition::Unreadable { .. }));
    let atlantis = fault(&text.replace("Europe/Berlin", "Europe/Atlantis"));
    assert!(matches!(&atlantis, BadDefinition::Zone(zone) if zone.name == "Europe/Atlantis"), "{atlantis}");
    let trigger = fault(&text.replace("Mon..Fri", "Mon..Foo"));
    assert!(matches!(trigger, BadDefinition::Trigger(_)), "{trigger}");
}
