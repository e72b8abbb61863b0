//! What an expression means, in words.

use super::oracle::Random;
use super::{utc, zone};
use crate::trigger::{Dst, Fold, Gap, ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::time::Duration;

#[track_caller]
fn check(expression: &str, expected: &str) {
    let trigger = Trigger::cron(expression, &Zone::utc()).expect("a sound expression");
    assert_eq!(trigger.describe(), expected, "`{expression}`");
}

#[test]
fn typical_expressions_in_words() {
    check("* * * * *", "every minute");
    check("*/5 * * * *", "every 5 minutes");
    check("0 * * * *", "every hour");
    check("17 * * * *", "at minute 17 of every hour");
    check("0 */2 * * *", "every 2 hours");
    check("30 */6 * * *", "at 00:30, 06:30, 12:30 and 18:30 every day");
    check("0 0 * * *", "at 00:00 every day");
    check("30 2 * * 1-5", "at 02:30 on Monday to Friday");
    check("0 9,17 * * *", "at 09:00 and 17:00 every day");
    check("0 9-17 * * 1-5", "every hour from 09:00 to 17:00, on Monday to Friday");
    check("*/15 9-17 LW * *", "every 15 minutes past hours 9 to 17, on the last weekday of the month");
    check("0 0 * * 0", "at 00:00 on Sunday");
    check("0 22 * * 6,0", "at 22:00 on Saturday and Sunday");
    check("0 0 1 * *", "at 00:00 on day 1 of the month");
    check("0 0 1 1 *", "at 00:00 on day 1 of the month in January");
    check("0 6 1,15 * *", "at 06:00 on days 1 and 15 of the month");
    check("0 12 * * 5#2", "at 12:00 on the second Friday of the month");
    check(
        "0 12 * 3,6,9,12 5L",
        "at 12:00 on the last Friday of the month in March, June, September and December",
    );
    check("0 0 L * *", "at 00:00 on the last day of the month");
    check("* * * * * *", "every second");
    check("*/10 * * * * *", "every 10 seconds");
    check("30 * * * * *", "at second 30 of every minute");
    check("15 30 4 * * *", "at 04:30:15 every day");
}

#[test]
fn odd_expressions_in_words() {
    check("*/7 * * * *", "every 7th minute from 0 to 56 past every hour");
    check("3/15 * * * *", "every 15 minutes from minute 3");
    check("0-29 8 * * *", "every minute from 0 to 29 past hour 8, every day");
    check("5,50 * * * *", "at minutes 5 and 50 past every hour");
    check("* 22-2 * * *", "every minute past hours 22 to 2, every day");
    check("* 0-6,9,22,23 * * *", "every minute past hours 9 and 22 to 6, every day");
    check("55-5,20,21 * * * *", "at minutes 20, 21 and 55 to 5 past every hour");
    check("0 0-3,8,12-20 * * *", "at minute 0 past hours 0 to 3, 8 and 12 to 20, every day");
    check("0 22-2 * * *", "at 00:00, 01:00, 02:00, 22:00 and 23:00 every day");
    check("0 0 1-7,15,31 * *", "at 00:00 on days 1 to 7, 15 and 31 of the month");
    check("0 1/2 * * *", "every 2 hours from 01:00, every day");
    check("0 0 13 * 5", "at 00:00 on day 13 of the month or on Friday");
    check("0 0 13 * +5", "at 00:00 on day 13 of the month if it is Friday");
    check("0 0 1-31 * 5", "at 00:00 every day");
    check(
        "0 0 15W,L-3 * *",
        "at 00:00 on the weekday nearest to day 15 of the month and the 3rd day before the last of the month",
    );
    check("0 0 * * FRI-MON", "at 00:00 on Friday to Monday");
    check("0 0 * * 1,1#1,3#2", "at 00:00 on Monday and the second Wednesday of the month");
    check("0 0 */2 NOV-feb ?", "at 00:00 on every 2nd day of the month from 1 to 31 in November to February");
    check(
        "0 0 0 29 2 * 2028/4",
        "at 00:00 on day 29 of the month in February in every 4th year from 2028 to 2100",
    );
    check("0 0 12 1 1 ? 2030", "at 12:00 on day 1 of the month in January in 2030");
    check("*/10 0-4 9 * * 1", "every 10 seconds in minutes 0 to 4 past hour 9, on Monday");
    check("5,9 * * * * *", "at seconds 5 and 9 of every minute");
    check("0,1 0 */2 * * *", "at seconds 0 and 1 in minute 0 past every 2nd hour, every day");
    check("* * * 6 1-5", "every minute on Monday to Friday in June");
    check("@every 90s", "every 1m 30s of elapsed time");
    check("0,15,30,45 * * * *", "every 15 minutes");
}

#[test]
fn other_kinds_are_told_simply() {
    let every = Trigger::every(Duration::from_secs(900)).expect("sound");
    assert_eq!(every.describe(), "every 15m of elapsed time");
    let berlin = zone("Europe/Berlin");
    let at = |text: &str, dst| Trigger::at(text, &berlin).expect("sound").with_dst(dst).describe();
    assert_eq!(at("2026-12-24T18:00", Dst::default()), "at 2026-12-24 18:00:00 +01:00");
    let both = Dst { gap: Some(Gap::Skip), fold: Some(Fold::Both) };
    assert_eq!(at("2026-10-25T02:30", both), "at 2026-10-25 02:30:00 +02:00 and 2026-10-25 02:30:00 +01:00");
    assert_eq!(at("2026-03-29T02:30", both), "never: its local time is left out");
}

/// What reads alike fires alike, seconds and years too; that the words are true is for `words`.
#[test]
fn what_reads_alike_fires_alike() {
    let mut random = Random::of(3);
    let mut told: HashMap<String, (String, Vec<DateTime<Utc>>)> = HashMap::new();
    let mut again = 0;
    for _ in 0..6000 {
        let expression = random.expression();
        let trigger = Trigger::cron(&expression, &Zone::utc()).expect("a sound expression");
        let words = trigger.describe();
        let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
        let fires: Vec<_> = [utc("1970-01-01T00:00:00Z"), utc("2028-02-27T11:59:00Z")]
            .into_iter()
            .flat_map(|from| schedule.upcoming(from).take(30))
            .collect();
        if let Some((other, known)) = told.get(&words) {
            assert_eq!(known, &fires, "`{expression}` and `{other}` are both told as: {words}");
            again += usize::from(*other != expression);
        }
        told.insert(words, (expression, fires));
    }
    assert!(again > 100, "{again} were told alike");
}
