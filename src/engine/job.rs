//! A job of an embedding program: what it does, when, and by which policies.

use super::work::{self, IntoResult};
use super::{AddError, RunContext, stored};
use crate::model::{
    self, After, AfterOn, Coalesce, Grace, JobAction, Name, OutputMode, Overlap, Place, Policy, Retry,
    Rights, Setup, Task, TaskMisfit, Tasks, stable_hash,
};
use crate::trigger::{ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What [`Job::command`] keeps of an attempt's output.
const KEEP_OUTPUT_BYTES: u64 = 64 << 10;

/// A named thing to do, before it is added to a scheduler. What is not chosen is as in a job file: one run at once,
/// fire times beyond that are skipped, misfires may start up to an hour late and are coalesced into the latest.
///
/// ```
/// use runner::{Job, Overlap, Trigger, Zone};
/// use std::time::Duration;
///
/// let zone = Zone::find("Europe/Berlin")?;
/// let report = Job::new("report", Trigger::cron("30 2 * * MON-FRI", &zone)?, |context| async move {
///     println!("{} for {}", context.run, context.fire_time);
/// })
/// .zone(&zone)
/// .timeout(Duration::from_secs(1800))
/// .overlap(Overlap::Queue);
/// # drop(report);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a job runs when it was added to a scheduler"]
pub struct Job {
    pub(super) name: String,
    description: Option<Arc<str>>,
    triggers: Vec<Trigger>,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    startup: bool,
    zone: Option<Zone>,
    pub(super) does: Does,
    pub(super) setup: Setup,
    policy: Policy,
    max_instances: u32,
    group: Option<String>,
    enabled: bool,
    delay_after: Option<Duration>,
    runs_max: Option<u64>,
    after: Option<Firsts>,
    pub(super) conflict: Conflict,
    place: Place,
}

/// What a job does.
#[derive(Clone, Debug)]
pub(super) enum Does {
    Action(JobAction),
    /// Calls the task of this name with these arguments, unless it is said why they are none.
    Task(String, Result<Arc<Value>, String>),
}

impl Job {
    /// Returns a job that runs async code: it is called for each attempt, and what it returns is a task of the
    /// runtime. It may return nothing or a result; an error fails the run, and so does a panic.
    ///
    /// The code must not block its thread: see [`Job::blocking`].
    #[track_caller]
    pub fn new<F, Fut>(name: impl Into<String>, triggers: impl IntoTriggers, work: F) -> Job
    where
        F: Fn(RunContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResult> + Send + 'static,
    {
        Job::of(name.into(), triggers, Does::Action(JobAction::Closure(work::of_async(work))))
    }

    /// Returns a job that runs code which blocks: on one of the runtime's blocking threads, at most
    /// [`blocking_max`](super::Builder::blocking_max) of all such jobs at once. To be told to stop it has to look at
    /// [`RunContext::cancel`].
    ///
    /// A channel is its way to async code:
    ///
    /// ```
    /// use runner::{BoxError, Job, Outcome, Scheduler};
    /// use tokio::sync::mpsc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let (sender, mut receiver) = mpsc::channel(1);
    /// let mut scheduler = Scheduler::builder().build();
    /// scheduler.add(Job::blocking("count", (), move |context| {
    ///     for number in 0.. {
    ///         if context.cancel.is_cancelled() {
    ///             break;
    ///         }
    ///         // Waits while the channel is full, and fails the run when nobody receives any more.
    ///         sender.blocking_send(number)?;
    ///     }
    ///     Ok::<(), BoxError>(())
    /// }))?;
    ///
    /// let handle = scheduler.start()?;
    /// let count = handle.trigger("count")?;
    /// assert_eq!(receiver.recv().await, Some(0));
    /// assert_eq!(receiver.recv().await, Some(1));
    /// drop(receiver);
    /// assert_eq!(count.await?.outcome, Outcome::Failed);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn blocking<F, R>(name: impl Into<String>, triggers: impl IntoTriggers, work: F) -> Job
    where
        F: Fn(RunContext) -> R + Send + Sync + 'static,
        R: IntoResult,
    {
        Job::of(name.into(), triggers, Does::Action(JobAction::Closure(work::of_blocking(work))))
    }

    /// Returns a job that runs a [task](super::Builder::tasks) with these arguments, which are written as JSON now; `()`
    /// if it takes none. That the task is there and takes them is known when the job is added.
    #[track_caller]
    pub fn task(
        name: impl Into<String>,
        triggers: impl IntoTriggers,
        task: impl Into<String>,
        args: impl Serialize,
    ) -> Job {
        let args = serde_json::to_value(args).map(Arc::new).map_err(|error| error.to_string());
        Job::of(name.into(), triggers, Does::Task(task.into(), args))
    }

    #[track_caller]
    pub(super) fn of(name: String, triggers: impl IntoTriggers, does: Does) -> Job {
        let caller = Location::caller();
        Job {
            name,
            description: None,
            triggers: triggers.into_triggers(),
            start: None,
            end: None,
            startup: false,
            zone: None,
            does,
            setup: setup(),
            policy: Policy::default(),
            max_instances: 1,
            group: None,
            enabled: true,
            delay_after: None,
            runs_max: None,
            after: None,
            conflict: Conflict::Error,
            place: Place { file: Path::new(caller.file()).into(), line: caller.line() },
        }
    }

    /// The job as a scheduler has it.
    pub(super) fn from_model(job: &model::Job) -> Job {
        Job {
            name: job.name.to_string(),
            description: job.description.clone(),
            triggers: job.schedule.triggers().to_vec(),
            start: job.schedule.start(),
            end: job.schedule.end(),
            startup: job.startup,
            zone: Some(job.zone.clone()),
            does: match &job.action {
                // What it is stored as is written anew.
                JobAction::Task(task) if task.stored.is_some() => {
                    Does::Task(task.name.to_string(), Ok(Arc::clone(&task.args)))
                }
                action => Does::Action(action.clone()),
            },
            setup: Setup::clone(&job.setup),
            policy: Policy::clone(&job.policy),
            max_instances: job.policy.max_instances.get(),
            group: job.policy.group.as_ref().map(Name::to_string),
            enabled: job.enabled,
            delay_after: job.delay_after,
            runs_max: job.runs_max.map(NonZeroU64::get),
            after: job.after.as_deref().map(Firsts::from_model),
            conflict: Conflict::Error,
            place: job.place.clone(),
        }
    }

    /// Whatever it is called, this is its name.
    pub(super) fn named(self, name: &Name) -> Job {
        Job { name: name.to_string(), ..self }
    }

    /// When it is due, instead of what was said before.
    pub fn triggers(self, triggers: impl IntoTriggers) -> Job {
        Job { triggers: triggers.into_triggers(), ..self }
    }

    /// Also runs each time that all these jobs have finished so since its own last run began. They may be yet to be
    /// added; it never runs after itself.
    pub fn after<N: Into<String>>(self, jobs: impl IntoIterator<Item = N>, on: AfterOn) -> Job {
        self.after_these(jobs, on, false)
    }

    /// Also runs each time that one of these jobs has finished so.
    pub fn after_any<N: Into<String>>(self, jobs: impl IntoIterator<Item = N>, on: AfterOn) -> Job {
        self.after_these(jobs, on, true)
    }

    fn after_these<N: Into<String>>(self, jobs: impl IntoIterator<Item = N>, on: AfterOn, any: bool) -> Job {
        let jobs = jobs.into_iter().map(N::into).collect();
        Job { after: Some(Firsts { jobs, on, any }), ..self }
    }

    /// Is due this long after the end of its last run, however that ended, and at first this long after it was added;
    /// instead of at times. A runner that goes on begins with the delay.
    pub fn delay_after(self, delay: Duration) -> Job {
        Job { delay_after: Some(delay), ..self }
    }

    /// Has finished for good when so many runs for its fire times have begun. What is asked for by hand does not
    /// count, and an attempt that is tried again counts once.
    pub fn runs_max(self, most: u64) -> Job {
        Job { runs_max: Some(most), ..self }
    }

    /// What happens when it is added and there is a job of its name; by default that is an error.
    pub fn on_conflict(self, conflict: Conflict) -> Job {
        Job { conflict, ..self }
    }

    /// What it is for, in a person's words.
    pub fn description(self, text: impl Into<Arc<str>>) -> Job {
        Job { description: Some(text.into()), ..self }
    }

    /// Also runs once when the scheduler starts. A job that is added later does not.
    pub fn on_startup(self) -> Job {
        Job { startup: true, ..self }
    }

    /// No fire time is earlier than this instant, which itself may be one. Periods of elapsed time are anchored here.
    pub fn starting(self, start: DateTime<Utc>) -> Job {
        Job { start: Some(start), ..self }
    }

    /// No fire time is later than this instant, which itself may be one.
    pub fn ending(self, end: DateTime<Utc>) -> Job {
        Job { end: Some(end), ..self }
    }

    /// In which zone its times are shown; by default the scheduler's. What triggers mean is theirs.
    pub fn zone(self, zone: &Zone) -> Job {
        Job { zone: Some(zone.clone()), ..self }
    }

    /// How many runs of it there may be at once, those by request included; 1 by default.
    pub fn max_instances(self, most: u32) -> Job {
        Job { max_instances: most, ..self }
    }

    /// What happens to a fire time when there are `max_instances` runs already; by default it is skipped.
    pub fn overlap(mut self, overlap: Overlap) -> Job {
        self.policy.overlap = overlap;
        self
    }

    /// How late a misfire may still start; by default an hour.
    pub fn misfire_grace_time(mut self, grace: Grace) -> Job {
        self.policy.misfire_grace_time = grace;
        self
    }

    /// Which of several misfires run; by default the latest.
    pub fn coalesce(mut self, coalesce: Coalesce) -> Job {
        self.policy.coalesce = coalesce;
        self
    }

    /// Delays each fire time by up to this long, drawn from the job's name and the fire time, and never up to the
    /// next one. The series itself does not move.
    pub fn jitter(mut self, most: Duration) -> Job {
        self.policy.jitter = Some(most);
        self
    }

    /// How long an attempt may take; then it is cancelled, and the run has `timed_out`.
    pub fn timeout(mut self, timeout: Duration) -> Job {
        self.policy.timeout = Some(timeout);
        self
    }

    /// How long after its cancellation an attempt is dropped, or killed; 10 s by default.
    pub fn kill_after(mut self, kill_after: Duration) -> Job {
        self.policy.ladder.kill_after = kill_after;
        self
    }

    /// What follows a failed or timed-out attempt; by default nothing.
    pub fn retry(mut self, retry: Retry) -> Job {
        self.policy.retry = retry;
        self
    }

    /// Shares the limit of that [group](super::Builder::group).
    pub fn group(self, group: impl Into<String>) -> Job {
        Job { group: Some(group.into()), ..self }
    }

    /// Returns the job as the scheduler has it, if it is sound.
    pub(super) fn build(self, host: &Host) -> Result<Arc<model::Job>, AddError> {
        let invalid = |source| AddError::InvalidName { name: self.name.clone(), source };
        let name = Name::parse(&self.name).map_err(invalid)?;
        let zero = |what| AddError::Zero { job: name.clone(), what };
        let mut policy = self.policy;
        policy.max_instances = NonZeroU32::new(self.max_instances).ok_or_else(|| zero("max_instances"))?;
        let runs_max = self.runs_max.map(|most| NonZeroU64::new(most).ok_or_else(|| zero("runs_max")));
        if self.delay_after.is_some_and(|delay| delay.is_zero()) {
            return Err(zero("delay_after"));
        }
        if self.delay_after.is_some() && !self.triggers.is_empty() {
            return Err(AddError::DelayAndTriggers { job: name });
        }
        policy.group = match &self.group {
            Some(group) => {
                let known = host.groups.keys().find(|known| known.as_str() == group);
                let unknown = || AddError::UnknownGroup { job: name.clone(), group: group.clone() };
                Some(known.ok_or_else(unknown)?.clone())
            }
            None => None,
        };
        // One that was drawn before stays, whatever the seed is now.
        let spread = stable_hash(&[host.seed.as_bytes(), name.as_str().as_bytes()]);
        let triggers = self.triggers.into_iter().map(|trigger| trigger.spread_undrawn(spread)).collect();
        let (start, end) = (self.start, self.end);
        let schedule = ScheduleBuilder { triggers, start, end }.build();
        if schedule.never_fires() {
            return Err(AddError::NeverFires { job: name });
        }
        let is_stored = host.is_durable && matches!(self.does, Does::Task(..));
        let action = match self.does {
            #[cfg(feature = "process")]
            Does::Action(JobAction::Argv(words)) if words.is_empty() => {
                return Err(AddError::NoProgram { job: name });
            }
            Does::Action(action) => action,
            Does::Task(task, args) => JobAction::Task(Arc::new(host.task(&name, &task, args)?)),
        };
        if host.blocking_max == 0 && work::blocks(&action) {
            return Err(AddError::NoBlocking { job: name });
        }
        let job = model::Job {
            name,
            description: self.description,
            enabled: self.enabled,
            startup: self.startup,
            after: self.after.map(Firsts::build).transpose()?.flatten(),
            schedule: Arc::new(schedule),
            delay_after: self.delay_after,
            runs_max: runs_max.transpose()?,
            zone: self.zone.unwrap_or_else(|| host.zone.clone()),
            action,
            setup: Arc::new(self.setup),
            policy: Arc::new(policy),
            place: self.place,
        };
        Ok(Arc::new(if is_stored { stored::to_be_stored(job)? } else { job }))
    }
}

/// After whose finishes a job runs.
#[derive(Clone, Debug)]
struct Firsts {
    jobs: Vec<String>,
    on: AfterOn,
    any: bool,
}

impl Firsts {
    fn from_model(after: &After) -> Firsts {
        Firsts { jobs: after.jobs.iter().map(Name::to_string).collect(), on: after.on, any: after.any }
    }

    /// `None`: after none.
    fn build(self) -> Result<Option<Box<After>>, AddError> {
        let mut jobs = Vec::new();
        for name in self.jobs {
            let job = Name::parse(&name).map_err(|source| AddError::InvalidName { name, source })?;
            if !jobs.contains(&job) {
                jobs.push(job);
            }
        }
        Ok((!jobs.is_empty()).then(|| Box::new(After { jobs, on: self.on, any: self.any })))
    }
}

/// What happens to a job that is added while there is one of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflict {
    /// It is refused.
    #[default]
    Error,
    /// The one that is there stays as it is.
    Keep,
    /// The one that is there is removed, and this one begins anew: it is not paused, its first fire time is after this
    /// moment, and what waited is `skipped: removed`. Runs under way go on to their end.
    Replace,
    /// The one that is there is changed to this. Its next fire time stays unless triggers, zone, start or end are
    /// others, and its pause, history and runs stay in any case.
    Upsert,
}

/// What a scheduler's jobs have in common.
#[derive(Debug)]
pub(super) struct Host {
    /// What `H` is drawn from, beside the job's name.
    pub(super) seed: String,
    pub(super) zone: Zone,
    pub(super) groups: BTreeMap<Name, NonZeroU32>,
    pub(super) blocking_max: usize,
    /// Whether the ledger lasts, and so stores jobs of tasks.
    pub(super) is_durable: bool,
    /// More may be registered while it runs.
    pub(super) tasks: Mutex<Tasks>,
}

impl Host {
    pub(super) fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the task of that name with these arguments, of that job.
    fn task(&self, job: &Name, task: &str, args: Result<Arc<Value>, String>) -> Result<Task, AddError> {
        let bound = match args {
            Ok(args) => self.tasks().bind(task, args),
            Err(error) => Err(TaskMisfit::Unwritable { task: task.to_owned(), message: error }),
        };
        bound.map_err(|misfit| AddError::Task { job: job.clone(), misfit })
    }
}

/// When a job is due: a trigger, several of them, or none for a job that only runs by request or at startup.
pub trait IntoTriggers {
    /// Returns the triggers. Of several that name one instant, the first is named.
    fn into_triggers(self) -> Vec<Trigger>;
}

impl IntoTriggers for Trigger {
    fn into_triggers(self) -> Vec<Trigger> {
        vec![self]
    }
}

impl IntoTriggers for Vec<Trigger> {
    fn into_triggers(self) -> Vec<Trigger> {
        self
    }
}

impl<const N: usize> IntoTriggers for [Trigger; N] {
    fn into_triggers(self) -> Vec<Trigger> {
        self.into()
    }
}

impl IntoTriggers for () {
    fn into_triggers(self) -> Vec<Trigger> {
        Vec::new()
    }
}

fn setup() -> Setup {
    Setup {
        shell: vec!["/bin/sh".to_owned(), "-c".to_owned()],
        cwd: PathBuf::from("."),
        inherit_env: true,
        env_files: Vec::new(),
        env: BTreeMap::new(),
        stdin: None,
        rights: Rights::default(),
        output: OutputMode::All,
        keep_output_bytes: KEEP_OUTPUT_BYTES,
    }
}
