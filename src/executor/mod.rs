//! RUN IT: processes, their output, and how they are stopped.
//!
//! [`Executor::begin`] takes an attempt in hand and returns at once; what comes of it is told by [`Report`]s.
//! Each attempt is prepared and spawned on one of a few threads (`pool`, `starting`, `prepare`, `identity`,
//! `spawn`), because an `exec` can be slow and handing children over one at a time from the event loop is; then
//! it is followed on the event loop to its end (`follow`): output as it comes (`output`), signals to its whole
//! tree (`tree`), the exit with its resources. `sys` holds the system calls, and says how a process comes to be.
//!
//! A process that outlived its runner is recognised (`orphan`) and followed likewise: [`Executor::adopt`].
//!
//! A tree is the attempt's session and, in a process that is a child subreaper, all descendants that left it:
//! `census` looks at what processes there are, `whose` says whose they are, and `children` sees to those that
//! lose their parents.
//!
//! Promises: a process gets descriptors 0, 1 and 2 and no other, no blocked or ignored signal, and a session
//! of its own. It runs as the user that its job names, or not at all. Memory per attempt is bounded whatever
//! it prints. A grandchild that holds the output open does not hold up the report of the exit. Only processes
//! of the executor's own making, or an earlier one's, are waited for or signalled. A system that is short of descriptors, processes
//! or memory is waited for: that is no fault of a job.
//!
//! When to signal, retry or give up is not decided here.

mod census;
mod children;
mod fault;
mod follow;
mod identity;
mod mark;
mod orphan;
mod output;
mod pool;
mod prepare;
mod scripts;
mod spawn;
mod starting;
mod sys;
#[cfg(all(test, feature = "jobfile"))]
mod tests;
mod tree;
mod whose;

pub use children::Children;
pub use identity::{IdentityError, find_user};
pub use mark::{Mark, node};
pub use orphan::{Living, boot_id};
pub use sys::unblock_signals;

use crate::model::{Cause, Exit, Finish, Job, OutputSink, Report, RunId, RunRef};
use chrono::{DateTime, FixedOffset};
use pool::Pool;
use prepare::Preparer;
use rustix::process::Signal;
use starting::Starting;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use whose::TreeId;

/// An attempt to begin, or to take over.
#[derive(Clone, Debug)]
pub struct Launch {
    /// How its reports name it.
    pub run_ref: RunRef,
    /// The run's public name.
    pub run: RunId,
    /// What to run.
    pub job: Arc<Job>,
    /// Handed to the process.
    pub fire_time: DateTime<FixedOffset>,
    /// Handed to the process.
    pub cause: Cause,
    /// Handed to the process, if it runs because of the finish of others.
    pub after: Option<Finish>,
    /// Handed to the process; counted from 1.
    pub attempt: u32,
}

/// See the module's page. Dropping it ends its threads; processes that still run are left alone.
pub struct Executor {
    sink: Arc<dyn OutputSink>,
    reports: UnboundedSender<Report>,
    pool: Arc<Pool>,
    children: Children,
    followed: Followed,
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.pool.end();
    }
}

/// How to reach each attempt that has not ended.
type Followed = Arc<Mutex<HashMap<RunRef, Reach>>>;

struct Reach {
    signals: UnboundedSender<Signal>,
    /// `None`: it was there before.
    starting: Option<Arc<Starting>>,
}

impl Executor {
    /// Returns an executor whose attempts report to `reports`. Call it inside a tokio runtime with its I/O
    /// and time drivers enabled. The environment that jobs inherit is taken now. `children` says how far a
    /// run's tree goes, `open_files` what the soft limit on open files is for jobs that do not set one; `None`: that
    /// of this process.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(
        sink: Arc<dyn OutputSink>,
        reports: UnboundedSender<Report>,
        children: Children,
        open_files: Option<u64>,
    ) -> io::Result<Executor> {
        let preparer = Preparer::new(std::env::vars_os().collect(), open_files);
        let pool = Arc::new(Pool::new(preparer, &children)?);
        Ok(Executor { sink, reports, pool, children, followed: Followed::default() })
    }

    /// Begins an attempt. Returns at once; [`Report`]s follow.
    pub fn begin(&self, launch: Launch) {
        let (signals, mut asked) = unbounded_channel();
        let run_ref = launch.run_ref;
        let starting = Arc::new(Starting::new(launch));
        let launch = &starting.launch;
        self.lock().insert(run_ref, Reach { signals, starting: Some(Arc::clone(&starting)) });
        let (job, run) = (Arc::clone(&launch.job), launch.run.clone());
        let (tree, children) = (TreeId::of(launch), self.children.clone());
        let (pool, reports) = (Arc::clone(&self.pool), self.reports.clone());
        let (sink, followed) = (Arc::clone(&self.sink), Arc::clone(&self.followed));
        tokio::spawn(async move {
            let report = match pool.start(&starting, &mut asked).await {
                Err(error) => Report::NotStarted { run_ref, error },
                Ok(spawned) => {
                    let _ = reports.send(Report::Started { run_ref, process: spawned.id });
                    // So that the start can be told before what is printed, which may be there already.
                    tokio::task::yield_now().await;
                    let exit = follow::follow(spawned, (tree, &children), (&job, &run), &*sink, asked).await;
                    report(run_ref, exit)
                }
            };
            pool.has_freed();
            followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&run_ref);
            let _ = reports.send(report);
        });
    }

    /// Whether no process is being started or watched.
    pub fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes over an attempt that an earlier runner began, whose process outlived it. Returns at once;
    /// [`Report::Exited`] or [`Report::Vanished`] follows when it has ended, which it may have already. Nothing
    /// of its output is read.
    ///
    /// It is signalled and waited for as one of our own, with all that came of it, but for one thing: what
    /// outlives it when it ends by itself was not left to us, and is not named.
    ///
    /// How it ended is known when its parent has collected that, from Linux 6.15 on.
    pub fn adopt(&self, launch: Launch, living: Living) {
        let (signals, asked) = unbounded_channel();
        let (run_ref, tree, children) = (launch.run_ref, TreeId::of(&launch), self.children.clone());
        self.lock().insert(run_ref, Reach { signals, starting: None });
        children.adopt(living.process(), &launch);
        let (reports, sink) = (self.reports.clone(), Arc::clone(&self.sink));
        let (pool, followed) = (Arc::clone(&self.pool), Arc::clone(&self.followed));
        tokio::spawn(async move {
            let Launch { job, run, .. } = launch;
            let exit = follow::follow_orphan(living, (tree, &children), (&job, &run), &*sink, asked).await;
            pool.has_freed();
            followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&run_ref);
            let _ = reports.send(report(run_ref, exit));
        });
    }

    /// Sends `signal` to every process of the run's tree. One that comes before the process is there is
    /// sent when it is, but `KILL` ends also one that is still being started, and from then on none is; one
    /// for a run that has ended or that nobody knows does nothing.
    pub fn signal(&self, run: RunRef, signal: Signal) {
        if let Some(reach) = self.lock().get(&run) {
            let _ = reach.signals.send(signal);
            if let Some(starting) = reach.starting.as_ref().filter(|_| signal == Signal::KILL) {
                starting.forbid();
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunRef, Reach>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(run_ref: RunRef, exit: Option<Exit>) -> Report {
    match exit {
        Some(exit) => Report::Exited { run_ref, exit },
        None => Report::Vanished { run_ref },
    }
}
