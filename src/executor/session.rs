//! The processes of a session: all that a job started and that did not leave on purpose.

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use std::fs;

/// Sends `signal` to the leader's process group and to every other process of its session. The leader must
/// not have been waited for, so that its id still names this session and no other.
pub(super) fn signal(leader: Pid, signal: Signal) {
    match kill_process_group(leader, signal) {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => log::warn!("cannot send {signal:?} to process group {leader:?}: {error}"),
    }
    for member in members(leader).into_iter().filter(|member| member.group != leader) {
        // The descriptor is had before the second look, so that a process id given anew is not signalled.
        let Ok(pidfd) = pidfd_open(member.pid, PidfdFlags::empty()) else { continue };
        if Member::read(member.pid).is_some_and(|again| again.session == leader) {
            let _ = pidfd_send_signal(pidfd, signal);
        }
    }
}

/// Whether the session has a living process beside its leader.
pub(super) fn has_others(leader: Pid) -> bool {
    members(leader).iter().any(|member| member.pid != leader)
}

/// A living process.
struct Member {
    pid: Pid,
    group: Pid,
    session: Pid,
}

fn members(leader: Pid) -> Vec<Member> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    pids.filter_map(Member::read).filter(|member| member.session == leader).collect()
}

impl Member {
    /// Reads proc(5): state, parent, group and session follow the name, which may hold anything.
    fn read(pid: Pid) -> Option<Member> {
        let stat = fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let dead = matches!(fields.next()?, "Z" | "X");
        let group = Pid::from_raw(fields.nth(1)?.parse().ok()?)?;
        let session = Pid::from_raw(fields.next()?.parse().ok()?)?;
        (!dead).then_some(Member { pid, group, session })
    }
}
