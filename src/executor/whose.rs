//! Whose process is it? An answer for each process of a [`Census`].
//!
//! In this order, and the first that knows decides:
//! 1. an attempt's own process, and whoever is in its session;
//! 2. who was known to belong to an attempt before;
//! 3. who was left to us: its environment names the attempt that it was started in;
//! 4. whoever its parent belongs to.
//!
//! So a process that clears its environment is found as long as its parents lead to the attempt, or did when
//! it was last looked at. Of the environment run, fire time and attempt must agree, because a job can be a
//! runner itself, whose runs have ids like ours. Unless [`Ownership::descendants`] are asked for, only the
//! first rule holds.

use super::Launch;
use super::census::{Census, Process};
use crate::model::RunRef;
use rustix::process::Pid;
use std::collections::{HashMap, HashSet};

/// The processes of one attempt. What an earlier attempt left behind is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TreeId {
    run: RunRef,
    attempt: u32,
}

/// What an attempt's processes are known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) tree: TreeId,
    /// As it stands in the environment, and is shown.
    pub(super) run: String,
    fire_time: String,
}

/// What is remembered of whose is what.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    /// Whether descendants that left the session are looked for.
    pub(super) descendants: bool,
    /// By the attempt's own process, which is also its session.
    leaders: HashMap<Pid, Mark>,
    known: HashMap<Pid, Known>,
}

/// A process outside any session of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    started: u64,
    tree: Option<TreeId>,
    /// Else it is remembered as long as its tree.
    left_to_us: bool,
}

/// Whose a process is.
enum Answer {
    /// Of this tree, or of none.
    Of(Option<TreeId>),
    AskItsParent,
}

impl TreeId {
    pub(super) fn of(launch: &Launch) -> TreeId {
        TreeId { run: launch.run_ref, attempt: launch.attempt }
    }
}

impl Mark {
    pub(super) fn of(launch: &Launch) -> Mark {
        let fire_time = launch.fire_time.to_rfc3339();
        Mark { tree: TreeId::of(launch), run: launch.run.to_string(), fire_time }
    }

    #[cfg(test)]
    pub(super) fn for_tests(run: u64) -> Mark {
        let tree = TreeId { run: RunRef(run), attempt: 1 };
        Mark { tree, run: format!("a#{run}"), fire_time: "2026-01-05T00:00:00+00:00".into() }
    }

    fn is_in(&self, environment: &[u8]) -> bool {
        let value = |name: &str| {
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        };
        let attempt = self.tree.attempt.to_string();
        let own = [
            ("RUNNER_RUN_ID", &self.run),
            ("RUNNER_FIRE_TIME", &self.fire_time),
            ("RUNNER_ATTEMPT", &attempt),
        ];
        own.iter().all(|(name, own)| value(name) == Some(own.as_bytes()))
    }
}

impl Ownership {
    /// An attempt's process is there.
    pub(super) fn begin(&mut self, leader: Pid, mark: Mark) {
        self.known.remove(&leader);
        self.leaders.insert(leader, mark);
    }

    /// Its processes are not asked for any more. Returns its mark, unless its process id is another's by now.
    pub(super) fn end(&mut self, leader: Pid, tree: TreeId) -> Option<Mark> {
        self.known.retain(|_, known| known.tree != Some(tree));
        let its_own = self.leaders.get(&leader).is_some_and(|mark| mark.tree == tree);
        if its_own { self.leaders.remove(&leader) } else { None }
    }

    /// Returns the living processes of `tree`, its own one included, and remembers them.
    pub(super) fn members(&mut self, tree: TreeId, us: Pid, census: &Census) -> Vec<Process> {
        let mut answers = HashMap::new();
        let living = census.living();
        let members = living.filter(|process| self.owner(process, us, census, &mut answers) == Some(tree));
        let members: Vec<Process> = members.cloned().collect();
        if self.descendants {
            for Process { pid, started, .. } in &members {
                let known = Known { started: *started, tree: Some(tree), left_to_us: false };
                self.known.insert(*pid, known);
            }
        }
        members
    }

