//! The wall clock steps, the machine sleeps: what is a misfire, and why.

use super::world::{World, at, every, secs};
use crate::model::Grace;
use chrono::TimeDelta;

#[test]
fn a_step_forward_makes_misfires_and_names_the_clock() {
    World::new([every("a", secs(600)).grace(Grace::Within(secs(60)))])
        .until(10)
        .step(TimeDelta::seconds(1800))
        .happened(
            "10 clock stepped 1800s
             10 a@600 missed clock, 2 until 1200
             10 a#1 started catch_up",
        );
}

#[test]
fn a_sleep_makes_misfires_and_names_the_sleep() {
    World::new([every("a", secs(600)).grace(Grace::Within(secs(60)))])
        .until(10)
        .suspend(secs(1800))
        .happened("10 a@600 missed asleep, 2 until 1200\n 10 a#1 started catch_up");
}

#[test]
fn a_stall_is_neither() {
    World::new([at("a", &[600]).grace(Grace::Within(secs(60)))])
        .until(10)
        .stall(secs(1800))
        .happened("1810 a@600 missed late");
}

#[test]
fn early_and_repeated_calls_change_nothing() {
    World::new([at("a", &[10])]).stall(secs(0)).stall(secs(0)).stall(secs(5)).happened("");
}

#[test]
fn a_clock_that_is_slewed_for_ten_minutes_misses_nothing() {
    // 500 ppm either way, also where the clock that goes on in suspend is not slewed with it.
    for microseconds in [500, -500] {
        let mut world = World::new([every("a", secs(1))]).runs_for("a", secs(0), 0);
        for second in 1..=600 {
            world = world.until(second).step(TimeDelta::microseconds(microseconds));
        }
        let world = world.until(601);
        assert_eq!(world.count("clock"), 0);
        assert_eq!(world.count("a@"), 0, "nothing was missed or coalesced");
        assert!((600..=602).contains(&world.count("started scheduled")));
    }
}

#[test]
fn a_slewing_clock_is_not_a_step() {
    World::new([at("a", &[10])])
        .step(TimeDelta::milliseconds(900))
        .step(TimeDelta::milliseconds(-900))
        .happened("");
}
