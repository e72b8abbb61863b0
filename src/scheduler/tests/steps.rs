//! The wall clock is set: what comes again, what does not, and what is made up for.

use super::world::{World, at, cron, every, scheduled, secs, wall};
use crate::model::{Coalesce, Grace, Job, Overlap};
use crate::trigger::{Trigger, Zone};
use chrono::TimeDelta;
use std::time::Duration;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

fn minutely() -> Job {
    every("a", secs(60))
}

/// Runs that end at once.
fn world(jobs: impl IntoIterator<Item = Job>) -> World {
    World::new(jobs).runs_for("a", secs(0), 0)
}

#[test]
fn a_fire_time_that_was_claimed_does_not_come_again() {
    let world = world([minutely()]).until(125).step(TimeDelta::seconds(-50)).until(125 + 50 + 60);
    assert_eq!(world.claims("a"), [(0, 60), (0, 120), (0, 180)]);
}

#[test]
fn a_check_each_minute_goes_on_at_once_after_two_hours_back() {
    let world = world([minutely()]).until(125).and_then().step(TimeDelta::seconds(-2 * HOUR));
    let world = world.happened("125 clock stepped -7200s").until(125 + 120);
    let at = |minute: i64| (1, 120 - 2 * HOUR + minute * MINUTE);
    assert_eq!(world.claims("a"), [(0, 60), (0, 120), at(1), at(2)]);
}

#[test]
fn a_monthly_bill_is_not_sent_twice() {
    // The first of February, seen twice.
    let february = 27 * DAY;
    let start = wall(february - HOUR);
    let world = World::at_wall([cron("a", "0 0 1 * *")], start, None).runs_for("a", secs(0), 0);
    let world = world.until(2 * 3600).set(february - DAY).until(50 * 3600);
    assert_eq!(world.claims("a"), [(0, february)]);
    // Also when it is thirty days and one that the clock is set back; it is sent in March again.
    let world = world.set(february - 29 * DAY).until(60 * 86_400 + 50 * 3600);
    assert_eq!(world.claims("a"), [(0, february), (0, february + 28 * DAY)]);
}

#[test]
fn a_step_of_exactly_the_period_repeats_nothing_and_one_more_second_does() {
    let stepped =
        |by: i64| world([every("a", secs(600))]).until(600).step(TimeDelta::seconds(-by)).until(1300);
    assert_eq!(stepped(600).claims("a"), [(0, 600)]);
    assert_eq!(stepped(601).claims("a"), [(0, 600), (1, 0), (1, 600)]);
}

#[test]
fn the_period_is_that_around_the_new_time() {
    // Each minute of the first hour of a day, set back from there into the hours before.
    let job = cron("a", "* 0 * * *");
    let world = World::at_wall([job], wall(-10), None).runs_for("a", secs(0), 0);
    let world = world.until(130).step(TimeDelta::seconds(-2 * HOUR));
    let claimed = [(0, 0), (0, MINUTE), (0, 2 * MINUTE)];
    assert_eq!(world.claims("a"), claimed, "23 hours lie around the new time");
    let world = world.until(130 + 7200 + 60);
    assert_eq!(world.claims("a")[3..], [(0, 3 * MINUTE)]);
}

#[test]
fn small_steps_back_add_up() {
    let mut world = world([minutely()]).until(605);
    for step in 1..=10 {
        world = world.step(TimeDelta::minutes(-10)).until(605 + step * 65);
    }
    // In 650 seconds of real time there are ten or eleven minutes, each of them once.
    let claims = world.claims("a");
    let again = claims.iter().filter(|(epoch, _)| *epoch > 0).count();
    assert!(again >= 10, "{claims:?}");
    let epochs: Vec<u32> = claims.iter().map(|(epoch, _)| *epoch).collect();
    assert!(epochs.is_sorted() && epochs.last() == Some(&10), "{claims:?}");
}

#[test]
fn steps_too_small_to_be_seen_add_up_too() {
    let mut world = world([every("a", secs(1))]).until(10).and_then();
    for tenth in 1..=50 {
        world = world.step(TimeDelta::milliseconds(-900)).stall(Duration::from_millis(100));
        assert!(world.count("clock stepped") <= tenth, "each is told at most once");
    }
    assert_eq!(world.count("clock stepped -1s"), 25);
    // The job is never silent for longer than two of its periods.
    let started = world.count("a#");
    let world = world.until(17);
    assert!(world.count("a#") > started);
}

