//! The children of this process: which are the executor's own, and what becomes of the others.
//!
//! A process that is a child subreaper (or process 1) is given, as children, the descendants of its jobs that
//! lost their parents. [`Children::look`] sees to them. It must be asked to, and only the binary asks: to a
//! program that merely embeds the executor such children may be dear.
//!
//! - Those that have ended are waited for, each by its own id and never as *any child*, so that nobody's exit
//!   is taken from him. A child that has just been spawned and is not written down as our own yet could be
//!   mistaken for one of them. So a child that nobody knows is left alone until every spawning that was under
//!   way when it was first seen is over.
//! - Those that live and belong to an attempt that has ended by itself are named, together with all that
//!   came of them. They are not ended: to leave a process behind may be what the job is for.
//! - Those of whom nobody knows which attempt they belong to are named when one has ended by itself, and ended
//!   when no attempt is left ([`Children::end_unknown`]). There are none as process 1, to which others leave
//!   theirs too.
//!
//! Looking for what was left behind must cost a thousand exits a second nothing. It costs one reading of the
//! list of our children, for all attempts that ended since the last: whatever outlives its attempt descends
//! from a child that was left to us at the moment of the exit. Only when there is such a child, and it still
//! lives [`SETTLE`] later, all processes of the machine are looked at.

use super::Launch;
use super::census::{Census, Newest, Process, own_children};
use super::mark::Mark;
use super::spawn::{self, Spawned};
use super::whose::{Owner, Ownership, TreeId};
use crate::model::{ExitStatus, SpawnError, Usage};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, waitid};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How long an attempt's helpers may take to end after it without being named.
const SETTLE: Duration = Duration::from_millis(500);

/// How long what an attempt left may still be named after it, when looks fail.
const FORGET_AFTER: Duration = Duration::from_secs(10);

/// How long those of an unknown run have from TERM to KILL. The grace of the shutdown is over by then, and
/// whoever stops us does not wait much longer.
const KILL_AFTER: Duration = Duration::from_secs(2);

/// And how long KILL may take.
const GIVE_UP_AFTER: Duration = Duration::from_secs(1);

/// How far looks are apart meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// How many of those that were left behind are named.
const NAMED_MAX: usize = 10;

/// See the module's page. Cheap to clone: all clones are one.
#[derive(Clone, Default)]
pub struct Children(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    newest: Newest,
    collected: Notify,
}

#[derive(Default)]
struct State {
    /// Those whose exit is collected by whoever follows them, and by nobody else.
    own: HashSet<Pid>,
    spawnings: u64,
    /// The numbers of those that are under way.
    spawning: BTreeSet<u64>,
    /// Children that nobody knows, each with the number of the spawning that began next after it was first
    /// seen: until all before that are over it may be theirs.
    strangers: HashMap<Pid, u64>,
    ownership: Ownership,
    /// Attempts that ended by themselves and were not looked at yet.
    ended: Vec<Ended>,
}

struct Ended {
    leader: Pid,
    tree: TreeId,
    at: Instant,
}

impl fmt::Debug for Children {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children").finish_non_exhaustive()
    }
}

/// For the process as a whole.
impl Children {
    /// Returns the children of a process that is a child subreaper: a run's processes are found also when
    /// they have left its session. With the default they are not.
    ///
    /// Children that it has already are none of a run's.
    pub fn of_a_subreaper() -> Children {
        let children = Children::default();
        let mut state = children.lock();
        state.ownership.descendants = true;
        state.ownership.all_are_ours = getpid() != Pid::INIT;
        for process in own_children().into_iter().flatten().filter_map(Process::read) {
            state.ownership.disown(&process);
        }
        drop(state);
        children
    }

    /// Those of a process to which nobody is left, in which descendants are found all the same.
    #[cfg(all(test, feature = "jobfile"))]
    pub(super) fn with_descendants() -> Children {
        let children = Children::default();
        children.lock().ownership.descendants = true;
        children
    }

