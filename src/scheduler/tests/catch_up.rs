//! Misfires: `misfire_grace_time` and `coalesce`.

use super::world::{World, at, every, secs};
use crate::model::{Coalesce, Grace, Overlap};
use std::time::Duration;

#[test]
fn up_to_a_second_late_is_on_time() {
    World::new([at("a", &[10])]).stall(secs(11)).happened("11 a#1 started scheduled");
    World::new([at("a", &[10])]).stall(Duration::from_millis(11_001)).happened("11 a#1 started catch_up");
}

#[test]
fn a_misfire_within_grace_runs_and_one_beyond_is_missed() {
    let job = || at("a", &[10]).grace(Grace::Within(secs(60)));
    World::new([job()]).stall(secs(70)).happened("70 a#1 started catch_up");
    World::new([job()]).stall(secs(71)).happened("71 a@10 missed late").tally("ran 0; missed 1");
    World::new([at("a", &[10]).grace(Grace::Any)])
        .stall(secs(900_000))
        .happened("900000 a#1 started catch_up");
}

#[test]
fn latest_runs_the_last_of_several_and_folds_the_others_into_it() {
    World::new([every("a", secs(10))])
        .stall(secs(35))
        .happened(
            "35 a@10 coalesced into 30, 2 until 20
             35 a#1 started catch_up",
        )
        .tally("ran 0; coalesced 2");
}

#[test]
fn a_last_one_that_is_on_time_is_scheduled_and_takes_the_others_in() {
    World::new([every("a", secs(10))]).stall(secs(30)).happened(
        "30 a@10 coalesced into 30, 2 until 20
         30 a#1 started scheduled",
    );
}

#[test]
fn earliest_runs_the_first_of_several() {
    World::new([every("a", secs(10)).coalesce(Coalesce::Earliest)]).stall(secs(35)).happened(
        "35 a@20 coalesced into 10, 2 until 30
         35 a#1 started catch_up",
    );
}

#[test]
fn grace_comes_before_coalesce() {
    let job = |coalesce| every("a", secs(10)).grace(Grace::Within(secs(20))).coalesce(coalesce);
    World::new([job(Coalesce::Latest)]).stall(secs(45)).happened(
        "45 a@10 missed late, 2 until 20
         45 a@30 coalesced into 40
         45 a#1 started catch_up",
    );
    World::new([job(Coalesce::Earliest)]).stall(secs(45)).happened(
        "45 a@10 missed late, 2 until 20
         45 a@40 coalesced into 30
         45 a#1 started catch_up",
    );
}

#[test]
fn ten_years_of_missed_seconds_are_two_rows() {
    World::new([every("a", secs(1)).grace(Grace::Within(secs(60)))]).stall(secs(315_360_000)).happened(
        "315360000 a@1 missed late, 315359939 until 315359939
         315360000 a@315359940 coalesced into 315360000, 60 until 315359999
         315360000 a#1 started scheduled",
    );
}

#[test]
fn a_catch_up_obeys_overlap() {
    let world =
        |overlap| World::new([every("a", secs(10)).overlap(overlap)]).until(10).and_then().stall(secs(35));
    world(Overlap::Skip).happened(
        "45 a@20 coalesced into 40, 2 until 30
         45 a@40 skipped overlap",
    );
    world(Overlap::Queue).exit("a#1", 0).happened(
        "45 a@20 coalesced into 40, 2 until 30
         45 a#1 succeeded
         45 a#2 started catch_up",
    );
}

#[test]
fn waiting_does_not_age_a_run() {
    World::new([at("a", &[10, 20]).overlap(Overlap::Queue).grace(Grace::Within(secs(5)))])
        .until(1000)
        .exit("a#1", 0)
        .happened(
            "10 a#1 started scheduled
             1000 a#1 succeeded
             1000 a#2 started scheduled",
        );
}
