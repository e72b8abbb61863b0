//! What a handle changes while the scheduler runs, and how the jobs then stand.

use super::{next, paused, runtimes, scheduler, start_at};
use chrono::{DateTime, TimeDelta, Utc};
use runner::{
    AddError, AfterOn, Conflict, ControlError, Event, Events, Handle, Job, Outcome, Overlap, PauseFor,
    Running, Scheduler, ShutdownGrace, Trigger, Zone,
};
use std::time::Duration;

/// Far enough from the end of the hour, whenever it is asked for.
fn hourly() -> Trigger {
    let at = (runner::engine::now().wall + TimeDelta::minutes(30)).format("%M * * * *").to_string();
    Trigger::cron(&at, &Zone::utc()).expect("a cron")
}

fn yearly() -> Trigger {
    let at = (runner::engine::now().wall + TimeDelta::days(40)).format("%M %H %d %m *").to_string();
    Trigger::cron(&at, &Zone::utc()).expect("a cron")
}

/// One whose runs go on until they are cancelled.
fn lasting(name: &str) -> Job {
    Job::new(name, (), |context| async move { context.cancel.cancelled().await })
}

fn idle(name: &str) -> Job {
    Job::new(name, hourly(), |_| async {})
}

fn next_of(handle: &Handle, job: &str) -> Option<DateTime<Utc>> {
    handle.get(job).expect("it is there").next.map(|next| next.due)
}

fn names(handle: &Handle) -> Vec<String> {
    handle.list().iter().map(|job| job.name.to_string()).collect()
}

async fn shut_down(handle: &Handle) {
    let report = handle.shutdown(ShutdownGrace::cancel_now(60)).await;
    assert!(report.aborted.is_empty() && report.still_running.is_empty(), "{report:?}");
}

/// Waits for a start, and returns which run that is.
async fn started(events: &mut Events) -> runner::RunId {
    loop {
        if let Event::RunStarted(started) = &next(events).await.expect("it goes on").event {
            return started.run.clone();
        }
    }
}

#[test]
fn a_job_is_added_while_it_runs_and_is_due_after_that_moment() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle = scheduler([]).start().expect("a runtime is there");
            let mut events = handle.events();
            let before = handle.now();
            handle.add(idle("late").description("it came late")).expect("a sound job");
            let late = handle.get("late").expect("it is there");
            assert_eq!(late.description.as_deref(), Some("it came late"));
            assert!(late.next.expect("a fire time").due > before);
            assert!(matches!(&next(&mut events).await.expect("it is told").event,
                Event::JobAdded { job } if job.as_str() == "late"));
            let ended = handle.trigger("late").expect("it is there").await.expect("its end");
            assert_eq!(ended.outcome, Outcome::Succeeded);
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_name_that_is_taken_is_refused_in_every_state() {
    for runtime in runtimes() {
        let mut before = scheduler([idle("taken")]);
        let refused = before.add(idle("taken")).expect_err("it is taken");
        assert!(matches!(&refused, AddError::NameTaken { job } if job.as_str() == "taken"), "{refused}");
        runtime.block_on(async {
            let handle = before.start().expect("a runtime is there");
            assert_eq!(handle.add(idle("taken")).expect_err("it is taken"), refused);
            handle.pause("taken", "for the test").expect("it is there");
            assert_eq!(handle.add(idle("taken")).expect_err("it is taken"), refused);
            shut_down(&handle).await;
            assert_eq!(handle.add(idle("taken")).expect_err("it has stopped"), AddError::Stopped);
        });
    }
}

#[test]
fn of_two_jobs_of_one_name_the_rule_says_which_stays() {
    let is_other = |handle: &Handle| handle.get("job").expect("it is there").description.is_some();
    for runtime in runtimes() {
        runtime.block_on(async {
            for is_started in [false, true] {
                for (conflict, other_stays) in
                    [(Conflict::Keep, false), (Conflict::Replace, true), (Conflict::Upsert, true)]
                {
                    let other = idle("job").description("the other").on_conflict(conflict);
                    let mut before = scheduler([idle("job")]);
                    let handle = if is_started {
                        let handle = before.start().expect("a runtime is there");
                        handle.add(other).expect("a sound job");
                        handle
                    } else {
                        before.add(other).expect("a sound job");
                        before.start().expect("a runtime is there")
                    };
                    assert_eq!(is_other(&handle), other_stays, "{conflict:?}");
                    assert_eq!(names(&handle), ["job"]);
                    shut_down(&handle).await;
                }
            }
        });
    }
}

