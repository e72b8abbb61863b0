//! Opening the ledger of a job file: which one, what to say of it, and what to do if it cannot be used.

use super::Failure;
use super::state::{self, Place, Surroundings};
use crate::engine;
use crate::executor::Living;
use crate::ledger::{Ledger, LedgerError, MemoryLedger, OpenOptions, SqliteLedger};
use crate::model::{LedgerPlace, OpenRun, Past, Plan, RunId};
use anyhow::anyhow;
use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::FalseyValueParser;
use std::path::{Path, PathBuf};

const STATE_DIR_HELP: &str =
    "The state folder, below which ledgers are; else RUNNER_STATE_DIR, else the system's usual place";

/// Where ledgers are, for every command that looks for one.
#[derive(Debug, Args)]
pub(super) struct StateDir {
    /// Where the folders of ledgers are; empty variables are unset ones, so clap does not read it.
    #[arg(long, value_name = "DIR", help = STATE_DIR_HELP)]
    state_dir: Option<PathBuf>,
}

/// What else those are asked that write to it.
#[derive(Debug, Args)]
pub(super) struct Ledgers {
    #[command(flatten)]
    state_dir: StateDir,
    /// Take a ledger on a network file system, whose locks may not keep a second runner out
    #[arg(long, env = "RUNNER_FORCE_NETWORK_FS", value_parser = FalseyValueParser::new())]
    force_network_fs: bool,
}

/// Who opens a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `runner start`.
    Runner,
    /// `runner run`.
    ByHand,
}

impl Who {
    /// What to do when another has the ledger.
    fn if_held(self, place: &LedgerPlace) -> &'static str {
        match self {
            Who::Runner if matches!(place, LedgerPlace::File(_)) => {
                "stop that one first, or give each job file a ledger of its own: [runner] ledger = \"...\""
            }
            Who::Runner => {
                "stop that one first, or give each job file a name of its own: [runner] name = \"...\""
            }
            Who::ByHand => "stop that one first, or run the job beside it without a record: --no-record",
        }
    }
}

/// A ledger, and what there is to say of it at the start.
pub(super) struct Opened {
    pub(super) ledger: Box<dyn Ledger>,
    pub(super) told: Told,
    /// For a run by hand: the runs of an earlier runner whose processes live still, and those.
    pub(super) left: Vec<(RunId, u32)>,
}

/// What a start says of its ledger.
pub(super) struct Told {
    /// `None`: it is in memory.
    pub(super) path: Option<PathBuf>,
    pub(super) before: Before,
}

/// What a ledger knows of the time before this start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It keeps nothing.
    Forgotten,
    /// Nothing: no runner has had it.
    New,
    /// No runner has had it, but jobs were run by hand.
    ByHand,
    /// Its last runner stopped then.
    Stopped(DateTime<Utc>),
    /// Its last runner ended without having stopped; it wrote something then.
    LastHeardOf(DateTime<Utc>),
}

impl StateDir {
    /// Returns where the ledger of the job file is that was found at `job_file` (`-`: standard input).
    ///
    /// # Errors
    /// When it is under the state folder and there is none.
    pub(super) fn place(&self, plan: &Plan, job_file: &Path) -> Result<Place, Failure> {
        let surroundings = Surroundings::look(self.state_dir.clone())?;
        let job_file = (job_file != Path::new("-")).then(|| state::absolute(job_file)).transpose();
        let job_file = job_file.map_err(Failure::cannot_work)?;
        state::place(&plan.settings, job_file.as_deref(), &surroundings).map_err(Failure::cannot_work)
    }

    /// The command that sets this ledger aside.
    pub(super) fn quarantine(&self, job_file: &Path) -> String {
        let state_dir = self.state_dir.as_ref().map(|folder| format!("--state-dir {} ", folder.display()));
        format!("runner quarantine {}{}", state_dir.unwrap_or_default(), job_file.display())
    }
}