#[test]
fn ten_steps_within_the_period_silence_a_job_for_no_longer_than_two_periods() {
    let mut world = world([every("a", secs(3600))]).until(3600).and_then();
    for step in 1..=10 {
        world = world.step(TimeDelta::minutes(-10)).until(3600 + step);
    }
    let [Some(wait)] = world.waits()[..] else { panic!("it waits") };
    assert!(wait <= TimeDelta::hours(2), "{wait}");
    let world = world.until(3600 + 2 * 3600);
    assert!(world.count("started scheduled") >= 1);
}

#[test]
fn a_job_that_has_not_fired_yet_looks_from_the_new_time() {
    let world = world([every("a", secs(3600))]).until(5).step(TimeDelta::seconds(-2 * HOUR));
    let world = world.until(5 + 3600);
    assert_eq!(world.claims("a"), [(1, -HOUR)]);
}

#[test]
fn a_finished_one_shot_never_repeats() {
    let world = world([at("a", &[100])]).until(200).set(-100 * DAY).until(200 + 100 * 86_400 + 300);
    assert_eq!(world.claims("a"), [(0, 100)]);
    // Also beside a trigger that does.
    let instant = Trigger::at(&wall(90).to_rfc3339(), &Zone::utc()).expect("an instant");
    let period = Trigger::every(secs(60)).expect("a period");
    let world = World::new([scheduled("a", vec![instant, period])]).runs_for("a", secs(0), 0);
    let world = world.until(100).set(-1000).until(100 + 1200);
    let nineties = world.claims("a").iter().filter(|(_, second)| *second == 90).count();
    assert_eq!(nineties, 1, "{:?}", world.claims("a"));
    assert!(world.claims("a").contains(&(1, 60)), "{:?}", world.claims("a"));
}

#[test]
fn a_one_shot_that_was_missed_while_the_clock_was_ahead_has_its_time_again() {
    let world = world([at("a", &[100])]).until(10).set(50 * 365 * DAY).set(20);
    let world = world.until(200).happened(
        "10 clock stepped 1576799990s
         10 a@100 missed clock
         10 clock stepped -1576799980s
         90 a#1 started scheduled
         90 a#1 succeeded",
    );
    assert_eq!(world.claims("a"), [(1, 100)]);
}

#[test]
fn one_shots_to_come_are_not_touched() {
    let world = world([at("a", &[100, 200])]).until(150).set(-1000).until(150 + 1250);
    assert_eq!(world.claims("a"), [(0, 100), (0, 200)]);
}

#[test]
fn a_year_in_a_cron_is_a_one_shot_too() {
    let world = world([cron("a", "0 1 0 5 1 * 2026")]).until(100).set(-HOUR).until(100 + 4000);
    assert_eq!(world.claims("a"), [(0, 60)]);
}

#[test]
fn a_step_back_before_start_waits_for_it_and_one_from_behind_end_goes_on() {
    let job = minutely().between(Some(wall(0)), Some(wall(600)));
    let world = world([job]).until(1000).and_then().set(-HOUR).until(1000 + 3600 + 60);
    assert_eq!(world.claims("a")[10..], [(1, 0), (1, 60)]);
}

#[test]
fn a_machine_that_believed_it_was_2098_recovers() {
    let future = wall(72 * 365 * DAY);
    let jobs = || {
        vec![
            every("a", secs(60)),
            cron("hourly", "5 * * * *"),
            cron("daily", "0 3 * * *"),
            cron("monthly", "0 0 1 * *"),
            cron("yearly", "0 0 1 1 *"),
            at("once", &[5 * DAY]),
            at("past", &[-5 * DAY]),
            every("jittered", secs(600)).jitter(secs(300)),
        ]
    };
    for ran in [0, 30, 3600 * 30, 86_400 * 400] {
        let mut world = World::at_wall(jobs(), future, None);
        for job in ["a", "hourly", "daily", "monthly", "yearly", "once", "past", "jittered"] {
            world = world.runs_for(job, secs(0), 0);
        }
        let world = world.stall(secs(ran)).until(ran).and_then().set(0);
        assert_eq!(world.count(""), 1, "one line, and no row");
        assert_eq!(world.count("clock stepped"), 1);
        let minutes = |minutes| Some(TimeDelta::minutes(minutes));
        let most = [minutes(1), minutes(60), minutes(60 * 24), minutes(60 * 24 * 31), minutes(60 * 24 * 366)];
        let waits = world.waits();
        for (job, (wait, most)) in waits.iter().zip(most).enumerate() {
            assert!(wait.is_some() && *wait <= most, "job {job} after {ran} s: {wait:?}");
        }
        assert_eq!((waits[5], waits[6]), (minutes(5 * 24 * 60), None));
        let world = world.until(ran + 121);
        assert_eq!(world.count("a#"), 4, "two runs");
    }
}

