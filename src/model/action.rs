//! What a job runs, and in which surroundings.

use super::{Closure, Rights, Task};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What runs when a job is due. Cheap to clone; equal ones are shared between jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobAction {
    /// `command = "…"`: one argument for the shell of the [`Setup`].
    #[cfg(feature = "process")]
    Shell(Arc<str>),
    /// `command = ["prog", "arg"]`: a program and its arguments, without a shell. Never empty.
    #[cfg(feature = "process")]
    Argv(Arc<[String]>),
    /// `script = """…"""`: a file of its own; its `#!` line names the interpreter, else `/bin/sh -e`.
    #[cfg(feature = "process")]
    Script(Arc<str>),
    /// Code of an embedding program.
    Closure(Closure),
    /// `task = "…"`: such code by its name, with arguments.
    Task(Arc<Task>),
}

impl JobAction {
    /// The code of an embedding program that runs; `None`: a process does.
    pub fn closure(&self) -> Option<&Closure> {
        match self {
            JobAction::Closure(closure) => Some(closure),
            JobAction::Task(task) => Some(&task.closure),
            #[cfg(feature = "process")]
            JobAction::Shell(_) | JobAction::Argv(_) | JobAction::Script(_) => None,
        }
    }
}

/// The surroundings of a job's processes. Equal ones are shared between jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The shell and its flags, to which [`JobAction::Shell`] adds the command. Never empty.
    pub shell: Vec<String>,
    /// The working directory, absolute.
    pub cwd: PathBuf,
    /// Whether the runner's own environment is handed on.
    pub inherit_env: bool,
    /// Files of `NAME=value` lines, read at each start, over the inherited environment; absolute paths.
    pub env_files: Vec<PathBuf>,
    /// Variables over those of the files.
    pub env: BTreeMap<String, String>,
    /// What the job reads on its standard input; `None`: `/dev/null`.
    pub stdin: Option<String>,
    /// Who its processes are, and what they may use.
    pub rights: Rights,
    /// Which output is shown.
    pub output: OutputMode,
    /// How many bytes of a run's output are kept: one half from its head, one from its tail.
    pub keep_output_bytes: u64,
}

impl Setup {
    /// Nothing from outside, and nothing is kept: for what never starts a process.
    pub(crate) fn bare() -> Setup {
        Setup {
            shell: vec!["/bin/sh".into()],
            cwd: "/".into(),
            inherit_env: false,
            env_files: Vec::new(),
            env: BTreeMap::new(),
            stdin: None,
            rights: Rights::default(),
            output: OutputMode::None,
            keep_output_bytes: 0,
        }
    }
}

/// Which output of a job's runs is shown while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputMode {
    /// Every line, at once.
    #[default]
    All,
    /// What was kept (head and tail) of runs that did not succeed, when they have ended.
    Failures,
    /// Nothing.
    None,
}
