//! `runner quarantine`: sets a damaged ledger aside.
//!
//! A runner never replaces a ledger that it cannot read: what is accounted for there would be forgotten, and
//! might run again. A person decides that, with this.

use super::ledger::{self, StateDir};
use super::state::Place;
use super::{Ending, Failure, Format, Global, file, print};
use crate::engine;
use crate::ledger::{LedgerError, quarantine};
use anyhow::anyhow;
use clap::Args;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Moves the ledger of a job file aside, so that the next start begins a new one. Nothing is deleted.
///
/// For a ledger that `start` refuses because it is damaged. The new one knows nothing of before: what was due
/// since the last stop is not made up for.
#[derive(Debug, Args)]
pub(super) struct Quarantine {
    /// The job file
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    #[command(flatten)]
    state_dir: StateDir,
}

impl Quarantine {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let job_file = file::locate(self.path, global)?;
        let plan = file::plan(&job_file, Format::Text, global)?;
        let Place::File(path) = self.state_dir.place(&plan, &job_file)? else {
            let shown = plan.settings.file.display();
            return Err(Failure::cannot_work(anyhow!(
                "the ledger of `{shown}` is in memory: nothing is there"
            )));
        };
        let aside = quarantine(&path, &engine::node(true), engine::now().wall).map_err(failure)?;
        print(&format!("{} is now {}\n", path.display(), aside.display()))?;
        log::info!("nothing was deleted; the next `runner start` begins a new ledger");
        Ok(ExitCode::SUCCESS)
    }
}

fn failure(error: LedgerError) -> Failure {
    match error {
        LedgerError::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Failure::cannot_work(anyhow!("there is no ledger at `{}`", path.display()))
        }
        error => ledger::failure(error, "stop it first", ""),
    }
}
