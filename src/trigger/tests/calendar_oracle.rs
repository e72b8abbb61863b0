//! An oracle for calendar events and intervals on its own code path: it walks real time minute by minute (or
//! second by second), asks jiff for the local time, matches the parts of the text one by one, and applies the
//! rule of gaps and folds by what it sees pass. Random events, zones and instants around changes of the clock
//! are compared with it; a seed that fails is printed.

use super::oracle::Random;
use super::{calendar, zone};
use crate::trigger::{Schedule, ScheduleBuilder, ShortMonth, Trigger};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use jiff::tz::TimeZoneDatabase;

pub(super) const ZONES: [&str; 10] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Tehran",
    "Pacific/Apia",
    "Europe/Dublin",
];

/// An instant near a change of the zone's clock, or anywhere if it has none.
pub(super) fn near_a_change(random: &mut Random, zone: &str) -> i64 {
    let anywhere = i64::from(random.below(2_000_000_000)) / 60 * 60;
    let zone = TimeZoneDatabase::bundled().get(zone).expect("a zone");
    let after = jiff::Timestamp::from_second(anywhere).expect("in range");
    let change = zone.following(after).next().map_or(anywhere, |change| change.timestamp().as_second());
    (change - i64::from(random.below(86_400))) / 60 * 60
}

/// A random part of a date or of a time: `star_in` of so many it is something else than `*`.
pub(super) fn part(random: &mut Random, first: u32, last: u32, star_in: u32) -> String {
    let count = 1 + random.below(3);
    match random.below(star_in) {
        0 | 1 => (0..count).map(|_| item(random, first, last)).collect::<Vec<_>>().join(","),
        2 => (first + random.below(last - first + 1)).to_string(),
        _ => "*".into(),
    }
}

fn item(random: &mut Random, first: u32, last: u32) -> String {
    let (a, b) = (first + random.below(last - first + 1), first + random.below(last - first + 1));
    let (low, high) = (a.min(b), a.max(b));
    match random.below(4) {
        0 => format!("{low}..{high}"),
        1 => format!("{low}..{high}/{}", 1 + random.below(6)),
        2 if low < last => format!("{low}/{}", 1 + random.below(last - low)),
        _ => low.to_string(),
    }
}

/// The parts of a random event.
pub(super) struct Parts {
    weekdays: String,
    month: String,
    day: String,
    from_end: bool,
    hour: String,
    minute: String,
    second: String,
}

impl Parts {
    pub(super) fn random(random: &mut Random, with_seconds: bool) -> Parts {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let (a, b) = (random.below(7) as usize, random.below(7) as usize);
        let weekdays = match random.below(8) {
            0 => days[a].to_owned(),
            1 => format!("{}..{}", days[a.min(b)], days[a.max(b)]),
            2 => format!("{},{}", days[a], days[b]),
            _ => String::new(),
        };
        let from_end = random.below(3) == 0;
        let day = match random.below(3) {
            // Repetitions from the end go on to the end of the month.
            0 if from_end => {
                let first = 2 + random.below(27);
                format!("{first}/{}", 1 + random.below(first - 1))
            }
            _ if from_end => {
                let (a, b) = (1 + random.below(28), 1 + random.below(28));
                format!("{}..{}/{}", a.min(b), a.max(b), 1 + random.below(4))
            }
            _ => part(random, 1, 31, 9),
        };
        Parts {
            weekdays,
            month: part(random, 1, 12, 20),
            day,
            from_end,
            hour: part(random, 0, 23, 6),
            minute: part(random, 0, 59, 5),
            second: if with_seconds { part(random, 0, 59, 5) } else { "0".into() },
        }
    }

    pub(super) fn text(&self) -> String {
        let Parts { weekdays, month, day, hour, minute, second, .. } = self;
        let mark = if self.from_end { '~' } else { '-' };
        format!("{weekdays} *-{month}{mark}{day} {hour}:{minute}:{second}").trim().to_owned()
    }

    /// Whether it is to follow real time.
    fn recurs(&self) -> bool {
        let open = |item: &str| item == "*" || (item.contains('/') && !item.contains(".."));
        [&self.hour, &self.minute, &self.second].iter().any(|part| part.split(',').any(open))
    }

    fn matches(&self, at: NaiveDateTime) -> bool {
        let next_month = NaiveDate::from_ymd_opt(at.year(), at.month(), 1).expect("a date") + Months::new(1);
        let length = next_month.pred_opt().expect("a date").day();
        let day = if self.from_end { length + 1 - at.day() } else { at.day() };
        self.matches_weekday(&at.format("%a").to_string())
            && matches(&self.month, at.month(), false)
            && matches(&self.day, day, self.from_end)
            && matches(&self.hour, at.hour(), false)
            && matches(&self.minute, at.minute(), false)
            && matches(&self.second, at.second(), false)
    }

