//! An oracle on its own code path: it walks real time minute by minute (or second by second), asks jiff for the
//! local time, matches the text's items one by one, and applies a job's choice for gaps and folds by what it sees
//! pass. Random expressions of the whole dialect (but for `H`, which is drawn) are compared with it, in every
//! zone, around changes of its clock: forwards, backwards, by jumps, and counted.
//!
//! `cargo test` looks at one change in each zone, a few seconds. `RUNNER_ORACLE=long` looks at every change from
//! 1970 to 2060 and the historical ones before, several expressions each (some minutes; `--release` is faster,
//! `--nocapture` shows how many comparisons there were). A difference names the seed of its case:
//! `RUNNER_ORACLE_SEED=N` runs that one alone.

use super::{cron, utc, zone};
use crate::trigger::{Dst, Fold, Gap, ScheduleBuilder, Trigger, zone_data};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, TimeZone, Utc};
use jiff::tz::TimeZoneDatabase;
use std::collections::HashMap;
use std::ops::Range;

const HOUR: i64 = 3600;
/// Longer jumps are corrections of the clock.
const JUMP_MAX: i64 = 3 * HOUR;

/// xorshift64: the same cases for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn of(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The first ones are alike for seeds that are.
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    pub(super) fn below(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(below)).expect("it is below a u32")
    }

    pub(super) fn within(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(u32::try_from(of.len()).expect("few")) as usize]
    }

    /// A field without marks; one of `star_in` is no star.
    fn field(&mut self, first: u32, last: u32, star_in: u32) -> String {
        let step = |random: &mut Random| 1 + random.below(last - first + 4);
        match self.below(star_in) {
            // Wrapped in half of the cases.
            0 => format!("{}-{}", self.within(first, last), self.within(first, last)),
            1 => format!("*/{}", step(self)),
            2 => (0..=self.below(3))
                .map(|_| self.within(first, last).to_string())
                .collect::<Vec<_>>()
                .join(","),
            3 => self.within(first, last).to_string(),
            4 => format!("{}-{}/{}", self.within(first, last), self.within(first, last), step(self)),
            5 => format!("{}/{}", self.within(first, last), step(self)),
            _ => "*".into(),
        }
    }

    fn day_of_month(&mut self) -> String {
        let item = |random: &mut Random| match random.below(6) {
            0 => "L".to_owned(),
            1 => format!("L-{}", random.within(1, 30)),
            2 => "LW".into(),
            3 => format!("{}W", random.within(1, 31)),
            _ => random.within(1, 31).to_string(),
        };
        match self.below(8) {
            0 => (0..=self.below(3)).map(|_| item(self)).collect::<Vec<_>>().join(","),
            1 => self.field(1, 31, 6),
            2 => "?".into(),
            _ => "*".into(),
        }
    }

    fn day_of_week(&mut self) -> String {
        const NAMES: [&str; 9] = ["SUN", "mon", "Tue", "wed", "THU", "fri", "sat", "0", "7"];
        let item = |random: &mut Random| match random.below(5) {
            0 => format!("{}#{}", random.one(&NAMES), random.within(1, 5)),
            1 => format!("{}L", random.below(8)),
            2 => format!("{}#L", random.one(&NAMES)),
            3 => format!("{}-{}", random.one(&NAMES), random.one(&NAMES)),
            _ => random.one(&NAMES).into(),
        };
        let plus = if self.below(4) == 0 { "+" } else { "" };
        match self.below(6) {
            0 => plus.to_owned() + &(0..=self.below(3)).map(|_| item(self)).collect::<Vec<_>>().join(","),
            1 => plus.to_owned() + &self.field(0, 6, 6),
            2 => "?".into(),
            _ => "*".into(),
        }
    }

    pub(super) fn expression(&mut self) -> String {
        let mut fields = vec![
            self.field(0, 59, 8),
            self.field(0, 23, 9),
            self.day_of_month(),
            self.field(1, 12, 25),
            self.day_of_week(),
        ];
        if self.below(4) == 0 {
            fields.insert(0, self.field(0, 59, 7));
            if self.below(3) == 0 {
                fields.push(self.one(&["*", "*/2", "1971/2", "1970-2030", "1990-2100"]).into());
            }
        }
        fields.join(" ")
    }

    fn dst(&mut self) -> Dst {
        let gap = self.one(&[None, None, Some(Gap::After), Some(Gap::Skip)]);
        let fold = self.one(&[None, None, Some(Fold::First), Some(Fold::Last), Some(Fold::Both)]);
        Dst { gap, fold }
    }
}

