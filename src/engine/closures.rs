//! Runs what an embedding program has its jobs do: async code as tasks of the runtime, or wherever a local scheduler is
//! polled, blocking code in a lane of its own.
//!
//! A blocking closure waits for its place in the lane before it is given to the runtime's blocking threads, so that
//! those are never the queue. It cannot be dropped while it runs; async code is, when its cancellation did not
//! help. A panic ends its attempt and nothing else.

use super::current::{Current, Watched};
use super::shared::Shared;
use super::work::{LocalCode, Work, discard, words, work_of};
use super::{BoxError, Handle, RunContext};
use crate::model::{Closure, Exit, ExitStatus, ProcessId, Report, RunRef, SpawnError, SpawnWhy};
use crate::scheduler::Spawn;
use futures_util::FutureExt;
use rustix::process::Signal;
use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

/// How many attempts may wait for a place in the lane: those of jobs without a limit of their own.
const WAITING_MAX: usize = 1024;

/// See the module's page.
pub(super) struct Closures {
    shared: Weak<Shared>,
    reports: UnboundedSender<Report>,
    lane: Lane,
    /// Where async code is run; `None`: by the runtime.
    local: Option<UnboundedSender<Attempt>>,
    under_way: UnderWay,
}

/// How to reach each attempt that has not ended.
type UnderWay = Arc<Mutex<HashMap<RunRef, Reach>>>;

#[derive(Clone)]
struct Lane {
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

struct Reach {
    /// It is to stop.
    cancel: CancellationToken,
    /// It is to be dropped.
    abort: CancellationToken,
}

impl Closures {
    pub(super) fn new(
        shared: Weak<Shared>,
        reports: UnboundedSender<Report>,
        blocking_max: usize,
    ) -> Closures {
        let places = Arc::new(Semaphore::new(blocking_max.min(Semaphore::MAX_PERMITS)));
        let lane = Lane { places, waiting: Arc::new(Semaphore::new(WAITING_MAX)) };
        Closures { shared, reports, lane, local: None, under_way: Arc::default() }
    }

    /// Begins an attempt of a job whose action is a closure.
    pub(super) fn begin(&self, spawn: Spawn) {
        let Some((shared, closure)) = self.shared.upgrade().zip(spawn.job.action.closure()) else { return };
        let (closure, run_ref) = (closure.clone(), spawn.run_ref);
        let (cancel, abort) = (CancellationToken::new(), CancellationToken::new());
        lock(&self.under_way).insert(run_ref, Reach { cancel: cancel.clone(), abort: abort.clone() });
        let attempt = Attempt {
            run_ref,
            context: context(spawn, &shared, cancel),
            closure,
            abort,
            reports: self.reports.clone(),
            under_way: Arc::clone(&self.under_way),
            shared: Arc::clone(&shared),
        };
        match (&self.local, work_of(&attempt.closure)) {
            (None, _) | (_, Some(Work::Blocking(_))) => {
                let lane = self.lane.clone();
                drop(shared.runtime.spawn(attempt.run(lane)));
            }
            // Where nobody receives it, the driver is gone too.
            (Some(local), _) => drop(local.send(attempt)),
        }
    }

    /// From now on async code is run by whoever receives its attempts.
    pub(super) fn hand_over(&mut self) -> UnboundedReceiver<Attempt> {
        let (sender, attempts) = unbounded_channel();
        self.local = Some(sender);
        attempts
    }