impl Ledgers {
    /// Opens the ledger of the job file that was found at `job_file` (`-`: standard input) for this process
    /// alone.
    ///
    /// # Errors
    /// When it cannot be used, with what to do.
    pub(super) fn open(&self, plan: &Plan, job_file: &Path, who: Who) -> Result<Opened, Failure> {
        match self.state_dir.place(plan, job_file)? {
            Place::File(path) => self.open_file(path, plan, who).map_err(|error| {
                let quarantine = self.state_dir.quarantine(job_file);
                failure(error, who.if_held(&plan.settings.ledger), &quarantine)
            }),
            Place::Memory => Ok(Opened::in_memory()),
            Place::Nameless => {
                log::warn!(
                    "a job file from standard input has no path to name its ledger after: runs are recorded in \
                     memory only; to keep them write in it: [runner] name = \"...\""
                );
                Ok(Opened::in_memory())
            }
        }
    }

    fn open_file(&self, path: PathBuf, plan: &Plan, who: Who) -> Result<Opened, LedgerError> {
        let options = OpenOptions {
            force_network: self.force_network_fs,
            ..engine::open_options(plan, who == Who::ByHand)
        };
        let ledger = SqliteLedger::open(&path, options)?;
        let past = ledger.known();
        // A runner takes them over, and looks for them itself.
        let left = past.filter(|_| who == Who::ByHand).map(left_alive).unwrap_or_default();
        let stopped = past.is_some_and(|past| past.stopped_cleanly);
        let before = match past.and_then(|past| past.down_since) {
            None if past.is_some_and(|past| past.asked.is_some()) => Before::ByHand,
            None => Before::New,
            Some(at) if stopped => Before::Stopped(at),
            Some(at) => Before::LastHeardOf(at),
        };
        Ok(Opened { ledger: Box::new(ledger), told: Told { path: Some(path), before }, left })
    }
}

/// What is wrong with a ledger, and what to do about it.
pub(super) fn failure(error: LedgerError, if_held: &str, quarantine: &str) -> Failure {
    let remedy = match &error {
        LedgerError::Held { .. } => if_held.to_owned(),
        LedgerError::Network { .. } => {
            "give a local folder with --state-dir, or take the risk with --force-network-fs".into()
        }
        LedgerError::NotADatabase { .. } => format!(
            "if it was one, `{quarantine}` sets it aside; else write in the job file: [runner] ledger = \"...\""
        ),
        LedgerError::NotALedger { .. } => {
            "take it away, or write in the job file: [runner] ledger = \"...\"".into()
        }
        LedgerError::Corrupt { .. } => {
            format!("`{quarantine}` sets it aside, deletes nothing, and lets the next start begin a new one")
        }
        LedgerError::OpenToAll { what, .. } => format!("chmod o-w '{}'", what.display()),
        LedgerError::Locked { .. } => "end that program first".into(),
        LedgerError::NoPermission { .. } => {
            "run it as the user whose ledger it is, or give another folder with --state-dir".into()
        }
        LedgerError::Full { .. } => "make room, or give another folder with --state-dir".into(),
        LedgerError::Missing { .. } => {
            "`runner start` makes it; another job file or --state-dir has another one".into()
        }
        // They say it themselves, or nobody knows.
        LedgerError::Newer { .. } | LedgerError::Io { .. } | LedgerError::Sqlite { .. } => String::new(),
    };
    let error = anyhow!(error);
    let remedy = if remedy.is_empty() { remedy } else { format!("; {remedy}") };
    Failure::cannot_work(anyhow!("{error:#}{remedy}"))
}

fn left_alive(past: &Past) -> Vec<(RunId, u32)> {
    let alive = |open: &OpenRun| {
        let process = open.process?;
        Living::find(&process, &open.boot_id).map(|_| (open.run.clone(), process.pid))
    };
    past.runs.iter().filter_map(alive).collect()
}

impl Opened {
    /// A ledger that is forgotten.
    pub(super) fn in_memory() -> Opened {
        let told = Told { path: None, before: Before::Forgotten };
        Opened { ledger: Box::new(MemoryLedger::default()), told, left: Vec::new() }
    }
}
