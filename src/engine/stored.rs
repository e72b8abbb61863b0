//! A job of a task as one text, of which the same job is made later, by another process and another release:
//! `{"version":1,"task":"send_mail","args":{"user":42},"schedule":{"triggers":[…]},"zone":"Europe/Berlin",…}`.
//!
//! It holds everything of the job, and in full what a release decides for it, but for its name and the task's code.
//! A text of a newer version, and one with a key that is not known, is not read: what it means would be lost.

use super::job::Host;
use super::{AddError, Job};
use crate::model::{self, AfterOn, Coalesce, Grace, JobAction, Name, Overlap, Retry, Task};
use crate::trigger::{BadDefinition, Schedule, UnknownZone, Zone};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

/// What this release writes, and the newest that it reads.
const VERSION: u64 = 1;

/// Why a stored job does not come back. What it was due stays open meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParkedWhy {
    /// A newer release has stored it.
    #[error(
        "expected version {VERSION} of its text or an older one, found {version}; a newer release has stored it"
    )]
    Newer {
        /// Of its text.
        version: u64,
    },
    /// Its text is damaged.
    #[error("its text cannot be read: {message}")]
    Unreadable {
        /// What was expected and found.
        message: String,
    },
    /// It is meant in a zone that the zone data does not have.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// Its task is not registered or takes other arguments, its group is not there, or whatever else would stand against
    /// adding it.
    #[error(transparent)]
    Job(#[from] AddError),
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u64,
    task: String,
    args: Value,
    /// As it is written, to the letter.
    schedule: Box<RawValue>,
    zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_after: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runs_max: Option<NonZeroU64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<After>,
    #[serde(default, skip_serializing_if = "is_false")]
    startup: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    max_instances: u32,
    overlap: Overlap,
    misfire_grace_time: Grace,
    coalesce: Coalesce,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Duration>,
    kill_after: Duration,
    retry: Retry,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    jobs: Vec<String>,
    on: AfterOn,
    any: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Returns the job with the text as which it is to be stored.
///
/// # Errors
/// [`AddError::NotStorable`]: a trigger of it is code.
pub(super) fn to_be_stored(job: model::Job) -> Result<model::Job, AddError> {
    let JobAction::Task(task) = &job.action else { return Ok(job) };
    let definition = job.schedule.definition();
    let definition = definition.ok_or_else(|| AddError::NotStorable { job: job.name.clone() })?;
    let policy = &*job.policy;
    let after = job.after.as_deref().map(|after| After {
        jobs: after.jobs.iter().map(Name::to_string).collect(),
        on: after.on,
        any: after.any,
    });
    let stored = Stored {
        version: VERSION,
        task: task.name.to_string(),
        args: Value::clone(&task.args),
        schedule: RawValue::from_string(definition).expect("a definition is JSON"),
        zone: job.zone.name().to_owned(),
        delay_after: job.delay_after,
        runs_max: job.runs_max,
        after,
        startup: job.startup,
        description: job.description.as_deref().map(str::to_owned),
        group: policy.group.as_ref().map(Name::to_string),
        max_instances: policy.max_instances.get(),
        overlap: policy.overlap,
        misfire_grace_time: policy.misfire_grace_time,
        coalesce: policy.coalesce,
        jitter: policy.jitter,
        timeout: policy.timeout,
        kill_after: policy.ladder.kill_after,
        retry: policy.retry,
    };
    let text = serde_json::to_string(&stored).expect("it has no map whose keys are no texts");
    Ok(stored_as(job, text.into()))
}

fn stored_as(job: model::Job, text: Arc<str>) -> model::Job {
    if let JobAction::Task(task) = &job.action {
        let task = Task { stored: Some(text), ..Task::clone(task) };
        model::Job { action: JobAction::Task(Arc::new(task)), ..job }
    } else {
        job
    }
}

/// Returns the job that is stored as this text, or why it cannot be as it was.
pub(super) fn read(name: &Name, text: &Arc<str>, host: &Host) -> Result<Arc<model::Job>, ParkedWhy> {
    let job = parse(name, text)?.build(host)?;
    // Its bytes stay as they are.
    Ok(Arc::new(stored_as(Arc::unwrap_or_clone(job), Arc::clone(text))))
}

/// The task that a text names, if it can be read so far.
pub(super) fn task_of(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        task: String,
    }
    serde_json::from_str(text).ok().map(|Named { task }| task)
}

