//! `overlap` and `max_instances`.

use super::world::{World, at, every, secs};
use crate::model::Overlap;

#[test]
fn a_fire_time_runs_and_ends() {
    World::new([every("a", secs(10))])
        .runs_for("a", secs(3), 0)
        .until(25)
        .happened(
            "10 a#1 started scheduled
             13 a#1 succeeded
             20 a#2 started scheduled
             23 a#2 succeeded",
        )
        .tally("ran 2: 2 succeeded");
}

#[test]
fn skip_records_a_skip_while_a_run_is_there() {
    World::new([every("a", secs(10))]).runs_for("a", secs(15), 0).until(45).happened(
        "10 a#1 started scheduled
         20 a@20 skipped overlap
         25 a#1 succeeded
         30 a#2 started scheduled
         40 a@40 skipped overlap
         45 a#2 succeeded",
    );
}

#[test]
fn queue_lets_the_oldest_wait_and_folds_later_ones_into_it() {
    World::new([every("a", secs(10)).overlap(Overlap::Queue)])
        .until(45)
        .exit("a#1", 0)
        .happened(
            "10 a#1 started scheduled
             30 a@30 coalesced into 20
             40 a@40 coalesced into 20
             45 a#1 succeeded
             45 a#2 started scheduled",
        )
        .until(55)
        .exit("a#2", 1)
        .happened(
            "55 a#2 failed
             55 a#3 started scheduled",
        )
        .tally("ran 2: 1 succeeded, 1 failed; coalesced 2");
}

#[test]
fn replace_stops_the_oldest_then_starts_the_newest() {
    World::new([every("a", secs(10)).overlap(Overlap::Replace)])
        .ends_after_term("a", Some(secs(2)))
        .until(25)
        .happened(
            "10 a#1 started scheduled
             20 TERM a#1
             22 a#1 cancelled replace
             22 a#2 started scheduled",
        );
}

#[test]
fn replace_folds_a_waiting_one_into_the_newest() {
    World::new([every("a", secs(10)).overlap(Overlap::Replace).kill_after(secs(25))]).until(46).happened(
        "10 a#1 started scheduled
         20 TERM a#1
         30 a@20 coalesced into 30
         40 a@30 coalesced into 40
         45 KILL a#1
         45 a#1 cancelled replace
         45 a#2 started scheduled",
    );
}

#[test]
fn replace_with_two_instances_stops_only_the_oldest() {
    World::new([every("a", secs(10)).overlap(Overlap::Replace).max_instances(2)])
        .ends_after_term("a", Some(secs(0)))
        .until(35)
        .happened(
            "10 a#1 started scheduled
             20 a#2 started scheduled
             30 TERM a#1
             30 a#1 cancelled replace
             30 a#3 started scheduled",
        );
}

#[test]
fn allow_has_no_limit() {
    World::new([every("a", secs(10)).overlap(Overlap::Allow)]).until(30).happened(
        "10 a#1 started scheduled
         20 a#2 started scheduled
         30 a#3 started scheduled",
    );
}

#[test]
fn max_instances_counts_runs_asked_for_by_hand() {
    World::new([every("a", secs(10)).max_instances(2)])
        .until(5)
        .request("a")
        .until(20)
        .happened(
            "5 a#1 started manual
             10 a#2 started scheduled
             20 a@20 skipped overlap",
        )
        .request("a")
        .happened("20 a@20 skipped overlap");
}

#[test]
fn two_requests_at_one_instant_are_two_runs() {
    World::new([at("a", &[100]).overlap(Overlap::Allow)])
        .request("a")
        .request("a")
        .happened("0 a#1 started manual\n 0 a#2 started manual");
}

#[test]
fn a_disabled_job_has_no_fire_times_and_runs_by_hand() {
    World::new([every("a", secs(10)).startup().disabled()])
        .runs_for("a", secs(1), 0)
        .until(50)
        .happened("")
        .request("a")
        .until(60)
        .happened("50 a#1 started manual\n 51 a#1 succeeded");
}

#[test]
fn startup_runs_once_when_the_runner_starts() {
    World::new([at("a", &[5]).startup()]).runs_for("a", secs(1), 0).until(60).happened(
        "0 a#1 started startup
         5 a@5 skipped overlap",
    );
}

#[test]
fn a_run_that_cannot_be_spawned_has_failed() {
    World::new([every("a", secs(10))])
        .cannot_spawn("a")
        .until(10)
        .happened("10 a#1 failed cannot run `x`: not found")
        .tally("ran 1: 1 failed");
}

#[test]
fn nothing_starts_and_nothing_is_announced_before_the_ledger_has_it() {
    World::new([every("a", secs(10))])
        .runs_for("a", secs(2), 0)
        .ledger_hangs()
        .until(19)
        .happened("")
        .ledger_answers()
        .ledger_hangs()
        .until(25)
        .happened("19 a#1 started scheduled")
        .ledger_answers()
        .happened("25 a@20 skipped overlap\n 25 a#1 succeeded");
}
