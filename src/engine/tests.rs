//! The driver on the host's own clocks, without processes, and on one that says nothing when it is set.

use super::clock::SLEEP_MAX;
use super::testing::VirtualClock;
use super::{Audience, Clock, Engine, Handle, Job, Options, Scheduler, now};
use crate::jobfile::{self, Source};
use crate::ledger::MemoryLedger;
use crate::model::{Event, Now, OutputSink, OutputSource, Pace, Plan, Stream};
use crate::trigger::{Trigger, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

fn plan(text: &str) -> Plan {
    let options = jobfile::Options { now: now().wall, host: None, seed: "host".into(), tasks: None };
    jobfile::load(&Source::Stdin(text.into()), &options).plan.expect("a sound file")
}

/// Writes down what is announced, and stops the engine when a run has finished.
#[derive(Default)]
struct Witness {
    events: Mutex<Vec<(Now, Event)>>,
    handle: OnceLock<Handle>,
}

impl Audience for Witness {
    fn announce(&self, now: Now, event: &Event) {
        self.events.lock().expect("no panic").push((now, event.clone()));
        if let (Event::RunFinished(_), Some(handle)) = (event, self.handle.get()) {
            handle.stop();
        }
    }
}

impl OutputSink for Witness {
    fn lines(&self, _: &OutputSource, _: Stream, _: &[u8]) -> Pace {
        Pace::Keep
    }
}

#[test]
fn a_clock_that_becomes_right_wakes_the_driver_and_the_jobs_begin() {
    let plan = plan("[jobs.a]\nstartup = true\ncommand = \"true\"\n");
    let least = now().wall + Duration::from_millis(200);
    let options = Options { dry_run: true, clock_least: Some(least), ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let witness = Arc::new(Witness::default());
    runtime.block_on(async {
        let ledger = Box::new(MemoryLedger::default());
        let clock = Clock::new().expect("a timer");
        let engine = Engine::new(&plan, clock, ledger, witness.clone(), options).expect("an engine");
        assert!(engine.core().clock_is_wrong());
        witness.handle.set(engine.handle()).expect("set once");
        engine.run().await;
    });
    let events = witness.events.lock().expect("no panic");
    let kinds: Vec<_> = events.iter().map(|(_, event)| std::mem::discriminant(event)).collect();
    let expected = [Event::ClockWrong { least }, Event::ClockRight];
    assert_eq!(kinds[..2], expected.map(|event| std::mem::discriminant(&event)));
    assert!(matches!(events[2].1, Event::RunStarted(_)), "{events:?}");
    assert!(events[1..].iter().all(|(now, _)| now.wall >= least), "{events:?}");
}

/// Changes a clock that says nothing of it, at one o'clock, and returns how long after that a job began that is due at
/// three, and how late it was.
fn began_after(change: impl FnOnce(&Handle)) -> (Duration, TimeDelta) {
    let midnight: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let mut builder = Scheduler::builder();
    builder.clock =
        Box::new(move || Ok(Clock::of_tests(VirtualClock::starting_at(midnight).without_alarm())));
    let mut scheduler = builder.build();
    let (sender, mut began) = tokio::sync::mpsc::unbounded_channel();
    let three = Trigger::cron("0 3 * * *", &Zone::utc()).expect("a cron");
    let job = Job::new("job", three, move |context| {
        let _ = sender.send((tokio::time::Instant::now(), context.started_at - context.due));
        async {}
    });
    scheduler.add(job).expect("a sound job");
    let paused = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    paused.expect("a runtime").block_on(async {
        let handle = scheduler.start().expect("a runtime is there");
        handle.advance_to(midnight + TimeDelta::hours(1)).await;
        let changed = tokio::time::Instant::now();
        change(&handle);
        let (began, late) = began.recv().await.expect("it runs");
        (began - changed, late)
    })
}

#[test]
fn r29_a_clock_that_was_set_is_looked_at_within_30_s() {
    assert_eq!(began_after(|_| {}), (Duration::from_secs(2 * 3600), TimeDelta::zero()));
    let (after, late) = began_after(|handle| handle.set_wall_clock(handle.now() + TimeDelta::hours(2)));
    assert!(after <= SLEEP_MAX && late <= TimeDelta::seconds(30), "{after:?} {late}");
}

#[test]
fn d16_after_a_suspend_the_clock_is_looked_at_within_30_s() {
    let (after, late) = began_after(|handle| handle.suspend(Duration::from_secs(2 * 3600)));
    assert!(after <= SLEEP_MAX && late <= TimeDelta::seconds(30), "{after:?} {late}");
}
