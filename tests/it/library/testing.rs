//! A scheduler on a clock that tests move: R10, R11.

use super::{DAY, HOUR, at, next, paused, start_at};
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use runner::{Event, Heard, Job, Outcome, RunContext, Scheduler, ShutdownGrace, Trigger, Zone};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn cron(text: &str) -> Trigger {
    Trigger::cron(text, &Zone::find("Europe/Berlin").expect("a zone")).expect("a cron")
}

/// A job that writes down the fire time of each run, and when it began.
fn noting(name: &str, trigger: Trigger) -> (Job, Arc<Mutex<Vec<Noted>>>) {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&noted);
    let zone = Zone::find("Europe/Berlin").expect("a zone");
    let job = Job::new(name, trigger, move |context: RunContext| {
        written.lock().expect("no panic").push((context.fire_time, context.started_at));
        async {}
    });
    (job.zone(&zone), noted)
}

type Noted = (DateTime<FixedOffset>, DateTime<Utc>);

#[test]
fn r11_730_days_of_a_daily_job_pass_without_waiting_and_without_drift() {
    let (job, noted) = noting("daily", cron("30 2 * * *"));
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [job]);
        handle.advance(730 * DAY).await;
        assert_eq!(handle.now(), at("2028-01-01T00:00:00Z"));
        handle.shutdown(ShutdownGrace::secs(5)).await;
    });
    let noted = noted.lock().expect("no panic");
    assert_eq!(noted.len(), 730);
    for (day, (fire_time, started_at)) in (0..).zip(noted.iter()) {
        let midnight = at("2026-01-01T00:00:00Z").naive_utc() + TimeDelta::days(day);
        // Both years have one day whose half past two is in a gap.
        let hour = if ["2026-03-29", "2027-03-28"].contains(&&*midnight.date().to_string()) { 3 } else { 2 };
        let minute = if hour == 3 { 0 } else { 30 };
        assert_eq!(fire_time.naive_local(), midnight + TimeDelta::minutes(60 * hour + minute));
        assert_eq!(fire_time, started_at);
    }
}

#[test]
fn what_is_due_at_the_instant_itself_has_run() {
    let (job, noted) = noting("hourly", cron("0 * * * *"));
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [job]);
        for count in 1..=48 {
            handle.advance(HOUR).await;
            assert_eq!(noted.lock().expect("no panic").len(), count);
        }
        assert_eq!(handle.now(), at("2026-01-03T00:00:00Z"));
        handle.advance_to(at("2026-01-03T00:59:59.999Z")).await;
        assert_eq!(noted.lock().expect("no panic").len(), 48);
        handle.advance_to(at("2026-01-03T01:00:00Z")).await;
        assert_eq!(noted.lock().expect("no panic").len(), 49);
        handle.advance_to(at("2026-01-01T00:00:00Z")).await;
        assert_eq!(handle.now(), at("2026-01-03T01:00:00Z"));
    });
}

#[test]
fn what_was_asked_for_is_done_without_time_passing() {
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [Job::new("job", (), |_| async {})]);
        drop(handle.trigger("job").expect("it is there"));
        handle.advance(Duration::ZERO).await;
        assert_eq!(handle.history("job", 1)[0].outcome, Outcome::Succeeded);
        assert_eq!(handle.now(), at("2026-01-01T00:00:00Z"));
    });
}

#[test]
fn code_and_timeouts_take_the_time_that_they_take() {
    let slow = |_| tokio::time::sleep(2 * HOUR);
    let jobs = [
        Job::new("slow", (), slow),
        Job::new("timed", (), slow).timeout(HOUR),
        Job::blocking("blocking", (), |_| {}),
    ];
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", jobs);
        let ended = async |job| handle.trigger(job).expect("it is there").await.expect("its end");
        assert_eq!(ended("blocking").await.outcome, Outcome::Succeeded);
        assert_eq!(handle.now(), at("2026-01-01T00:00:00Z"));
        assert_eq!(ended("slow").await.outcome, Outcome::Succeeded);
        assert_eq!(handle.now(), at("2026-01-01T02:00:00Z"));
        assert_eq!(ended("timed").await.outcome, Outcome::TimedOut);
        // It did not heed its cancellation, and was dropped.
        assert_eq!(handle.now(), at("2026-01-01T03:00:10Z"));
    });
}

#[test]
fn time_does_not_pass_while_a_program_runs() {
    let job = Job::command("program", (), ["sleep", "0.2"]).timeout(HOUR);
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [job]);
        let run = handle.trigger("program").expect("it is there");
        handle.advance(2 * HOUR).await;
        let row = run.await.expect("its end");
        assert_eq!(row.outcome, Outcome::Succeeded, "{row:?}");
        assert_eq!(row.finished_at, row.started_at, "{row:?}");
    });
}

#[test]
fn r10_nothing_is_left_when_the_test_ends() {
    for by_shutdown in [true, false] {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let job = Job::new("job", cron("0 * * * *"), move |context| {
            let held = Arc::clone(&held);
            async move {
                context.cancel.cancelled().await;
                drop(held);
            }
        });
        let runtime = paused();
        runtime.block_on(async {
            let handle = start_at("2026-01-01T00:00:00Z", [job]);
            let mut events = handle.events();
            handle.advance(HOUR).await;
            if by_shutdown {
                let report = handle.shutdown(ShutdownGrace::secs(30)).await;
                assert_eq!(report.cancelled.len(), 1);
            }
            drop(handle);
            while next(&mut events).await.is_some() {}
            while runtime.metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn five_thousand_jobs_of_one_instant_all_run_and_on_time() {
    let count = Arc::new(AtomicUsize::new(0));
    let jobs = (0..5_000).map(|number| {
        let count = Arc::clone(&count);
        Job::new(format!("job-{number}"), cron("0 3 * * *"), move |context| {
            assert_eq!(context.fire_time, context.started_at);
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        })
    });
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", jobs);
        handle.advance(DAY).await;
        for number in 0..5_000 {
            let rows = handle.history(&format!("job-{number}"), 9);
            assert_eq!(rows.iter().map(|row| row.outcome).collect::<Vec<_>>(), [Outcome::Succeeded]);
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), 5_000);
}

#[test]
fn d8_ten_years_of_missed_seconds_become_one_run() {
    let second = Trigger::every(Duration::from_secs(1)).expect("a period");
    let (job, noted) = noting("tick", second);
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [job]);
        let mut events = handle.events();
        let mut closed = 0;
        handle.set_wall_clock(at("2036-01-01T00:00:00Z"));
        handle.advance(Duration::ZERO).await;
        assert_eq!(noted.lock().expect("no panic").len(), 1);
        handle.shutdown(ShutdownGrace::secs(5)).await;
        while let Some(heard) = events.next().await {
            let Heard::Event(event) = heard else { panic!("there are few") };
            if let Event::FireTimeClosed(row) | Event::RunFinished(row) = &event.event {
                closed += row.count;
            }
        }
        assert_eq!(closed, u64::try_from(TimeDelta::days(3_652).num_seconds()).expect("not negative"));
    });
}

#[test]
#[should_panic(expected = "start_at")]
fn time_of_the_host_is_not_moved() {
    paused().block_on(async {
        let handle = Scheduler::builder().build().start().expect("a runtime is there");
        handle.advance(HOUR).await;
    });
}
