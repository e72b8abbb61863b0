//! `coalesce = "all"`: misfires run in order, one after another, whatever `overlap` says.

use super::world::{World, every, secs};
use crate::model::{Coalesce, Grace, Overlap};

#[test]
fn all_run_in_order_one_after_another_whatever_overlap_says() {
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Replace, Overlap::Allow] {
        World::new([every("a", secs(10)).coalesce(Coalesce::All).overlap(overlap)])
            .runs_for("a", secs(1), 0)
            .stall(secs(35))
            .until(39)
            .happened(
                "35 a#1 started catch_up
                 36 a#1 succeeded
                 36 a#2 started catch_up
                 37 a#2 succeeded
                 37 a#3 started catch_up
                 38 a#3 succeeded",
            );
    }
}

#[test]
fn newer_fire_times_join_the_end() {
    World::new([every("a", secs(10)).coalesce(Coalesce::All)])
        .runs_for("a", secs(12), 0)
        .stall(secs(25))
        .until(62)
        .happened(
            "25 a#1 started catch_up
             37 a#1 succeeded
             37 a#2 started catch_up
             49 a#2 succeeded
             49 a#3 started scheduled
             61 a#3 succeeded
             61 a#4 started scheduled",
        );
}

#[test]
fn queue_with_all_folds_nothing() {
    World::new([every("a", secs(10)).coalesce(Coalesce::All).overlap(Overlap::Queue)])
        .until(10)
        .stall(secs(35))
        .until(55)
        .happened("10 a#1 started scheduled")
        .runs_for("a", secs(0), 0)
        .exit("a#1", 0)
        .until(55)
        .happened(
            "55 a#1 succeeded
             55 a#2 started catch_up
             55 a#2 succeeded
             55 a#3 started catch_up
             55 a#3 succeeded
             55 a#4 started catch_up
             55 a#4 succeeded
             55 a#5 started scheduled
             55 a#5 succeeded",
        )
        .tally("ran 5: 5 succeeded");
}

#[test]
fn a_backlog_waits_for_a_place_even_under_skip() {
    World::new([every("a", secs(10)).coalesce(Coalesce::All)])
        .until(10)
        .stall(secs(25))
        .exit("a#1", 0)
        .happened(
            "10 a#1 started scheduled
         35 a#1 succeeded
         35 a#2 started catch_up",
        );
}

#[test]
fn beyond_a_thousand_the_oldest_fold_into_the_first_that_is_kept() {
    let world = World::new([every("a", secs(1)).coalesce(Coalesce::All).grace(Grace::Any)]).stall(secs(5000));
    let world = world.happened("5000 a@1 coalesced into 4001, 4000 until 4000\n 5000 a#1 started catch_up");
    // One is running, 999 wait; two more come, and the second is over the limit.
    world.until(5002).happened("5002 a@4002 coalesced into 4003");
}

#[test]
fn a_request_by_hand_does_not_join_a_backlog() {
    World::new([every("a", secs(10)).coalesce(Coalesce::All)]).stall(secs(25)).request("a").happened(
        "25 a#1 started catch_up
         25 a@25 skipped overlap",
    );
}

#[test]
fn a_shutdown_closes_a_backlog() {
    World::new([every("a", secs(10)).coalesce(Coalesce::All)])
        .stall(secs(35))
        .and_then()
        .stop()
        .happened(
            "35 stopping: Drain 1 within 25s
             35 a@20 skipped stopping
             35 a@30 skipped stopping",
        )
        .exit("a#1", 0)
        .has_stopped(true)
        .tally("ran 1: 1 succeeded; skipped 2");
}
