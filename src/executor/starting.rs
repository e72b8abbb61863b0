//! A launch on its way to a process, for the three who have to do with it: the attempt that waits for it, the
//! thread that has it in hand, and whoever kills it meanwhile.

use super::Launch;
use super::fault::{failed, unwanted};
use super::sys::Birth;
use crate::model::SpawnError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// See the module's page. It may be tried several times, one after another.
pub(super) struct Starting {
    pub(super) launch: Launch,
    state: Mutex<State>,
    forbidden: Notify,
}

#[derive(Default)]
struct State {
    /// There is one once a thread had it in hand.
    birth: Option<Arc<Birth>>,
    unwanted: bool,
    /// Since when a thread has it in hand.
    since: Option<Instant>,
}

impl Starting {
    pub(super) fn new(launch: Launch) -> Starting {
        Starting { launch, state: Mutex::default(), forbidden: Notify::new() }
    }

    /// From now on no process comes of it; one that is on its way is killed.
    pub(super) fn forbid(&self) {
        self.never_starts();
        self.forbidden.notify_one();
    }

    /// Waits until it was forbidden. Returns whether nothing came of it; else a thread still has it in hand,
    /// and answers when the system lets it go.
    pub(super) async fn was_forbidden(&self) -> bool {
        self.forbidden.notified().await;
        self.never_starts()
    }

    fn never_starts(&self) -> bool {
        let mut state = self.lock();
        state.unwanted = true;
        state.birth.as_ref().is_none_or(|birth| birth.forbid())
    }

    /// A thread takes it in hand.
    pub(super) fn take(&self) -> Result<Arc<Birth>, SpawnError> {
        let mut state = self.lock();
        if state.unwanted {
            return Err(unwanted());
        }
        state.since = Some(Instant::now());
        if let Some(birth) = &state.birth {
            return Ok(Arc::clone(birth));
        }
        let birth = Birth::new().map_err(|errno| failed("cannot make a process", errno))?;
        Ok(Arc::clone(state.birth.insert(Arc::new(birth))))
    }

    /// What a thread that has had it in hand for as long as `slow` is waiting for.
    pub(super) fn waits_for(&self, slow: Duration) -> Option<&'static str> {
        let state = self.lock();
        state.since.filter(|since| since.elapsed() >= slow)?;
        let is_under_way = state.birth.as_ref().is_some_and(|birth| birth.is_under_way());
        Some(if is_under_way { "its `cwd` or its program" } else { "its user, `env_file` or script" })
    }

    /// The thread has answered.
    pub(super) fn let_go(&self) {
        self.lock().since = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
