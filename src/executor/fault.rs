//! Why there is no process, in words. What went wrong is told by the step, by what it is of, and by the
//! system's own word; what kind of reason it is, by the error number.

use super::identity::IdentityError;
use super::sys::is_of_the_folder;
use crate::model::{SpawnError, SpawnWhy};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

/// Something in the surroundings could not be had: ``cannot enter cwd `/x`: permission denied``.
pub(super) fn failed(what: &str, errno: Errno) -> SpawnError {
    let why = if is_shortage(errno) { SpawnWhy::Resources } else { SpawnWhy::Surroundings };
    SpawnError { why, message: format!("{what}: {}", describe(errno.raw_os_error())) }
}

/// The same, of something that the system says nothing more of.
pub(super) fn unsound(message: impl Into<String>) -> SpawnError {
    SpawnError { why: SpawnWhy::Surroundings, message: message.into() }
}

/// It was killed, or given up, when there was no program yet.
pub(super) fn unwanted() -> SpawnError {
    unsound("it was killed before it had started")
}

pub(super) fn no_identity(error: &IdentityError) -> SpawnError {
    let errno = match error {
        IdentityError::Unreadable { errno, .. } => Some(Errno::from_raw_os_error(*errno)),
        _ => None,
    };
    let why = if errno.is_some_and(is_shortage) { SpawnWhy::Resources } else { SpawnWhy::Surroundings };
    SpawnError { why, message: error.to_string() }
}

/// The system is short of something now, and may not be in a moment.
pub(super) fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM)
}

/// ``cannot run `x`: permission denied``: none of the files that `name` could mean can be executed.
pub(super) fn cannot_run(name: &OsStr, programs: &[PathBuf], errno: Errno) -> SpawnError {
    let on_path = !name.as_encoded_bytes().contains(&b'/');
    let found = programs.iter().filter_map(|program| fs::metadata(program).ok());
    let found = found.map(|found| found.is_dir()).find(|is_folder| !(on_path && *is_folder));
    let (why, text) = match (errno, found) {
        // A folder of PATH that may not be entered says so of every program.
        (Errno::NOENT | Errno::ACCESS, None) if on_path => (SpawnWhy::NotFound, "not found on PATH".into()),
        (errno, None) if on_path && is_of_the_folder(errno) => {
            let text = format!("not found on PATH, and of a part of it: {}", describe(errno.raw_os_error()));
            (SpawnWhy::NotFound, text)
        }
        (Errno::NOENT, None) => (SpawnWhy::NotFound, "not found".into()),
        (Errno::NOENT, Some(_)) => (SpawnWhy::NotFound, "the interpreter that it names is not there".into()),
        (Errno::ACCESS, Some(true)) => (SpawnWhy::CannotExecute, "it is a folder".into()),
        (errno, _) if is_shortage(errno) => (SpawnWhy::Resources, describe(errno.raw_os_error())),
        (errno, _) => (SpawnWhy::CannotExecute, refusal(errno)),
    };
    SpawnError { why, message: format!("cannot run `{}`: {text}", name.display()) }
}

fn refusal(errno: Errno) -> String {
    match errno {
        Errno::ACCESS => "permission denied; is it executable?".into(),
        Errno::NOEXEC => "it is neither a program nor a script with a `#!` line".into(),
        Errno::TOOBIG => "its arguments and environment are too long for the system".into(),
        Errno::TXTBSY => "it is being written to".into(),
        other => describe(other.raw_os_error()),
    }
}

/// `permission denied`
pub(super) fn describe(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    plain.to_lowercase()
}
