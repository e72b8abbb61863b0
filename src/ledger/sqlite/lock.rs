//! One runner per ledger: a lock beside the file.
//!
//! It is `flock` on `FILE.lock`, and the descriptor is closed on exec: a child does not inherit it, and the
//! system gives it back however the runner ends. The text in it only says who holds it; it is written after the
//! lock was taken, so that a reader may find it empty, or an earlier holder's, for a moment.

use super::error::LedgerError;
use super::files;
use super::{NodeIdentity, extended};
use chrono::{DateTime, SecondsFormat, Utc};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

/// How often the text is read until it names a process that lives, and the pause between.
const READS_MAX: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// The right to write a ledger; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of the ledger at `path` at once, or not at all.
    pub(super) fn take(path: &Path, node: &NodeIdentity) -> Result<Lock, LedgerError> {
        let file = files::open_private(&extended(path, ".lock"), OFlags::CREATE)
            .map_err(|source| files::refused(path, "locked", source.into()))?;
        let mut file = File::from(file);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(held(path, &mut file)),
            Err(source) => return Err(files::refused(path, "locked", source.into())),
        }
        let since = node.started_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let text = format!("pid {}\nboot {}\nsince {since}\n", node.pid, node.boot_id);
        file.set_len(0)
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(|source| files::refused(path, "locked", source))?;
        Ok(Lock(file))
    }
}

impl Drop for Lock {
    /// Nobody holds it from now on, and nobody is to be named.
    fn drop(&mut self) {
        let _ = self.0.set_len(0);
    }
}

fn held(path: &Path, file: &mut File) -> LedgerError {
    let mut holder = read(file);
    for _ in 1..READS_MAX {
        if holder.is_some_and(|(pid, _)| lives(pid)) {
            break;
        }
        thread::sleep(PAUSE);
        holder = read(file);
    }
    let (pid, since) = holder.unzip();
    LedgerError::Held { path: path.to_owned(), pid, since: since.flatten() }
}

fn read(file: &mut File) -> Option<(u32, Option<DateTime<Utc>>)> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    Some((value("pid")?.parse().ok()?, value("since").and_then(|since| since.parse().ok())))
}

fn lives(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
