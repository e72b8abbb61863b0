//! The cases of systemd's own tests and of its manual, with the answers of `systemd-analyze` 252.
//!
//! systemd skips a fixed time in a gap, which is `dst = { gap = "skip" }`. What differs from that is in
//! [`DEVIATIONS`], each with its reason.

use super::super::on_calendar::OnCalendar;
use super::corpora::{cases, text};
use super::zone;
use crate::trigger::{Dst, Fold, Gap, Schedule, ScheduleBuilder, Trigger, Zone};
use chrono::DateTime;
use serde_json::Value;

const SECOND_PASS: &str = "systemd falls silent in the second pass of a fold, also for what recurs";

/// Cases on which we differ on purpose, by id, with the reason.
const DEVIATIONS: &[(&str, &str)] = &[
    (
        "systemd-1-df82edeb708c",
        "calendar events are on whole seconds here, a fraction is a fault with a hint",
    ),
    ("systemd-1-167ac8d7df78", SECOND_PASS),
    ("systemd-1-6cf22061e124", SECOND_PASS),
    ("systemd-1-20ab6341ae46", SECOND_PASS),
    ("systemd-1-0dcc1bee2c16", SECOND_PASS),
];

/// The schedule of an event with a choice for gaps and folds.
pub(super) fn with_dst(event: &str, zone: &Zone, gap: Option<Gap>, fold: Option<Fold>) -> Schedule {
    let trigger = Trigger::calendar(event, zone).expect("a sound calendar event");
    let triggers = vec![trigger.with_dst(Dst { gap, fold })];
    ScheduleBuilder { triggers, ..ScheduleBuilder::default() }.build()
}

fn agrees(case: &Value, fold: Option<Fold>) -> Result<(), String> {
    let expression = text(case, "expr");
    match text(case, "kind") {
        "invalid" => OnCalendar::parse(expression).map_or(Ok(()), |_| Err("it is read".into())),
        "equal" => {
            let form = |text: &str| OnCalendar::parse(text).map(|event| event.normalised());
            let (found, other) = (form(expression), form(text(case, "expr2")));
            let same = found.is_ok() && found.as_deref() == Ok(text(case, "expr2")) && found == other;
            (same == case["equal"]).then_some(()).ok_or(format!("{found:?}"))
        }
        _ => {
            let instant = |text: &str| DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc();
            let zone = zone(text(case, "tz"));
            let event = OnCalendar::parse(expression).map_err(|error| error.to_string())?;
            let normal = text(case, "normalized");
            if !normal.is_empty() && event.normalised() != normal {
                return Err(format!("its normal form is {}", event.normalised()));
            }
            let expected = case["expected"].as_array().expect("a list");
            let expected: Vec<_> = expected.iter().filter_map(Value::as_str).map(instant).collect();
            let schedule = with_dst(expression, &zone, Some(Gap::Skip), fold);
            let found: Vec<_> =
                schedule.upcoming(instant(text(case, "from"))).take(expected.len().max(1)).collect();
            let shown: Vec<_> = found.iter().map(|at| zone.at(*at).to_rfc3339()).collect();
            (found == expected).then_some(()).ok_or(format!("found {shown:?}"))
        }
    }
}

#[test]
fn systemds_own_cases() {
    let Some(cases) = cases("oncalendar.jsonl") else { return };
    let deviates = |case: &&Value| DEVIATIONS.iter().any(|(id, _)| *id == text(case, "id"));
    let (deviating, compared): (Vec<&Value>, Vec<&Value>) = cases.iter().partition(deviates);
    let failed = compared.iter().filter(|case| {
        let found = agrees(case, None);
        if let Err(found) = &found {
            println!(
                "{}: `{}` in {}: {found}; {case}",
                text(case, "id"),
                text(case, "expr"),
                text(case, "tz")
            );
        }
        found.is_err()
    });
    let failed = failed.count();
    println!(
        "oncalendar.jsonl: {} passed, {failed} failed, {} differ on purpose",
        compared.len() - failed,
        deviating.len()
    );
    assert_eq!(failed, 0, "cases of oncalendar.jsonl failed");
    assert!(deviating.iter().all(|case| agrees(case, None).is_err()), "a deviation is none any more");
    // Who wants systemd's silence can have it.
    let mut silent = deviating.iter().filter(|case| text(case, "kind") == "next");
    assert!(
        silent.all(|case| agrees(case, Some(Fold::First)).is_ok()),
        "with fold = \"first\" they are systemd's"
    );
}
