//! What an embedding program has its jobs do: async or blocking code, or async code that stays on its thread.

use super::RunContext;
use super::lock::drop_unlocked;
use crate::model::{Closure, JobAction};
use std::collections::HashMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;

/// Any error that can be sent between threads.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What comes of an async closure.
pub(super) type Task = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// What comes of an async closure that stays on its thread.
pub(super) type LocalTask = Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

/// An async closure that stays on its thread.
pub(super) type LocalWork = Rc<dyn Fn(RunContext) -> LocalTask>;

/// The code for each [`Work::Local`].
pub(super) type LocalCode = HashMap<Closure, LocalWork>;

/// The content of a [`Closure`]. What the work has captured is dropped when nobody holds the core.
struct Content(Option<Work>);

impl Drop for Content {
    fn drop(&mut self) {
        drop_unlocked(self.0.take());
    }
}

/// What a job's code is.
pub(super) enum Work {
    Async(Box<dyn Fn(RunContext) -> Task + Send + Sync>),
    Blocking(Box<dyn Fn(RunContext) -> Result<(), BoxError> + Send + Sync>),
    /// It is with the local scheduler.
    Local,
}

/// What a job's code may return: nothing, or a result whose error says why the run failed.
pub trait IntoResult {
    /// Returns it as a result.
    fn into_result(self) -> Result<(), BoxError>;
}

impl IntoResult for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> IntoResult for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

pub(super) fn of_async<F, Fut>(work: F) -> Closure
where
    F: Fn(RunContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoResult> + Send + 'static,
{
    closure(Work::Async(Box::new(move |context| {
        let future = work(context);
        Box::pin(async move { future.await.into_result() })
    })))
}

pub(super) fn of_blocking<F, R>(work: F) -> Closure
where
    F: Fn(RunContext) -> R + Send + Sync + 'static,
    R: IntoResult,
{
    closure(Work::Blocking(Box::new(move |context| work(context).into_result())))
}

/// Returns a stand-in, and what it stands for.
pub(super) fn of_local<F, Fut>(work: F) -> (Closure, LocalWork)
where
    F: Fn(RunContext) -> Fut + 'static,
    Fut: Future<Output: IntoResult> + 'static,
{
    let work = move |context| -> LocalTask {
        let future = work(context);
        Box::pin(async move { future.await.into_result() })
    };
    (closure(Work::Local), Rc::new(work))
}

fn closure(work: Work) -> Closure {
    Closure::new(Content(Some(work)))
}

/// The work that a closure stands for; `None` if it was not made here.
pub(super) fn work_of(closure: &Closure) -> Option<&Work> {
    closure.get::<Content>()?.0.as_ref()
}

/// Drops what is the program's. If its code panics, and again when that panic is dropped, that is all.
pub(super) fn discard<T>(of_program: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(of_program))) {
        let again = catch_unwind(AssertUnwindSafe(|| drop(panic)));
        std::mem::forget(again);
    }
}

/// An error with all its causes, in one line.
pub(super) fn words(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Whether it is a closure that blocks.
pub(super) fn blocks(action: &JobAction) -> bool {
    matches!(action.closure().and_then(work_of), Some(Work::Blocking(_)))
}
