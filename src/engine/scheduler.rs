//! Building a scheduler and starting it.

use super::events::Nobody;
use super::job::Host;
use super::{Clock, Conflict, Engine, Handle, Job, Options, default_seed};
use crate::ledger::{Ledger, MemoryLedger};
use crate::model::{self, InvalidName, Keep, LedgerPlace, Name, Plan, Settings, TaskMisfit, Tasks};
use crate::scheduler;
use crate::trigger::Zone;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroU32;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime;

/// How long a stop takes at most that nobody has given a grace: when the last handle is dropped.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(25);

/// More events than that are not kept.
const EVENTS_MAX: usize = 1 << 20;

/// Jobs, and the limits they share, before they run. Made by [`Scheduler::builder`]; needs no runtime.
///
/// See the [crate's page](crate) for an example.
#[must_use = "nothing runs before it is started"]
pub struct Scheduler {
    pub(super) host: Host,
    pub(super) jobs: Vec<Arc<model::Job>>,
    /// Where in `jobs` each is.
    pub(super) places: BTreeMap<Name, usize>,
    /// Those that are to be kept as the ledger has them stored, if it has.
    keeps: BTreeSet<Name>,
    pub(super) ledger: Box<dyn Ledger>,
    pub(super) settings: Settings,
    events_max: usize,
    history_max: usize,
    clock: MakeClock,
}

/// What makes the clock when the scheduler starts.
pub(super) type MakeClock = Box<dyn FnOnce() -> io::Result<Clock> + Send + Sync>;

/// Why a job was not added. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Its name is none.
    #[error("`{name}` is no job's name: {source}")]
    InvalidName {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        source: InvalidName,
    },
    /// There is a job of that name.
    #[error("there is a job `{job}` already; choose another name, or replace it")]
    NameTaken {
        /// The name.
        job: Name,
    },
    /// Its triggers name no instant of any year.
    #[error("job `{job}` would never be due: none of its triggers names any instant")]
    NeverFires {
        /// Its name.
        job: Name,
    },
    /// A number of it is 0 that has to be more.
    #[error("job `{job}` has `{what}` 0; expected more than 0")]
    Zero {
        /// Its name.
        job: Name,
        /// What is 0: `max_instances`, `runs_max` or `delay_after`.
        what: &'static str,
    },
    /// It is due at times and after its own end.
    #[error("job `{job}` has both triggers and `delay_after`; expected one of them")]
    DelayAndTriggers {
        /// Its name.
        job: Name,
    },
    /// It blocks, and there is no place for that.
    #[error("job `{job}` blocks, and the scheduler has `blocking_max` 0; build it with 1 or more")]
    NoBlocking {
        /// Its name.
        job: Name,
    },
    /// Its command has no words.
    #[error("job `{job}` has an empty command; expected a program and its arguments")]
    NoProgram {
        /// Its name.
        job: Name,
    },
    /// Its group is not the scheduler's.
    #[error("job `{job}` is in the group `{group}`, which the scheduler was not built with")]
    UnknownGroup {
        /// Its name.
        job: Name,
        /// The group.
        group: String,
    },
    /// Its task is not registered, or takes other arguments.
    #[error("job `{job}`: {misfit}")]
    Task {
        /// Its name.
        job: Name,
        /// What is wrong.
        misfit: TaskMisfit,
    },
    /// Part of its triggers is code, and the ledger is to store it.
    #[error(
        "job `{job}` has a trigger that is code, which a ledger that lasts cannot store with its task; make it a job of \
         a closure"
    )]
    NotStorable {
        /// Its name.
        job: Name,
    },
    /// It would be made due by itself.
    #[error(
        "job `{job}` would run after itself, by way of the jobs that it runs after; take one of them out"
    )]
    AfterItself {
        /// Its name.
        job: Name,
    },
    /// It was to be changed, and is not there.
    #[error("there is no job `{job}`")]
    UnknownJob {
        /// As it was given.
        job: String,
    },
    /// The scheduler is stopping or has stopped.
    #[error("the scheduler is stopping or has stopped; build a new one")]
    Stopped,
}

impl From<scheduler::UnknownJob> for AddError {
    fn from(scheduler::UnknownJob(job): scheduler::UnknownJob) -> AddError {
        AddError::UnknownJob { job: job.to_string() }
    }
}

impl From<scheduler::AddError> for AddError {
    fn from(error: scheduler::AddError) -> AddError {
        match error {
            scheduler::AddError::NameTaken(job) => AddError::NameTaken { job },
            scheduler::AddError::Unknown(job) => AddError::UnknownJob { job: job.to_string() },
            scheduler::AddError::Stopping(_) => AddError::Stopped,
            scheduler::AddError::UnknownGroup { job, group } => {
                AddError::UnknownGroup { job, group: group.to_string() }
            }
            scheduler::AddError::AfterItself(job) => AddError::AfterItself { job },
        }
    }
}

