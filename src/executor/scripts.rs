//! Inline scripts as files, gone when their process is.
//!
//! They lie in a folder that only we can enter. One that another user is to run belongs to that user, and
//! nobody else can read it; it lies in a second folder, which everybody can go through, if they know the name
//! of a file in it, and only we can list or write to.

use rustix::fs::fchown;
use rustix::process::{Gid, Uid};
use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The two folders, each made when the first script is written to it.
#[derive(Default)]
pub(super) struct Scripts {
    own: Mutex<Option<Arc<Folder>>>,
    of_others: Mutex<Option<Arc<Folder>>>,
}

const FOR_US: u32 = 0o700;
const TO_GO_THROUGH: u32 = 0o711;

struct Folder(PathBuf);

/// A script's file; dropping it removes it.
pub(super) struct ScriptFile {
    path: PathBuf,
    /// The folder goes when the last of its files has gone.
    _folder: Arc<Folder>,
}

impl Scripts {
    /// Writes `text` into a new file that only we can read, or only `owner`.
    pub(super) fn write(&self, text: &str, owner: Option<(Uid, Gid)>) -> io::Result<ScriptFile> {
        let folder = match owner {
            None => folder(&self.own, FOR_US)?,
            Some(_) => folder(&self.of_others, TO_GO_THROUGH)?,
        };
        let path = folder.0.join(random_name()?);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let script = ScriptFile { path, _folder: folder };
        file.write_all(text.as_bytes())?;
        if let Some((uid, gid)) = owner {
            fchown(&file, Some(uid), Some(gid))?;
        }
        Ok(script)
    }
}

fn folder(kept: &Mutex<Option<Arc<Folder>>>, mode: u32) -> io::Result<Arc<Folder>> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    match &*kept {
        // It can have been swept away: temporary folders are.
        Some(folder) if folder.0.is_dir() => Ok(Arc::clone(folder)),
        _ => {
            let path = std::env::temp_dir().join(format!("runner-{}", random_name()?));
            DirBuilder::new().mode(FOR_US).create(&path)?;
            let folder = kept.insert(Arc::new(Folder(path)));
            // The runner's umask has no say in it.
            fs::set_permissions(&folder.0, Permissions::from_mode(mode))?;
            Ok(Arc::clone(folder))
        }
    }
}

impl ScriptFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScriptFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn random_name() -> io::Result<String> {
    let mut bytes = [0u8; 12];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
