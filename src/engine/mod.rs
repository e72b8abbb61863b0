//! The driver: it reads the clocks, begins what the scheduler asks for, and tells it what came of it.
//!
//! [`Engine::run`] is one loop. All that waits is waited for in one place: the next deadline, the ledger's
//! answer or trouble, reports of the executor, and what people ask for through a [`Handle`]. It runs in the tokio
//! runtime that it is started in and makes none; what concerns a whole process (signals, the logger) is the
//! binary's.
//!
//! Start reading at [`Engine::run`]; `clock` is the only place that reads the host's clocks.

mod batch;
mod clock;
mod closures;
#[cfg(feature = "process")]
mod command;
mod context;
mod control;
mod current;
mod events;
mod handle;
mod history;
mod job;
#[cfg(feature = "jobfile")]
mod job_file;
#[cfg(feature = "sqlite")]
mod ledger_file;
mod local;
mod lock;
mod parked;
#[cfg(feature = "process")]
mod processes;
#[cfg(not(feature = "process"))]
#[path = "no_processes.rs"]
mod processes;
mod scheduler;
mod shared;
mod shutdown;
mod status;
mod stored;
#[cfg(feature = "process")]
mod survivors;
mod tasks;
#[cfg(feature = "test-util")]
mod testing;
#[cfg(all(test, feature = "jobfile"))]
mod tests;
mod work;
mod workers;

pub use clock::{Clock, now};
pub use context::RunContext;
pub use control::{ControlError, PauseFor, Removed, Running, Triggered};
pub use events::{Events, Heard, Numbered};
pub use handle::Handle;
pub use job::{Conflict, IntoTriggers, Job};
#[cfg(feature = "jobfile")]
pub use job_file::{JobFileError, this_machine};
#[cfg(feature = "sqlite")]
pub use ledger_file::{node, open_options};
pub use local::{LocalDriver, LocalJob, LocalScheduler};
pub use parked::Parked;
pub use scheduler::{AddError, Builder, Scheduler, StartError};
pub use shared::Phase;
pub use shutdown::{Grace, ShutdownReport};
pub use status::{JobStatus, Spread, Stats, Upcoming};
pub use stored::ParkedWhy;
pub use tasks::TaskError;
pub use work::{BoxError, IntoResult};

#[cfg(feature = "process")]
use crate::executor::Children;
use crate::ledger::{Answers, Ledger, Trouble};
use crate::model::{Deadline, Event, Name, Now, OutputSink, Plan, Report, Tally, Tasks};
use crate::scheduler::{Action, Beginning, Core, Fact};
use batch::Batch;
use chrono::{DateTime, Utc};
use job::Host;
use parked::bring_back;
use processes::Survivors;
use shared::Shared;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use workers::Workers;

/// Who is told what happens, and is shown what jobs print. All calls are made on the engine's thread (and
/// output also on others) and must return at once.
pub trait Audience: OutputSink {
    /// `event` has happened and is in the ledger; of a start its claim is.
    fn announce(&self, now: Now, event: &Event);

    /// All that can be begun has been, and the engine waits for what comes next.
    fn waits(&self, core: &Core) {
        let _ = core;
    }
}

/// What an engine is to do, beside its plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many runs of closures that block there may be at once.
    pub blocking_max: usize,
    /// What jobs that are added may mean by their task.
    pub tasks: Tasks,
    /// The jobs of the plan in whose place those come that the ledger has stored under their names.
    pub keeps: BTreeSet<Name>,
    /// How many events are kept for readers that are slow; 0 counts as 1.
    pub events_max: usize,
    /// How many ended runs and fire times of each job are remembered.
    pub history_max: usize,
    /// Jobs of the ledger that the plan has not may be added yet; else they were removed.
    pub awaits_absent: bool,
    /// Start no process: each is said to have succeeded at once.
    pub dry_run: bool,
    /// Run this job now and end when that run has ended, instead of waiting for fire times.
    pub only: Option<Name>,
    /// Ask for the stop by itself at this moment.
    pub stop_at: Deadline,
    /// A wall clock that is before this is wrong, and nothing is due until it is set right; `None`: any clock
    /// is believed.
    pub clock_least: Option<DateTime<Utc>>,
    /// Which processes belong to a run beside its session. The default finds none: what it takes to find
    /// them concerns the whole process.
    #[cfg(feature = "process")]
    pub children: Children,
    /// The soft limit on open files of jobs that do not set one; `None`: that of this process.
    #[cfg(feature = "process")]
    pub open_files: Option<u64>,
}

