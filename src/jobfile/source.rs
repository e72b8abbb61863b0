//! Getting the text of a job file.

use super::fault::Code;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A larger file is refused; larger sets of jobs use `include`.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Where a job file comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// What was read from standard input.
    Stdin(Vec<u8>),
}

/// A file that is being read.
pub(super) struct Sheet {
    /// As it was named.
    pub(super) path: Arc<Path>,
    pub(super) text: String,
    /// The folder of the file, absolute; what is relative in the file is relative to it.
    pub(super) folder: PathBuf,
    /// Where each line but the first starts.
    line_starts: Vec<usize>,
    mode: Option<u32>,
}

/// Why there is no text.
pub(super) struct SourceError {
    pub(super) path: Arc<Path>,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Line and column.
    pub(super) place: Option<(u32, u32)>,
}

impl Sheet {
    pub(super) fn open(source: &Source) -> Result<Sheet, SourceError> {
        match source {
            Source::Stdin(bytes) => Sheet::of_bytes(Path::new("stdin"), bytes.clone(), None),
            Source::Path(path) => {
                let (bytes, mode) = read(path)?;
                Sheet::of_bytes(path, bytes, Some(mode))
            }
        }
    }

    fn of_bytes(path: &Path, bytes: Vec<u8>, mode: Option<u32>) -> Result<Sheet, SourceError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(too_large(path));
        }
        let text = String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))?;
        let line_starts = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let folder = absolute_folder(path);
        Ok(Sheet { path: path.into(), text, folder, line_starts, mode })
    }

    pub(super) fn is_writable_by_others(&self) -> bool {
        self.mode.is_some_and(|mode| mode & 0o002 != 0)
    }

    /// The folder of the file, as it was named.
    pub(super) fn folder_as_named(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// What tells the file from others, by whatever name.
    pub(super) fn identity(&self) -> PathBuf {
        self.path.canonicalize().unwrap_or_else(|_| self.path.to_path_buf())
    }

    /// Line and column of a byte, both counted from 1.
    pub(super) fn place(&self, at: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).map_or(0, |line| self.line_starts[line]);
        place(line, &self.text[start..at])
    }
}

fn absolute_folder(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn place(lines_before: usize, before: &str) -> (u32, u32) {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (small(lines_before + 1), small(before.chars().count() + 1))
}

fn read(path: &Path) -> Result<(Vec<u8>, u32), SourceError> {
    let unreadable = |error: &io::Error| cannot_read(path, error);
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(not_a_file(path, &metadata));
    }
    if metadata.len() > FILE_BYTES_MAX as u64 {
        return Err(too_large(path));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok((bytes, metadata.permissions().mode()))
}

fn error(path: &Path, code: Code, message: impl Into<String>, hint: Option<&str>) -> SourceError {
    SourceError {
        path: path.into(),
        code,
        message: message.into(),
        hint: hint.map(str::to_owned),
        place: None,
    }
}

fn cannot_read(path: &Path, found: &io::Error) -> SourceError {
    if found.kind() == io::ErrorKind::NotFound {
        error(path, Code::MissingFile, "there is no such file", Some("`runner init` writes a first one"))
    } else {
        let why = found.to_string();
        let why = why.split(" (os error").next().unwrap_or(&why).to_lowercase();
        error(path, Code::Unreadable, format!("it cannot be read: {why}"), None)
    }
}

fn not_a_file(path: &Path, metadata: &fs::Metadata) -> SourceError {
    let (found, hint) = if metadata.is_dir() {
        ("a folder", Some("name a file in it; `include = [\"jobs.d/*.toml\"]` reads several"))
    } else {
        ("a device, pipe or socket", Some("`-` reads standard input"))
    };
    error(path, Code::NotAFile, format!("expected a file, found {found}"), hint)
}

fn too_large(path: &Path) -> SourceError {
    let message = format!("expected at most {} MiB, found more", FILE_BYTES_MAX >> 20);
    error(path, Code::TooLarge, message, Some("split it up, and read the parts with `include`"))
}

fn not_utf8(path: &Path, found: &std::string::FromUtf8Error) -> SourceError {
    let at = found.utf8_error().valid_up_to();
    let byte = found.as_bytes()[at];
    let before = String::from_utf8_lossy(&found.as_bytes()[..at]);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let place = Some(place(before.matches('\n').count(), line));
    let message = format!("expected UTF-8, found the byte 0x{byte:02x}");
    SourceError { place, ..error(path, Code::NotUtf8, message, Some("save the file as UTF-8")) }
}
