//! Which run the code belongs to that is being carried out, and whether it holds up its thread.

use super::clock::stopwatch;
use super::shared::Shared;
use crate::model::{Event, RunId, RunRef};
use std::cell::RefCell;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

/// Code that holds its thread for so long is told of: timers of the same thread are as late.
const STALL_MIN: Duration = Duration::from_millis(100);

/// A run whose code is being carried out.
#[derive(Clone, Debug)]
pub(super) struct Current {
    pub(super) run_ref: RunRef,
    pub(super) run: RunId,
}

thread_local! {
    static CURRENT: RefCell<Vec<RunRef>> = const { RefCell::new(Vec::new()) };
}

/// The run whose code calls.
pub(super) fn current() -> Option<RunRef> {
    CURRENT.with_borrow(|stack| stack.last().copied())
}

impl Current {
    /// It is this run's until the guard is dropped.
    pub(super) fn enter(&self) -> Entered {
        CURRENT.with_borrow_mut(|stack| stack.push(self.run_ref));
        Entered
    }
}

pub(super) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(Vec::pop);
    }
}

/// An async closure that is watched while it is polled: it must not hold up its thread.
pub(super) struct Watched<F> {
    current: Current,
    shared: Weak<Shared>,
    future: Pin<Box<F>>,
}

impl<F> Watched<F> {
    pub(super) fn new(current: Current, shared: &Arc<Shared>, future: F) -> Watched<F> {
        Watched { current, shared: Arc::downgrade(shared), future: Box::pin(future) }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let entered = self.current.enter();
        let took = stopwatch();
        let poll = self.future.as_mut().poll(context);
        let lasted = took();
        drop(entered);
        if let Some(shared) = self.shared.upgrade().filter(|_| lasted >= STALL_MIN) {
            shared.publish(Event::LoopStalled { run: self.current.run.clone(), lasted });
        }
        poll
    }
}
