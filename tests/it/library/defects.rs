//! Defects of other schedulers, each shown to be absent here. The numbers are those of the table in
//! `docs/embedding.md`. D2, D8 and D16 are in `time` and `testing`, D3 is in `stored`.

use super::{DAY, HOUR, at, next, paused, start_at};
use chrono::{DateTime, Utc};
use runner::{
    AddError, Conflict, Event, Handle, Heard, Job, Outcome, Overlap, Phase, ShutdownGrace, Trigger, Zone,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn new_york() -> Zone {
    Zone::find("America/New_York").expect("a zone")
}

fn cron(text: &str, zone: &Zone) -> Trigger {
    Trigger::cron(text, zone).expect("a cron")
}

fn job(trigger: Trigger) -> Job {
    Job::new("job", trigger, |_| async {}).zone(&new_york())
}

/// The fire times that have run, the first first, as local time.
fn ran(handle: &Handle) -> Vec<String> {
    let mut rows = handle.history("job", usize::MAX);
    rows.reverse();
    rows.iter().map(|row| row.fire_time.format("%a %d %b %H:%M %:z").to_string()).collect()
}

/// Runs a job from one instant to another.
fn between(start: &str, end: &str, job: Job) -> Vec<String> {
    paused().block_on(async {
        let handle = start_at(start, [job]);
        handle.advance_to(at(end)).await;
        ran(&handle)
    })
}

#[test]
fn d1_no_week_is_lost_after_a_spring_sunday() {
    let (start, end) = ("2026-03-07T12:00:00Z", "2026-03-10T12:00:00Z");
    let monday = between(start, end, job(cron("0 0 * * MON", &new_york())));
    assert_eq!(monday, ["Mon 09 Mar 00:00 -04:00"]);
    let weekdays = between(start, end, job(cron("0 0 * * MON-FRI", &new_york())));
    assert_eq!(weekdays, ["Mon 09 Mar 00:00 -04:00", "Tue 10 Mar 00:00 -04:00"]);
}

#[test]
fn d4_a_shutdown_waits_and_may_be_asked_for_twice_at_once() {
    let slow = |_| tokio::time::sleep(Duration::from_secs(3));
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", [Job::new("job", (), slow)]);
        let mut events = handle.events();
        let run = handle.trigger("job").expect("it is there");
        while !matches!(next(&mut events).await.expect("it starts").event, Event::RunStarted(_)) {}
        let grace = ShutdownGrace::secs(5);
        let (one, other) = tokio::join!(handle.shutdown(grace), handle.shutdown(grace));
        assert_eq!(handle.now(), at("2026-01-01T00:00:03Z"));
        assert_eq!((one.finished.len(), one.cancelled.len()), (1, 0));
        assert_eq!((&one, handle.phase()), (&other, Phase::Stopped));
        assert_eq!(handle.shutdown(grace).await, one);
        assert_eq!(run.await.expect("its end").outcome, Outcome::Succeeded);
        // Its end is the last that is told before the stream's own.
        let mut last = None;
        while let Some(Heard::Event(event)) = events.next().await {
            last = Some(event);
        }
        assert!(matches!(&last.expect("events").event, Event::RunFinished(row) if row.outcome == Outcome::Succeeded));
    });
}

#[test]
fn d5_a_union_of_an_interval_and_a_cron_loses_no_fire_time() {
    let hourly = Trigger::every(HOUR).expect("a period");
    let union = Trigger::any([hourly, cron("30 * * * *", &Zone::utc())]);
    let utc = Zone::utc();
    let ran = between("2026-01-01T00:10:00Z", "2026-01-01T02:30:00Z", job(union).zone(&utc));
    let times: Vec<&str> = ran.iter().map(|text| &text[11..16]).collect();
    assert_eq!(times, ["00:30", "01:00", "01:30", "02:00", "02:30"]);
}

