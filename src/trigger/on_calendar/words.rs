//! A calendar event in plain English.

use super::spec::{Chain, Item, Spec, WEEKDAYS, runs};

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
/// More times of a day are not listed.
const TIMES_MAX: usize = 6;

/// `at 09:00 on Monday to Friday`.
pub(super) fn describe(spec: &Spec) -> String {
    let zone = spec.zone.as_ref().map_or(String::new(), |zone| format!(", {zone}"));
    format!("{} {}{}{zone}", times(spec), days(spec), years(&spec.years))
}

fn times(spec: &Spec) -> String {
    if let Some(times) = listed(spec) {
        return format!("at {}", join(times));
    }
    let mut levels = vec![("minute", &spec.minutes), ("hour", &spec.hours)];
    if spec.seconds != Chain::of(0) {
        levels.insert(0, ("second", &spec.seconds));
    }
    // Every minute is one of every hour.
    let told = levels.iter().enumerate().filter(|(index, (_, chain))| {
        let below = index.checked_sub(1).map(|below| levels[below].1);
        **chain != Chain::Every || below != Some(&Chain::Every)
    });
    let told: Vec<String> = told.map(|(_, (noun, chain))| values(noun, chain)).collect();
    let told = told.join(" of ");
    if told.starts_with("every") { told } else { format!("at {told}") }
}

/// The times of a day, if they are few.
fn listed(spec: &Spec) -> Option<Vec<String>> {
    let list = |chain: &Chain, last: u16| match chain {
        Chain::Items(items) if !chain.recurs() => {
            let mut values: Vec<u16> = items.iter().flat_map(|item| item.values(last)).collect();
            values.sort_unstable();
            values.dedup();
            Some(values)
        }
        _ => None,
    };
    let (hours, minutes) = (list(&spec.hours, 23)?, list(&spec.minutes, 59)?);
    let seconds = list(&spec.seconds, 59)?;
    if hours.len() * minutes.len() * seconds.len() > TIMES_MAX {
        return None;
    }
    let mut times = Vec::new();
    for hour in hours {
        for minute in &minutes {
            for second in &seconds {
                times.push(match *seconds {
                    [0] => format!("{hour:02}:{minute:02}"),
                    _ => format!("{hour:02}:{minute:02}:{second:02}"),
                });
            }
        }
    }
    Some(times)
}

fn days(spec: &Spec) -> String {
    let months = match &spec.months {
        Chain::Every => None,
        Chain::Items(items) => Some(join(items.iter().map(|item| months(*item)))),
    };
    let days = match &spec.days {
        Chain::Every => None,
        Chain::Items(items) if spec.from_end => Some(join(items.iter().map(|item| days_from_end(*item)))),
        Chain::Items(_) => Some(values("day", &spec.days)),
    };
    let of_months = months.as_ref().map_or("every month", |months| months);
    match (spec.weekdays.map(weekdays), days) {
        (None, None) => {
            format!("every day{}", months.map_or(String::new(), |months| format!(" in {months}")))
        }
        (Some(week), None) => {
            format!("on {week}{}", months.map_or(String::new(), |months| format!(" in {months}")))
        }
        (None, Some(days)) => format!("on {days} of {of_months}"),
        (Some(week), Some(days)) => {
            let one = if days.contains("days") { "one of " } else { "" };
            format!("on {week}, if it is {one}{days} of {}", months.as_deref().unwrap_or("the month"))
        }
    }
}

fn years(chain: &Chain) -> String {
    let Chain::Items(items) = chain else { return String::new() };
    let year = |item: &Item| match (item.last, item.step) {
        (None, 0) => item.first.to_string(),
        (Some(last), 0 | 1) => format!("{} to {last}", item.first),
        _ => stepped("year", *item),
    };
    format!(" in {}", join(items.iter().map(year)))
}

fn weekdays(mask: u8) -> String {
    join(runs(mask).into_iter().map(|(first, last)| match last - first {
        0 => WEEKDAYS[first].to_owned(),
        1 => format!("{} and {}", WEEKDAYS[first], WEEKDAYS[last]),
        _ => format!("{} to {}", WEEKDAYS[first], WEEKDAYS[last]),
    }))
}

fn months(item: Item) -> String {
    let name = |month: u16| MONTHS[usize::from(month) - 1];
    let first = name(item.first);
    match (item.last.map(name), item.step) {
        (None, 0) => first.to_owned(),
        (Some(last), 0 | 1) => format!("{first} to {last}"),
        (None, 1) => format!("every month from {first} on"),
        (last, step) => {
            let end = last.map_or("on".to_owned(), |last| format!("to {last}"));
            format!("every {} month from {first} {end}", ordinal(step))
        }
    }
}

fn days_from_end(item: Item) -> String {
    let day = |n: u16| if n == 1 { "the last".to_owned() } else { format!("the {} last", ordinal(n)) };
    let (first, last) = (item.first, item.last);
    match (last, item.step) {
        (None, 0) => format!("{} day", day(first)),
        (Some(last), 0 | 1) if first == 1 => format!("the last {last} days"),
        (Some(last), 0 | 1) => format!("{} to {} day", day(last), day(first)),
        (None, 1) => format!("the last {first} days"),
        (Some(last), step) => format!("every {} day from {} to {}", ordinal(step), day(last), day(first)),
        (None, step) => format!("every {} day from {} on", ordinal(step), day(first)),
    }
}

/// `every hour`, `hours 9 to 17`, `minutes 0 and 30`, `every 15th minute from 0 on`.
fn values(noun: &str, chain: &Chain) -> String {
    let Chain::Items(items) = chain else { return format!("every {noun}") };
    let single = |item: &&Item| item.last.is_none() && item.step == 0;
    let singles: Vec<String> = items.iter().filter(single).map(|item| item.first.to_string()).collect();
    let plural = if singles.len() > 1 { "s" } else { "" };
    let alone = (!singles.is_empty()).then(|| format!("{noun}{plural} {}", join(singles)));
    let others = items.iter().filter(|item| !single(item)).map(|item| match (item.last, item.step) {
        (Some(last), 0 | 1) => format!("{noun}s {} to {last}", item.first),
        _ => stepped(noun, *item),
    });
    join(alone.into_iter().chain(others))
}

fn stepped(noun: &str, item: Item) -> String {
    let nth = if item.step == 1 { String::new() } else { format!("{} ", ordinal(item.step)) };
    let end = item.last.map_or("on".to_owned(), |last| format!("to {last}"));
    format!("every {nth}{noun} from {} {end}", item.first)
}

fn ordinal(n: u16) -> String {
    let end = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}

/// `a`, `a and b`, `a, b and c`.
fn join(parts: impl IntoIterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.into_iter().collect();
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}
