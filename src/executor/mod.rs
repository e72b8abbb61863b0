//! RUN IT: processes, their output, and how they are stopped.
//!
//! [`Executor::begin`] takes an attempt in hand and returns at once; what comes of it is told by [`Report`]s.
//! Each attempt is prepared and spawned on one of a few threads (`prepare`, `spawn`), because an `exec` can
//! be slow and handing children over one at a time from the event loop is; then it is followed on the event
//! loop to its end (`follow`): output as it comes (`output`), signals to its whole tree (`tree`), the exit with
//! its resources.
//!
//! A tree is the attempt's session and, in a process that is a child subreaper, all descendants that left it:
//! `census` looks at what processes there are, `whose` says whose they are, and `children` sees to those that
//! lose their parents.
//!
//! Promises: a process gets descriptors 0, 1 and 2 and no other, no blocked or ignored signal, and a session
//! of its own. Memory per attempt is bounded whatever it prints. A grandchild that holds the output open
//! does not hold up the report of the exit. Only processes of the executor's own making are waited for or
//! signalled.
//!
//! When to signal, retry or give up is not decided here.

mod census;
mod children;
mod follow;
mod output;
mod prepare;
mod scripts;
mod spawn;
#[cfg(test)]
mod tests;
mod tree;
mod whose;

pub use children::Children;

use crate::model::{Cause, Exit, Job, RunId, RunRef, SpawnError};
use chrono::{DateTime, FixedOffset};
use prepare::Preparer;
use rustix::process::Signal;
use spawn::Spawned;
use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use whose::TreeId;

/// How many threads spawn. Spawning is short, and the kernel does much of it one at a time.
const SPAWN_THREADS: usize = 2;

/// An attempt to begin.
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
    /// Handed to the process; counted from 1.
    pub attempt: u32,
}

/// What came of an attempt: [`Report::NotStarted`], or [`Report::Started`] and later [`Report::Exited`].
#[derive(Debug)]
pub enum Report {
    /// The process is there.
    Started {
        /// Whose it is.
        run_ref: RunRef,
        /// Its process id, which is also that of its session.
        pid: u32,
    },
    /// There is no process and there will be none.
    NotStarted {
        /// Whose it would have been.
        run_ref: RunRef,
        /// Why not.
        error: SpawnError,
    },
    /// The process has ended; if it was signalled, so has its whole tree.
    Exited {
        /// Whose it was.
        run_ref: RunRef,
        /// How it ended.
        exit: Exit,
    },
}

/// Which stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// Whose output it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSource {
    /// The run.
    pub run: RunId,
}

/// Takes output while it comes.
pub trait OutputSink: Send + Sync + 'static {
    /// Takes one or more whole lines with their line ends. Bytes without one at the end are the last line of
    /// the output, or a part of a line that is too long to be held. Must return at once.
    fn lines(&self, source: &OutputSource, stream: Stream, bytes: &[u8]);
}

/// See the module's page. Dropping it ends its threads; processes that still run are left alone.
pub struct Executor {
    sink: Arc<dyn OutputSink>,
    reports: UnboundedSender<Report>,
    spawner: Sender<(Launch, oneshot::Sender<Result<Spawned, SpawnError>>)>,
    children: Children,
    followed: Followed,
}

/// How to reach each attempt that has not ended.
type Followed = Arc<Mutex<HashMap<RunRef, UnboundedSender<Signal>>>>;

impl Executor {
    /// Returns an executor whose attempts report to `reports`. Call it inside a tokio runtime with its I/O
    /// and time drivers enabled. The environment that jobs inherit is taken now. `children` says how far a
    /// run's tree goes.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(
        sink: Arc<dyn OutputSink>,
        reports: UnboundedSender<Report>,
        children: Children,
    ) -> io::Result<Executor> {
        let (spawner, launches) = channel();
        let launches = Arc::new(Mutex::new(launches));
        let preparer = Arc::new(Preparer::new(std::env::vars_os().collect()));
        for _ in 0..SPAWN_THREADS {
            let (launches, preparer) = (Arc::clone(&launches), Arc::clone(&preparer));
            let (children, thread) = (children.clone(), thread::Builder::new().name("spawn".into()));
            thread.spawn(move || spawn_all(&launches, &preparer, &children))?;
        }
        Ok(Executor { sink, reports, spawner, children, followed: Followed::default() })
    }

    /// Begins an attempt. Returns at once; [`Report`]s follow.
    pub fn begin(&self, launch: Launch) {
        let (signals, asked) = unbounded_channel();
        let run_ref = launch.run_ref;
        self.lock().insert(run_ref, signals);
        let (spawned, answer) = oneshot::channel();
        let (job, run) = (Arc::clone(&launch.job), launch.run.clone());
        let (tree, children) = (TreeId::of(&launch), self.children.clone());
        self.spawner.send((launch, spawned)).expect("the threads live as long as the executor");
        let (reports, sink, followed) = (self.reports.clone(), self.sink.clone(), self.followed.clone());
        tokio::spawn(async move {
            let report = match answer.await.expect("a thread answers each launch") {
                Err(error) => Report::NotStarted { run_ref, error },
                Ok(spawned) => {
                    let _ = reports.send(Report::Started { run_ref, pid: spawned.pid() });
                    let exit = follow::follow(spawned, (tree, &children), (&job, &run), &*sink, asked).await;
                    Report::Exited { run_ref, exit }
                }
            };
            followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&run_ref);
            let _ = reports.send(report);
        });
    }

    /// Sends `signal` to every process of the run's tree. One that comes before the process is there is
    /// sent when it is; one for a run that has ended or that nobody knows does nothing.
    pub fn signal(&self, run: RunRef, signal: Signal) {
        if let Some(signals) = self.lock().get(&run) {
            let _ = signals.send(signal);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunRef, UnboundedSender<Signal>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Launches = Mutex<Receiver<(Launch, oneshot::Sender<Result<Spawned, SpawnError>>)>>;

/// What each thread does until the executor is dropped.
fn spawn_all(launches: &Launches, preparer: &Preparer, children: &Children) {
    loop {
        let next = launches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((launch, answer)) = next else { return };
        let spawn = |prepared| children.spawn(&launch, || spawn::spawn(prepared));
        let spawned = preparer.prepare(&launch).and_then(spawn);
        let _ = answer.send(spawned);
    }
}
