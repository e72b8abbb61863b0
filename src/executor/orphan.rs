//! Processes that outlived their runner: how one is recognised, and held.
//!
//! A process id comes again, and so does its start, which is counted in hundredths of a second. What names a
//! process for ever is its boot, its id, its start and the inode of its pidfd together. Whatever of it can be
//! compared must be equal, and only the pidfd that was opened before is ever signalled: so no other process is
//! taken for it, however long the look takes.
//!
//! A run may have been claimed, and its process be there, without a word of which process that is: its
//! runner ended in between. That one is looked for by what stands in its environment ([`Mark`]).

use super::census::{Census, Process};
use super::fault::describe;
use super::mark::Mark;
use super::spawn;
use super::sys;
use crate::model::{ExitStatus, ProcessId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{fstat, fstatfs};
use rustix::io::Errno;
use rustix::param::clock_ticks_per_second;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// What statfs(2) says of a pidfd from Linux 6.9 on. Before, all have one inode.
const PIDFS: u64 = 0x5049_4446;

/// Returns by what a process is known that has just been spawned. It has not been waited for.
pub(super) fn id_of(pid: Pid, pidfd: &OwnedFd) -> ProcessId {
    ProcessId {
        pid: pid.as_raw_nonzero().get().unsigned_abs(),
        started_ticks: Process::read(pid).map_or(0, |process| process.started),
        pidfd_inode: inode_of(pidfd),
    }
}

fn inode_of(pidfd: &OwnedFd) -> Option<u64> {
    static HAVE_INODES: OnceLock<bool> = OnceLock::new();
    let is_pidfs = || fstatfs(pidfd).is_ok_and(|stat| u64::try_from(stat.f_type) == Ok(PIDFS));
    if *HAVE_INODES.get_or_init(is_pidfs) { fstat(pidfd).ok().map(|stat| stat.st_ino) } else { None }
}

/// Returns a text that names this boot, and in it the namespace in which process ids mean what they do here;
/// empty where it cannot be had. In two runs of a container it differs, although the host has not booted
/// between them: nothing of the first lives on in the second.
pub fn boot_id() -> String {
    static BOOT: LazyLock<String> = LazyLock::new(|| {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let namespace = fs::read_link("/proc/self/ns/pid");
        let (Ok(boot), Ok(namespace)) = (boot, namespace) else { return String::new() };
        format!("{} {}", boot.trim(), namespace.display())
    });
    BOOT.clone()
}

/// A process that outlived its runner. It was alive when it was found, and can have ended since.
#[derive(Debug)]
pub struct Living {
    process: Process,
    pidfd: OwnedFd,
}

impl Living {
    /// Returns the process with that `id`, if it was started in this boot (see [`boot_id`]) and still lives;
    /// `None` also when it cannot be known whether it is the same.
    pub fn find(id: &ProcessId, boot_id: &str) -> Option<Living> {
        if boot_id.is_empty() || boot_id != self::boot_id() {
            return None;
        }
        let pid = i32::try_from(id.pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)?;
        Living::open(pid, id.started_ticks).filter(|living| living.is(id))
    }

    /// Returns, for each of the attempts with these marks, the process that it was started as, if that lives and
    /// still is the program that was started. One look at all processes of the machine.
    ///
    /// It leads a session. If an attempt's own process has ended and it left one behind that leads another, that
    /// is taken for it: no mark tells them apart.
    pub fn search(marks: &[Mark]) -> Vec<Option<Living>> {
        let mut found: Vec<Option<Living>> = marks.iter().map(|_| None).collect();
        let Some(census) = (!marks.is_empty()).then(|| Census::look(Instant::now())).flatten() else {
            return found;
        };
        let mut leaders: Vec<&Process> =
            census.living().filter(|process| process.session == Some(process.pid)).collect();
        // An attempt's own process is older than whatever came of it.
        leaders.sort_unstable_by_key(|process| (process.started, process.pid.as_raw_nonzero()));
        let places: HashMap<&Mark, usize> = marks.iter().zip(0..).collect();
        for process in leaders {
            let mark = Mark::read(&process.environment());
            if let Some((mark, place)) = mark.and_then(|mark| places.get_key_value(&mark))
                && found[*place].is_none()
            {
                let living = Living::open(process.pid, process.started);
                found[*place] = living.filter(|living| living.is_marked(process, mark));
            }
        }
        found
    }

    /// The descriptor is had before all looks: what they find is of the process that it holds, or of one that
    /// has the same id later. That one which began at `started` cannot be had is told.
    fn open(pid: Pid, started: u64) -> Option<Living> {
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(errno) => {
                let is_there = |process: &Process| process.lives && process.started == started;
                if let Some(process) = Process::read(pid).filter(is_there) {
                    let why = describe(errno.raw_os_error());
                    log::warn!("process {process} has outlived its runner and cannot be watched: {why}");
                }
                return None;
            }
        };
        let process = Process::read(pid).filter(|process| process.lives)?;
        Some(Living { process, pidfd })
    }

    fn is(&self, id: &ProcessId) -> bool {
        let inodes = id.pidfd_inode.zip(inode_of(&self.pidfd));
        let same_inode = inodes.map(|(recorded, found)| recorded == found);
        let same_start = match id.started_ticks {
            // It could not be read at its start: then the inode decides alone.
            0 => same_inode.is_some(),
            started => started == self.process.started,
        };
        same_start && same_inode.unwrap_or(true)
    }

    /// Whether it is the process that a census has, and has that mark.
    fn is_marked(&self, seen: &Process, mark: &Mark) -> bool {
        let is_same = self.process.started == seen.started;
        // What is read before it has ended is its own.
        is_same && Mark::read(&self.process.environment()).as_ref() == Some(mark) && !self.has_ended()
    }

    /// Returns how long ago it was started, to the hundredth of a second. Time in which the machine was asleep counts.
    pub fn age(&self) -> Duration {
        let now = clock_gettime(ClockId::Boottime);
        let now = Duration::try_from(now).unwrap_or_default();
        let (ticks, per_second) = (self.process.started, clock_ticks_per_second());
        let begun = Duration::from_secs(ticks / per_second)
            + Duration::from_secs(ticks % per_second) / u32::try_from(per_second).unwrap_or(u32::MAX);
        now.saturating_sub(begun)
    }

    /// By what it is known.
    pub fn id(&self) -> ProcessId {
        ProcessId {
            pid: self.pid().as_raw_nonzero().get().unsigned_abs(),
            started_ticks: self.process.started,
            pidfd_inode: inode_of(&self.pidfd),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.process.pid
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Returns another descriptor that is readable when it has ended.
    pub(super) fn pidfd(&self) -> io::Result<OwnedFd> {
        self.pidfd.try_clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        let mut pidfd = [PollFd::new(&self.pidfd, PollFlags::IN)];
        poll(&mut pidfd, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Returns how it ended, once its parent has collected that; `None` before, and always where the kernel does
    /// not tell others than the parent (Linux before 6.15).
    pub(super) fn exit(&self) -> Option<ExitStatus> {
        sys::exit_of(&self.pidfd).map(spawn::exit_status)
    }

    /// Sends `signal` to its process group, and to no other that may have its number by now.
    pub(super) fn signal_group(&self, signal: Signal) -> Result<(), Errno> {
        sys::signal_group_of(&self.pidfd, self.pid(), signal)
    }
}