    fn matches_weekday(&self, day: &str) -> bool {
        let number = |day: &str| "MonTueWedThuFriSatSun".find(day).expect("a weekday");
        self.weekdays.is_empty()
            || self.weekdays.split(',').any(|item| {
                let (first, last) = item.split_once("..").unwrap_or((item, item));
                (number(first)..=number(last)).contains(&number(day))
            })
    }
}

/// Whether a part of the text matches a value; an evaluator as plain as can be.
fn matches(part: &str, value: u32, from_end: bool) -> bool {
    let number = |text: &str| text.parse::<u32>().expect("a number");
    part.split(',').any(|item| {
        let (range, step) = item.split_once('/').unwrap_or((item, "0"));
        let step = number(step);
        match range.split_once("..") {
            _ if range == "*" => true,
            Some((low, high)) => {
                let (low, high) = (number(low), number(high));
                low <= value && value <= high && (value - low).is_multiple_of(step.max(1))
            }
            None if step == 0 => value == number(range),
            None if from_end => value <= number(range) && (number(range) - value).is_multiple_of(step),
            None => number(range) <= value && (value - number(range)).is_multiple_of(step),
        }
    })
}

/// Every fire time in `from <= t < until`, in order, as one who watches the clock on the wall sees them.
fn watch(
    zone: &str,
    step: i64,
    recurs: bool,
    matches: impl Fn(NaiveDateTime) -> bool,
    (from, until): (i64, i64),
) -> Vec<DateTime<Utc>> {
    let zone = TimeZoneDatabase::bundled().get(zone).expect("a zone");
    let offset = |second: i64| {
        let at = jiff::Timestamp::from_second(second).expect("in range");
        i64::from(zone.to_offset(at).seconds())
    };
    let is_due = |local: i64| matches(DateTime::from_timestamp(local, 0).expect("in range").naive_utc());
    // From a while before, so that a fold is known as one.
    let begin = from - 4 * 3600;
    let (mut latest, mut before, mut found) = (i64::MIN, offset(begin), Vec::new());
    let mut second = begin;
    while second < until {
        let now = offset(second);
        let (local, jump) = (second + now, now - before);
        if jump < -3 * 3600 {
            latest = i64::MIN;
        }
        let skipped = if jump <= 3 * 3600 { local - jump.max(0)..local } else { 0..0 };
        let mut skipped = skipped.step_by(usize::try_from(step).expect("small"));
        let made_up = !recurs && skipped.any(is_due);
        let held_back = !recurs && local <= latest;
        if second >= from && (made_up || (is_due(local) && !held_back)) {
            found.push(DateTime::from_timestamp(second, 0).expect("in range"));
        }
        (latest, before) = (latest.max(local), now);
        second += step;
    }
    found
}

/// Compares forwards, backwards and counted.
#[track_caller]
fn compare(schedule: &Schedule, expected: &[DateTime<Utc>], (from, until): (i64, i64), what: &str) {
    let just_before =
        |second| DateTime::from_timestamp(second, 0).expect("in range") - TimeDelta::nanoseconds(1);
    let (first, last) = (just_before(from), just_before(until));
    let found: Vec<_> = schedule.upcoming(first).take_while(|at| *at <= last).collect();
    assert_eq!(found, expected, "{what}: forwards");
    let back = std::iter::successors(schedule.prev_before(last), |at| schedule.prev_before(*at));
    let mut back: Vec<_> = back.take_while(|at| *at > first).collect();
    back.reverse();
    assert_eq!(back, expected, "{what}: backwards");
    assert_eq!(schedule.count_between(first, last), expected.len() as u64, "{what}: counted");
}

/// Compares so many random events, each from a seed of its own; returns how many fire times they had.
fn compare_events(seeds: std::ops::Range<u64>, with_seconds: bool, length: i64) -> usize {
    let mut fired = 0;
    for seed in seeds {
        let mut random = Random::of(seed);
        let parts = Parts::random(&mut random, with_seconds);
        let zone_name = ZONES[random.below(10) as usize];
        let from = near_a_change(&mut random, zone_name);
        let span = (from, from + length);
        let step = if with_seconds { 1 } else { 60 };
        let expected = watch(zone_name, step, parts.recurs(), |at| parts.matches(at), span);
        let what = format!("seed {seed}: `{}` in {zone_name} from {from}", parts.text());
        compare(&calendar(&parts.text(), &zone(zone_name)), &expected, span, &what);
        fired += expected.len();
    }
    fired
}

