//! The system calls that no crate of ours wraps: how a process comes to be, how its exit is collected, and
//! who a user is. All unsafe code of the executor is here.
//!
//! # How a process comes to be
//!
//! [`start`] does what `posix_spawn(3)` does in the C library: a child that runs on the memory of its parent,
//! on a stack of its own, while the thread that made it waits until the child has become the program. That
//! takes the same tenth of a millisecond whatever the size of the parent; a child with a copy of the memory
//! takes a quarter of one beside 5 MB, and more than ten beside 500 MB. It is written out here rather than
//! called, because
//!
//! - umask, nice, limits and the user are set in the child, and `posix_spawn(3)` knows nothing of them. That
//!   concerns every job: the runner's own limit on open files is raised, and is not handed on;
//! - the child's pidfd is made with it. One that is had afterwards can be refused for want of descriptors,
//!   when the program has begun;
//! - it is known which step failed.
//!
//! A child that becomes another user gets a copy of the memory all the same: a process that is somebody
//! else's never shares memory with one of ours.
//!
//! The thread waits as long as the child is on its way, which on a file system that does not answer can be
//! for ever. So the child says its process id first of all, on a page that it shares in any case ([`Birth`]):
//! whoever does not want it any more can end it. One that nobody wants before it has said so ends by itself.
//!
//! # What the child may do
//!
//! Everything is resolved and allocated before. The child makes system calls and nothing else: it takes no
//! lock, allocates nothing, cannot unwind, and is not interrupted, because all signals are blocked until it
//! has none of the runner's handlers left. `rustix` makes system calls without the C library, whose
//! setuid(2) would go round all threads of a process.
#![expect(
    unsafe_code,
    reason = "clone, wait4 and the user database have no safe wrapper in the crates we use"
)]

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::fs::{Access, Mode, OFlags, access, open};
use rustix::io::Errno;
use rustix::process::{Gid, Pid, Resource, Rlimit, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};
use rustix::{process, stdio, thread};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, ptr};

/// All that a child needs to become its program.
pub(super) struct Child<'a> {
    /// The files to execute, of which the first takes that can be.
    pub(super) programs: Vec<CString>,
    pub(super) argv: Words,
    pub(super) env: Words,
    pub(super) cwd: CString,
    /// Its descriptors 0, 1 and 2. None of them is one of these numbers here.
    pub(super) stdio: [BorrowedFd<'a>; 3],
    pub(super) umask: Option<Mode>,
    pub(super) nice: Option<Nice>,
    pub(super) limits: Vec<(Resource, Rlimit)>,
    /// Whom it becomes.
    pub(super) ids: Option<Ids>,
    /// A file that it must be able to read.
    pub(super) script: Option<CString>,
}

/// How readily it yields the processor: a number, and the same for the system to read.
pub(super) struct Nice {
    value: i32,
    text: String,
}

impl Nice {
    pub(super) fn new(value: i32) -> Nice {
        Nice { value, text: value.to_string() }
    }

    fn take_on(&self) -> Result<(), Errno> {
        process::setpriority_process(None, self.value)?;
        // Where sessions are weighed against each other (autogroup, sched(7)) the number counts within one only,
        // and every job is one; theirs has it too. Without privilege it may be told ten times a second, by all
        // together: that must not keep a job from running.
        if let Ok(group) = open(c"/proc/self/autogroup", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()) {
            let _ = rustix::io::write(&group, self.text.as_bytes());
        }
        Ok(())
    }
}