#[test]
fn an_upsert_with_the_same_trigger_keeps_next_fire_pause_and_history() {
    for runtime in runtimes() {
        runtime.block_on(async {
            // Its anchor is the moment of its start: begun anew, it would be due later.
            let every_day = || Trigger::every(Duration::from_secs(25 * 3600)).expect("a period");
            let job = |what: &'static str| {
                Job::new("job", every_day(), move |_| async move { Err::<(), _>(what) })
                    .on_conflict(Conflict::Upsert)
            };
            let handle = scheduler([job("old")]).start().expect("a runtime is there");
            handle.trigger("job").expect("it is there").await.expect("its end");
            handle.pause("job", PauseFor::reason("holidays").by("ann")).expect("it is there");
            let before = handle.get("job").expect("it is there");
            handle.add(job("new")).expect("a sound job");
            let after = handle.get("job").expect("it is there");
            assert_eq!((&after.next, &after.pause, &after.last), (&before.next, &before.pause, &before.last));
            assert_eq!(handle.stats("job").expect("it is there").count(Outcome::Failed), 1);
            // And it is the new one that runs.
            let row = handle.trigger("job").expect("it is there").await.expect("its end");
            assert_eq!((row.run.as_deref(), row.reason.as_deref()), (Some("job#2"), Some("new")));

            // Another trigger begins anew, and the pause stays.
            handle.add(idle("job").on_conflict(Conflict::Upsert)).expect("a sound job");
            let anew = handle.get("job").expect("it is there");
            assert_ne!(anew.next, before.next);
            assert_eq!(anew.pause, before.pause);
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_replaced_job_begins_anew_and_its_runs_go_on() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle =
                scheduler([lasting("job").overlap(Overlap::Queue)]).start().expect("a runtime is there");
            let mut events = handle.events();
            let (running, waiting) =
                (handle.trigger("job").expect("there"), handle.trigger("job").expect("there"));
            let run = started(&mut events).await;
            handle.pause("job", "for the test").expect("it is there");
            handle.add(idle("job").on_conflict(Conflict::Replace)).expect("a sound job");
            let job = handle.get("job").expect("it is there");
            assert!(job.pause.is_none() && job.next.is_some());
            assert_eq!(job.running, std::slice::from_ref(&run));
            let skipped = waiting.await.expect("its end");
            assert_eq!((skipped.outcome, skipped.reason.as_deref()), (Outcome::Skipped, Some("removed")));
            handle.cancel_run(&run).expect("it runs");
            assert_eq!(running.await.expect("its end").outcome, Outcome::Cancelled);

            // One that is not sound leaves all as it is.
            let unsound = idle("job").after(["job"], AfterOn::Success).on_conflict(Conflict::Replace);
            assert!(matches!(handle.add(unsound), Err(AddError::AfterItself { .. })));
            assert!(handle.get("job").is_some());
            shut_down(&handle).await;
        });
    }
}

#[test]
fn an_update_is_made_as_a_whole_and_moves_nothing_that_it_does_not_change() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle = scheduler([idle("job"), lasting("first")]).start().expect("a runtime is there");
            let before = handle.get("job").expect("it is there");
            handle.pause("job", "for the test").expect("it is there");
            handle.update("job", |job| job.description("changed").max_instances(3)).expect("a sound change");
            let after = handle.get("job").expect("it is there");
            assert_eq!(after.next, before.next);
            assert!(after.pause.is_some());
            assert_eq!(after.description.as_deref(), Some("changed"));

            // Only other fire times begin anew.
            handle.update("job", |job| job.triggers(yearly())).expect("a sound change");
            assert_ne!(next_of(&handle, "job"), before.next.map(|next| next.due));

            // What is not sound changes nothing.
            let unsound = handle.update("job", |job| job.description("lost").max_instances(0));
            assert!(matches!(unsound, Err(AddError::Zero { what: "max_instances", .. })), "{unsound:?}");
            let unsound = handle.update("job", |job| job.description("lost").after(["job"], AfterOn::Finish));
            assert!(matches!(unsound, Err(AddError::AfterItself { .. })), "{unsound:?}");
            assert_eq!(handle.get("job").expect("there").description.as_deref(), Some("changed"));
            let unknown = handle.update("none", |job| job);
            assert_eq!(unknown, Err(AddError::UnknownJob { job: "none".to_owned() }));
            shut_down(&handle).await;
            assert_eq!(handle.update("job", |job| job), Err(AddError::Stopped));
        });
    }
}

