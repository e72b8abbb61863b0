//! What time does to a scheduler: D2, D16, R29, R30.

use super::{DAY, HOUR, at, next, paused, runtimes, start_at};
use chrono::{DateTime, TimeDelta, Utc};
use runner::{Event, Events, Job, RunContext, Scheduler, ShutdownGrace, Trigger, Zone};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A job that tells what each run is told.
fn telling(trigger: Trigger) -> (Job, UnboundedReceiver<RunContext>) {
    let (sender, told) = unbounded_channel();
    let job = Job::new("job", trigger, move |context| {
        let _ = sender.send(context);
        async {}
    });
    (job, told)
}

fn cron(text: &str) -> Trigger {
    Trigger::cron(text, &Zone::utc()).expect("a cron")
}

fn fire_times(told: &mut UnboundedReceiver<RunContext>) -> Vec<DateTime<Utc>> {
    std::iter::from_fn(|| told.try_recv().ok()).map(|context| context.fire_time.to_utc()).collect()
}

/// Waits for the run of a fire time, and returns it with the steps of the clock that are told before.
async fn until_run(events: &mut Events) -> (Arc<runner::Row>, Vec<TimeDelta>) {
    let mut steps = Vec::new();
    loop {
        match &next(events).await.expect("it goes on").event {
            Event::ClockStepped { by } => steps.push(*by),
            Event::RunFinished(row) => return (Arc::clone(row), steps),
            _ => {}
        }
    }
}

#[test]
fn r29_what_is_due_by_a_clock_that_was_set_forward_runs() {
    for runtime in runtimes().into_iter().chain([paused()]) {
        runtime.block_on(async {
            let handle = start_at("2026-01-01T01:30:00Z", [telling(cron("0 3 * * *")).0]);
            let mut events = handle.events();
            handle.set_wall_clock(handle.now() + TimeDelta::hours(2));
            let (row, steps) = until_run(&mut events).await;
            assert_eq!(row.fire_time, at("2026-01-01T03:00:00Z"));
            assert_eq!((row.cause, row.count), ("catch_up", 1));
            let [step] = *steps else { panic!("{steps:?}") };
            assert_eq!((step - TimeDelta::hours(2)).num_seconds(), 0);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn r29_a_clock_that_was_set_back_fires_nothing_again() {
    let (daily, mut told) = telling(cron("0 3 * * *"));
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [daily]);
        for _ in 0..5 {
            handle.advance_to(at("2026-01-01T03:10:00Z")).await;
            handle.set_wall_clock(handle.now() - TimeDelta::hours(2));
        }
        assert_eq!(fire_times(&mut told), [at("2026-01-01T03:00:00Z")]);
        handle.advance_to(at("2026-01-02T03:00:00Z")).await;
        assert_eq!(fire_times(&mut told), [at("2026-01-02T03:00:00Z")]);
    });
}

#[test]
fn r29_a_clock_that_is_set_back_by_less_than_a_period_each_hour_fires_nothing_again() {
    let (hourly, mut told) = telling(cron("0 * * * *"));
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:30:00Z", [hourly]);
        for hour in 1..=100 {
            handle.advance_to(at("2026-01-01T00:00:00Z") + TimeDelta::hours(hour)).await;
            handle.set_wall_clock(handle.now() - TimeDelta::minutes(10));
        }
    });
    let expected = (1..=100).map(|hour| at("2026-01-01T00:00:00Z") + TimeDelta::hours(hour));
    assert_eq!(fire_times(&mut told), expected.collect::<Vec<_>>());
}

#[test]
fn r29_a_job_does_not_wait_until_a_clock_that_was_set_back_has_caught_up() {
    let (minutely, mut told) = telling(cron("* * * * *"));
    paused().block_on(async {
        let handle = start_at("2026-01-01T12:00:00Z", [minutely]);
        handle.advance(5 * Duration::from_secs(60)).await;
        assert_eq!(fire_times(&mut told).len(), 5);
        handle.set_wall_clock(handle.now() - TimeDelta::hours(2));
        handle.advance(HOUR).await;
        let again = fire_times(&mut told);
        assert_eq!((again.len(), again[0]), (60, at("2026-01-01T10:06:00Z")));
        let rows = handle.history("job", 65);
        let keys: BTreeSet<_> = rows.iter().map(|row| row.key.clone()).collect();
        assert_eq!(keys.len(), rows.len());
    });
}

