//! What does not run as its fire times have it, in words.

use super::super::time::{show_duration, show_time};
use super::{Expected, Simulated};
use crate::model::{CancelledBy, Ending, Job, Retry, SkippedWhy};
use crate::simulation::JobReport;
use std::time::Duration;

/// A sentence for each way in which a job does not do what its fire times ask for.
pub(super) fn problems(job: &Job, expected: &Expected, report: &JobReport) -> Vec<String> {
    report
        .endings
        .iter()
        .filter_map(|(ending, count)| problem(job, expected, report, *ending, *count))
        .collect()
}

fn problem(job: &Job, expected: &Expected, report: &JobReport, ending: Ending, count: u64) -> Option<String> {
    let (name, share) = (&job.name, format!("{count} of {}", report.all()));
    let runs = format!("{count} of {}", report.runs);
    let takes = || format!("it takes {}", show_duration(expected.takes));
    let too_often = || too_often(job, expected, report);
    Some(match ending {
        Ending::Succeeded | Ending::Lost => return None,
        Ending::Skipped(SkippedWhy::Overlap) => {
            format!("`{name}` skips {share} fire times: {}", too_often())
        }
        Ending::Skipped(_) | Ending::Missed(_) => {
            let reason = ending.reason().unwrap_or_default();
            format!("`{name}`: {share} fire times are {}: {reason}", ending.outcome())
        }
        Ending::Coalesced => format!("`{name}` coalesces {share} fire times into others: {}", too_often()),
        Ending::Cancelled(CancelledBy::Replace) => {
            format!("{runs} runs of `{name}` are replaced by the next: {}", too_often())
        }
        Ending::Cancelled(_) => format!("{runs} runs of `{name}` are cancelled"),
        Ending::TimedOut => {
            let timeout = job.policy.timeout.unwrap_or_default();
            format!("{runs} runs of `{name}` time out: {} and may take {}", takes(), show_duration(timeout))
        }
        Ending::Failed => match job.policy.retry {
            Retry::Never => format!("{runs} runs of `{name}` fail"),
            Retry::Backoff { attempts, .. } => {
                format!("{runs} runs of `{name}` fail, each after {attempts} attempts")
            }
        },
    })
}

/// All that keeps a job from being done when it is due again.
fn too_often(job: &Job, expected: &Expected, report: &JobReport) -> String {
    let mut all = Vec::new();
    if report.waits.waited() > 0 {
        let whose = job.policy.group.as_ref();
        let whose = whose.map_or("max_running".to_owned(), |group| format!("group `{group}`"));
        all.push(format!("waits up to {} for a slot of {whose}", show_duration(report.waits.longest())));
    }
    all.push(format!("takes {}", show_duration(expected.takes)));
    if let Retry::Backoff { attempts, .. } = job.policy.retry
        && report.attempts > report.runs
    {
        all.push(format!("is tried up to {attempts} times"));
    }
    all.extend(
        distance(job, report).map(|distance| format!("is due again after {}", show_duration(distance))),
    );
    let (last, others) = all.split_last().expect("it takes some time");
    if others.is_empty() { format!("it {last}") } else { format!("it {} and {last}", others.join(", ")) }
}

/// How long after the first fire time with which something was wrong the next comes.
fn distance(job: &Job, report: &JobReport) -> Option<Duration> {
    let first = report.first_trouble?;
    let next = job.schedule.next_after(first)?;
    (next - first).to_std().ok()
}

/// Why a job has no run; `None`: it has.
pub(super) fn never(simulated: &Simulated<'_>, job: &Job, report: &JobReport) -> Option<String> {
    if report.runs > 0 {
        return None;
    }
    let next = job.schedule.next_after(simulated.from);
    Some(match (&job.after, next) {
        _ if !job.enabled => "it is disabled".to_owned(),
        _ if report.waiting > 0 => "what is due of it still waits at the end".to_owned(),
        _ if report.ended() > 0 => "none of its fire times finds a place".to_owned(),
        (_, Some(next)) => format!("its next fire time is {}", show_time(job.zone.at(next))),
        (Some(after), None) => format!("it runs when {after}, which does not come"),
        (None, None) if job.schedule.is_empty() => "it has no trigger and runs only by hand".to_owned(),
        (None, None) => "its fire times are all past".to_owned(),
    })
}