#[test]
fn two_hours_forward_give_every_passed_instant_an_outcome_and_one_catch_up_a_job() {
    let daily = cron("daily", "30 0 * * *").grace(Grace::Any);
    World::new([minutely(), daily])
        .runs_for("a", secs(1), 0)
        .runs_for("daily", secs(1), 0)
        .until(30)
        .step(TimeDelta::hours(2))
        .until(31)
        .happened(
            "30 clock stepped 7200s
             30 a@60 missed clock, 60 until 3600
             30 a@3660 coalesced into 7200, 59 until 7140
             30 a#1 started catch_up
             30 daily#1 started catch_up
             31 a#1 succeeded
             31 daily#1 succeeded",
        )
        .tally("ran 2: 2 succeeded; missed 60; coalesced 59");
}

#[test]
fn forward_and_back_again_is_a_step_back_like_any_other() {
    let world = world([minutely()]).until(90).step(TimeDelta::hours(2)).step(TimeDelta::hours(-2)).until(190);
    assert_eq!(world.claims("a"), [(0, 60), (0, 2 * HOUR + 60), (1, 120), (1, 180)]);
}

#[test]
fn a_clock_that_is_set_to_its_own_value_is_not_set() {
    let mut world = world([every("a", secs(1))]);
    for tenth in 1..=100 {
        world = world.stall(Duration::from_millis(100)).step(TimeDelta::zero());
        assert_eq!(world.count("started scheduled"), tenth / 10);
    }
    assert_eq!(world.count("clock"), 0);
    world.until(10).tally("ran 10: 10 succeeded");
}

#[test]
fn a_stall_of_ninety_seconds_is_counted_exactly_wherever_it_falls() {
    for from in 60..120 {
        let world = world([minutely()]).until(from).stall(secs(90)).until(600);
        let ran = world.count("succeeded");
        assert_eq!(ran + world.count("coalesced"), 10, "from {from}: ten minutes");
        assert_eq!(world.count("missed"), 0);
        assert_eq!(world.count("coalesced"), usize::from(from % 60 >= 30), "from {from}");
    }
}

#[test]
fn what_waits_keeps_the_epoch_in_which_it_came() {
    let job = every("a", secs(60)).coalesce(Coalesce::All).overlap(Overlap::Queue);
    let world = World::new([job]).stall(secs(130)).step(TimeDelta::hours(-2)).exit("a#1", 0);
    assert_eq!(world.claims("a"), [(0, 60), (0, 120)]);
    let world = world.until(200).exit("a#2", 0);
    assert_eq!(world.claims("a"), [(0, 60), (0, 120), (1, -2 * HOUR + 180)]);
}

#[test]
fn a_fire_time_within_its_jitter_comes_again_with_the_new_epoch() {
    let job = every("a", secs(60)).jitter(secs(59));
    let world = world([job]).until(630).step(TimeDelta::hours(-1)).until(630 + 3600);
    let claims = world.claims("a");
    let seconds: Vec<i64> = claims.iter().filter(|(epoch, _)| *epoch == 1).map(|(_, at)| *at).collect();
    assert!(seconds.windows(2).all(|pair| pair[1] - pair[0] == 60), "{seconds:?}");
    assert!(seconds.len() >= 59, "{seconds:?}");
}

#[test]
fn a_request_after_a_step_back_has_the_time_of_the_clock() {
    let world = World::new([at("a", &[DAY]).max_instances(9)]).until(10).request("a").request("a");
    let world = world.set(5).request("a").set(5).stall(secs(5)).request("a");
    assert_eq!(world.count("started manual"), 4, "each has a key of its own");
}

#[test]
fn a_step_that_comes_with_a_sleep_is_seen() {
    let world = world([minutely()]).until(125).and_then().suspend_and_set(secs(600), -HOUR);
    let world = world.happened("125 clock stepped -4325s").until(125 + 60);
    assert_eq!(world.claims("a").last(), Some(&(1, 60 - HOUR)));
}

#[test]
fn a_disabled_job_stays_without_fire_times() {
    let world = world([minutely().disabled()]).until(125).set(-HOUR).until(1000);
    assert_eq!(world.waits(), [None]);
    assert_eq!(world.claims("a"), []);
}