#[test]
fn updates_of_one_job_from_many_sides_are_all_made() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle = scheduler([idle("job").description("")]).start().expect("a runtime is there");
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let name = "job";
                        for _ in 0..25 {
                            // Each reads what is there and adds one letter to it.
                            let read = || handle.get(name).expect("there").description.expect("one").len();
                            handle
                                .update(name, |job| job.description("x".repeat(read() + 1)))
                                .expect("sound");
                        }
                    });
                }
            });
            let length = handle.get("job").expect("it is there").description.expect("one").len();
            assert_eq!(length, 200);
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_job_is_removed_and_its_runs_are_left_waited_for_or_cancelled() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let jobs = [lasting("left"), lasting("cancelled"), idle("idle")];
            let handle = scheduler(jobs).start().expect("a runtime is there");
            let mut events = handle.events();
            let left = handle.trigger("left").expect("it is there");
            let left_run = started(&mut events).await;
            let cancelled = handle.trigger("cancelled").expect("it is there");
            started(&mut events).await;

            let ended = handle.remove("left", Running::Leave).expect("it is there");
            assert_eq!(names(&handle), ["cancelled", "idle"]);
            assert!(handle.get("left").is_none());
            let unknown = ControlError::UnknownJob { job: "left".to_owned() };
            assert_eq!(handle.remove("left", Running::Leave).expect_err("it is gone"), unknown);
            assert_eq!(handle.trigger("left").expect_err("it is gone"), unknown);
            // It runs still, and goes on until it is told.
            handle.cancel_run(&left_run).expect("it runs");
            ended.await;
            assert_eq!(left.await.expect("its end").outcome, Outcome::Cancelled);

            handle.remove("cancelled", Running::Cancel).expect("it is there").await;
            let row = cancelled.await.expect("its end");
            assert_eq!((row.outcome, row.reason.as_deref()), (Outcome::Cancelled, Some("request")));
            // Of one that does not run there is nothing to wait for.
            handle.remove("idle", Running::Leave).expect("it is there").await;
            assert_eq!(names(&handle), [""; 0]);
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_paused_job_stands_as_that_with_its_reason_and_is_not_finished() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle = scheduler([idle("one"), idle("two")]).start().expect("a runtime is there");
            let until = handle.now() + TimeDelta::days(2);
            handle.pause("one", PauseFor::reason("migration").by("ann").until(until)).expect("it is there");
            let one = handle.get("one").expect("it is there");
            let pause = one.pause.expect("it is paused");
            assert_eq!((pause.reason.as_deref(), pause.by.as_deref()), (Some("migration"), Some("ann")));
            assert_eq!(pause.until, Some(until));
            assert!(pause.since <= handle.now());
            assert!(one.next.expect("the one after").due > until);
            assert!(!one.is_finished);
            // It is left out of what is to come while it is paused.
            let next_two = handle.upcoming(handle.now(), 2);
            assert!(next_two.iter().all(|next| next.job.as_str() == "two"), "{next_two:?}");
            // What is asked for by hand runs all the same.
            let row = handle.trigger("one").expect("it is there").await.expect("its end");
            assert_eq!(row.outcome, Outcome::Succeeded);

            handle.resume("one").expect("it is there");
            assert!(handle.get("one").expect("it is there").pause.is_none());
            handle.resume("one").expect("which changes nothing");
            handle.pause_all("all").expect("it runs");
            assert!(handle.list().iter().all(|job| job.pause.is_some()));
            assert_eq!(handle.upcoming(handle.now(), 9), []);
            handle.resume_all().expect("it runs");
            assert!(handle.list().iter().all(|job| job.pause.is_none()));
            for unknown in [handle.pause("none", "why"), handle.resume("none"), handle.resume("no name!")] {
                assert!(matches!(unknown, Err(ControlError::UnknownJob { .. })));
            }
            shut_down(&handle).await;
        });
    }
}

