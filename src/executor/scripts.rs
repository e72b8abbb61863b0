//! Inline scripts as files, gone when their process is.
//!
//! An interpreter opens its script by name, some time after it was written. Whoever can put something else
//! under that name meanwhile runs what they like as the job's user, and that may be root. A descriptor in
//! place of the name would be safe, but a process gets 0, 1 and 2 and no other. So the name is one that
//! nobody else can take:
//!
//! - *Where.* Every folder on the way to it belongs to us or to root, and is not written to by others, unless
//!   its sticky bit keeps them from what is not theirs; else it is refused. For root it begins with `/run`,
//!   where nobody else can make anything at all; for others with `XDG_RUNTIME_DIR`. The folder for temporary
//!   files is for machines on which these cannot be had.
//! - *A name that is free again.* Sweepers remove old folders, and in a folder like `/tmp` anybody may then
//!   make one of the same name. The folder is therefore held open: a script is made in the one that is open,
//!   which is refused if that was removed, and only then is looked whether its name still leads there. From
//!   the making on the folder is not empty. Only root can rename it, or take away what is in it, and a
//!   sweeper of old files leaves a new one. So the name leads to this script until we remove it.
//!
//! Only we can enter the folder. A script that another user is to run belongs to that user, and nobody else
//! can read it; it lies in a second folder, which everybody can go through, if they know the name of a file
//! in it, and only we can list or write to.

use super::fault::{failed, unsound};
use crate::model::SpawnError;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fchown, fstat, lstat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, geteuid};
use rustix::rand::{GetRandomFlags, getrandom};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The two folders, each made when the first script is written to it.
pub(super) struct Scripts {
    /// Where they may be made, the best first.
    places: Vec<PathBuf>,
    own: Kept,
    of_others: Kept,
}

type Kept = Mutex<Option<Arc<Folder>>>;

const FOR_US: Mode = Mode::RWXU;
const TO_GO_THROUGH: Mode = Mode::RWXU.union(Mode::XGRP).union(Mode::XOTH);

struct Folder {
    path: PathBuf,
    fd: OwnedFd,
}

/// A script's file; dropping it removes it.
pub(super) struct ScriptFile {
    path: PathBuf,
    name: String,
    /// The folder goes when the last of its files has gone.
    folder: Arc<Folder>,
}

impl Scripts {
    /// `runtime_dir` is what `XDG_RUNTIME_DIR` says.
    pub(super) fn new(runtime_dir: Option<&OsStr>) -> Scripts {
        let best = if geteuid().is_root() {
            Some("/run".into())
        } else {
            runtime_dir.map(PathBuf::from).filter(|folder| is_private(folder))
        };
        Scripts::in_places(best.into_iter().chain([std::env::temp_dir()]).collect())
    }

    fn in_places(places: Vec<PathBuf>) -> Scripts {
        Scripts { places, own: Kept::default(), of_others: Kept::default() }
    }

    /// Writes `text` into a new file that only we can read, or only `owner`.
    pub(super) fn write(&self, text: &str, owner: Option<(Uid, Gid)>) -> Result<ScriptFile, SpawnError> {
        let (script, mut file) = match owner {
            None => self.new_file(&self.own, FOR_US)?,
            Some(_) => self.new_file(&self.of_others, TO_GO_THROUGH)?,
        };
        file.write_all(text.as_bytes()).map_err(|error| cannot(&error))?;
        if let Some((uid, gid)) = owner {
            fchown(&file, Some(uid), Some(gid)).map_err(|errno| cannot(&errno.into()))?;
        }
        Ok(script)
    }

    /// Lets go of the folders, which go with the last of their files.
    pub(super) fn end(&self) {
        for kept in [&self.own, &self.of_others] {
            lock(kept).take();
        }
    }

    fn new_file(&self, kept: &Kept, mode: Mode) -> Result<(ScriptFile, File), SpawnError> {
        let known = lock(kept).clone();
        if let Some(folder) = known
            && let Some(script) = folder.new_file().map_err(|error| cannot(&error))?
        {
            return Ok(script);
        }
        let folder = Arc::new(self.new_folder(mode)?);
        *lock(kept) = Some(Arc::clone(&folder));
        let script = folder.new_file().map_err(|error| cannot(&error))?;
        script.ok_or_else(|| unsound(format!("{CANNOT}: its folder was taken away as soon as it was made")))
    }

    /// Makes one in the first place that is safe and has room.
    fn new_folder(&self, mode: Mode) -> Result<Folder, SpawnError> {
        let mut refused = None;
        for place in &self.places {
            match safe(place).and_then(|place| Folder::make(&place, mode).map_err(|error| cannot(&error))) {
                Ok(folder) => return Ok(folder),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.expect("there is a place"))
    }
}

impl Folder {
    fn make(place: &Path, mode: Mode) -> io::Result<Folder> {
        let path = place.join(format!("runner-{}", random_name()?));
        DirBuilder::new().mode(FOR_US.as_raw_mode()).create(&path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&path, flags, Mode::empty())?;
        let folder = Folder { path, fd };
        // The runner's umask has no say in it.
        fchmod(&folder.fd, mode)?;
        Ok(folder)
    }

    /// `None`: its name does not lead to it any more.
    fn new_file(self: &Arc<Self>) -> io::Result<Option<(ScriptFile, File)>> {
        let name = random_name()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&self.fd, &name, flags, Mode::RUSR | Mode::WUSR) {
            Err(Errno::NOENT) => return Ok(None),
            file => File::from(file?),
        };
        let script = ScriptFile { path: self.path.join(&name), name, folder: Arc::clone(self) };
        Ok(self.is_in_place().then_some((script, file)))
    }

