//! The files of a ledger: made for their owner alone, found, and set aside.
//!
//! A ledger file comes into being under another name and gets its own when it is whole: so one that is empty
//! or cut short was damaged by something else, and is never taken for a new one. SQLite gives what it puts
//! beside it (`-wal`, `-shm`) the same mode.
//!
//! Here no ledger file is opened that SQLite may have open in this process: closing it would give back
//! SQLite's locks.

use super::error::LedgerError;
use super::{NodeIdentity, extended, lock::Lock, schema};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, RenameFlags, StatFs, fchmod, fsync, open, renameat_with, statfs};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What SQLite puts beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file of that name, if there is one.
    pub(super) fn of(path: &Path) -> Option<FileId> {
        let found = fs::metadata(path).ok()?;
        Some(FileId { device: found.dev(), inode: found.ino() })
    }
}

/// The file that a link leads to; other paths as they are. SQLite puts what belongs to a ledger beside the file.
/// Only a link of this user's or of root's is followed: whose it is decides which file is written.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, LedgerError> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() && found.uid() != 0 && found.uid() != geteuid().as_raw() => {
            Err(LedgerError::NotALedger { path: path.to_owned(), found: "a link of another user" })
        }
        Ok(found) if found.is_symlink() => {
            fs::canonicalize(path).map_err(|source| refused(path, "found", source))
        }
        _ => Ok(path.to_owned()),
    }
}

/// Makes the folder of `path` and those above it that are not there, 0700.
pub(super) fn make_folder(path: &Path) -> Result<(), LedgerError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o700)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
        .map_err(|source| refused(path, "created", source))?;
    }
    Ok(())
}

/// Refuses a ledger that everybody may write, and a folder in which everybody may put another in its place.
///
/// Members of a group are trusted: `umask 002` and the volumes of a cluster (`fsGroup`) give it these rights. So is
/// a folder with the sticky bit, in which nobody can take what is another's.
pub(super) fn check_rights(path: &Path) -> Result<(), LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = |path: &Path| fs::metadata(path).map_or(0, |found| found.mode());
    let open = [(folder, 0o1002), (path, 0o002)].into_iter().find(|(what, bits)| mode(what) & bits == 0o002);
    let Some((what, _)) = open else { return Ok(()) };
    Err(LedgerError::OpenToAll { path: path.to_owned(), what: what.to_owned() })
}

/// Refuses a file system of other machines.
pub(super) fn check_file_system(path: &Path) -> Result<(), LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = statfs(folder).map_err(|source| refused(path, "found", source.into()))?;
    match network(&found) {
        Some(kind) => Err(LedgerError::Network { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

/// What a file system that is not this machine's own is called; `None` if it is.
#[cfg(target_os = "linux")]
fn network(found: &StatFs) -> Option<&'static str> {
    network_of(found.f_type)
}

#[cfg(not(target_os = "linux"))]
fn network(_: &StatFs) -> Option<&'static str> {
    None
}

/// By the numbers of `statfs(2)`.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "the numbers are Linux's"))]
fn network_of(magic: i64) -> Option<&'static str> {
    Some(match magic & 0xFFFF_FFFF {
        0x6969 => "NFS",
        0x517B | 0xFE53_4D42 | 0xFF53_4D42 => "SMB",
        0x0102_1997 => "9p",
        0x6573_5546 => "FUSE",
        0x00C3_6400 => "Ceph",
        0x5346_414F => "AFS",
        0x7375_7245 => "Coda",
        0x0BD0_0BD0 => "Lustre",
        0x786F_4256 => "vboxsf",
        _ => return None,
    })
}

/// Whether there is a ledger file at `path`.
///
/// # Errors
/// When something else is there, or what belongs to a ledger file without it.
pub(super) fn is_there(path: &Path) -> Result<bool, LedgerError> {
    let not = |found| LedgerError::NotALedger { path: path.to_owned(), found };
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(not("a folder")),
        Ok(found) if !found.is_file() => Err(not("neither a file nor a folder")),
        Ok(found) if found.len() == 0 => {
            Err(LedgerError::Corrupt { path: path.to_owned(), found: "the file is empty".to_owned() })
        }
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match remains(path) {
            Some(remains) => Err(LedgerError::Corrupt {
                path: path.to_owned(),
                found: format!("the file is missing, and `{}` is there", remains.display()),
            }),
            None => Ok(false),
        },
        Err(source) => Err(refused(path, "found", source)),
    }
}

