//! The machine that a job runs on: whether its programs and files are there.

use super::Spans;
use crate::jobfile::Host;
use crate::jobfile::fault::Code;
use crate::jobfile::value::Reader;
use crate::model::{Job, JobAction};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// This machine, asked about each path once.
struct Machine<'a> {
    host: &'a Host,
    paths: &'a mut HashMap<PathBuf, bool>,
}

/// Looks on the machine for what a job needs; `paths` keeps what was seen.
pub(super) fn look(
    reader: &mut Reader<'_>,
    job: &Job,
    spans: &Spans<'_>,
    host: &Host,
    paths: &mut HashMap<PathBuf, bool>,
) {
    let mut machine = Machine { host, paths };
    let program = match &job.action {
        JobAction::Argv(words) => Some(&*words[0]),
        JobAction::Shell(_) => job.setup.shell.first().map(String::as_str),
        JobAction::Script(_) | JobAction::Closure(_) | JobAction::Task(_) => None,
    };
    if let Some(program) = program.filter(|program| !machine.has_program(program, job)) {
        let place = if program.contains('/') { "that can be executed" } else { "on PATH" };
        let message = format!("there is no program `{program}` {place}");
        let hint = "install it, or name it with its folder, before the job is due";
        reader.warn(Code::ProgramNotFound, spans.action.clone(), message, hint);
    }
    for path in job.setup.env_files.iter().chain([&job.setup.cwd]) {
        if machine.has(path, Path::exists) {
            continue;
        }
        let message = format!("`{}` is not there", path.display());
        reader.warn(Code::PathNotFound, spans.job.clone(), message, "make it before the job is due");
    }
}

impl Machine<'_> {
    fn has(&mut self, path: &Path, look: fn(&Path) -> bool) -> bool {
        if let Some(known) = self.paths.get(path) {
            return *known;
        }
        let found = look(path);
        self.paths.insert(path.to_owned(), found);
        found
    }

    fn has_program(&mut self, program: &str, job: &Job) -> bool {
        if program.contains('/') {
            return self.has(&job.setup.cwd.join(program), is_executable);
        }
        let own = job.setup.env.get("PATH").map(OsStr::new);
        let inherited = if job.setup.inherit_env { self.host.path.as_deref() } else { None };
        // An env file may set it to anything.
        let Some(path) = own.or(inherited).filter(|_| job.setup.env_files.is_empty()) else { return true };
        let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
        folders.iter().any(|folder| self.has(&job.setup.cwd.join(folder).join(program), is_executable))
    }
}

fn is_executable(path: &Path) -> bool {
    let file = path.metadata().ok().filter(std::fs::Metadata::is_file);
    file.is_some_and(|file| file.permissions().mode() & 0o111 != 0)
}
