//! A case in three lines: `Case::new().jobs("…").arg("check").fails(2)`.
//!
//! Nothing waits for a guess of time: [`Running::line`] waits for a line that is printed, with a bound that is
//! only there so that a failure is a failure and not a hang.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes on a machine that is only slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is tested.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_runner");

/// Variables that would decide something of a case.
const INHERITED: [&str; 6] =
    ["RUNNER_FILE", "RUST_LOG", "NO_COLOR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"];

/// A user that nothing else runs as, and that no database knows.
pub const STRANGER: u32 = 54_321;

pub struct Case {
    folder: TempDir,
    /// What runs the program, if it is not run by itself.
    under: Vec<String>,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    stdin: Option<String>,
}

/// What a finished program left.
pub struct Finished {
    pub stdout: String,
    pub stderr: String,
    pub status: ExitStatus,
}

/// A program that runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    stderr: thread::JoinHandle<String>,
    /// Removed when it is dropped.
    folder: TempDir,
}

impl Case {
    pub fn new() -> Case {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("state")).expect("a folder");
        Case { folder, under: Vec::new(), args: Vec::new(), envs: Vec::new(), stdin: None }
    }

    /// Writes `jobs.toml`, where it is looked for.
    pub fn jobs(self, text: &str) -> Case {
        self.file("jobs.toml", text)
    }

    pub fn file(self, name: &str, text: &str) -> Case {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
        self
    }

    pub fn args(mut self, args: &[&str]) -> Case {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// Has it run by another program, which is given ours as its last arguments.
    pub fn under(mut self, words: &[&str]) -> Case {
        self.under = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Case {
        self.envs.push((name.into(), value.into()));
        self
    }

    pub fn stdin(mut self, text: &str) -> Case {
        self.stdin = Some(text.into());
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self) -> Command {
        let words: Vec<&str> = self.under.iter().map(String::as_str).chain([PROGRAM]).collect();
        self.command_by(&words)
    }

    /// The command after some of the shell's, in the same process.
    pub fn command_after(&self, words: &str) -> Command {
        self.command_by(&["sh", "-c", &format!("{words}; exec \"$0\" \"$@\""), PROGRAM])
    }

    /// The same by a user who is not root: in root's tests, by [`STRANGER`].
    pub fn command_without_root(&self, words: &str) -> Command {
        if !is_root() {
            return self.command_after(words);
        }
        let program = self.path().join("runner");
        // By another process: a child that another test makes meanwhile would hold what this one opens for writing,
        // and nobody can execute a file that is open for writing (ETXTBSY).
        let copied = Command::new("cp").args([Path::new(PROGRAM), &program]).status();
        assert!(copied.expect("cp").success(), "a copy that everybody can reach");
        fs::set_permissions(self.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
        chown(self.state(), Some(STRANGER), Some(STRANGER)).expect("root may give it away");
        let program = program.to_str().expect("UTF-8");
        let mut command = self.command_by(&["sh", "-c", &format!("{words}; exec \"$0\" \"$@\""), program]);
        command.uid(STRANGER).gid(STRANGER);
        command
    }

    fn command_by(&self, words: &[&str]) -> Command {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(&self.args);
        self.surround(&mut command);
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Gives a command of the caller's own making this case's folder and environment.
    pub fn surround(&self, command: &mut Command) {
        command.current_dir(self.folder.path());
        for inherited in INHERITED {
            command.env_remove(inherited);
        }
        command.env("HOME", self.folder.path()).env("TZ", "UTC").env("RUNNER_STATE_DIR", self.state());
        command.envs(self.envs.iter().map(|(name, value)| (name, value)));
    }

    /// Changes the arguments, for the same folder again.
    pub fn with_args(&mut self, args: &[&str]) -> &Case {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// The state folder of this case: its ledgers are in none that is real.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn run(&self) -> Finished {
        let command = self.command();
        self.run_by(command)
    }

    /// Runs it by a command of its own.
    pub fn run_by(&self, mut command: Command) -> Finished {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        if let (Some(text), Some(mut stdin)) = (&self.stdin, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).expect("its input");
        }
        let output = child.wait_with_output().expect("its end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Finished { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status }
    }

    /// Runs it and asserts its exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> Finished {
        let finished = self.run();
        let (stdout, stderr) = (&finished.stdout, &finished.stderr);
        assert_eq!(finished.status.code(), Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
        finished
    }

    /// Starts it and goes on.
    pub fn start(self) -> Running {
        let command = self.command();
        self.start_as(command)
    }

    /// Starts a runner in this case's folder, which stays.
    pub fn beside(&self) -> Running {
        self.beside_with(&["start"])
    }

    /// The same with other arguments.
    pub fn beside_with(&self, args: &[&str]) -> Running {
        let other = Case::new().args(args);
        let mut command = other.command();
        self.surround(&mut command);
        other.start_as(command)
    }

    /// Starts a runner in this case's folder by another program, if it is given, and has its messages come in one
    /// stream with what it prints.
    pub fn beside_in_one_stream(&self, under: &[&str]) -> Running {
        let other = Case::new().args(&["start"]);
        let words = ["sh", "-c", "exec \"$@\" 2>&1", "sh"];
        let mut command = other.command_by(&[&words, under, &[PROGRAM]].concat());
        self.surround(&mut command);
        other.start_as(command)
    }

    /// Has a runner run in this case's folder until it has printed each of these texts, in any order, and stop.
    #[track_caller]
    pub fn runs_until(&self, texts: &[&str]) {
        let mut running = self.beside();
        running.lines(texts);
        running.signal(rustix::process::Signal::TERM);
        running.finish().code(0);
    }

    /// Starts a command of the caller's own making in this case's folder.
    pub fn start_as(self, mut command: Command) -> Running {
        command.stderr(Stdio::piped());
        self.start_as_is(command)
    }

    /// The same, with standard error as it is.
    pub fn start_as_is(self, mut command: Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let (line, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
        let stderr = child.stderr.take();
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.map(|mut stderr| stderr.read_to_string(&mut text));
            text
        });
        Running { child, lines, seen: Vec::new(), stderr, folder: self.folder }
    }
}

impl Running {
    /// Waits for a line that holds `text`.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "others may be printed without end")]
    pub fn line(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.see(&line);
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("`{text}` was not printed:\n{}", self.seen.join("\n"))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without `{text}`:\n{}", self.seen.join("\n"))
                }
            }
        }
    }

    /// Waits for lines that hold these texts, in any order.
    #[track_caller]
    pub fn lines(&mut self, texts: &[&str]) {
        for text in texts {
            if !self.seen.iter().any(|line| line.contains(text)) {
                self.line(text);
            }
        }
    }

    /// Keeps a line, unless it is one of a flood.
    fn see(&mut self, line: &str) {
        if !line.ends_with("| y") {
            self.seen.push(line.to_owned());
        }
    }

    /// The line that was seen last.
    pub fn last(&self) -> &str {
        self.seen.last().map_or("", String::as_str)
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid()).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("it is there");
    }

    /// Waits for its end, but not for that of its output, which others may have too.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.see(&line);
        }
        let status = self.child.wait().expect("its end");
        let stderr = self.stderr.join().expect("its messages");
        Finished { stdout: self.seen.join("\n"), stderr, status }
    }
}

impl Finished {
    /// Asserts that `text` was printed.
    #[track_caller]
    pub fn prints(self, text: &str) -> Finished {
        assert!(self.stdout.contains(text), "`{text}` is not in:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that `text` was said on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Finished {
        assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn code(self, code: i32) -> Finished {
        assert_eq!(self.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    pub fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}

/// Whether a process lives and is no zombie.
pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Whether this machine lets a test have what `command` shows; else the test says that it was skipped. With
/// `CI=true` it must.
#[expect(
    clippy::disallowed_methods,
    reason = "whether something may be missing is a setting of the test run"
)]
pub fn machine_has(what: &str, command: &[&str]) -> bool {
    let mut probe = Command::new(command[0]);
    let has = probe.args(&command[1..]).stdin(Stdio::null()).output().is_ok_and(|done| done.status.success());
    assert!(has || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "this machine has no {what}");
    if !has {
        eprintln!("skipped: this machine has no {what}");
    }
    has
}

/// Whether these tests are root's, and may become other users.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
