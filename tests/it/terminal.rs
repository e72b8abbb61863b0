//! On a terminal: the status line, that it never runs into anything else, and that no job has the terminal.

use crate::case::Case;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longer than anything takes on a machine that is only slow.
const PATIENCE: Duration = Duration::from_secs(60);

const COLUMNS: u16 = 70;

/// A program on a terminal of its own.
struct OnTerminal {
    child: Child,
    /// The person's end.
    keyboard: File,
    written: Receiver<Vec<u8>>,
    raw: Vec<u8>,
    case: Case,
}

/// What a terminal makes of what is written to it, as far as we use it. Lines do not scroll away.
fn screen(raw: &str) -> Vec<String> {
    let (mut lines, mut column) = (vec![Vec::new()], 0);
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let line = lines.last_mut().expect("a line");
        match c {
            '\r' => column = 0,
            '\n' => lines.push(Vec::new()),
            '\x1b' => {
                let sequence: String = chars.by_ref().take_while(|c| !c.is_ascii_alphabetic()).collect();
                // Colours have numbers.
                if sequence == "[" {
                    line.truncate(column);
                }
            }
            c => {
                line.truncate(column);
                line.push(c);
                column += 1;
            }
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect()).collect()
}

fn start(case: Case) -> OnTerminal {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&master).expect("our terminal");
    unlockpt(&master).expect("our terminal");
    resize(&master, COLUMNS);
    let name = ptsname(&master, Vec::new()).expect("its name");
    let terminal: OwnedFd =
        open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).expect("its other end");
    let mut command = case.command();
    let again = || terminal.try_clone().expect("a descriptor");
    let child = command.stdin(again()).stdout(again()).stderr(again()).spawn();
    drop((command, terminal));
    let (write, written) = channel();
    let keyboard = File::from(master);
    let mut reader = keyboard.try_clone().expect("a descriptor");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // Once nobody holds the other end any more there is an error, not an end.
        while let Ok(read) = reader.read(&mut buffer) {
            if write.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    OnTerminal { child: child.expect("the program"), keyboard, written, raw: Vec::new(), case }
}

fn resize(terminal: impl AsFd, columns: u16) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a size");
}

impl OnTerminal {
    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Waits until a line of the screen holds `text`.
    #[track_caller]
    fn until_printed(&mut self, text: &str) {
        self.until(text, |lines, _| lines.iter().any(|line| line.contains(text)));
    }

    /// Waits until the last line of the screen starts with `text`.
    #[track_caller]
    fn until_last(&mut self, text: &str) {
        self.until(text, |lines, _| lines.last().is_some_and(|line| line.starts_with(text)));
    }

    #[track_caller]
    fn until(&mut self, what: &str, is_so: impl Fn(&[String], &str) -> bool) {
        while !is_so(&screen(&self.raw()), &self.raw()) {
            let Ok(bytes) = self.written.recv_timeout(PATIENCE) else {
                panic!("`{what}` was not seen:\n{}", self.raw())
            };
            self.raw.extend(bytes);
        }
    }

    /// Lets the job end.
    fn go(&self) {
        std::fs::write(self.case.path().join("go"), "go\n").expect("it is read");
    }

    /// Asks it to stop and returns all that it wrote.
    fn stop(self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
        self.finish()
    }

    fn finish(mut self) -> String {
        while let Ok(bytes) = self.written.recv_timeout(PATIENCE) {
            self.raw.extend(bytes);
        }
        assert!(self.child.wait().expect("its end").success());
        self.raw()
    }
}

const JOBS: &str = "[jobs.long]\nstartup = true\ncommand = \"echo up; read -r line < go; setsid sleep 600 > /dev/null 2>&1 & echo left $!\"\n[jobs.later]\ncron = \"0 0 1 1 *\"\ncommand = \"true\"\n";

fn case() -> Case {
    pipe_to_go(Case::new().jobs(JOBS).args(&["start"]).env("TERM", "xterm"))
}

fn pipe_to_go(case: Case) -> Case {
    let made = std::process::Command::new("mkfifo").arg(case.path().join("go")).status();
    assert!(made.expect("mkfifo").success());
    case
}

fn end_what_was_left(raw: &str) {
    let left = screen(raw).iter().find_map(|line| line.split("| left ").nth(1)?.parse().ok());
    let left = Pid::from_raw(left.expect("a process id")).expect("positive");
    kill_process(left, Signal::KILL).expect("it lives");
}

