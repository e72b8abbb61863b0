//! Which job file: the argument, `-f`, or the first of the usual places that is there.

use super::state::variable;
use super::style::Style;
use super::{Failure, Format, Global, faults};
use crate::engine;
use crate::jobfile::{self, Faults, Loaded, Options, Source};
use crate::model::{Job, Plan, nearest};
use anyhow::{Context, anyhow};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Returns where the job file is.
///
/// # Errors
/// When there is none, or two were named.
pub(super) fn locate(argument: Option<PathBuf>, global: &Global) -> Result<PathBuf, Failure> {
    match (argument, global.file.clone()) {
        (Some(argument), Some(flag)) if argument != flag => {
            let (argument, flag) = (argument.display(), flag.display());
            Err(Failure::usage(anyhow!("two job files are named: `{argument}` and, with -f, `{flag}`")))
        }
        (Some(path), _) | (None, Some(path)) => Ok(path),
        (None, None) => usual_place(),
    }
}

fn usual_place() -> Result<PathBuf, Failure> {
    if let Some(path) = variable("RUNNER_FILE") {
        return Ok(path);
    }
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let places = [
        Some(PathBuf::from("jobs.toml")),
        config.map(|config| config.join("runner/jobs.toml")),
        Some(PathBuf::from("/etc/runner/jobs.toml")),
    ];
    let places: Vec<PathBuf> = places.into_iter().flatten().collect();
    places.iter().find(|place| place.exists()).cloned().ok_or_else(|| no_job_file(&places))
}

fn no_job_file(places: &[PathBuf]) -> Failure {
    let places: Vec<String> = places.iter().map(|place| format!("`{}`", place.display())).collect();
    Failure::usage(anyhow!(
        "no job file: none was named, RUNNER_FILE is not set, and there is none at {}; `runner init` writes a \
         first one",
        places.join(", ")
    ))
}

/// Reads and judges the job file at `path` (`-`: standard input). `host` says whether what depends on this
/// machine is judged too.
///
/// # Errors
/// When standard input cannot be read. What is wrong with the file is in the answer.
pub(super) fn load(path: &Path, host: bool) -> Result<Loaded, Failure> {
    let source = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let most = u64::try_from(jobfile::FILE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut input = io::stdin().lock().take(most + 1);
        input.read_to_end(&mut bytes).context("cannot read standard input").map_err(Failure::cannot_work)?;
        Source::Stdin(bytes)
    } else {
        Source::Path(path.to_owned())
    };
    let host = host.then(engine::this_machine);
    Ok(jobfile::load(
        &source,
        &Options { now: engine::now().wall, host, seed: engine::default_seed(), tasks: None },
    ))
}

/// Prints faults to standard error. That nobody reads them changes nothing about the exit code.
pub(super) fn tell(faults: &Faults, format: Format, global: &Global) {
    let text = faults::text(faults, format, Style::of(io::stderr(), global).colour);
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Returns the plan of the job file at `path`, with its warnings logged.
///
/// # Errors
/// When it has faults; they are printed to standard error.
pub(super) fn plan(path: &Path, format: Format, global: &Global) -> Result<Plan, Failure> {
    let loaded = load(path, true)?;
    let Some(plan) = loaded.plan else {
        return Err(refusal(path, &loaded.faults, "; nothing was started", format, global));
    };
    match loaded.faults.warnings() {
        0 => {}
        1 => log::warn!("1 thing in `{}` may not be what you mean; `runner check` shows it", path.display()),
        n => log::warn!(
            "{n} things in `{}` may not be what you mean; `runner check` shows them",
            path.display()
        ),
    }
    Ok(plan)
}

/// Returns the plan of the job file at `path`, for a command that starts nothing: what depends on this machine is
/// not judged, and nobody is warned.
///
/// # Errors
/// When it has faults; they are printed to standard error.
pub(super) fn plan_to_read(path: &Path, format: Format, global: &Global) -> Result<Plan, Failure> {
    let loaded = load(path, false)?;
    loaded.plan.ok_or_else(|| refusal(path, &loaded.faults, "", format, global))
}

/// Tells the faults of the job file at `path`, and returns how many there are.
fn refusal(path: &Path, faults: &Faults, so: &str, format: Format, global: &Global) -> Failure {
    tell(faults, format, global);
    let (errors, named) = (faults.errors(), path.display());
    let faults = if errors == 1 { "1 fault" } else { &format!("{errors} faults") };
    Failure::usage(anyhow!("{faults} in `{named}`{so}"))
}

/// Returns the job of that name.
///
/// # Errors
/// When there is none; the nearest name is suggested.
pub(super) fn job<'a>(plan: &'a Plan, name: &str) -> Result<&'a Job, Failure> {
    plan.job(name).map(AsRef::as_ref).ok_or_else(|| {
        let near = nearest(name, plan.jobs.iter().map(|job| job.name.as_str()));
        let meant = near.map(|known| format!("; did you mean `{known}`?"));
        let file = plan.settings.file.display();
        Failure::usage(anyhow!("no job `{name}` in `{file}`{}", meant.unwrap_or_default()))
    })
}