    fn is_in_place(&self) -> bool {
        let (held, named) = (fstat(&self.fd), lstat(&self.path));
        held.is_ok_and(|held| {
            named.is_ok_and(|named| (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino))
        })
    }
}

/// Returns the folder's real path if nobody else can put something in the place of what we make in it.
fn safe(place: &Path) -> Result<PathBuf, SpawnError> {
    let place = place.canonicalize().map_err(|error| cannot(&error))?;
    // In a user namespace root can go by another number.
    let root = fs::metadata("/").map_err(|error| cannot(&error))?.uid();
    for folder in place.ancestors() {
        let found = fs::symlink_metadata(folder).map_err(|error| cannot(&error))?;
        let is_sticky = found.mode() & 0o1000 != 0;
        let is_shared = found.mode() & 0o022 != 0 && !is_sticky;
        if is_shared || ![0, root, geteuid().as_raw()].contains(&found.uid()) {
            let folder = folder.display();
            return Err(unsound(format!("{CANNOT}: `{folder}` lets others put something in its place")));
        }
    }
    Ok(place)
}

/// As the XDG base directories have it: ours, and nobody else's to look into.
fn is_private(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.uid() == geteuid().as_raw() && found.mode() & 0o777 == 0o700)
}

const CANNOT: &str = "cannot write the script to a temporary file";

fn cannot(error: &io::Error) -> SpawnError {
    failed(CANNOT, Errno::from_io_error(error).unwrap_or(Errno::IO))
}

fn lock(kept: &Kept) -> MutexGuard<'_, Option<Arc<Folder>>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScriptFile {
    fn drop(&mut self) {
        let _ = unlinkat(&self.folder.fd, &self.name, AtFlags::empty());
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_in_place() {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0u8; 12];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn folder_of(script: &ScriptFile) -> PathBuf {
        script.path().parent().expect("it lies in one").to_owned()
    }

    /// A folder that has taken the name of the one that scripts lie in.
    fn usurp(folder: &Path) {
        fs::remove_dir_all(folder).expect("it is there");
        DirBuilder::new().mode(0o777).create(folder).expect("the name is free");
    }

    #[test]
    fn no_script_is_written_to_a_folder_that_has_taken_the_name_of_ours() {
        let place = tempfile::tempdir().expect("a folder");
        let scripts = Scripts::in_places(vec![place.path().to_owned()]);
        let owner = Some((geteuid(), rustix::process::getegid()));
        for owner in [None, owner] {
            let first = scripts.write("one", owner).expect("a script");
            let second = scripts.write("two", owner).expect("another");
            assert_eq!(folder_of(&first), folder_of(&second), "as long as nobody took it away");
            usurp(&folder_of(&first));
            let third = scripts.write("three", owner).expect("a third");
            assert_ne!(folder_of(&third), folder_of(&first));
            assert_eq!(fs::read_to_string(third.path()).expect("its text"), "three");
            let usurper = folder_of(&first);
            assert_eq!(fs::read_dir(&usurper).expect("it is there").count(), 0);
            drop((first, second));
            assert!(usurper.is_dir(), "it was not ours to remove");
        }
    }

    #[test]
    fn a_folder_that_was_renamed_is_used_no_longer() {
        let place = tempfile::tempdir().expect("a folder");
        let scripts = Scripts::in_places(vec![place.path().to_owned()]);
        let first = scripts.write("one", None).expect("a script");
        let (before, after) = (folder_of(&first), place.path().join("renamed"));
        fs::rename(&before, &after).expect("it is ours");
        let second = scripts.write("two", None).expect("another");
        assert_ne!(folder_of(&second), before);
        drop(first);
        assert_eq!(fs::read_dir(&after).expect("it is there").count(), 0, "its file goes, wherever it is");
    }

    #[test]
    fn a_place_that_others_can_write_to_is_passed_over() {
        let [safe, shared] = [0, 1].map(|_| tempfile::tempdir().expect("a folder"));
        let below = shared.path().join("below");
        fs::create_dir(&below).expect("a folder");
        let places = vec![below.clone(), safe.path().to_owned()];
        let written_to = |mode: u32| {
            fs::set_permissions(shared.path(), Permissions::from_mode(mode)).expect("its mode");
            let script = Scripts::in_places(places.clone()).write("one", None).expect("a script");
            folder_of(&script).parent().expect("a place").to_owned()
        };
        let real = |path: &Path| path.canonicalize().expect("it is there");
        for (mode, expected) in
            [(0o777, safe.path()), (0o775, safe.path()), (0o755, &*below), (0o1777, &*below)]
        {
            assert_eq!(written_to(mode), real(expected), "{mode:o}");
        }
        fs::set_permissions(shared.path(), Permissions::from_mode(0o777)).expect("its mode");
        let refused = Scripts::in_places(vec![below]).write("one", None).err().expect("a refusal");
        let shown = real(shared.path());
        let expected = format!("{CANNOT}: `{}` lets others put something in its place", shown.display());
        assert_eq!(refused.message, expected);
    }

    #[test]
    fn nothing_is_left_when_all_is_over() {
        let place = tempfile::tempdir().expect("a folder");
        let scripts = Scripts::in_places(vec![place.path().to_owned()]);
        let script = scripts.write("one", None).expect("a script");
        scripts.end();
        assert!(script.path().is_file(), "it is in use");
        drop(script);
        assert_eq!(fs::read_dir(place.path()).expect("it is there").count(), 0);
    }
}
