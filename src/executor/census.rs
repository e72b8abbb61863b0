//! One look at all processes of the machine, as proc(5) shows them, shared by all that ask at about the same
//! time.
//!
//! A look costs as much as there are processes, so that a thousand runs that are stopped at once must not
//! take a thousand. It is not made of one instant: a process can be born behind the reader's back, and what
//! is read of one may be older than what is read of the next.
//!
//! A look can fail: where /proc is not mounted, or when we are short of descriptors. Then nothing is known,
//! which is not the same as that nobody is there.

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open, pidfd_send_signal};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A census that is younger is not taken anew.
const AGE_MAX: Duration = Duration::from_millis(20);

/// One that took long may grow as many times older: looking has a fifth of the time at most.
const AGE_MAX_TAKEN: u32 = 4;

/// All processes at about one moment.
#[derive(Debug)]
pub(super) struct Census {
    /// What was there before this moment, and was not ended, is in it.
    pub(super) begun: Instant,
    processes: HashMap<Pid, Process>,
}

/// A process, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    pub(super) group: Option<Pid>,
    pub(super) session: Option<Pid>,
    /// In clock ticks since boot: with the process id it names one process for ever.
    pub(super) started: u64,
    /// Its program's name, or what it made of it; at most 15 bytes.
    pub(super) name: String,
    /// Whether a part of it still runs.
    pub(super) lives: bool,
}

/// The newest census.
#[derive(Debug, Default)]
pub(super) struct Newest(Mutex<Option<(Arc<Census>, Duration)>>);

impl Newest {
    /// Returns a census that is young enough (see [`Census::begun`]), or `None` when the look failed. That is
    /// told once.
    pub(super) fn census(&self) -> Option<Arc<Census>> {
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((census, took)) = &*newest
            && now - census.begun < AGE_MAX.max(*took * AGE_MAX_TAKEN)
        {
            return Some(Arc::clone(census));
        }
        let census = Census::look(now).map(Arc::new)?;
        *newest = Some((Arc::clone(&census), now.elapsed()));
        Some(census)
    }
}

/// Returns what was seen, and tells the first time when nothing was.
fn seen<T>(look: io::Result<T>) -> Option<T> {
    static TOLD: Once = Once::new();
    look.inspect_err(|error| {
        TOLD.call_once(|| log::warn!("cannot see in /proc which processes there are: {error}"));
    })
    .ok()
}

impl Census {
    /// Returns a census of its own, or `None` when the look failed. That is told once.
    pub(super) fn look(begun: Instant) -> Option<Census> {
        seen(Census::take(begun))
    }

    fn take(begun: Instant) -> io::Result<Census> {
        let mut pids = Vec::new();
        for entry in fs::read_dir("/proc")? {
            pids.extend(entry?.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?)));
        }
        let processes = pids.into_iter().filter_map(|pid| Process::look(pid).transpose());
        let mut census = Census::of(begun, processes.collect::<io::Result<Vec<_>>>()?);
        if census.get(getpid()).is_none() {
            return Err(io::Error::other("not even this one is there"));
        }
        census.read_again_whose_parent_has_gone();
        Ok(census)
    }

    pub(super) fn of(begun: Instant, processes: impl IntoIterator<Item = Process>) -> Census {
        let processes = processes.into_iter().map(|process| (process.pid, process)).collect();
        Census { begun, processes }
    }

    /// A parent that ended between the reading of its child and its own has left the child another one.
    fn read_again_whose_parent_has_gone(&mut self) {
        let orphaned =
            |process: &&Process| process.parent.is_some_and(|parent| !self.processes.contains_key(&parent));
        let orphans: Vec<Pid> = self.processes.values().filter(orphaned).map(|orphan| orphan.pid).collect();
        self.processes.extend(orphans.into_iter().filter_map(|pid| Some((pid, Process::read(pid)?))));
    }

    pub(super) fn get(&self, pid: Pid) -> Option<&Process> {
        self.processes.get(&pid)
    }

    /// Those that live.
    pub(super) fn living(&self) -> impl Iterator<Item = &Process> {
        self.processes.values().filter(|process| process.lives)
    }
}