#[test]
fn fire_times_of_all_jobs_come_in_order_and_runs_of_a_limited_job_are_counted() {
    runtimes()[0].block_on(async {
        let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
        let cron = |text: &str| Trigger::cron(text, &Zone::utc()).expect("a cron");
        let jobs = [
            Job::new("half-past", cron("30 * * * *"), |_| async {}).runs_max(2),
            Job::new("sharp", [cron("0 * * * *"), cron("0 12 * * *")], |_| async {}),
            Job::new("off", (), |_| async {}),
        ];
        let handle = scheduler(jobs).start().expect("a runtime is there");
        let upcoming = handle.upcoming(at("2126-01-01T10:00:00Z"), 6);
        let told: Vec<_> =
            upcoming.iter().map(|next| format!("{} {}", next.due.format("%H:%M"), next.job)).collect();
        let expected = [
            "10:30 half-past",
            "11:00 sharp",
            "11:30 half-past",
            "12:00 sharp",
            "13:00 sharp",
            "14:00 sharp",
        ];
        assert_eq!(told, expected);
        assert_eq!(handle.upcoming(at("2126-01-01T10:00:00Z"), 0), []);
        shut_down(&handle).await;
    });
}

#[test]
fn a_job_whose_only_fire_time_has_passed_is_there_and_finished() {
    for runtime in runtimes().into_iter().chain([paused()]) {
        runtime.block_on(async {
            let passed = Trigger::at("2025-01-01T00:00:00Z", &Zone::utc()).expect("an instant");
            let handle = start_at("2026-01-01T00:00:00Z", [Job::new("before", passed.clone(), |_| async {})]);
            handle.add(Job::new("later", passed, |_| async {})).expect("a sound job");
            for job in handle.list() {
                assert!(job.is_finished && job.next.is_none() && job.last.is_none(), "{job:?}");
            }
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_job_with_a_limited_number_of_runs_finishes_and_can_still_be_asked_for() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let twice = Job::new("twice", super::every(10), |_| async {}).runs_max(2);
            let handle = scheduler([twice]).start().expect("a runtime is there");
            let mut events = handle.events();
            let mut runs = Vec::new();
            while runs.len() < 2 {
                runs.push(started(&mut events).await.number);
            }
            assert_eq!(runs, [1, 2]);
            while !handle.get("twice").expect("it is there").running.is_empty() {
                next(&mut events).await.expect("it goes on");
            }
            let job = handle.get("twice").expect("it is there");
            assert!(job.is_finished && job.next.is_none());
            assert!(job.pause.is_none());
            handle.trigger("twice").expect("it is there").await.expect("its end");
            assert_eq!(handle.stats("twice").expect("there").count(Outcome::Succeeded), 3);
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_job_with_a_fixed_delay_is_due_again_after_its_end() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let delayed = Job::new("delayed", (), |_| async {}).delay_after(Duration::from_millis(5));
            let handle = scheduler([delayed]).start().expect("a runtime is there");
            let mut events = handle.events();
            let mut last_end = None;
            let mut ended = 0;
            while ended < 3 {
                if let Event::RunFinished(row) = &next(&mut events).await.expect("it goes on").event {
                    let began = row.fire_time;
                    assert!(last_end.is_none_or(|end| began >= end + TimeDelta::milliseconds(5)));
                    last_end = row.finished_at;
                    ended += 1;
                }
            }
            let both = Job::new("both", hourly(), |_| async {}).delay_after(Duration::from_secs(1));
            assert!(matches!(handle.add(both), Err(AddError::DelayAndTriggers { .. })));
            shut_down(&handle).await;
        });
    }
}

