//! What stands for `processes` in a build without them: no job has a command, and of what an earlier runner started
//! nothing is found.

use super::Options;
use super::shared::Shared;
use crate::model::{OpenRun, Report, RunId, RunRef};
use crate::scheduler::Spawn;
use rustix::process::Signal;
use std::io;
use tokio::sync::mpsc::UnboundedSender;

/// There is none.
pub(super) enum Living {}

/// Never any.
#[derive(Default)]
pub(super) struct Survivors(());

/// Never any.
pub(super) struct Processes;

#[expect(clippy::unused_self, reason = "the interface is that of `processes`")]
impl Survivors {
    pub(super) fn find(&mut self, _: &mut [OpenRun]) {}

    pub(super) fn take(&mut self, _: &RunId) -> Option<Living> {
        None
    }
}

#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the interface is that of `processes`"
)]
impl Processes {
    pub(super) fn new(_: &Shared, _: UnboundedSender<Report>, _: &Options) -> Processes {
        Processes
    }

    pub(super) fn get_ready(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn begin(&self, _: Spawn) {
        unreachable!("no action of this build is a command")
    }

    pub(super) fn adopt(&self, _: Spawn, living: Living) {
        match living {}
    }

    #[cfg(feature = "test-util")]
    pub(super) fn is_idle(&self) -> bool {
        true
    }

    pub(super) fn signal(&self, _: RunRef, _: Signal) {}
}
