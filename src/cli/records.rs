//! What the commands have in common that read a ledger: which words are the file, which ledger it is, whose jobs.

use super::ledger::{self, StateDir};
use super::state::Place;
use super::{Failure, Format, Global, file};
use crate::ledger::{Holder, LedgerError, NodeSeen, Reader, holder};
use crate::model::{Name, OpenRun, Plan, nearest};
use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// A ledger that is held and was not written for so long is in trouble: it is at least once a minute.
const SILENCE_MAX: TimeDelta = TimeDelta::minutes(2);

/// Which ledger is read.
#[derive(Debug, Args)]
pub(super) struct Records {
    #[command(flatten)]
    state_dir: StateDir,
}

/// A ledger that was found.
pub(super) struct Found {
    pub(super) plan: Plan,
    /// Where the ledger is.
    pub(super) path: PathBuf,
    job_file: PathBuf,
    quarantine: String,
}

/// Who has a ledger at present.
pub(super) struct Holding {
    pub(super) holder: Holder,
    /// What it has written of itself; `None`: nothing yet.
    node: Option<NodeSeen>,
}

/// Words that name files, and the others.
pub(super) struct Words {
    pub(super) file: Option<PathBuf>,
    pub(super) names: Vec<String>,
}

impl Words {
    /// Of the words of a command line that file is one which ends in `.toml`, holds a `/`, or is `-`.
    ///
    /// # Errors
    /// When several are files.
    pub(super) fn of(words: Vec<String>) -> Result<Words, Failure> {
        let is_file = |word: &String| {
            word == "-" || word.contains('/') || Path::new(word).extension().is_some_and(|end| end == "toml")
        };
        let (files, names): (Vec<String>, Vec<String>) = words.into_iter().partition(is_file);
        match <[String; 1]>::try_from(files) {
            Ok([file]) => Ok(Words { file: Some(file.into()), names }),
            Err(files) if files.is_empty() => Ok(Words { file: None, names }),
            Err(files) => {
                Err(Failure::usage(anyhow!("expected one job file, found `{}` and `{}`", files[0], files[1])))
            }
        }
    }
}

impl Records {
    /// Finds the ledger of the job file `argument`, or of that in the usual place.
    ///
    /// # Errors
    /// When the job file is not sound, or says that nothing is kept.
    pub(super) fn find(
        &self,
        argument: Option<PathBuf>,
        format: Format,
        global: &Global,
    ) -> Result<Found, Failure> {
        let job_file = file::locate(argument, global)?;
        let plan = file::plan_to_read(&job_file, format, global)?;
        let shown = job_file.display();
        let path = match self.state_dir.place(&plan, &job_file)? {
            Place::File(path) => path,
            Place::Memory => {
                return Err(Failure::cannot_work(anyhow!(
                    "the ledger of `{shown}` is in memory, and nothing is kept of it; to keep it, take \
                     `ledger = \"memory\"` out of the job file"
                )));
            }
            Place::Nameless => {
                return Err(Failure::cannot_work(anyhow!(
                    "a job file from standard input has no path to name its ledger after, and nothing is kept; to \
                     keep it write in the job file: [runner] name = \"...\""
                )));
            }
        };
        let quarantine = self.state_dir.quarantine(&job_file);
        Ok(Found { plan, path, job_file, quarantine })
    }
}

impl Records {
    /// Where the ledger of that job file is; `None`: it is in memory, or nobody can tell.
    pub(super) fn path_of(&self, plan: &Plan, job_file: &Path) -> Option<PathBuf> {
        match self.state_dir.place(plan, job_file) {
            Ok(Place::File(path)) => Some(path),
            Ok(Place::Memory | Place::Nameless) | Err(_) => None,
        }
    }
}

impl Holding {
    /// Returns who has the ledger that is read; `None`: nobody does.
    pub(super) fn read(reader: &Reader) -> Result<Option<Holding>, LedgerError> {
        let Some(holder) = holder(reader.path())? else { return Ok(None) };
        let node = reader.last_node()?.filter(|node| holder.pid == Some(node.pid));
        Ok(Some(Holding { holder, node }))
    }

    /// Whether it is a runner, which sees to all jobs.
    pub(super) fn is_runner(&self) -> bool {
        !self.holder.by_hand
    }