/// C strings, and the array of pointers to them that ends with a null.
pub(super) struct Words {
    _texts: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Words {
    pub(super) fn new(texts: Vec<CString>) -> Words {
        let pointers = texts.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
        Words { _texts: texts, pointers }
    }
}

/// The ids of a user.
pub(super) struct Ids {
    uid: Uid,
    gid: Gid,
    /// Ascending, each once, as the system gives them back.
    groups: Vec<Gid>,
    /// Room for the system to give them back, and for one more.
    seen: Vec<libc::gid_t>,
}

impl Ids {
    pub(super) fn new(uid: Uid, gid: Gid, mut groups: Vec<Gid>) -> Ids {
        groups.sort_unstable_by_key(|gid| gid.as_raw());
        groups.dedup();
        let seen = vec![0; groups.len() + 1];
        Ids { uid, gid, groups, seen }
    }
}

/// What a child was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There was no child yet.
    Clone,
    /// Nobody wanted it any more.
    Unwanted,
    Session,
    Descriptors,
    Nice,
    Limit,
    Keyring,
    Groups,
    Group,
    User,
    /// The ids are not those that were asked for.
    Verify,
    /// It could have become root again.
    StillRoot,
    Capabilities,
    Folder,
    Script,
    Execute,
}

/// Why a child did not become a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) step: Step,
    /// Which of the limits, when it was one of them.
    pub(super) index: usize,
    pub(super) errno: Errno,
}

impl Step {
    const ALL: [Step; 16] = [
        Step::Clone,
        Step::Unwanted,
        Step::Session,
        Step::Descriptors,
        Step::Nice,
        Step::Limit,
        Step::Keyring,
        Step::Groups,
        Step::Group,
        Step::User,
        Step::Verify,
        Step::StillRoot,
        Step::Capabilities,
        Step::Folder,
        Step::Script,
        Step::Execute,
    ];

    fn failed(self, errno: Errno) -> Failed {
        Failed { step: self, index: 0, errno }
    }

    fn done<T>(self, result: Result<T, Errno>) -> Result<T, Failed> {
        result.map_err(|errno| self.failed(errno))
    }
}

/// A stack for one child at a time, and a page that nothing may touch, towards which it grows.
pub(super) struct Stack {
    base: *mut c_void,
    page: usize,
}

// SAFETY: the memory belongs to this value alone, whichever thread has it.
unsafe impl Send for Stack {}

const STACK_BYTES: usize = 64 << 10;

impl Stack {
    pub(super) fn new() -> Result<Stack, Errno> {
        let page = rustix::param::page_size();
        let base = map(page + STACK_BYTES)?;
        let stack = Stack { base, page };
        // SAFETY: the first page of that memory, of which nothing is in use.
        result(unsafe { libc::mprotect(base, page, libc::PROT_NONE) })?;
        Ok(stack)
    }

    /// Where the stack begins; it grows downwards.
    fn top(&self) -> *mut c_void {
        self.base.wrapping_byte_add(self.page + STACK_BYTES)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `new` with this length, and no child lives on it: `start` has returned.
        unsafe { libc::munmap(self.base, self.page + STACK_BYTES) };
    }
}

/// Returns new memory, all zeros, which a child shares also if it gets a copy of the rest.
fn map(bytes: usize) -> Result<*mut c_void, Errno> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, at an address that the system chooses.
    let base = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if base == libc::MAP_FAILED { Err(last_error()) } else { Ok(base) }
}

/// A process in the making, for whoever waits for it: how it failed, and the means not to want it any more.
/// It may be made several times, one after another, until that succeeds.
pub(super) struct Birth {
    page: NonNull<Page>,
    /// Held by whoever kills it or waits for it, so that its id is not another's when it is killed.
    hand: Mutex<()>,
}

/// What the child and we tell each other. All zeros is a page on which nothing was said.
#[repr(C)]
struct Page {
    /// The child's id, while there is one that has not become its program; [`THERE`] afterwards.
    pid: AtomicI32,
    unwanted: AtomicBool,
    /// How it failed: a step (counted from 1), an index and an error number. They are numbers and no more, so
    /// that whatever stands there can be read.
    report: [AtomicI32; 3],
}

/// In place of the id of a process that has become its program.
const THERE: i32 = -1;

// SAFETY: the page is only ever used by way of its atomics.
unsafe impl Send for Birth {}
// SAFETY: as above.
unsafe impl Sync for Birth {}

