//! Standard output, or standard error, that never holds anybody up.
//!
//! Lines are put into a bounded buffer that a thread of its own writes out. Jobs are asked to ease off when it
//! is half full, so that a reader that keeps up with some 64 MB/s misses nothing. When whoever reads us is
//! slower, lines are dropped and counted, and the count is shown once there is room; when nobody reads us any
//! more, everything is dropped. Neither holds up a job.
//!
//! On a terminal there can be a status line below all others. That thread alone draws it, takes it away before
//! it writes lines and draws it again in the same write, so that neither ever runs into the other. A terminal
//! that is slow is shown the newest one only. One that has become narrower has broken the line into several,
//! all of which are taken away.

use crate::model::Pace;
use memchr::memchr;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// How much output of jobs may wait to be written.
const BUFFER_BYTES_MAX: usize = 4 << 20;

/// How much more may wait of what the runner itself has to tell: a job that floods does not drown it.
const RESERVE_BYTES: usize = 1 << 20;

/// How long the end waits for a reader that does not read.
const FINISH_WAIT: Duration = Duration::from_secs(2);

/// See the module's page. Cheap to clone.
#[derive(Clone)]
pub(super) struct Console(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// How a line reads that stands for dropped ones.
    dropped_line: Box<dyn Fn(u64) -> String + Send + Sync>,
    /// How many columns the terminal has now.
    width: Box<dyn Fn() -> usize + Send + Sync>,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    writing: bool,
    dropped_lines: u64,
    /// Everything that was dropped, for the summary.
    dropped_lines_ever: u64,
    closed: bool,
    /// What the status line is to say; empty: there is none.
    status: String,
    /// Whether it says so already.
    status_drawn: bool,
}

/// Room to write lines; nothing else gets between them.
pub(super) struct Lines<'a> {
    state: MutexGuard<'a, State>,
    shared: &'a Shared,
}

impl Console {
    /// Starts the thread that writes to `out`, which has so many columns if it is a terminal.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new(
        out: impl Write + Send + 'static,
        dropped_line: impl Fn(u64) -> String + Send + Sync + 'static,
        width: impl Fn() -> usize + Send + Sync + 'static,
    ) -> io::Result<Console> {
        let (dropped_line, width) = (Box::new(dropped_line), Box::new(width));
        let state = Mutex::new(State { status_drawn: true, ..State::default() });
        let shared = Arc::new(Shared { state, changed: Condvar::new(), dropped_line, width });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("console".into()).spawn(move || writer.write_out(out))?;
        Ok(Console(shared))
    }

    /// Returns room to write in.
    pub(super) fn lines(&self) -> Lines<'_> {
        Lines { state: self.0.lock(), shared: &self.0 }
    }

    /// Has the status line say `status`, or as much of it as there is room for; empty takes it away.
    pub(super) fn set_status(&self, status: String) {
        let mut state = self.0.lock();
        if state.status != status {
            state.status = status;
            state.status_drawn = false;
            self.0.changed.notify_all();
        }
    }

    /// Takes the status line away and waits until all is written, but not for ever. Returns how many lines
    /// were dropped in all.
    pub(super) fn finish(&self) -> u64 {
        self.set_status(String::new());
        let state = self.0.lock();
        let busy = |state: &mut State| !state.closed && (state.writing || state.has_work());
        let waited = self.0.changed.wait_timeout_while(state, FINISH_WAIT, busy);
        waited.map_or(0, |(state, _)| state.dropped_lines_ever)
    }
}

impl State {
    fn has_work(&self) -> bool {
        !self.buffer.is_empty() || !self.status_drawn
    }
}

