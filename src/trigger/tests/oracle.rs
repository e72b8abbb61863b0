//! An oracle on its own code path: it walks real time second by second (or minute by minute), asks jiff for
//! the local time, matches the text's fields one by one, and applies the rule of gaps and folds by what it
//! sees pass. Random expressions, zones and instants around changes of the clock are compared with it.

use super::{cron, zone};
use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Timelike, Utc};
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

/// xorshift64: the same cases in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(below)).expect("it is below a u32")
    }

    fn field(&mut self, first: u32, last: u32, star_in: u32) -> String {
        let value = |random: &mut Random| first + random.below(last - first + 1);
        match self.below(star_in) {
            0 => {
                let (a, b) = (value(self), value(self));
                format!("{}-{}", a.min(b), a.max(b))
            }
            1 => format!("*/{}", 1 + self.below(last - first + 1)),
            2 => format!("{},{}", value(self), value(self)),
            3 => value(self).to_string(),
            4 => {
                let (a, b) = (value(self), value(self));
                format!("{}-{}/{}", a.min(b), a.max(b), 1 + self.below(5))
            }
            _ => "*".into(),
        }
    }
}

/// Whether a field of the text matches a value; an evaluator as plain as can be.
fn matches(field: &str, value: u32, first: u32, last: u32) -> bool {
    field.split(',').any(|item| {
        let (range, step) = item.split_once('/').unwrap_or((item, "1"));
        let step: u32 = step.parse().expect("a number");
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (first, last),
            Some((low, high)) => (low.parse().expect("a number"), high.parse().expect("a number")),
            None => {
                let value: u32 = range.parse().expect("a number");
                (value, value)
            }
        };
        low <= value && value <= high && (value - low).is_multiple_of(step)
    })
}

struct Oracle {
    fields: Vec<String>,
    zone: jiff::tz::TimeZone,
    step: i64,
}

impl Oracle {
    fn new(expression: &str, zone: &str) -> Oracle {
        let mut fields: Vec<String> = expression.split_whitespace().map(str::to_owned).collect();
        let step = if fields.len() == 5 { 60 } else { 1 };
        if fields.len() == 5 {
            fields.insert(0, "0".into());
        }
        let zone = TimeZoneDatabase::bundled().get(zone).expect("a zone");
        Oracle { fields, zone, step }
    }

    fn offset(&self, second: i64) -> i64 {
        let at = jiff::Timestamp::from_second(second).expect("in range");
        self.zone.to_offset(at).seconds().into()
    }

    fn matches_local(&self, local: i64) -> bool {
        let at = Utc.timestamp_opt(local, 0).single().expect("in range");
        let fields = &self.fields;
        let day = matches(&fields[3], at.day(), 1, 31);
        let weekday = at.weekday().num_days_from_sunday();
        let weekday = matches(&fields[5], weekday, 0, 6) || (weekday == 0 && matches(&fields[5], 7, 0, 6));
        let both = fields[3].starts_with('*') || fields[5].starts_with('*');
        matches(&fields[0], at.second(), 0, 59)
            && matches(&fields[1], at.minute(), 0, 59)
            && matches(&fields[2], at.hour(), 0, 23)
            && matches(&fields[4], at.month(), 1, 12)
            && if both { day && weekday } else { day || weekday }
    }

    /// Every fire time in `from <= t < until`, in order.
    fn fire_times(&self, from: i64, until: i64) -> Vec<i64> {
        let recurring = self.fields[..3].iter().any(|field| field.starts_with('*'));
        let mut found = Vec::new();
        // The latest local time that was seen, from a while before, so that a fold is known as one.
        let mut seen = i64::MIN;
        let mut before = self.offset(from - 4 * 3600);
        for second in (from - 4 * 3600..until).step_by(usize::try_from(self.step).expect("small")) {
            let offset = self.offset(second);
            let local = second + offset;
            let jump = offset - before;
            if jump < -3 * 3600 {
                seen = i64::MIN;
            }
            let made_up = !recurring
                && (1..=3 * 3600).contains(&jump)
                && (local - jump..local)
                    .step_by(usize::try_from(self.step).expect("small"))
                    .any(|at| self.matches_local(at));
            let held_back = !recurring && local <= seen;
            if second >= from && (made_up || (self.matches_local(local) && !held_back)) {
                found.push(second);
            }
            seen = seen.max(local);
            before = offset;
        }
        found
    }
}

fn instants(seconds: &[i64]) -> Vec<DateTime<Utc>> {
    seconds.iter().map(|second| Utc.timestamp_opt(*second, 0).single().expect("in range")).collect()
}

#[track_caller]
fn compare(expression: &str, zone_name: &str, from: i64, length: i64) {
    let expected = instants(&Oracle::new(expression, zone_name).fire_times(from, from + length));
    let schedule = cron(expression, &zone(zone_name));
    let at = |second: i64| Utc.timestamp_opt(second, 0).single().expect("in range");
    let (first, last) = (at(from) - TimeDelta::nanoseconds(1), at(from + length) - TimeDelta::nanoseconds(1));
    let found: Vec<_> = schedule.upcoming(first).take_while(|at| *at <= last).collect();
    let what = format!("`{expression}` in {zone_name} from {}", at(from));
    assert_eq!(found, expected, "{what}: forwards");
    let back = std::iter::successors(schedule.prev_before(last), |at| schedule.prev_before(*at));
    let mut back: Vec<_> = back.take_while(|at| *at > first).collect();
    back.reverse();
    assert_eq!(back, expected, "{what}: backwards");
    assert_eq!(schedule.count_between(first, last), expected.len() as u64, "{what}: counted");
}

/// An instant near a change of the zone's clock, or anywhere if it has none.
pub(super) fn near_a_change(random: &mut Random, zone: &str) -> i64 {
    let anywhere = i64::from(random.below(2_000_000_000)) / 60 * 60;
    let zone = TimeZoneDatabase::bundled().get(zone).expect("a zone");
    let after = jiff::Timestamp::from_second(anywhere).expect("in range");
    let change = zone.following(after).next().map_or(anywhere, |change| change.timestamp().as_second());
    (change - i64::from(random.below(86_400))) / 60 * 60
}

#[test]
fn minutes_agree_with_the_oracle_around_changes() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..400 {
        let fields = [
            random.field(0, 59, 7),
            random.field(0, 23, 8),
            random.field(1, 31, 12),
            random.field(1, 12, 20),
            random.field(0, 6, 12),
        ];
        let zone = ZONES[random.below(10) as usize];
        let from = near_a_change(&mut random, zone);
        compare(&fields.join(" "), zone, from, 2 * 86_400);
    }
}

#[test]
fn seconds_agree_with_the_oracle_around_changes() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..25 {
        let fields = [
            random.field(0, 59, 5),
            random.field(0, 59, 6),
            random.field(0, 23, 9),
            "*".into(),
            "*".into(),
            random.field(0, 6, 20),
        ];
        let zone = ZONES[random.below(10) as usize];
        let from = near_a_change(&mut random, zone);
        compare(&fields.join(" "), zone, from, 6 * 3600);
    }
}

#[test]
fn counting_over_years_agrees_with_enumerating() {
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..60 {
        let fields = [
            random.below(60).to_string(),
            random.field(0, 23, 8),
            random.field(1, 31, 12),
            random.field(1, 12, 9),
            random.field(0, 6, 12),
        ];
        let zone_name = ZONES[random.below(10) as usize];
        let schedule = cron(&fields.join(" "), &zone(zone_name));
        let from = Utc.timestamp_opt(i64::from(random.below(2_000_000_000)), 0).single().expect("in range");
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