fn parse(name: &Name, text: &str) -> Result<Job, ParkedWhy> {
    let unreadable = |error: serde_json::Error| ParkedWhy::Unreadable { message: error.to_string() };
    let Version { version } = serde_json::from_str(text).map_err(unreadable)?;
    if version > VERSION {
        return Err(ParkedWhy::Newer { version });
    }
    let stored: Stored = serde_json::from_str(text).map_err(unreadable)?;
    let schedule = Schedule::of_definition(stored.schedule.get()).map_err(|bad| match bad {
        BadDefinition::Zone(zone) => ParkedWhy::Zone(zone),
        BadDefinition::Unreadable { .. } | BadDefinition::Trigger(_) => {
            ParkedWhy::Unreadable { message: bad.to_string() }
        }
    })?;
    let mut job = Job::task(name.as_str(), schedule.triggers().to_vec(), stored.task, stored.args)
        .zone(&Zone::find(&stored.zone)?)
        .max_instances(stored.max_instances)
        .overlap(stored.overlap)
        .misfire_grace_time(stored.misfire_grace_time)
        .coalesce(stored.coalesce)
        .kill_after(stored.kill_after)
        .retry(stored.retry);
    if let Some(start) = schedule.start() {
        job = job.starting(start);
    }
    if let Some(end) = schedule.end() {
        job = job.ending(end);
    }
    if let Some(delay) = stored.delay_after {
        job = job.delay_after(delay);
    }
    if let Some(most) = stored.runs_max {
        job = job.runs_max(most.get());
    }
    if let Some(After { jobs, on, any }) = stored.after {
        job = if any { job.after_any(jobs, on) } else { job.after(jobs, on) };
    }
    if stored.startup {
        job = job.on_startup();
    }
    if let Some(description) = stored.description {
        job = job.description(description);
    }
    if let Some(group) = stored.group {
        job = job.group(group);
    }
    if let Some(jitter) = stored.jitter {
        job = job.jitter(jitter);
    }
    if let Some(timeout) = stored.timeout {
        job = job.timeout(timeout);
    }
    Ok(job)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tasks;
    use crate::trigger::Trigger;
    use std::collections::BTreeMap;
    use std::num::NonZeroU32;
    use std::sync::Mutex;

    fn host() -> Host {
        let tasks = Tasks::new().add("mail", |_, _: Value| async {}).expect("a new name");
        Host {
            seed: "seed".into(),
            zone: Zone::utc(),
            groups: BTreeMap::from([(Name::parse("db").expect("a name"), NonZeroU32::MIN)]),
            blocking_max: 0,
            is_durable: true,
            tasks: Mutex::new(tasks),
        }
    }

    /// Also asserts that the same job is made of it, with the same text.
    #[track_caller]
    fn check(job: Job, expected: &str) {
        let host = host();
        let job = job.build(&host).expect("a sound job");
        let text = job.stored().expect("it is stored");
        assert_eq!(&**text, expected);
        let back = parse(&job.name, text).expect("it can be read").build(&host).expect("it is sound");
        assert_eq!(back.stored(), Some(text));
        assert_eq!((&back.schedule, &back.zone, &back.policy), (&job.schedule, &job.zone, &job.policy));
        assert_eq!(
            (&back.after, back.startup, &back.description),
            (&job.after, job.startup, &job.description)
        );
    }

    #[test]
    fn a_text_holds_what_a_release_decides_for_the_job() {
        check(
            Job::task("digest", (), "mail", 42),
            r#"{"version":1,"task":"mail","args":42,"schedule":{"triggers":[]},"zone":"UTC","max_instances":1,"overlap":"skip","misfire_grace_time":{"within":{"secs":3600,"nanos":0}},"coalesce":"latest","kill_after":{"secs":10,"nanos":0},"retry":"never"}"#,
        );
    }

    #[test]
    fn a_text_holds_all_of_a_job() {
        let berlin = Zone::find("Europe/Berlin").expect("a zone");
        let secs = Duration::from_secs;
        let at = |text: &str| text.parse().expect("an instant");
        let triggers = [
            Trigger::cron("H 3 * * *", &berlin).expect("a cron"),
            Trigger::every(secs(7)).expect("a period"),
        ];
        let attempts = NonZeroU32::new(3).expect("not zero");
        let retry = Retry::Backoff { attempts, delay: secs(1), factor: 1.5, delay_max: secs(60) };
        check(
            Job::task("digest", triggers, "mail", BTreeMap::from([("user", "me")]))
                .zone(&berlin)
                .starting(at("2026-01-01T00:00:00.500Z"))
                .ending(at("2030-01-01T00:00:00Z"))
                .runs_max(9)
                .after_any(["a", "b"], AfterOn::Finish)
                .on_startup()
                .description("by \"night\"")
                .group("db")
                .max_instances(2)
                .overlap(Overlap::Queue)
                .misfire_grace_time(Grace::Any)
                .coalesce(Coalesce::All)
                .jitter(Duration::from_millis(1500))
                .timeout(secs(30))
                .kill_after(secs(5))
                .retry(retry),
            r#"{"version":1,"task":"mail","args":{"user":"me"},"schedule":{"triggers":[{"cron":{"text":"H 3 * * *","zone":"Europe/Berlin","spread":4982890664829744626,"dst":{"gap":"after","fold":"first"}}},{"every":{"period_ms":7000,"anchor_ms":1767225600500}}],"start":"2026-01-01T00:00:00.500Z","end":"2030-01-01T00:00:00Z"},"zone":"Europe/Berlin","runs_max":9,"after":{"jobs":["a","b"],"on":"finish","any":true},"startup":true,"description":"by \"night\"","group":"db","max_instances":2,"overlap":"queue","misfire_grace_time":"any","coalesce":"all","jitter":{"secs":1,"nanos":500000000},"timeout":{"secs":30,"nanos":0},"kill_after":{"secs":5,"nanos":0},"retry":{"backoff":{"attempts":3,"delay":{"secs":1,"nanos":0},"factor":1.5,"delay_max":{"secs":60,"nanos":0}}}}"#,
        );
        check(
            Job::task("digest", (), "mail", ()).delay_after(secs(90)).after(["a"], AfterOn::Success),
            r#"{"version":1,"task":"mail","args":null,"schedule":{"triggers":[]},"zone":"UTC","delay_after":{"secs":90,"nanos":0},"after":{"jobs":["a"],"on":"success","any":false},"max_instances":1,"overlap":"skip","misfire_grace_time":{"within":{"secs":3600,"nanos":0}},"coalesce":"latest","kill_after":{"secs":10,"nanos":0},"retry":"never"}"#,
        );
    }
}