#[test]
fn the_past_is_made_up_for_on_request() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let (told, mut asked_for) = tokio::sync::mpsc::unbounded_channel();
            let cron = Trigger::cron("0 6 * * *", &Zone::utc()).expect("a cron");
            let report = Job::new("report", cron, move |context| {
                let _ = told.send(context.fire_time.to_rfc3339());
                async {}
            });
            let handle = scheduler([report]).start().expect("a runtime is there");
            handle.pause("report", "which holds nothing back").expect("it is there");
            let at = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
            let next = next_of(&handle, "report");
            let (from, until) = (at("2026-03-01T06:00:00Z"), at("2026-03-03T06:00:00Z"));
            // The beginning is part of a range and its end is not.
            let runs = handle.backfill("report", from..until).expect("it is there");
            assert_eq!(runs.len(), 2);
            for run in runs {
                let row = run.await.expect("its end");
                assert_eq!((row.outcome, row.cause), (Outcome::Succeeded, "backfill"));
            }
            assert_eq!(asked_for.recv().await.as_deref(), Some("2026-03-01T06:00:00+00:00"));
            assert_eq!(asked_for.recv().await.as_deref(), Some("2026-03-02T06:00:00+00:00"));
            assert_eq!(next_of(&handle, "report"), next);
            assert!(handle.backfill("report", until..from).expect("it is there").is_empty());
            let ever = DateTime::<Utc>::MIN_UTC;
            assert!(handle.backfill("report", until..ever).expect("it is there").is_empty());
            assert!(handle.backfill("report", ever..ever).expect("it is there").is_empty());
            let most = handle.backfill("report", at("2016-01-01T00:00:00Z")..until);
            let Err(ControlError::TooMany { count: 3714, most: 1000, .. }) = most else { panic!("{most:?}") };
            let unknown = handle.backfill("none", from..until).expect_err("there is none");
            assert_eq!(unknown, ControlError::UnknownJob { job: "none".to_owned() });
            shut_down(&handle).await;
            assert_eq!(handle.backfill("report", from..until).expect_err("stopped"), ControlError::Stopped);
        });
    }
}

#[test]
fn a_run_is_cancelled_by_its_name_and_then_there_is_none() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle = scheduler([lasting("job")]).start().expect("a runtime is there");
            let mut events = handle.events();
            let asked = handle.trigger("job").expect("it is there");
            let run = started(&mut events).await;
            assert_eq!(handle.get("job").expect("it is there").running, std::slice::from_ref(&run));
            handle.cancel_run(&run).expect("it runs");
            let row = asked.await.expect("its end");
            assert_eq!((row.outcome, row.reason.as_deref()), (Outcome::Cancelled, Some("request")));
            let ended = handle.cancel_run(&run).expect_err("it has ended");
            assert_eq!(ended.to_string(), "there is no run `job#1` under way");
            shut_down(&handle).await;
        });
    }
}

#[test]
fn a_job_runs_after_others_that_come_later() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let second = Job::new("second", (), |context| async move {
                let first = context.after.expect("it was made due by a finish");
                assert_eq!(first.run.to_string(), "first#1");
            });
            let handle =
                scheduler([second.after(["first"], AfterOn::Finish)]).start().expect("a runtime is there");
            let mut events = handle.events();
            let circle = Job::new("first", (), |_| async {}).after_any(["other", "second"], AfterOn::Success);
            assert!(matches!(handle.add(circle), Err(AddError::AfterItself { .. })));
            handle.add(Job::new("first", (), |_| async {})).expect("a sound job");
            handle.trigger("first").expect("it is there").await.expect("its end");
            let row = loop {
                if let Event::RunFinished(row) = &next(&mut events).await.expect("it goes on").event
                    && row.job == "second"
                {
                    break row.clone();
                }
            };
            assert_eq!((row.outcome, row.cause), (Outcome::Succeeded, "dependency"));
            shut_down(&handle).await;
        });
    }
    let mut before = scheduler([Job::new("a", (), |_| async {}).after(["b"], AfterOn::Success)]);
    let circle = Job::new("b", (), |_| async {}).after(["a"], AfterOn::Success);
    assert!(matches!(before.add(circle), Err(AddError::AfterItself { .. })));
}

