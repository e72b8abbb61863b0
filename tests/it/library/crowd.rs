//! Many hands at once, and hands at the wrong moment: nothing waits for ever. Each test is given up after a minute,
//! which is long enough for any machine; what waits for ever would else hold up all tests.

use super::{next, runtimes, scheduler};
use runner::{
    AddError, ControlError, Events, Handle, Heard, Job, Outcome, Phase, Running, Scheduler, ShutdownGrace,
};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use tokio::sync::Barrier;

const LONG: Duration = Duration::from_secs(60);

/// Runs a test on each flavour of runtime, and fails if it does not end.
#[track_caller]
pub(super) fn ends(test: impl Fn(&tokio::runtime::Runtime) + Send + 'static) {
    let (done, is_done) = channel();
    let thread = thread::spawn(move || {
        for runtime in runtimes() {
            test(&runtime);
        }
        let _ = done.send(());
    });
    match is_done.recv_timeout(LONG) {
        Ok(()) => thread.join().expect("it has ended"),
        Err(RecvTimeoutError::Timeout) => {
            panic!("it has not ended within {LONG:?}: something waits for ever")
        }
        Err(RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().expect_err("it has panicked"))
        }
    }
}

fn work(name: impl Into<String>) -> Job {
    Job::new(name, super::every(10), |_| async {}).max_instances(1000)
}

#[test]
fn a_thousand_handles_at_once_hold_up_nobody() {
    ends(|runtime| {
        let handle =
            runtime.block_on(async { scheduler([work("shared")]).start().expect("a runtime is there") });
        let handles: Vec<Handle> = (0..1000).map(|_| handle.clone()).collect();
        let threads: Vec<_> = handles
            .chunks(125)
            .map(<[Handle]>::to_vec)
            .enumerate()
            .map(|(thread, handles)| {
                thread::spawn(move || {
                    for (number, handle) in handles.into_iter().enumerate() {
                        let own = format!("own-{thread}-{number}");
                        handle.add(work(&*own)).expect("a sound job");
                        handle.pause(&own, "for a moment").expect("it is there");
                        handle.update(&own, |job| job.description("changed")).expect("a sound change");
                        handle.resume(&own).expect("it is there");
                        assert!(handle.get(&own).is_some());
                        assert!(!handle.upcoming(handle.now(), 3).is_empty());
                        drop(handle.trigger("shared").expect("it is there"));
                        drop(handle.remove(&own, Running::Cancel).expect("it is there"));
                        drop(handle.events());
                    }
                })
            })
            .collect();
        // The runtime's threads are here, if they are not its own.
        runtime.block_on(async {
            while threads.iter().any(|thread| !thread.is_finished()) {
                handle.trigger("shared").expect("it is there").await.expect("its end");
            }
            for thread in threads {
                thread.join().expect("no panic");
            }
            assert_eq!(handle.list().len(), 1);
            let report = handle.shutdown(ShutdownGrace::secs(60)).await;
            assert!(report.still_running.is_empty() && report.aborted.is_empty(), "{report:?}");
        });
        drop(handles);
        assert_eq!(handle.phase(), Phase::Stopped);
    });
}

#[test]
fn jobs_that_add_trigger_and_remove_each_other_hold_up_nobody() {
    ends(|runtime| {
        runtime.block_on(async {
            let busy = |name: &'static str, other: &'static str| {
                Job::new(name, super::every(10), move |context| async move {
                    let handle = context.scheduler;
                    let child = format!("child-of-{name}-{}", context.run.number);
                    handle.add(Job::new(&*child, (), |_| async {})).expect("a sound job");
                    handle.trigger(&child).expect("it is there").await.expect("its end");
                    drop(handle.trigger(other).expect("it is there"));
                    handle.remove(&child, Running::Leave).expect("it is there").await;
                })
            };
            let handle = scheduler([busy("one", "other"), busy("other", "one")]).start().expect("a runtime");
            let mut events = handle.events();
            let mut ended = 0;
            while ended < 200 {
                match events.next().await.expect("it goes on") {
                    Heard::Event(event) => {
                        if let runner::Event::RunFinished(row) = &event.event {
                            assert_eq!(row.outcome, Outcome::Succeeded, "{row:?}");
                            ended += 1;
                        }
                    }
                    Heard::Lagged(_) => {}
                }
            }
            handle.shutdown(ShutdownGrace::secs(60)).await;
        });
    });
}

