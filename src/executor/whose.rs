//! Whose process is it? An answer for each process of a [`Census`].
//!
//! In this order, and the first that knows decides:
//! 1. an attempt's own process, and whoever is in its session;
//! 2. who was known to belong to an attempt before;
//! 3. who was left to us: its environment names the attempt that it was started in. Where nobody else's can be
//!    left to us ([`Ownership::all_are_ours`]), one that names no run belongs to the only attempt that there
//!    is, or to [`Owner::Unknown`] when another can have left it;
//! 4. who was left to the same as an attempt that an earlier runner started: its environment likewise;
//! 5. whoever its parent belongs to.
//!
//! So a process that clears its environment is found as long as its parents lead to the attempt, or did when
//! anybody was looked for, and is not lost sight of when they do not. Unless [`Ownership::descendants`] are
//! asked for, only the first rule holds.

use super::Launch;
use super::census::{Census, Process};
use super::mark::{Mark, names_a_run};
use crate::model::RunRef;
use rustix::process::Pid;
use std::collections::{HashMap, HashSet};
use tokio::time::Instant;

/// The processes of one attempt. What an earlier attempt left behind is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TreeId {
    run: RunRef,
    attempt: u32,
}

/// Whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// An attempt that has not ended.
    Tree(TreeId),
    /// One of the attempts that there are or were, and nobody knows which.
    Unknown,
    /// Nobody that is asked for: its attempt has ended and left it, or it never was of one.
    Nobody,
}

/// What is remembered of whose is what.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    /// Whether descendants that left the session are looked for.
    pub(super) descendants: bool,
    /// Whether whoever is left to us comes from one of our jobs. It does not if this is process 1.
    pub(super) all_are_ours: bool,
    /// Those left to us of whom nothing can be said yet: each may be an attempt's own process that is not
    /// written down.
    pub(super) undecided: HashSet<Pid>,
    /// By the attempt's own process, which is also its session.
    leaders: HashMap<Pid, Leader>,
    known: HashMap<Pid, Known>,
    /// When the last census was begun whose processes are known.
    known_at: Option<Instant>,
}

/// An attempt's own process.
#[derive(Debug)]
struct Leader {
    tree: TreeId,
    mark: Mark,
    orphan: Option<Orphan>,
}

/// What there is to know of an attempt's own process that was started by an earlier runner.
#[derive(Debug)]
struct Orphan {
    started: u64,
    /// To whom those of its tree are left that lose their parents.
    heir: Option<Pid>,
    /// Whether its id is another's by now, and so that of its session.
    is_over: bool,
}

/// A process outside any session of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    started: u64,
    owner: Owner,
    /// Then it is remembered as long as it is our child, else as long as a census has it.
    left_to_us: bool,
    /// Whether it was told that nobody knows whose it is.
    named: bool,
}

enum Answer {
    Of(Owner),
    AskItsParent,
}

impl Known {
    fn of(process: &Process, owner: Owner, left_to_us: bool) -> Known {
        Known { started: process.started, owner, left_to_us, named: false }
    }
}

impl TreeId {
    pub(super) fn of(launch: &Launch) -> TreeId {
        TreeId { run: launch.run_ref, attempt: launch.attempt }
    }

    #[cfg(test)]
    pub(super) fn for_tests(run: u64) -> TreeId {
        TreeId { run: RunRef(run), attempt: 1 }
    }
}

impl Ownership {
    /// An attempt's process is there.
    pub(super) fn begin(&mut self, leader: Pid, tree: TreeId, mark: Mark) {
        self.known.remove(&leader);
        self.leaders.insert(leader, Leader { tree, mark, orphan: None });
    }

    /// An attempt's process is there that an earlier runner started.
    pub(super) fn adopt(&mut self, process: &Process, tree: TreeId, mark: Mark) {
        let orphan = Orphan { started: process.started, heir: process.parent, is_over: false };
        self.known.remove(&process.pid);
        self.leaders.insert(process.pid, Leader { tree, mark, orphan: Some(orphan) });
    }

    /// This one was there before any attempt.
    pub(super) fn disown(&mut self, process: &Process) {
        self.known.insert(process.pid, Known::of(process, Owner::Nobody, true));
    }