    /// Whether it sees to a run that has not ended: one by hand sees to its own.
    pub(super) fn has(&self, open: &OpenRun) -> bool {
        self.is_runner() || self.node.as_ref().is_some_and(|node| *node.name == *open.node)
    }

    /// Since when it has not written what it should have; `None`: it does write.
    pub(super) fn silent_since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let seen_at = self.node.as_ref()?.seen_at;
        (now - seen_at > SILENCE_MAX).then_some(seen_at)
    }
}

impl Found {
    /// Opens it.
    ///
    /// # Errors
    /// When there is none, with where it was looked for, or it cannot be read.
    pub(super) fn open(&self) -> Result<Reader, Failure> {
        Reader::open(&self.path).map_err(|error| self.failure(error))
    }

    /// What is wrong with it, and what to do about it.
    pub(super) fn failure(&self, error: LedgerError) -> Failure {
        let of_a_reader = match &error {
            LedgerError::Missing { path } | LedgerError::Corrupt { path, .. } => deleted(path),
            LedgerError::NoPermission { path, found } => Some(unreadable(path, found)),
            LedgerError::Sqlite { path, .. } => denied(path).map(|found| unreadable(path, &found)),
            _ => None,
        };
        of_a_reader.unwrap_or_else(|| match error {
            LedgerError::Missing { path } => Failure::cannot_work(anyhow!(
                "no ledger at `{}`: nothing is recorded of `{}` yet; `runner start` begins it",
                path.display(),
                self.job_file.display()
            )),
            error => ledger::failure(error, "", &self.quarantine),
        })
    }

    /// The jobs of these names, which are in the job file or were once.
    ///
    /// # Errors
    /// When one never was; the nearest is suggested.
    pub(super) fn jobs(&self, reader: &Reader, names: &[String]) -> Result<Vec<Name>, Failure> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut known = reader.job_names().map_err(|error| self.failure(error))?;
        known.extend(self.plan.jobs.iter().map(|job| job.name.clone()));
        let find = |name: &String| {
            let found = known.iter().find(|known| known.as_str() == name).cloned();
            found.ok_or_else(|| unknown(&known, name, &self.job_file))
        };
        names.iter().map(find).collect()
    }
}

/// What there is to say of a ledger that was deleted while a process has it; `None`: it is there, or nobody has it.
fn deleted(path: &Path) -> Option<Failure> {
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let Holder { pid, by_hand, .. } = holder(path).ok().flatten()?;
    let (who, remedy) = if by_hand {
        ("run by hand", "wait for the end of that run")
    } else {
        ("runner", "restart that runner")
    };
    let pid = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    Some(Failure::cannot_work(anyhow!(
        "the ledger `{}` was deleted or moved, and the {who}{pid} still runs with it; put it back, or {remedy}",
        path.display()
    )))
}

/// Why this user may not read the ledger; `None`: they may. SQLite only says that it could not open it.
fn denied(path: &Path) -> Option<io::Error> {
    // Asked without opening it: to close it would give back SQLite's locks.
    access(path, Access::READ_OK).err().filter(|errno| *errno == Errno::ACCESS).map(Into::into)
}

fn unreadable(path: &Path, found: &dyn Display) -> Failure {
    let path = path.display();
    Failure::cannot_work(anyhow!(
        "the ledger `{path}` cannot be read: {found}; run this as the user whose ledger it is"
    ))
}

fn unknown(known: &[Name], name: &str, job_file: &Path) -> Failure {
    let near = nearest(name, known.iter().map(Name::as_str));
    let meant = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let file = job_file.display();
    Failure::usage(anyhow!("no job `{name}` in `{file}`, nor in its ledger{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_word_that_looks_like_one() {
        let check = |words: &[&str], file: Option<&str>, names: &[&str]| {
            let words = Words::of(words.iter().map(|word| (*word).to_owned()).collect()).expect("one file");
            assert_eq!(
                (words.file, words.names),
                (file.map(PathBuf::from), names.iter().map(|name| (*name).to_owned()).collect())
            );
        };
        check(&[], None, &[]);
        check(&["backup", "tick"], None, &["backup", "tick"]);
        check(&["backup", "jobs.toml"], Some("jobs.toml"), &["backup"]);
        check(&["etc/jobs", "backup#4"], Some("etc/jobs"), &["backup#4"]);
        check(&["-"], Some("-"), &[]);
        assert!(Words::of(vec!["a.toml".into(), "-".into()]).is_err());
    }
}