/// A scheduler with all that it needs to act. Made by [`Engine::new`], it does nothing until
/// [`Engine::run`].
pub struct Engine {
    shared: Ended,
    ledger: Box<dyn Ledger>,
    workers: Workers,
    options: Options,
    reports: UnboundedReceiver<Report>,
    /// Records of which no batch was begun yet, and the batch that is being written.
    unwritten: Batch,
    writing: Option<Answers>,
    trouble: Option<Trouble>,
    /// Processes that outlived an earlier runner and are to be taken over.
    survivors: Survivors,
}

/// Tells everybody that nothing happens any more, also if the runtime has dropped the driver.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.has_stopped();
    }
}

impl std::ops::Deref for Ended {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Engine {
    /// Returns an engine for `plan` that goes on where the ledger ends. Jobs that are new exist from now on, or from
    /// when the wall clock is right.
    ///
    /// # Errors
    /// When the system refuses what the clock or the executor need (descriptors, threads).
    ///
    /// # Panics
    /// Outside a tokio runtime with its I/O and time drivers enabled.
    pub fn new(
        plan: &Plan,
        clock: Clock,
        mut ledger: Box<dyn Ledger>,
        audience: Arc<dyn Audience>,
        options: Options,
    ) -> io::Result<Engine> {
        let (report, reports) = unbounded_channel();
        let node = clock::host_name();
        let (seed, clock_least) = (seed(plan), options.clock_least);
        let mut past = ledger.past();
        let newest_asked = past.as_ref().and_then(|past| past.asked);
        let mut survivors = Survivors::default();
        if options.only.is_some() {
            // One run by hand leaves all else to the next runner.
            past = None;
        } else if let Some(past) = &mut past {
            survivors.find(&mut past.runs);
        }
        let host = Host {
            seed: seed.clone(),
            zone: plan.settings.zone.clone(),
            groups: plan.groups.clone(),
            blocking_max: options.blocking_max,
            is_durable: ledger.lasts(),
            tasks: Mutex::new(options.tasks.clone()),
        };
        let (plan, parked) = bring_back(plan, past.as_ref(), &options.keeps, &host);
        let awaits_absent = options.awaits_absent;
        let beginning = Beginning {
            seed: &seed,
            node: &node,
            clock_least,
            past,
            asked: newest_asked,
            awaits_absent,
            keeps_nothing: false,
        };
        let mut core = Core::new(&plan, beginning, clock.now());
        if let Some(job) = &options.only {
            core.handle_event(clock.now(), Fact::RunRequested(job.clone()));
        }
        let (events_max, history_max) = (options.events_max.max(1), options.history_max);
        let shared = Arc::new(Shared::new(core, host, clock, audience, events_max, history_max));
        *shared.parked() = parked;
        let workers = Workers::new(&shared, &plan, report, &options)?;
        let (unwritten, writing, trouble) = (Batch::new(ledger.pause()), None, ledger.trouble());
        Ok(Engine {
            shared: Ended(shared),
            ledger,
            workers,
            options,
            reports,
            unwritten,
            writing,
            trouble,
            survivors,
        })
    }

    /// Returns a handle, which does not keep it going: it runs until it is stopped.
    pub fn handle(&self) -> Handle {
        Handle::inside(&self.shared.0)
    }

    /// The scheduler as it stands, to be looked at before the start.
    pub fn core(&self) -> impl std::ops::Deref<Target = Core> {
        self.shared.core()
    }

    /// Runs until a stop was asked for and has been carried out, or, with [`Options::only`], until that run
    /// has ended. Returns how many fire times ended how.
    pub async fn run(mut self) -> Tally {
        loop {
            self.begin_actions();
            if self.has_ended() {
                return self.end().await;
            }
            self.shared.note_progress();
            self.shared.audience.waits(&self.shared.core());
            let deadline = self.deadline();
            #[cfg(feature = "test-util")]
            let _hold = self.hold_time();
            tokio::select! {
                () = self.shared.clock.sleep_until(deadline) => self.time_has_passed(),
                answers = answers(&mut self.writing) => {
                    self.writing = None;
                    self.tell(answers.into_iter().map(Fact::Recorded));
                }
                trouble = changed(&mut self.trouble) => self.tell([match trouble {
                    Some(why) => Fact::LedgerFailed(why),
                    None => Fact::LedgerWorks,
                }]),
                Some(report) = self.reports.recv() => self.tell_all_reports(report),
                () = self.shared.wake.notified() => {}
            }
        }
    }