/// Why a scheduler was not started. It comes back as it was, to be started elsewhere; but not a
/// [`LocalScheduler`](super::LocalScheduler), so that the error can go to other threads.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError<S = Box<Scheduler>> {
    /// Not called within a tokio runtime.
    #[error(
        "there is no tokio runtime here: call `start` in an async function under `#[tokio::main]`, or after \
         `Runtime::enter`"
    )]
    NoRuntime(S),
    /// The runtime cannot tell time.
    #[error("this tokio runtime has no timers: build it with `enable_time` or `enable_all`")]
    TimeDisabled(S),
    /// The system refused a timer or a thread.
    #[error("the system refuses what a scheduler needs: {source}")]
    System {
        /// Why.
        source: io::Error,
    },
}

impl<S> std::fmt::Debug for StartError<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl StartError {
    /// Returns the scheduler with its jobs, unless it was lost to the system's refusal.
    pub fn into_scheduler(self) -> Option<Scheduler> {
        match self {
            StartError::NoRuntime(scheduler) | StartError::TimeDisabled(scheduler) => Some(*scheduler),
            StartError::System { .. } => None,
        }
    }

    /// Drops the scheduler.
    pub(super) fn without_scheduler(self) -> StartError<()> {
        match self {
            StartError::NoRuntime(_) => StartError::NoRuntime(()),
            StartError::TimeDisabled(_) => StartError::TimeDisabled(()),
            StartError::System { source } => StartError::System { source },
        }
    }
}

/// Chooses what a scheduler's jobs have in common.
#[must_use]
pub struct Builder {
    zone: Option<Zone>,
    groups: BTreeMap<Name, NonZeroU32>,
    max_running: Option<NonZeroU32>,
    blocking_max: usize,
    events_max: usize,
    history_max: usize,
    seed: Option<String>,
    ledger: Option<Box<dyn Ledger>>,
    tasks: Tasks,
    pub(super) clock: MakeClock,
}

impl Builder {
    /// The zone in which times of jobs are shown that name none; by default the system's, or UTC if that cannot be
    /// known.
    pub fn zone(self, zone: &Zone) -> Builder {
        Builder { zone: Some(zone.clone()), ..self }
    }

    /// A limit that jobs share which are [of that group](Job::group): so many runs of theirs at once.
    pub fn group(mut self, name: Name, max_running: NonZeroU32) -> Builder {
        self.groups.insert(name, max_running);
        self
    }

    /// How many runs of all jobs there may be at once; by default there is no limit.
    pub fn max_running(self, most: NonZeroU32) -> Builder {
        Builder { max_running: Some(most), ..self }
    }

    /// How many runs of [blocking](Job::blocking) jobs there may be at once; 4 by default. With 0 such jobs are
    /// refused.
    pub fn blocking_max(self, most: usize) -> Builder {
        Builder { blocking_max: most, ..self }
    }

    /// How many events are kept for a reader that is slow, from 1 to 1,048,576; 1024 by default. There is memory for so
    /// many from the start on.
    pub fn events_max(self, most: usize) -> Builder {
        Builder { events_max: most.clamp(1, EVENTS_MAX), ..self }
    }

    /// How many ended runs and fire times of each job [`Handle::history`] knows; 20 by default.
    pub fn history_max(self, most: usize) -> Builder {
        Builder { history_max: most, ..self }
    }

    /// What jitter and each `H` of a cron are drawn from, beside the job's name; by default the host's name.
    pub fn seed(self, seed: impl Into<String>) -> Builder {
        Builder { seed: Some(seed.into()), ..self }
    }

    /// Where runs are recorded; by default in memory, which is forgotten with the scheduler.
    pub fn ledger(self, ledger: impl Ledger + 'static) -> Builder {
        Builder { ledger: Some(Box::new(ledger)), ..self }
    }

    /// The tasks that jobs may run by their name ([`Job::task`]); by default there is none.
    pub fn tasks(self, tasks: Tasks) -> Builder {
        Builder { tasks, ..self }
    }

    /// Returns the scheduler.
    pub fn build(self) -> Scheduler {
        let zone = self.zone.or_else(|| Zone::system().ok()).unwrap_or_else(Zone::utc);
        let settings = Settings {
            file: Path::new("").into(),
            zone: zone.clone(),
            max_running: self.max_running,
            shutdown_grace: SHUTDOWN_GRACE,
            ledger: LedgerPlace::Memory,
            name: None,
            keep: Keep::default(),
            seed: self.seed,
        };
        let ledger = self.ledger.unwrap_or_else(|| Box::new(MemoryLedger::default()));
        let seed = settings.seed.clone().unwrap_or_else(default_seed);
        Scheduler {
            host: Host {
                seed,
                zone,
                groups: self.groups,
                blocking_max: self.blocking_max,
                is_durable: ledger.lasts(),
                tasks: Mutex::new(self.tasks),
            },
            jobs: Vec::new(),
            places: BTreeMap::new(),
            keeps: BTreeSet::new(),
            ledger,
            settings,
            events_max: self.events_max,
            history_max: self.history_max,
            clock: self.clock,
        }
    }
}

