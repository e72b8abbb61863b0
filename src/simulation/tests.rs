//! What comes of small plans, run by run.

use super::*;
use crate::model::{
    After, AfterOn, CancelledBy, Closure, Ending, Job, JobAction, Keep, LedgerPlace, Name, Outcome, Overlap,
    Place, Policy, Retry, Settings, Setup, SkippedWhy,
};
use crate::trigger::{DstMark, ScheduleBuilder, Trigger, Zone};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

const MINUTE: Duration = Duration::from_secs(60);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A job that is due by this cron, in Berlin.
fn job(text: &str, cron: &str, policy: Policy) -> Job {
    let zone = Zone::find("Europe/Berlin").expect("a zone");
    let triggers = vec![Trigger::cron(cron, &zone).expect("a cron")];
    Job {
        name: name(text),
        description: None,
        enabled: true,
        startup: false,
        after: None,
        schedule: Arc::new(ScheduleBuilder { triggers, start: None, end: None }.build()),
        delay_after: None,
        runs_max: None,
        zone,
        action: JobAction::Closure(Closure::new(())),
        setup: Arc::new(Setup::bare()),
        policy: Arc::new(policy),
        place: Place { file: Path::new("jobs.toml").into(), line: 1 },
    }
}

fn plan(jobs: Vec<Job>, max_running: Option<u32>) -> Plan {
    let many = |most| NonZeroU32::new(most).expect("not zero");
    Plan {
        jobs: jobs.into_iter().map(Arc::new).collect(),
        groups: [(name("one"), many(1))].into(),
        settings: Settings {
            file: Path::new("jobs.toml").into(),
            zone: Zone::find("Europe/Berlin").expect("a zone"),
            max_running: max_running.map(many),
            shutdown_grace: MINUTE,
            ledger: LedgerPlace::Memory,
            name: None,
            keep: Keep::default(),
            seed: None,
        },
    }
}

/// A job takes so many seconds, and so many of a million attempts fail.
type Takes = (u64, u32);

fn hours_of(plan: &Plan, from: &str, hours: i64, takes: &[Takes], chance_seed: &str) -> Report {
    let behaviour = |(seconds, failures_per_million): &Takes| Behaviour {
        takes: Duration::from_secs(*seconds),
        failures_per_million: *failures_per_million,
    };
    let behaviours: Vec<_> = takes.iter().map(behaviour).collect();
    let from = at(from);
    let conditions = Conditions {
        from,
        until: from + TimeDelta::hours(hours),
        seed: "seed",
        chance_seed,
        behaviours: &behaviours,
        slice: 60 * MINUTE,
    };
    simulate(plan, &conditions)
}

fn a_day_of(plan: &Plan, takes: &[Takes]) -> Report {
    hours_of(plan, "2026-01-05T00:00:00Z", 24, takes, "")
}

fn overlap(overlap: Overlap) -> Policy {
    Policy { overlap, ..Policy::default() }
}

fn in_group() -> Policy {
    Policy { group: Some(name("one")), ..Policy::default() }
}

#[test]
fn what_takes_longer_than_its_period_overlaps_as_its_policy_says() {
    let of =
        |policy| a_day_of(&plan(vec![job("a", "0 * * * *", policy)], None), &[(90 * 60, 0)]).jobs.remove(0);
    // 01:00 to 02:30, 03:00 to 04:30: every second one is skipped.
    let skips = of(overlap(Overlap::Skip));
    assert_eq!(skips.endings, [(Ending::Skipped(SkippedWhy::Overlap), 12), (Ending::Succeeded, 11)]);
    assert_eq!((skips.runs, skips.peak, skips.running, skips.waiting), (12, 1, 1, 0));
    assert_eq!(skips.first_trouble, Some(at("2026-01-05T02:00:00Z")));
    // What is due at four waits until half past five.
    let queues = of(overlap(Overlap::Queue));
    assert_eq!(queues.runs, 16);
    assert_eq!((queues.waits.waited(), queues.waits.longest()), (15, 90 * MINUTE));
    let replaces = of(overlap(Overlap::Replace));
    assert_eq!(replaces.endings, [(Ending::Cancelled(CancelledBy::Replace), 23)]);
    assert_eq!((replaces.runs, replaces.busy), (24, 23 * 60 * MINUTE));
    let allows = of(overlap(Overlap::Allow));
    assert_eq!((allows.runs, allows.peak, allows.running), (24, 2, 2));
}

#[test]
fn jobs_of_a_group_wait_for_each_other() {
    let jobs = ["a", "b", "c"].map(|text| job(text, "0 * * * *", in_group()));
    let report = a_day_of(&plan(jobs.into(), None), &[(600, 0), (600, 0), (600, 0)]);
    let waits = &report.groups[&name("one")];
    assert_eq!((waits.count(), waits.waited(), waits.longest()), (3 * 24 - 2, 2 * 24 - 2, 20 * MINUTE));
    assert_eq!((waits.quantile(0.5), waits.quantile(0.99)), (Some(10 * MINUTE), Some(20 * MINUTE)));
    assert_eq!(report.load.peak, Peak { running: 1, at: at("2026-01-05T01:00:00Z") });
    // What is due at the very end has begun, or waits.
    assert_eq!(
        report.jobs.iter().map(|job| (job.running, job.waiting)).collect::<Vec<_>>(),
        [(1, 0), (0, 1), (0, 1)]
    );
}

