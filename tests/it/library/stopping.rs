//! Stopping: R18 to R23.

use super::{every, next, runtimes, scheduler};
use runner::{Event, Job, Outcome, Phase, Scheduler, ShutdownGrace};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A job that tells that it has begun, and then goes on for as long as `work` takes.
fn begun<F, Fut>(work: F) -> (Job, Arc<Notify>)
where
    F: Fn(runner::RunContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let job = Job::new("job", every(10), move |context| {
        told.notify_one();
        work(context)
    });
    (job, begun)
}

#[test]
fn a_shutdown_waits_for_what_runs_and_is_the_last_that_is_told() {
    for runtime in runtimes() {
        let release = Arc::new(Notify::new());
        let held = Arc::clone(&release);
        let (job, begun) = begun(move |_| {
            let held = Arc::clone(&held);
            async move { held.notified().await }
        });
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            let mut events = handle.events();
            begun.notified().await;
            let shutdown = tokio::spawn({
                let handle = handle.clone();
                async move { handle.shutdown(ShutdownGrace::secs(60)).await }
            });
            while handle.phase() == Phase::Running {
                tokio::task::yield_now().await;
            }
            assert!(!shutdown.is_finished());
            release.notify_one();
            let report = shutdown.await.expect("no panic");
            assert_eq!(report.finished.iter().map(ToString::to_string).collect::<Vec<_>>(), ["job#1"]);
            assert_eq!(handle.phase(), Phase::Stopped);
            let (mut last, mut number) = (None, None);
            while let Some(event) = next(&mut events).await {
                assert!(number.is_none_or(|number| event.number == number + 1));
                number = Some(event.number);
                last = Some(event);
            }
            let last = last.expect("there were events");
            assert!(
                matches!(&last.event, Event::RunFinished(row) if row.outcome == Outcome::Succeeded)
                    || matches!(&last.event, Event::FireTimeClosed(_)),
                "{last:?}"
            );
        });
    }
}

#[test]
fn all_that_ask_get_the_same_report_also_later() {
    for runtime in runtimes() {
        let (job, begun) = begun(|context| async move { context.cancel.cancelled().await });
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            begun.notified().await;
            let (one, other) = (handle.clone(), handle.clone());
            let (one, other) = tokio::join!(
                one.shutdown(ShutdownGrace::cancel_now(60)),
                other.shutdown(ShutdownGrace::secs(1))
            );
            assert_eq!(one, other);
            assert_eq!(handle.shutdown(ShutdownGrace::secs(0)).await, one);
            assert_eq!(one.cancelled.len() + one.finished.len(), 1);
        });
    }
}

#[test]
fn async_code_that_does_not_heed_its_cancellation_is_dropped() {
    for runtime in runtimes() {
        let (job, begun) = begun(|_| std::future::pending());
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            begun.notified().await;
            let grace = ShutdownGrace { drain: Duration::ZERO, cancel: Duration::from_millis(20) };
            let report = handle.shutdown(grace).await;
            assert_eq!(report.aborted.len(), 1, "{report:?}");
        });
    }
}

#[test]
fn blocking_code_that_does_not_heed_its_cancellation_is_named_and_not_waited_for() {
    for runtime in runtimes() {
        // It goes on until this is dropped.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Mutex::new(held);
        let job = Job::blocking("job", (), move |_| held.lock().expect("no panic").recv().unwrap_or(()));
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            let mut events = handle.events();
            let run = handle.trigger("job").expect("it is there");
            while !matches!(next(&mut events).await.expect("it starts").event, Event::RunStarted(_)) {}
            let grace = ShutdownGrace { drain: Duration::ZERO, cancel: Duration::from_millis(20) };
            let report = handle.shutdown(grace).await;
            assert_eq!(report.still_running.iter().map(ToString::to_string).collect::<Vec<_>>(), ["job#1"]);
            assert!(report.aborted.is_empty() && report.cancelled.is_empty(), "{report:?}");
            drop((run, release));
        });
    }
}

#[test]
fn a_run_may_shut_its_own_scheduler_down() {
    for runtime in runtimes() {
        let report = Arc::new(Mutex::new(None));
        let told = Arc::clone(&report);
        let job = Job::new("job", every(10), move |context| {
            let told = Arc::clone(&told);
            async move {
                let report = context.scheduler.shutdown(ShutdownGrace::secs(60)).await;
                *told.lock().expect("no panic") = Some(report);
            }
        });
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            let mut events = handle.events();
            while next(&mut events).await.is_some() {}
            assert_eq!(handle.phase(), Phase::Stopped);
        });
        let report = report.lock().expect("no panic").take().expect("it came back");
        assert_eq!(report.still_running.len(), 1, "{report:?}");
    }
}

#[test]
fn one_that_was_stopped_from_within_does_not_wait_for_the_stop_from_without() {
    for runtime in runtimes() {
        let job = Job::new("job", every(10), |context| async move { context.scheduler.stop() });
        runtime.block_on(async {
            let never = std::future::pending::<()>();
            let report = scheduler([job]).run_until(never, ShutdownGrace::secs(60)).await;
            assert!(report.expect("a runtime is there").still_running.is_empty());
        });
    }
}

#[test]
fn when_the_last_handle_is_dropped_nothing_new_starts() {
    for runtime in runtimes() {
        let (job, begun) = begun(|_| async {});
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            let mut events = handle.events();
            begun.notified().await;
            drop(handle.clone());
            begun.notified().await;
            drop(handle);
            while next(&mut events).await.is_some() {}
        });
    }
}

#[test]
fn who_forgets_to_shut_down_is_warned_of_what_runs() {
    // In a process of its own, because a logger is the whole process's.
    let inner = "library::stopping::inner_forgets";
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", inner, "--ignored", "--test-threads=1", "--nocapture"];
    let output = std::process::Command::new(program).args(arguments).env("RUST_LOG", "warn").output();
    let output = output.expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    let warning = "the last handle of a scheduler was dropped while 1 run was under way";
    assert_eq!(told.matches(warning).count(), 2, "{told}");
}

#[test]
#[ignore = "run by `who_forgets_to_shut_down_is_warned_of_what_runs`, alone in its process"]
fn inner_forgets() {
    env_logger::init();
    for runtime in runtimes() {
        let (job, begun) = begun(|_| std::future::pending::<()>());
        runtime.block_on(async {
            let handle = scheduler([job]).start().expect("a runtime is there");
            begun.notified().await;
            drop(handle);
        });
    }
}

/// One whose disk never comes back.
struct Stuck;

impl runner::ledger::Ledger for Stuck {
    fn write(&mut self, _: Vec<runner::model::Record>) -> runner::ledger::Answers {
        Box::pin(std::future::pending())
    }
}

#[test]
fn a_ledger_that_never_answers_holds_up_no_shutdown_for_ever() {
    for runtime in runtimes() {
        let mut scheduler = Scheduler::builder().ledger(Stuck).build();
        scheduler.add(Job::new("job", (), |_| async {})).expect("a sound job");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let run = handle.trigger("job").expect("it is there");
            handle.shutdown(ShutdownGrace::cancel_now(0)).await;
            assert!(run.await.is_err(), "nobody knows its end");
            assert_eq!(handle.phase(), Phase::Stopped);
        });
    }
}