impl Birth {
    pub(super) fn new() -> Result<Birth, Errno> {
        let page = NonNull::new(map(size_of::<Page>())?.cast()).ok_or(Errno::NOMEM)?;
        Ok(Birth { page, hand: Mutex::default() })
    }

    /// From now on nobody wants it. One that is on its way is killed. Returns whether there is none and will
    /// be none; else it may have become its program.
    pub(super) fn forbid(&self) -> bool {
        let hand = self.hand();
        // In this order: the child first says its id and then looks whether it is wanted.
        self.page().unwanted.store(true, Ordering::SeqCst);
        let pid = self.page().pid.load(Ordering::SeqCst);
        if let Some(pid) = Some(pid).filter(|pid| *pid > 0).and_then(Pid::from_raw) {
            let _ = process::kill_process(pid, process::Signal::KILL);
        }
        drop(hand);
        pid == 0
    }

    fn is_unwanted(&self) -> bool {
        self.page().unwanted.load(Ordering::SeqCst)
    }

    /// Whether there is a process that has not become its program.
    pub(super) fn is_under_way(&self) -> bool {
        self.page().pid.load(Ordering::SeqCst) > 0
    }

    /// Nobody kills it any more by way of this.
    fn let_go(&self, pid: i32) {
        let hand = self.hand();
        self.page().pid.store(pid, Ordering::SeqCst);
        drop(hand);
    }

    fn hand(&self) -> MutexGuard<'_, ()> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self) -> &Page {
        // SAFETY: it was mapped by `new`, for as long as this value lives.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for Birth {
    fn drop(&mut self) {
        // SAFETY: it was mapped by `new` with this length, and `start`, which lends it to a child, has returned.
        unsafe { libc::munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
    }
}

impl Page {
    /// To be called by the child first of all.
    fn begin(&self) -> Result<(), Failed> {
        self.pid.store(process::getpid().as_raw_nonzero().get(), Ordering::SeqCst);
        if self.unwanted.load(Ordering::SeqCst) {
            Err(Step::Unwanted.failed(Errno::CANCELED))
        } else {
            Ok(())
        }
    }

    fn report(&self, Failed { step, index, errno }: Failed) {
        let index = i32::try_from(index).unwrap_or(0);
        self.say([1 + step as i32, index, errno.raw_os_error()]);
    }

    fn say(&self, report: [i32; 3]) {
        for (place, number) in self.report.iter().zip(report) {
            place.store(number, Ordering::SeqCst);
        }
    }

    /// `None`: nothing was said.
    fn failure(&self) -> Option<Failed> {
        let [step, index, errno] = self.report.each_ref().map(|number| number.load(Ordering::SeqCst));
        let step = *Step::ALL.get(usize::try_from(step - 1).ok()?)?;
        let index = usize::try_from(index).unwrap_or(0);
        Some(Failed { step, index, errno: Errno::from_raw_os_error(errno) })
    }
}

/// Starts a process and returns when it has become its program, with its pidfd.
///
/// It is in a session of its own, blocks and ignores no signal, and has no descriptors but those of
/// [`Child::stdio`]. Of one `birth` there is only one at a time.
pub(super) fn start(
    child: &mut Child<'_>,
    stack: &mut Stack,
    birth: &Birth,
) -> Result<(Pid, OwnedFd), Failed> {
    if birth.is_unwanted() {
        return Err(Step::Unwanted.failed(Errno::CANCELED));
    }
    let memory = if child.ids.is_some() { 0 } else { libc::CLONE_VM };
    let flags = libc::SIGCHLD | libc::CLONE_VFORK | libc::CLONE_PIDFD | memory;
    let page = birth.page();
    let mut task = Task { child, page };
    let mut pidfd: RawFd = -1;
    page.say([0; 3]);
    let blocked = block_signals();
    // SAFETY: the stack is this child's alone; `task` outlives it, as this thread goes on only when the child
    // has become a program or ended; what the child does is said at the head of this file.
    let pid =
        unsafe { libc::clone(become_program, stack.top(), flags, (&raw mut task).cast(), &raw mut pidfd) };
    let error = last_error();
    restore_signals(blocked);
    let pid = if pid > 0 { Pid::from_raw(pid) } else { None }.ok_or(Step::Clone.failed(error))?;
    let failed = page.failure();
    if pidfd < 0 && failed.is_none() {
        // A system that is too old for it; the process, and what it has begun since, must not run unseen.
        let _ = process::kill_process_group(pid, process::Signal::KILL);
    }
    // SAFETY: it was just made for us.
    let pidfd = (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) });
    match (failed, pidfd) {
        (None, Some(pidfd)) => {
            birth.let_go(THERE);
            Ok((pid, pidfd))
        }
        (failed, _) => {
            birth.let_go(0);
            let _ = wait(pid);
            Err(failed.unwrap_or(Step::Clone.failed(Errno::NOSYS)))
        }
    }
}

