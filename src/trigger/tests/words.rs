//! Reads the words of a description back, on its own code path, and compares what they say with what fires: for
//! expressions of five fields and for calendar events of whole minutes.

use super::oracle::Random;
use super::utc;
use crate::trigger::{ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

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
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const WHICH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// `a, b and c`.
fn items(words: &str) -> Vec<&str> {
    words.split(", ").flat_map(|item| item.split(" and ")).collect()
}

/// A number, also `2nd`.
fn number(word: &str) -> u32 {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().unwrap_or_else(|_| panic!("no number: `{word}`"))
}

/// Whether `9 to 17`, or `9`, has the value; around the end of what there is if it goes down.
fn within(range: &str, value: u32, read: impl Fn(&str) -> u32) -> bool {
    match range.split_once(" to ") {
        None => read(range) == value,
        Some((first, last)) if read(first) <= read(last) => (read(first)..=read(last)).contains(&value),
        Some((first, last)) => value >= read(first) || value <= read(last),
    }
}

/// `every 2nd … from 1 to 31`, of which `rest` is what stands behind `every`; without bounds from 0 on.
fn stepped(rest: &str, value: u32) -> bool {
    let step = number(rest.split(' ').next().expect("a word"));
    let (first, last) = match rest.split_once(" from ") {
        None => (0, u32::MAX),
        Some((_, bounds)) => match bounds.split_once(" to ") {
            None => (number(bounds.rsplit(' ').next().expect("a word")), u32::MAX),
            Some((first, last)) => (number(first), number(last)),
        },
    };
    (first..=last).contains(&value) && (value - first).is_multiple_of(step)
}

fn index(names: &[&str], name: &str) -> u32 {
    let index = names.iter().position(|known| *known == name);
    u32::try_from(index.unwrap_or_else(|| panic!("no such name: `{name}`"))).expect("few")
}

fn is_weekday(at: DateTime<Utc>) -> bool {
    !matches!(at.weekday().num_days_from_sunday(), 0 | 6)
}

fn day_is(word: &str, at: DateTime<Utc>) -> bool {
    let (day, last) = (at.day(), u32::from(at.num_days_in_month()));
    let weekday = at.weekday().num_days_from_sunday();
    if let Some(rest) = word.strip_prefix("every ").filter(|rest| *rest != "day") {
        return stepped(rest, day);
    }
    let word = word.trim_end_matches(" of the month");
    let word = word.strip_prefix("days ").or(word.strip_prefix("day ")).unwrap_or(word);
    match word.strip_prefix("the ") {
        None if word == "every day" => true,
        None if word.starts_with(|c: char| c.is_ascii_digit()) => within(word, day, number),
        None => within(word, weekday, |name| index(&WEEKDAYS, name)),
        Some("last weekday") => nearest(last, at),
        Some("last day") => day == last,
        Some("day before the last") => day + 1 == last,
        Some(rest) => {
            let words: Vec<&str> = rest.split(' ').collect();
            match *words {
                ["weekday", "nearest", "to", "day", wanted] => nearest(number(wanted), at),
                ["last", count, "days"] => day + number(count) > last,
                [back, "day", "before", "the", "last"] => day + number(back) == last,
                ["last", name] => weekday == index(&WEEKDAYS, name) && day + 7 > last,
                [which, name] => weekday == index(&WEEKDAYS, name) && (day - 1) / 7 == index(&WHICH, which),
                _ => panic!("no day: `{word}`"),
            }
        }
    }
}

/// Whether `at` is the weekday of its month that is nearest to a day of it.
fn nearest(wanted: u32, at: DateTime<Utc>) -> bool {
    let Some(wanted) = at.with_day(wanted) else { return false };
    let near = [0, -1, 1, -2, 2].map(|days| wanted + TimeDelta::days(days));
    near.into_iter().find(|near| near.month() == at.month() && is_weekday(*near)) == Some(at)
}

/// Of `on … or on …`, `on … if it is …`, `on …` and `every day`.
fn days_have(words: &str, at: DateTime<Utc>) -> bool {
    let words = words.strip_prefix("on ").unwrap_or(words);
    let any = |words: &str| items(words).into_iter().any(|word| day_is(word, at));
    if let Some((month, week)) = words.split_once(" or on ") {
        any(month) || any(week)
    } else if let Some((month, week)) = words.split_once(" if it is ") {
        any(month) && any(week)
    } else {
        any(words)
    }
}

fn minutes_have(words: &str, minute: u32) -> bool {
    match words.strip_prefix("every ") {
        Some("minute") => true,
        Some(rest) => match rest.strip_prefix("minute from ") {
            Some(range) => within(range, minute, number),
            None => stepped(rest, minute),
        },
        None => {
            let list =
                words.strip_prefix("at minutes ").or(words.strip_prefix("at minute ")).expect("minutes");
            items(list).into_iter().any(|item| within(item, minute, number))
        }
    }
}

fn hours_have(words: &str, hour: u32) -> bool {
    match words.strip_prefix("every ") {
        Some("hour") => true,
        Some(rest) => stepped(rest, hour),
        None => {
            let list = words.strip_prefix("hours ").or(words.strip_prefix("hour ")).expect("hours");
            items(list).into_iter().any(|item| within(item, hour, number))
        }
    }
}

fn times_have(words: &str, at: DateTime<Utc>) -> bool {
    let (hour, minute) = (at.hour(), at.minute());
    if let Some((minutes, hours)) = words.split_once(" past ") {
        return minutes_have(minutes, minute) && hours_have(hours, hour);
    }
    if let Some(minutes) = words.strip_suffix(" of every hour") {
        return minutes_have(minutes, minute);
    }
    if words.contains(" hour") {
        // `every 2 hours from 01:30 to 21:30`: the minute is that of the bounds.
        let of_hour = |time: &str| number(time.split(':').next().expect("an hour"));
        let rest = words.strip_prefix("every ").expect("hours");
        let (unit, bounds) = rest.split_once(" from ").unwrap_or((rest, "00:00"));
        let (first, last) = bounds.split_once(" to ").unwrap_or((bounds, "23:59"));
        let step = if unit == "hour" { 1 } else { number(unit.split(' ').next().expect("a number")) };
        let (first_hour, last_hour) = (of_hour(first), of_hour(last));
        let in_bounds = (first_hour..=last_hour).contains(&hour);
        return in_bounds
            && (hour - first_hour).is_multiple_of(step)
            && minute == number(first.split(':').nth(1).expect("minutes"));
    }
    match words.strip_prefix("at ").filter(|times| times.contains(':')) {
        Some(times) => items(times).contains(&&*at.format("%H:%M").to_string()),
        None => minutes_have(words, minute),
    }
}

/// Whether the words say that it fires at this minute.
fn say(words: &str, at: DateTime<Utc>) -> bool {
    let (rest, years) = match words.rsplit_once(" in ") {
        Some((rest, years)) if years.starts_with(|c: char| c.is_ascii_digit()) => (rest, Some(years)),
        _ => (words, None),
    };
    let (rest, months) = match rest.rsplit_once(" in ") {
        Some((rest, months)) if MONTHS.iter().any(|month| months.starts_with(month)) => (rest, Some(months)),
        _ => (rest, None),
    };
    let begins = [" on ", " every day"].iter().filter_map(|mark| rest.find(mark)).min();
    let (times, days) = begins.map_or((rest, "every day"), |begins| (&rest[..begins], &rest[begins + 1..]));
    let year = u32::try_from(at.year()).expect("after Christ");
    times_have(times.trim_end_matches(','), at)
        && days_have(days, at)
        && months.is_none_or(|months| {
            items(months).into_iter().any(|item| within(item, at.month0(), |name| index(&MONTHS, name)))
        })
        && years.is_none_or(|years| items(years).into_iter().any(|item| within(item, year, number)))
}

#[track_caller]
fn check(trigger: Trigger, random: &mut Random) {
    let (text, words) = (trigger.text().to_owned(), trigger.describe());
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let from = utc("2027-01-01T00:00:00Z");
    let anywhere = (0..60).map(|_| from + TimeDelta::minutes(random.below(4 * 366 * 1440).into()));
    let around = schedule.upcoming(from).take(20).flat_map(|at| {
        [0, 1, -1, 60, -60, 1440, -1440, 10_080].map(|minutes| at + TimeDelta::minutes(minutes))
    });
    for at in anywhere.chain(around.collect::<Vec<_>>()) {
        assert_eq!(say(&words, at), schedule.naming(at).is_some(), "`{text}` at {at}: {words}");
    }
}

#[test]
fn what_is_told_of_a_cron_is_what_fires() {
    let mut random = Random::of(5);
    let mut checked = 0;
    while checked < 3000 {
        let expression = random.expression();
        if expression.split(' ').count() == 5 {
            check(Trigger::cron(&expression, &Zone::utc()).expect("a sound expression"), &mut random);
            checked += 1;
        }
    }
}

#[test]
fn what_is_told_of_a_calendar_event_is_what_fires() {
    let mut random = Random::of(6);
    for _ in 0..1000 {
        let part = |random: &mut Random, first: u32, last: u32| match random.below(5) {
            0 => "*".to_owned(),
            1 => format!("{}..{last}", random.within(first, last)),
            2 => format!("{first}/{}", random.within(1, last - first)),
            _ => random.within(first, last).to_string(),
        };
        let week = random.one(&["", "Mon ", "Mon..Fri ", "Sat,Sun ", "Tue,Thu..Sat "]);
        let year = random.one(&["*", "*", "2027..2029", "2028"]);
        let day = random.one(&["-*", "-*", "-1..7", "-13", "~1", "~03"]);
        let date = format!("{year}-{}{day}", part(&mut random, 1, 12));
        let event = format!("{week}{date} {}:{}", part(&mut random, 0, 23), part(&mut random, 0, 59));
        check(Trigger::calendar(&event, &Zone::utc()).expect("a sound event"), &mut random);
    }
}
