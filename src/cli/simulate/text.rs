//! What was simulated, for a person: a summary, tables, problems in words, the load.

use super::super::row::{Clock, dst_note};
use super::super::style::Style;
use super::super::table::{self, Cell, Column, Side, Tight};
use super::super::time::{show_duration, show_time};
use super::behaviour::{ASSUMED, Source};
use super::chart::{Chart, TIMELINE_LEGEND, figure, timeline};
use super::problems::{never, problems};
use super::{Expected, Simulated};
use crate::model::{Job, Outcome, Tally};
use crate::simulation::JobReport;
use crate::trigger::DstMark;
use chrono::{DateTime, Utc};
use std::fmt::Write as _;
use std::time::Duration;

/// So many jobs, problems and changes of the clocks are listed if not all are asked for.
const JOBS_MAX: usize = 25;
const LINES_MAX: usize = 10;

/// Shorter than this there is no chart of the hours.
const CHART_MIN: Duration = Duration::from_secs(3 * 3600);

const COLUMNS: [Column; 13] = [
    Column { head: "job", side: Side::Left, tight: Tight::Shortened },
    Column { head: "takes", side: Side::Right, tight: Tight::Stays },
    Column { head: "runs", side: Side::Right, tight: Tight::Stays },
    Column { head: "failed", side: Side::Right, tight: Tight::Stays },
    Column { head: "timed out", side: Side::Right, tight: Tight::Stays },
    Column { head: "cancelled", side: Side::Right, tight: Tight::Stays },
    Column { head: "skipped", side: Side::Right, tight: Tight::Stays },
    Column { head: "coalesced", side: Side::Right, tight: Tight::Stays },
    Column { head: "missed", side: Side::Right, tight: Tight::Stays },
    Column { head: "at once", side: Side::Right, tight: Tight::Spared },
    Column { head: "waited", side: Side::Right, tight: Tight::Spared },
    Column { head: "longest wait", side: Side::Right, tight: Tight::Spared },
    Column { head: "first run", side: Side::Left, tight: Tight::Spared },
];

const GROUPS: [Column; 7] = [
    Column { head: "group", side: Side::Left, tight: Tight::Shortened },
    Column { head: "max_running", side: Side::Right, tight: Tight::Spared },
    Column { head: "runs", side: Side::Right, tight: Tight::Stays },
    Column { head: "waited", side: Side::Right, tight: Tight::Stays },
    Column { head: "median wait", side: Side::Right, tight: Tight::Stays },
    Column { head: "99 of 100 within", side: Side::Right, tight: Tight::Spared },
    Column { head: "longest", side: Side::Right, tight: Tight::Stays },
];

