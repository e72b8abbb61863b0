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
    /// Sends `signal` to every process of the tree, and has those that are stopped go on, as systemd does: else
    /// they would hear of it only when they are killed.
    pub(super) fn signal(&self, signal: Signal) {
        // Found before the first is signalled: when parents end, nothing leads to their children any more. If
        // nobody can be found the group at least is there.
        let members = self.children.members(self.id).map(|(members, _)| members).unwrap_or_default();
        self.send(signal, &members);
        if signal != Signal::KILL {
            self.send(Signal::CONT, &members);
        }
    }

    fn send(&self, signal: Signal, members: &[Process]) {
        let leader = self.leader();
        match kill_process_group(leader, signal) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => log::warn!("cannot send {signal:?} to process group {leader:?}: {error}"),
        }
        members.iter().filter(|member| member.group != Some(leader)).for_each(|member| member.signal(signal));
    }

    /// Returns the living processes beside its own one, and since when the answer holds; `None`: the look
    /// failed, and there may be any.
    pub(super) fn others(&self) -> Option<(Vec<Process>, Instant)> {
        let (mut members, since) = self.children.members(self.id)?;
        members.retain(|member| member.pid != self.leader());
        Some((members, since))
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

/// Says who could not be ended, or that nobody knows.
pub(super) fn survived(run: &RunId, survivors: Option<&[Process]>) {
    let Some(survivors) = survivors else {
        return log::warn!("{run} is over, although it cannot be seen whether KILL ended all its processes");
    };
    let shown = survivors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    log::warn!("{run} is over, although KILL did not end {shown}");
}