    /// Hands a signal on: `KILL` drops what can be dropped, any other cancels.
    pub(super) fn signal(&self, run: RunRef, signal: Signal) {
        if let Some(reach) = lock(&self.under_way).get(&run) {
            reach.cancel.cancel();
            if signal == Signal::KILL {
                reach.abort.cancel();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn context(spawn: Spawn, shared: &Arc<Shared>, cancel: CancellationToken) -> RunContext {
    RunContext {
        previous: shared.previous(&spawn.run.job),
        job: spawn.run.job.clone(),
        run: spawn.run,
        fire_time: spawn.fire_time,
        due: spawn.due,
        started_at: shared.clock.now().wall,
        attempt: spawn.attempt,
        cause: spawn.cause,
        after: spawn.after,
        cancel,
        scheduler: Handle::inside(shared),
    }
}

/// One attempt under way.
pub(super) struct Attempt {
    run_ref: RunRef,
    context: RunContext,
    closure: Closure,
    abort: CancellationToken,
    reports: UnboundedSender<Report>,
    under_way: UnderWay,
    shared: Arc<Shared>,
}

impl Attempt {
    /// Runs it in the runtime.
    async fn run(self, lane: Lane) {
        let (closure, end) = (self.closure.clone(), self.end());
        end(match work_of(&closure) {
            Some(Work::Async(work)) => self.run_async(work).await,
            Some(Work::Blocking(_)) => self.run_blocking(lane).await,
            Some(Work::Local) => {
                self.refused(SpawnWhy::CannotExecute, "its code belongs to a local scheduler")
            }
            None => unreachable!("the builder of jobs has made it"),
        });
    }

    /// Runs it where this is polled, with the code that stays there.
    pub(super) async fn run_local(self, code: &LocalCode) {
        let (closure, end) = (self.closure.clone(), self.end());
        end(match (work_of(&closure), code.get(&closure)) {
            (Some(Work::Async(work)), _) => self.run_async(work).await,
            (_, Some(work)) => self.run_async(&**work).await,
            (_, None) => self.refused(SpawnWhy::CannotExecute, "its code belongs to another local scheduler"),
        });
    }

    /// Returns what tells how it ended.
    fn end(&self) -> impl FnOnce(Report) + use<> {
        let (run_ref, reports, under_way) = (self.run_ref, self.reports.clone(), Arc::clone(&self.under_way));
        move |report| {
            lock(&under_way).remove(&run_ref);
            let _ = reports.send(report);
        }
    }

    async fn run_async<F>(self, work: impl Fn(RunContext) -> F) -> Report
    where
        F: Future<Output = Result<(), BoxError>>,
    {
        self.has_started();
        let Attempt { run_ref, context, abort, shared, .. } = self;
        let began = shared.clock.now().monotonic;
        let current = Current { run_ref, run: context.run.clone() };
        let future = Watched::new(current, &shared, async { work(context).await });
        let mut future = AssertUnwindSafe(future).catch_unwind();
        let end = tokio::select! {
            biased;
            end = &mut future => Some(end),
            () = abort.cancelled() => None,
        };
        discard(future);
        exited(run_ref, end, shared.clock.now().monotonic.saturating_sub(began))
    }

    async fn run_blocking(mut self, lane: Lane) -> Report {
        let Ok(waits) = lane.waiting.try_acquire() else {
            return self.refused(
                SpawnWhy::Resources,
                &format!("{WAITING_MAX} blocking runs wait for a place already"),
            );
        };
        let cancel = self.context.cancel.clone();
        let place = tokio::select! {
            biased;
            place = lane.places.acquire() => place.expect("the lane is never closed"),
            () = cancel.cancelled() => return exited(self.run_ref, None, Duration::ZERO),
        };
        drop(waits);
        self.has_started();
        let began = self.shared.clock.now().monotonic;
        self.context.started_at = self.shared.clock.now().wall;
        let Attempt { run_ref, context, closure, .. } = self;
        let end = spawn_blocking(move || {
            let Some(Work::Blocking(work)) = work_of(&closure) else {
                unreachable!("it was looked at before")
            };
            let _current = Current { run_ref, run: context.run.clone() }.enter();
            catch_unwind(AssertUnwindSafe(|| work(context)))
        });
        let end = end.await.ok();
        drop(place);
        exited(run_ref, end, self.shared.clock.now().monotonic.saturating_sub(began))
    }

    fn has_started(&self) {
        let _ = self.reports.send(Report::Started { run_ref: self.run_ref, process: ProcessId::NONE });
    }

    fn refused(self, why: SpawnWhy, message: &str) -> Report {
        let error = SpawnError { why, message: message.to_owned() };
        Report::NotStarted { run_ref: self.run_ref, error }
    }
}

/// `end` is `None` if it was dropped, and an error if it panicked.
fn exited(
    run_ref: RunRef,
    end: Option<Result<Result<(), BoxError>, Box<dyn Any + Send>>>,
    took: Duration,
) -> Report {
    let (status, message) = match end {
        Some(Ok(Ok(()))) => (ExitStatus::Returned, None),
        // To tell it is code of the program too.
        Some(Ok(Err(error))) => match catch_unwind(AssertUnwindSafe(|| words(&*error))) {
            Ok(words) => {
                discard(error);
                (ExitStatus::Error, Some(words.into()))
            }
            Err(panic) => panicked(panic),
        },
        Some(Err(panic)) => panicked(panic),
        None => (ExitStatus::Aborted, None),
    };
    Report::Exited { run_ref, exit: Exit { status, message, took, usage: None, output: None } }
}

fn panicked(panic: Box<dyn Any + Send>) -> (ExitStatus, Option<Arc<str>>) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with no message");
    let message = Some(text.into());
    discard(panic);
    (ExitStatus::Panicked, message)
}