/// Whether a plain field of the text matches a value; an evaluator as plain as can be.
fn matches(field: &str, value: u32, first: u32, last: u32) -> bool {
    field.split(',').any(|item| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let number = |text: &str| value_of(text).expect("a number");
        let (low, high) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (first, last),
            Some((low, high)) => (number(low), number(high)),
            None if step.is_some() => (number(range), last),
            None => (number(range), number(range)),
        };
        let step = step.map_or(1, number);
        // Up from the lowest value, around the end of the field, until the highest.
        let mut at = low;
        let mut place = 0;
        loop {
            if place % step == 0 && at % (last + 1) == value {
                return true;
            }
            if at == high {
                return false;
            }
            (at, place) = (if at == last && high < low { first } else { at + 1 }, place + 1);
        }
    })
}

fn value_of(text: &str) -> Option<u32> {
    let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let named = days.iter().position(|day| text.eq_ignore_ascii_case(day));
    named.and_then(|day| u32::try_from(day).ok()).or_else(|| text.parse().ok())
}

fn days_in_month(date: NaiveDate) -> u32 {
    let first = date.with_day(1).expect("there is a first");
    (28..=31).rev().find(|day| first.with_day(*day).is_some()).expect("28 at least")
}

fn matches_day_of_month(field: &str, date: NaiveDate) -> bool {
    let last = days_in_month(date);
    field.split(',').any(|item| {
        if item == "L" {
            return date.day() == last;
        }
        if let Some(back) = item.strip_prefix("L-") {
            return date.day() + back.parse::<u32>().expect("a number") == last;
        }
        let Some(day) = item.strip_suffix('W') else { return matches(item, date.day(), 1, 31) };
        let day = if day == "L" { last } else { day.parse().expect("a number") };
        let Some(wanted) = date.with_day(day) else { return false };
        let month = [1, -1, 2, -2].map(|days| wanted + TimeDelta::days(days));
        let is_workday = |day: &NaiveDate| (1..=5).contains(&day.weekday().num_days_from_sunday());
        let near = [wanted].into_iter().chain(month);
        near.filter(is_workday).find(|day| day.month() == wanted.month()) == Some(date)
    })
}

fn matches_day_of_week(field: &str, date: NaiveDate) -> bool {
    let weekday = date.weekday().num_days_from_sunday();
    field.split(',').any(|item| {
        let is = |day: &str| value_of(day).expect("a weekday") % 7 == weekday;
        if let Some((day, which)) = item.split_once('#').filter(|(_, which)| *which != "L") {
            return is(day) && (date.day() - 1) / 7 + 1 == which.parse::<u32>().expect("a number");
        }
        if let Some(day) = item.strip_suffix("#L").or_else(|| item.strip_suffix('L')) {
            return is(day) && date.day() + 7 > days_in_month(date);
        }
        // Sunday has two numbers, of which a range may end or begin with either.
        match item.split_once('-') {
            Some((low, high)) if !high.contains('/') => {
                let (low, high) = (value_of(low).expect("a weekday"), value_of(high).expect("a weekday"));
                let mut day = low;
                loop {
                    if day % 7 == weekday {
                        return true;
                    }
                    if day == high || (day % 7 == high % 7 && day > low) || (low == 7 && day == high + 7) {
                        return false;
                    }
                    day += 1;
                }
            }
            _ if item == "7" => weekday == 0,
            _ => matches(item, weekday, 0, 6),
        }
    })
}

struct Oracle {
    fields: Vec<String>,
    /// Which seconds, minutes and hours match.
    clock: [Vec<bool>; 3],
    days: HashMap<NaiveDate, bool>,
    zone: jiff::tz::TimeZone,
    gap_fires: bool,
    fold: Fold,
}

impl Oracle {
    fn new(expression: &str, dst: Dst, zone: &jiff::tz::TimeZone) -> Oracle {
        let mut fields: Vec<String> = expression.split_whitespace().map(str::to_owned).collect();
        if fields.len() == 5 {
            fields.insert(0, "0".into());
        }
        let recurring = fields[..3].iter().any(|field| field.starts_with('*'));
        let table =
            |field: &str, size: u32| (0..size).map(|value| matches(field, value, 0, size - 1)).collect();
        Oracle {
            clock: [table(&fields[0], 60), table(&fields[1], 60), table(&fields[2], 24)],
            days: HashMap::new(),
            zone: zone.clone(),
            gap_fires: dst.gap.map_or(!recurring, |gap| gap == Gap::After),
            fold: dst.fold.unwrap_or(if recurring { Fold::Both } else { Fold::First }),
            fields,
        }
    }

    fn matches_day(&mut self, date: NaiveDate) -> bool {
        let fields = &self.fields;
        *self.days.entry(date).or_insert_with(|| {
            let star = |field: &str| field.starts_with(['*', '?']);
            let week = fields[5].trim_start_matches('+');
            let (by_month, by_week) =
                (matches_day_of_month(&fields[3], date), matches_day_of_week(week, date));
            let both = star(&fields[3]) || star(week) || fields[5].starts_with('+');
            let year = fields.get(6).is_none_or(|years| {
                let year = u32::try_from(date.year()).expect("after Christ");
                years == "*" || ((1970..=2100).contains(&year) && matches(years, year, 1970, 2100))
            });
            year && matches(&fields[4], date.month(), 1, 12)
                && if both { by_month && by_week } else { by_month || by_week }
        })
    }

