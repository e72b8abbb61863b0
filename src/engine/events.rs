//! What happens, as a stream for whoever listens.

use super::Audience;
use crate::model::{Event, Now, OutputSink, OutputSource, Pace, Stream};
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver, Sender};

/// An event with its number and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// Counted from 1 since the scheduler's start, without gaps.
    pub number: u64,
    /// When it was announced.
    pub at: DateTime<Utc>,
    /// What has happened.
    pub event: Event,
}

/// What a reader of [`Events`] gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// The next event.
    Event(Arc<Numbered>),
    /// The reader was too slow: so many events were passed over, and the next one follows.
    Lagged(u64),
}

/// The events of a scheduler from the moment on at which it was asked for them, in order.
///
/// A reader that does not read holds up nobody: what it has not read is kept up to a limit
/// ([`Builder::events_max`](super::Builder::events_max)), and then it is told how many it has lost.
#[derive(Debug)]
pub struct Events(Receiver<Arc<Numbered>>);

impl Events {
    /// Returns what comes next, or `None` when the scheduler has stopped and all was read. It may be dropped at
    /// any time without a loss.
    pub async fn next(&mut self) -> Option<Heard> {
        match self.0.recv().await {
            Ok(event) => Some(Heard::Event(event)),
            Err(RecvError::Lagged(missed)) => Some(Heard::Lagged(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Numbers events and hands them to all readers.
pub(super) struct Broadcast(Mutex<Inner>);

struct Inner {
    count: u64,
    /// `None`: nothing comes any more.
    sender: Option<Sender<Arc<Numbered>>>,
}

impl Broadcast {
    /// Returns one that keeps so many events for slow readers.
    pub(super) fn new(events_max: usize) -> Broadcast {
        let (sender, _) = broadcast::channel(events_max);
        Broadcast(Mutex::new(Inner { count: 0, sender: Some(sender) }))
    }

    pub(super) fn publish(&self, at: DateTime<Utc>, event: Event) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.count += 1;
        let number = inner.count;
        if let Some(sender) = inner.sender.as_ref().filter(|sender| sender.receiver_count() > 0) {
            let _ = sender.send(Arc::new(Numbered { number, at, event }));
        }
    }

    pub(super) fn subscribe(&self) -> Events {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // After the end, a stream that has ended too.
        Events(inner.sender.as_ref().map_or_else(|| broadcast::channel(1).1, Sender::subscribe))
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sender = None;
    }
}

/// For programs that listen to [`Events`] only; what their processes print is kept, and not shown.
pub(super) struct Nobody;

impl Audience for Nobody {
    fn announce(&self, _: Now, _: &Event) {}
}

impl OutputSink for Nobody {
    fn lines(&self, _: &OutputSource, _: Stream, _: &[u8]) -> Pace {
        Pace::Keep
    }
}