    /// Waits for those that were left to us and have ended, and names those that an attempt left behind.
    /// Returns whether to look again in a moment: something was not decided yet. Else there is nothing to do
    /// until a child ends (`SIGCHLD`) or [`Children::collected`].
    ///
    /// To be called only in a process that has no children but the executor's and those left to it.
    pub fn look(&self) -> bool {
        let (due, again) = self.lock().look();
        if due.is_empty() {
            return again;
        }
        // Not while the lock is held: spawning waits for that.
        if let Some(census) = self.0.newest.census() {
            for ended in due {
                let mut state = self.lock();
                let left = state.members(Owner::Tree(ended.tree), &census);
                let mark = state.ownership.end(ended.leader, ended.tree);
                drop(state);
                if let Some(mark) = mark.filter(|_| !left.is_empty()) {
                    log::warn!("{} left {} behind: {}", mark.run, count(&left), names(left));
                }
            }
            let unknown = self.lock().ownership.name_unknown(getpid(), &census);
            if !unknown.is_empty() {
                log::warn!("an unknown run left {} behind: {}", count(&unknown), names(unknown));
            }
            again
        } else {
            self.lock().ended.extend(due);
            true
        }
    }

    /// Ends whoever belongs to an unknown run, as a run is ended, and says so. To be called, as
    /// [`Children::look`], when no attempt is left.
    pub async fn end_unknown(&self) {
        self.look();
        if !self.lock().ownership.has_unknown() {
            return;
        }
        let unknown = self.living(Owner::Unknown).filter(|(unknown, _)| !unknown.is_empty());
        let Some((unknown, mut since)) = unknown else { return };
        log::warn!("ending {} of an unknown run: {}", count(&unknown), names(unknown.clone()));
        for signal in [Signal::TERM, Signal::CONT] {
            for process in &unknown {
                process.signal(signal);
            }
        }
        let (kill_at, mut nobody_before) = (Instant::now() + KILL_AFTER, false);
        loop {
            sleep(LOOK).await;
            self.look();
            let look = self.living(Owner::Unknown);
            let nobody = look.as_ref().is_some_and(|(left, seen)| left.is_empty() && *seen >= since);
            let left = look.map(|(left, _)| left).unwrap_or_default();
            if nobody && nobody_before {
                return;
            }
            if Instant::now() > kill_at + GIVE_UP_AFTER {
                return log::warn!("KILL did not end them all: {}", names(left));
            }
            if Instant::now() > kill_at {
                for process in &left {
                    process.signal(Signal::KILL);
                }
            }
            if nobody {
                (since, nobody_before) = (Instant::now(), true);
            }
        }
    }

    /// Returns the living processes of `owner`, and since when the answer holds; `None`: the look failed.
    fn living(&self, owner: Owner) -> Option<(Vec<Process>, Instant)> {
        let census = self.0.newest.census()?;
        Some((self.lock().members(owner, &census), census.begun))
    }

