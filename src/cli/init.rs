//! `runner init`: a first job file.

use super::{Ending, Failure, Global, print};
use anyhow::{Context, anyhow};
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Writes a small commented first file; never over another.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Where to write it [default: jobs.toml]
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
}

/// What is written. It starts at once, is safe, and shows something within seconds.
const FIRST_FILE: &str = include_str!("first.toml");

impl Init {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let path = self.path.or_else(|| global.file.clone()).unwrap_or_else(|| "jobs.toml".into());
        let shown = path.display();
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Failure::usage(anyhow!(
                    "`{shown}` is there already and stays as it is; `runner init OTHER.toml`"
                ))
            } else {
                Failure::cannot_work(anyhow!(error).context(format!("cannot write `{shown}`")))
            }
        })?;
        let written = file.write_all(FIRST_FILE.as_bytes());
        written.with_context(|| format!("cannot write `{shown}`")).map_err(Failure::cannot_work)?;
        print(&format!("wrote {shown}; now: runner start {shown}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
