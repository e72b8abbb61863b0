//! Tables of known answers, an oracle on its own code path, and the cases of other projects.

mod calendar;
mod calendar_corpora;
mod calendar_oracle;
mod calendar_systemd;
mod combine;
mod corpora;
mod cron;
mod definition;
mod describe;
mod dst;
mod dst_year;
mod every_at;
mod interval;
mod oracle;
mod words;
mod zone;

use super::{Schedule, ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, Utc};

fn zone(name: &str) -> Zone {
    Zone::find(name).expect("a zone")
}

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc()
}

fn cron(expression: &str, zone: &Zone) -> Schedule {
    let triggers = vec![Trigger::cron(expression, zone).expect("a sound expression")];
    ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build()
}

fn calendar(expression: &str, zone: &Zone) -> Schedule {
    let triggers = vec![Trigger::calendar(expression, zone).expect("a sound calendar event")];
    ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build()
}

/// Asserts the fire times after `from`, written in the zone with its offset.
#[track_caller]
fn check(expression: &str, zone_name: &str, from: &str, expected: &[&str]) {
    let zone = zone(zone_name);
    let schedule = cron(expression, &zone);
    let found: Vec<String> =
        schedule.upcoming(utc(from)).take(expected.len()).map(|at| zone.at(at).to_rfc3339()).collect();
    assert_eq!(found, expected, "`{expression}` in {zone_name} after {from}");
}