impl Lines<'_> {
    /// Takes lines of a job, each behind `prefix`, as long as there is room. The last may lack its line end.
    pub(super) fn push_output(&mut self, prefix: &[u8], mut lines: &[u8]) -> Pace {
        while !lines.is_empty() {
            let end = memchr(b'\n', lines).unwrap_or(lines.len());
            self.push_below(BUFFER_BYTES_MAX, &[prefix, &lines[..end], b"\n"]);
            lines = lines.get(end + 1..).unwrap_or_default();
        }
        // Once lines are lost there is nothing to save by waiting until the reader has read.
        let scarce = self.state.buffer.len() > BUFFER_BYTES_MAX / 2 && self.state.dropped_lines == 0;
        if scarce { Pace::Ease } else { Pace::Keep }
    }

    /// Takes what the runner tells, one or more lines with their line ends. There is room for it as long as
    /// anybody reads at all.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.push_below(BUFFER_BYTES_MAX + RESERVE_BYTES, &[line]);
    }

    fn push_below(&mut self, most: usize, parts: &[&[u8]]) {
        let state = &mut *self.state;
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if state.closed || state.buffer.len() + bytes > most {
            state.dropped_lines += 1;
            state.dropped_lines_ever += 1;
            return;
        }
        if state.dropped_lines > 0 {
            let dropped = (self.shared.dropped_line)(std::mem::take(&mut state.dropped_lines));
            state.buffer.extend_from_slice(dropped.as_bytes());
        }
        for part in parts {
            state.buffer.extend_from_slice(part);
        }
    }
}

