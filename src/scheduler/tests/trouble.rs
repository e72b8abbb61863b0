//! The ledger cannot be written.

use super::world::{World, at, every, secs};
use crate::model::Grace;

#[test]
fn nothing_new_starts_and_afterwards_it_is_a_misfire() {
    World::new([every("a", secs(60)).grace(Grace::Within(secs(90)))])
        .runs_for("a", secs(1), 0)
        .until(30)
        .ledger_fails()
        .until(310)
        .happened("30 ledger failed: disk full")
        .ledger_works()
        .until(312)
        .happened(
            "310 ledger works
             310 a@60 missed ledger, 3 until 180
             310 a@240 coalesced into 300
             310 a#1 started catch_up
             311 a#1 succeeded",
        );
}

#[test]
fn what_runs_is_not_harmed_and_its_end_is_written_later() {
    World::new([at("a", &[10])])
        .runs_for("a", secs(20), 3)
        .until(15)
        .ledger_fails()
        .until(100)
        .happened("10 a#1 started scheduled\n 15 ledger failed: disk full")
        .ledger_works()
        .happened("100 a#1 failed\n 100 ledger works");
}

#[test]
fn a_claim_that_waited_beyond_its_grace_is_not_started() {
    World::new([at("a", &[10]).grace(Grace::Within(secs(60))), at("b", &[10]).grace(Grace::Any)])
        .ledger_hangs()
        .until(10)
        .ledger_fails()
        .until(71)
        .ledger_works()
        .happened(
            "10 ledger failed: disk full
             71 a#1 missed ledger
             71 b#1 started scheduled
             71 ledger works",
        );
}

#[test]
fn a_stop_waits_for_it_no_longer_than_its_grace() {
    World::new([at("a", &[10])])
        .runs_for("a", secs(15), 0)
        .until(10)
        .ledger_fails()
        .until(20)
        .stop()
        .has_stopped(false)
        .until(44)
        .has_stopped(false)
        .until(45)
        .has_stopped(true);
}

#[test]
fn a_second_request_does_not_wait_for_it() {
    World::new([at("a", &[10])])
        .runs_for("a", secs(1), 0)
        .until(10)
        .ledger_fails()
        .until(20)
        .stop()
        .has_stopped(false)
        .stop()
        .has_stopped(true);
}

#[test]
fn a_stop_gives_up_on_a_ledger_that_says_nothing_and_does_not_answer() {
    let world = || World::new([at("a", &[10])]).runs_for("a", secs(1), 0).until(5).ledger_hangs().until(20);
    world().stop().until(46).has_stopped(false).until(47).has_stopped(true);
    // A third request kills, and nothing is waited for but what cannot be killed.
    world().stop().stop().stop().until(21).has_stopped(false).until(22).has_stopped(true);
}
