//! One process from its start to its end: a loop that waits for whatever comes next.

use super::children::Children;
use super::orphan::Living;
use super::output::Output;
use super::spawn::{self, Spawned};
use super::sys;
use super::tree::{self, Leader, Tree};
use super::whose::TreeId;
use crate::model::{Exit, ExitStatus, Job, OutputSink, OutputSource, Pace, RunId, Stream, Usage};
use rustix::fd::OwnedFd;
use rustix::process::Signal;
use std::cell::RefCell;
use std::io;
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};

/// After the exit, output that somebody else holds open is read for as long as it keeps coming: until it
/// pauses for this long,
const LINGER: Duration = Duration::from_millis(200);
/// and not longer than this in all.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// How soon a tree that is being stopped is looked at again, once its own process has ended; then after twice
/// as long each time,
const LOOK: Duration = Duration::from_millis(25);
/// up to this.
const LOOK_MAX: Duration = Duration::from_millis(200);

/// How long after `KILL` others than the tree's own process may take to go, and its exit to come: what the
/// system cannot or may not end (a program that became another user) must not hold the run.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);

/// How long the exit of a process that has ended may be kept from us before that is told; and that of an orphan
/// before nobody will know it.
const EXPLAIN_AFTER: Duration = Duration::from_secs(2);

/// How long to rest when room for output is getting scarce.
const EASE: Duration = Duration::from_millis(1);

/// How much is read at a time.
const READ_BYTES: usize = 64 << 10;

thread_local! {
    /// One for all attempts: it is used between two waits only.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Follows a process to its end, hands its output on, and sends its tree the signals that are asked for. Returns
/// `None` when it is not known how it ended.
pub(super) async fn follow(
    spawned: Spawned,
    (tree, children): (TreeId, &Children),
    (job, run): (&Job, &RunId),
    sink: &dyn OutputSink,
    signals: UnboundedReceiver<Signal>,
) -> Option<Exit> {
    let Spawned { process, began, pidfd, stdout, stderr, script, id: _ } = spawned;
    let setup = &job.setup;
    let output = Output::new(OutputSource { run: run.clone() }, setup.output, setup.keep_output_bytes, sink);
    let mut following = Following {
        tree: Tree { children, id: tree, leader: Leader::Child(process) },
        stdout: Some(stdout),
        stderr: Some(stderr),
        output,
        signals,
        stopped: None,
    };
    let pidfd = following.until_exit(Some(pidfd)).await;
    let took = began.elapsed();
    if following.stopped.is_none() {
        following.until_output_ends().await;
    }
    let mut exit = following.until_collected(run).await;
    if exit.is_none() {
        // Whoever has collected it in our place.
        exit = following.until_told(pidfd).await.map(|status| (status, None));
    }
    drop(script);
    let ((status, usage), output) = (exit?, Some(following.output.finish()));
    Some(Exit { status, message: None, took, usage, output })
}

/// Follows a process of an earlier runner to its end, and sends its tree the signals that are asked for. What it
/// prints is not read. Returns `None` when it is not known how it ended.
pub(super) async fn follow_orphan(
    living: Living,
    (tree, children): (TreeId, &Children),
    (job, run): (&Job, &RunId),
    sink: &dyn OutputSink,
    signals: UnboundedReceiver<Signal>,
) -> Option<Exit> {
    let (age, began) = (living.age(), Instant::now());
    let pidfd = living.pidfd().ok();
    let nothing = Output::new(OutputSource { run: run.clone() }, job.setup.output, 0, sink);
    let mut following = Following {
        tree: Tree { children, id: tree, leader: Leader::Orphan(living) },
        stdout: None,
        stderr: None,
        output: nothing,
        signals,
        stopped: None,
    };
    following.until_exit(pidfd).await;
    let took = age + began.elapsed();
    let (status, usage) = following.until_collected(run).await?;
    Some(Exit { status, message: None, took, usage, output: None })
}

struct Following<'a> {
    tree: Tree<'a>,
    /// `None` once it has ended.
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
    output: Output<'a>,
    signals: UnboundedReceiver<Signal>,
    /// Set when it was signalled: then it has ended only when its whole tree has.
    stopped: Option<Stopped>,
}

/// The last signal that was sent, and when.
#[derive(Clone, Copy)]
struct Stopped {
    signal: Signal,
    at: Instant,
}

impl Stopped {
    fn was_killed_long_ago(self) -> bool {
        self.signal == Signal::KILL && self.at.elapsed() > GIVE_UP_AFTER
    }
}