/// Everything, one part after another with an empty line between.
pub(super) fn page(
    simulated: &Simulated<'_>,
    all: bool,
    with_timeline: bool,
    width: Option<usize>,
    style: Style,
) -> String {
    let most = |most| if all { usize::MAX } else { most };
    let mut parts = vec![summary(simulated, style), jobs(simulated, most(JOBS_MAX), width, style)];
    parts.push(groups(simulated, width, style));
    parts.push(listed(problem_lines(simulated), most(LINES_MAX)));
    parts.push(listed(never_lines(simulated), most(LINES_MAX)));
    parts.push(listed(shift_lines(simulated), most(LINES_MAX)));
    if with_timeline {
        parts.push(timelines(simulated, most(JOBS_MAX), style));
    }
    if simulated.span() >= CHART_MIN {
        parts.push(Chart::of(simulated).text(simulated.plan.settings.zone.name()));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn summary(simulated: &Simulated<'_>, style: Style) -> String {
    let (plan, report) = (simulated.plan, &simulated.report);
    let zone = &plan.settings.zone;
    let time = |at: DateTime<Utc>| show_time(zone.at(whole_seconds(at)));
    let mut tally = Tally::default();
    for outcome in Outcome::ALL {
        tally.add(outcome, report.count(outcome));
    }
    let mut text = String::new();
    let head = format!(
        "{} of {}, from {} until {}",
        show_duration(simulated.span()),
        plan.settings.file.display(),
        time(simulated.from),
        time(simulated.until)
    );
    let _ = writeln!(text, "{}", style.bold(head));
    let _ = writeln!(text, "{tally}");
    let peak = report.load.peak;
    if peak.running > 0 {
        let limit = plan.settings.max_running.filter(|most| u64::from(most.get()) == peak.running);
        let limit = if limit.is_some() { ", which is max_running" } else { "" };
        let (mean, at) = (figure(simulated.mean_running()), time(peak.at));
        let _ = writeln!(text, "at once: at most {}{limit}, first at {at}; {mean} on average", peak.running);
    }
    if report.waits.waited() > 0 {
        let (waited, longest) = (report.waits.waited(), show_duration(report.waits.longest()));
        let _ = writeln!(text, "waiting: {waited} of {} runs, at most {longest}", report.waits.count());
    }
    let running: u64 = report.jobs.iter().map(|job| job.running).sum();
    let waiting: u64 = report.jobs.iter().map(|job| job.waiting).sum();
    if running + waiting > 0 {
        let _ = writeln!(text, "at the end: {running} still run, {waiting} wait");
    }
    let _ = writeln!(text, "{}", durations(simulated));
    text
}

/// `durations: 2 given, 5 recorded; assumed 1s (?) for 17 jobs, no run of which is recorded: --duration JOB=90s`
fn durations(simulated: &Simulated<'_>) -> String {
    let count = |is: fn(Source) -> bool| simulated.expected.iter().filter(|job| is(job.source)).count();
    let given = count(|source| source == Source::Given);
    let recorded = count(|source| matches!(source, Source::Recorded(_)));
    let assumed = count(|source| source == Source::Assumed);
    let mut parts = Vec::new();
    parts.extend((given > 0).then(|| format!("{given} given")));
    parts.extend((recorded > 0).then(|| format!("{recorded} the median of recorded runs")));
    parts.extend((assumed > 0).then(|| {
        let takes = show_duration(ASSUMED);
        format!(
            "{assumed} assumed {takes} (marked ?), because no run is recorded; --duration JOB=90s says better"
        )
    }));
    format!("how long jobs take: {}", parts.join(", "))
}

fn jobs(simulated: &Simulated<'_>, most: usize, width: Option<usize>, style: Style) -> String {
    let (jobs, left_out) = simulated.first_jobs(most);
    let rows: Vec<Vec<Cell>> =
        jobs.iter().map(|(job, expected, report)| cells(job, expected, report, style)).collect();
    let mut text = table::render(&COLUMNS, &rows, width, style);
    if left_out > 0 {
        let _ = writeln!(text, "and {left_out} more jobs with less to tell; --all lists them");
    }
    text
}

fn cells(job: &Job, expected: &Expected, report: &JobReport, style: Style) -> Vec<Cell> {
    let name = job.name.as_str();
    let mark = if expected.source == Source::Assumed { "?" } else { "" };
    let count = |outcome| match report.count(outcome) {
        0 => Cell::default(),
        count => Cell::painted(&count.to_string(), |text| style.outcome(outcome, text).into_owned()),
    };
    let waits = report.waits.waited() > 0;
    vec![
        Cell::painted(name, |text| style.job(name, text).into_owned()),
        format!("{}{mark}", show_duration(expected.takes)).into(),
        report.runs.to_string().into(),
        count(Outcome::Failed),
        count(Outcome::TimedOut),
        count(Outcome::Cancelled),
        count(Outcome::Skipped),
        count(Outcome::Coalesced),
        count(Outcome::Missed),
        if report.peak > 1 { report.peak.to_string().into() } else { Cell::default() },
        if waits { report.waits.waited().to_string().into() } else { Cell::default() },
        if waits { show_duration(report.waits.longest()).into() } else { Cell::default() },
        report.first_run.map(|at| show_time(job.zone.at(whole_seconds(at)))).unwrap_or_default().into(),
    ]
}

fn groups(simulated: &Simulated<'_>, width: Option<usize>, style: Style) -> String {
    let limits = &simulated.plan.groups;
    let row = |(group, waits): (&crate::model::Name, &crate::simulation::Waits)| {
        let quantile = |share| waits.quantile(share).map(show_duration).unwrap_or_default();
        vec![
            group.as_str().into(),
            limits.get(group).map(ToString::to_string).unwrap_or_default().into(),
            waits.count().to_string().into(),
            waits.waited().to_string().into(),
            quantile(0.5).into(),
            quantile(0.99).into(),
            show_duration(waits.longest()).into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = simulated.report.groups.iter().map(row).collect();
    table::render(&GROUPS, &rows, width, style)
}

fn problem_lines(simulated: &Simulated<'_>) -> Vec<String> {
    let (jobs, _) = simulated.first_jobs(usize::MAX);
    jobs.into_iter().flat_map(|(job, expected, report)| problems(job, expected, report)).collect()
}

fn never_lines(simulated: &Simulated<'_>) -> Vec<String> {
    let never = |(job, _, report): (&Job, &Expected, &JobReport)| {
        never(simulated, job, report).map(|why| format!("`{}` never runs: {why}", job.name))
    };
    simulated.jobs().filter_map(never).collect()
}

fn shift_lines(simulated: &Simulated<'_>) -> Vec<String> {
    let clock = Clock::new();
    let mut lines = Vec::new();
    for (job, _, report) in simulated.jobs() {
        for shift in &report.shifts {
            let trigger = job.schedule.naming(shift.first);
            let note = trigger.and_then(|trigger| dst_note(trigger, shift.first)).unwrap_or_default();
            let at = clock.show(shift.first, &job.zone);
            let more = match (shift.mark, shift.count) {
                (_, 1) => String::new(),
                (DstMark::Gap | DstMark::Fold, count) => format!(", the first of {count}"),
            };
            lines.push(format!("`{}` {at}{more}: {note}", job.name));
        }
    }
    lines
}

/// Lines, of which not too many.
fn listed(lines: Vec<String>, most: usize) -> String {
    let left_out = lines.len().saturating_sub(most);
    let mut text: String = lines.into_iter().take(most).map(|line| line + "\n").collect();
    if left_out > 0 {
        let _ = writeln!(text, "and {left_out} more; --all lists them");
    }
    text
}

fn timelines(simulated: &Simulated<'_>, most: usize, style: Style) -> String {
    let (jobs, left_out) = simulated.first_jobs(most);
    let width = jobs.iter().map(|(job, ..)| job.name.as_str().len()).max().unwrap_or(0);
    let length = simulated.report.slice;
    let begins = simulated.plan.settings.zone.at(simulated.report.load.begins);
    let mut text = format!("each character is {} from {} on\n", show_duration(length), show_time(begins));
    for (job, _, report) in jobs {
        let name = job.name.as_str();
        let _ = writeln!(
            text,
            "{}  {}",
            style.job(name, format!("{name:width$}")),
            timeline(&report.slices, length)
        );
    }
    if left_out > 0 {
        let _ = writeln!(text, "and {left_out} more; --all draws them");
    }
    let _ = writeln!(text, "{TIMELINE_LEGEND}");
    text
}

/// Milliseconds are noise here.
fn whole_seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::SubsecRound;
    at.trunc_subsecs(0)
}
