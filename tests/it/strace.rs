//! strace(1), which makes system calls of the runner fail: all along, or for as long as a test likes.
//!
//! Jobs are spared: it lets go of whoever becomes another program.

use crate::case::machine_has;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::thread;

/// What one is to do, and to whom.
const QUIET: [&str; 5] = ["strace", "-b", "execve", "-o", "/dev/null"];

/// Whether calls can be made to fail here.
pub fn can_inject() -> bool {
    let probe = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=getppid:retval=1", "true"];
    machine_has("strace that may change calls", &probe)
}

/// Whether they can be made to fail in a runner that is there already.
pub fn can_attach() -> bool {
    static ATTACHES: LazyLock<bool> = LazyLock::new(|| {
        let probe = r#"sleep 60 & strace -o /dev/null -p $! 2>&1 | {
            read -r said; kill $!; case "$said" in *attached*) ;; *) exit 1;; esac; }"#;
        machine_has("strace that may attach itself", &["sh", "-c", probe])
    });
    can_inject() && *ATTACHES
}

/// The words that run a program while this is done to its calls; for [`Case::under`](crate::case::Case::under).
pub fn strace<'a>(injections: &[&'a str]) -> Vec<&'a str> {
    let each = injections.iter().flat_map(|injection| ["-e", injection]);
    QUIET.into_iter().chain(["-f", "-qq"]).chain(each).collect()
}

/// Checks several faults, all at once.
pub fn each<T: Copy + Send>(faults: &[T], check: impl Fn(T) + Sync) {
    thread::scope(|scope| {
        for fault in faults.iter().copied() {
            let check = &check;
            scope.spawn(move || check(fault));
        }
    });
}

/// Which threads of a runner.
#[derive(Clone, Copy)]
pub enum Threads {
    All,
    /// The one of the event loop.
    Main,
    /// Those of this name.
    Named(&'static str),
}

/// A runner whose calls fail until this is dropped.
pub struct Injection {
    strace: Child,
}

impl Injection {
    /// Does this to the calls that these threads of the runner make from now on. Calls are counted by thread.
    pub fn into(runner: i32, threads: Threads, injection: &str) -> Injection {
        let mut command = Command::new(QUIET[0]);
        command.args(&QUIET[1..]).args(["-e", &format!("inject={injection}")]);
        let of_threads = threads.of(runner);
        for thread in &of_threads {
            command.args(["-p", thread]);
        }
        let mut strace = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("strace");
        let said = BufReader::new(strace.stderr.take().expect("a pipe"));
        let (attached, all_attached) = channel();
        // To the end: else it would be held up.
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let _ = attached.send(line);
            }
        });
        for _ in of_threads {
            let line = all_attached.recv().expect("strace attaches itself");
            assert!(line.ends_with("attached"), "{line}");
        }
        Injection { strace }
    }
}

impl Threads {
    fn of(self, runner: i32) -> Vec<String> {
        let tasks = format!("/proc/{runner}/task");
        let is_meant = |thread: &String| match self {
            Threads::All => true,
            Threads::Main => *thread == runner.to_string(),
            Threads::Named(name) => {
                fs::read_to_string(format!("{tasks}/{thread}/comm")).is_ok_and(|found| found.trim() == name)
            }
        };
        let threads = fs::read_dir(&tasks).expect("it runs").flatten();
        let threads: Vec<String> = threads.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let meant: Vec<String> = threads.into_iter().filter(is_meant).collect();
        assert!(!meant.is_empty(), "no such thread");
        meant
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // It lets go of the runner when it is asked to end.
        let pid = rustix::process::Pid::from_child(&self.strace);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.strace.wait();
    }
}