impl Scheduler {
    /// Begins to build one.
    pub fn builder() -> Builder {
        Builder {
            zone: None,
            groups: BTreeMap::new(),
            max_running: None,
            blocking_max: 4,
            events_max: 1024,
            history_max: 20,
            seed: None,
            ledger: None,
            tasks: Tasks::new(),
            clock: Box::new(host_clock),
        }
    }

    /// Adds a job. It exists from the start on: its first fire time is strictly after that. If there is one of its
    /// name, [`Job::on_conflict`] says what happens. One that the ledger has stored is there only from the start on, and
    /// this takes its place, unless it is to be kept ([`Conflict::Keep`]).
    ///
    /// # Errors
    /// [`AddError`] says what is wrong with it; nothing was changed.
    pub fn add(&mut self, job: Job) -> Result<(), AddError> {
        let conflict = job.conflict;
        let job = job.build(&self.host)?;
        if scheduler::runs_after_itself(&job, |name| self.places.get(name).map(|place| &*self.jobs[*place])) {
            return Err(AddError::AfterItself { job: job.name.clone() });
        }
        match (self.places.get(&job.name), conflict) {
            (None, _) => {
                if conflict == Conflict::Keep {
                    self.keeps.insert(job.name.clone());
                }
                self.places.insert(job.name.clone(), self.jobs.len());
                self.jobs.push(job);
            }
            (Some(_), Conflict::Error) => return Err(AddError::NameTaken { job: job.name.clone() }),
            (Some(_), Conflict::Keep) => {}
            // Nothing of the one before has happened yet.
            (Some(place), Conflict::Replace | Conflict::Upsert) => {
                self.keeps.remove(&job.name);
                self.jobs[*place] = job;
            }
        }
        Ok(())
    }

    /// Starts it as a task of the runtime that this is called in. It makes no runtime, and no thread but for jobs
    /// that run programs.
    ///
    /// It is used up by that, so that it cannot be started twice, and nothing can be configured any more:
    ///
    /// ```compile_fail,E0382
    /// # async fn twice() -> Result<(), runner::StartError> {
    /// let scheduler = runner::Scheduler::builder().build();
    /// let handle = scheduler.start()?;
    /// let another = scheduler.start()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StartError`], which hands the scheduler back unless the system has refused what it takes.
    pub fn start(self) -> Result<Handle, StartError> {
        let (handle, engine) = self.prepare()?;
        tokio::spawn(engine.run());
        Ok(handle)
    }

    /// Returns all that is to be started.
    pub(super) fn prepare(self) -> Result<(Handle, Engine), StartError> {
        if runtime::Handle::try_current().is_err() {
            return Err(StartError::NoRuntime(Box::new(self)));
        }
        if !has_timers() {
            return Err(StartError::TimeDisabled(Box::new(self)));
        }
        let engine = self.engine().map_err(|source| StartError::System { source })?;
        Ok((Handle::new(&engine.shared.0), engine))
    }

    /// Starts it, waits until `stop` is ready or it has stopped by itself, and shuts it down as [`Handle::shutdown`]
    /// does.
    ///
    /// # Errors
    /// As for [`Scheduler::start`].
    pub async fn run_until(
        self,
        stop: impl Future,
        grace: super::Grace,
    ) -> Result<super::ShutdownReport, StartError> {
        let handle = self.start()?;
        tokio::select! {
            report = handle.stopped() => Ok(report),
            _ = stop => Ok(handle.shutdown(grace).await),
        }
    }

    fn engine(self) -> io::Result<Engine> {
        let clock = (self.clock)()?;
        let options = Options {
            blocking_max: self.host.blocking_max,
            tasks: self.host.tasks().clone(),
            keeps: self.keeps,
            events_max: self.events_max,
            history_max: self.history_max,
            ..Options::default()
        };
        let plan = Plan { jobs: self.jobs, groups: self.host.groups, settings: self.settings };
        Engine::new(&plan, clock, self.ledger, Arc::new(Nobody), options)
    }
}

fn host_clock() -> io::Result<Clock> {
    // Without an I/O driver there is no alarm.
    catch_unwind(Clock::new).unwrap_or_else(|_| Ok(Clock::without_alarm()))
}

/// Whether this runtime has timers; tokio tells by a panic.
fn has_timers() -> bool {
    catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_ok()
}