#[test]
fn all_jobs_together_have_a_limit() {
    let jobs = ["a", "b", "c"].map(|text| job(text, "30 * * * *", Policy::default()));
    let report = a_day_of(&plan(jobs.into(), Some(2)), &[(60, 0), (120, 0), (180, 0)]);
    assert_eq!(report.load.peak, Peak { running: 2, at: at("2026-01-05T00:30:00Z") });
    assert_eq!((report.waits.waited(), report.waits.longest()), (24, MINUTE));
    let hour = report.load.hours[0];
    assert_eq!((hour.starts, hour.busy, hour.peak), (3, 6 * MINUTE, 2));
}

#[test]
fn what_fails_is_drawn_from_the_seed_and_tried_again() {
    let policy = Policy { retry: Retry::fixed(3, MINUTE), ..Policy::default() };
    let plan = plan(vec![job("a", "*/10 * * * *", policy)], None);
    let of = |seed| hours_of(&plan, "2026-01-05T00:00:00Z", 24 * 7, &[(1, 500_000)], seed).jobs.remove(0);
    let (one, again, other) = (of("one"), of("one"), of("other"));
    assert_eq!((&one.endings, one.attempts), (&again.endings, again.attempts));
    assert_ne!((&one.endings, one.attempts), (&other.endings, other.attempts));
    let failed = one.count(Outcome::Failed);
    // One in eight of 1,008.
    assert!((90..160).contains(&failed), "{failed}");
    assert!((1600..1900).contains(&one.attempts), "{}", one.attempts);
    let always = hours_of(&plan, "2026-01-05T00:00:00Z", 1, &[(1, 1_000_000)], "");
    assert_eq!((always.jobs[0].count(Outcome::Succeeded), always.jobs[0].count(Outcome::Failed)), (0, 5));
}

#[test]
fn a_timeout_ends_what_takes_too_long() {
    let policy = Policy { timeout: Some(MINUTE), ..Policy::default() };
    let report = a_day_of(&plan(vec![job("a", "0 * * * *", policy)], None), &[(3600, 0)]);
    assert_eq!(report.jobs[0].endings, [(Ending::TimedOut, 23)]);
    assert_eq!(report.jobs[0].busy, 23 * MINUTE);
}

#[test]
fn jobs_run_after_others_and_at_the_start() {
    let once = Job { startup: true, ..job("first", "0 12 * * *", Policy::default()) };
    let second = || job("second", "0 0 1 1 *", Policy::default());
    let after = After { jobs: vec![name("first")], on: AfterOn::Success, any: false };
    let second = Job { after: Some(Box::new(after)), ..second() };
    let report = a_day_of(&plan(vec![once, second], None), &[(60, 0), (60, 0)]);
    assert_eq!((report.jobs[0].runs, report.jobs[1].runs), (2, 2));
    assert_eq!(report.jobs[0].first_run, Some(at("2026-01-05T00:00:00Z")));
    assert_eq!(report.jobs[1].first_run, Some(at("2026-01-05T00:01:00Z")));
}

#[test]
fn changes_of_the_clocks_are_noted_once_for_each_job() {
    let jobs = ["30 2 * * *", "*/10 * * * *", "0 5 * * *"];
    let jobs = (0..).zip(jobs).map(|(n, cron)| job(&format!("job{n}"), cron, Policy::default()));
    let plan = plan(jobs.collect(), None);
    let takes = [(1, 0); 3];
    let spring = hours_of(&plan, "2026-03-28T12:00:00Z", 48, &takes, "");
    let shift = |mark, first, count| Shift { mark, first: at(first), count };
    assert_eq!(spring.jobs[0].shifts, [shift(DstMark::Gap, "2026-03-29T01:00:00Z", 1)]);
    assert_eq!((spring.jobs[1].shifts.len(), spring.jobs[2].shifts.len()), (0, 0));
    let autumn = hours_of(&plan, "2026-10-24T12:00:00Z", 48, &takes, "");
    assert_eq!(autumn.jobs[0].shifts, [shift(DstMark::Fold, "2026-10-25T00:30:00Z", 1)]);
    assert_eq!(autumn.jobs[1].shifts, [shift(DstMark::Fold, "2026-10-25T00:00:00Z", 12)]);
    assert_eq!(autumn.jobs[1].runs, 48 * 6);
}

#[test]
fn slices_say_what_a_job_did_when() {
    let report = a_day_of(&plan(vec![job("a", "30 3 * * *", overlap(Overlap::Skip))], None), &[(3600, 0)]);
    // Half past three in Berlin is half past two.
    let slices = &report.jobs[0].slices;
    assert_eq!(slices.len(), 24);
    assert_eq!(slices[2], Slice { starts: 1, troubles: 0, busy: 30 * MINUTE });
    assert_eq!(slices[3], Slice { starts: 0, troubles: 0, busy: 30 * MINUTE });
    assert_eq!(slices.iter().filter(|slice| **slice != Slice::default()).count(), 2);
}