impl Process {
    /// Returns the process as proc(5) has it now, or `None` when there is none of that id that we may see.
    ///
    /// # Errors
    /// When that cannot be known now.
    pub(super) fn look(pid: Pid) -> io::Result<Option<Process>> {
        match fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
            Ok(stat) => Ok(Process::parse(pid, &stat)),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// The same when it does not matter why there is none.
    pub(super) fn read(pid: Pid) -> Option<Process> {
        Process::look(pid).ok().flatten()
    }

    /// The name may hold anything, and the last parenthesis ends it.
    fn parse(pid: Pid, stat: &[u8]) -> Option<Process> {
        let name_start = stat.iter().position(|byte| *byte == b'(')? + 1;
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let name = String::from_utf8_lossy(stat.get(name_start..name_end)?).into_owned();
        let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // A process that has just ended has -1 here and there.
        let id = |at: usize| Some(fields.get(at)?.parse().ok().filter(|id| *id > 0).and_then(Pid::from_raw));
        // The first thread can end before the others do.
        let threads: u32 = fields.get(17)?.parse().ok()?;
        Some(Process {
            pid,
            parent: id(1)?,
            group: id(2)?,
            session: id(3)?,
            started: fields.get(19)?.parse().ok()?,
            name,
            lives: !matches!(*fields.first()?, "Z" | "X") || threads > 1,
        })
    }

    #[cfg(test)]
    pub(super) fn for_tests(pid: i32, parent: i32) -> Process {
        let pid = Pid::from_raw(pid);
        let (parent, name) = (Pid::from_raw(parent), "x".to_owned());
        Process {
            pid: pid.expect("positive"),
            parent,
            group: pid,
            session: pid,
            started: 1,
            name,
            lives: true,
        }
    }

    /// Sends it `signal`, unless it has ended. Another process of the same id is not signalled.
    pub(super) fn signal(&self, signal: Signal) {
        // The descriptor is had before the second look: if that finds the same process, it is this one's.
        let pidfd = match pidfd_open(self.pid, PidfdFlags::empty()) {
            Ok(pidfd) => Some(pidfd),
            Err(Errno::SRCH) => return,
            // Short of descriptors, or of a system that has these. What remains is that the id is not given
            // anew within the next few instructions.
            Err(_) => None,
        };
        if Process::read(self.pid).is_some_and(|again| again.started == self.started) {
            let sent = pidfd.map(|pidfd| pidfd_send_signal(pidfd, signal));
            // Or the system refuses that to everybody.
            if !matches!(sent, Some(Ok(()) | Err(Errno::SRCH))) {
                let _ = kill_process(self.pid, signal);
            }
        }
    }

    /// Whether it is just becoming another program: at that moment it has no environment.
    pub(super) fn is_in_exec(&self) -> bool {
        let words = fs::read(format!("/proc/{}/cmdline", self.pid.as_raw_nonzero()));
        words.is_ok_and(|words| words.is_empty())
    }

    /// Returns its environment as it was at its start, up to a sane length; empty when it cannot be read.
    pub(super) fn environment(&self) -> Vec<u8> {
        const BYTES_MAX: u64 = 4 << 20;
        let file = fs::File::open(format!("/proc/{}/environ", self.pid.as_raw_nonzero()));
        let mut environment = Vec::new();
        let _ = file.and_then(|file| file.take(BYTES_MAX).read_to_end(&mut environment));
        environment
    }
}

/// `1234 sleep`, whatever the name may hold.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pid.as_raw_nonzero(), self.name.replace(char::is_control, "?"))
    }
}

/// Returns the process that traces this one, as a debugger does, if any does.
pub(super) fn tracer_of(pid: Pid) -> Option<Process> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    Process::read(Pid::from_raw(tracer.trim().parse().ok()?)?)
}