    fn matches_local(&mut self, local: i64) -> bool {
        let second = local.rem_euclid(86_400);
        let [of_minute, of_hour, of_day] = [second % 60, second / 60 % 60, second / HOUR];
        let has = |table: &Vec<bool>, value: i64| table[usize::try_from(value).expect("small")];
        has(&self.clock[0], of_minute)
            && has(&self.clock[1], of_hour)
            && has(&self.clock[2], of_day)
            && self.matches_day(Utc.timestamp_opt(local, 0).single().expect("in range").date_naive())
    }

    /// Every fire time in `range`, in order: those that match, less those that the fold holds back. Local times
    /// are the same pass of the same time if no correction of the clock lies in between.
    fn fire_times(&mut self, range: &Range<i64>) -> Vec<i64> {
        let offset = |zone: &jiff::tz::TimeZone, second: i64| {
            i64::from(zone.to_offset(jiff::Timestamp::from_second(second).expect("in range")).seconds())
        };
        // From a while before until a while after, so that a fold is known as one.
        let seen = range.start - 4 * HOUR..range.end + 4 * HOUR;
        let changes = (seen.start..seen.end).step_by(60).map(|second| offset(&self.zone, second));
        let minutes = self.fields[0] == "0" && changes.into_iter().all(|offset| offset % 60 == 0);
        let step = if minutes { 60 } else { 1 };
        let (mut before, mut corrections) = (offset(&self.zone, seen.start), 0);
        let (mut found, mut passes) = (Vec::new(), HashMap::<_, Vec<i64>>::new());
        for second in seen.step_by(step) {
            let now = offset(&self.zone, second);
            let (local, jump) = (second + now, now - before);
            if jump.abs() > JUMP_MAX {
                corrections += 1;
            }
            let in_gap = (1..=JUMP_MAX).contains(&jump) && self.gap_fires;
            if in_gap && (local - jump..local).step_by(step).any(|at| self.matches_local(at)) {
                found.push(second);
            }
            if self.matches_local(local) {
                passes.entry((corrections, local)).or_default().push(second);
            }
            before = now;
        }
        for mut pass in passes.into_values() {
            match self.fold {
                Fold::First => pass.truncate(1),
                Fold::Last => drop(pass.drain(..pass.len() - 1)),
                Fold::Both => {}
            }
            found.extend(pass);
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|second| range.contains(second));
        found
    }
}

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(second, 0).single().expect("in range")
}

/// Compares one random expression in `zone_name` with the oracle, around the instant `change`; returns how many
/// answers were compared.
fn compare(seed: u64, zone_name: &str, known: &jiff::tz::TimeZone, change: i64) -> usize {
    let mut random = Random::of(seed);
    let (expression, dst) = (random.expression(), random.dst());
    let seconds = expression.split_whitespace().count() > 5 || change < 0;
    // Around the change, which falls anywhere in it.
    let length = if seconds { 2 * HOUR } else { i64::from(random.within(6, 48)) * HOUR };
    let from = (change - i64::from(random.below(u32::try_from(length).expect("small")))).div_euclid(60) * 60;
    let range = from..from + length;
    let expected: Vec<_> =
        Oracle::new(&expression, dst, known).fire_times(&range).into_iter().map(at).collect();
    let trigger = Trigger::cron(&expression, &zone(zone_name)).expect("a sound expression").with_dst(dst);
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let (first, last) =
        (at(range.start) - TimeDelta::nanoseconds(1), at(range.end) - TimeDelta::nanoseconds(1));
    let what = || {
        let from = at(from);
        format!("`{expression}` with {dst:?} in {zone_name} from {from} (RUNNER_ORACLE_SEED={seed})")
    };
    let found: Vec<_> = schedule.upcoming(first).take_while(|at| *at <= last).collect();
    assert_eq!(found, expected, "{}: forwards", what());
    let back = std::iter::successors(schedule.prev_before(last), |at| schedule.prev_before(*at));
    let mut back: Vec<_> = back.take_while(|at| *at > first).collect();
    back.reverse();
    assert_eq!(back, expected, "{}: backwards", what());
    assert_eq!(schedule.count_between(first, last), expected.len() as u64, "{}: counted", what());
    for _ in 0..8 {
        let middle = at(from + i64::from(random.below(u32::try_from(length).expect("small"))));
        let (passed, to_come) = expected.split_at(expected.partition_point(|at| *at <= middle));
        let next = schedule.next_after(middle).filter(|at| *at <= last);
        assert_eq!(next.as_ref(), to_come.first(), "{}: after {middle}", what());
        let prev = schedule.prev_before(middle + TimeDelta::nanoseconds(1)).filter(|at| *at > first);
        assert_eq!(prev.as_ref(), passed.last(), "{}: until {middle}", what());
        let count = schedule.count_between(middle, last);
        assert_eq!(count, to_come.len() as u64, "{}: counted from {middle}", what());
    }
    // Each fire time three times, that there are no others twice, the whole count, and the jumps.
    3 * expected.len() + 3 + 24
}

