//! Why a ledger file cannot be used.

use chrono::{DateTime, SecondsFormat, Utc};
use std::io;
use std::path::PathBuf;

/// Why a ledger file cannot be used. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another runner uses it.
    #[error("the ledger `{}` is held by {}{}", path.display(), kind(*by_hand), holder(*pid, *since))]
    Held {
        /// The ledger.
        path: PathBuf,
        /// The other runner's process id; `None` if it has not said yet.
        pid: Option<u32>,
        /// When that one was started.
        since: Option<DateTime<Utc>>,
        /// Whether that one only runs one job by hand.
        by_hand: bool,
    },
    /// There is none.
    #[error("no ledger at `{}`: nothing has been recorded there", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is on a file system whose locks and flushes cannot be relied on.
    #[error(
        "the ledger `{}` is on a network file system ({kind}), whose locks do not keep a second runner out: \
         expected a local one",
        path.display()
    )]
    Network {
        /// The ledger.
        path: PathBuf,
        /// Which: `NFS`.
        kind: &'static str,
    },
    /// It was written by a newer release.
    #[error(
        "the ledger `{}` has format {found}, expected at most {known}: it was written by a newer release; \
         start that one, or name another ledger",
        path.display()
    )]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this release knows.
        known: u32,
    },
    /// Something else is there: another kind of file, or another program's database.
    #[error("expected a ledger at `{}`, found {found}", path.display())]
    NotALedger {
        /// Where.
        path: PathBuf,
        /// What is there: `a folder`.
        found: &'static str,
    },
    /// A file is there that is no SQLite database, or a ledger whose header is damaged.
    #[error("expected a ledger at `{}`, found a file that is no SQLite database", path.display())]
    NotADatabase {
        /// Where.
        path: PathBuf,
    },
    /// It was a ledger and is damaged, or a part of it is missing. [`super::quarantine`] sets it aside.
    #[error("the ledger `{}` is damaged: {found}", path.display())]
    Corrupt {
        /// The ledger.
        path: PathBuf,
        /// What is wrong with it, as SQLite says it.
        found: String,
    },
    /// Everybody may write to it or to its folder.
    #[error("the ledger `{}` is not safe: `{}` can be written by everybody", path.display(), what.display())]
    OpenToAll {
        /// The ledger.
        path: PathBuf,
        /// The file or the folder: the ledger or where it is.
        what: PathBuf,
    },
    /// Another program has it locked, and for longer than was waited.
    #[error("the ledger `{}` is locked by another program", path.display())]
    Locked {
        /// The ledger.
        path: PathBuf,
    },
    /// It may not be written, or the folder may not.
    #[error("the ledger `{}` cannot be written: {found}", path.display())]
    NoPermission {
        /// The ledger.
        path: PathBuf,
        /// What the system says.
        found: String,
    },
    /// The file system has no space.
    #[error("the ledger `{}` cannot be written: no space is left on its file system", path.display())]
    Full {
        /// The ledger.
        path: PathBuf,
    },
    /// The system refused something else.
    #[error("the ledger `{}` cannot be {what}", path.display())]
    Io {
        /// The ledger.
        path: PathBuf,
        /// What could not be done to it.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// SQLite refused something else.
    #[error("the ledger `{}` cannot be used", path.display())]
    Sqlite {
        /// The ledger.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

fn kind(by_hand: bool) -> &'static str {
    if by_hand { "a run by hand" } else { "another runner" }
}

fn holder(pid: Option<u32>, since: Option<DateTime<Utc>>) -> String {
    let pid = pid.map(|pid| format!(": process {pid}")).unwrap_or_default();
    let since = since.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
    pid + &since.map(|at| format!(", since {at}")).unwrap_or_default()
}