#[test]
fn d6_a_service_that_is_started_anew_each_day_reaches_an_interval_of_25_hours() {
    let long = || Trigger::every(25 * HOUR).expect("a period");
    let mut all = Vec::new();
    for day in 1..=25 {
        let (start, end) =
            (format!("2026-01-{day:02}T00:00:00Z"), format!("2026-01-{:02}T00:00:00Z", day + 1));
        let upserted = job(long()).on_conflict(Conflict::Upsert).zone(&Zone::utc());
        all.extend(between(&start, &end, upserted));
    }
    assert_eq!(all.len(), 24, "{all:?}");
    let long = long();
    let instants = long.upcoming(at("2026-01-01T00:00:00Z")).take(24);
    assert_eq!(all, instants.map(|at| at.format("%a %d %b %H:%M +00:00").to_string()).collect::<Vec<_>>());
}

#[test]
fn d7_what_would_never_fire_is_refused_and_is_no_pause() {
    let mut scheduler = runner::Scheduler::builder().build();
    let never = scheduler.add(job(cron("0 0 31 2 *", &Zone::utc())));
    assert!(matches!(never, Err(AddError::NeverFires { .. })), "{never:?}");
    let zero = Trigger::every(Duration::ZERO).expect_err("no period").to_string();
    assert!(zero.contains("10ms or more"), "{zero}");
    for text in ["0 days", "-1 day"] {
        let start = "2026-01-01T00:00";
        let error = Trigger::interval(text, start, runner::trigger::ShortMonth::Skip, &Zone::utc());
        assert!(error.is_err(), "{text}");
    }
}

#[test]
fn d9_beyond_max_instances_nothing_queues_and_a_trigger_that_panics_disturbs_nobody() {
    paused().block_on(async {
        let slow = Job::new("job", Trigger::every(Duration::from_secs(1)).expect("a period"), |_| {
            tokio::time::sleep(Duration::from_millis(4_500))
        });
        let panics = Trigger::custom("panics", |_| panic!("on purpose"));
        let handle = start_at("2026-01-01T00:00:00Z", [slow, Job::new("panics", panics, |_| async {})]);
        handle.advance(Duration::from_secs(60)).await;
        let job = handle.get("job").expect("it is there");
        assert_eq!((job.running.len(), job.waiting), (1, 0));
        let stats = handle.stats("job").expect("it is there");
        assert_eq!((stats.count(Outcome::Succeeded), stats.count(Outcome::Skipped)), (11, 48));
        assert!(handle.get("panics").expect("it is there").is_finished);
        handle.stop();
        handle.stopped().await;
        assert_eq!(handle.phase(), Phase::Stopped);
    });
}

#[test]
fn d10_a_burst_of_one_shots_loses_none() {
    let count = Arc::new(AtomicUsize::new(0));
    let once = Trigger::at("2026-01-01T00:01:00Z", &Zone::utc()).expect("an instant");
    let jobs = (0..1000).map(|number| {
        let count = Arc::clone(&count);
        Job::new(format!("job-{number}"), once.clone(), move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        })
    });
    paused().block_on(async {
        let handle = start_at("2026-01-01T00:00:00Z", jobs);
        handle.advance(HOUR).await;
        assert!(handle.list().iter().all(|job| job.is_finished));
    });
    assert_eq!(count.load(Ordering::Relaxed), 1000);
}

#[test]
fn d11_it_is_on_time_stops_for_good_and_needs_no_runtime_to_be_built() {
    // Outside of any runtime.
    let scheduler = runner::Scheduler::builder().build();
    drop(scheduler);
    paused().block_on(async {
        let each = Arc::new(std::sync::Mutex::new(Vec::<(DateTime<Utc>, DateTime<Utc>)>::new()));
        let noted = Arc::clone(&each);
        let tick =
            Job::new("job", Trigger::every(Duration::from_secs(1)).expect("a period"), move |context| {
                noted.lock().expect("no panic").push((context.due, context.started_at));
                tokio::time::sleep(Duration::from_millis(700))
            });
        let handle = start_at("2026-01-01T00:00:00Z", [tick]);
        handle.advance(Duration::from_secs(100)).await;
        let report = handle.shutdown(ShutdownGrace::secs(5)).await;
        assert_eq!(report.finished.len(), 1, "the shutdown waits for the run under way");
        tokio::time::sleep(HOUR).await;
        let each = each.lock().expect("no panic");
        assert_eq!(each.len(), 100, "nothing fires after it");
        assert!(each.iter().all(|(due, started)| due == started), "{each:?}");
        assert_eq!(handle.add(Job::new("late", (), |_| async {})), Err(AddError::Stopped));
    });
}

