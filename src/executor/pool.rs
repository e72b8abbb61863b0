//! The threads that start processes, and patience when the system is short of something.
//!
//! What is short is descriptors, processes or memory, and no job is to blame. A launch that met with it waits
//! and is tried again: when an attempt has ended and given back what it held, the one that has waited longest
//! first; and from time to time, because others than we hold such things too. It waits on the event loop, so
//! that the threads are free for those that need less. After [`PATIENCE`] it has failed.
//!
//! Two threads are as fast as the system is. But a folder, a program or a user database that does not answer
//! holds a thread for as long as it likes, and nobody else's start may wait for that: when no thread was free
//! for [`BUSY`], there is one more, up to [`THREADS_MAX`]. It ends when there is nothing for it to do.

use super::children::Children;
use super::fault::unwanted;
use super::prepare::Preparer;
use super::spawn::{Spawned, spawn};
use super::starting::Starting;
use super::sys::Stack;
use crate::model::{SpawnError, SpawnWhy};
use rustix::process::Signal;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// How many threads spawn. Spawning is short, and the kernel does much of it one at a time.
const THREADS: usize = 2;

/// How many there may be when something does not answer.
const THREADS_MAX: usize = 32;

/// How long all threads are busy before there is one more.
const BUSY: Duration = Duration::from_millis(100);

/// How long a launch holds a thread before that is told.
const SLOW: Duration = Duration::from_secs(1);

/// How long a launch is tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first wait; each is twice as long as the one before, up to the longest.
const WAIT: Duration = Duration::from_millis(10);
const WAIT_MAX: Duration = Duration::from_millis(500);

type Spawning = Result<Spawned, SpawnError>;

/// See the module's page. Dropping it ends its threads.
pub(super) struct Pool {
    crew: Arc<Crew>,
    /// How many launches have to wait.
    waiting: AtomicUsize,
    freed: Notify,
}

impl Pool {
    /// To be called inside a tokio runtime, in which the processes will be followed.
    pub(super) fn new(preparer: Preparer, children: &Children) -> io::Result<Pool> {
        let (runtime, children) = (Handle::current(), children.clone());
        let work = Work { asked: VecDeque::new(), taken: Instant::now(), threads: 0, is_over: false };
        let crew = Crew { work: Mutex::new(work), called: Condvar::new(), preparer, children, runtime };
        let crew = Arc::new(crew);
        for _ in 0..THREADS {
            crew.grow(&mut crew.work())?;
        }
        Ok(Pool { crew, waiting: AtomicUsize::new(0), freed: Notify::new() })
    }

    /// Starts a process. A signal that is asked for while it has to wait ends the wait.
    pub(super) async fn start(
        &self,
        starting: &Arc<Starting>,
        signals: &mut UnboundedReceiver<Signal>,
    ) -> Spawning {
        match self.try_to_start(starting).await {
            Err(error) if error.why == SpawnWhy::Resources => {
                self.keep_trying(starting, error, signals).await
            }
            spawning => spawning,
        }
    }

    /// An attempt has ended, and what it held is free.
    pub(super) fn has_freed(&self) {
        self.freed.notify_one();
    }

    /// No more attempts are begun. Threads that are held up do not keep what can be removed now.
    pub(super) fn end(&self) {
        self.crew.preparer.end();
    }

    async fn keep_trying(
        &self,
        starting: &Arc<Starting>,
        mut error: SpawnError,
        signals: &mut UnboundedReceiver<Signal>,
    ) -> Spawning {
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            log::warn!("{} has to wait, and perhaps others: {}", starting.launch.run, error.message);
        }
        let (mut wait, end) = (WAIT, Instant::now() + PATIENCE);
        let spawning = loop {
            tokio::select! {
                () = sleep_until(end.min(Instant::now() + wait)) => wait = WAIT_MAX.min(wait * 2),
                () = self.freed.notified() => {}
                Some(_) = signals.recv() => break Err(error),
            }
            match self.try_to_start(starting).await {
                Err(again) if again.why == SpawnWhy::Resources && Instant::now() < end => error = again,
                spawning => break spawning,
            }
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        spawning
    }

    async fn try_to_start(&self, starting: &Arc<Starting>) -> Spawning {
        let (answer, mut answered) = oneshot::channel();
        self.crew.ask(Arc::clone(starting), answer);
        let (mut is_told, mut is_forbidden) = (false, false);
        loop {
            tokio::select! {
                spawning = &mut answered => return spawning.expect("a thread answers each launch"),
                nothing_came = starting.was_forbidden(), if !is_forbidden => {
                    if nothing_came {
                        return Err(unwanted());
                    }
                    is_forbidden = true;
                }
                () = sleep(BUSY) => {
                    self.crew.help();
                    is_told = is_told || tell_if_slow(starting);
                }
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.crew.work().is_over = true;
        self.crew.called.notify_all();
    }
}

/// Returns whether there was something to tell.
fn tell_if_slow(starting: &Starting) -> bool {
    let waits_for = starting.waits_for(SLOW);
    if let Some(what) = waits_for {
        log::warn!("{} is still being started: {what} does not answer", starting.launch.run);
    }
    waits_for.is_some()
}

/// What the threads share.
struct Crew {
    work: Mutex<Work>,
    called: Condvar,
    preparer: Preparer,
    children: Children,
    runtime: Handle,
}

struct Work {
    asked: VecDeque<Asked>,
    /// When a thread last took a launch.
    taken: Instant,
    threads: usize,
    is_over: bool,
}

struct Asked {
    starting: Arc<Starting>,
    answer: oneshot::Sender<Spawning>,
}

impl Crew {
    fn ask(&self, starting: Arc<Starting>, answer: oneshot::Sender<Spawning>) {
        self.work().asked.push_back(Asked { starting, answer });
        self.called.notify_one();
    }

    /// Sees to it that a launch does not wait for threads that are all held up. Where the system refuses
    /// another thread, it waits all the same.
    fn help(self: &Arc<Self>) {
        let mut work = self.work();
        let all_are_busy = !work.asked.is_empty() && work.taken.elapsed() >= BUSY;
        if all_are_busy && work.threads < THREADS_MAX {
            let _ = self.grow(&mut work);
        }
    }

    fn grow(self: &Arc<Self>, work: &mut Work) -> io::Result<()> {
        let (crew, mut stack) = (Arc::clone(self), Stack::new()?);
        thread::Builder::new().name("spawn".into()).spawn(move || {
            let _inside = crew.runtime.enter();
            while let Some(asked) = crew.next() {
                crew.carry_out(asked, &mut stack);
            }
        })?;
        work.threads += 1;
        Ok(())
    }

    /// Waits for a launch. `None`: the thread is to end.
    fn next(&self) -> Option<Asked> {
        let mut work = self.work();
        loop {
            if work.is_over || (work.asked.is_empty() && work.threads > THREADS) {
                work.threads -= 1;
                return None;
            }
            if let Some(asked) = work.asked.pop_front() {
                work.taken = Instant::now();
                return Some(asked);
            }
            work = self.called.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn carry_out(&self, Asked { starting, answer }: Asked, stack: &mut Stack) {
        let launch = &starting.launch;
        let spawned = starting.take().and_then(|birth| {
            let prepared = self.preparer.prepare(launch)?;
            self.children.spawn(launch, || spawn(prepared, stack, &birth))
        });
        starting.let_go();
        let _ = answer.send(spawned);
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
