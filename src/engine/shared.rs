//! What the driver, its handles and the code of jobs hold together.
//!
//! The core is behind a lock (`lock`) that is held for a call and never while somebody waits. So whoever asks for
//! something gets its answer at once, from any thread and from within a job, and the driver is woken to see to the rest.

use super::events::{Broadcast, Events};
use super::history::History;
use super::job::Host;
use super::lock::{Held, Lock};
use super::shutdown::{Closing, ShutdownReport};
use super::{Audience, Clock, Parked};
use crate::model::{Event, Name, Now, Row, RunKey, RunRef};
use crate::scheduler::Core;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime;
use tokio::sync::{Notify, oneshot, watch};

/// What a scheduler does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Fire times that come are run.
    Running,
    /// It was asked to stop: nothing new starts, and it ends when nothing runs.
    Draining,
    /// Nothing happens any more.
    Stopped,
}

/// See the module's page.
pub(super) struct Shared {
    core: Lock,
    /// What jobs that are added have in common.
    pub(super) host: Host,
    pub(super) clock: Clock,
    pub(super) runtime: runtime::Handle,
    /// The driver is to look at what the core asks for.
    pub(super) wake: Notify,
    pub(super) audience: Arc<dyn Audience>,
    broadcast: Broadcast,
    seen: Mutex<Seen>,
    /// The stored jobs that did not come back when they were last tried; those that the core has come back since.
    parked: Mutex<BTreeMap<Name, Parked>>,
    progress: watch::Sender<Progress>,
}

/// How far it is.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    pub(super) phase: Phase,
    /// Nothing runs but those that wait for its end themselves.
    pub(super) waits_for_callers: bool,
}

/// What was announced, for those who ask later or wait.
#[derive(Default)]
struct Seen {
    history: History,
    /// Who waits for the end of which run.
    waiting: BTreeMap<RunKey, Vec<oneshot::Sender<Arc<Row>>>>,
    closing: Closing,
    /// The runs whose own code waits for the end.
    callers: BTreeSet<RunRef>,
}

impl Shared {
    /// `events_max`: how many events are kept for slow readers; `history_max`: how many rows of each job.
    pub(super) fn new(
        core: Core,
        host: Host,
        clock: Clock,
        audience: Arc<dyn Audience>,
        events_max: usize,
        history_max: usize,
    ) -> Shared {
        let progress = Progress { phase: Phase::Running, waits_for_callers: false };
        Shared {
            core: Lock::new(core),
            host,
            clock,
            runtime: runtime::Handle::current(),
            wake: Notify::new(),
            audience,
            broadcast: Broadcast::new(events_max),
            seen: Mutex::new(Seen { history: History::new(history_max), ..Seen::default() }),
            parked: Mutex::default(),
            progress: watch::Sender::new(progress),
        }
    }

    pub(super) fn core(&self) -> Held<'_> {
        self.core.hold()
    }

    /// Not to be held while the core is asked for.
    pub(super) fn parked(&self) -> MutexGuard<'_, BTreeMap<Name, Parked>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the clocks, wherever the call comes from: one for tests goes with its runtime's.
    pub(super) fn now(&self) -> Now {
        let _runtime = self.runtime.enter();
        self.clock.now()
    }

    /// Asks something of the core, and has the driver see to what follows.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&mut Core, Now) -> T) -> T {
        let now = self.now();
        let answer = ask(&mut self.core(), now);
        self.wake.notify_one();
        answer
    }

    /// Tells everybody, and last those that wait for it: who asks for events then gets later ones only.
    pub(super) fn announce(&self, now: Now, event: &Event) {
        self.seen().note(event);
        self.audience.announce(now, event);
        self.broadcast.publish(now.wall, event.clone());
        self.seen().answer(event);
    }

    /// Tells those that listen to the stream what the core knows nothing of.
    pub(super) fn publish(&self, event: Event) {
        self.broadcast.publish(self.clock.now().wall, event);
    }

    pub(super) fn events(&self) -> Events {
        self.broadcast.subscribe()
    }

    /// The last row of a job.
    pub(super) fn previous(&self, job: &Name) -> Option<Arc<Row>> {
        self.seen().history.of(job.as_str()).next().cloned()
    }

    /// The last rows of a job, the newest first.
    pub(super) fn history(&self, job: &str, count: usize) -> Vec<Arc<Row>> {
        self.seen().history.of(job).take(count).cloned().collect()
    }

    /// Returns what tells the end of that run, which was asked for and has not ended; or that nothing ends any more.
    pub(super) fn wait_for(&self, awaited: RunKey) -> oneshot::Receiver<Arc<Row>> {
        let (sender, receiver) = oneshot::channel();
        let mut seen = self.seen();
        // Whoever waits after the end is told by nobody.
        if self.phase() != Phase::Stopped {
            seen.waiting.entry(awaited).or_default().push(sender);
        }
        receiver
    }

    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(super) fn phase(&self) -> Phase {
        self.progress.borrow().phase
    }

    /// The code of that run waits for the end: the end does not wait for it.
    pub(super) fn add_caller(&self, run: RunRef) {
        self.seen().callers.insert(run);
        self.wake.notify_one();
    }

    /// To be called when the core was told something: how far is it?
    pub(super) fn note_progress(&self) {
        let core = self.core();
        if !core.is_stopping() {
            return;
        }
        let waits_for_callers = core.runs().all(|run| self.seen().callers.contains(&run));
        drop(core);
        self.progress.send_if_modified(|progress| {
            let before = (progress.phase, progress.waits_for_callers);
            if progress.phase == Phase::Running {
                progress.phase = Phase::Draining;
            }
            progress.waits_for_callers = waits_for_callers;
            before != (progress.phase, progress.waits_for_callers)
        });
    }

    /// Nothing happens any more, and whoever waits is told; the end of the events is the last of it.
    pub(super) fn has_stopped(&self) {
        self.progress.send_modify(|progress| progress.phase = Phase::Stopped);
        self.seen().waiting.clear();
        self.broadcast.close();
    }

    pub(super) fn report(&self) -> ShutdownReport {
        self.seen().closing.report()
    }
}

impl Seen {
    fn note(&mut self, event: &Event) {
        self.closing.note(event);
        self.history.note(event);
    }

    /// Tells the end to those that wait for it.
    fn answer(&mut self, event: &Event) {
        let (Event::RunFinished(row) | Event::FireTimeClosed(row)) = event else { return };
        for sender in self.waiting.remove(&row.key).into_iter().flatten() {
            let _ = sender.send(Arc::clone(row));
        }
    }
}
