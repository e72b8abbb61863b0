//! The processes of one attempt: signalled together, waited for together.

use super::census::{self, Process};
use super::children::Children;
use super::orphan::Living;
use super::spawn;
use super::whose::TreeId;
use crate::model::{ExitStatus, RunId, Usage};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use tokio::time::Instant;

/// An attempt's own process, and all that came of it.
pub(super) struct Tree<'a> {
    pub(super) children: &'a Children,
    pub(super) id: TreeId,
    pub(super) leader: Leader,
}

/// An attempt's own process.
pub(super) enum Leader {
    /// It was not waited for, so that its id still names this group, this session and no other.
    Child(spawn::Process),
    /// Others wait for it.
    Orphan(Living),
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
        let leader = self.pid();
        let to_group = match &self.leader {
            Leader::Child(_) => kill_process_group(leader, signal),
            Leader::Orphan(living) => living.signal_group(signal),
        };
        if let Err(error) = to_group
            && error != Errno::SRCH
        {
            let (signal, leader) = (signal.as_raw(), leader.as_raw_nonzero());
            log::warn!("cannot send signal {signal} to process group {leader}: {error}");
        }
        let reached = |member: &&Process| to_group.is_ok() && member.group == Some(leader);
        members.iter().filter(|member| !reached(member)).for_each(|member| member.signal(signal));
    }

    /// Returns the living processes beside its own one, and since when the answer holds; `None`: the look
    /// failed, and there may be any.
    pub(super) fn others(&self) -> Option<(Vec<Process>, Instant)> {
        let (mut members, since) = self.children.members(self.id)?;
        members.retain(|member| member.pid != self.pid());
        Some((members, since))
    }

    /// Looks whether its own process has ended, and leaves the exit to be collected.
    pub(super) fn has_ended(&self) -> bool {
        match &self.leader {
            Leader::Child(process) => process.has_ended(),
            Leader::Orphan(living) => living.has_ended(),
        }
    }

    /// Collects the exit of its own process, which has ended, or takes it from whoever did; `None` when it is not
    /// to be had yet. See [`Children::wait`] and [`Living::exit`].
    pub(super) fn wait(&self, by_itself: bool) -> Option<io::Result<(ExitStatus, Option<Usage>)>> {
        match &self.leader {
            Leader::Child(process) => {
                let exit = self.children.wait(process, self.id, by_itself)?;
                Some(exit.map(|(status, usage)| (status, Some(usage))))
            }
            Leader::Orphan(living) => {
                let status = living.exit()?;
                self.children.let_go(living.pid(), self.id);
                Some(Ok((status, None)))
            }
        }
    }

    /// The exit is not waited for any longer. See [`Children::give_up`].
    pub(super) fn give_up(&self) {
        match &self.leader {
            Leader::Child(process) => self.children.give_up(process, self.id),
            Leader::Orphan(living) => self.children.let_go(living.pid(), self.id),
        }
    }

    /// Says who keeps the exit of its own process, which has ended, from us.
    pub(super) fn explain_wait(&self, run: &RunId) {
        let leader = self.pid().as_raw_nonzero();
        match census::tracer_of(self.pid()) {
            Some(tracer) => log::warn!(
                "{run} has ended, but its process {leader} is traced by {tracer}; it is over when that lets go"
            ),
            None => log::warn!("{run} has ended, but the exit of its process {leader} is not to be had yet"),
        }
    }

    pub(super) fn is_an_orphans(&self) -> bool {
        matches!(self.leader, Leader::Orphan(_))
    }

    pub(super) fn pid(&self) -> Pid {
        match &self.leader {
            Leader::Child(process) => process.pid,
            Leader::Orphan(living) => living.pid(),
        }
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