#[test]
fn events_agree_with_the_oracle_around_changes() {
    let fired = compare_events(1..500, false, 2 * 86_400) + compare_events(1..25, true, 6 * 3600);
    println!("{fired} fire times of 523 random events agree");
}

#[test]
fn counting_events_over_years_agrees_with_enumerating() {
    for seed in 1..60 {
        let mut random = Random::of(seed);
        let parts = Parts { minute: "30".into(), ..Parts::random(&mut random, false) };
        let schedule = calendar(&parts.text(), &zone(ZONES[random.below(10) as usize]));
        let from = DateTime::from_timestamp(random.below(2_000_000_000).into(), 0).expect("in range");
        let until = from + TimeDelta::days(800);
        let enumerated = schedule.upcoming(from).take_while(|at| *at <= until).count() as u64;
        assert_eq!(schedule.count_between(from, until), enumerated, "seed {seed}: `{}`", parts.text());
    }
}

#[test]
fn counting_several_kinds_together_agrees_with_enumerating() {
    for seed in 1..12 {
        let mut random = Random::of(seed);
        let zone = zone(ZONES[random.below(10) as usize]);
        let event = Parts::random(&mut random, false).text();
        let interval = Trigger::interval("1 day", "2020-01-31T02:30", ShortMonth::Skip, &zone);
        let triggers = vec![
            Trigger::calendar(&event, &zone).expect("a sound calendar event"),
            Trigger::cron("*/10 * * * *", &zone).expect("a sound expression"),
            interval.expect("a sound interval"),
        ];
        let schedule = ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build();
        let from = i64::from(1_500_000_000 + random.below(200_000_000));
        let from = DateTime::from_timestamp(from, 0).expect("in range");
        let until = from + TimeDelta::days(60);
        let enumerated = schedule.upcoming(from).take_while(|at| *at <= until).count() as u64;
        assert_eq!(schedule.count_between(from, until), enumerated, "seed {seed}: `{event}` in {zone}");
    }
}

/// The days of an interval, one after another, by chrono.
fn days_of(number: u32, unit: &str, start: NaiveDateTime, last: bool) -> impl Iterator<Item = NaiveDateTime> {
    let unit = unit.to_owned();
    (0..)
        .map_while(move |n| {
            let n = n * number;
            match &*unit {
                "days" => start.checked_add_days(Days::new(n.into())).map(Some),
                "weeks" => start.checked_add_days(Days::new(u64::from(n) * 7)).map(Some),
                _ => {
                    let months = if unit == "years" { n * 12 } else { n };
                    let at = start.checked_add_months(Months::new(months))?;
                    Some(Some(at).filter(|at| last || at.day() == start.day()))
                }
            }
        })
        .flatten()
}

#[test]
fn intervals_agree_with_the_oracle_around_changes() {
    let (mut fired, mut random) = (0, Random::of(600));
    for case in 0..600 {
        let zone_name = ZONES[random.below(10) as usize];
        let from = near_a_change(&mut random, zone_name);
        let span = (from, from + 3 * 86_400);
        let unit = ["days", "weeks", "months", "years"][random.below(4) as usize];
        let number = 1 + random.below(2);
        let before = DateTime::from_timestamp(from, 0).expect("in range").naive_utc().date();
        let earlier = TimeDelta::days(i64::from(random.below(4)) * 365 + i64::from(random.below(4)));
        let time = before.and_hms_opt(random.below(24), random.below(60), 0).expect("a time");
        let start = time - earlier;
        let (short_month, last) =
            if random.below(2) == 0 { (ShortMonth::Skip, false) } else { (ShortMonth::Last, true) };
        let end = time + TimeDelta::days(9);
        let days: Vec<_> = days_of(number, unit, start, last).take_while(|at| *at < end).collect();
        let expected = watch(zone_name, 60, false, |at| days.contains(&at), span);
        let text = format!("{number} {unit}");
        let written = start.format("%Y-%m-%dT%H:%M").to_string();
        let zone = zone(zone_name);
        let trigger = Trigger::interval(&text, &written, short_month, &zone).expect("a sound interval");
        let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
        let what = format!("case {case}: {text} from {written} ({short_month:?}) in {zone_name}");
        compare(&schedule, &expected, span, &what);
        fired += expected.len();
    }
    println!("{fired} fire times of 600 random intervals agree");
}
