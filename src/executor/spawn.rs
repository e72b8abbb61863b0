//! From what was prepared to a process that is there, or the reason why not.

use super::fault::{cannot_run, failed, unsound, unwanted};
use super::identity::Identity;
use super::orphan;
use super::prepare::{Prepared, above_stdio, of_system};
use super::scripts::ScriptFile;
use super::sys::{self, Birth, Child, Failed, Nice, Stack, Step, Words};
use crate::model::{ExitStatus, ProcessId, Resource, SpawnError, SpawnWhy, Usage};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, fchown};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Rlimit, WaitId, WaitIdOptions, waitid};
use std::ffi::{CString, OsStr, OsString, c_int};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;
use tokio::net::unix::pipe::Receiver;
use tokio::time::Instant;

/// A process that is there and has not been waited for.
pub(super) struct Spawned {
    pub(super) process: Process,
    /// By which it is known when its runner is not there any more.
    pub(super) id: ProcessId,
    pub(super) began: Instant,
    /// Readable when it has ended.
    pub(super) pidfd: OwnedFd,
    pub(super) stdout: Receiver,
    pub(super) stderr: Receiver,
    /// Removed when the process has ended.
    pub(super) script: Option<ScriptFile>,
}

/// A child. Until [`Process::wait`] its id cannot be given to another process, even when it has ended.
pub(super) struct Process {
    pub(super) pid: Pid,
}

/// Starts the process. To be called inside the tokio runtime that will follow it: all that can run short is
/// had before the process is there, so that whatever was refused can be tried again.
pub(super) fn spawn(prepared: Prepared, stack: &mut Stack, birth: &Birth) -> Result<Spawned, SpawnError> {
    let (stdout, child_stdout) = output_pipe(&prepared)?;
    let (stderr, child_stderr) = output_pipe(&prepared)?;
    let mut child = child(&prepared, [&prepared.stdin, &child_stdout, &child_stderr])?;
    let started = sys::start(&mut child, stack, birth);
    let (pid, pidfd) = started.map_err(|failed| explain(failed, &prepared))?;
    let (process, began) = (Process { pid }, Instant::now());
    let id = orphan::id_of(pid, &pidfd);
    Ok(Spawned { process, id, began, pidfd, stdout, stderr, script: prepared.script })
}

/// Returns the reading end, watched by the runtime, and the child's.
fn output_pipe(prepared: &Prepared) -> Result<(Receiver, OwnedFd), SpawnError> {
    let ours = |errno| failed("cannot make a pipe for its output", errno);
    let (output, child_output) = pipe_with(PipeFlags::CLOEXEC).map_err(ours)?;
    let output = Receiver::from_owned_fd(output);
    let output = output.map_err(|error| SpawnError {
        // Whatever its word is, such as `ENOSPC`, the event queue has no room now.
        why: SpawnWhy::Resources,
        ..ours(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    })?;
    let child_output = above_stdio(child_output).map_err(ours)?;
    if let Some(identity) = &prepared.identity {
        // So that it can be opened by its name, such as /dev/stderr. Without that it can still be written to.
        let _ = fchown(&child_output, Some(identity.uid), None);
    }
    Ok((output, child_output))
}

fn child<'a>(prepared: &Prepared, stdio: [&'a OwnedFd; 3]) -> Result<Child<'a>, SpawnError> {
    let rights = &prepared.job.setup.rights;
    let variable = |(name, value): (&OsString, &OsString)| {
        let mut variable = name.clone();
        variable.push("=");
        variable.push(value);
        variable
    };
    let script = prepared.script.as_ref().filter(|_| prepared.identity.is_some());
    Ok(Child {
        programs: texts(&prepared.programs)?,
        argv: Words::new(texts(&prepared.argv)?),
        env: Words::new(texts(prepared.env.iter().map(variable))?),
        cwd: text(prepared.job.setup.cwd.as_os_str())?,
        stdio: stdio.map(AsFd::as_fd),
        umask: rights.umask.map(Mode::from_raw_mode),
        nice: rights.nice.map(i32::from).map(Nice::new),
        limits: prepared.limits.iter().map(|(resource, limit)| (of_system(*resource), *limit)).collect(),
        ids: prepared.identity.as_ref().map(Identity::ids),
        script: script.map(|script| text(script.path().as_os_str())).transpose()?,
    })
}

