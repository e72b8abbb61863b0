//! What was simulated, as JSON lines: one object each for the whole, each job, each group, each hour and each change of
//! the clocks that touches a job. `kind` says which it is. The field names are a promise: some may be added, none
//! changed.

use super::Simulated;
use super::problems::never;
use crate::model::Outcome;
use crate::simulation::{JobReport, Waits};
use crate::trigger::DstMark;
use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub(super) fn lines(simulated: &Simulated<'_>) -> String {
    let objects = [summary(simulated)].into_iter().chain(jobs(simulated)).chain(groups(simulated));
    let objects = objects.chain(hours(simulated)).chain(shifts(simulated));
    objects.map(|object| object.to_string() + "\n").collect()
}

fn summary(simulated: &Simulated<'_>) -> Value {
    let (report, settings) = (&simulated.report, &simulated.plan.settings);
    let time = |at| settings.zone.at(at).to_rfc3339();
    let jobs = &report.jobs;
    let mut line = object(json!({
        "kind": "summary",
        "from": time(simulated.from),
        "until": time(simulated.until),
        "timezone": settings.zone.name(),
        "jobs": jobs.len(),
        "runs": jobs.iter().map(|job| job.runs).sum::<u64>(),
        "attempts": jobs.iter().map(|job| job.attempts).sum::<u64>(),
    }));
    line.extend(Outcome::ALL.map(|outcome| (outcome.as_str().to_owned(), report.count(outcome).into())));
    line.extend(object(json!({
        "running_at_end": jobs.iter().map(|job| job.running).sum::<u64>(),
        "waiting_at_end": jobs.iter().map(|job| job.waiting).sum::<u64>(),
        "running_max": report.load.peak.running,
        "running_max_at": (report.load.peak.running > 0).then(|| time(report.load.peak.at)),
        "running_mean": rounded(simulated.mean_running()),
        "max_running": settings.max_running,
    })));
    line.extend(waits(&report.waits));
    Value::Object(line)
}

fn jobs<'a>(simulated: &'a Simulated<'_>) -> impl Iterator<Item = Value> + 'a {
    simulated.jobs().map(|(job, expected, report)| {
        let time = |at| job.zone.at(at).to_rfc3339();
        let mut line = object(json!({
            "kind": "job",
            "job": job.name.as_str(),
            "takes_ms": millis(expected.takes),
            "takes_source": expected.source.as_str(),
            "fail_percent": f64::from(expected.failures_per_million) / 10_000.0,
            "runs": report.runs,
            "attempts": report.attempts,
        }));
        line.extend(Outcome::ALL.map(|outcome| (outcome.as_str().to_owned(), report.count(outcome).into())));
        line.extend(object(json!({
            "reasons": reasons(report),
            "running_at_end": report.running,
            "waiting_at_end": report.waiting,
            "running_max": report.peak,
            "busy_ms": millis(report.busy),
            "first_run_at": report.first_run.map(time),
            "first_trouble_at": report.first_trouble.map(time),
            "never_runs": never(simulated, job, report),
        })));
        line.extend(waits(&report.waits));
        Value::Object(line)
    })
}

/// How often each reason was why a fire time did not run, or a run did not end by itself.
fn reasons(report: &JobReport) -> Map<String, Value> {
    let mut reasons = Map::new();
    for (ending, count) in &report.endings {
        if let Some(reason) = ending.reason() {
            let sum = reasons.get(reason).and_then(Value::as_u64).unwrap_or(0) + count;
            reasons.insert(reason.to_owned(), sum.into());
        }
    }
    reasons
}

fn groups<'a>(simulated: &'a Simulated<'_>) -> impl Iterator<Item = Value> + 'a {
    simulated.report.groups.iter().map(|(group, in_group)| {
        let most = simulated.plan.groups.get(group);
        let runs = in_group.count();
        let head = json!({ "kind": "group", "group": group.as_str(), "max_running": most, "runs": runs });
        let mut line = object(head);
        line.extend(waits(in_group));
        Value::Object(line)
    })
}

fn hours<'a>(simulated: &'a Simulated<'_>) -> impl Iterator<Item = Value> + 'a {
    let hours = super::chart::local_hours(simulated);
    hours.map(|(begins, hour): (DateTime<FixedOffset>, _)| {
        json!({
            "kind": "hour",
            "hour": begins.to_rfc3339(),
            "starts": hour.starts,
            "running_max": hour.peak,
            "running_mean": rounded(hour.mean()),
        })
    })
}

fn shifts<'a>(simulated: &'a Simulated<'_>) -> impl Iterator<Item = Value> + 'a {
    let shifts =
        simulated.jobs().flat_map(|(job, _, report)| report.shifts.iter().map(move |shift| (job, shift)));
    shifts.map(|(job, shift)| {
        let dst = match shift.mark {
            DstMark::Gap => "gap",
            DstMark::Fold => "fold",
        };
        json!({
            "kind": "dst",
            "job": job.name.as_str(),
            "dst": dst,
            "fire_time": job.zone.at(shift.first).to_rfc3339(),
            "count": shift.count,
        })
    })
}

/// From when runs were due to their start.
fn waits(waits: &Waits) -> Map<String, Value> {
    object(json!({
        "waited": waits.waited(),
        "wait_median_ms": waits.quantile(0.5).map(millis),
        "wait_p99_ms": waits.quantile(0.99).map(millis),
        "wait_max_ms": (waits.count() > 0).then(|| millis(waits.longest())),
    }))
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { unreachable!("it is written as one") };
    object
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// With as many digits as mean something.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