/// Returns the process ids of our own children, whether they live or not; any that are there all the while.
/// `None`: the look failed, which is told once.
pub(super) fn own_children() -> Option<Vec<Pid>> {
    // Some kernels are built without the lists.
    listed_children().or_else(seen_children)
}

/// Each thread has a list of its own.
fn listed_children() -> Option<Vec<Pid>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let thread = thread.ok()?;
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => {
                let pids = list.split_ascii_whitespace();
                children.extend(pids.filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
            }
            // The thread has ended, and left its children to another.
            Err(_) if fs::exists(thread.path()).is_ok_and(|is_there| !is_there) => return listed_children(),
            Err(_) => return None,
        }
    }
    Some(children)
}

fn seen_children() -> Option<Vec<Pid>> {
    let census = Census::look(Instant::now())?;
    let ours = census.processes.values().filter(|process| process.parent == Some(getpid()));
    Some(ours.map(|child| child.pid).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(raw: i32) -> Option<Pid> {
        Pid::from_raw(raw)
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = b"12 (a) Z 1 (\n) S 7 12 12 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 555 0 0\n";
        let process = Process::parse(pid(12).expect("positive"), stat).expect("it is well-formed");
        assert_eq!(process.name, "a) Z 1 (\n");
        assert_eq!((process.parent, process.group, process.session), (pid(7), pid(12), pid(12)));
        assert!(process.lives && process.started == 555);
    }

    #[test]
    fn a_process_lives_as_long_as_one_of_its_threads() {
        let check = |state: &str, threads: u32, expected| {
            let stat = format!("3 (x) {state} 0 3 3 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 9 0 0");
            let process = Process::parse(pid(3).expect("positive"), stat.as_bytes());
            assert_eq!(process.expect("it is well-formed").lives, expected, "{state}, {threads}");
        };
        check("S", 1, true);
        check("Z", 1, false);
        check("X", 1, false);
        check("Z", 3, true);
    }

    #[test]
    fn a_process_that_has_just_ended_is_in_no_session() {
        let stat = b"3 (x) X 0 -1 -1 0 -1 0 0 0 0 0 0 0 0 0 20 0 0 0 9 0 0";
        let process = Process::parse(pid(3).expect("positive"), stat).expect("it is well-formed");
        assert_eq!((process.parent, process.group, process.session), (None, None, None));
        assert!(!process.lives);
    }

    #[test]
    fn nonsense_is_no_process() {
        for stat in ["", "1", "1 (", "1 (a", "1 )a(", "1 (a) S", "1 (a) S 1 1 1"] {
            assert_eq!(Process::parse(pid(1).expect("positive"), stat.as_bytes()), None, "{stat}");
        }
    }

    #[test]
    fn we_are_in_the_census_and_a_young_one_is_shared() {
        let newest = Newest::default();
        let census = newest.census().expect("/proc");
        let own = census.get(getpid()).expect("we are there");
        assert!(own.lives && own.parent.is_some());
        *newest.0.lock().expect("a census") = Some((Arc::clone(&census), Duration::from_secs(3600)));
        assert!(
            Arc::ptr_eq(&census, &newest.census().expect("/proc")),
            "one that took an hour is young for long"
        );
    }

    #[test]
    fn our_children_are_found_with_and_without_the_kernels_lists() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a child");
        let id = Pid::from_child(&child);
        let found = || [own_children(), seen_children()].map(|pids| pids.expect("/proc").contains(&id));
        assert_eq!(found(), [true, true]);
        let process = Process::read(id).expect("it is there");
        assert!(process.lives);
        Process { started: process.started + 1, ..process.clone() }.signal(Signal::KILL);
        assert!(child.try_wait().expect("its state").is_none(), "another of the same id is not signalled");
        process.signal(Signal::KILL);
        assert!(!child.wait().expect("its end").success());
        assert_eq!(found(), [false, false]);
    }
}