#[test]
fn a_terminal_has_a_last_line_that_says_what_runs_and_what_comes_next() {
    let mut running = start(case());
    running.until_last("1 running: long#1 0s; next: later in ");
    running.until_last("1 running: long#1 1s; next: later in ");
    running.go();
    // A message goes to the same terminal by another way.
    running.until_printed("runner: warning: long#1 left a process behind: ");
    running.until_last("nothing running; next: later in ");
    let raw = running.stop();
    let drawn = raw.split("\r\x1b[K").filter_map(|part| part.lines().next_back());
    assert!(drawn.into_iter().all(|line| line.chars().count() < COLUMNS.into()), "{raw:?}");

    let lines = screen(&raw);
    end_what_was_left(&raw);
    let mixed: Vec<_> =
        lines.iter().filter(|line| line.contains(" running") || line.contains("; next:")).collect();
    assert!(mixed.is_empty(), "it was taken away each time, not: {mixed:?}");
    assert_eq!(lines.last().map(String::as_str), Some(""));
    let sane = |line: &String| line.contains(':') || line.is_empty();
    assert!(lines.iter().all(sane), "{lines:#?}");
}

#[test]
fn a_terminal_that_becomes_narrower_keeps_nothing_of_it() {
    let mut running = start(case());
    running.until_last("1 running: long#1 0s; next: later in ");
    resize(&running.keyboard, 24);
    // The line was broken into two, of which the cursor is in the second.
    running.until("both are taken away", |_, raw| raw.contains("\x1b[1A\r\x1b[J1 running"));
    let raw = running.raw();
    let drawn = raw.split("\x1b[J").nth(1).and_then(|rest| rest.split('\r').next()).expect("the line");
    assert!(drawn.chars().count() < 24, "{drawn:?}");
    running.go();
    running.until_printed("| left ");
    end_what_was_left(&running.stop());
}

#[test]
fn the_line_is_plain_where_colours_are_not_wanted() {
    let mut running = start(case().env("NO_COLOR", "1"));
    running.until_last("1 running: long#1 ");
    running.go();
    running.until_printed("left a process behind: ");
    let raw = running.stop();
    assert!(!raw.replace("\r\x1b[K", "").contains('\x1b'), "{raw:?}");
    end_what_was_left(&raw);
}

#[test]
fn a_dumb_terminal_has_no_such_line() {
    let mut running = start(case().env("TERM", "dumb"));
    running.until_printed("| up");
    running.go();
    running.until_printed("left a process behind: ");
    let raw = running.stop();
    assert!(!raw.contains("\x1b[K") && !raw.contains(" running"), "{raw:?}");
    end_what_was_left(&raw);
}

#[test]
fn a_pipe_has_no_such_line() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"sleep 1\"\n";
    for format in ["text", "jsonl"] {
        let mut running =
            Case::new().jobs(jobs).args(&["start", "--format", format]).env("TERM", "xterm").start();
        running.line("succeeded");
        running.signal(Signal::INT);
        let stdout = running.finish().code(0).stdout;
        assert!(!stdout.contains('\x1b') && !stdout.contains(" running"), "{stdout}");
    }
}

#[test]
fn json_lines_are_alone_on_a_terminal() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"echo up\"\n";
    let mut running =
        start(Case::new().jobs(jobs).args(&["start", "--format", "jsonl"]).env("TERM", "xterm"));
    running.until_printed("run_finished");
    let raw = running.stop();
    assert!(!raw.contains('\x1b'), "{raw:?}");
}

#[test]
fn the_terminal_is_the_runners_alone() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"trap 'echo the job too' INT; (: < /dev/tty) 2>/dev/null || echo no terminal; read -r line < go; echo went\"\n";
    // As a shell starts it: in a session whose terminal this is.
    let case = Case::new().jobs(jobs).args(&["start"]).env("TERM", "xterm").env("NO_COLOR", "1");
    let mut running = start(pipe_to_go(case).under(&["setsid", "--ctty"]));
    running.until_printed("| no terminal");
    let modes = |running: &OnTerminal| format!("{:?}", tcgetattr(&running.keyboard).expect("its modes"));
    let before = modes(&running);
    running.keyboard.write_all(b"\x03").expect("a key");
    running.until_printed("stopping: waiting for a#1, at most 25s");
    running.go();
    running.until_printed("stopped: ran 1: 1 succeeded");
    assert_eq!(modes(&running), before);
    let raw = running.finish();
    assert!(raw.contains("| went") && !raw.contains("the job too"), "{raw:?}");
}