#[test]
fn a_shutdown_from_within_several_jobs_and_from_outside_at_once_ends() {
    ends(|runtime| {
        runtime.block_on(async {
            let together = Arc::new(Barrier::new(6));
            let closing = |number: usize| {
                let together = Arc::clone(&together);
                Job::new(format!("closing-{number}"), (), move |context| {
                    let together = Arc::clone(&together);
                    async move {
                        together.wait().await;
                        context.scheduler.shutdown(ShutdownGrace::secs(60)).await;
                    }
                })
            };
            let handle = scheduler((0..5).map(closing)).start().expect("a runtime is there");
            for number in 0..5 {
                drop(handle.trigger(&format!("closing-{number}")).expect("it is there"));
            }
            together.wait().await;
            let (one, other) = tokio::join!(
                handle.shutdown(ShutdownGrace::secs(60)),
                handle.shutdown(ShutdownGrace::secs(1))
            );
            assert_eq!((one, handle.phase()), (other, Phase::Stopped));
        });
    });
}

#[test]
fn what_comes_during_a_shutdown_is_refused_or_closed() {
    ends(|runtime| {
        runtime.block_on(async {
            let lasting = Job::new("lasting", (), |context| async move { context.cancel.cancelled().await })
                .max_instances(9);
            let handle = scheduler([lasting]).start().expect("a runtime is there");
            let mut events = handle.events();
            let asked = handle.trigger("lasting").expect("it is there");
            wait_for_start(&mut events).await;
            handle.stop();
            assert_eq!(handle.add(work("late")).expect_err("it stops"), AddError::Stopped);
            // A request is accounted for all the same.
            let late = handle.trigger("lasting").expect("it is there").await.expect("its end");
            assert_eq!((late.outcome, late.reason.as_deref()), (Outcome::Skipped, Some("stopping")));
            // A job may still be removed, and its run cancelled by that.
            handle.remove("lasting", Running::Cancel).expect("it is there").await;
            assert_eq!(asked.await.expect("its end").outcome, Outcome::Cancelled);
            handle.stopped().await;
            assert_eq!(handle.trigger("lasting").expect_err("it has stopped"), ControlError::Stopped);
        });
    });
}

#[test]
fn a_handle_whose_runtime_is_gone_says_so_and_nobody_waits() {
    ends(|_| {
        for runtime in runtimes() {
            let (handle, asked, removed) = runtime.block_on(async {
                let lasting = Job::new("lasting", (), |_| std::future::pending::<()>());
                let handle = scheduler([lasting, work("work")]).start().expect("a runtime is there");
                let mut events = handle.events();
                let asked = handle.trigger("lasting").expect("it is there");
                wait_for_start(&mut events).await;
                let removed = handle.remove("lasting", Running::Leave).expect("it is there");
                (handle, asked, removed)
            });
            drop(runtime);
            assert_eq!(handle.trigger("work").expect_err("it is gone"), ControlError::Stopped);
            assert_eq!(handle.add(work("new")).expect_err("it is gone"), AddError::Stopped);
            let elsewhere = &runtimes()[0];
            elsewhere.block_on(async {
                assert_eq!(asked.await.expect_err("it is gone"), ControlError::Stopped);
                removed.await;
                assert!(handle.events().next().await.is_none());
                handle.shutdown(ShutdownGrace::secs(60)).await;
            });
        }
    });
}

#[test]
fn a_reader_that_never_reads_and_one_that_is_dropped_hold_up_nobody() {
    ends(|runtime| {
        let mut scheduler = Scheduler::builder().events_max(4).build();
        scheduler.add(work("work")).expect("a sound job");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let never_read: Vec<Events> = (0..100).map(|_| handle.events()).collect();
            for _ in 0..50 {
                drop(handle.events());
                handle.trigger("work").expect("it is there").await.expect("its end");
            }
            handle.shutdown(ShutdownGrace::secs(60)).await;
            for mut reader in never_read {
                assert!(matches!(reader.next().await, Some(Heard::Lagged(_))));
            }
        });
    });
}

async fn wait_for_start(events: &mut Events) {
    while !matches!(next(events).await.expect("it goes on").event, runner::Event::RunStarted(_)) {}
}