#[test]
fn d16_what_came_due_while_the_machine_slept_runs_when_it_wakes() {
    for runtime in runtimes().into_iter().chain([paused()]) {
        runtime.block_on(async {
            let handle = start_at("2026-01-01T01:30:00Z", [telling(cron("0 3 * * *")).0]);
            let mut events = handle.events();
            handle.suspend(2 * HOUR);
            let (row, steps) = until_run(&mut events).await;
            assert_eq!(row.fire_time, at("2026-01-01T03:00:00Z"));
            assert_eq!(row.cause, "catch_up");
            // To sleep is not to be set.
            assert_eq!(steps, []);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn r30_a_job_that_is_due_in_ten_years_is_waited_for_at_ease() {
    let (job, mut told) = telling(Trigger::at("2036-01-01 00:00:00", &Zone::utc()).expect("an instant"));
    let runtime = paused();
    runtime.block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [job]);
        handle.advance_to(at("2035-12-31T23:59:59Z")).await;
        assert!(fire_times(&mut told).is_empty());
        handle.advance_to(at("2036-01-01T00:00:00Z")).await;
        assert_eq!(fire_times(&mut told), [at("2036-01-01T00:00:00Z")]);
    });
    let parked = runtime.metrics().worker_park_count(0);
    assert!(parked < 1_000, "{parked}");
}

#[test]
fn r30_on_the_hosts_clock_a_far_job_is_no_trouble_either() {
    for runtime in runtimes() {
        let far = ["9999-12-31 23:59:59", "2100-01-01 00:00:00"].map(|text| {
            let trigger = Trigger::at(text, &Zone::utc()).expect("an instant");
            Job::new(text.replace([' ', ':'], "-"), trigger, |_| async {})
        });
        runtime.block_on(async {
            let mut scheduler = Scheduler::builder().build();
            for job in far {
                scheduler.add(job).expect("a sound job");
            }
            scheduler.add(Job::new("job", (), |_| async {})).expect("a sound job");
            let handle = scheduler.start().expect("a runtime is there");
            for _ in 0..3 {
                handle.trigger("job").expect("it is there").await.expect("its end");
            }
            assert_eq!(handle.upcoming(handle.now(), 9).len(), 2);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn d2_an_interval_with_jitter_does_not_drift() {
    let start = at("2026-01-01T00:00:00Z");
    let minutely = Trigger::every(Duration::from_secs(60)).expect("a period");
    let (job, mut told) = telling(minutely);
    let jitter = TimeDelta::seconds(10);
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [job.jitter(Duration::from_secs(10)).starting(start)]);
        handle.advance(1_001 * Duration::from_secs(60)).await;
    });
    let mut delays = BTreeSet::new();
    for count in 1..=1_000 {
        let context = told.try_recv().expect("a run");
        assert_eq!(context.fire_time, start + TimeDelta::minutes(count));
        let delay = context.due - context.fire_time.to_utc();
        assert!(TimeDelta::zero() <= delay && delay <= jitter, "{delay}");
        assert_eq!(context.started_at, context.due);
        delays.insert(delay);
    }
    assert!(delays.len() > 800, "{}", delays.len());
}

#[test]
fn a_cron_whose_jitter_is_longer_than_its_period_skips_nothing() {
    let (minutely, mut told) = telling(cron("* * * * *"));
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [minutely.jitter(HOUR)]);
        handle.advance(DAY + HOUR).await;
    });
    let expected = (1..=24 * 60).map(|minute| at("2026-01-01T00:00:00Z") + TimeDelta::minutes(minute));
    assert_eq!(fire_times(&mut told)[..24 * 60], expected.collect::<Vec<_>>());
}
