//! What an expression means, in plain English: from the masks that fire, so that two texts that fire alike read
//! alike, and two that do not do not.

use super::{Cron, YEAR_NAMED_MAX, bits};
use crate::trigger::calendar::WEEKDAYS;
use std::fmt;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WHICH: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "last"];

/// One field of a cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronField {
    /// `minute`, `day of the month` and so on.
    pub name: &'static str,
    /// As it is written.
    pub text: String,
    /// Its values, in words.
    pub means: String,
}

/// So many times of a day are named one by one, or a few more at one minute of several hours.
const TIMES_MAX: usize = 4;
const HOURS_MAX: usize = 6;

/// How the values of a field lie.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    All,
    One(i64),
    /// At the same distance, around the end of the field too.
    Every {
        step: i64,
        first: i64,
    },
    Run {
        first: i64,
        last: i64,
    },
    Stepped {
        step: i64,
        first: i64,
        last: i64,
    },
    /// With what lies in a row as ranges.
    List(Vec<String>),
}

use Shape::{All, Every, List, One, Run, Stepped};

impl Shape {
    /// The values of a mask, of which there may be `first` to `last`.
    fn of(mask: u64, first: i64, last: i64) -> Shape {
        Shape::of_values(&bits(mask).collect::<Vec<_>>(), first, last)
    }

    fn of_values(values: &[i64], lowest: i64, highest: i64) -> Shape {
        let size = highest - lowest + 1;
        let (first, last) = (values[0], values[values.len() - 1]);
        let step = values.get(1).map_or(0, |second| second - first);
        let even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
        match values.len() {
            1 => One(first),
            count if i64::try_from(count) == Ok(size) => All,
            _ if even && size % step == 0 && first - lowest < step && last + step > highest => {
                Every { step, first }
            }
            3.. if even && step == 1 => Run { first, last },
            3.. if even => Stepped { step, first, last },
            // On a clock the first value comes after the last one; years and days of a month begin anew.
            _ => List(in_ranges(values, (lowest == 0).then_some(size))),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, is_long) = self.times();
        let hours = Shape::of(self.hours.into(), 0, 23);
        let goes_on = hours == All || (!is_long && time.ends_with(" hours"));
        let days = self.on_days().or((!goes_on).then(|| "every day".to_owned()));
        let comma = if is_long { ", " } else { " " };
        let rest: Vec<String> = days.into_iter().chain(self.in_months()).chain(self.in_years()).collect();
        if rest.is_empty() { write!(f, "{time}") } else { write!(f, "{time}{comma}{}", rest.join(" ")) }
    }
}

impl Cron {
    /// The times of a day, and whether there is so much to say of them that a comma stands behind it.
    fn times(&self) -> (String, bool) {
        let [seconds, minutes] = [self.seconds, self.minutes].map(|mask| Shape::of(mask, 0, 59));
        let hours = Shape::of(self.hours.into(), 0, 23);
        let count = usize::try_from(self.times_a_day()).unwrap_or(usize::MAX);
        let alone = seconds == One(0);
        let listed = alone && matches!((&minutes, &hours), (One(_), List(_))) && count <= HOURS_MAX;
        if count <= TIMES_MAX || listed {
            return (format!("at {}", join(self.clock_times())), false);
        }
        if !alone {
            let text =
                format!("{}{}", recurring("second", &seconds), within_minutes(&seconds, &minutes, &hours));
            let is_long = text.contains(" in ") || text.contains(" past ");
            return (text, is_long);
        }
        let at = |hour: i64, minute: i64| clock(hour, minute, None);
        match (&minutes, &hours) {
            (All | Every { .. }, All) => (recurring("minute", &minutes), false),
            (One(0), All) => ("every hour".into(), false),
            (One(minute), All) => (format!("at minute {minute} of every hour"), false),
            (One(0), Every { step, first: 0 }) => (format!("every {step} hours"), false),
            (One(minute), Every { step, first }) => {
                (format!("every {step} hours from {}", at(*first, *minute)), true)
            }
            (One(minute), Run { first, last }) => {
                (format!("every hour from {} to {}", at(*first, *minute), at(*last, *minute)), true)
            }
            (One(minute), Stepped { step, first, last }) => {
                (format!("every {step} hours from {} to {}", at(*first, *minute), at(*last, *minute)), true)
            }
            _ => (format!("{} past {}", recurring("minute", &minutes), which("hour", &hours)), true),
        }
    }

    /// What each field of `text`, which it was parsed from, comes to.
    pub(in crate::trigger) fn fields(&self, text: &str) -> Vec<CronField> {
        let fields = super::parse::fields(text).into_iter();
        fields.map(|(name, text)| CronField { name, text: text.into(), means: self.means(name) }).collect()
    }