/// The zones of the data in use, each with its changes until 2060.
fn zones() -> Vec<(String, jiff::tz::TimeZone, Vec<i64>)> {
    let database = match &*zone_data().source {
        "bundled" => TimeZoneDatabase::bundled(),
        folder => TimeZoneDatabase::from_dir(folder).expect("the folder in use"),
    };
    let until = jiff::Timestamp::from_second(2_840_140_800).expect("2060");
    let mut names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    names.sort();
    let changes = |name: String| {
        let zone = database.get(&name).expect("an available zone");
        let changes = zone.following(jiff::Timestamp::MIN).take_while(|change| change.timestamp() < until);
        let changes = changes.map(|change| change.timestamp().as_second()).collect();
        (name, zone, changes)
    };
    names.into_iter().map(changes).collect()
}

#[expect(clippy::disallowed_methods, reason = "how long the test may take is a setting of the test run")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn any_expression_in_any_zone_agrees_with_the_oracle_around_changes_of_the_clock() {
    let long = setting("RUNNER_ORACLE").is_some_and(|form| form == "long");
    let only: Option<u64> = setting("RUNNER_ORACLE_SEED").and_then(|seed| seed.parse().ok());
    let (zones, mut compared, mut cases) = (zones(), 0, 0);
    for (number, (name, known, changes)) in (0u64..).zip(&zones) {
        let mut random = Random::of(number);
        let anywhere = i64::from(random.below(2_000_000_000));
        let chosen: Vec<i64> = match (long, &**changes) {
            (_, []) => vec![anywhere],
            (true, changes) => changes.iter().flat_map(|change| [*change; 3]).collect(),
            (false, changes) => {
                let recent = &changes[changes.partition_point(|change| *change < 0)..];
                let recent = if recent.is_empty() { changes } else { recent };
                vec![random.one(recent)]
            }
        };
        for (index, change) in (0..).zip(chosen) {
            let seed = number * 100_000 + index;
            if only.is_none_or(|only| only == seed) {
                compared += compare(seed, name, known, change);
                cases += 1;
            }
        }
    }
    println!("{compared} answers compared in {cases} cases, {} zones", zones.len());
    assert!(cases > 0, "RUNNER_ORACLE_SEED names a case of this form of the test");
}

#[test]
fn counting_over_years_agrees_with_enumerating() {
    let mut random = Random::of(7);
    for _ in 0..60 {
        let fields = [
            random.below(60).to_string(),
            random.field(0, 23, 8),
            random.day_of_month(),
            random.field(1, 12, 9),
            random.day_of_week(),
        ];
        let zone_name =
            random.one(&["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Dublin"]);
        let schedule = cron(&fields.join(" "), &zone(zone_name));
        let from = at(i64::from(random.below(2_000_000_000)));
        let until = from + TimeDelta::days(800);
        let enumerated = schedule.upcoming(from).take_while(|at| *at <= until).count() as u64;
        assert_eq!(
            schedule.count_between(from, until),
            enumerated,
            "`{}` in {zone_name} from {from}",
            fields.join(" ")
        );
    }
}

#[test]
fn a_search_for_what_never_is_ends_at_both_ends_of_time() {
    for expression in ["0 0 31 2 *", "0 0 L-30 2 *", "0 0 30W 2 *", "0 0 29 2 +1#1", "0 0 0 31 4 * 2030-2040"]
    {
        for zone_name in ["UTC", "America/New_York", "Africa/Casablanca"] {
            let schedule = cron(expression, &zone(zone_name));
            for from in ["0001-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z"].map(utc) {
                assert_eq!(schedule.next_after(from), None, "{expression}");
                assert_eq!(schedule.prev_before(from), None, "{expression}");
            }
            assert_eq!(schedule.count_between(utc("1900-01-01T00:00:00Z"), utc("2900-01-01T00:00:00Z")), 0);
            assert_eq!(schedule.next_after(DateTime::<Utc>::MIN_UTC), None);
            assert_eq!(schedule.next_after(DateTime::<Utc>::MAX_UTC), None);
            assert_eq!(schedule.prev_before(DateTime::<Utc>::MIN_UTC), None);
            assert_eq!(schedule.prev_before(DateTime::<Utc>::MAX_UTC), None);
        }
    }
}
