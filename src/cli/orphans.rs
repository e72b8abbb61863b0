//! Processes that lose their parents while jobs run are left to this process, wherever below it they are:
//! it is their child subreaper, as process 1 is of all. What becomes of them is told in
//! [`Children`]'s module.

use crate::executor::Children;
use rustix::process::{getpid, set_child_subreaper};
use std::io;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

/// Looks are this far apart, however many children end.
const PAUSE: Duration = Duration::from_millis(50);

/// How often at the end, when orphans may still be ending.
const LOOKS_LAST_MAX: u32 = 20;

/// See the module's page.
pub(super) struct Orphans {
    children: Children,
    exits: Signal,
}

impl Orphans {
    /// From now on orphans are left to us.
    ///
    /// # Errors
    /// When the system refuses that, or word of it.
    pub(super) fn adopt() -> io::Result<Orphans> {
        set_child_subreaper(Some(getpid()))?;
        Ok(Orphans { children: Children::of_a_subreaper(), exits: signal(SignalKind::child())? })
    }

    pub(super) fn children(&self) -> Children {
        self.children.clone()
    }

    /// Looks after them for ever.
    pub(super) async fn look_after(&mut self) {
        loop {
            if !self.children.look() {
                tokio::select! {
                    _ = self.exits.recv() => {}
                    () = self.children.collected() => {}
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Looks until nothing is open any more, but not for ever, and ends whoever came of a job that nobody
    /// knows. To be called when no run is left.
    pub(super) async fn finish(self) {
        for _ in 0..LOOKS_LAST_MAX {
            if !self.children.look() {
                break;
            }
            sleep(PAUSE).await;
        }
        self.children.end_unknown().await;
    }
}
