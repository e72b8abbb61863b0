//! The processes of one attempt: signalled together, waited for together.

use super::census::{self, Process};
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
    pub(super) fn wait(&self, by_itself: bool) -> Option<io::Result<(ExitStatus, Usage)>> {
        self.children.wait(&self.process, self.id, by_itself)
    }

    /// See [`Children::give_up`].
    pub(super) fn give_up(&self) {
        self.children.give_up(&self.process, self.id);
    }

    /// Says who keeps the exit of its own process, which has ended, from us.
    pub(super) fn explain_wait(&self, run: &RunId) {
        let leader = self.leader().as_raw_nonzero();
        match census::tracer_of(self.leader()) {
            Some(tracer) => log::warn!(
                "{run} has ended, but its process {leader} is traced by {tracer}; it is over when that lets go"
            ),
            None => log::warn!("{run} has ended, but the exit of its process {leader} is not to be had yet"),
        }
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
