//! Reading a ledger: beside the runner that has it, or when none runs.
//!
//! A [`Reader`] takes no lock that a runner would wait for, makes no file and writes none. In WAL mode it sees what
//! was committed when a question is asked, and never half of a batch. A ledger that was closed cleanly has no
//! `-wal` beside it, and SQLite would make one to read it: such a file is read as one that does not change
//! (`immutable`), which it is until a runner starts. [`Reader::is_outdated`] says when one has.
//!
//! `rows` is what has ended, newest first; `audit` holds the ledger against the fire times that there should have
//! been, which `expected` computes; `facts` is what else is known of jobs, runs and runners.

mod audit;
mod expected;
mod facts;
mod rows;

pub use audit::{Audited, Finding, Found};
pub use facts::{Ended, InForce, JobFacts, Lately, NodeSeen, Printed, UnderWay};
pub use rows::{Rows, Wanted};

use super::error::LedgerError;
use super::schema::{self, FORMAT, Format};
use super::{extended, fault, files, past};
use crate::model::{Name, OpenRun};
use crate::trigger::Zone;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long is waited while another process recovers the ledger from a crash.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// See the module's page.
pub struct Reader {
    path: PathBuf,
    db: Connection,
    /// The file is taken as one that does not change.
    is_frozen: bool,
}

/// A job's row, and what its rows are shown with.
pub(super) struct JobRow {
    pub(super) id: i64,
    pub(super) name: Name,
    pub(super) zone: Zone,
    pub(super) clock_epoch: u32,
    /// The watermark.
    pub(super) accounted: Option<i64>,
    /// The latest request.
    pub(super) asked: Option<i64>,
    /// Its rows in `fire`.
    pub(super) fires: i64,
}

impl Reader {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    /// [`LedgerError::Missing`] if there is none; the others say what is wrong with it.
    pub fn open(path: &Path) -> Result<Reader, LedgerError> {
        let path = files::resolve(path)?;
        if !files::is_there(&path)? {
            return Err(LedgerError::Missing { path });
        }
        let is_frozen = !extended(&path, "-wal").exists();
        let at_open = |error| fault::at_open(&path, error);
        let db = if is_frozen { connect_frozen(&path) } else { Connection::open_with_flags(&path, flags()) };
        let db = db.map_err(at_open)?;
        set_up(&db).map_err(at_open)?;
        match schema::format(&db).map_err(at_open)? {
            Format::Known(_) => Ok(Reader { path, db, is_frozen }),
            Format::Newer(found) => Err(LedgerError::Newer { path, found, known: FORMAT }),
            Format::Empty => Err(LedgerError::Corrupt { path, found: "there is nothing in it".to_owned() }),
            Format::Foreign => Err(LedgerError::NotALedger { path, found: "another program's database" }),
        }
    }

    /// Where it is, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a runner has opened it since, and what is read from now on may be torn: it is to be opened again.
    pub fn is_outdated(&self) -> bool {
        self.is_frozen && extended(&self.path, "-wal").exists()
    }

    /// The names of all jobs that were ever in it, sorted.
    pub fn job_names(&self) -> Result<Vec<Name>, LedgerError> {
        Ok(self.said(jobs(&self.db))?.into_values().map(|job| job.name).collect())
    }

    /// Runs that were claimed and have not ended, in the order of their claims.
    pub fn open_runs(&self) -> Result<Vec<OpenRun>, LedgerError> {
        self.said(past::runs(&self.db))
    }

    fn said<T>(&self, result: Result<T>) -> Result<T, LedgerError> {
        result.map_err(|error| fault::at_open(&self.path, error))
    }
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn connect_frozen(path: &Path) -> Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => write!(uri, "%{byte:02X}").expect("a text takes it"),
        }
    }
    Connection::open_with_flags(uri + "?immutable=1", flags() | OpenFlags::SQLITE_OPEN_URI)
}

fn set_up(db: &Connection) -> Result<()> {
    db.busy_timeout(BUSY_MAX)?;
    // Else a statement that is asked of each job is planned anew for each.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "query_only", "ON")?;
    db.pragma_update(None, "trusted_schema", "OFF")?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "cache_size", -32_000)
}

/// All jobs, by their names.
fn jobs(db: &Connection) -> Result<BTreeMap<Name, JobRow>> {
    let sql = "SELECT name, job.id, coalesce(job.clock_epoch, 0), accounted, asked, fires,
               (SELECT zone FROM definition WHERE job = job.id ORDER BY id DESC LIMIT 1) FROM job";
    let read = |row: &rusqlite::Row<'_>| {
        let zone: Option<String> = row.get(6)?;
        // A zone that this machine does not have is shown in UTC.
        let zone = zone.and_then(|zone| Zone::find(&zone).ok()).unwrap_or_else(Zone::utc);
        let (id, clock_epoch, accounted) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let name = past::name(row, 0)?;
        let (asked, fires) = (row.get(4)?, row.get(5)?);
        Ok((name.clone(), JobRow { id, name, zone, clock_epoch, accounted, asked, fires }))
    };
    db.prepare_cached(sql)?.query_map([], read)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::world::{World, closed, defined, fire};
    use crate::model::{Outcome, Record};
    use std::fs;

    #[test]
    fn a_ledger_that_is_missing_is_not_made() {
        let world = World::closed();
        let missing = Reader::open(&world.path()).err().expect("there is none");
        assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
        assert!(!world.path().parent().expect("a folder").exists());
    }

    #[test]
    fn reading_leaves_nothing_behind_and_sees_what_a_runner_writes() {
        let mut world = World::sqlite();
        let names = |world: &World| {
            let reader = Reader::open(&world.path()).expect("a ledger");
            reader.job_names().expect("names").iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(names(&world).is_empty());
        world.write([
            defined("a", 0, 0, None),
            closed("b", 10, Outcome::Missed),
            Record::Claim(fire("b", 20)),
        ]);
        assert_eq!(names(&world), ["a", "b"]);
        world.close(1000);
        let files = || fs::read_dir(world.path().parent().expect("a folder")).expect("it is there").count();
        let before = files();
        assert_eq!(names(&world), ["a", "b"]);
        assert_eq!(files(), before);
    }

    #[test]
    fn a_reader_knows_that_a_runner_came_after_it() {
        let mut world = World::sqlite();
        world.close(1000);
        let reader = Reader::open(&world.path()).expect("a ledger");
        assert!(!reader.is_outdated());
        world.open();
        assert!(reader.is_outdated());
        assert!(!Reader::open(&world.path()).expect("a ledger").is_outdated());
    }

    #[test]
    fn open_runs_are_those_that_have_not_ended() {
        let mut world = World::sqlite();
        world.write([Record::Claim(fire("a", 10)), Record::Claim(fire("b", 20))]);
        let runs = Reader::open(&world.path()).expect("a ledger").open_runs().expect("runs");
        assert_eq!(runs.iter().map(|open| open.run.to_string()).collect::<Vec<_>>(), ["a#1", "b#1"]);
    }
}