    /// Its processes are not asked for any more: those that are left were left on purpose. Returns its mark,
    /// unless its process id is another's by now.
    pub(super) fn end(&mut self, leader: Pid, tree: TreeId) -> Option<Mark> {
        for known in self.known.values_mut().filter(|known| known.owner == Owner::Tree(tree)) {
            known.owner = Owner::Nobody;
        }
        let its_own = self.leaders.get(&leader).is_some_and(|leader| leader.tree == tree);
        if its_own { self.leaders.remove(&leader).map(|leader| leader.mark) } else { None }
    }

    /// Returns the living processes of `owner`; of a tree, its own one included. All that is learned of others
    /// on the way is remembered.
    pub(super) fn members(&mut self, owner: Owner, us: Pid, census: &Census) -> Vec<Process> {
        self.look_at_orphans(census);
        if self.descendants && self.known_at != Some(census.begun) {
            self.remember(us, census);
        }
        let mut answers = HashMap::new();
        let living = census.living();
        living.filter(|process| self.owner(process, us, census, &mut answers) == owner).cloned().collect()
    }

    /// An orphan is nobody's child here: when it has ended its id can be another's, and its parent can end.
    fn look_at_orphans(&mut self, census: &Census) {
        for (pid, leader) in &mut self.leaders {
            if let Some((orphan, process)) = leader.orphan.as_mut().zip(census.get(*pid)) {
                orphan.is_over |= process.started != orphan.started;
                orphan.heir = if orphan.is_over { orphan.heir } else { process.parent };
            }
        }
    }

    /// Remembers whose each process is, for when its parents have gone, and nothing of those that have gone.
    fn remember(&mut self, us: Pid, census: &Census) {
        let mut answers = HashMap::new();
        for process in census.living() {
            let owner = self.owner(process, us, census, &mut answers);
            let is_known = self.known.get(&process.pid).is_some_and(|known| known.started == process.started);
            if owner != Owner::Nobody && !is_known {
                self.known.insert(process.pid, Known::of(process, owner, false));
            }
        }
        let is_there =
            |pid, known: &Known| census.get(pid).is_some_and(|there| there.started == known.started);
        self.known.retain(|pid, known| known.left_to_us || is_there(*pid, known));
        self.known_at = Some(census.begun);
    }

    /// Asks the process, then its parents in turn.
    fn owner(
        &mut self,
        process: &Process,
        us: Pid,
        census: &Census,
        answers: &mut HashMap<Pid, Owner>,
    ) -> Owner {
        let (mut asked, mut asking, mut owner) = (Vec::new(), Some(process), Owner::Nobody);
        while let Some(process) = asking {
            asked.push(process.pid);
            let answer = answers.get(&process.pid).copied().map(Answer::Of);
            if let Answer::Of(answer) = answer.unwrap_or_else(|| self.knows(process, us)) {
                owner = answer;
                break;
            }
            // Should it seem its own ancestor, because ids were given anew meanwhile, this ends the search.
            answers.insert(process.pid, Owner::Nobody);
            asking = process.parent.and_then(|parent| census.get(parent));
        }
        answers.extend(asked.into_iter().map(|pid| (pid, owner)));
        owner
    }

    /// What can be said of a process without asking its parent.
    fn knows(&mut self, process: &Process, us: Pid) -> Answer {
        let led = [Some(process.pid), process.session];
        let is_over = |leader: &Leader| leader.orphan.as_ref().is_some_and(|orphan| orphan.is_over);
        let mut leaders = led.iter().flatten().filter_map(|leader| self.leaders.get(leader));
        if let Some(leader) = leaders.find(|leader| !is_over(leader)) {
            return Answer::Of(Owner::Tree(leader.tree));
        }
        if !self.descendants || process.pid == us {
            return Answer::Of(Owner::Nobody);
        }
        let known = self.known.get(&process.pid).filter(|known| known.started == process.started);
        match known {
            Some(known) => Answer::Of(known.owner),
            None if process.parent == Some(us) => Answer::Of(self.take_in(process, us)),
            None if self.is_heir_of_an_orphan(process.parent) => {
                let tree = self.named_by(&process.environment());
                Answer::Of(tree.map_or(Owner::Nobody, Owner::Tree))
            }
            None => Answer::AskItsParent,
        }
    }