fn texts(words: impl IntoIterator<Item: AsRef<OsStr>>) -> Result<Vec<CString>, SpawnError> {
    words.into_iter().map(|word| text(word.as_ref())).collect()
}

/// The text is not shown: it may be secret.
fn text(text: &OsStr) -> Result<CString, SpawnError> {
    let nul = |_| unsound("an argument, variable or path holds a NUL character, which no system call takes");
    CString::new(text.as_bytes()).map_err(nul)
}

/// Words what the child could not do.
fn explain(Failed { step, index, errno }: Failed, prepared: &Prepared) -> SpawnError {
    let setup = &prepared.job.setup;
    let user = setup.rights.user.as_ref().map(|user| format!("user `{user}`")).unwrap_or_default();
    let as_user = setup.rights.user.as_ref().map(|user| format!(" as user `{user}`")).unwrap_or_default();
    match step {
        Step::Clone => failed("cannot make a process", errno),
        Step::Unwanted => unwanted(),
        Step::Session => failed("cannot make a session", errno),
        Step::Descriptors => failed("cannot hand on standard input and output", errno),
        Step::Nice => failed(&format!("cannot set nice to {}", setup.rights.nice.unwrap_or(0)), errno),
        Step::Limit => failed(&limit(prepared.limits.get(index)), errno),
        Step::Keyring => failed(&format!("cannot take the session keyring from {user}"), errno),
        Step::Groups => failed(&format!("cannot take on the supplementary groups of {user}"), errno),
        Step::Group => failed(&format!("cannot take on the group of {user}"), errno),
        Step::User => failed(&format!("cannot become {user}"), errno),
        Step::Verify => unsound(format!("cannot become {user}: the ids are not those that were asked for")),
        Step::StillRoot => unsound(format!("cannot become {user}: it could become root again")),
        Step::Capabilities => failed(&format!("cannot take the capabilities from {user}"), errno),
        Step::Folder => failed(&format!("cannot enter cwd `{}`{as_user}", setup.cwd.display()), errno),
        Step::Script => failed(&format!("cannot read the script's temporary file{as_user}"), errno),
        Step::Execute => cannot_run(&prepared.argv[0], &prepared.programs, errno),
    }
}

fn limit(limit: Option<&(Resource, Rlimit)>) -> String {
    let Some((resource, limit)) = limit else { return "cannot set a limit".into() };
    let most = limit.current.map_or("unlimited".to_owned(), |most| most.to_string());
    format!("cannot set ulimits.{} to {most}", resource.as_str())
}

impl Process {
    /// Looks whether it has ended, and leaves the exit to be collected.
    pub(super) fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(self.pid), look), Ok(None))
    }

    /// Collects the exit, once: afterwards the id is free. `None` when it is not to be had yet, even of a
    /// process that has ended: whoever traces it is given the exit first.
    pub(super) fn wait(&self) -> io::Result<Option<(ExitStatus, Usage)>> {
        let exit = sys::wait_if_ended(self.pid)?;
        Ok(exit.map(|(status, usage)| (exit_status(status), resources(&usage))))
    }
}

pub(super) fn exit_status(status: c_int) -> ExitStatus {
    if libc::WIFSIGNALED(status) {
        ExitStatus::Signal(libc::WTERMSIG(status))
    } else {
        ExitStatus::Code(u8::try_from(libc::WEXITSTATUS(status)).expect("exit codes are bytes"))
    }
}

fn resources(usage: &libc::rusage) -> Usage {
    let time = |time: libc::timeval| {
        let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0));
        seconds + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    Usage {
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
        // In KiB on Linux.
        max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    }
}
