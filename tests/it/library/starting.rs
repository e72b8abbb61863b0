//! Starting: R1 to R7, R27.

use super::{every, runtimes, scheduler};
use runner::{AddError, Job, Scheduler, ShutdownGrace, StartError};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Handle as Runtime};
use tokio::sync::oneshot;

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// A job that tells once that it has run.
fn telling(name: &str) -> (Job, oneshot::Receiver<String>) {
    let (sender, receiver) = oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let job = Job::new(name, every(10), move |context| {
        let sender = sender.lock().expect("no panic").take();
        async move {
            if let Some(sender) = sender {
                let _ = sender.send(context.run.to_string());
            }
        }
    });
    (job, receiver)
}

#[test]
fn without_a_runtime_it_says_what_to_do_and_comes_back_with_its_jobs() {
    let (job, ran) = telling("tick");
    let scheduler = scheduler([job]);
    let error = scheduler.start().expect_err("there is no runtime");
    assert!(matches!(error, StartError::NoRuntime(_)));
    let text = error.to_string();
    assert!(text.contains("#[tokio::main]") && text.contains("Runtime::enter"), "{text}");
    assert!(Runtime::try_current().is_err());
    let scheduler = error.into_scheduler().expect("it comes back");
    runtimes()[0].block_on(async {
        let handle = scheduler.start().expect("a runtime is there");
        assert_eq!(ran.await.expect("it runs"), "tick#1");
        handle.shutdown(ShutdownGrace::secs(5)).await;
    });
}

#[test]
fn its_errors_pass_through_question_marks() {
    fn start(mut scheduler: Scheduler) -> anyhow::Result<()> {
        scheduler.add(telling("tock").0)?;
        let handle = scheduler.start()?;
        handle.pause("tock", "it is only a test")?;
        Ok(())
    }
    let error = start(scheduler([telling("tick").0])).expect_err("there is no runtime");
    assert!(matches!(error.downcast_ref::<StartError>(), Some(StartError::NoRuntime(_))));
}

#[test]
fn a_start_that_failed_has_made_no_thread() {
    // In a process of its own, because other tests start threads.
    let inner = "library::starting::inner_no_thread";
    let program = std::env::current_exe().expect("this program");
    let output = std::process::Command::new(program)
        .args(["--exact", inner, "--ignored", "--test-threads=1"])
        .output()
        .expect("it can be run");
    assert!(output.status.success(), "{output:?}");
}

#[test]
#[ignore = "run by `a_start_that_failed_has_made_no_thread`, alone in its process"]
fn inner_no_thread() {
    let before = threads();
    let error = scheduler([telling("tick").0]).start().expect_err("there is no runtime");
    assert_eq!(threads(), before);
    drop(error);
}

#[test]
fn a_runtime_without_timers_is_told_from_one_that_has_them() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let error = runtime.block_on(async { scheduler([telling("tick").0]).start() }).expect_err("no timers");
    assert!(matches!(error, StartError::TimeDisabled(_)));
    assert!(error.to_string().contains("enable_time"), "{error}");
    assert!(error.into_scheduler().is_some());
}

#[test]
fn timers_are_enough() {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (job, ran) = telling("tick");
    runtime.block_on(async {
        let handle = scheduler([job]).start().expect("timers are there");
        ran.await.expect("it runs");
        handle.shutdown(ShutdownGrace::secs(5)).await;
    });
}

#[test]
fn it_is_bound_to_the_runtime_that_it_was_started_in() {
    for runtime in runtimes() {
        let handle = {
            let _entered = runtime.enter();
            scheduler([telling("tick").0]).start().expect("a runtime is there")
        };
        drop(runtime);
        assert_eq!(handle.phase(), runner::Phase::Stopped);
        let elsewhere = &runtimes()[0];
        let report = elsewhere.block_on(handle.shutdown(ShutdownGrace::secs(60)));
        assert!(report.still_running.is_empty());
    }
}

#[test]
fn two_schedulers_of_a_process_do_not_know_each_other() {
    for runtime in runtimes() {
        let ((one, ran), (other, other_ran)) = (telling("tick"), telling("tick"));
        runtime.block_on(async {
            let one = scheduler([one]).start().expect("a runtime is there");
            let other = scheduler([other]).start().expect("a runtime is there");
            assert_eq!((ran.await.as_deref(), other_ran.await.as_deref()), (Ok("tick#1"), Ok("tick#1")));
            one.shutdown(ShutdownGrace::secs(5)).await;
            assert_eq!(other.phase(), runner::Phase::Running);
            other.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}

#[test]
fn jobs_that_are_not_sound_are_refused_before_there_is_a_runtime() {
    let nothing = || Job::new("tick", (), |_| async {});
    let mut scheduler = Scheduler::builder().blocking_max(0).build();
    scheduler.add(nothing()).expect("a sound job");
    let refused = |scheduler: &mut Scheduler, job| scheduler.add(job).expect_err("not sound").to_string();
    assert_eq!(
        refused(&mut scheduler, nothing()),
        "there is a job `tick` already; choose another name, or replace it"
    );
    let unnamed = Job::new("a b", (), |_| async {});
    assert_eq!(
        refused(&mut scheduler, unnamed),
        "`a b` is no job's name: expected letters, digits, `-` or `_`, found ` `"
    );
    let utc = runner::Zone::utc();
    let never = runner::Trigger::cron("0 0 31 2 *", &utc).expect("a cron");
    let never = Job::new("never", never, |_| async {});
    assert!(refused(&mut scheduler, never).starts_with("job `never` would never be due"));
    let none = Job::new("none", (), |_| async {}).max_instances(0);
    assert!(refused(&mut scheduler, none).contains("`max_instances` 0"));
    let grouped = Job::new("grouped", (), |_| async {}).group("db");
    assert!(matches!(scheduler.add(grouped), Err(AddError::UnknownGroup { .. })));
    let blocking = Job::blocking("blocking", (), |_| {});
    assert!(refused(&mut scheduler, blocking).contains("`blocking_max` 0"));
}

#[test]
fn a_job_that_fails_or_panics_does_so_alone() {
    for runtime in runtimes() {
        let count = Arc::new(AtomicUsize::new(0));
        let (job, ran) = telling("sound");
        let counter = Arc::clone(&count);
        let panicking = Job::new("panicking", every(10), move |_| {
            let counter = Arc::clone(&counter);
            async move {
                let count = counter.fetch_add(1, Ordering::Relaxed);
                assert!(count > 1_000_000, "number {}", 7);
            }
        });
        let failing = Job::blocking("failing", every(10), |_| Err::<(), _>("no luck"));
        runtime.block_on(async {
            let handle = scheduler([panicking, failing, job]).start().expect("a runtime is there");
            let mut events = handle.events();
            ran.await.expect("it runs");
            let mut reasons = std::collections::BTreeMap::new();
            while reasons.len() < 2 || count.load(Ordering::Relaxed) < 2 {
                let event = super::next(&mut events).await.expect("it goes on");
                if let runner::Event::RunFinished(row) = &event.event
                    && row.outcome == runner::Outcome::Failed
                {
                    reasons.insert(row.job.clone(), row.reason.clone());
                }
            }
            assert_eq!(reasons["panicking"].as_deref(), Some("panicked: number 7"));
            assert_eq!(reasons["failing"].as_deref(), Some("no luck"));
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
    }
}
