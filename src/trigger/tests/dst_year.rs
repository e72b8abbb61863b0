//! A year of every choice for gaps and folds: the table of the documentation, `../dst.md`.
//! `UPDATE_GOLDENS=1` writes it anew; read the difference before it is committed.

use super::{utc, zone};
use crate::trigger::{Dst, Fold, Gap, Schedule, ScheduleBuilder, Trigger};
use std::fmt::Write as _;

const FIXED: &str = "30 2 * * *";
const RECURRING: &str = "*/30 * * * *";

fn schedule(expression: &str, gap: Option<Gap>, fold: Option<Fold>) -> Schedule {
    let trigger = Trigger::cron(expression, &zone("Europe/Berlin")).expect("sound");
    let triggers = vec![trigger.with_dst(Dst { gap, fold })];
    ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build()
}

/// The fire times of some hours, as local times; a summer time has a mark.
fn hours(schedule: &Schedule, from: &str, until: &str) -> String {
    let zone = zone("Europe/Berlin");
    let fire_times = schedule.upcoming(utc(from)).take_while(|at| *at < utc(until));
    let shown = fire_times.map(|at| {
        let at = zone.at(at);
        let mark = if at.offset().local_minus_utc() == 7200 { "s" } else { "" };
        format!("{}{mark}", at.format("%H:%M"))
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "none".into() } else { shown.join(" ") }
}

fn table() -> String {
    let mut table = String::from(
        "Europe/Berlin in 2026; an `s` marks summer time. Each cell has the fire times around the change, and how many \
         there are in the year.\n\n\
         | | gap | fold | 29 March, 01:30 to 04:00 | 25 October, 01:30 to 03:30 | in the year |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let gaps = [(None, "default"), (Some(Gap::After), "after"), (Some(Gap::Skip), "skip")];
    let folds = [
        (None, "default"),
        (Some(Fold::First), "first"),
        (Some(Fold::Last), "last"),
        (Some(Fold::Both), "both"),
    ];
    for expression in [FIXED, RECURRING] {
        for (gap, gap_word) in gaps {
            for (fold, fold_word) in folds {
                let schedule = schedule(expression, gap, fold);
                let spring = hours(&schedule, "2026-03-29T00:29:59Z", "2026-03-29T02:00:00Z");
                let autumn = hours(&schedule, "2026-10-24T23:29:59Z", "2026-10-25T02:30:00Z");
                let count = schedule.count_between(utc("2025-12-31T22:59:59Z"), utc("2026-12-31T22:59:59Z"));
                let row =
                    format!("| `{expression}` | {gap_word} | {fold_word} | {spring} | {autumn} | {count} |");
                writeln!(table, "{row}").expect("a text takes what is written");
            }
        }
    }
    table
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whether goldens are written anew is a setting of the test run"
)]
fn the_table_of_the_documentation_is_what_fires() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/trigger/dst.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, table()).expect("a file");
    }
    assert_eq!(std::fs::read_to_string(path).expect("the table"), table());
}
