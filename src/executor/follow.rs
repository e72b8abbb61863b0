//! One process from its start to its end: a loop that waits for whatever comes next.

use super::output::Output;
use super::session;
use super::spawn::{Process, Spawned};
use super::{OutputSink, OutputSource, Stream};
use crate::model::{Exit, ExitStatus, Job, RunId, Usage};
use rustix::fd::OwnedFd;
use rustix::process::Signal;
use std::cell::RefCell;
use std::io;
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// After the exit, output that somebody else holds open is read for as long as it keeps coming: until it
/// pauses for this long,
const LINGER: Duration = Duration::from_millis(200);
/// and not longer than this in all.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// How often a session that is being stopped is looked at, once its leader has ended.
const LOOK: Duration = Duration::from_millis(25);

/// How much is read at a time.
const READ_BYTES: usize = 64 << 10;

thread_local! {
    /// One for all attempts: it is used between two waits only.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Follows a process to its end, hands its output on, and sends it the signals that are asked for.
pub(super) async fn follow(
    spawned: Spawned,
    job: &Job,
    run: RunId,
    sink: &dyn OutputSink,
    signals: UnboundedReceiver<Signal>,
) -> Exit {
    let Spawned { process, pidfd, stdout, stderr, script } = spawned;
    let setup = &job.setup;
    let output = Output::new(OutputSource { run }, setup.output, setup.keep_output_bytes, sink);
    let mut following =
        Following { stdout: Some(stdout), stderr: Some(stderr), output, signals, stopped: false };
    following.until_exit(&process, pidfd).await;
    following.until_output_ends(&process).await;
    following.until_session_ends(&process).await;
    let (status, usage) = process.wait().unwrap_or_else(|error| {
        log::error!("the exit of process {:?} cannot be had: {error}", process.pid);
        (ExitStatus::Signal(0), Usage::default())
    });
    drop(script);
    Exit { status, usage, output: following.output.finish() }
}

struct Following<'a> {
    /// `None` once it has ended.
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
    output: Output<'a>,
    signals: UnboundedReceiver<Signal>,
    /// Whether it was signalled: then it has ended only when its whole session has.
    stopped: bool,
}

impl Following<'_> {
    async fn until_exit(&mut self, process: &Process, pidfd: OwnedFd) {
        // Only its readiness is asked for, and that of any descriptor is waited for like a pipe's.
        let Ok(exit) = Receiver::from_owned_fd_unchecked(pidfd) else {
            // The event queue is full: then there is only looking from time to time.
            return self.until_exit_by_looking(process).await;
        };
        loop {
            tokio::select! {
                _ = exit.readable() => return,
                () = self.serve(process) => {}
            }
        }
    }

    async fn until_exit_by_looking(&mut self, process: &Process) {
        while !process.has_ended() {
            let _ = tokio::time::timeout(LOOK, self.serve(process)).await;
        }
    }

    /// Takes one thing: output, or a signal to send. A pipe that is never empty is never waited for, so that
    /// everybody else is given a turn after each reading.
    async fn serve(&mut self, process: &Process) {
        tokio::select! {
            end = readable(self.stdout.as_ref()) => {
                self.read(Stream::Stdout, end);
                tokio::task::yield_now().await;
            }
            end = readable(self.stderr.as_ref()) => {
                self.read(Stream::Stderr, end);
                tokio::task::yield_now().await;
            }
            Some(signal) = self.signals.recv() => {
                self.stopped = true;
                session::signal(process.pid, signal);
            }
        }
    }

    /// Reads what is there, once.
    fn read(&mut self, stream: Stream, ready: io::Result<()>) {
        let pipe = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let Some(receiver) = pipe else { return };
        let ended = BUFFER.with_borrow_mut(|buffer| match ready.and_then(|()| receiver.try_read(buffer)) {
            Ok(0) => true,
            Ok(read) => {
                self.output.take(stream, &buffer[..read]);
                false
            }
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        });
        if ended {
            *pipe = None;
        }
    }

    /// All that the process itself printed is in the pipes; what others still print is read for a little.
    async fn until_output_ends(&mut self, process: &Process) {
        let end = Instant::now() + LINGER_MAX;
        while self.stdout.is_some() || self.stderr.is_some() {
            let pause = (Instant::now() + LINGER).min(end);
            if tokio::time::timeout_at(pause, self.serve(process)).await.is_err() {
                break;
            }
        }
        (self.stdout, self.stderr) = (None, None);
    }

    async fn until_session_ends(&mut self, process: &Process) {
        while self.stopped && session::has_others(process.pid) {
            let _ = tokio::time::timeout(LOOK, self.serve(process)).await;
        }
    }
}

async fn readable(receiver: Option<&Receiver>) -> io::Result<()> {
    match receiver {
        Some(receiver) => receiver.readable().await,
        None => std::future::pending().await,
    }
}
