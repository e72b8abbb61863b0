//! The driver on the host's own clocks, without processes.

use super::{Audience, Clock, Engine, Handle, Options, now};
use crate::executor::{OutputSink, OutputSource, Pace, Stream};
use crate::jobfile::{self, Source};
use crate::ledger::MemoryLedger;
use crate::model::{Event, Now, Plan};
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
