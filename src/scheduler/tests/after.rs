//! `after`: jobs that run because others have finished.

use super::world::{World, at, every, idle, secs};
use crate::model::{AfterOn, Finish, Job, Name, Outcome, Overlap, RunId};
use chrono::TimeDelta;

/// Jobs `a`, `b` and `c` that run by hand, and `d` that runs after some of them; all end when told to.
fn world(d: Job) -> World {
    World::new([idle("a"), idle("b"), idle("c"), d])
}

fn after(jobs: &[&str]) -> Job {
    idle("d").after(jobs, AfterOn::Success)
}

impl World {
    /// A run of this job begins and exits with `code`.
    fn runs(self, run: &str, code: u8) -> World {
        let job = run.split('#').next().expect("a job");
        self.request(job).exit(run, code)
    }
}

#[test]
fn one_job_runs_each_time_the_other_has_succeeded() {
    world(after(&["a"])).until(5).runs("a#1", 0).happened(
        "5 a#1 started manual
         5 a#1 succeeded
         5 d#1 started dependency after a#1",
    );
    let world = world(after(&["a"])).runs("a#1", 0).exit("d#1", 0).runs("a#2", 1).runs("a#3", 0).and_then();
    world.exit("d#2", 0).happened("0 d#2 succeeded");
}

#[test]
fn all_of_several_in_any_order_and_again_only_when_all_have_again() {
    world(after(&["a", "b", "c"]))
        .runs("b#1", 0)
        .runs("a#1", 0)
        .runs("a#2", 0)
        .and_then()
        .runs("c#1", 0)
        .happened(
            "0 c#1 started manual
             0 c#1 succeeded
             0 d#1 started dependency after c#1",
        )
        .exit("d#1", 0)
        .runs("a#3", 0)
        .runs("b#2", 0)
        .runs("b#3", 0)
        .and_then()
        .runs("c#2", 0)
        .happened(
            "0 c#2 started manual
             0 c#2 succeeded
             0 d#2 started dependency after c#2",
        );
}

#[test]
fn any_of_several_is_enough() {
    let world = world(idle("d").after_any(&["a", "b"]));
    let world = world.runs("b#1", 0).exit("d#1", 0).runs("a#1", 1).runs("a#2", 0).exit("d#2", 0);
    assert_eq!(world.count("d#"), 4);
    assert_eq!(world.count("d#1 started dependency after b#1"), 1);
    assert_eq!(world.count("d#2 started dependency after a#2"), 1);
}

#[test]
fn what_counts_is_success_failure_or_any_finish() {
    for (on, codes) in
        [(AfterOn::Success, &[0][..]), (AfterOn::Failure, &[1, 137]), (AfterOn::Finish, &[0, 1, 137])]
    {
        for code in [0, 1, 137] {
            let world = world(idle("d").after(&["a"], on)).runs("a#1", code);
            assert_eq!(world.count("d#1 started"), usize::from(codes.contains(&code)), "{on:?} {code}");
        }
    }
}

#[test]
fn a_timeout_is_a_failure_and_so_is_a_process_that_could_not_be_started() {
    let jobs = || [idle("a").timeout(secs(5)), idle("d").after(&["a"], AfterOn::Failure)];
    World::new(jobs()).ends_after_term("a", Some(secs(0))).request("a").until(5).happened(
        "0 a#1 started manual
             5 TERM a#1
             5 a#1 timed_out
             5 d#1 started dependency after a#1",
    );
    World::new(jobs()).cannot_spawn("a").request("a").happened(
        "0 a#1 failed cannot run `x`: not found
         0 d#1 started dependency after a#1",
    );
}

#[test]
fn a_cancelled_run_is_a_finish_and_neither_of_the_others() {
    for on in [AfterOn::Success, AfterOn::Failure, AfterOn::Finish] {
        let a = at("a", &[10, 20]).overlap(Overlap::Replace);
        let world = World::new([a, idle("d").after(&["a"], on)]).ends_after_term("a", Some(secs(0)));
        let world = world.until(20);
        assert_eq!(world.count("a#1 cancelled replace"), 1);
        assert_eq!(world.count("d#1 started"), usize::from(on == AfterOn::Finish), "{on:?}");
    }
}

#[test]
fn what_did_not_run_does_not_count() {
    let on = |on| idle("d").after(&["a"], on);
    for d in [on(AfterOn::Success), on(AfterOn::Failure), on(AfterOn::Finish)] {
        // Skipped, coalesced and missed.
        let world = World::new([every("a", secs(10)), d]).until(20).stall(secs(900_000));
        assert_eq!(world.count("a@20 skipped overlap"), 1);
        assert!(world.count("missed") > 0 && world.count("coalesced") > 0);
        assert_eq!(world.count(" d#") + world.count(" d@"), 0);
    }
}

#[test]
fn retries_count_once_by_the_final_outcome() {
    let a = idle("a").retry(3, secs(10));
    let fails = idle("f").after(&["a"], AfterOn::Failure);
    World::new([a, after(&["a"]), fails])
        .request("a")
        .exit("a#1", 1)
        .until(10)
        .exit("a#1", 1)
        .until(30)
        .exit("a#1", 0)
        .happened(
            "0 a#1 started manual
             0 a#1 tries again in 10s
             10 a#1 started manual again 2
             10 a#1 tries again in 20s
             30 a#1 started manual again 3
             30 a#1 succeeded
             30 d#1 started dependency after a#1",
        );
}