impl Following<'_> {
    /// Returns the process's descriptor, if that could be waited for.
    async fn until_exit(&mut self, pidfd: Option<OwnedFd>) -> Option<Receiver> {
        // Only its readiness is asked for, and that of any descriptor is waited for like a pipe's.
        let Some(exit) = pidfd.and_then(|pidfd| Receiver::from_owned_fd_unchecked(pidfd).ok()) else {
            // The system is short of descriptors, or the event queue is full: then there is only looking from time
            // to time.
            self.until_exit_by_looking().await;
            return None;
        };
        loop {
            tokio::select! {
                _ = exit.readable() => return Some(exit),
                () = self.serve() => {}
            }
        }
    }

    async fn until_exit_by_looking(&mut self) {
        while !self.tree.has_ended() {
            let _ = tokio::time::timeout(LOOK, self.serve()).await;
        }
    }

    /// Takes one thing: output, or a signal to send.
    async fn serve(&mut self) {
        tokio::select! {
            end = readable(self.stdout.as_ref()) => rest(self.read(Stream::Stdout, end)).await,
            end = readable(self.stderr.as_ref()) => rest(self.read(Stream::Stderr, end)).await,
            Some(signal) = self.signals.recv() => {
                self.tree.signal(signal);
                self.stopped = Some(Stopped { signal, at: Instant::now() });
            }
        }
    }

    /// Reads what is there, once.
    fn read(&mut self, stream: Stream, ready: io::Result<()>) -> Pace {
        let pipe = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let Some(receiver) = pipe else { return Pace::Keep };
        let pace = BUFFER.with_borrow_mut(|buffer| match ready.and_then(|()| receiver.try_read(buffer)) {
            Ok(read) if read > 0 => Some(self.output.take(stream, &buffer[..read])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(Pace::Keep),
            Ok(_) | Err(_) => None,
        });
        if pace.is_none() {
            *pipe = None;
        }
        pace.unwrap_or(Pace::Keep)
    }

    /// Collects the exit, when all else has ended. It is looked for from time to time: of a process that is
    /// traced it goes to the tracer first, who may be one of the tree, and is signalled with it. `None`: it cannot
    /// be had.
    async fn until_collected(&mut self, run: &RunId) -> Option<(ExitStatus, Option<Usage>)> {
        let (mut explain_at, mut pause) = (Some(Instant::now() + EXPLAIN_AFTER), LOOK);
        let error = loop {
            self.until_tree_ends(run).await;
            self.until_output_ends().await;
            match self.tree.wait(self.stopped.is_none()) {
                Some(Ok(exit)) => return Some(exit),
                Some(Err(error)) => break error,
                None if self.has_waited_enough() => {
                    self.tree.give_up();
                    break io::ErrorKind::TimedOut.into();
                }
                None => {}
            }
            if explain_at.is_some_and(|at| at <= Instant::now()) {
                if self.tree.is_an_orphans() {
                    self.tree.give_up();
                    return None;
                }
                self.tree.explain_wait(run);
                explain_at = None;
            }
            let _ = tokio::time::timeout(pause, self.serve()).await;
            pause = (pause * 2).min(LOOK_MAX);
        };
        log::error!("the exit of process {} cannot be had: {error}", self.tree.pid().as_raw_nonzero());
        None
    }

    /// Asks the descriptor for a little how the process ended: it knows when the exit was collected. `None`: it does
    /// not.
    async fn until_told(&mut self, pidfd: Option<Receiver>) -> Option<ExitStatus> {
        let (pidfd, end) = (pidfd?, Instant::now() + EXPLAIN_AFTER);
        loop {
            let told = sys::exit_of(&pidfd).map(spawn::exit_status);
            if told.is_some() || Instant::now() >= end {
                return told;
            }
            sleep(LOOK).await;
        }
    }

    fn has_waited_enough(&self) -> bool {
        self.stopped.is_some_and(Stopped::was_killed_long_ago)
    }

    /// Waits for all others of the tree, if it was signalled. What is born while it is being killed is killed
    /// when it is seen.
    ///
    /// That nobody is left must be found twice: who is looked at first can have a child and end before that
    /// is looked at.
    async fn until_tree_ends(&mut self, run: &RunId) {
        let (mut since, mut nobody_before, mut pause) = (Instant::now(), false, LOOK);
        while let Some(stopped) = self.stopped {
            let look = self.tree.others();
            let nobody = look.as_ref().is_some_and(|(others, seen)| others.is_empty() && *seen >= since);
            let others = look.map(|(others, _)| others);
            if nobody && nobody_before {
                return;
            }
            if stopped.signal == Signal::KILL {
                if stopped.was_killed_long_ago() && others.as_ref().is_none_or(|others| !others.is_empty()) {
                    return tree::survived(run, others.as_deref());
                }
                for other in others.iter().flatten() {
                    other.signal(Signal::KILL);
                }
            }
            if nobody {
                (since, nobody_before) = (Instant::now(), true);
            }
            let signalled = self.serve_for(pause, stopped).await;
            pause = if nobody || signalled { LOOK } else { (pause * 2).min(LOOK_MAX) };
        }
    }

    /// Returns whether another signal than that of `stopped` was sent; then it is over at once.
    async fn serve_for(&mut self, pause: Duration, stopped: Stopped) -> bool {
        let serve = async {
            while self.stopped.is_none_or(|now| now.at == stopped.at) {
                self.serve().await;
            }
        };
        tokio::time::timeout(pause, serve).await.is_ok()
    }

    /// All that the process itself printed is in the pipes; what others still print is read for a little.
    async fn until_output_ends(&mut self) {
        let end = Instant::now() + LINGER_MAX;
        while self.stdout.is_some() || self.stderr.is_some() {
            let pause = (Instant::now() + LINGER).min(end);
            if tokio::time::timeout_at(pause, self.serve()).await.is_err() {
                break;
            }
        }
        (self.stdout, self.stderr) = (None, None);
    }
}

/// A pipe that is never empty is never waited for, so that everybody else is given a turn after each reading;
/// and more than a turn when room for output is getting scarce. A job that floods is slowed down to 64 MB/s by
/// that, never below.
async fn rest(pace: Pace) {
    match pace {
        Pace::Keep => tokio::task::yield_now().await,
        Pace::Ease => sleep(EASE).await,
    }
}

async fn readable(receiver: Option<&Receiver>) -> io::Result<()> {
    match receiver {
        Some(receiver) => receiver.readable().await,
        None => std::future::pending().await,
    }
}
