//! The system calls that start a process and collect its exit. All unsafe code of the executor is here.
#![expect(unsafe_code, reason = "posix_spawn and wait4 have no safe wrapper in the crates we use")]

use super::prepare::{Prepared, cannot_run, failed};
use super::scripts::ScriptFile;
use crate::model::{ExitStatus, SpawnError, Usage};
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use std::ffi::{CString, OsStr, OsString, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::time::Duration;

/// A process that is there and has not been waited for.
pub(super) struct Spawned {
    pub(super) process: Process,
    /// Readable when it has ended.
    pub(super) pidfd: OwnedFd,
    /// The reading ends.
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    /// Removed when the process has ended.
    pub(super) script: Option<ScriptFile>,
}

/// A child. Until [`Process::wait`] its id cannot be given to another process, even when it has ended.
pub(super) struct Process {
    pub(super) pid: Pid,
}

impl Spawned {
    pub(super) fn pid(&self) -> u32 {
        self.process.pid.as_raw_nonzero().get().unsigned_abs()
    }
}

/// Starts the process: in a new session, with no signal blocked or ignored, with descriptors 0 to 2 alone.
pub(super) fn spawn(prepared: Prepared) -> Result<Spawned, SpawnError> {
    let ours = |error: Errno| failed("cannot start a process", Some(error.raw_os_error()));
    let (stdout, child_stdout) = pipe_with(PipeFlags::CLOEXEC).map_err(ours)?;
    let (stderr, child_stderr) = pipe_with(PipeFlags::CLOEXEC).map_err(ours)?;
    let pid = posix_spawn(&prepared, &child_stdout, &child_stderr)?;
    let pidfd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(pidfd) => pidfd,
        Err(error) => {
            // Without it we could not follow the process; it must not run unseen.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
            let _ = wait(pid);
            return Err(ours(error));
        }
    };
    Ok(Spawned { process: Process { pid }, pidfd, stdout, stderr, script: prepared.script })
}

fn posix_spawn(prepared: &Prepared, stdout: &OwnedFd, stderr: &OwnedFd) -> Result<Pid, SpawnError> {
    let shown = prepared.argv[0].display().to_string();
    let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| cannot_run(&shown, Errno::INVAL));
    let program = text(prepared.program.as_os_str())?;
    let argv = prepared.argv.iter().map(|word| text(word)).collect::<Result<Vec<_>, _>>()?;
    let variable = |(name, value): (&OsString, &OsString)| {
        let mut variable = name.clone();
        variable.push("=");
        variable.push(value);
        text(&variable)
    };
    let env = prepared.env.iter().map(variable).collect::<Result<Vec<_>, _>>()?;
    let cwd = text(prepared.cwd.as_os_str())?;
    let fds = [prepared.stdin.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()];
    let actions = FileActions::new(&cwd, fds).map_err(|error| cannot_run(&shown, error))?;
    let attributes = Attributes::new().map_err(|error| cannot_run(&shown, error))?;
    let (argv, env) = (pointers(&argv), pointers(&env));
    let mut pid = 0;
    // SAFETY: every pointer is to a value that lives until the call returns; both arrays end with a null
    // pointer and hold pointers to C strings; the actions and attributes were initialised.
    let error = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            argv.as_ptr(),
            env.as_ptr(),
        )
    };
    check(error).map_err(|error| cannot_run(&shown, error))?;
    Ok(Pid::from_raw(pid).expect("a process id is positive"))
}

fn pointers(strings: &[CString]) -> Vec<*mut c_char> {
    strings.iter().map(|string| string.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}

/// The functions of the `posix_spawn` family return the error number.
fn check(error: c_int) -> Result<(), Errno> {
    if error == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(error)) }
}

struct FileActions(libc::posix_spawn_file_actions_t);

impl FileActions {
    /// Enter `cwd`, make `fds` the descriptors 0, 1 and 2, close all others, whoever opened them.
    fn new(cwd: &CString, fds: [RawFd; 3]) -> Result<FileActions, Errno> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: the pointer is to memory of the right size, which the call initialises.
        check(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: it was initialised by the call above.
        let mut actions = FileActions(unsafe { actions.assume_init() });
        let raw = &raw mut actions.0;
        // SAFETY: `raw` is initialised, and `cwd` is a C string, which the call copies.
        check(unsafe { libc::posix_spawn_file_actions_addchdir_np(raw, cwd.as_ptr()) })?;
        for (target, fd) in (0..).zip(fds) {
            // SAFETY: `raw` is initialised; the numbers are looked at in the child.
            check(unsafe { libc::posix_spawn_file_actions_adddup2(raw, fd, target) })?;
        }
        #[cfg(target_env = "gnu")]
        // SAFETY: as above.
        check(unsafe { libc::posix_spawn_file_actions_addclosefrom_np(raw, 3) })?;
        Ok(actions)
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: it was initialised and is destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    /// A new session, an empty signal mask, every signal at its default.
    fn new() -> Result<Attributes, Errno> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the pointer is to memory of the right size, which the call initialises.
        check(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: it was initialised by the call above.
        let mut attributes = Attributes(unsafe { attributes.assume_init() });
        let raw = &raw mut attributes.0;
        let flags = libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
        let flags = libc::c_short::try_from(flags).expect("flags are small") | libc::POSIX_SPAWN_SETSID;
        let (mut none, mut all) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // `sigfillset` leaves out the two signals that glibc uses itself, and those that are left out it
        // makes ignored in the child.
        // SAFETY: the call initialises the set; a set is nothing but bits, any of which may be set.
        unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            ptr::write_bytes(all.as_mut_ptr(), 0xff, 1);
        }
        // SAFETY: `raw` is initialised, and so are both sets, which the calls copy.
        unsafe {
            check(libc::posix_spawnattr_setsigmask(raw, none.as_ptr()))?;
            check(libc::posix_spawnattr_setsigdefault(raw, all.as_ptr()))?;
            check(libc::posix_spawnattr_setflags(raw, flags))?;
        }
        Ok(attributes)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: it was initialised and is destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

impl Process {
    /// Looks whether it has ended, and leaves the exit to be collected.
    pub(super) fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(self.pid), look), Ok(None))
    }

    /// Collects the exit. To be called once, when the process has ended; afterwards its id is free.
    pub(super) fn wait(&self) -> io::Result<(ExitStatus, Usage)> {
        wait(self.pid)
    }
}

/// Waits for this process alone; never for any child.
fn wait(pid: Pid) -> io::Result<(ExitStatus, Usage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::uninit();
    loop {
        let raw = pid.as_raw_nonzero().get();
        // SAFETY: both pointers are to memory of the right size for the call to write to.
        let waited = unsafe { libc::wait4(raw, &raw mut status, 0, usage.as_mut_ptr()) };
        match Errno::from_io_error(&io::Error::last_os_error()) {
            _ if waited == raw => break,
            Some(Errno::INTR) => {}
            _ => return Err(io::Error::last_os_error()),
        }
    }
    // SAFETY: a call that returns the process id has written the usage.
    let usage = unsafe { usage.assume_init() };
    Ok((exit_status(status), resources(&usage)))
}

fn exit_status(status: c_int) -> ExitStatus {
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