#[test]
fn d12_a_zone_is_a_zone_and_no_offset() {
    let nine = between("2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z", job(cron("0 9 * * *", &new_york())));
    assert_eq!(nine, ["Sat 07 Mar 09:00 -05:00", "Sun 08 Mar 09:00 -04:00", "Mon 09 Mar 09:00 -04:00"]);
}

#[test]
fn d13_a_driver_that_is_late_by_many_periods_goes_on() {
    paused().block_on(async {
        let tick = Job::new("job", Trigger::every(Duration::from_secs(1)).expect("a period"), |_| async {});
        let handle = start_at("2026-01-01T00:00:00Z", [tick]);
        handle.advance(Duration::from_secs(3)).await;
        handle.suspend(DAY);
        handle.advance(Duration::from_secs(3)).await;
        let stats = handle.stats("job").expect("it is there");
        // Three, what the sleep has missed as one, and three.
        assert_eq!(stats.count(Outcome::Succeeded), 7);
        assert_eq!(stats.count(Outcome::Coalesced) + stats.count(Outcome::Missed), 86_400 - 1);
    });
}

#[test]
fn d14_the_repeated_hour_is_an_hour_like_others_also_for_who_starts_within_it() {
    for start in ["2026-11-01T05:10:00Z", "2026-11-01T05:40:00Z", "2026-11-01T06:10:00Z"] {
        let half = Trigger::every(HOUR / 2).expect("a period");
        let ran = between(start, "2026-11-01T07:00:00Z", job(half));
        let expected = ["01:30 -04:00", "01:00 -05:00", "01:30 -05:00", "02:00 -05:00"];
        let later = ran.iter().map(|text| &text[11..]).collect::<Vec<_>>();
        assert_eq!(later, expected[expected.len() - later.len()..]);
        assert!(later.len() >= 2, "{start}");
    }
}

#[test]
fn d15_in_a_fold_all_is_in_order_and_nothing_is_lost() {
    let (start, end) = ("2026-11-01T04:30:00Z", "2026-11-01T07:00:00Z");
    let of = |text: &str| between(start, end, job(cron(text, &new_york())).overlap(Overlap::Allow));
    let half_hours = ["01:00 -04:00", "01:30 -04:00", "01:00 -05:00", "01:30 -05:00", "02:00 -05:00"]
        .map(|at| format!("Sun 01 Nov {at}"));
    assert_eq!(of("*/30 * * * *"), half_hours);
    assert_eq!(of("30 1 * * *"), ["Sun 01 Nov 01:30 -04:00"]);
    assert_eq!(of("0 * * * *"), [&half_hours[0], &half_hours[2], &half_hours[4]].map(String::clone));
    // 1 is a Monday, and of two days either counts.
    let (start, end) = ("2026-03-01T00:00:00Z", "2026-03-10T00:00:00Z");
    let days = between(start, end, job(cron("0 12 5 * 1", &new_york())));
    assert_eq!(days, ["Mon 02 Mar 12:00 -05:00", "Thu 05 Mar 12:00 -05:00", "Mon 09 Mar 12:00 -04:00"]);
    // A time in a gap is that of its end.
    let gap = between("2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z", job(cron("30 2 * * *", &new_york())));
    assert_eq!(gap, ["Sun 08 Mar 03:00 -04:00"]);
}