    fn begin_actions(&mut self) {
        loop {
            // The core is free again before anything is begun.
            let action = self.shared.core().poll_action();
            let Some(action) = action else { break };
            match action {
                Action::Record(record) => self.unwritten.push(record),
                Action::Spawn(spawn) => self.workers.begin(spawn),
                Action::Adopt(spawn) => match self.survivors.take(&spawn.run) {
                    Some(living) => self.workers.adopt(spawn, living),
                    None => self.tell([Fact::Vanished { run: spawn.run_ref }]),
                },
                Action::Signal { run, signal } => self.workers.signal(run, signal),
                Action::Announce(event) => {
                    let now = self.shared.clock.now();
                    clock::warn_of(&event, now);
                    self.shared.announce(now, &event);
                }
                Action::NoteEnd(end) => unreachable!("rows tell of {end:?}"),
            }
        }
        if self.writing.is_none() {
            let due = self.unwritten.take(self.shared.clock.now().monotonic);
            self.writing = due.map(|batch| self.ledger.write(batch));
        }
    }

    /// Closes the ledger, unless it cannot be written.
    async fn end(self) -> Tally {
        let (unwritten, now, tally) = {
            let core = self.shared.core();
            (core.unwritten(), core.now(), core.tally().clone())
        };
        match unwritten {
            0 => self.ledger.close(now.wall).await,
            count => log::error!(
                "{count} records could not be written to the ledger; runs that it does not know to have ended \
                 are lost to it"
            ),
        }
        tally
    }

    fn has_ended(&self) -> bool {
        let core = self.shared.core();
        core.is_stopped() || (self.options.only.is_some() && core.is_idle())
    }

    fn deadline(&self) -> Deadline {
        let earliest = |a, b| [a, b].into_iter().flatten().min();
        let (core, stop) = (self.shared.core().poll_timeout(), self.options.stop_at);
        let write = if self.writing.is_none() { self.unwritten.due() } else { None };
        Deadline {
            wall: earliest(core.wall, stop.wall),
            monotonic: [core.monotonic, stop.monotonic, write].into_iter().flatten().min(),
        }
    }

    fn time_has_passed(&mut self) {
        let now = self.shared.clock.now();
        let mut core = self.shared.core();
        core.handle_timeout(now);
        if self.options.stop_at.sleep(now) == Some(Duration::ZERO) {
            self.options.stop_at = Deadline::default();
            core.handle_event(now, Fact::StopRequested);
        }
    }

    /// Takes in all reports that are there, so that what they lead to is written together.
    fn tell_all_reports(&mut self, first: Report) {
        let mut reports = vec![first];
        while let Ok(report) = self.reports.try_recv() {
            reports.push(report);
        }
        self.tell(reports.into_iter().map(workers::fact));
    }

    fn tell(&mut self, facts: impl IntoIterator<Item = Fact>) {
        let now = self.shared.clock.now();
        let mut core = self.shared.core();
        for fact in facts {
            core.handle_event(now, fact);
        }
    }
}

/// What jitter is drawn from: the plan's own seed, else the host's name.
pub fn seed(plan: &Plan) -> String {
    plan.settings.seed.clone().unwrap_or_else(default_seed)
}

/// What is drawn from when a job file has no seed: the host's name.
pub fn default_seed() -> String {
    clock::host_name()
}

/// Waits until the ledger cannot be written, and then until it can. For ever if it always can.
async fn changed(trouble: &mut Option<Trouble>) -> Option<Arc<str>> {
    if let Some(receiver) = trouble
        && receiver.changed().await.is_ok()
    {
        return receiver.borrow_and_update().clone();
    }
    std::future::pending().await
}

/// Waits for the batch that is being written, or for ever when there is none.
async fn answers(writing: &mut Option<Answers>) -> Vec<crate::model::Answer> {
    match writing {
        Some(answers) => answers.await,
        None => std::future::pending().await,
    }
}