    /// Waits until the exit of an attempt was collected.
    pub async fn collected(&self) {
        self.0.collected.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For whoever spawns and follows.
impl Children {
    /// Spawns a process that is our own from the first moment.
    pub(super) fn spawn(
        &self,
        launch: &Launch,
        spawn: impl FnOnce() -> Result<Spawned, SpawnError>,
    ) -> Result<Spawned, SpawnError> {
        let number = self.lock().begin_spawning();
        let spawned = spawn();
        let own =
            spawned.as_ref().ok().map(|spawned| (spawned.process.pid, TreeId::of(launch), Mark::of(launch)));
        self.lock().spawned(number, own);
        spawned
    }

    /// A process of an earlier runner is an attempt's own from now on. It is not waited for by whoever follows it:
    /// if it was left to us, it is like anybody who was.
    pub(super) fn adopt(&self, process: &Process, launch: &Launch) {
        // Another runner has started it: its mark is not that of our own attempts.
        let mark = Mark::read(&process.environment()).unwrap_or_else(|| Mark::of(launch));
        self.lock().ownership.adopt(process, TreeId::of(launch), mark);
    }

    /// A process that was adopted has ended.
    pub(super) fn let_go(&self, process: Pid, tree: TreeId) {
        self.lock().ownership.end(process, tree);
    }

    /// Returns the living processes of `tree`, and since when the answer holds; `None`: the look failed, and
    /// there may be any.
    pub(super) fn members(&self, tree: TreeId) -> Option<(Vec<Process>, Instant)> {
        self.living(Owner::Tree(tree))
    }

    /// Collects the exit of an attempt's process that has ended; `None` when it is not to be had yet, see
    /// [`spawn::Process::wait`]. What is left of the tree of one that ended `by_itself` is to be named.
    pub(super) fn wait(
        &self,
        process: &spawn::Process,
        tree: TreeId,
        by_itself: bool,
    ) -> Option<io::Result<(ExitStatus, Usage)>> {
        let mut state = self.lock();
        // Under the lock, because from the wait on its id can be another's. It holds nobody up.
        let exit = process.wait().transpose()?;
        state.own.remove(&process.pid);
        if by_itself && state.ownership.descendants {
            state.ended.push(Ended { leader: process.pid, tree, at: Instant::now() });
        } else {
            state.ownership.end(process.pid, tree);
        }
        drop(state);
        self.0.collected.notify_one();
        Some(exit)
    }

    /// An attempt's process has ended, and its exit is not waited for any longer: once it is to be had it is
    /// collected like that of anybody who was left to us.
    pub(super) fn give_up(&self, process: &spawn::Process, tree: TreeId) {
        let mut state = self.lock();
        state.own.remove(&process.pid);
        state.ownership.end(process.pid, tree);
    }
}

impl State {
    fn begin_spawning(&mut self) -> u64 {
        let number = self.spawnings;
        self.spawnings += 1;
        self.spawning.insert(number);
        number
    }

    fn spawned(&mut self, number: u64, own: Option<(Pid, TreeId, Mark)>) {
        self.spawning.remove(&number);
        if let Some((pid, tree, mark)) = own {
            self.own.insert(pid);
            self.strangers.remove(&pid);
            self.ownership.begin(pid, tree, mark);
        }
    }

    /// Returns the living processes of `owner`.
    fn members(&mut self, owner: Owner, census: &Census) -> Vec<Process> {
        let us = getpid();
        let children = census.living().filter(|process| process.parent == Some(us));
        self.ownership.undecided =
            children.map(|child| child.pid).filter(|pid| self.may_be_ours(*pid)).collect();
        self.ownership.members(owner, us, census)
    }

    /// Whether the child may be one that is being spawned.
    fn may_be_ours(&self, pid: Pid) -> bool {
        let next = self.strangers.get(&pid).copied().unwrap_or(self.spawnings);
        !self.own.contains(&pid) && self.spawning.first().is_some_and(|oldest| *oldest < next)
    }

    /// Returns the attempts that have left something behind for good, and whether to look again.
    fn look(&mut self) -> (Vec<Ended>, bool) {
        let Some(children) = own_children() else {
            self.forget_who_ended_long_ago();
            return (Vec::new(), !self.ended.is_empty());
        };
        let (living, mut again) = self.reap(children, has_been_reaped);
        self.ownership.undecided = living.iter().copied().filter(|pid| self.may_be_ours(*pid)).collect();
        let left_to_us = living.into_iter().filter_map(Process::read).filter(|process| process.lives);
        let left_to_us: Vec<Process> = left_to_us.collect();
        let trees = self.ownership.trees_of(&left_to_us, getpid());
        let (unnamed, undecided) = (self.ownership.has_unnamed(), !self.ownership.undecided.is_empty());
        let mut due = Vec::new();
        for ended in std::mem::take(&mut self.ended) {
            let has_left = unnamed || trees.contains(&ended.tree);
            match ended.at.elapsed() >= SETTLE {
                true if has_left => due.push(ended),
                false if has_left || undecided => {
                    self.ended.push(ended);
                    again = true;
                }
                _ => drop(self.ownership.end(ended.leader, ended.tree)),
            }
        }
        (due, again)
    }

    /// What they left can be named no more, should looks ever succeed again.
    fn forget_who_ended_long_ago(&mut self) {
        for ended in std::mem::take(&mut self.ended) {
            if ended.at.elapsed() < FORGET_AFTER {
                self.ended.push(ended);
            } else {
                self.ownership.end(ended.leader, ended.tree);
            }
        }
    }

    /// Of `children`, reaps those that are nobody's. Returns the others that are not our own, and whether
    /// that is worth another look: somebody was reaped, or may be ours.
    fn reap(&mut self, children: Vec<Pid>, mut has_been_reaped: impl FnMut(Pid) -> bool) -> (Vec<Pid>, bool) {
        let (mut strangers, mut again) = (HashMap::new(), false);
        for pid in children.into_iter().filter(|pid| !self.own.contains(pid)) {
            let next = self.strangers.get(&pid).copied().unwrap_or(self.spawnings);
            let may_be_ours = self.may_be_ours(pid);
            let reaped = !may_be_ours && has_been_reaped(pid);
            again |= may_be_ours || reaped;
            if !reaped {
                strangers.insert(pid, next);
            }
        }
        self.strangers = strangers;
        (self.strangers.keys().copied().collect(), again)
    }
}

/// Waits for this one child, if it has ended.
fn has_been_reaped(pid: Pid) -> bool {
    !matches!(waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(None))
}

/// `a process`, `2 processes`
fn count(processes: &[Process]) -> String {
    if processes.len() == 1 { "a process".into() } else { format!("{} processes", processes.len()) }
}

/// `1234 sleep, 1235 sh`
fn names(mut processes: Vec<Process>) -> String {
    processes.sort_unstable_by_key(|process| process.pid.as_raw_nonzero());
    let shown = processes.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = processes.len().saturating_sub(NAMED_MAX);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(raw).expect("positive")
    }

    /// What is reaped when these children are there and all have ended, and whether to look again.
    fn reaped(state: &mut State, children: &[i32]) -> (Vec<i32>, bool) {
        let mut reaped = Vec::new();
        let children = children.iter().copied().map(pid).collect();
        let (_, again) = state.reap(children, |pid| {
            reaped.push(pid.as_raw_nonzero().get());
            true
        });
        (reaped, again)
    }

    fn own(state: &mut State, number: u64, raw: i32) {
        let run = u64::try_from(raw).expect("positive");
        state.spawned(number, Some((pid(raw), TreeId::for_tests(run), Mark::for_tests(run))));
    }

    #[test]
    fn a_child_that_may_be_ours_is_not_reaped() {
        let mut state = State::default();
        let first = state.begin_spawning();
        assert_eq!(
            reaped(&mut state, &[7, 8]),
            (vec![], true),
            "either may be the one that is being spawned"
        );
        let second = state.begin_spawning();
        assert_eq!(reaped(&mut state, &[7, 8, 9]), (vec![], true));
        own(&mut state, first, 8);
        assert_eq!(reaped(&mut state, &[7, 8, 9]), (vec![7], true), "9 may still be that of the second");
        state.spawned(second, None);
        assert_eq!(reaped(&mut state, &[8, 9]), (vec![9], true));
        assert_eq!(reaped(&mut state, &[8]), (vec![], false));
    }

    #[test]
    fn an_id_that_was_our_own_and_is_given_anew_is_nobodys() {
        let mut state = State::default();
        let first = state.begin_spawning();
        reaped(&mut state, &[7]);
        own(&mut state, first, 7);
        state.own.remove(&pid(7));
        let second = state.begin_spawning();
        assert_eq!(reaped(&mut state, &[7]), (vec![], true), "it may be that of the second by now");
        own(&mut state, second, 7);
        assert_eq!(reaped(&mut state, &[7]), (vec![], false));
    }

    #[test]
    fn what_was_left_behind_is_told_briefly_whatever_its_name() {
        let process =
            |raw| Process { pid: pid(raw), name: "sl\n\x1b[1mp".into(), ..Process::for_tests(raw, 1) };
        assert_eq!(names(vec![process(12), process(11)]), "11 sl??[1mp, 12 sl??[1mp");
        assert_eq!(count(&[process(1)]), "a process");
        assert_eq!(count(&[process(1), process(2)]), "2 processes");
        assert!(names((1..=13).map(process).collect()).ends_with(" and 3 more"));
    }
}
