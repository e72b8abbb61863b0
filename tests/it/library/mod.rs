//! The embeddable scheduler, as a program that embeds it sees it. What concerns the runtime is tried on both flavours.

mod commands;
mod control;
mod crowd;
mod defects;
mod examples;
mod from_file;
mod local;
mod rude;
mod running;
mod starting;
mod stopping;
mod stored;
mod tasks;
mod testing;
mod time;
mod volume;

use chrono::{DateTime, Utc};
use runner::{Events, Handle, Heard, Job, Numbered, Scheduler, Trigger};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A runtime of either flavour, with all its drivers.
fn runtimes() -> [Runtime; 2] {
    let current = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let multi = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    [current, multi]
}

/// A runtime in which time passes only when nothing is left to do.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

/// A scheduler that begins at this instant.
fn start_at(start: &str, jobs: impl IntoIterator<Item = Job>) -> Handle {
    let mut scheduler = Scheduler::builder().start_at(at(start)).build();
    for job in jobs {
        scheduler.add(job).expect("a sound job");
    }
    scheduler.start().expect("a runtime is there")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn every(millis: u64) -> Trigger {
    Trigger::every(Duration::from_millis(millis)).expect("a period")
}

fn scheduler(jobs: impl IntoIterator<Item = Job>) -> Scheduler {
    let mut scheduler = Scheduler::builder().build();
    for job in jobs {
        scheduler.add(job).expect("a sound job");
    }
    scheduler
}

/// The next event.
async fn next(events: &mut Events) -> Option<Arc<Numbered>> {
    match events.next().await? {
        Heard::Event(event) => Some(event),
        Heard::Lagged(missed) => panic!("{missed} events were passed over"),
    }
}
