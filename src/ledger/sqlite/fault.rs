//! What SQLite's errors mean for a ledger that is in use, and what to do about each.

use super::error::LedgerError;
use rusqlite::{Error, ErrorCode};
use std::path::Path;

/// Why a batch could not be written.
#[derive(Debug)]
pub(super) enum Fault {
    /// What SQLite says.
    Sqlite(Error),
    /// The file, or what belongs to it, is no longer where it was.
    Moved(&'static str),
    /// It could not be opened again.
    Reopen(LedgerError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Sqlite(error)
    }
}

impl Fault {
    /// In words, for a person.
    pub(super) fn words(&self, path: &Path) -> String {
        let path = &path.display().to_string();
        match self {
            // What it says depends on where the damage was met, and is told when the runner is started again.
            Fault::Sqlite(error) if is_damage(error) => damaged(path),
            Fault::Reopen(LedgerError::Corrupt { .. } | LedgerError::NotADatabase { .. }) => damaged(path),
            Fault::Sqlite(error) => format!("the ledger `{path}` cannot be written: {}", say(error)),
            Fault::Moved(what) => format!(
                "the ledger `{path}` {what} while it was in use; put it back, or stop the runner and start it \
                 again to begin a new one"
            ),
            Fault::Reopen(error) => match std::error::Error::source(error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            },
        }
    }

    /// Whether the connection can still be used. Where it may have lost what it wrote it cannot: after an
    /// fsync that failed, the system may have dropped the pages and call the next one a success.
    pub(super) fn keeps_the_connection(&self) -> bool {
        match self {
            Fault::Sqlite(error) => !matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::CannotOpen
                        | ErrorCode::ReadOnly
                        | ErrorCode::FileLockingProtocolFailed
                )
            ),
            Fault::Moved(_) | Fault::Reopen(_) => true,
        }
    }
}

fn is_damage(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn damaged(path: &str) -> String {
    format!("the ledger `{path}` is damaged; stop the runner, and its next start says what to do")
}

/// What SQLite has found wrong, in one line and without its headings.
pub(super) fn in_one_line(found: &str) -> String {
    let lines = found.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("***"));
    lines.collect::<Vec<_>>().join("; ")
}

/// An error as a person would say it.
fn say(error: &Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program has it locked".to_owned()
        }
        Some(ErrorCode::DiskFull) => "no space is left on its file system".to_owned(),
        Some(ErrorCode::ReadOnly) => "it, its folder or its file system is read-only".to_owned(),
        Some(ErrorCode::SystemIoFailure) => format!("the disk failed: {error}"),
        _ => error.to_string(),
    }
}

/// The error of a file that could not be opened.
pub(super) fn at_open(path: &Path, error: Error) -> LedgerError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Locked { path },
        Some(ErrorCode::DiskFull) => LedgerError::Full { path },
        Some(ErrorCode::ReadOnly) => LedgerError::NoPermission {
            path,
            found: "it, its folder or its file system is read-only".to_owned(),
        },
        Some(ErrorCode::DatabaseCorrupt) => LedgerError::Corrupt { path, found: error.to_string() },
        Some(ErrorCode::NotADatabase) => LedgerError::NotADatabase { path },
        _ => LedgerError::Sqlite { path, source: error },
    }
}
