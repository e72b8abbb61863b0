//! Inline scripts as files: in a folder that only we can enter, gone when their process is.

use rustix::rand::{GetRandomFlags, getrandom};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The folder, made when the first script is written.
#[derive(Default)]
pub(super) struct Scripts {
    folder: Mutex<Option<Arc<Folder>>>,
}

struct Folder(PathBuf);

/// A script's file; dropping it removes it.
pub(super) struct ScriptFile {
    path: PathBuf,
    /// The folder goes when the last of its files has gone.
    _folder: Arc<Folder>,
}

impl Scripts {
    /// Writes `text` into a new file that only we can read.
    pub(super) fn write(&self, text: &str) -> io::Result<ScriptFile> {
        let folder = self.folder()?;
        let path = folder.0.join(random_name()?);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?
            .write_all(text.as_bytes())?;
        Ok(ScriptFile { path, _folder: folder })
    }

    fn folder(&self) -> io::Result<Arc<Folder>> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        match &*folder {
            // It can have been swept away: temporary folders are.
            Some(folder) if folder.0.is_dir() => Ok(Arc::clone(folder)),
            _ => {
                let path = std::env::temp_dir().join(format!("runner-{}", random_name()?));
                DirBuilder::new().mode(0o700).create(&path)?;
                Ok(Arc::clone(folder.insert(Arc::new(Folder(path)))))
            }
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
