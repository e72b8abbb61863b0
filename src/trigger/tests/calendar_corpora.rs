//! The cases of systemd's own tests and of its manual, with the answers of `systemd-analyze` 252.
//!
//! systemd skips a fixed time in a gap, where our default moves it; so what was made up for a gap is left out
//! of the comparison. All else that differs is in [`DEVIATIONS`], each with its reason.

use super::super::on_calendar::OnCalendar;
use super::corpora::{cases, text};
use super::{calendar, zone};
use crate::trigger::{DstMark, Schedule, Zone};
use chrono::{DateTime, Utc};
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

/// The fire times in a zone, but for those that were made up for a gap.
pub(super) fn without_made_up<'a>(
    schedule: &'a Schedule,
    plain: &'a Schedule,
    zone: &'a Zone,
    from: DateTime<Utc>,
) -> impl Iterator<Item = DateTime<Utc>> + 'a {
    schedule.upcoming(from).filter(move |at| {
        let local = zone.at(*at).naive_local().and_utc();
        schedule.dst_mark(*at) != Some(DstMark::Gap) || plain.naming(local).is_some()
    })
}

fn agrees(case: &Value) -> Result<(), String> {
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
            let meant = event.zone().unwrap_or(&zone);
            let (schedule, plain) = (calendar(expression, &zone), calendar(&plain(expression), &Zone::utc()));
            let from = instant(text(case, "from"));
            let fired = without_made_up(&schedule, &plain, meant, from);
            let found: Vec<_> = fired.take(expected.len().max(1)).collect();
            let shown: Vec<_> = found.iter().map(|at| zone.at(*at).to_rfc3339()).collect();
            (found == expected).then_some(()).ok_or(format!("found {shown:?}"))
        }
    }
}

/// The same event without its zone.
pub(super) fn plain(expression: &str) -> String {
    let event = OnCalendar::parse(expression).expect("a sound calendar event");
    let normal = event.normalised();
    event.zone().map_or(normal.clone(), |zone| normal.trim_end_matches(zone.name()).trim_end().to_owned())
}

#[test]
fn systemds_own_cases() {
    let Some(cases) = cases("oncalendar.jsonl") else { return };
    let deviates = |case: &&Value| DEVIATIONS.iter().any(|(id, _)| *id == text(case, "id"));
    let (deviating, compared): (Vec<&Value>, Vec<&Value>) = cases.iter().partition(deviates);
    let failed = compared.iter().filter(|case| {
        let found = agrees(case);
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
    assert!(deviating.iter().all(|case| agrees(case).is_err()), "a deviation is none any more");
}
