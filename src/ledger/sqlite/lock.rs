//! One runner per ledger: a lock beside the file.
//!
//! It is `flock` on `FILE.lock`, and the descriptor is closed on exec: a child does not inherit it, and the
//! system gives it back however the runner ends. The text in it only says who holds it; it is written after the
//! lock was taken, so that a reader may find it empty, or an earlier holder's, for a moment.
//!
//! A file can be deleted, and the next one of its name is another one. So the ledger file itself is locked as
//! well: `flock` of a local file system knows nothing of SQLite's locks, which are `fcntl`'s. Closing any
//! descriptor of a file gives back `fcntl`'s locks on it, so this one is opened before SQLite's connection and
//! closed after it. On a network file system, where both may be one lock, the file beside it has to do.

use super::error::LedgerError;
use super::files;
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

/// The right to write a ledger; given back when it is dropped, which is after the last connection.
#[derive(Debug)]
pub(super) struct Lock {
    beside: File,
    /// `None`: there is none yet, or its file system is another machine's.
    ledger: Option<File>,
}

/// The runner, or the run by hand, that holds a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; `None` if it has not said yet.
    pub pid: Option<u32>,
    /// When it was started.
    pub since: Option<DateTime<Utc>>,
    /// Whether it only runs one job by hand.
    pub by_hand: bool,
}

impl Lock {
    /// Takes the lock of the ledger at `path` at once, or not at all.
    pub(super) fn take(path: &Path, node: &NodeIdentity) -> Result<Lock, LedgerError> {
        let refused = |source| files::refused(path, "locked", source);
        let file = files::open_private(&extended(path, ".lock"), OFlags::CREATE);
        let mut file = File::from(file.map_err(|error| refused(error.into()))?);
        if let Some(Holder { pid, since, by_hand }) = lock(&mut file, true).map_err(refused)? {
            return Err(LedgerError::Held { path: path.to_owned(), pid, since, by_hand });
        }
        let since = node.started_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let how = if node.by_hand { "hand" } else { "runner" };
        let text = format!("pid {}\nboot {}\nsince {since}\nby {how}\n", node.pid, node.boot_id);
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(refused)?;
        let mut lock = Lock { beside: file, ledger: None };
        lock.take_ledger(path)?;
        Ok(lock)
    }

    /// Locks the ledger file as well, once it is there.
    pub(super) fn take_ledger(&mut self, path: &Path) -> Result<(), LedgerError> {
        let refused = |source| files::refused(path, "locked", source);
        if files::check_file_system(path).is_err() {
            return Ok(());
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(refused(error)),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => self.ledger = Some(file),
            // Who it is was said in a file that is gone.
            Err(Errno::WOULDBLOCK) => {
                return Err(LedgerError::Held {
                    path: path.to_owned(),
                    pid: None,
                    since: None,
                    by_hand: false,
                });
            }
            Err(error) => return Err(refused(error.into())),
        }
        Ok(())
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
        let _ = self.beside.set_len(0);
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
        by_hand: value("by") == Some("hand"),
    }
}

fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
