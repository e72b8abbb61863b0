//! A fixed delay: from the end of a run to the next.

use super::world::{World, every, idle, secs};
use crate::model::{AfterOn, Grace, Job, Overlap};
use chrono::TimeDelta;

fn delayed(name: &str, seconds: u64) -> Job {
    idle(name).delay_after(secs(seconds))
}

#[test]
fn the_next_fire_time_is_so_long_after_the_end_of_the_last_run() {
    World::new([delayed("a", 10)]).runs_for("a", secs(7), 1).until(45).happened(
        "10 a#1 started scheduled
             17 a#1 failed
             27 a#2 started scheduled
             34 a#2 failed
             44 a#3 started scheduled",
    );
}

#[test]
fn a_run_has_ended_when_its_last_attempt_has() {
    World::new([delayed("a", 10).retry(2, secs(5))]).runs_for("a", secs(1), 1).until(27).happened(
        "10 a#1 started scheduled
             11 a#1 tries again in 5s
             16 a#1 started scheduled again 2
             17 a#1 failed
             27 a#2 started scheduled",
    );
}

#[test]
fn what_did_not_run_counts_as_an_end() {
    World::new([delayed("a", 10).grace(Grace::Within(secs(5)))])
        .runs_for("a", secs(1), 0)
        .ends_after_term("a", None)
        .until(5)
        .request("a")
        .until(15)
        .exit("a#1", 0)
        .until(24)
        .stall(secs(20))
        .until(54)
        .happened(
            "5 a#1 started manual
             10 a@10 skipped overlap
             15 a#1 succeeded
             44 a@25 missed late
             54 a#2 started scheduled",
        );
}

#[test]
fn a_run_by_hand_makes_it_rest_anew_but_does_not_take_back_what_has_come() {
    World::new([delayed("a", 10).max_instances(2)])
        .runs_for("a", secs(3), 0)
        .until(5)
        .request("a")
        .until(15)
        .and_then()
        .unnoticed(secs(4))
        .request("a")
        .until(35)
        .happened(
            "19 a#2 started manual
             19 a#3 started scheduled
             22 a#2 succeeded
             22 a#3 succeeded
             32 a#4 started scheduled
             35 a#4 succeeded",
        );
}

#[test]
fn a_fire_time_that_waits_is_under_way() {
    World::with_limits([delayed("a", 10), idle("b")], Some(1), &[])
        .runs_for("a", secs(1), 0)
        .request("b")
        .until(60)
        .exit("b#1", 0)
        .until(71)
        .happened(
            "0 b#1 started manual
             60 b#1 succeeded
             60 a#1 started scheduled
             61 a#1 succeeded
             71 a#2 started scheduled",
        );
}

#[test]
fn it_waits_behind_a_run_by_hand_if_it_is_to() {
    World::new([delayed("a", 10).overlap(Overlap::Queue)])
        .until(5)
        .request("a")
        .until(30)
        .exit("a#1", 0)
        .until(35)
        .exit("a#2", 0)
        .until(45)
        .happened(
            "5 a#1 started manual
             30 a#1 succeeded
             30 a#2 started scheduled
             35 a#2 succeeded
             45 a#3 started scheduled",
        );
}

