//! The core behind its lock, which is held for a call and never while somebody waits.
//!
//! Whoever holds it may drop the last of a job, and with that what its code has captured: values of the program that
//! may ask the scheduler for something while they are dropped, as a [`Handle`](super::Handle) does. So they are kept
//! until the lock is free again.
//!
//! Code of triggers is asked under the lock. If it asks the scheduler in turn it would wait for itself: it panics instead,
//! and a trigger that panics counts as exhausted.

use super::work::discard;
use crate::scheduler::Core;
use std::any::Any;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// See the module's page.
pub(super) struct Lock(Mutex<Core>);

/// Holds the lock.
pub(super) struct Held<'a> {
    // Dropped first.
    core: MutexGuard<'a, Core>,
    _one: One,
}

/// Which locks this thread holds, and what it has to drop when it holds none.
#[derive(Default)]
struct Here {
    held: Vec<*const Mutex<Core>>,
    kept: Vec<Box<dyn Any>>,
}

thread_local! {
    static HERE: RefCell<Here> = RefCell::default();
}

impl Lock {
    pub(super) fn new(core: Core) -> Lock {
        Lock(Mutex::new(core))
    }

    /// # Panics
    /// If this thread holds it already.
    pub(super) fn hold(&self) -> Held<'_> {
        let lock = &raw const self.0;
        let is_held = HERE.try_with(|here| here.borrow().held.contains(&lock)).unwrap_or(false);
        assert!(
            !is_held,
            "code of a trigger has asked its scheduler, which is locked meanwhile; it has to be pure"
        );
        let core = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = HERE.try_with(|here| here.borrow_mut().held.push(lock));
        Held { core, _one: One(lock) }
    }
}

impl Deref for Held<'_> {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        &mut self.core
    }
}

/// One of the locks that this thread holds.
struct One(*const Mutex<Core>);

impl Drop for One {
    fn drop(&mut self) {
        let kept = HERE.try_with(|here| {
            let mut here = here.borrow_mut();
            here.held.retain(|held| *held != self.0);
            if here.held.is_empty() { std::mem::take(&mut here.kept) } else { Vec::new() }
        });
        kept.into_iter().flatten().for_each(discard);
    }
}

/// Drops what is the program's, when this thread holds no lock.
pub(super) fn drop_unlocked(of_program: impl Any) {
    let mut of_program = Some(of_program);
    let _ = HERE.try_with(|here| {
        let mut here = here.borrow_mut();
        if !here.held.is_empty()
            && let Some(of_program) = of_program.take()
        {
            here.kept.push(Box::new(of_program));
        }
    });
    discard(of_program);
}
