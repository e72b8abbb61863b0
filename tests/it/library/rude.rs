//! Code of the program where nobody expects it: what panics beside the job itself, and what asks the scheduler while it
//! is dropped. Nothing waits for ever.

use super::crowd::ends;
use super::{at, paused, scheduler, start_at};
use chrono::TimeDelta;
use runner::{
    Coalesce, Conflict, Grace, Handle, Job, LocalJob, LocalScheduler, Outcome, Phase, RunContext, Running,
    ShutdownGrace, Trigger,
};
use std::fmt;
use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// An error that cannot be told.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Unspeakable {}

/// Panics when it is dropped, but for a panic that is under way.
struct Brittle;

impl Drop for Brittle {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "it broke");
    }
}

/// Looks at the scheduler when it is dropped.
struct Curious(Handle, Arc<AtomicUsize>);

impl Drop for Curious {
    fn drop(&mut self) {
        let _ = self.0.list();
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

const BRIEF: Duration = Duration::from_millis(1);

fn unspeakable() -> Result<(), Unspeakable> {
    Err(Unspeakable)
}

fn throw() {
    panic_any(Brittle);
}

async fn hold_on() {
    let _brittle = Brittle;
    std::future::pending::<()>().await;
}

#[test]
fn an_attempt_ends_whatever_panics_around_it() {
    ends(|runtime| {
        let jobs = [
            Job::new("async_error", (), |_| async { unspeakable() }),
            Job::blocking("blocking_error", (), |_| unspeakable()),
            Job::new("async_panic", (), |_| async { throw() }),
            Job::blocking("blocking_panic", (), |_| throw()),
            Job::new("dropped", (), |_| hold_on()).timeout(BRIEF).kill_after(BRIEF),
        ];
        runtime.block_on(async {
            let handle = scheduler(jobs).start().expect("a runtime is there");
            for (job, outcome, reason) in EXPECTED {
                let row = handle.trigger(job).expect("it is there").await.expect("its end");
                assert_eq!((row.outcome, row.reason.as_deref()), (outcome, reason), "{job}");
            }
            let report = handle.shutdown(ShutdownGrace::secs(5)).await;
            assert!(report.still_running.is_empty(), "{report:?}");
        });
    });
}

const EXPECTED: [(&str, Outcome, Option<&str>); 5] = [
    ("async_error", Outcome::Failed, Some("panicked: no words")),
    ("blocking_error", Outcome::Failed, Some("panicked: no words")),
    ("async_panic", Outcome::Failed, Some("panicked: with no message")),
    ("blocking_panic", Outcome::Failed, Some("panicked: with no message")),
    ("dropped", Outcome::TimedOut, None),
];

#[test]
fn a_local_attempt_that_panics_when_it_is_dropped_ends_nothing_else() {
    ends(|runtime| {
        let mut local = LocalScheduler::from(scheduler([Job::new("next", (), |_| async {})]));
        let dropped = LocalJob::new("dropped", (), |_| hold_on());
        local.add(dropped.with(|job| job.timeout(BRIEF).kill_after(BRIEF))).expect("a sound job");
        runtime.block_on(async {
            let (handle, driver) = local.start().expect("a runtime is there");
            let rest = async {
                let row = handle.trigger("dropped").expect("it is there").await.expect("its end");
                assert_eq!(row.outcome, Outcome::TimedOut);
                let row = handle.trigger("next").expect("it is there").await.expect("its end");
                assert_eq!(row.outcome, Outcome::Succeeded);
                handle.shutdown(ShutdownGrace::secs(5)).await;
            };
            tokio::join!(driver, rest);
        });
    });
}

#[test]
fn what_a_job_holds_may_ask_the_scheduler_while_it_is_dropped() {
    type Change = fn(&Handle, Job);
    let changes: [(&str, Change, usize); 5] = [
        ("remove", |handle, _| drop(handle.remove("job", Running::Leave).expect("it is there")), 1),
        ("replace", |handle, job| handle.add(job.on_conflict(Conflict::Replace)).expect("a sound job"), 1),
        ("upsert", |handle, job| handle.add(job.on_conflict(Conflict::Upsert)).expect("a sound job"), 1),
        ("keep", |handle, job| handle.add(job.on_conflict(Conflict::Keep)).expect("nothing changes"), 1),
        ("error", |handle, job| drop(handle.add(job).expect_err("there is one")), 1),
    ];
    for (what, change, expected) in changes {
        ends(move |runtime| {
            runtime.block_on(async {
                let handle = scheduler([]).start().expect("a runtime is there");
                let dropped = Arc::new(AtomicUsize::new(0));
                let holding = || {
                    let curious = Curious(handle.clone(), Arc::clone(&dropped));
                    Job::new("job", (), move |_| {
                        let _ = &curious;
                        async {}
                    })
                };
                handle.add(holding()).expect("a sound job");
                change(&handle, holding());
                handle.shutdown(ShutdownGrace::secs(5)).await;
                assert!(dropped.load(Ordering::SeqCst) >= expected, "{what}");
            });
        });
    }
}

#[test]
fn the_last_handle_may_be_dropped_with_the_job_that_holds_it() {
    ends(|runtime| {
        let removing = Job::new("removing", (), |context: RunContext| async move {
            context.scheduler.remove("holding", Running::Leave).expect("it is there").await;
        });
        runtime.block_on(async {
            let handle = scheduler([removing]).start().expect("a runtime is there");
            let mut events = handle.events();
            let held = handle.clone();
            let holding = Job::new("holding", (), move |_| {
                let _ = &held;
                async {}
            });
            handle.add(holding).expect("a sound job");
            let removed = handle.trigger("removing").expect("it is there");
            drop(handle);
            assert_eq!(removed.await.expect("its end").outcome, Outcome::Succeeded);
            // Nobody wants it to run any more, so it ends.
            while events.next().await.is_some() {}
        });
    });
}

#[test]
fn a_trigger_whose_code_asks_its_scheduler_is_exhausted_and_holds_up_nobody() {
    ends(|runtime| {
        runtime.block_on(async {
            let handle = scheduler([]).start().expect("a runtime is there");
            let asked = handle.clone();
            let asking =
                Trigger::custom("asking", move |after| (asked.list().len() < 9).then_some(after + BRIEF));
            handle.add(Job::new("asking", asking, |_| async {})).expect("a sound job");
            let status = handle.get("asking").expect("it is there");
            assert_eq!((status.next, status.is_finished), (None, true));
            let row = handle.trigger("asking").expect("it is there").await.expect("its end");
            assert_eq!(row.outcome, Outcome::Succeeded);
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    });
}

#[test]
fn triggers_that_are_not_pure_and_counts_without_end_stop_no_scheduler() {
    paused().block_on(async {
        let fickle = |calls: Arc<AtomicUsize>| {
            let accepts = move |_| !calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(3);
            Trigger::every(Duration::from_secs(1)).expect("a period").filter(accepts)
        };
        let fickle = || fickle(Arc::default());
        let all = Trigger::every(Duration::from_secs(1)).expect("a period").filter(|_| true);
        let once = Trigger::once(at("2026-01-01T00:00:05Z")).expect("a year that can be written");
        let jobs = [
            Job::new("latest", fickle(), |_| async {}).misfire_grace_time(Grace::Any),
            Job::new("earliest", fickle(), |_| async {}).coalesce(Coalesce::Earliest),
            Job::new("all", fickle(), |_| async {}).coalesce(Coalesce::All),
            Job::new("endless", all, |_| async {}),
            Job::new("jitter", once, |_| async {}).jitter(Duration::MAX),
        ];
        let handle = start_at("2026-01-01T00:00:00Z", jobs);
        let mut wall = handle.now();
        for step in [2, 60, 3_599, 3_600, 3_601, 86_400, 20 * 86_400] {
            wall += TimeDelta::seconds(step);
            handle.set_wall_clock(wall);
            handle.advance(Duration::from_secs(5)).await;
            assert_eq!(handle.phase(), Phase::Running, "after a step of {step} s");
        }
        let report = handle.shutdown(ShutdownGrace::secs(5)).await;
        assert!(report.still_running.is_empty(), "{report:?}");
    });
}
