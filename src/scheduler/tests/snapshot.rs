//! How jobs stand.

use super::calls::name;
use super::world::{World, at, every, idle, secs, wall};
use crate::model::{Coalesce, Overlap};
use crate::scheduler::JobSnapshot;

/// `next 10 (12), paused, 1 running, 2 waiting, ran 1: 1 succeeded, finished`
fn words(state: &JobSnapshot) -> String {
    let second = |at: chrono::DateTime<chrono::Utc>| (at - wall(0)).num_seconds();
    let next = |next: crate::scheduler::Armed| {
        let (fire_time, due) = (second(next.fire_time), second(next.due));
        if due == fire_time { format!("next {fire_time}") } else { format!("next {fire_time} ({due})") }
    };
    let words = [
        state.next.map(next),
        state.pause.as_ref().map(|_| "paused".to_owned()),
        (state.running > 0).then(|| format!("{} running", state.running)),
        (state.waiting > 0).then(|| format!("{} waiting", state.waiting)),
        Some(state.tally.to_string()),
        state.is_finished.then(|| "finished".to_owned()),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl World {
    #[track_caller]
    fn stands(self, job: &str, expected: &str) -> World {
        assert_eq!(words(&self.core().job_state(&name(job)).expect("it is there")), expected);
        self
    }
}

#[test]
fn a_job_waits_runs_and_ends() {
    World::new([every("a", secs(10)).jitter(secs(5)), at("b", &[10])])
        .stands("a", "next 10 (14), ran 0")
        .stands("b", "next 10, ran 0")
        .until(15)
        .stands("a", "next 20 (24), 1 running, ran 0")
        .stands("b", "1 running, ran 0, finished")
        .exit("a#1", 0)
        .exit("b#1", 1)
        .stands("a", "next 20 (24), ran 1: 1 succeeded")
        .stands("b", "ran 1: 1 failed, finished");
}

#[test]
fn what_waits_is_counted_wherever_it_waits() {
    let a = every("a", secs(10)).coalesce(Coalesce::All);
    World::with_limits([a, idle("b").overlap(Overlap::Queue)], Some(1), &[])
        .stall(secs(30))
        .request("b")
        .request("b")
        .stands("a", "next 40, 1 running, 2 waiting, ran 0")
        .stands("b", "2 waiting, ran 0");
}

#[test]
fn a_paused_job_says_when_it_would_go_on() {
    World::new([every("a", secs(10)), at("b", &[10])])
        .pause("a")
        .pause("b")
        .stands("a", "next 10, paused, ran 0")
        .until(25)
        .snooze("b", 1, "x")
        .stands("a", "next 30, paused, ran 0")
        .stands("b", "paused, ran 0")
        .snooze("a", 25, "x")
        .stands("a", "next 60, paused, ran 0")
        .until(51)
        .stands("a", "next 60, ran 0; skipped 5")
        .stands("b", "ran 0; skipped 1, finished");
}

#[test]
fn those_that_are_gone_are_not_told_of() {
    let world = World::new([every("a", secs(10)), idle("b")]).until(10).remove("a");
    let names: Vec<_> = world.core().job_states().map(|state| state.job.name.to_string()).collect();
    assert_eq!(names, ["b"]);
    assert!(world.core().job_state(&name("a")).is_err());
    world.add(idle("a")).exit("a#1", 0).stands("a", "ran 1: 1 succeeded");
}

#[test]
fn by_a_wrong_clock_nothing_is_next_and_nothing_has_finished() {
    World::at_wall([at("a", &[10])], wall(-1000), Some(wall(0)))
        .stands("a", "ran 0")
        .set(5)
        .stands("a", "next 10, ran 0")
        .set(-1000)
        .stands("a", "ran 0");
}