/// What the child gets to know.
struct Task<'a, 'fd> {
    child: &'a mut Child<'fd>,
    page: &'a Page,
}

/// The child's life, if it is one of failure; else it ends where the program begins.
extern "C" fn become_program(task: *mut c_void) -> c_int {
    // SAFETY: `start` handed on a `Task` and waits.
    let task = unsafe { &mut *task.cast::<Task<'_, '_>>() };
    let ready = task.page.begin().and_then(|()| task.child.prepare());
    let Err(failed) = ready.and_then(|()| task.child.execute());
    task.page.report(failed);
    127
}

/// What the child does. See the head of this file for what is allowed here.
impl Child<'_> {
    /// In this order: limits and nice while it may still raise them, then groups, gid and uid, then whatever
    /// must be judged as the user that it has become.
    fn prepare(&mut self) -> Result<(), Failed> {
        Step::Session.done(process::setsid())?;
        default_signals();
        Step::Descriptors.done(self.take_descriptors())?;
        if let Some(nice) = &self.nice {
            Step::Nice.done(nice.take_on())?;
        }
        for (index, (resource, limit)) in self.limits.iter().enumerate() {
            let set = Step::Limit.done(process::setrlimit(*resource, *limit));
            set.map_err(|failed| Failed { index, ..failed })?;
        }
        if let Some(umask) = self.umask {
            process::umask(umask);
        }
        if let Some(ids) = &mut self.ids {
            ids.take_on()?;
            ids.verify()?;
            ids.give_up_capabilities()?;
        }
        Step::Folder.done(process::chdir(&self.cwd))?;
        match &self.script {
            Some(script) => Step::Script.done(access(script, Access::READ_OK)),
            None => Ok(()),
        }
    }

    fn take_descriptors(&self) -> Result<(), Errno> {
        let [stdin, stdout, stderr] = &self.stdio;
        stdio::dup2_stdin(stdin)?;
        stdio::dup2_stdout(stdout)?;
        stdio::dup2_stderr(stderr)?;
        close_others();
        Ok(())
    }

    /// Becomes the first program that can be executed. As in execvp(3), one that may not be, or whose folder is
    /// out of order, is passed over; the first of these is remembered.
    fn execute(&self) -> Result<std::convert::Infallible, Failed> {
        restore_signals(NONE);
        let mut passed_over = None;
        for program in &self.programs {
            // SAFETY: C strings and null-terminated arrays of them, all of which live on.
            unsafe {
                libc::execve(program.as_ptr(), self.argv.pointers.as_ptr(), self.env.pointers.as_ptr())
            };
            match last_error() {
                Errno::NOENT | Errno::NOTDIR => {}
                error if error == Errno::ACCESS || is_of_the_folder(error) => {
                    passed_over.get_or_insert(error);
                }
                other => return Err(Step::Execute.failed(other)),
            }
        }
        Err(Step::Execute.failed(passed_over.unwrap_or(Errno::NOENT)))
    }
}

