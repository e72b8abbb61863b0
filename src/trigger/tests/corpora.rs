//! The cases of other cron projects, as collected beside this repository (`RUNNER_CORPORA` names another
//! folder). In CI they must be there; elsewhere the test says that it was skipped.
//!
//! Deviations are those in [`DEVIATIONS`], each with its reason.

use super::{Schedule, ScheduleBuilder, cron, zone};
use crate::trigger::{Dst, Fold, Gap, Trigger, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::path::PathBuf;

/// Cases on which we differ on purpose, by id, with the reason.
const DEVIATIONS: &[(&str, &str)] =
    &[("gen-1-b11fc33d8c08", "its years go to 2199; those of a cron go to 2100 here, as the README says")];

#[expect(clippy::disallowed_methods, reason = "where the corpora are is a setting of the test run")]
pub(super) fn cases(file: &str) -> Option<Vec<Value>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let folder = std::env::var_os("RUNNER_CORPORA").map_or_else(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "{file} is not in {}; RUNNER_CORPORA names its folder", folder.display());
        println!("skipped: {file} is not in {}", folder.display());
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect())
}

pub(super) fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

fn deviates(case: &Value) -> bool {
    DEVIATIONS.iter().any(|(id, _)| *id == text(case, "id"))
}

fn fire_times(schedule: &Schedule, case: &Value, count: usize) -> Vec<DateTime<Utc>> {
    let from = DateTime::parse_from_rfc3339(text(case, "from")).expect("RFC 3339").to_utc();
    let inclusive = case["inclusive"].as_bool().unwrap_or(false);
    let from = if inclusive { from - TimeDelta::nanoseconds(1) } else { from };
    schedule.upcoming(from).take(count).collect()
}

/// Returns whether the case agrees; says how not.
fn agrees(case: &Value, dst: Dst) -> bool {
    let expected: Vec<DateTime<Utc>> = case["expected"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|at| DateTime::parse_from_rfc3339(at.as_str().expect("text")).expect("RFC 3339").to_utc())
        .collect();
    let (expression, zone) = (text(case, "expr"), zone(text(case, "tz")));
    let trigger = match Trigger::cron(expression, &zone) {
        Ok(trigger) => trigger.with_dst(dst),
        Err(error) => {
            println!("{}: `{expression}` is refused: {error}", text(case, "id"));
            return false;
        }
    };
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let found = fire_times(&schedule, case, expected.len().max(1));
    if found != expected {
        let shown =
            |times: &[DateTime<Utc>]| times.iter().map(|at| zone.at(*at).to_rfc3339()).collect::<Vec<_>>();
        let (expected, found) = (shown(&expected), shown(&found));
        println!("{}: `{expression}` in {zone}: expected {expected:?}, found {found:?}", text(case, "id"));
    }
    found == expected
}

#[track_caller]
fn check_all(file: &str, chosen: impl Fn(&Value) -> bool, agrees: impl Fn(&Value) -> bool) {
    let Some(cases) = cases(file) else { return };
    let (left_out, chosen): (Vec<&Value>, Vec<&Value>) =
        cases.iter().filter(|case| chosen(case)).partition(|case| deviates(case));
    let failed = chosen.iter().filter(|case| !agrees(case)).count();
    let passed = chosen.len() - failed;
    assert!(left_out.iter().all(|case| !agrees(case)), "a deviation is none any more");
    println!("{file}: {passed} passed, {failed} failed, {} deviations", left_out.len());
    assert!(!chosen.is_empty(), "{file} has no case for this test");
    assert_eq!(failed, 0, "cases of {file} failed");
}

fn is_portable(case: &Value, kind: &str) -> bool {
    case["portable"] == true && text(case, "kind") == kind
}

#[test]
fn portable_fire_times() {
    check_all("portable_next.jsonl", |case| is_portable(case, "next"), |case| agrees(case, Dst::default()));
}

/// What `*/2` is beside the other day field: a star, as for Vixie cron, by which both have to match. (Others take
/// only a bare star for one; their cases are not ours.)
#[test]
fn a_day_field_that_begins_with_a_star_is_one() {
    let ours = |case: &Value| {
        let dialect = matches!(text(case, "dialect"), "posix5" | "seconds6" | "years7");
        dialect && text(case, "dom_dow_rule") == "star-bit"
    };
    check_all("dialect_next.jsonl", ours, |case| agrees(case, Dst::default()));
}

fn check_dst(rule: &str, dst: Dst) {
    println!("rule {rule}:");
    let ours = |case: &Value| {
        let dialect = matches!(text(case, "dialect"), "posix5" | "seconds6" | "years7");
        text(case, "dst_rule") == rule && dialect
    };
    check_all("dst.jsonl", ours, |case| agrees(case, dst));
}

#[test]
fn fire_times_around_changes_of_the_clock_as_vixie_cron_has_them() {
    check_dst("vixie", Dst::default());
}

#[test]
fn fire_times_around_changes_of_the_clock_as_a_job_may_choose_them() {
    let skipping = |fold| Dst { gap: Some(Gap::Skip), fold: Some(fold) };
    check_dst("wallclock-all", skipping(Fold::Both));
    check_dst("wallclock-first", skipping(Fold::First));
    check_dst("wallclock-last", skipping(Fold::Last));
}

#[test]
fn portable_expressions_are_read() {
    let read = |case: &Value| {
        let found = Trigger::cron(text(case, "expr"), &Zone::utc());
        if let Err(error) = &found {
            println!("{}: `{}`: {error}", text(case, "id"), text(case, "expr"));
        }
        found.is_ok()
    };
    check_all("valid.jsonl", |case| is_portable(case, "valid"), read);
}

#[test]
fn portable_faults_are_refused() {
    let refused = |case: &Value| {
        let found = Trigger::cron(text(case, "expr"), &Zone::utc());
        if found.is_ok() {
            println!("{}: `{}` is read", text(case, "id"), text(case, "expr"));
        }
        found.is_err()
    };
    check_all("invalid.jsonl", |case| is_portable(case, "invalid"), refused);
}

#[test]
fn portable_expressions_that_mean_the_same_are_the_same() {
    let same = |case: &Value| {
        let zone = Zone::utc();
        let from = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        let series =
            |expression: &str| -> Vec<_> { cron(expression, &zone).upcoming(from).take(500).collect() };
        let others = case["expr2_list"].as_array().cloned().unwrap_or_else(|| vec![case["expr2"].clone()]);
        let others = others.iter().filter_map(Value::as_str);
        let equal = |other: &str| series(text(case, "expr")) == series(other);
        others.map(equal).all(|equal| equal == case["equal"])
    };
    check_all("equal.jsonl", |case| is_portable(case, "equal"), same);
}