    fn means(&self, field: &str) -> String {
        let month = |month: i64| name(&MONTHS, month - 1);
        let every_day = || "every day".to_owned();
        match field {
            "second" => values("second", self.seconds, 59),
            "minute" => values("minute", self.minutes, 59),
            "hour" => values("hour", self.hours.into(), 23),
            "day of the month" => self.days.of_month_words().unwrap_or_else(every_day),
            "month" if self.months == 0x1ffe => "every month".into(),
            "month" => around(self.months.into(), 1, 12, month),
            "day of the week" => self.days.of_week_words().unwrap_or_else(every_day),
            _ => self.in_years().map_or_else(|| "every year".into(), |years| years.replacen("in ", "", 1)),
        }
    }

    fn clock_times(&self) -> Vec<String> {
        let second = |second| (self.seconds != 1).then_some(second);
        let of_minute = |hour, minute| bits(self.seconds).map(move |at| clock(hour, minute, second(at)));
        let of_hour = |hour| bits(self.minutes).flat_map(move |minute| of_minute(hour, minute));
        bits(self.hours.into()).flat_map(of_hour).collect()
    }

    /// `None`: on every day.
    fn on_days(&self) -> Option<String> {
        let (of_month, of_week) = (self.days.of_month_words(), self.days.of_week_words());
        if self.days.is_every() {
            return None;
        }
        Some(match (of_month, of_week) {
            (Some(month), Some(week)) if self.days.both => format!("on {month} if it is {week}"),
            (Some(month), Some(week)) => format!("on {month} or on {week}"),
            (Some(days), None) | (None, Some(days)) => format!("on {days}"),
            (None, None) => return None,
        })
    }

    fn in_months(&self) -> Option<String> {
        let name = |month: i64| name(&MONTHS, month - 1);
        (self.months != 0x1ffe).then(|| format!("in {}", around(self.months.into(), 1, 12, name)))
    }

    fn in_years(&self) -> Option<String> {
        let years = self.years.as_ref()?;
        let all = (0..)
            .zip(years.iter())
            .flat_map(|(word, mask)| bits(*mask).map(move |bit| 1970 + 64 * word + bit));
        let all: Vec<i64> = all.collect();
        let last = if all.last() > Some(&2100) { YEAR_NAMED_MAX.into() } else { 2100 };
        Some(match Shape::of_values(&all, 1970, last) {
            All => format!("in 1970 to {last}"),
            One(year) => format!("in {year}"),
            Run { first, last } => format!("in {first} to {last}"),
            Every { step, first } => format!("in every {} year from {first} to {last}", nth(step)),
            Stepped { step, first, last } => format!("in every {} year from {first} to {last}", nth(step)),
            List(years) => format!("in {}", join(years)),
        })
    }
}

impl super::Days {
    /// `None`: all of them.
    fn of_month_words(&self) -> Option<String> {
        if self.listed == !1 {
            return None;
        }
        let mut words = Vec::new();
        if self.listed != 0 {
            words.push(match Shape::of(self.listed.into(), 1, 31) {
                One(day) => format!("day {day} of the month"),
                Stepped { step, first, last } => {
                    format!("every {} day of the month from {first} to {last}", nth(step))
                }
                Run { first, last } => format!("days {first} to {last} of the month"),
                Every { .. } | All => format!("days {} of the month", join(bits(self.listed.into()))),
                List(days) => format!("days {} of the month", join(days)),
            });
        }
        for day in bits(self.nearest.into()) {
            words.push(match day {
                0 => "the last weekday of the month".into(),
                _ => format!("the weekday nearest to day {day} of the month"),
            });
        }
        let last_days = self.from_end.trailing_ones();
        if last_days > 1 {
            words.push(format!("the last {last_days} days of the month"));
        }
        let from_end = if last_days > 1 { self.from_end >> last_days << last_days } else { self.from_end };
        for day in bits(from_end.into()) {
            words.push(match day {
                0 => "the last day of the month".into(),
                1 => "the day before the last of the month".into(),
                _ => format!("the {} day before the last of the month", nth(day)),
            });
        }
        Some(join(words))
    }

    /// `None`: all of them.
    fn of_week_words(&self) -> Option<String> {
        let week = |nth: usize| self.weeks >> (7 * nth) & 0x7f;
        let always = (0..5).fold(0x7f, |days, nth| days & week(nth));
        if always == 0x7f {
            return None;
        }
        let mut words = Vec::new();
        if always != 0 {
            // Monday first, as one says it: Saturday and Sunday.
            let from_monday = (always >> 1 | always << 6) & 0x7f;
            words.push(around(from_monday, 0, 6, |day| name(&WEEKDAYS, (day + 1) % 7)));
        }
        for (nth, which) in WHICH.iter().enumerate() {
            let days = bits(week(nth) & !always);
            words.extend(days.map(|day| format!("the {which} {} of the month", name(&WEEKDAYS, day))));
        }
        Some(join(words))
    }
}