/// An error that says something of the folder in which a program is looked for, and nothing of the others.
pub(super) fn is_of_the_folder(errno: Errno) -> bool {
    matches!(errno, Errno::NAMETOOLONG | Errno::LOOP | Errno::STALE | Errno::NODEV | Errno::TIMEDOUT)
}

impl Ids {
    fn take_on(&self) -> Result<(), Failed> {
        let (uid, gid) = (self.uid, self.gid);
        // Still as root, to whose account the new keyring goes: other users may have few.
        Step::Keyring.done(leave_session_keyring())?;
        Step::Groups.done(thread::set_thread_groups(&self.groups))?;
        Step::Group.done(thread::set_thread_res_gid(gid, gid, gid))?;
        Step::User.done(thread::set_thread_res_uid(uid, uid, uid))
    }

    /// A system call that says it has done something is not believed.
    fn verify(&mut self) -> Result<(), Failed> {
        let same = Step::Verify.done(self.are_real())?;
        if !same {
            return Err(Step::Verify.failed(Errno::PERM));
        }
        if !self.uid.is_root() && thread::set_thread_uid(Uid::ROOT).is_ok() {
            return Err(Step::StillRoot.failed(Errno::PERM));
        }
        Ok(())
    }

    /// Those that a user takes on by the change are gone; those that would be inherited are not.
    fn give_up_capabilities(&self) -> Result<(), Failed> {
        if self.uid.is_root() {
            return Ok(());
        }
        let none = CapabilitySet::empty();
        let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
        Step::Capabilities.done(thread::set_capabilities(None, none))
    }

    /// Whether they are those of this process: real, effective and saved.
    fn are_real(&mut self) -> Result<bool, Errno> {
        let (mut uids, mut gids) = ([0; 3], [0; 3]);
        let [real, effective, saved] = &mut uids;
        // SAFETY: all pointers are to ids that the call may write to.
        result(unsafe { libc::getresuid(real, effective, saved) })?;
        let [real, effective, saved] = &mut gids;
        // SAFETY: as above.
        result(unsafe { libc::getresgid(real, effective, saved) })?;
        let room = c_int::try_from(self.seen.len()).unwrap_or(0);
        // SAFETY: there is room for that many.
        let count = result(unsafe { libc::getgroups(room, self.seen.as_mut_ptr()) })?;
        let seen = self.seen.iter().take(usize::try_from(count).unwrap_or(0));
        let same_groups = seen.copied().eq(self.groups.iter().map(|gid| gid.as_raw()));
        Ok(uids == [self.uid.as_raw(); 3] && gids == [self.gid.as_raw(); 3] && same_groups)
    }
}

/// Leaves the session keyring, of which whoever has it may read what the runner's session keeps there, for an
/// empty one. Where there are no keyrings, or none may be had, there is nothing to leave.
fn leave_session_keyring() -> Result<(), Errno> {
    let unnamed = ptr::null::<c_char>();
    // SAFETY: the call takes a name or null.
    if unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, unnamed) } >= 0 {
        return Ok(());
    }
    match last_error() {
        Errno::NOSYS | Errno::PERM => Ok(()),
        error => Err(error),
    }
}

/// A set of signals, as the system has it.
type SignalSet = u64;
const NONE: SignalSet = 0;
const SIGNALS: c_int = 64;

/// Blocks all signals for this thread, also the two that the C library keeps to itself; returns those that
/// were blocked before.
fn block_signals() -> SignalSet {
    let (all, mut before) = (SignalSet::MAX, NONE);
    // SAFETY: both are sets of the size that is said.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const all,
            &raw mut before,
            size_of::<SignalSet>(),
        );
    }
    before
}

/// Blocks no signal any more, whoever started us with some blocked. For the whole process when it is called
/// before there is a second thread.
pub fn unblock_signals() {
    restore_signals(NONE);
}

fn restore_signals(set: SignalSet) {
    let nowhere = ptr::null_mut::<SignalSet>();
    // SAFETY: as above.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const set,
            nowhere,
            size_of::<SignalSet>(),
        );
    }
}