    fn is_heir_of_an_orphan(&self, parent: Option<Pid>) -> bool {
        let mut orphans = self.leaders.values().filter_map(|leader| leader.orphan.as_ref());
        parent.is_some() && orphans.any(|orphan| orphan.heir == parent)
    }

    fn take_in(&mut self, process: &Process, us: Pid) -> Owner {
        let mut environment = process.environment();
        if environment.is_empty() {
            if process.is_in_exec() {
                self.undecided.insert(process.pid);
                return Owner::Nobody;
            }
            environment = process.environment();
        }
        let owner = match self.named_by(&environment) {
            Some(tree) => Owner::Tree(tree),
            None if !self.all_are_ours || names_a_run(&environment) => Owner::Nobody,
            None if self.undecided.contains(&process.pid) => return Owner::Nobody,
            None => self.only_tree(us).map_or(Owner::Unknown, Owner::Tree),
        };
        self.known.insert(process.pid, Known::of(process, owner, true));
        owner
    }

    fn named_by(&self, environment: &[u8]) -> Option<TreeId> {
        let mark = Mark::read(environment)?;
        self.leaders.values().find(|leader| leader.mark == mark).map(|leader| leader.tree)
    }

    /// Returns the attempt from which alone a process can come that has just been left to us.
    fn only_tree(&self, us: Pid) -> Option<TreeId> {
        // Not one of an orphan, unless that was left to us itself.
        let heirs = |leader: &&Leader| leader.orphan.as_ref().is_none_or(|orphan| orphan.heir == Some(us));
        let mut trees = self.leaders.values().filter(heirs).map(|leader| leader.tree);
        let (tree, another) = (trees.next(), trees.next());
        let is_others = |known: &Known| known.left_to_us && !matches!(known.owner, Owner::Tree(_));
        tree.filter(|_| another.is_none() && !self.known.values().any(is_others))
    }

    /// Returns the trees that these processes belong to, all of which were left to us. Of others that were,
    /// nothing is remembered any more.
    pub(super) fn trees_of(&mut self, left_to_us: &[Process], us: Pid) -> HashSet<TreeId> {
        let mut trees = HashSet::new();
        for process in left_to_us {
            if let Answer::Of(Owner::Tree(tree)) = self.knows(process, us) {
                trees.insert(tree);
            }
            if let Some(known) = self.known.get_mut(&process.pid) {
                known.left_to_us = true;
            }
        }
        // Not before: one that has gone may have left us one of these.
        let pids: HashSet<Pid> = left_to_us.iter().map(|process| process.pid).collect();
        self.known.retain(|pid, known| !known.left_to_us || pids.contains(pid));
        trees
    }

    /// Whether anybody was left to us of whom nobody knows whose he is.
    pub(super) fn has_unknown(&self) -> bool {
        self.known.values().any(|known| known.left_to_us && known.owner == Owner::Unknown)
    }

    /// Whether there is one of those whom [`Ownership::name_unknown`] did not return yet.
    pub(super) fn has_unnamed(&self) -> bool {
        let unnamed = |known: &Known| known.left_to_us && known.owner == Owner::Unknown && !known.named;
        self.known.values().any(unnamed)
    }

    /// Returns those of whom nobody knows whose they are, each once.
    pub(super) fn name_unknown(&mut self, us: Pid, census: &Census) -> Vec<Process> {
        let mut unknown = self.members(Owner::Unknown, us, census);
        unknown.retain(|process| {
            let known = self.known.get_mut(&process.pid);
            known.is_some_and(|known| !std::mem::replace(&mut known.named, true))
        });
        unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids that no process has, so that nothing is read of a real one.
    const US: i32 = 2_000_000_000;

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(US + raw).expect("positive")
    }

    fn tree(run: u64) -> TreeId {
        TreeId::for_tests(run)
    }

    /// A process of each id, parent and session; the runner is 0.
    fn census(processes: &[(i32, i32, i32)]) -> Census {
        let process = |(raw, parent, session): &(i32, i32, i32)| Process {
            session: Some(pid(*session)),
            ..Process::for_tests(US + raw, US + parent)
        };
        Census::of(Instant::now(), processes.iter().map(process))
    }

