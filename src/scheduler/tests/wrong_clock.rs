//! A wall clock that is before a moment that has certainly passed.

use super::world::{World, at, every, secs, wall};
use crate::model::Job;
use chrono::TimeDelta;

const DAY: i64 = 86_400;

/// The clock is this many seconds before what it must be at least.
fn behind(jobs: impl IntoIterator<Item = Job>, seconds: i64) -> World {
    World::at_wall(jobs, wall(-seconds), Some(wall(0))).runs_for("a", secs(1), 0)
}

#[test]
fn nothing_fires_and_the_jobs_exist_from_when_it_is_right() {
    behind([every("a", secs(60)).startup(), at("b", &[-DAY, 30, 5000])], 50 * 365 * DAY)
        .happened("0 clock wrong until 0")
        .until(3600)
        .waits_until(0)
        .happened("")
        .set(4000)
        .until(3601)
        .happened(
            "3600 clock stepped 1576800400s
             3600 clock right
             3600 a#1 started startup
             3601 a#1 succeeded",
        )
        .until(3680)
        .happened(
            "3620 a#2 started scheduled
             3621 a#2 succeeded
             3680 a#3 started scheduled",
        );
}

#[test]
fn a_clock_that_gets_there_by_itself_is_right() {
    behind([every("a", secs(60))], 100).waits_until(0).until(161).happened(
        "0 clock wrong until 0
         100 clock right
         160 a#1 started scheduled
         161 a#1 succeeded",
    );
}

#[test]
fn a_clock_that_is_right_or_trusted_is_not_spoken_of() {
    behind([every("a", secs(60)).startup()], 0).happened("0 a#1 started startup");
    let world = World::at_wall([every("a", secs(60)).startup()], wall(-50 * 365 * DAY), None);
    world.until(60).happened("0 a#1 started startup\n 60 a@-1576799940 skipped overlap");
}

#[test]
fn from_one_wrong_time_to_another_it_stays_wrong() {
    behind([every("a", secs(60))], 10 * DAY)
        .and_then()
        .set(-5 * DAY)
        .set(-20 * DAY)
        .until(500)
        .happened("0 clock stepped 432000s\n 0 clock stepped -1296000s");
}

#[test]
fn a_run_by_hand_is_not_held_back() {
    behind([every("a", secs(60))], DAY)
        .and_then()
        .request("a")
        .until(1)
        .happened("0 a#1 started manual\n 1 a#1 succeeded");
}

#[test]
fn a_clock_that_becomes_wrong_holds_back_what_comes_and_then_all_is_made_up_for() {
    behind([every("a", secs(60))], 0)
        .until(130)
        .and_then()
        .set(-DAY)
        .until(130 + 600)
        .happened("130 clock stepped -86530s\n 130 clock wrong until 0")
        .set(130 + 600)
        .until(740)
        .happened(
            "730 clock stepped 86530s
             730 clock right
             730 a@180 coalesced into 720, 9 until 660
             730 a#3 started catch_up
             731 a#3 succeeded",
        );
}

#[test]
fn a_clock_that_becomes_wrong_and_is_set_to_an_earlier_time_is_a_step_back() {
    let world = behind([every("a", secs(60))], 0).until(7205).set(-DAY).set(30).until(7205 + 31);
    assert_eq!(world.claims("a").last(), Some(&(1, 60)));
}

#[test]
fn a_stop_does_not_wait_for_the_clock() {
    behind([every("a", secs(60)).startup()], DAY)
        .and_then()
        .stop()
        .has_stopped(true)
        .happened("0 stopping: Drain 0 within 25s");
}

#[test]
fn a_clock_that_is_set_right_while_a_stop_is_under_way_starts_nothing() {
    behind([every("a", secs(60)).startup(), every("b", secs(7))], DAY)
        .request("b")
        .and_then()
        .stop()
        .step(TimeDelta::days(2))
        .until(10)
        .happened(
            "0 stopping: Drain 1 within 25s
             0 clock stepped 172800s
             0 clock right
             0 a@86400 skipped stopping
             5 b@86405 skipped stopping",
        );
}
