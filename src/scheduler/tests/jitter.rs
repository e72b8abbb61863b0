//! `jitter`.

use super::world::{World, at, every, secs};
use crate::model::{Cause, Coalesce};
use crate::scheduler::due::armed;
use chrono::TimeDelta;
use std::sync::Arc;

#[test]
fn jitter_delays_by_at_most_its_length_and_never_into_the_next_fire_time() {
    for (jitter, period) in [(secs(5), secs(60)), (secs(500), secs(60)), (secs(1), secs(1))] {
        let job = Arc::new(every("a", period).jitter(jitter));
        let start = chrono::DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let fire_times = || job.schedule.upcoming(start).take(500);
        let delays: Vec<TimeDelta> = fire_times().map(|at| armed(&job, "seed", at).due - at).collect();
        let most = jitter.min(period.saturating_sub(std::time::Duration::from_millis(1)));
        let most = TimeDelta::from_std(most).expect("short");
        assert!(delays.iter().all(|delay| TimeDelta::zero() <= *delay && *delay <= most), "{delays:?}");
        assert!(delays.iter().max() > Some(&(most * 8 / 10)), "the whole range is used: {delays:?}");
        assert!(delays.iter().min() < Some(&(most * 2 / 10)), "the whole range is used: {delays:?}");
    }
}

#[test]
fn jitter_is_the_same_after_a_restart_and_differs_by_seed_job_and_fire_time() {
    let due = |job: &str, seed, second: i64| {
        let at = chrono::DateTime::from_timestamp(1_800_000_000 + second, 0).expect("in range");
        armed(&every(job, secs(60)).jitter(secs(59)), seed, at).due - at
    };
    assert_eq!(due("a", "host", 0), due("a", "host", 0));
    assert_ne!(due("a", "host", 0), due("a", "other", 0));
    assert_ne!(due("a", "host", 0), due("b", "host", 0));
    assert_ne!(due("a", "host", 0), due("a", "host", 60));
}

#[test]
fn the_series_does_not_drift() {
    let world =
        World::new([every("a", secs(60)).jitter(secs(30))]).runs_for("a", secs(1), 0).until(60 * 100 + 59);
    assert_eq!(world.count("started scheduled"), 100);
}

#[test]
fn lateness_is_counted_from_the_jittered_time() {
    let due = armed(&at("a", &[10]).jitter(secs(100)), "seed", start_plus(10)).due - start_plus(10);
    let delay = u64::try_from(due.num_seconds()).expect("positive");
    assert!(delay > 2, "the seed draws a delay that shows");
    World::new([at("a", &[10]).jitter(secs(100))])
        .stall(secs(10 + delay))
        .until(10 + delay + 1)
        .happened(&format!("{} a#1 started {}", 10 + delay, Cause::Scheduled.as_str()));
}

#[test]
fn a_request_by_hand_is_not_delayed() {
    World::new([at("a", &[1000]).jitter(secs(100))]).until(5).request("a").happened("5 a#1 started manual");
}

#[test]
fn a_stop_closes_a_fire_time_that_is_within_its_jitter() {
    World::new([at("a", &[10]).jitter(secs(100))])
        .until(11)
        .stop()
        .happened("11 stopping: Drain 0 within 25s\n 11 a@10 skipped stopping")
        .has_stopped(true);
}

#[test]
fn misfires_of_a_jittered_job_are_counted_exactly() {
    World::new([every("a", secs(10)).jitter(secs(9)).coalesce(Coalesce::All)])
        .runs_for("a", secs(0), 0)
        .stall(secs(1009))
        .until(1009)
        .tally("ran 100: 100 succeeded");
}

fn start_plus(seconds: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(1_767_571_200 + seconds, 0).expect("in range")
}
