//! `timeout` and the kill ladder.

use super::world::{World, at, every, secs};
use crate::model::{Overlap, SpawnWhy};
use rustix::process::Signal;

#[test]
fn an_attempt_that_takes_too_long_is_stopped() {
    World::new([at("a", &[10]).timeout(secs(5))]).ends_after_term("a", Some(secs(3))).until(60).happened(
        "10 a#1 started scheduled
         15 TERM a#1
         18 a#1 timed_out",
    );
}

#[test]
fn one_that_ignores_the_signal_is_killed() {
    World::new([at("a", &[10]).timeout(secs(5)).kill_after(secs(7))]).until(60).happened(
        "10 a#1 started scheduled
         15 TERM a#1
         22 KILL a#1
         22 a#1 timed_out",
    );
}

#[test]
fn one_that_ends_in_time_is_not_stopped() {
    World::new([at("a", &[10]).timeout(secs(5))]).runs_for("a", secs(4), 0).until(60).happened(
        "10 a#1 started scheduled
         14 a#1 succeeded",
    );
}

#[test]
fn a_timeout_is_for_each_attempt() {
    World::new([at("a", &[10]).timeout(secs(5)).retry(2, secs(30))])
        .ends_after_term("a", Some(secs(0)))
        .until(60)
        .happened(
            "10 a#1 started scheduled
             15 TERM a#1
             15 a#1 tries again in 30s
             45 a#1 started scheduled again 2
             50 TERM a#1
             50 a#1 timed_out",
        );
}

#[test]
fn a_process_that_even_kill_does_not_end_keeps_its_place() {
    World::new([every("a", secs(30)).timeout(secs(5))]).immortal("a").until(70).happened(
        "30 a#1 started scheduled
         35 TERM a#1
         45 KILL a#1
         60 a@60 skipped overlap",
    );
}

#[test]
fn a_replace_during_the_ladder_of_a_timeout_ends_the_retries() {
    World::new([every("a", secs(10)).timeout(secs(5)).overlap(Overlap::Replace).retry(3, secs(1))])
        .ends_after_term("a", Some(secs(7)))
        .until(23)
        .happened(
            "10 a#1 started scheduled
             15 TERM a#1
             22 a#1 timed_out
             22 a#2 started scheduled",
        );
}

#[test]
fn a_timeout_runs_on_elapsed_time_whatever_the_wall_clock_does() {
    World::new([at("a", &[10]).timeout(secs(5))])
        .ends_after_term("a", Some(secs(0)))
        .until(12)
        .step(chrono::TimeDelta::hours(2))
        .until(14)
        .happened("10 a#1 started scheduled\n 12 clock stepped 7200s")
        .until(15)
        .happened("15 TERM a#1\n 15 a#1 timed_out");
}

#[test]
fn an_attempt_whose_process_does_not_come_is_given_up_too() {
    World::new([at("a", &[10]).timeout(secs(5)).kill_after(secs(7)).retry(2, secs(30))])
        .never_starts("a", Signal::KILL, SpawnWhy::Surroundings)
        .until(100)
        .happened(
            "15 TERM a#1
             22 KILL a#1
             22 a#1 tries again in 30s
             57 TERM a#1
             64 KILL a#1
             64 a#1 timed_out given up",
        );
}

#[test]
fn a_system_that_is_short_of_something_is_told_although_the_timeout_ran_out() {
    World::new([at("a", &[10]).timeout(secs(5))])
        .never_starts("a", Signal::TERM, SpawnWhy::Resources)
        .until(100)
        .happened(
            "15 TERM a#1
             15 a#1 failed spawn_resources",
        );
}
