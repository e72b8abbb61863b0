//! Code that stays on its thread: R25.

use super::{HOUR, at, every, next, paused, runtimes};
use runner::{
    Event, Events, Handle, Job, LocalJob, LocalScheduler, Outcome, Phase, RunContext, RunId, Scheduler,
    ShutdownGrace, StartError,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::rc::Rc;
use std::thread::{self, ThreadId};
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Notify;
use tokio::task::{LocalSet, yield_now};

const GRACE: ShutdownGrace = ShutdownGrace::secs(60);

/// Tries it wherever code can be polled that stays on its thread.
fn everywhere<F: Future<Output = ()>>(test: impl Fn() -> F) {
    for runtime in runtimes() {
        runtime.block_on(test());
        LocalSet::new().block_on(&runtime, test());
    }
    let local = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    local.expect("a runtime").block_on(test());
}

fn local(jobs: impl IntoIterator<Item = LocalJob>) -> LocalScheduler {
    let mut scheduler = LocalScheduler::from(Scheduler::builder().build());
    for job in jobs {
        scheduler.add(job).expect("a sound job");
    }
    scheduler
}

/// Starts it, and shuts it down after `program`.
async fn beside<F: Future<Output = ()>>(scheduler: LocalScheduler, program: impl FnOnce(Handle) -> F) {
    let (handle, driver) = scheduler.start().expect("a runtime is there");
    let program = async {
        program(handle.clone()).await;
        handle.shutdown(GRACE).await;
    };
    tokio::join!(driver, program);
    assert_eq!(handle.phase(), Phase::Stopped);
}

async fn outcome(handle: &Handle, job: &str) -> (Outcome, Option<String>) {
    let row = handle.trigger(job).expect("it is there").await.expect("its end");
    (row.outcome, row.reason.clone())
}

#[test]
fn r25_code_may_hold_across_await_what_no_other_thread_may_see() {
    everywhere(|| async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let seeing = Rc::clone(&seen);
        let enough = Rc::new(Notify::new());
        let told = Rc::clone(&enough);
        let job = LocalJob::new("job", every(10), move |context: RunContext| {
            let (seen, enough) = (Rc::clone(&seeing), Rc::clone(&told));
            async move {
                let run = Rc::new(context.run.to_string());
                yield_now().await;
                seen.borrow_mut().push(run);
                if seen.borrow().len() == 3 {
                    enough.notify_one();
                }
            }
        });
        let report = local([job]).run_until(enough.notified(), GRACE).await.expect("a runtime is there");
        assert!(report.aborted.is_empty() && report.still_running.is_empty(), "{report:?}");
        let seen: Vec<_> = seen.borrow().iter().take(3).map(ToString::to_string).collect();
        assert_eq!(seen, ["job#1", "job#2", "job#3"]);
    });
}

#[test]
fn jobs_of_all_kinds_run_side_by_side_and_async_code_on_this_thread() {
    everywhere(|| async {
        let here = thread::current().id();
        let on_this = move |thread: ThreadId| if thread == here { Ok(()) } else { Err("on another thread") };
        let jobs = [
            LocalJob::new("local", (), move |_| async move { on_this(thread::current().id()) }),
            Job::new("async", (), move |_| async move { on_this(thread::current().id()) }).into(),
            Job::blocking("blocking", (), move |_| on_this(thread::current().id())).into(),
            Job::command("command", (), ["true"]).into(),
            LocalJob::new("failing", (), |_| async { Err::<(), _>("no luck") }),
            LocalJob::new("panicking", (), |_| async { assert!(thread::panicking(), "number {}", 7) }),
        ];
        beside(local(jobs), async |handle| {
            let later = Job::new("later", (), move |_| async move { on_this(thread::current().id()) });
            handle.add(later).expect("a sound job");
            let mut ends = BTreeMap::new();
            for job in ["failing", "panicking", "local", "async", "blocking", "command", "later"] {
                let (outcome, reason) = outcome(&handle, job).await;
                ends.insert(job, if outcome == Outcome::Succeeded { None } else { reason });
            }
            let failed: Vec<_> = ends.iter().filter_map(|(job, end)| Some((*job, end.as_deref()?))).collect();
            let expected = [
                ("blocking", "on another thread"),
                ("failing", "no luck"),
                ("panicking", "panicked: number 7"),
            ];
            assert_eq!(failed, expected);
        })
        .await;
    });
}

