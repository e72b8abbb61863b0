//! One runner per ledger: a lock beside the file.
//!
//! It is `flock` on `FILE.lock`, and the descriptor is closed on exec: a child does not inherit it, and the
//! system gives it back however the runner ends. The text in it only says who holds it; it is written after the
//! lock was taken, so that a reader may find it empty, or an earlier holder's, for a moment.

use super::error::LedgerError;
use super::files::{self, FileId};
use super::{NodeIdentity, extended};
use chrono::{DateTime, SecondsFormat, Utc};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often it is tried while nobody who lives is named, and the pause between.
const TRIES_MAX: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// The right to write a ledger; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

/// The runner that holds a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` if it has not said yet.
    pub pid: Option<u32>,
    /// When it was started.
    pub since: Option<DateTime<Utc>>,
}

impl Lock {
    /// Takes the lock of the ledger at `path` at once, or not at all.
    pub(super) fn take(path: &Path, node: &NodeIdentity) -> Result<Lock, LedgerError> {
        let refused = |source| files::refused(path, "locked", source);
        let file = files::open_private(&extended(path, ".lock"), OFlags::CREATE);
        let mut file = File::from(file.map_err(|error| refused(error.into()))?);
        if let Some(Holder { pid, since }) = lock(&mut file, true).map_err(refused)? {
            return Err(LedgerError::Held { path: path.to_owned(), pid, since });
        }
        let since = node.started_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let text = format!("pid {}\nboot {}\nsince {since}\n", node.pid, node.boot_id);
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(refused)?;
        Ok(Lock(file))
    }
}

impl Lock {
    /// Whether the file that is locked still has its name, so that the next one finds it.
    pub(super) fn is_in_place(&self, path: &Path) -> bool {
        FileId::of(&extended(path, ".lock")).is_some_and(|found| FileId::of_file(&self.0) == Some(found))
    }
}

/// Returns who holds the ledger at `path`; `None`: nobody does.
///
/// # Errors
/// [`LedgerError::NoPermission`] or [`LedgerError::Io`] when the lock cannot be looked at.
pub fn holder(path: &Path) -> Result<Option<Holder>, LedgerError> {
    let refused = |source| files::refused(path, "looked at", source);
    match File::open(extended(path, ".lock")) {
        Ok(mut file) => lock(&mut file, false).map_err(refused),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

/// Locks `file`, or returns who has it locked. Who only looks shares it, and for a moment: such a one names
/// nobody, and is waited for.
fn lock(file: &mut File, alone: bool) -> io::Result<Option<Holder>> {
    use FlockOperation::{NonBlockingLockExclusive, NonBlockingLockShared};
    let how = if alone { NonBlockingLockExclusive } else { NonBlockingLockShared };
    let mut holder = Holder::default();
    for _ in 0..TRIES_MAX {
        match flock(&*file, how) {
            Ok(()) => return Ok(None),
            Err(Errno::WOULDBLOCK) => holder = read(file),
            Err(error) => return Err(error.into()),
        }
        if holder.pid.is_some_and(lives) {
            break;
        }
        thread::sleep(PAUSE);
    }
    Ok(Some(holder))
}

impl Drop for Lock {
    /// Nobody holds it from now on, and nobody is to be named.
    fn drop(&mut self) {
        let _ = self.0.set_len(0);
    }
}

fn read(file: &mut File) -> Holder {
    let mut text = String::new();
    if file.rewind().and_then(|()| file.read_to_string(&mut text)).is_err() {
        return Holder::default();
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    Holder {
        pid: value("pid").and_then(|pid| pid.parse().ok()),
        since: value("since").and_then(|since| since.parse().ok()),
    }
}

fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