impl Drop for Lines<'_> {
    fn drop(&mut self) {
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write_out(&self, mut out: impl Write) {
        // Of the status line that is there.
        let (mut chunk, mut columns) = (Vec::new(), 0);
        loop {
            let mut state = self.lock();
            state.writing = false;
            self.changed.notify_all();
            while !state.has_work() {
                state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            chunk.clear();
            if columns > 0 {
                chunk.extend_from_slice(clear(columns, (self.width)()).as_bytes());
                chunk.append(&mut state.buffer);
            } else {
                std::mem::swap(&mut chunk, &mut state.buffer);
            }
            columns = 0;
            if !state.status.is_empty() {
                let room = (self.width)().saturating_sub(1);
                let status: String = state.status.chars().take(room).collect();
                chunk.extend_from_slice(status.as_bytes());
                columns = status.chars().count();
            }
            (state.writing, state.status_drawn) = (true, true);
            drop(state);
            if let Err(error) = out.write_all(&chunk).and_then(|()| out.flush()) {
                let mut state = self.lock();
                state.closed = true;
                state.buffer = Vec::new();
                self.changed.notify_all();
                drop(state);
                log::warn!("the output is gone ({error}); jobs go on, nothing more is shown");
                return;
            }
        }
    }
}

/// What takes a line of so many columns away, at whose end the cursor is: to its start, and nothing is left of
/// it. In a terminal that has become narrower it begins some lines above.
fn clear(columns: usize, width: usize) -> String {
    match (columns - 1) / width.max(1) {
        0 => "\r\x1b[K".into(),
        above => format!("\x1b[{above}A\r\x1b[J"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// A reader that takes one write each time the test says so.
    struct Slow(Receiver<()>, SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            let _ = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Console, SyncSender<()>, Receiver<Vec<u8>>) {
        slow_of_width(|| 80)
    }

    fn slow_of_width(
        width: impl Fn() -> usize + Send + Sync + 'static,
    ) -> (Console, SyncSender<()>, Receiver<Vec<u8>>) {
        let ((go, gone), (write, written)) = (sync_channel(100), sync_channel(100));
        let out = Slow(gone, write);
        let console = Console::new(out, |n| format!("{n} dropped\n"), width).expect("a thread");
        (console, go, written)
    }

    /// The writer holds one small write in its hands.
    fn held() -> (Console, SyncSender<()>, Receiver<Vec<u8>>) {
        let (console, go, written) = slow();
        console.lines().push(b"first\n");
        // The writer has taken it when it asks whether it may go on.
        while !console.lines().state.writing {
            thread::yield_now();
        }
        (console, go, written)
    }

    /// And the buffer is full.
    fn full() -> (Console, SyncSender<()>, Receiver<Vec<u8>>) {
        let (console, go, written) = held();
        for _ in 0..BUFFER_BYTES_MAX / 1024 {
            console.lines().push_output(b"", &[b'x'; 1023]);
        }
        (console, go, written)
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_where_it_is_missing() {
        let (console, go, written) = full();
        console.lines().push_output(b"> ", b"no room\nnor here\nnor here");
        assert_eq!(console.lines().state.dropped_lines, 3);
        go.send(()).expect("the writer waits");
        go.send(()).expect("the writer waits");
        assert_eq!(written.recv().expect("a write"), b"first\n");
        assert_eq!(written.recv().expect("a write").len(), BUFFER_BYTES_MAX);
        console.lines().push_output(b"> ", b"room again\nand more");
        go.send(()).expect("the writer waits");
        assert_eq!(written.recv().expect("a write"), b"3 dropped\n> room again\n> and more\n");
        assert_eq!(console.finish(), 3);
    }

    #[test]
    fn a_flood_does_not_drown_what_the_runner_tells() {
        let (console, go, written) = full();
        console.lines().push_output(b"", b"no room\n");
        console.lines().push(b"stopping\n");
        go.send(()).expect("the writer waits");
        go.send(()).expect("the writer waits");
        assert_eq!(written.recv().expect("a write"), b"first\n");
        assert!(written.recv().expect("a write").ends_with(b"1 dropped\nstopping\n"));
    }

    #[test]
    fn jobs_are_asked_to_ease_off_before_lines_are_lost_and_not_afterwards() {
        let (console, _go, _written) = held();
        let room = BUFFER_BYTES_MAX / 1024;
        let paces: Vec<Pace> =
            (0..room + 10).map(|_| console.lines().push_output(b"", &[b'x'; 1023])).collect();
        let eased = |part: &[Pace]| part.iter().filter(|pace| **pace == Pace::Ease).count();
        assert_eq!(eased(&paces[..room / 2]), 0);
        assert_eq!(eased(&paces[room / 2..room]), room / 2);
        assert_eq!(eased(&paces[room..]), 0);
    }

    #[test]
    fn the_status_line_stays_below_the_others() {
        let (console, go, written) = slow();
        let write = || {
            go.send(()).expect("the writer waits");
            written.recv().expect("a write")
        };
        console.set_status("1 running".into());
        assert_eq!(write(), b"1 running");
        console.lines().push(b"a line\n");
        assert_eq!(write(), b"\r\x1b[Ka line\n1 running");
        console.set_status("2 running".into());
        assert_eq!(write(), b"\r\x1b[K2 running");
        console.set_status("2 running".into());
        console.set_status(String::new());
        assert_eq!(write(), b"\r\x1b[K");
        console.lines().push(b"the last\n");
        assert_eq!(write(), b"the last\n");
        assert_eq!(console.finish(), 0);
    }

    #[test]
    fn nothing_is_left_of_it_when_the_terminal_becomes_narrower() {
        static WIDTH: AtomicUsize = AtomicUsize::new(40);
        let (console, go, written) = slow_of_width(|| WIDTH.load(Ordering::Relaxed));
        let write = || {
            go.send(()).expect("the writer waits");
            String::from_utf8(written.recv().expect("a write")).expect("UTF-8")
        };
        console.set_status("1 running: sync#1 … and so on".into());
        assert_eq!(write(), "1 running: sync#1 … and so on");
        WIDTH.store(10, Ordering::Relaxed);
        console.lines().push(b"a line\n");
        assert_eq!(write(), "\x1b[2A\r\x1b[Ja line\n1 running");
        WIDTH.store(9, Ordering::Relaxed);
        console.lines().push(b"a line\n");
        assert_eq!(write(), "\r\x1b[Ka line\n1 runnin");
        WIDTH.store(1, Ordering::Relaxed);
        console.lines().push(b"a line\n");
        assert_eq!(write(), "\x1b[7A\r\x1b[Ja line\n");
    }

    #[test]
    fn a_slow_terminal_is_shown_the_newest_status_only() {
        let (console, go, written) = slow();
        console.lines().push(b"first\n");
        while !console.lines().state.writing {
            thread::yield_now();
        }
        for n in 1..=1000 {
            console.set_status(format!("{n} running"));
        }
        go.send(()).expect("the writer waits");
        go.send(()).expect("the writer waits");
        assert_eq!(written.recv().expect("a write"), b"first\n");
        assert_eq!(written.recv().expect("a write"), b"1000 running");
    }

    #[test]
    fn a_reader_that_has_gone_is_not_waited_for() {
        let (console, go, _written) = slow();
        drop(go);
        console.lines().push(b"nobody reads this\n");
        console.finish();
        let mut lines = console.lines();
        lines.push(b"nor this\n");
        assert!(lines.state.closed);
        assert!(lines.state.buffer.is_empty());
    }
}