#[test]
fn jobs_add_change_and_remove_jobs_and_themselves() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let (told, mut done) = tokio::sync::mpsc::unbounded_channel();
            let busy = Job::new("busy", (), move |context| {
                let told = told.clone();
                async move {
                    let scheduler = context.scheduler;
                    scheduler.add(idle("child")).expect("a sound job");
                    scheduler.update("child", |job| job.description("grown up")).expect("a sound change");
                    scheduler.pause("child", "it is tired").expect("it is there");
                    scheduler.remove("child", Running::Cancel).expect("it is there").await;
                    scheduler.update("busy", |job| job.max_instances(2)).expect("a sound change");
                    // Which waits for all its runs but this one.
                    scheduler.remove("busy", Running::Cancel).expect("it is there").await;
                    context.cancel.cancelled().await;
                    let _ = told.send(scheduler.list().len());
                }
            });
            let handle = scheduler([busy]).start().expect("a runtime is there");
            let asked = handle.trigger("busy").expect("it is there");
            assert_eq!(done.recv().await, Some(0));
            assert_eq!(asked.await.expect("its end").outcome, Outcome::Cancelled);
            shut_down(&handle).await;
        });
    }
}

#[test]
fn after_the_end_every_change_says_so_and_what_was_can_be_read() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let handle = scheduler([idle("job")]).start().expect("a runtime is there");
            handle.trigger("job").expect("it is there").await.expect("its end");
            shut_down(&handle).await;
            let stopped = ControlError::Stopped;
            assert_eq!(handle.add(idle("new")), Err(AddError::Stopped));
            assert_eq!(handle.update("job", |job| job), Err(AddError::Stopped));
            assert_eq!(handle.pause("job", "why"), Err(stopped.clone()));
            assert_eq!(handle.resume("job"), Err(stopped.clone()));
            assert_eq!(handle.pause_all("why"), Err(stopped.clone()));
            assert_eq!(handle.resume_all(), Err(stopped.clone()));
            assert_eq!(handle.remove("job", Running::Leave).expect_err("it has stopped"), stopped);
            let run = handle.history("job", 1)[0].run.clone().expect("it ran");
            let run = run.parse().expect("a run's name");
            assert_eq!(handle.cancel_run(&run), Err(stopped));
            assert_eq!(handle.stats("job").expect("it was there").count(Outcome::Succeeded), 1);
            assert_eq!(handle.get("job").expect("it was there").last, handle.history("job", 1).pop());
        });
    }
}

#[test]
fn numbers_of_a_job_that_are_zero_are_refused() {
    let mut scheduler = Scheduler::builder().build();
    for (job, what) in [
        (idle("job").max_instances(0), "max_instances"),
        (idle("job").runs_max(0), "runs_max"),
        (lasting("job").delay_after(Duration::ZERO), "delay_after"),
    ] {
        let refused = scheduler.add(job).expect_err("it is 0").to_string();
        assert_eq!(refused, format!("job `job` has `{what}` 0; expected more than 0"));
    }
}

#[test]
fn each_job_has_its_own_draw_of_an_h_and_keeps_it() {
    let drawn = || Trigger::cron("H H * * *", &Zone::utc()).expect("a cron");
    let jobs = || ["a", "b", "c"].map(|name| Job::new(name, Trigger::any([drawn()]), |_| async {}));
    let begun = |seed: &str| {
        let mut scheduler = Scheduler::builder().seed(seed).build();
        for job in jobs() {
            scheduler.add(job).expect("a sound job");
        }
        scheduler.start().expect("a runtime is there")
    };
    runtimes()[0].block_on(async {
        let (one, same, other) = (begun("seed"), begun("seed"), begun("other"));
        let all = |handle: &Handle| ["a", "b", "c"].map(|job| next_of(handle, job).expect("one to come"));
        let times = all(&one);
        assert!(times[0] != times[1] && times[1] != times[2] && times[0] != times[2], "{times:?}");
        assert_eq!(all(&same), times);
        assert_ne!(all(&other), times);
        one.update("a", |job| job.description("changed")).expect("a sound change");
        assert_eq!(all(&one), times);
        for handle in [one, same, other] {
            shut_down(&handle).await;
        }
    });
}