/// Sets every signal to its default, ignored ones too. Those that cannot be set are at theirs anyway.
fn default_signals() {
    // The system's own `sigaction`, with room to spare: `SIG_DFL`, no flags and an empty mask are all zeros.
    let default = [0u64; 8];
    for signal in 1..=SIGNALS {
        let nowhere = ptr::null_mut::<c_void>();
        // SAFETY: the call reads what it takes for a `sigaction`, and writes nothing.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                &raw const default,
                nowhere,
                size_of::<SignalSet>(),
            );
        }
    }
}

/// Up to which number descriptors are closed one by one where the system has no better way.
const CARELESS_MAX: RawFd = 1 << 14;

/// Closes all descriptors but 0, 1 and 2, whoever opened them.
fn close_others() {
    // SAFETY: none of them is used any more: the child has its three, and what comes after has paths.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) } == 0 {
        return;
    }
    // Older than Linux 5.9, or forbidden. Our own are closed by the program's beginning anyway; one that was
    // left to us has a low number.
    for fd in 3..CARELESS_MAX {
        // SAFETY: as above.
        unsafe { libc::close(fd) };
    }
}

/// The result of a function of the C library.
fn result(returned: c_int) -> Result<c_int, Errno> {
    if returned < 0 { Err(last_error()) } else { Ok(returned) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Waits for this process alone, never for any child; returns its status and what it used.
fn wait(pid: Pid) -> Result<(c_int, libc::rusage), Errno> {
    Ok(wait4(pid, 0)?.expect("it was waited for"))
}

/// The same without waiting: `None` when there is no exit to be had yet.
pub(super) fn wait_if_ended(pid: Pid) -> Result<Option<(c_int, libc::rusage)>, Errno> {
    wait4(pid, libc::WNOHANG)
}

/// Returns the status with which a process has ended, whosever child it was, when that was collected; `None`
/// before, and where the system does not tell (Linux before 6.15).
pub(super) fn exit_of(pidfd: &impl AsFd) -> Option<c_int> {
    // SAFETY: it is made of numbers.
    let mut info: libc::pidfd_info = unsafe { MaybeUninit::zeroed().assume_init() };
    let wanted = u64::from(libc::PIDFD_INFO_EXIT);
    info.mask = wanted;
    // SAFETY: the request has the size of what it writes to in it.
    result(unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) }).ok()?;
    (info.mask & wanted != 0).then_some(info.exit_code)
}

/// Sends `signal` to the process group that is led by the process of `pidfd`, whose id is `pid`. The group can
/// live on when its leader was waited for.
///
/// # Errors
/// `SRCH` when nobody is in it. Also, where the system cannot reach a group by a pidfd (Linux before 6.9), when
/// its leader was waited for: its number may be another's.
pub(super) fn signal_group_of(pidfd: &OwnedFd, pid: Pid, signal: process::Signal) -> Result<(), Errno> {
    match send_by_pidfd(pidfd, signal.as_raw(), libc::PIDFD_SIGNAL_PROCESS_GROUP) {
        Err(Errno::INVAL) => signal_group_by_number(pidfd, pid, signal),
        sent => sent,
    }
}

/// The same where the system is older: the number is the group's as long as its leader was not waited for.
pub(super) fn signal_group_by_number(
    pidfd: &OwnedFd,
    pid: Pid,
    signal: process::Signal,
) -> Result<(), Errno> {
    // No signal: only whether it was.
    send_by_pidfd(pidfd, 0, 0)?;
    process::kill_process_group(pid, signal)
}

fn send_by_pidfd(pidfd: &OwnedFd, signal: c_int, flags: libc::c_uint) -> Result<(), Errno> {
    let no_info = ptr::null::<libc::siginfo_t>();
    // SAFETY: the call takes a siginfo_t or null.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, flags) };
    if sent < 0 { Err(last_error()) } else { Ok(()) }
}

