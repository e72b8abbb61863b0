//! Runs that are asked for by hand, and runs that are cancelled.

use super::world::{World, at, every, idle, secs};
use crate::model::{Coalesce, Overlap};

#[test]
fn a_request_says_what_came_of_it() {
    World::with_limits([idle("a"), idle("b").overlap(Overlap::Queue), idle("c")], Some(2), &[])
        .asks("a", "Starts")
        .asks("a", "Ended(Skipped(Overlap))")
        .asks("b", "Starts")
        .asks("b", "Waits")
        .asks("b", "Ended(Coalesced)")
        .asks("c", "Waits")
        .stop()
        .asks("a", "Ended(Skipped(Stopping))")
        .knows_not("x");
}

#[test]
fn a_request_to_a_job_that_replaces_starts_or_waits() {
    World::new([idle("a").overlap(Overlap::Replace)])
        .ends_after_term("a", Some(secs(1)))
        .asks("a", "Starts")
        .asks("a", "Waits")
        .until(1)
        .happened(
            "0 a#1 started manual
             0 TERM a#1
             1 a#1 cancelled replace
             1 a#2 started manual",
        );
}

#[test]
fn the_end_of_a_request_is_known_by_its_key() {
    let (world, first) = World::new([idle("a").overlap(Overlap::Allow)]).asked("a");
    let (world, second) = world.asked("a");
    assert_ne!(first.key, second.key);
    let world = world.exit("a#2", 0).exit("a#1", 1);
    assert_eq!(world.row("a#1").key, first.key);
    assert_eq!(world.row("a#2").key, second.key);
}

#[test]
fn a_run_is_cancelled_by_the_ladder_and_not_tried_again() {
    World::new([at("a", &[10]).retry(3, secs(1)).kill_after(secs(4))])
        .ends_after_term("a", None)
        .until(12)
        .cancel("a#1")
        .cancel("a#1")
        .until(60)
        .happened("10 a#1 started scheduled\n 12 TERM a#1\n 16 KILL a#1\n 16 a#1 cancelled request")
        .cannot_cancel("a#1")
        .cannot_cancel("x#1");
}

#[test]
fn a_run_between_attempts_is_cancelled() {
    World::new([at("a", &[10]).retry(3, secs(20))])
        .runs_for("a", secs(1), 1)
        .until(12)
        .cancel("a#1")
        .until(60)
        .happened("10 a#1 started scheduled\n 11 a#1 tries again in 20s\n 12 a#1 cancelled request");
}

#[test]
fn a_run_that_is_being_claimed_is_cancelled_before_it_starts() {
    World::new([idle("a")])
        .ledger_hangs()
        .request("a")
        .cancel_all_of("a", 1)
        .ledger_answers()
        .happened("0 a#1 cancelled request");
}

#[test]
fn all_runs_of_a_job_are_cancelled_and_what_waits_by_hand_too() {
    World::new([idle("a").max_instances(2).overlap(Overlap::Queue)])
        .ends_after_term("a", Some(secs(1)))
        .request("a")
        .request("a")
        .request("a")
        .cancel_all_of("a", 3)
        .until(5)
        .happened(
            "0 a#1 started manual
             0 a#2 started manual
             0 TERM a#2
             0 TERM a#1
             0 a@0 cancelled request
             1 a#1 cancelled request
             1 a#2 cancelled request",
        )
        .cancel_all_of("a", 0);
}

#[test]
fn fire_times_that_wait_are_not_cancelled_with_the_runs() {
    World::with_limits([every("a", secs(10)).coalesce(Coalesce::All), idle("b")], Some(1), &[])
        .ends_after_term("a", Some(secs(0)))
        .stall(secs(20))
        .request("b")
        .cancel_all_of("a", 1)
        .cancel_all_of("b", 1)
        .until(21)
        .happened(
            "20 a#1 started catch_up
             20 TERM a#1
             20 b@20 cancelled request
             20 a#1 cancelled request
             20 a#2 started scheduled",
        );
}

#[test]
fn runs_of_a_removed_job_are_cancelled() {
    World::new([at("a", &[10])])
        .ends_after_term("a", Some(secs(1)))
        .until(10)
        .remove("a")
        .cancel_all_of("a", 1)
        .until(20)
        .happened("10 a#1 started scheduled\n 10 a removed\n 10 TERM a#1\n 11 a#1 cancelled request");
}