#[test]
fn a_pause_skips_what_comes_and_the_delay_begins_at_its_end() {
    World::durable([delayed("a", 10)])
        .runs_for("a", secs(1), 0)
        .until(5)
        .snooze("a", 30, "later")
        .until(50)
        .happened(
            "5 a paused until 35: later
             35 a resumed
             35 a@10 skipped paused
             45 a#1 started scheduled
             46 a#1 succeeded",
        )
        .stop()
        .until(60)
        .accounts_for_all();
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_it() {
    World::new([delayed("a", 10)])
        .runs_for("a", secs(1), 0)
        .until(15)
        .step(TimeDelta::hours(-1))
        .until(27)
        .happened(
            "10 a#1 started scheduled
             11 a#1 succeeded
             15 clock stepped -3600s
             25 a#2 started scheduled
             26 a#2 succeeded",
        );
}

#[test]
fn no_two_fire_times_have_the_same_key_whatever_the_clock_shows() {
    // Each step takes back exactly what has passed.
    let mut world = World::durable([delayed("a", 10), idle("b")]).runs_for("a", secs(0), 0);
    for round in 1..=20 {
        world = world.until(round * 10).request("b").step(TimeDelta::seconds(-10));
    }
    let keys = world.count("a#");
    assert_eq!(keys, 40, "twenty runs began and ended");
    world.stop().until(300).accounts_for_all();
}

#[test]
fn the_start_of_a_runner_and_the_finish_of_others_make_it_rest_too() {
    World::new([
        delayed("a", 10).startup(),
        every("b", secs(25)),
        delayed("c", 10).after(&["b"], AfterOn::Finish),
    ])
    .runs_for("a", secs(5), 0)
    .runs_for("b", secs(0), 0)
    .runs_for("c", secs(1), 0)
    .until(5)
    .exit("a#1", 0)
    .until(36)
    .happened(
        "0 a#1 started startup
             5 a#1 succeeded
             10 c#1 started scheduled
             11 c#1 succeeded
             15 a#2 started scheduled
             20 a#2 succeeded
             21 c#2 started scheduled
             22 c#2 succeeded
             25 b#1 started scheduled
             25 b#1 succeeded
             25 c#3 started dependency after b#1
             26 c#3 succeeded
             30 a#3 started scheduled
             35 a#3 succeeded
             36 c#4 started scheduled",
    );
}

#[test]
fn jitter_comes_on_top() {
    let world = World::new([delayed("a", 10).jitter(secs(5))]).until(9);
    let [Some(wait)] = world.waits()[..] else { panic!("it waits") };
    assert!(TimeDelta::seconds(1) <= wait && wait <= TimeDelta::seconds(6), "{wait}");
}

#[test]
fn another_delay_begins_at_that_moment_or_at_the_end_of_what_is_under_way() {
    World::new([delayed("a", 100)])
        .runs_for("a", secs(10), 0)
        .until(50)
        .replace(delayed("a", 20))
        .until(75)
        .replace(delayed("a", 5))
        .until(85)
        .happened(
            "50 a changed
             70 a#1 started scheduled
             75 a changed
             80 a#1 succeeded
             85 a#2 started scheduled",
        );
}

#[test]
fn a_calendar_may_follow_a_delay_and_a_delay_a_calendar() {
    World::durable([delayed("a", 10), every("b", secs(10))])
        .runs_for("a", secs(2), 0)
        .runs_for("b", secs(2), 0)
        .until(11)
        .replace(every("a", secs(10)))
        .replace(delayed("b", 10))
        .until(33)
        .happened(
            "10 a#1 started scheduled
             10 b#1 started scheduled
             11 a changed
             11 b changed
             12 a#1 succeeded
             12 b#1 succeeded
             20 a#2 started scheduled
             22 a#2 succeeded
             22 b#2 started scheduled
             24 b#2 succeeded
             30 a#3 started scheduled
             32 a#3 succeeded",
        )
        .stop()
        .until(40)
        .accounts_for_all();
}

#[test]
fn after_a_restart_it_is_as_if_it_had_just_been_added() {
    World::durable([delayed("a", 10), delayed("b", 10), delayed("c", 10)])
        .runs_for("a", secs(1), 0)
        .ends_after_term("b", Some(secs(0)))
        .runs_for("c", secs(1), 0)
        .request("c")
        .until(12)
        .and_then()
        .crash_alone()
        .restart(secs(30), [delayed("a", 10), delayed("b", 10), delayed("c", 10)])
        .until(53)
        .exit("b#1", 0)
        .until(63)
        .happened(
            "42 b#1 adopted
             52 a#2 started scheduled
             52 c#3 started scheduled
             53 a#2 succeeded
             53 c#3 succeeded
             53 b#1 succeeded
             63 a#3 started scheduled
             63 b#2 started scheduled
             63 c#4 started scheduled",
        );
}

#[test]
fn what_waited_when_the_runner_ended_is_missed() {
    World::durable_with_limits([delayed("a", 10), idle("b")], Some(1))
        .request("b")
        .until(12)
        .and_then()
        .crash()
        .restart(secs(30), [delayed("a", 10), idle("b")])
        .until(52)
        .happened(
            "42 b#1 lost
             42 a@10 missed down
             52 a#1 started scheduled",
        )
        .stop()
        .until(100)
        .accounts_for_all();
}

#[test]
fn nothing_is_due_any_more_in_a_stop() {
    World::durable([delayed("a", 10), delayed("b", 3)])
        .runs_for("a", secs(15), 0)
        .runs_for("b", secs(1), 0)
        .until(11)
        .and_then()
        .stop()
        .until(60)
        .happened(
            "11 stopping: Drain 2 within 25s
             12 b#3 succeeded
             25 a#1 succeeded",
        )
        .has_stopped(true)
        .accounts_for_all();
}

#[test]
fn one_that_is_removed_or_switched_off_is_due_no_more() {
    World::durable([delayed("a", 10), delayed("b", 10)])
        .runs_for("a", secs(5), 0)
        .runs_for("b", secs(5), 0)
        .until(11)
        .remove("a")
        .replace(delayed("b", 10).disabled())
        .until(40)
        .replace(delayed("b", 10))
        .add(delayed("a", 10))
        .until(50)
        .happened(
            "10 a#1 started scheduled
             10 b#1 started scheduled
             11 a removed
             11 b changed
             15 a#1 succeeded
             15 b#1 succeeded
             40 b changed
             40 a added
             50 a#2 started scheduled
             50 b#2 started scheduled",
        );
}

#[test]
fn how_it_stands_says_when_it_is_next() {
    let world = World::new([delayed("a", 10)]);
    assert_eq!(world.waits(), [Some(TimeDelta::seconds(10))]);
    let world = world.until(10);
    let state = world.core().job_states().next().expect("a job");
    assert_eq!((state.next, state.running, state.is_finished), (None, 1, false));
    let world = world.until(15).exit("a#1", 0).pause("a");
    let state = world.core().job_states().next().expect("a job");
    assert_eq!(state.next.map(|next| next.fire_time), Some(super::world::wall(25)));
}
