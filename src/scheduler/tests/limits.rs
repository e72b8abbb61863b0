//! Groups and `max_running`.

use super::world::{World, at, every, secs};
use crate::model::{Coalesce, Overlap};

#[test]
fn runs_of_a_full_group_wait_and_start_in_due_order() {
    let jobs = [at("c", &[12]), at("b", &[11]), at("a", &[10])].map(|job| job.group("db"));
    World::with_limits(jobs, None, &[("db", 1)]).until(20).exit("a#1", 0).exit("b#1", 0).happened(
        "10 a#1 started scheduled
         20 a#1 succeeded
         20 b#1 started scheduled
         20 b#1 succeeded
         20 c#1 started scheduled",
    );
}

#[test]
fn jobs_due_at_the_same_instant_start_in_file_order() {
    let jobs = [at("b", &[10]), at("a", &[10]), at("c", &[10])];
    World::new(jobs).until(10).happened(
        "10 b#1 started scheduled
         10 a#1 started scheduled
         10 c#1 started scheduled",
    );
}

#[test]
fn max_running_limits_all_jobs_together() {
    let jobs = [at("a", &[10]), at("b", &[11]), at("c", &[12])];
    World::with_limits(jobs, Some(2), &[]).until(20).exit("b#1", 0).happened(
        "10 a#1 started scheduled
         11 b#1 started scheduled
         20 b#1 succeeded
         20 c#1 started scheduled",
    );
}

#[test]
fn a_full_group_does_not_hold_up_another() {
    let jobs = [at("a", &[10]).group("one"), at("b", &[11]).group("one"), at("c", &[12]).group("two")];
    World::with_limits(jobs, Some(2), &[("one", 1), ("two", 1)]).until(15).happened(
        "10 a#1 started scheduled
         12 c#1 started scheduled",
    );
}

#[test]
fn a_run_that_waits_for_a_slot_counts_for_max_instances() {
    let jobs = [at("other", &[5]).group("db"), every("a", secs(10)).group("db")];
    World::with_limits(jobs, None, &[("db", 1)]).until(25).exit("other#1", 0).happened(
        "5 other#1 started scheduled
         20 a@20 skipped overlap
         25 other#1 succeeded
         25 a#1 started scheduled",
    );
}

#[test]
fn replacing_a_run_that_waits_for_a_slot_folds_it() {
    let jobs = [at("other", &[5]).group("db"), every("a", secs(10)).group("db").overlap(Overlap::Replace)];
    World::with_limits(jobs, None, &[("db", 1)]).until(25).exit("other#1", 0).happened(
        "5 other#1 started scheduled
         20 a@10 coalesced into 20
         25 other#1 succeeded
         25 a#1 started scheduled",
    );
}

#[test]
fn misfires_wait_while_their_group_is_full() {
    let jobs = [at("other", &[5]).group("db"), every("a", secs(10)).group("db").coalesce(Coalesce::All)];
    World::with_limits(jobs, None, &[("db", 1)])
        .runs_for("a", secs(1), 0)
        .until(6)
        .stall(secs(20))
        .until(28)
        .happened("5 other#1 started scheduled")
        .exit("other#1", 0)
        .until(31)
        .happened(
            "28 other#1 succeeded
             28 a#1 started catch_up
             29 a#1 succeeded
             29 a#2 started catch_up
             30 a#2 succeeded
             30 a#3 started scheduled
             31 a#3 succeeded",
        );
}

#[test]
fn a_slot_goes_to_the_first_due_even_when_the_job_that_frees_it_has_one_waiting() {
    let jobs = [at("a", &[10, 12]).group("db").overlap(Overlap::Queue), at("b", &[11]).group("db")];
    World::with_limits(jobs, None, &[("db", 1)]).until(20).exit("a#1", 0).exit("b#1", 0).happened(
        "10 a#1 started scheduled
         20 a#1 succeeded
         20 b#1 started scheduled
         20 b#1 succeeded
         20 a#2 started scheduled",
    );
}
