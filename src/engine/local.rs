//! A scheduler for code that stays on its thread.
//!
//! It differs from a [`Scheduler`] in one thing only: it is polled where it was started, and async code is polled with
//! it. So that code may hold what no other thread may see, such as an `Rc`, and needs neither a `LocalSet` nor a
//! runtime of one thread.

use super::closures::Attempt;
use super::job::Does;
use super::work::{LocalCode, LocalWork, of_local};
use super::{
    AddError, Engine, Grace, Handle, IntoResult, IntoTriggers, Job, RunContext, Scheduler, ShutdownReport,
    StartError,
};
use crate::model::JobAction;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::sync::mpsc::UnboundedReceiver;

/// A job whose code stays on its thread. Every [`Job`] can become one, but not the reverse:
///
/// ```compile_fail,E0308
/// use runner::{LocalJob, Scheduler};
///
/// let job = LocalJob::new("local", (), |_| async {});
/// Scheduler::builder().build().add(job);
/// ```
///
/// Nor does a [`Job`] take code that cannot leave its thread, neither before nor while it is awaited:
///
/// ```compile_fail,E0277
/// use runner::Job;
/// use std::rc::Rc;
///
/// let count = Rc::new(1);
/// Job::new("job", (), move |_| {
///     println!("{count}");
///     async {}
/// });
/// ```
///
/// ```compile_fail
/// use runner::Job;
/// use std::rc::Rc;
///
/// Job::new("job", (), |_| async {
///     let count = Rc::new(1);
///     tokio::task::yield_now().await;
///     drop(count);
/// });
/// ```
#[derive(Clone)]
#[must_use = "a job runs when it was added to a scheduler"]
pub struct LocalJob {
    job: Job,
    work: Option<LocalWork>,
}

impl LocalJob {
    /// Returns a job that runs async code, as [`Job::new`] does.
    #[track_caller]
    pub fn new<F, Fut>(name: impl Into<String>, triggers: impl IntoTriggers, work: F) -> LocalJob
    where
        F: Fn(RunContext) -> Fut + 'static,
        Fut: Future<Output: IntoResult> + 'static,
    {
        let (closure, work) = of_local(work);
        let job = Job::of(name.into(), triggers, Does::Action(JobAction::Closure(closure)));
        LocalJob { job, work: Some(work) }
    }

    /// Chooses what a [`Job`] lets choose: `job.with(|job| job.timeout(HOUR))`.
    pub fn with(self, choose: impl FnOnce(Job) -> Job) -> LocalJob {
        LocalJob { job: choose(self.job), ..self }
    }
}

impl From<Job> for LocalJob {
    fn from(job: Job) -> LocalJob {
        LocalJob { job, work: None }
    }
}

impl fmt::Debug for LocalJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalJob").field(&self.job).finish()
    }
}

/// A [`Scheduler`] that also takes code which stays on its thread. It is made of one, with the jobs that it has.
///
/// Jobs that block, programs and the [`Handle`] are as ever; what a handle adds is a [`Job`].
///
/// ```
/// use runner::{LocalJob, LocalScheduler, Scheduler, ShutdownGrace, Trigger};
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let count = Rc::new(Cell::new(0));
/// let counted = Rc::clone(&count);
/// let mut scheduler = LocalScheduler::from(Scheduler::builder().build());
/// let often = Trigger::every(Duration::from_millis(10))?;
/// scheduler.add(LocalJob::new("count", often, move |context| {
///     let count = Rc::clone(&counted);
///     async move {
///         tokio::task::yield_now().await;
///         count.set(count.get() + 1);
///         context.scheduler.stop();
///     }
/// }))?;
///
/// let never = std::future::pending::<()>();
/// scheduler.run_until(never, ShutdownGrace::secs(30)).await?;
/// assert_eq!(count.get(), 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing runs before it is started"]
pub struct LocalScheduler {
    scheduler: Scheduler,
    code: LocalCode,
}

impl From<Scheduler> for LocalScheduler {
    fn from(scheduler: Scheduler) -> LocalScheduler {
        LocalScheduler { scheduler, code: LocalCode::new() }
    }
}

impl LocalScheduler {
    /// Adds a job, as [`Scheduler::add`] does.
    ///
    /// # Errors
    /// [`AddError`] says what is wrong with it; nothing was changed.
    pub fn add(&mut self, job: impl Into<LocalJob>) -> Result<(), AddError> {
        let LocalJob { job, work } = job.into();
        if let (Does::Action(JobAction::Closure(closure)), Some(work)) = (&job.does, work) {
            self.code.insert(closure.clone(), work);
        }
        self.scheduler.add(job)
    }

    /// Starts it. Nothing happens unless the driver is polled, beside what uses the handle:
    /// `tokio::join!(driver, rest_of_the_program(handle))`.
    ///
    /// # Errors
    /// [`StartError`], with which the scheduler is lost.
    pub fn start(self) -> Result<(Handle, LocalDriver), StartError<()>> {
        let (handle, engine) = self.scheduler.prepare().map_err(StartError::without_scheduler)?;
        Ok((handle, LocalDriver(Box::pin(drive(engine, self.code)))))
    }

    /// Starts it, polls it until `stop` is ready or it has stopped by itself, and shuts it down as
    /// [`Handle::shutdown`] does.
    ///
    /// # Errors
    /// As for [`LocalScheduler::start`].
    pub async fn run_until(self, stop: impl Future, grace: Grace) -> Result<ShutdownReport, StartError<()>> {
        let (handle, mut driver) = self.start()?;
        tokio::select! {
            () = &mut driver => return Ok(handle.stopped().await),
            _ = stop => {}
        }
        let ((), report) = tokio::join!(driver, handle.shutdown(grace));
        Ok(report)
    }
}

/// What runs a [`LocalScheduler`] while it is polled. It is ready when the scheduler has stopped; when it is dropped,
/// all its async code is dropped with it.
#[must_use = "nothing runs unless it is polled"]
pub struct LocalDriver(Pin<Box<dyn Future<Output = ()>>>);

impl Future for LocalDriver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for LocalDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalDriver")
    }
}

async fn drive(mut engine: Engine, code: LocalCode) {
    let mut attempts: UnboundedReceiver<Attempt> = engine.workers.hand_over();
    let mut engine = pin!(engine.run());
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            _ = &mut engine => return,
            Some(attempt) = attempts.recv() => under_way.push(attempt.run_local(&code)),
            Some(()) = under_way.next() => {}
        }
    }
}
