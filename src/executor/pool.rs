//! The threads that start processes, and patience when the system is short of something.
//!
//! What is short is descriptors, processes or memory, and no job is to blame. A launch that met with it waits
//! and is tried again: when an attempt has ended and given back what it held, the one that has waited longest
//! first; and from time to time, because others than we hold such things too. It waits on the event loop, so
//! that the threads are free for those that need less. After [`PATIENCE`] it has failed.

use super::Launch;
use super::children::Children;
use super::prepare::Preparer;
use super::spawn::{Spawned, spawn};
use super::sys::Stack;
use crate::model::{SpawnError, SpawnWhy};
use rustix::process::Signal;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

/// How many threads spawn. Spawning is short, and the kernel does much of it one at a time.
const THREADS: usize = 2;

/// How long a launch is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first wait; each is twice as long as the one before, up to the longest.
const WAIT: Duration = Duration::from_millis(10);
const WAIT_MAX: Duration = Duration::from_millis(500);

type Spawning = Result<Spawned, SpawnError>;

/// See the module's page. Dropping it ends its threads.
pub(super) struct Pool {
    launches: Sender<(Arc<Launch>, oneshot::Sender<Spawning>)>,
    /// How many launches have to wait.
    waiting: AtomicUsize,
    freed: Notify,
}

impl Pool {
    /// To be called inside a tokio runtime, in which the processes will be followed.
    pub(super) fn new(preparer: Preparer, children: &Children) -> io::Result<Pool> {
        let (launches, asked) = channel();
        let (asked, preparer) = (Arc::new(Mutex::new(asked)), Arc::new(preparer));
        for _ in 0..THREADS {
            let (asked, preparer, runtime) = (Arc::clone(&asked), Arc::clone(&preparer), Handle::current());
            let (mut stack, children) = (Stack::new()?, children.clone());
            thread::Builder::new().name("spawn".into()).spawn(move || {
                let _inside = runtime.enter();
                spawn_all(&asked, &preparer, &children, &mut stack);
            })?;
        }
        Ok(Pool { launches, waiting: AtomicUsize::new(0), freed: Notify::new() })
    }

    /// Starts a process. A signal that is asked for while it has to wait ends the wait.
    pub(super) async fn start(&self, launch: Launch, signals: &mut UnboundedReceiver<Signal>) -> Spawning {
        let launch = Arc::new(launch);
        match self.try_to_start(&launch).await {
            Err(error) if error.why == SpawnWhy::Resources => self.keep_trying(&launch, error, signals).await,
            spawning => spawning,
        }
    }

    /// An attempt has ended, and what it held is free.
    pub(super) fn has_freed(&self) {
        self.freed.notify_one();
    }

    async fn keep_trying(
        &self,
        launch: &Arc<Launch>,
        mut error: SpawnError,
        signals: &mut UnboundedReceiver<Signal>,
    ) -> Spawning {
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            log::warn!("{} has to wait, and perhaps others: {}", launch.run, error.message);
        }
        let (mut wait, end) = (WAIT, Instant::now() + PATIENCE);
        let spawning = loop {
            tokio::select! {
                () = sleep_until(end.min(Instant::now() + wait)) => wait = WAIT_MAX.min(wait * 2),
                () = self.freed.notified() => {}
                Some(_) = signals.recv() => break Err(error),
            }
            match self.try_to_start(launch).await {
                Err(again) if again.why == SpawnWhy::Resources && Instant::now() < end => error = again,
                spawning => break spawning,
            }
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        spawning
    }

    async fn try_to_start(&self, launch: &Arc<Launch>) -> Spawning {
        let (spawned, answer) = oneshot::channel();
        self.launches.send((Arc::clone(launch), spawned)).expect("the threads live as long as the pool");
        answer.await.expect("a thread answers each launch")
    }
}

type Launches = Mutex<Receiver<(Arc<Launch>, oneshot::Sender<Spawning>)>>;

/// What each thread does until the pool is dropped.
fn spawn_all(launches: &Launches, preparer: &Preparer, children: &Children, stack: &mut Stack) {
    loop {
        let next = launches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((launch, answer)) = next else { return };
        let spawned =
            preparer.prepare(&launch).and_then(|prepared| children.spawn(&launch, || spawn(prepared, stack)));
        let _ = answer.send(spawned);
    }
}
