//! `retry`.

use super::world::{World, at, every, secs};

#[test]
fn a_failed_run_is_tried_again_after_a_growing_wait() {
    World::new([at("a", &[10]).retry(3, secs(10))]).runs_for("a", secs(1), 1).until(100).happened(
        "10 a#1 started scheduled
         11 a#1 tries again in 10s
         21 a#1 started scheduled again 2
         22 a#1 tries again in 20s
         42 a#1 started scheduled again 3
         43 a#1 failed",
    );
}

#[test]
fn a_success_ends_the_retries() {
    World::new([at("a", &[10]).retry(3, secs(10))])
        .runs_for("a", secs(1), 1)
        .until(12)
        .runs_for("a", secs(1), 0)
        .until(100)
        .happened(
            "10 a#1 started scheduled
             11 a#1 tries again in 10s
             21 a#1 started scheduled again 2
             22 a#1 succeeded",
        );
}

#[test]
fn a_program_that_cannot_be_spawned_is_tried_again_too() {
    World::new([at("a", &[10]).retry(2, secs(10))]).cannot_spawn("a").until(100).happened(
        "10 a#1 tries again in 10s
         20 a#1 failed cannot run `x`: not found",
    );
}

#[test]
fn backoff_keeps_the_place_in_max_instances() {
    World::new([every("a", secs(10)).retry(2, secs(15))]).runs_for("a", secs(1), 1).until(27).happened(
        "10 a#1 started scheduled
         11 a#1 tries again in 15s
         20 a@20 skipped overlap
         26 a#1 started scheduled again 2
         27 a#1 failed",
    );
}

#[test]
fn backoff_gives_back_group_and_max_running() {
    let jobs = [at("a", &[10]).retry(2, secs(5)).group("db"), at("b", &[11]).group("db")];
    World::with_limits(jobs, Some(1), &[("db", 1)])
        .runs_for("a", secs(2), 1)
        .runs_for("b", secs(9), 0)
        .until(60)
        .happened(
            "10 a#1 started scheduled
             12 a#1 tries again in 5s
             12 b#1 started scheduled
             21 b#1 succeeded
             21 a#1 started scheduled again 2
             23 a#1 failed",
        );
}