/// What was beside a ledger file that is gone.
fn remains(path: &Path) -> Option<PathBuf> {
    BESIDE.iter().map(|end| extended(path, end)).find(|path| path.symlink_metadata().is_ok())
}

/// Makes a ledger without any rows.
pub(super) fn create(path: &Path) -> Result<(), LedgerError> {
    let new = extended(path, ".new");
    let refused = |source| refused(path, "created", source);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(error)),
        _ => drop(open_private(&new, OFlags::CREATE | OFlags::EXCL).map_err(|error| refused(error.into()))?),
    }
    let create = || {
        let db = Connection::open_with_flags(&new, flags())?;
        schema::create(&db)?;
        db.close().map_err(|(_, error)| error)
    };
    create().map_err(|error| super::fault::at_open(path, error))?;
    settle(&new, path).map_err(|error| refused(error.into()))
}

/// How SQLite opens a file: it never makes one.
pub(super) fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Gives a file that is whole its name, on the disk as well.
fn settle(new: &Path, path: &Path) -> Result<(), Errno> {
    fsync(open(new, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)?;
    rename(new, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fsync(open(folder, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY, Mode::empty())?)
}

/// Renames, and never over another file.
fn rename(from: &Path, to: &Path) -> Result<(), Errno> {
    use rustix::fs::CWD;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that has no such renaming.
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => {
            Ok(rustix::fs::rename(from, to)?)
        }
        result => result,
    }
}

/// Opens a file that is to be its owner's alone, for reading and writing. No link is followed.
pub(super) fn open_private(path: &Path, how: OFlags) -> Result<OwnedFd, Errno> {
    let mode = Mode::RUSR | Mode::WUSR;
    let file = open(path, how | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)?;
    if how.contains(OFlags::EXCL) || rustix::fs::fstat(&file)?.st_size == 0 {
        // What the umask has taken away.
        fchmod(&file, mode)?;
    }
    Ok(file)
}

/// Moves a damaged ledger, and what belongs to it, to `FILE.corrupt-TIME` beside it, and returns that name.
/// Nothing is deleted, and nothing is written over. The next runner begins a new ledger.
///
/// # Errors
/// [`LedgerError::Held`] if a runner uses it, [`LedgerError::Io`] if there is none or it cannot be renamed.
pub fn quarantine(path: &Path, node: &NodeIdentity, at: DateTime<Utc>) -> Result<PathBuf, LedgerError> {
    let refused = |source: io::Error| refused(path, "set aside", source);
    if path.symlink_metadata().is_err() && remains(path).is_none() {
        return Err(refused(io::ErrorKind::NotFound.into()));
    }
    let _lock = Lock::take(path, node)?;
    let stamp = at.format(".corrupt-%Y%m%dT%H%M%SZ").to_string();
    let names = (1..100).map(|n| if n == 1 { stamp.clone() } else { format!("{stamp}-{n}") });
    let mut free = names.map(|end| extended(path, &end)).filter(|aside| aside.symlink_metadata().is_err());
    let aside = free.next().ok_or_else(|| refused(io::ErrorKind::AlreadyExists.into()))?;
    for end in ["", "-wal", "-shm", "-journal"] {
        match rename(&extended(path, end), &extended(&aside, end)) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(refused(error.into())),
        }
    }
    Ok(aside)
}

/// The error of what the system refused.
pub(super) fn refused(path: &Path, what: &'static str, source: io::Error) -> LedgerError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            LedgerError::NoPermission { path, found: source.to_string() }
        }
        io::ErrorKind::StorageFull => LedgerError::Full { path },
        _ => LedgerError::Io { path, what, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_other_machines_are_known_by_their_numbers() {
        // As in `linux/magic.h`: NFS, SMB2, CIFS, 9p, FUSE; then ext4, tmpfs, XFS, overlayfs, btrfs.
        let others = [0x6969, 0xFE53_4D42, 0xFF53_4D42, 0x0102_1997, 0x6573_5546].map(network_of);
        assert_eq!(others, ["NFS", "SMB", "SMB", "9p", "FUSE"].map(Some));
        // Where it is a signed number of 32 bits.
        assert_eq!(network_of(0xFE53_4D42_u32.cast_signed().into()), Some("SMB"));
        let own = [0xEF53, 0x0102_1994, 0x5846_5342, 0x794C_7630, 0x9123_683E].map(network_of);
        assert_eq!(own, [None; 5]);
    }
}
