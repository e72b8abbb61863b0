//! The file's format, and how an older one is brought up to it.
//!
//! SQLite's `application_id` tells a ledger from other databases, its `user_version` is the format. Each format
//! but the first is a migration from the one before; all that a file lacks are done in one transaction, so that
//! a runner that is killed meanwhile leaves the old format or the new one. A migration that was released is
//! never changed.
//!
//! What the tables hold is said in `schema.sql`. Three things are not obvious:
//!
//! - A row of `fire` is written when a fire time becomes known and once more when it has ended, and never
//!   between: what changes meanwhile is in `open`, which is small.
//! - `outcome` is 0 for what succeeded. So the index of all that did not is small, and asks for `outcome > 0`.
//! - `auto_vacuum` is incremental, because it can only be chosen for a file that is empty.

use rusqlite::Connection;

/// `runn` in ASCII.
const APPLICATION_ID: i32 = 0x7275_6e6e;

/// Each brings a file from the format of its index to the next.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// The format of this release.
pub(super) const FORMAT: u32 = 1;

const _: () = assert!(MIGRATIONS.len() == FORMAT as usize, "one migration for each format");

/// What a database's header says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A ledger of this or an older release.
    Known(u32),
    /// A ledger of a newer release.
    Newer(u32),
    /// What is left of a database that was cut short.
    Empty,
    /// Another program's database.
    Foreign,
}

/// Returns what `db` is.
pub(super) fn format(db: &Connection) -> rusqlite::Result<Format> {
    let application: i32 = db.pragma_query_one(None, "application_id")?;
    let version: u32 = db.pragma_query_one(None, "user_version")?;
    Ok(match version {
        _ if db.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, u32>(0))? == 0 => {
            Format::Empty
        }
        _ if application != APPLICATION_ID => Format::Foreign,
        0 => Format::Foreign,
        version if version > FORMAT => Format::Newer(version),
        version => Format::Known(version),
    })
}

/// Makes a ledger of an empty database.
pub(super) fn create(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "page_size", 4096)?;
    db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(db, 0)
}

/// Brings a ledger of an older format to [`FORMAT`].
pub(super) fn bring_up_to_date(db: &Connection) -> rusqlite::Result<()> {
    match format(db)? {
        Format::Known(from) => migrate(db, from),
        Format::Newer(_) | Format::Empty | Format::Foreign => Ok(()),
    }
}

fn migrate(db: &Connection, from: u32) -> rusqlite::Result<()> {
    let missing = &MIGRATIONS[from as usize..];
    if missing.is_empty() {
        return Ok(());
    }
    let script = missing.concat();
    db.execute_batch(&format!("BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {FORMAT};\nCOMMIT;"))
}
