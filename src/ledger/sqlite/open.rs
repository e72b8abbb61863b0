//! Opening a ledger file: whose it is, whether it is sound, and what it says of before.

use super::error::LedgerError;
use super::files::{self, FileId};
use super::lock::Lock;
use super::schema::{self, FORMAT, Format};
use super::{OpenOptions, extended, fault, past};
use crate::model::Past;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Result, params};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another program's lock is waited for before it is called trouble.
pub(super) const BUSY_MAX: Duration = Duration::from_secs(1);

/// And when a ledger is opened.
const BUSY_AT_OPEN_MAX: Duration = Duration::from_secs(5);

/// A file up to this size is looked through at the start: it takes a second for each 100 MiB.
const CHECK_BYTES_MAX: u64 = 256 << 20;

/// How many prepared statements are kept: there are fewer.
const STATEMENTS_MAX: usize = 64;

/// A ledger file that this runner alone may write.
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) db: Connection,
    pub(super) lock: Lock,
    pub(super) past: Past,
    /// This runner's row in `node`.
    pub(super) node: i64,
}

/// Opens the ledger at `path`, making a new one if there is none, and writes that this runner was started.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<OpenFile, LedgerError> {
    let path = &files::resolve(path)?;
    files::make_folder(path)?;
    files::check_rights(path)?;
    if !options.force_network {
        files::check_file_system(path)?;
    }
    match files::is_there(path) {
        // The one who holds it is to be named, if there is one.
        Ok(_) | Err(LedgerError::Corrupt { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut lock = Lock::take(path, &options.node)?;
    if !files::is_there(path)? {
        files::create(path)?;
        lock.take_ledger(path)?;
    }
    let at_open = |error| fault::at_open(path, error);
    let opened = connect(path, BUSY_AT_OPEN_MAX).and_then(|db| {
        schema::bring_up_to_date(&db).map_err(at_open)?;
        let (past, node) = register(&db, options).map_err(at_open)?;
        db.busy_timeout(BUSY_MAX).map_err(at_open)?;
        Ok((db, past, node))
    });
    let (db, past, node) = opened.map_err(|error| explain(path, error))?;
    let gone = || files::refused(path, "found", io::ErrorKind::NotFound.into());
    let id = FileId::of(path).ok_or_else(gone)?;
    Ok(OpenFile { path: path.to_owned(), id, db, lock, past, node })
}

/// Connects to a ledger file that is there and is sound.
pub(super) fn reconnect(path: &Path, busy_max: Duration) -> Result<Connection, LedgerError> {
    connect(path, busy_max).map_err(|error| explain(path, error))
}

/// SQLite takes a file that it may not open for one that is read-only, and one that the disk does not give for one that
/// is damaged. Who does the same again is told by the system what it is. No connection may be open.
fn explain(path: &Path, error: LedgerError) -> LedgerError {
    let (again, what) = match &error {
        LedgerError::Corrupt { .. } | LedgerError::NotADatabase { .. } => (read_again(path), "read"),
        LedgerError::NoPermission { .. } | LedgerError::Sqlite { .. } => (open_again(path), "opened"),
        _ => return error,
    };
    match again.map_err(|source| files::refused(path, what, source)) {
        Err(refusal @ LedgerError::Io { .. }) => refusal,
        _ => error,
    }
}

fn read_again(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    io::copy(&mut file, &mut io::sink()).map(drop)
}

fn open_again(path: &Path) -> io::Result<()> {
    let all = [path.to_owned(), extended(path, "-wal"), extended(path, "-shm")];
    all.iter()
        .filter(|file| file.exists())
        .try_for_each(|file| File::options().read(true).write(true).open(file).map(drop))
}

fn connect(path: &Path, busy_max: Duration) -> Result<Connection, LedgerError> {
    let at_open = |error| fault::at_open(path, error);
    let db = Connection::open_with_flags(path, files::flags()).map_err(at_open)?;
    if db.is_readonly("main").map_err(at_open)? {
        let found = "it, its folder or its file system is read-only".to_owned();
        return Err(LedgerError::NoPermission { path: path.to_owned(), found });
    }
    db.busy_timeout(busy_max).map_err(at_open)?;
    let path_buf = || path.to_owned();
    match schema::format(&db).map_err(at_open)? {
        Format::Known(_) => {}
        Format::Newer(found) => return Err(LedgerError::Newer { path: path_buf(), found, known: FORMAT }),
        Format::Empty => {
            return Err(LedgerError::Corrupt {
                path: path_buf(),
                found: "there is nothing in it".to_owned(),
            });
        }
        Format::Foreign => {
            return Err(LedgerError::NotALedger { path: path_buf(), found: "another program's database" });
        }
    }
    set_up(&db).map_err(at_open)?;
    check(path, &db)?;
    Ok(db)
}

fn set_up(db: &Connection) -> Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Else a statement is planned anew for each value that a range is searched by.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", "OFF")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", 1000, |_| Ok(()))?;
    db.pragma_update(None, "cache_size", -16_000)
}

/// A file up to [`CHECK_BYTES_MAX`] is looked through; of a larger one only what is read.
fn check(path: &Path, db: &Connection) -> Result<(), LedgerError> {
    let at_open = |error| fault::at_open(path, error);
    let damaged = |found| Err(LedgerError::Corrupt { path: path.to_owned(), found });
    let size = || std::fs::metadata(path).map_or(0, |file| file.len());
    if size() <= CHECK_BYTES_MAX {
        let said: String = db.query_one("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(at_open)?;
        if said != "ok" {
            return damaged(fault::in_one_line(&said));
        }
    }
    // With nothing left in the log, a file that was cut within its last page shows.
    let whole = carry_over(db).map_err(at_open)?;
    let pages: u32 = db.pragma_query_one(None, "page_count").map_err(at_open)?;
    let page_bytes: u32 = db.pragma_query_one(None, "page_size").map_err(at_open)?;
    if whole && size() != u64::from(pages) * u64::from(page_bytes) {
        return damaged(format!("it has {} bytes, expected {pages} pages of {page_bytes}", size()));
    }
    Ok(())
}

/// Carries what is in the log over to the file; returns whether that was all of it: a program that reads an
/// older state may be in the way.
pub(super) fn carry_over(db: &Connection) -> Result<bool> {
    let sql = "PRAGMA wal_checkpoint(PASSIVE)";
    let (frames, carried): (i64, i64) = db.query_one(sql, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
    Ok(frames == carried)
}

/// Does so, waits for those who read, and empties the log; returns whether it could.
pub(super) fn empty_log(db: &Connection) -> Result<bool> {
    let busy: bool = db.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(!busy)
}

/// Reads what was before, and writes that this runner is there.
fn register(db: &Connection, options: &OpenOptions) -> Result<(Past, i64)> {
    let transaction = db.unchecked_transaction()?;
    let sql = "INSERT INTO node(host, pid, name, boot_id, started_at, by_hand, seen_at, batches, first_fire)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, 0, (SELECT coalesce(max(id), 0) + 1 FROM fire))";
    let past = past::read(db)?;
    let node = &options.node;
    let at = node.started_at.timestamp_micros();
    db.execute(sql, params![node.host, node.pid, node.name, node.boot_id, at, node.by_hand])?;
    let id = db.last_insert_rowid();
    transaction.commit()?;
    Ok((past, id))
}