    /// Two attempts, led by 10 and 20.
    fn ownership(descendants: bool) -> Ownership {
        let mut ownership = Ownership { descendants, ..Ownership::default() };
        ownership.begin(pid(10), tree(1), Mark::for_tests(1));
        ownership.begin(pid(20), tree(2), Mark::for_tests(2));
        ownership
    }

    /// The first of them alone, in a process to which nobody else's are left.
    fn alone() -> Ownership {
        let mut ownership = Ownership { descendants: true, all_are_ours: true, ..Ownership::default() };
        ownership.begin(pid(10), tree(1), Mark::for_tests(1));
        ownership
    }

    const FIRST: Owner = Owner::Tree(TreeId { run: RunRef(1), attempt: 1 });

    #[track_caller]
    fn check(ownership: &mut Ownership, processes: &[(i32, i32, i32)], expected: &[i32]) {
        check_of(FIRST, ownership, processes, expected);
    }

    #[track_caller]
    fn check_of(owner: Owner, ownership: &mut Ownership, processes: &[(i32, i32, i32)], expected: &[i32]) {
        let members = ownership.members(owner, pid(0), &census(processes));
        let mut found: Vec<i32> =
            members.iter().map(|member| member.pid.as_raw_nonzero().get() - US).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_session_is_a_tree_and_so_are_descendants_that_left_it() {
        let processes =
            [(0, 1, 1), (10, 0, 10), (11, 10, 10), (12, 11, 12), (13, 12, 12), (20, 0, 20), (21, 20, 21)];
        check(&mut ownership(true), &processes, &[10, 11, 12, 13]);
        check(&mut ownership(false), &processes, &[10, 11]);
    }

    #[test]
    fn who_was_seen_once_stays_known_when_its_parents_have_gone() {
        let mut ownership = ownership(true);
        check(&mut ownership, &[(0, 1, 1), (10, 0, 10), (12, 10, 12), (13, 12, 13)], &[10, 12, 13]);
        check(&mut ownership, &[(0, 1, 1), (10, 0, 10), (13, 0, 13), (14, 13, 14)], &[10, 13, 14]);
    }

    #[test]
    fn another_process_of_the_same_id_is_another() {
        let mut ownership = ownership(true);
        check(&mut ownership, &[(0, 1, 1), (10, 0, 10), (13, 10, 13)], &[10, 13]);
        let anew = Process { started: 99, ..Process::for_tests(US + 13, US) };
        let census = Census::of(Instant::now(), [anew]);
        assert_eq!(ownership.members(FIRST, pid(0), &census), []);
    }

    #[test]
    fn strangers_and_circles_belong_to_nobody() {
        check(&mut ownership(true), &[(0, 1, 1), (30, 0, 30), (31, 30, 30), (40, 41, 40), (41, 40, 40)], &[]);
    }

    /// 13 was left to us, and names no run.
    const LEFT: [(i32, i32, i32); 4] = [(0, 1, 1), (10, 0, 10), (13, 0, 13), (14, 13, 14)];

    fn look(ownership: &mut Ownership, left_to_us: &[i32]) {
        let left: Vec<Process> = left_to_us.iter().map(|raw| Process::for_tests(US + raw, US)).collect();
        ownership.trees_of(&left, pid(0));
    }

    #[test]
    fn who_names_no_run_is_of_the_only_one_that_there_is() {
        check(&mut alone(), &LEFT, &[10, 13, 14]);
        let mut two = ownership(true);
        two.all_are_ours = true;
        check(&mut two, &LEFT, &[10]);
        check_of(Owner::Unknown, &mut two, &LEFT, &[13, 14]);
    }

    #[test]
    fn as_process_1_nobody_is_taken_for_a_jobs() {
        let mut ownership = Ownership { all_are_ours: false, ..alone() };
        check(&mut ownership, &LEFT, &[10]);
        check_of(Owner::Unknown, &mut ownership, &LEFT, &[]);
    }

    #[test]
    fn who_was_there_before_is_nobodys() {
        let mut ownership = alone();
        ownership.disown(&Process::for_tests(US + 13, US));
        check(&mut ownership, &LEFT, &[10]);
        check_of(Owner::Unknown, &mut ownership, &LEFT, &[]);
    }

    #[test]
    fn one_that_may_be_our_own_is_not_judged_yet() {
        let mut ownership = alone();
        ownership.undecided.insert(pid(13));
        check(&mut ownership, &LEFT, &[10]);
        check_of(Owner::Unknown, &mut ownership, &LEFT, &[]);
        ownership.undecided.clear();
        check(&mut ownership, &LEFT, &[10, 13, 14]);
    }

    #[test]
    fn what_an_attempt_left_on_purpose_is_not_the_next_ones() {
        let mut ownership = alone();
        check(&mut ownership, &LEFT, &[10, 13, 14]);
        look(&mut ownership, &[13]);
        ownership.end(pid(10), tree(1));
        ownership.begin(pid(20), tree(2), Mark::for_tests(2));
        // 13 has gone and left us 14, of which a census knew; nobody knows of 15.
        let later = [(0, 1, 1), (20, 0, 20), (14, 0, 14), (15, 0, 15)];
        look(&mut ownership, &[14, 15]);
        check_of(Owner::Tree(tree(2)), &mut ownership, &later, &[20]);
        check_of(Owner::Unknown, &mut ownership, &later, &[15]);
    }

    #[test]
    fn whoever_is_looked_for_the_others_are_remembered_too() {
        let mut ownership = ownership(true);
        ownership.all_are_ours = true;
        let before = [(0, 1, 1), (10, 0, 10), (20, 0, 20), (21, 20, 21), (22, 21, 22)];
        check(&mut ownership, &before, &[10]);
        let second = Owner::Tree(tree(2));
        check_of(second, &mut ownership, &[(0, 1, 1), (20, 0, 20), (22, 0, 22)], &[20, 22]);
    }

    #[test]
    fn who_is_unknown_is_named_once() {
        let mut ownership = ownership(true);
        ownership.all_are_ours = true;
        look(&mut ownership, &[13]);
        assert!(ownership.has_unnamed());
        assert_eq!(ownership.name_unknown(pid(0), &census(&LEFT)).len(), 2);
        assert_eq!(ownership.name_unknown(pid(0), &census(&LEFT)), []);
        assert!(ownership.has_unknown() && !ownership.has_unnamed());
        look(&mut ownership, &[]);
        assert!(!ownership.has_unknown());
    }

    /// 10 was started by an earlier runner, and what loses its parents there is left to 5.
    fn adopted(descendants: bool) -> Ownership {
        let mut ownership = Ownership { descendants, ..Ownership::default() };
        ownership.adopt(&Process::for_tests(US + 10, US + 5), tree(1), Mark::for_tests(1));
        ownership
    }

    #[test]
    fn an_adopted_tree_is_a_session_and_descendants_like_any_other() {
        let processes = [(5, 1, 5), (0, 5, 0), (10, 5, 10), (11, 10, 10), (12, 11, 12), (6, 5, 6), (7, 6, 7)];
        check(&mut adopted(true), &processes, &[10, 11, 12]);
        check(&mut adopted(false), &processes, &[10, 11]);
    }

    #[test]
    fn the_id_of_an_adopted_process_can_be_anothers_and_then_its_session_is() {
        let mut ownership = adopted(true);
        check(&mut ownership, &[(5, 1, 5), (0, 5, 0), (10, 5, 10), (12, 10, 12)], &[10, 12]);
        let anew = Process { started: 99, ..Process::for_tests(US + 10, US + 5) };
        let its_child = Process { session: Some(pid(10)), ..Process::for_tests(US + 11, US + 10) };
        let others = [anew, its_child.clone(), Process::for_tests(US + 12, US + 5)];
        let mut members = |processes: &[Process]| {
            let census = Census::of(Instant::now(), processes.iter().cloned());
            ownership.members(FIRST, pid(0), &census).into_iter().map(|member| member.pid).collect::<Vec<_>>()
        };
        assert_eq!(members(&others), [pid(12)], "who was known to belong to it still does");
        assert_eq!(members(&[its_child]), [], "also when that other one has gone");
    }

    #[test]
    fn what_is_left_to_us_is_not_of_an_adopted_run() {
        let mut ownership = adopted(true);
        ownership.all_are_ours = true;
        ownership.begin(pid(20), tree(2), Mark::for_tests(2));
        let processes = [(5, 1, 5), (0, 5, 0), (10, 5, 10), (20, 0, 20), (13, 0, 13)];
        check_of(Owner::Tree(tree(2)), &mut ownership, &processes, &[13, 20]);
    }
}
