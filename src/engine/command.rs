//! Jobs that run programs.

use super::job::Does;
use super::{IntoTriggers, Job};
use crate::model::JobAction;
use std::path::PathBuf;

/// Programs.
impl Job {
    /// Returns a job that runs a program with arguments, without a shell, in a session of its own: its whole process
    /// group is stopped with it. It inherits the environment, runs in the current folder, and what it prints is kept
    /// in the ledger, up to 64 KiB.
    #[track_caller]
    pub fn command<A: Into<String>>(
        name: impl Into<String>,
        triggers: impl IntoTriggers,
        words: impl IntoIterator<Item = A>,
    ) -> Job {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        Job::of(name.into(), triggers, Does::Action(JobAction::Argv(words.into())))
    }

    /// In which folder its [command](Job::command) runs; by default the current one.
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Job {
        self.setup.cwd = folder.into();
        self
    }

    /// Sets a variable of the environment of its [command](Job::command), beside those that it inherits.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Job {
        self.setup.env.insert(name.into(), value.into());
        self
    }
}
