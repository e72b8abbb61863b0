//! What happens while it runs: R9, R14 to R17, and runs by request.

use super::{every, next, runtimes, scheduler};
use runner::{ControlError, Event, Heard, Job, Outcome, Scheduler, ShutdownGrace};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

#[test]
fn a_run_by_request_can_be_waited_for_and_moves_no_fire_time() {
    for runtime in runtimes() {
        let hourly = runner::Trigger::cron("0 * * * *", &runner::Zone::utc()).expect("a cron");
        let sound = Job::new("sound", hourly, |_| async {});
        let failing = Job::new("failing", (), |_| async { Err::<(), _>("no luck") });
        runtime.block_on(async {
            let handle = scheduler([sound, failing]).start().expect("a runtime is there");
            let now = handle.now();
            let before = handle.upcoming(now, 1);
            assert_eq!(before.iter().map(|next| next.job.as_str()).collect::<Vec<_>>(), ["sound"]);
            let row = handle.trigger("sound").expect("it is there").await.expect("its end");
            assert_eq!(
                (row.outcome, row.run.as_deref(), row.cause),
                (Outcome::Succeeded, Some("sound#1"), "manual")
            );
            assert_eq!(handle.upcoming(now, 1), before);
            let row = handle.trigger("failing").expect("it is there").await.expect("its end");
            assert_eq!((row.outcome, row.reason.as_deref()), (Outcome::Failed, Some("no luck")));
            assert_eq!(handle.history("failing", 9), [row]);
            let unknown = handle.trigger("none").expect_err("there is none");
            assert_eq!(unknown, ControlError::UnknownJob { job: "none".to_owned() });
            handle.shutdown(ShutdownGrace::secs(5)).await;
            assert_eq!(handle.trigger("sound").expect_err("it has stopped"), ControlError::Stopped);
        });
    }
}

#[test]
fn two_runs_that_are_asked_for_at_once_each_have_their_end() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let job = Job::new("job", (), |context| async move { context.cancel.cancelled().await });
            let handle = scheduler([job]).start().expect("a runtime is there");
            let first = handle.trigger("job").expect("it is there");
            let second = handle.trigger("job").expect("it is there");
            let second = second.await.expect("its end");
            assert_eq!((second.outcome, second.reason.as_deref()), (Outcome::Skipped, Some("overlap")));
            handle.shutdown(ShutdownGrace::cancel_now(60)).await;
            assert_eq!(first.await.expect("its end").outcome, Outcome::Cancelled);
        });
    }
}

#[test]
fn a_handle_goes_anywhere() {
    fn anywhere<T: Clone + Send + Sync + 'static>(_: &T) {}
    runtimes()[0].block_on(async {
        let handle = scheduler([]).start().expect("a runtime is there");
        anywhere(&handle);
        let elsewhere = handle.clone();
        std::thread::spawn(move || elsewhere.stop()).join().expect("no panic");
        handle.shutdown(ShutdownGrace::secs(5)).await;
    });
}

#[test]
fn at_most_so_many_blocking_runs_are_there_at_once_and_none_is_lost() {
    for runtime in runtimes() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut scheduler = Scheduler::builder().blocking_max(2).build();
        for number in 0..10 {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            let job = Job::blocking(format!("job-{number}"), (), move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            });
            scheduler.add(job).expect("a sound job");
        }
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let asked: Vec<_> =
                (0..10).map(|n| handle.trigger(&format!("job-{n}")).expect("it is there")).collect();
            for run in asked {
                assert_eq!(run.await.expect("its end").outcome, Outcome::Succeeded);
            }
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
    }
}

#[test]
fn async_jobs_run_while_blocking_ones_hold_all_places() {
    let runtime = &runtimes()[0];
    let release = Arc::new(Barrier::new(2));
    let held = Arc::clone(&release);
    let mut scheduler = Scheduler::builder().blocking_max(1).build();
    scheduler
        .add(Job::blocking("blocking", (), move |_| {
            held.wait();
        }))
        .expect("a sound job");
    scheduler.add(Job::new("async", (), |_| async {})).expect("a sound job");
    runtime.block_on(async {
        let handle = scheduler.start().expect("a runtime is there");
        let blocking = handle.trigger("blocking").expect("it is there");
        for _ in 0..3 {
            assert_eq!(
                handle.trigger("async").expect("it is there").await.expect("its end").outcome,
                Outcome::Succeeded
            );
        }
        tokio::task::spawn_blocking(move || release.wait()).await.expect("no panic");
        assert_eq!(blocking.await.expect("its end").outcome, Outcome::Succeeded);
        handle.shutdown(ShutdownGrace::secs(5)).await;
    });
}

