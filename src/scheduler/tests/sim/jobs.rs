//! The plan and the jobs of a history, as the scheduler has them.

use super::script::{JobSpec, Kind, Script};
use crate::model::{After, Job, Keep, Ladder, LedgerPlace, Name, Plan, Policy, Retry, Settings};
use crate::scheduler::tests::world::{many, scheduled};
use crate::trigger::{ScheduleBuilder, ShortMonth, Trigger, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What a runner is given.
pub(super) fn plan(script: &Script, jobs: impl IntoIterator<Item = Job>) -> Plan {
    Plan {
        jobs: jobs.into_iter().map(Arc::new).collect(),
        groups: [(Name::parse("group").expect("a name"), many(script.group))].into(),
        settings: Settings {
            file: Path::new("jobs.toml").into(),
            zone: Zone::utc(),
            max_running: script.max_running.map(many),
            shutdown_grace: Duration::from_secs(25),
            ledger: LedgerPlace::Memory,
            name: None,
            keep: Keep::default(),
            seed: None,
        },
    }
}

/// The job of a history that begins at `start`.
pub(super) fn job(spec: &JobSpec, start: DateTime<Utc>) -> Job {
    let zone = |name: &str| Zone::find(name).expect("a zone");
    let cron = |text: &str, name: &str| Trigger::cron(text, &zone(name)).expect("a cron");
    let every = |period| Trigger::every(period).expect("a period");
    let triggers = match &spec.kind {
        Kind::Never | Kind::Delay(_) => Vec::new(),
        Kind::Every(period) => vec![every(*period)],
        Kind::At(seconds) => {
            let text = |second: &i64| (start + TimeDelta::seconds(*second)).to_rfc3339();
            seconds
                .iter()
                .map(|second| Trigger::at(&text(second), &Zone::utc()).expect("an instant"))
                .collect()
        }
        Kind::Cron(text, name) => vec![cron(text, name)],
        Kind::Calendar(text, name) => vec![Trigger::calendar(text, &zone(name)).expect("a calendar")],
        Kind::Days(days) => {
            let first = (start + TimeDelta::seconds(40)).format("%FT%T").to_string();
            let text = format!("{days} days");
            vec![Trigger::interval(&text, &first, ShortMonth::Skip, &Zone::utc()).expect("an interval")]
        }
        Kind::Union(period, text) => vec![every(*period), cron(text, "UTC")],
    };
    let schedule = ScheduleBuilder { triggers, start: None, end: None }.build();
    let names =
        |names: &[&str]| names.iter().map(|name| Name::parse(name).expect("a name")).collect::<Vec<_>>();
    let after = spec.after.as_ref().filter(|(firsts, ..)| !firsts.is_empty());
    let after = after.map(|(firsts, on, any)| Box::new(After { jobs: names(firsts), on: *on, any: *any }));
    let delay_after = if let Kind::Delay(delay) = spec.kind { Some(delay) } else { None };
    let retry = Retry::Backoff {
        attempts: many(spec.attempts),
        delay: spec.delay,
        factor: 2.0,
        delay_max: Duration::from_secs(60),
    };
    let policy = Policy {
        max_instances: many(spec.max_instances),
        overlap: spec.overlap,
        misfire_grace_time: spec.grace,
        coalesce: spec.coalesce,
        jitter: spec.jitter,
        timeout: spec.timeout,
        ladder: Ladder { kill_after: spec.kill_after, ..Ladder::default() },
        retry: if spec.attempts > 1 { retry } else { Retry::Never },
        group: spec.in_group.then(|| Name::parse("group").expect("a name")),
        on_orphan: spec.on_orphan,
        ..Policy::default()
    };
    let job = Job {
        enabled: spec.enabled,
        startup: spec.startup,
        after,
        delay_after,
        runs_max: spec.runs_max.and_then(NonZeroU64::new),
        schedule: Arc::new(schedule),
        policy: Arc::new(policy),
        ..scheduled(spec.name, Vec::new())
    };
    if let Some(text) = spec.stored { job.stored_as(text) } else { job }
}