fn wait4(pid: Pid, options: c_int) -> Result<Option<(c_int, libc::rusage)>, Errno> {
    let mut status = 0;
    let mut usage = MaybeUninit::uninit();
    loop {
        let raw = pid.as_raw_nonzero().get();
        // SAFETY: both pointers are to memory of the right size for the call to write to.
        let waited = unsafe { libc::wait4(raw, &raw mut status, options, usage.as_mut_ptr()) };
        match last_error() {
            // SAFETY: a call that returns the process id has written the usage.
            _ if waited == raw => return Ok(Some((status, unsafe { usage.assume_init() }))),
            _ if waited == 0 => return Ok(None),
            Errno::INTR => {}
            error => return Err(error),
        }
    }
}

/// What the user database says of a user.
pub(super) struct Account {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) name: CString,
    pub(super) home: CString,
    pub(super) shell: CString,
}

/// How a user is looked up.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    Name(&'a CStr),
    Id(u32),
}

/// Returns the user's account, or `None` when the database has none.
pub(super) fn account(key: Key<'_>) -> Result<Option<Account>, Errno> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let found = |buffer: &mut [c_char], found: &mut *mut libc::passwd| {
        let (entry, bytes, length) = (entry.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len());
        // SAFETY: all pointers are to memory that the calls may write to, the buffer's length is its own, and
        // the name is a C string.
        match key {
            Key::Name(name) => unsafe { libc::getpwnam_r(name.as_ptr(), entry, bytes, length, found) },
            Key::Id(id) => unsafe { libc::getpwuid_r(id, entry, bytes, length, found) },
        }
    };
    // SAFETY: an entry that was found holds C strings, which lie in the buffer and are copied here.
    look_up(found, |entry: &libc::passwd| unsafe {
        Account {
            uid: Uid::from_raw(entry.pw_uid),
            gid: Gid::from_raw(entry.pw_gid),
            name: CStr::from_ptr(entry.pw_name).to_owned(),
            home: CStr::from_ptr(entry.pw_dir).to_owned(),
            shell: CStr::from_ptr(entry.pw_shell).to_owned(),
        }
    })
}

/// Returns the id of the group of this name, or `None` when the database has none.
pub(super) fn group(name: &CStr) -> Result<Option<Gid>, Errno> {
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let found = |buffer: &mut [c_char], found: &mut *mut libc::group| {
        let (entry, bytes, length) = (entry.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len());
        // SAFETY: as for accounts.
        unsafe { libc::getgrnam_r(name.as_ptr(), entry, bytes, length, found) }
    };
    look_up(found, |entry: &libc::group| Gid::from_raw(entry.gr_gid))
}

/// Asks the database with more and more room for its answer, and takes from the answer what is wanted.
fn look_up<E, T>(
    mut ask: impl FnMut(&mut [c_char], &mut *mut E) -> c_int,
    take: impl Fn(&E) -> T,
) -> Result<Option<T>, Errno> {
    let mut buffer = vec![0; 1 << 10];
    loop {
        let mut found = ptr::null_mut();
        match ask(&mut buffer, &mut found) {
            // SAFETY: null, or the entry that the call has filled; `buffer` still lives.
            0 => return Ok(unsafe { found.as_ref() }.map(take)),
            libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 2, 0),
            // Some databases say so of a name that they do not have.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            error => return Err(Errno::from_raw_os_error(error)),
        }
    }
}

/// Returns all groups of a user, `gid` among them.
pub(super) fn groups(user: &CStr, gid: Gid) -> Vec<Gid> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut count = c_int::try_from(groups.len()).unwrap_or(c_int::MAX);
        // SAFETY: the name is a C string, and there is room for `count` groups.
        let found =
            unsafe { libc::getgrouplist(user.as_ptr(), gid.as_raw(), groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if found >= 0 {
            groups.truncate(count);
            return groups.into_iter().map(Gid::from_raw).collect();
        }
        groups.resize(count.max(groups.len() * 2), 0);
    }
}