#[test]
fn what_runs_is_cancelled_dropped_or_may_end_as_ever() {
    everywhere(|| async {
        let dropped = Rc::new(Cell::new(false));
        let told = Rc::clone(&dropped);
        let heeding = LocalJob::new("heeding", (), |context| async move { context.cancel.cancelled().await });
        let deaf = LocalJob::new("deaf", (), move |_| {
            let alive = OnDrop(Rc::clone(&told));
            async move {
                std::future::pending::<()>().await;
                drop(alive);
            }
        });
        let (handle, driver) = local([heeding, deaf]).start().expect("a runtime is there");
        let program = async {
            let mut events = handle.events();
            let cancelled = handle.trigger("heeding").expect("it is there");
            let run = started(&mut events).await;
            handle.cancel_run(&run).expect("it runs");
            assert_eq!(cancelled.await.expect("its end").outcome, Outcome::Cancelled);
            for job in ["heeding", "deaf"] {
                drop(handle.trigger(job).expect("it is there"));
                started(&mut events).await;
            }
            handle.shutdown(ShutdownGrace { drain: Duration::ZERO, cancel: Duration::from_millis(20) }).await
        };
        let ((), report) = tokio::join!(driver, program);
        let names = |runs: &BTreeSet<RunId>| runs.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&report.cancelled), ["heeding#2"]);
        assert_eq!(names(&report.aborted), ["deaf#1"]);
        assert!(dropped.get());
    });
}

async fn started(events: &mut Events) -> RunId {
    loop {
        if let Event::RunStarted(started) = &next(events).await.expect("it starts").event {
            return started.run.clone();
        }
    }
}

struct OnDrop(Rc<Cell<bool>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn a_run_may_shut_its_own_scheduler_down_and_then_nobody_waits_for_the_stop() {
    everywhere(|| async {
        let report = Rc::new(RefCell::new(None));
        let told = Rc::clone(&report);
        let job = LocalJob::new("job", every(10), move |context: RunContext| {
            let told = Rc::clone(&told);
            async move {
                let report = context.scheduler.shutdown(GRACE).await;
                *told.borrow_mut() = Some(report);
            }
        });
        let never = std::future::pending::<()>();
        local([job]).run_until(never, GRACE).await.expect("a runtime is there");
        assert_eq!(report.take().expect("it came back").still_running.len(), 1);
    });
}

#[test]
fn when_its_driver_is_dropped_nothing_is_left() {
    everywhere(|| async {
        let dropped = Rc::new(Cell::new(false));
        let told = Rc::clone(&dropped);
        let begun = Rc::new(Notify::new());
        let tell = Rc::clone(&begun);
        let job = LocalJob::new("job", (), move |_| {
            let alive = OnDrop(Rc::clone(&told));
            tell.notify_one();
            async move {
                std::future::pending::<()>().await;
                drop(alive);
            }
        });
        let (handle, driver) = local([job]).start().expect("a runtime is there");
        let run = handle.trigger("job").expect("it is there");
        tokio::select! {
            () = driver => panic!("nobody has stopped it"),
            () = begun.notified() => {}
        }
        assert!(dropped.get());
        assert_eq!(handle.phase(), Phase::Stopped);
        assert!(run.await.is_err());
    });
}

#[test]
fn policies_are_chosen_as_those_of_other_jobs_and_time_can_be_moved() {
    paused().block_on(async {
        let mut scheduler =
            LocalScheduler::from(Scheduler::builder().start_at(at("2026-01-01T00:00:00Z")).build());
        let slow = LocalJob::new("slow", every(60_000), |_| tokio::time::sleep(HOUR));
        scheduler.add(slow.with(|job| job.timeout(Duration::from_secs(10)))).expect("a sound job");
        let twice = LocalJob::new("slow", (), |_| async {});
        assert!(scheduler.add(twice).is_err());
        beside(scheduler, async |handle| {
            handle.advance(HOUR).await;
            let rows = handle.history("slow", 99);
            assert!(rows.iter().all(|row| row.outcome == Outcome::TimedOut));
            assert_eq!(rows.len(), 20);
            assert_eq!(handle.now(), at("2026-01-01T01:00:00Z"));
        })
        .await;
    });
}

#[test]
fn without_a_runtime_the_error_can_go_anywhere() {
    fn anywhere<T: Error + Send + Sync + 'static>(_: &T) {}
    let error = local([]).start().expect_err("there is no runtime");
    anywhere(&error);
    assert!(matches!(error, StartError::NoRuntime(())));
}

#[test]
fn code_of_a_local_scheduler_is_not_run_by_another() {
    everywhere(|| async {
        let elsewhere = super::scheduler([]).start().expect("a runtime is there");
        let job = LocalJob::new("job", (), |_| async {});
        beside(local([job]), async |handle| {
            let taken = Cell::new(None);
            let take = |job: Job| {
                taken.set(Some(job.clone()));
                job
            };
            handle.update("job", take).expect("it is there");
            assert_eq!(outcome(&handle, "job").await.0, Outcome::Succeeded);
            elsewhere.add(taken.take().expect("it was there")).expect("a sound job");
            let (outcome, reason) = outcome(&elsewhere, "job").await;
            assert_eq!(
                (outcome, reason.as_deref()),
                (Outcome::Failed, Some("its code belongs to a local scheduler"))
            );
        })
        .await;
        elsewhere.shutdown(GRACE).await;
    });
}