#[test]
fn a_chain_passes_from_one_to_the_next() {
    let link = |name: &str, first| idle(name).after(&[first], AfterOn::Success);
    World::new([link("c", "b"), link("b", "a"), at("a", &[10])])
        .runs_for("a", secs(1), 0)
        .runs_for("b", secs(2), 0)
        .runs_for("c", secs(3), 0)
        .until(60)
        .happened(
            "10 a#1 started scheduled
             11 a#1 succeeded
             11 b#1 started dependency after a#1
             13 b#1 succeeded
             13 c#1 started dependency after b#1
             16 c#1 succeeded",
        );
}

#[test]
fn only_what_finishes_after_the_claim_counts() {
    // By hand, in the midst of a set.
    let world = world(after(&["a", "b"])).runs("a#1", 0).runs("d#1", 0).runs("b#1", 0);
    assert_eq!(world.count("dependency"), 0);
    let world = world.runs("a#2", 0);
    assert_eq!(world.count("d#2 started dependency after a#2"), 1);
    // While it runs: the set is complete when it is no longer running.
    let world = world.runs("b#2", 0).exit("d#2", 0).runs("a#3", 0);
    assert_eq!(world.count("d#3 started dependency after a#3"), 1);
}

#[test]
fn a_set_that_is_complete_while_the_job_still_runs_is_an_overlap() {
    world(after(&["a", "b"]))
        .request("d")
        .runs("a#1", 0)
        .and_then()
        .until(7)
        .runs("b#1", 0)
        .happened(
            "7 b#1 started manual
             7 b#1 succeeded
             7 d@7 skipped overlap",
        )
        .exit("d#1", 0)
        .and_then()
        // The set was used up.
        .runs("b#2", 0)
        .happened("7 b#2 started manual\n 7 b#2 succeeded");
    world(after(&["a"]).overlap(Overlap::Queue))
        .until(3)
        .request("d")
        .runs("a#1", 0)
        .until(5)
        .runs("a#2", 0)
        .and_then()
        .exit("d#1", 0)
        .happened("5 d#1 succeeded\n 5 d#2 started dependency after a#1");
}

#[test]
fn it_waits_for_its_group_like_any_other_run() {
    let jobs = [idle("a"), after(&["a"]).group("g"), idle("b").group("g")];
    World::with_limits(jobs, None, &[("g", 1)])
        .request("b")
        .runs("a#1", 0)
        .and_then()
        .exit("b#1", 0)
        .happened("0 b#1 succeeded\n 0 d#1 started dependency after a#1");
    World::with_limits([idle("a"), after(&["a"])], Some(1), &[])
        .runs("a#1", 0)
        .happened("0 a#1 started manual\n 0 a#1 succeeded\n 0 d#1 started dependency after a#1");
}

#[test]
fn while_stopping_it_is_closed() {
    world(after(&["a"]))
        .request("a")
        .until(2)
        .stop()
        .exit("a#1", 0)
        .happened(
            "0 a#1 started manual
             2 stopping: Drain 1 within 25s
             2 a#1 succeeded
             2 d@2 skipped stopping",
        )
        .has_stopped(true)
        .tally("ran 1: 1 succeeded; skipped 1");
}

#[test]
fn one_that_waits_when_a_stop_begins_is_closed_too() {
    let jobs = [idle("a"), after(&["a"]).overlap(Overlap::Queue)];
    World::new(jobs).request("d").runs("a#1", 0).until(3).and_then().stop().happened(
        "3 stopping: Drain 1 within 25s
         3 d@0 skipped stopping",
    );
}

#[test]
fn a_disabled_job_does_not_run_and_one_can_run_after_it() {
    let world = world(after(&["a"]).disabled()).runs("a#1", 0);
    assert_eq!(world.count("d#"), 0);
    let world = World::new([idle("a").disabled(), after(&["a"])]).runs("a#1", 0);
    assert_eq!(world.count("d#1 started dependency"), 1);
}

#[test]
fn beside_a_trigger_it_is_one_more_reason_to_run() {
    let d = at("d", &[10]).after(&["a"], AfterOn::Success);
    World::new([idle("a"), d])
        .runs_for("d", secs(0), 0)
        .until(10)
        .and_then()
        .runs("a#1", 0)
        .until(11)
        .happened(
            "10 a#1 started manual
         10 a#1 succeeded
         10 d#2 started dependency after a#1
         10 d#2 succeeded",
        );
}

#[test]
fn a_run_is_told_of_the_finish_that_completed_the_set() {
    let d = idle("d").after(&["a", "b"], AfterOn::Finish).retry(2, secs(1));
    let world = world(d).runs("a#1", 0).runs("b#1", 9).exit("d#1", 1).until(1);
    assert_eq!(world.count("again 2"), 1, "also by its second attempt");
    let run = RunId { job: Name::parse("b").expect("a name"), number: 1 };
    let expected = Finish { run, outcome: Outcome::Failed, exit_code: Some(9) };
    assert_eq!(world.told("d#1"), Some(&expected));
    assert_eq!(world.told("b#1"), None);
}

#[test]
fn many_finishes_at_one_instant_have_keys_of_their_own() {
    let d = idle("d").after_any(&["a", "b", "c"]).overlap(Overlap::Allow);
    let world = world(d).request("a").request("b").request("c").exit("a#1", 0).exit("b#1", 0).exit("c#1", 0);
    assert_eq!(world.count("started dependency"), 3);
}

#[test]
fn a_clock_that_is_set_back_does_not_hold_it_back() {
    let world = world(after(&["a"]).overlap(Overlap::Allow)).until(100).runs("a#1", 0);
    let world = world.step(TimeDelta::days(-1)).runs("a#2", 0);
    assert_eq!(world.count("started dependency"), 2);
}

#[test]
fn a_job_that_is_not_in_the_plan_never_finishes() {
    let world = World::new([idle("a"), after(&["a", "gone"])]).runs("a#1", 0).runs("a#2", 0);
    assert_eq!(world.count("d#"), 0);
}