/// In which minutes and hours seconds are.
fn within_minutes(seconds: &Shape, minutes: &Shape, hours: &Shape) -> String {
    let in_minutes = match (seconds, minutes) {
        (All | Every { .. }, All) => String::new(),
        (_, All) => " of every minute".into(),
        _ => format!(" in {}", which("minute", minutes)),
    };
    match (minutes, hours) {
        (All, All) => in_minutes,
        _ => format!("{in_minutes} past {}", which("hour", hours)),
    }
}

/// `at minute 5`, `every 15 minutes`, `every minute from 0 to 29`.
fn recurring(unit: &str, shape: &Shape) -> String {
    match shape {
        All => format!("every {unit}"),
        Every { step, first: 0 } => format!("every {step} {unit}s"),
        Every { step, first } => format!("every {step} {unit}s from {unit} {first}"),
        One(value) => format!("at {unit} {value}"),
        Run { first, last } => format!("every {unit} from {first} to {last}"),
        Stepped { step, first, last } => format!("every {} {unit} from {first} to {last}", nth(*step)),
        List(values) => format!("at {unit}s {}", join(values)),
    }
}

/// `hour 9`, `hours 9 to 17`, `every 2nd hour`.
fn which(unit: &str, shape: &Shape) -> String {
    match shape {
        All => format!("every {unit}"),
        Every { step, first: 0 } => format!("every {} {unit}", nth(*step)),
        Every { step, first } => format!("every {} {unit} from {first}", nth(*step)),
        One(value) => format!("{unit} {value}"),
        Run { first, last } => format!("{unit}s {first} to {last}"),
        Stepped { step, first, last } => format!("every {} {unit} from {first} to {last}", nth(*step)),
        List(values) => format!("{unit}s {}", join(values)),
    }
}

/// Names of a mask's bits; three or more beside each other, around the end too, as a range.
fn around(mask: u64, first: i64, last: i64, name: impl Fn(i64) -> &'static str) -> String {
    let size = last - first + 1;
    let has = |value: i64| mask >> (first + (value - first).rem_euclid(size)) & 1 == 1;
    let begins: Vec<i64> = (first..=last).filter(|value| has(*value) && !has(value - 1)).collect();
    let end = |begin: i64| (begin..begin + size).take_while(|value| has(*value)).last().unwrap_or(begin);
    let wrap = |value: i64| first + (value - first).rem_euclid(size);
    let mut words = Vec::new();
    for begin in begins {
        match end(begin) - begin {
            0 => words.push(name(begin).to_owned()),
            1 => words.extend([begin, begin + 1].map(|value| name(wrap(value)).to_owned())),
            _ => words.push(format!("{} to {}", name(begin), name(wrap(end(begin))))),
        }
    }
    join(words)
}

/// `0, 15, 30, 45`, `9 to 17`, `every hour`.
fn values(unit: &str, mask: u64, last: i64) -> String {
    let values: Vec<i64> = bits(mask).collect();
    if i64::try_from(values.len()) == Ok(last + 1) {
        return format!("every {unit}");
    }
    in_ranges(&values, None).join(", ")
}

/// Sorted values, three or more in a row as `9 to 17`; around the end of `size` values, if there is one.
fn in_ranges(values: &[i64], size: Option<i64>) -> Vec<String> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *value => *last = *value,
            _ => runs.push((*value, *value)),
        }
    }
    if let ([(0, _), .., (first, last)], Some(size)) = (&*runs, size)
        && *last == size - 1
    {
        let (first, end) = (*first, runs.remove(0).1);
        runs.pop();
        runs.push((first, size + end));
    }
    let wrap = |value: i64| size.map_or(value, |size| value % size);
    let words = |(first, last): (i64, i64)| match last - first {
        0 | 1 => (first..=last).map(|value| wrap(value).to_string()).collect(),
        _ => vec![format!("{first} to {}", wrap(last))],
    };
    runs.into_iter().flat_map(words).collect()
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

fn clock(hour: i64, minute: i64, second: Option<i64>) -> String {
    second.map_or_else(
        || format!("{hour:02}:{minute:02}"),
        |second| format!("{hour:02}:{minute:02}:{second:02}"),
    )
}

/// `a`, `a and b`, `a, b and c`.
fn join<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} and {last}", items.join(", ")),
    }
}

/// `2nd`, `11th`.
fn nth(number: i64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
