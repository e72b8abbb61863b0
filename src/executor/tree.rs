//! The processes of one attempt: signalled together, waited for together.

use super::census::Process;
use super::children::Children;
use super::spawn;
use super::whose::TreeId;
use crate::model::{ExitStatus, RunId, Usage};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use tokio::time::Instant;

/// An attempt's own process, and all that came of it. Its own process was not waited for, so that its id
/// still names this group, this session and no other.
pub(super) struct Tree<'a> {
    pub(super) children: &'a Children,
    pub(super) id: TreeId,
    pub(super) process: spawn::Process,
}

impl Tree<'_> {
    /// Sends `signal` to every process of the tree.
    pub(super) fn signal(&self, signal: Signal) {
        // Found before the first is signalled: when parents end, nothing leads to their children any more.
        let (members, _) = self.children.members(self.id);
        let leader = self.leader();
        match kill_process_group(leader, signal) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => log::warn!("cannot send {signal:?} to process group {leader:?}: {error}"),
        }
        members.iter().filter(|member| member.group != Some(leader)).for_each(|member| member.signal(signal));
    }

    /// Returns the living processes beside its own one, and since when the answer holds.
    pub(super) fn others(&self) -> (Vec<Process>, Instant) {
        let (mut members, since) = self.children.members(self.id);
        members.retain(|member| member.pid != self.leader());
        (members, since)
    }

    /// See [`Children::wait`].
    pub(super) fn wait(&self, by_itself: bool) -> io::Result<(ExitStatus, Usage)> {
        self.children.wait(&self.process, self.id, by_itself)
    }

    fn leader(&self) -> Pid {
        self.process.pid
    }
}

/// Says who could not be ended.
pub(super) fn survived(run: &RunId, survivors: &[Process]) {
    let shown = survivors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    log::warn!("{run} is over, although KILL did not end {shown}");
}