    /// Asks the process, then its parents in turn.
    fn owner(
        &mut self,
        process: &Process,
        us: Pid,
        census: &Census,
        answers: &mut HashMap<Pid, Option<TreeId>>,
    ) -> Option<TreeId> {
        let (mut asked, mut asking, mut owner) = (Vec::new(), Some(process), None);
        while let Some(process) = asking {
            asked.push(process.pid);
            let answer = answers.get(&process.pid).copied().map(Answer::Of);
            if let Answer::Of(answer) = answer.unwrap_or_else(|| self.knows(process, us)) {
                owner = answer;
                break;
            }
            // Should it seem its own ancestor, because ids were given anew meanwhile, this ends the search.
            answers.insert(process.pid, None);
            asking = process.parent.and_then(|parent| census.get(parent));
        }
        answers.extend(asked.into_iter().map(|pid| (pid, owner)));
        owner
    }

    /// What can be said of a process without asking its parent.
    fn knows(&mut self, process: &Process, us: Pid) -> Answer {
        let led = [Some(process.pid), process.session];
        if let Some(mark) = led.iter().flatten().find_map(|leader| self.leaders.get(leader)) {
            return Answer::Of(Some(mark.tree));
        }
        if !self.descendants || process.pid == us {
            return Answer::Of(None);
        }
        let known = self.known.get(&process.pid).filter(|known| known.started == process.started);
        match known {
            Some(known) => Answer::Of(known.tree),
            None if process.parent == Some(us) => Answer::Of(self.take_in(process)),
            None => Answer::AskItsParent,
        }
    }

    fn take_in(&mut self, process: &Process) -> Option<TreeId> {
        let tree = self.named_by(&process.environment());
        self.known.insert(process.pid, Known { started: process.started, tree, left_to_us: true });
        tree
    }

    fn named_by(&self, environment: &[u8]) -> Option<TreeId> {
        self.leaders.values().find(|mark| mark.is_in(environment)).map(|mark| mark.tree)
    }

    /// Returns the trees that these processes belong to, all of which were left to us. Of others that were,
    /// nothing is remembered any more.
    pub(super) fn trees_of(&mut self, left_to_us: &[Process], us: Pid) -> HashSet<TreeId> {
        let pids: HashSet<Pid> = left_to_us.iter().map(|process| process.pid).collect();
        self.known.retain(|pid, known| !known.left_to_us || pids.contains(pid));
        let of = |process| match self.knows(process, us) {
            Answer::Of(tree) => tree,
            Answer::AskItsParent => None,
        };
        left_to_us.iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    /// Ids that no process has, so that nothing is read of a real one.
    const US: i32 = 2_000_000_000;

    fn pid(raw: i32) -> Pid {
        Pid::from_raw(US + raw).expect("positive")
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
        ownership.begin(pid(10), Mark::for_tests(1));
        ownership.begin(pid(20), Mark::for_tests(2));
        ownership
    }

    #[track_caller]
    fn check(ownership: &mut Ownership, processes: &[(i32, i32, i32)], expected: &[i32]) {
        let members = ownership.members(Mark::for_tests(1).tree, pid(0), &census(processes));
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
        assert_eq!(ownership.members(Mark::for_tests(1).tree, pid(0), &census), []);
    }

    #[test]
    fn strangers_and_circles_belong_to_nobody() {
        check(&mut ownership(true), &[(0, 1, 1), (30, 0, 30), (31, 30, 30), (40, 41, 40), (41, 40, 40)], &[]);
    }

    #[test]
    fn an_environment_must_agree_in_all_that_tells_attempts_apart() {
        let ownership = ownership(true);
        let check = |environment: &str, expected: Option<u64>| {
            let expected = expected.map(|run| Mark::for_tests(run).tree);
            assert_eq!(
                ownership.named_by(environment.replace(' ', "\0").as_bytes()),
                expected,
                "{environment}"
            );
        };
        let time = "RUNNER_FIRE_TIME=2026-01-05T00:00:00+00:00";
        check(&format!("A=1 RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 {time}"), Some(2));
        check(&format!("RUNNER_RUN_ID=a#3 RUNNER_ATTEMPT=1 {time}"), None);
        check(&format!("RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=2 {time}"), None);
        check("RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 RUNNER_FIRE_TIME=2026-01-05T00:00:01+00:00", None);
        check(&format!("XRUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 {time}"), None);
        check("", None);
    }
}