#[test]
fn without_blocking_places_async_jobs_run_and_blocking_ones_are_refused() {
    for runtime in runtimes() {
        let mut scheduler = Scheduler::builder().blocking_max(0).build();
        scheduler.add(Job::new("async", (), |_| async {})).expect("a sound job");
        let refused = scheduler.add(Job::blocking("blocking", (), |_| {})).expect_err("it has no place");
        assert!(refused.to_string().contains("`blocking_max` 0; build it with 1 or more"), "{refused}");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let row = handle.trigger("async").expect("it is there").await.expect("its end");
            assert_eq!(row.outcome, Outcome::Succeeded);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn blocking_runs_that_find_no_place_even_to_wait_fail_and_take_no_memory() {
    for runtime in runtimes() {
        let release = Arc::new(Barrier::new(2));
        let held = Arc::clone(&release);
        let mut scheduler = Scheduler::builder().blocking_max(1).events_max(10_000).build();
        let holding = Job::blocking("holding", (), move |_| {
            held.wait();
        });
        scheduler.add(holding).expect("a sound job");
        scheduler.add(Job::blocking("job", (), |_| {}).max_instances(2000)).expect("a sound job");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let mut events = handle.events();
            let holding = handle.trigger("holding").expect("it is there");
            while !matches!(next(&mut events).await.expect("it starts").event, Event::RunStarted(_)) {}
            let asked: Vec<_> = (0..1025).map(|_| handle.trigger("job").expect("it is there")).collect();
            // One is too many, and all others wait.
            let refused = loop {
                if let Some(Heard::Event(event)) = events.next().await
                    && let Event::RunFinished(row) = &event.event
                {
                    break row.clone();
                }
            };
            tokio::task::spawn_blocking(move || release.wait()).await.expect("no panic");
            let why = Some("spawn_resources");
            assert_eq!((refused.outcome, refused.reason.as_deref()), (Outcome::Failed, why));
            let mut succeeded = 0;
            for run in asked {
                succeeded += usize::from(run.await.expect("its end").outcome == Outcome::Succeeded);
            }
            assert_eq!(succeeded, 1024);
            assert_eq!(holding.await.expect("its end").outcome, Outcome::Succeeded);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn async_code_that_blocks_its_thread_is_told_of() {
    for runtime in runtimes() {
        // It is the blocking itself that is told of.
        let job =
            Job::new("rude", (), |_| async { std::thread::sleep(std::time::Duration::from_millis(120)) });
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            let mut events = handle.events();
            let run = handle.trigger("rude").expect("it is there");
            loop {
                let event = next(&mut events).await.expect("it is told");
                if let Event::LoopStalled { run, lasted } = &event.event {
                    assert_eq!(run.to_string(), "rude#1");
                    assert!(lasted.as_millis() >= 100, "{lasted:?}");
                    break;
                }
            }
            run.await.expect("its end");
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn any_limit_of_events_and_history_will_do() {
    for runtime in runtimes() {
        for most in [0, usize::MAX] {
            let mut scheduler = Scheduler::builder().events_max(most).history_max(most).build();
            scheduler.add(Job::new("job", (), |_| async {})).expect("a sound job");
            runtime.block_on(async {
                let handle = scheduler.start().expect("a runtime is there");
                let row = handle.trigger("job").expect("it is there").await.expect("its end");
                assert_eq!(row.outcome, Outcome::Succeeded);
                assert_eq!(handle.history("job", 9).len(), most.min(1));
                handle.shutdown(ShutdownGrace::secs(5)).await;
            });
        }
    }
}

#[test]
fn a_slow_reader_is_told_how_much_it_has_missed_and_holds_up_nobody() {
    for runtime in runtimes() {
        let mut scheduler = Scheduler::builder().events_max(8).build();
        scheduler.add(Job::new("tick", every(10), |_| async {})).expect("a sound job");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let (mut slow, mut quick) = (handle.events(), handle.events());
            let dropped = handle.events();
            drop(dropped);
            let mut numbers = Vec::new();
            while numbers.len() < 40 {
                numbers.push(next(&mut quick).await.expect("it goes on").number);
            }
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
            let Some(Heard::Lagged(missed)) = slow.next().await else { panic!("it was slow") };
            assert!(missed >= 32, "{missed}");
            let Some(Heard::Event(event)) = slow.next().await else { panic!("and then comes what was kept") };
            assert_eq!(event.number, missed + 1);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}
