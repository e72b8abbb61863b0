//! From an attempt to what the system needs for a process: program, arguments, environment, descriptors.
//! Whatever cannot be had is named here, before anything is started.

use super::Launch;
use super::scripts::{ScriptFile, Scripts};
use crate::model::{Finish, JobAction, Setup, SpawnError, parse_env_file};
use rustix::fs::{Access, AtFlags, CWD, MemfdFlags, Mode, OFlags, accessat, memfd_create, open};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Where programs are looked for when a job has no `PATH`.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// All that a process is started with.
pub(super) struct Prepared {
    /// The file to execute, absolute.
    pub(super) program: PathBuf,
    pub(super) argv: Vec<OsString>,
    pub(super) env: BTreeMap<OsString, OsString>,
    pub(super) cwd: PathBuf,
    pub(super) stdin: OwnedFd,
    /// Lives as long as the process, which reads it.
    pub(super) script: Option<ScriptFile>,
}

/// What preparing needs beside the attempt.
pub(super) struct Preparer {
    inherited: BTreeMap<OsString, OsString>,
    scripts: Scripts,
}

impl Preparer {
    pub(super) fn new(mut inherited: BTreeMap<OsString, OsString>) -> Preparer {
        // Of a job whose process this runner is; they say nothing of the jobs that are run here.
        inherited.retain(|name, _| !name.as_encoded_bytes().starts_with(b"RUNNER_AFTER_"));
        Preparer { inherited, scripts: Scripts::default() }
    }

    pub(super) fn prepare(&self, launch: &Launch) -> Result<Prepared, SpawnError> {
        let setup = &*launch.job.setup;
        check_cwd(&setup.cwd)?;
        let env = self.environment(launch, setup)?;
        let (argv, script) = self.arguments(&launch.job.action, setup)?;
        let program = find_program(&argv[0], &env, &setup.cwd)?;
        let stdin = open_stdin(setup.stdin.as_deref())?;
        Ok(Prepared { program, argv, env, cwd: setup.cwd.clone(), stdin, script })
    }

    /// Inherited, then the files, then the job's own, then what every run gets.
    fn environment(
        &self,
        launch: &Launch,
        setup: &Setup,
    ) -> Result<BTreeMap<OsString, OsString>, SpawnError> {
        let mut env = if setup.inherit_env { self.inherited.clone() } else { BTreeMap::new() };
        for file in &setup.env_files {
            env.extend(read_env_file(file)?);
        }
        env.extend(setup.env.iter().map(|(name, value)| (name.into(), value.into())));
        let own = [
            ("RUNNER_JOB", launch.job.name.to_string()),
            ("RUNNER_RUN_ID", launch.run.to_string()),
            ("RUNNER_FIRE_TIME", launch.fire_time.to_rfc3339()),
            ("RUNNER_ATTEMPT", launch.attempt.to_string()),
            ("RUNNER_CAUSE", launch.cause.as_str().to_owned()),
        ];
        env.extend(own.map(|(name, value)| (name.into(), value.into())));
        env.extend(launch.after.iter().flat_map(after));
        Ok(env)
    }

    fn arguments(
        &self,
        action: &JobAction,
        setup: &Setup,
    ) -> Result<(Vec<OsString>, Option<ScriptFile>), SpawnError> {
        match action {
            JobAction::Shell(command) => {
                let words = setup.shell.iter().map(String::as_str).chain([&**command]);
                Ok((words.map(OsString::from).collect(), None))
            }
            JobAction::Argv(words) => Ok((words.iter().map(OsString::from).collect(), None)),
            JobAction::Script(text) => {
                let file = self.scripts.write(text).map_err(|error| {
                    failed("cannot write the script to a temporary file", error.raw_os_error())
                })?;
                let mut words = interpreter(text);
                words.push(file.path().into());
                Ok((words, Some(file)))
            }
        }
    }
}

/// What the `#!` line of a script asks for: an interpreter and at most one argument, as the kernel reads it.
/// The script is handed to it by name rather than executed, because the kernel refuses to execute a file that
/// a process being forked at that moment still holds open for writing.
fn interpreter(script: &str) -> Vec<OsString> {
    let line = script.lines().next().and_then(|line| line.strip_prefix("#!")).map(str::trim);
    match line.filter(|line| !line.is_empty()) {
        None => vec!["/bin/sh".into(), "-e".into()],
        Some(line) => match line.split_once([' ', '\t']) {
            Some((program, argument)) => vec![program.into(), argument.trim().into()],
            None => vec![line.into()],
        },
    }
}

/// What a process is told of the finish that it runs because of. The exit code is left out where there is
/// none: after a signal, or when there was no process.
fn after(finish: &Finish) -> impl Iterator<Item = (OsString, OsString)> + use<> {
    let code = finish.exit_code.map(|code| ("RUNNER_AFTER_EXIT_CODE", code.to_string()));
    let always = [
        ("RUNNER_AFTER_JOB", finish.run.job.to_string()),
        ("RUNNER_AFTER_RUN_ID", finish.run.to_string()),
        ("RUNNER_AFTER_OUTCOME", finish.outcome.as_str().to_owned()),
    ];
    always.into_iter().chain(code).map(|(name, value)| (name.into(), value.into()))
}

fn check_cwd(cwd: &Path) -> Result<(), SpawnError> {
    let shown = cwd.display();
    match fs::metadata(cwd) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(failed(
            &format!("cwd `{shown}` is expected to be a folder"),
            Some(Errno::NOTDIR.raw_os_error()),
        )),
        Err(error) => Err(failed(&format!("cannot enter cwd `{shown}`"), error.raw_os_error())),
    }
    // That its own program was not found is what ENOENT means to whoever reads the number.
    .map_err(|error| SpawnError { errno: None, ..error })
}

fn read_env_file(file: &Path) -> Result<Vec<(OsString, OsString)>, SpawnError> {
    let shown = file.display();
    let without_errno = |message| SpawnError { errno: None, message };
    let text = fs::read_to_string(file)
        .map_err(|error| without_errno(format!("cannot read env_file `{shown}`: {error}")))?;
    let variables =
        parse_env_file(&text).map_err(|error| without_errno(format!("in env_file `{shown}`: {error}")))?;
    Ok(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// Returns the file that `name` means, as a shell would find it with the job's own `PATH` and folder.
fn find_program(name: &OsStr, env: &BTreeMap<OsString, OsString>, cwd: &Path) -> Result<PathBuf, SpawnError> {
    let shown = name.display();
    if name.as_encoded_bytes().contains(&b'/') {
        let path = cwd.join(name);
        return match executable(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err(cannot_run(&shown.to_string(), error)),
        };
    }
    let path = env.get(OsStr::new("PATH")).map_or(OsStr::new(PATH_DEFAULT), OsString::as_os_str);
    let mut found = Errno::NOENT;
    for folder in std::env::split_paths(path) {
        let candidate = cwd.join(folder).join(name);
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) => found = error,
        }
    }
    match found {
        Errno::NOENT => Err(SpawnError {
            errno: Some(Errno::NOENT.raw_os_error()),
            message: format!("cannot run `{shown}`: not found on PATH"),
        }),
        error => Err(cannot_run(&shown.to_string(), error)),
    }
}

fn executable(path: &Path) -> Result<(), Errno> {
    let found = fs::metadata(path).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    if found.is_dir() {
        return Err(Errno::ISDIR);
    }
    accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}

/// ``cannot run `x`: permission denied``, with the number for whoever maps it to an exit code.
pub(super) fn cannot_run(program: &str, error: Errno) -> SpawnError {
    let why = match error {
        Errno::NOENT => "not found".to_owned(),
        Errno::ACCESS => "permission denied; is it executable?".to_owned(),
        Errno::ISDIR => "it is a folder".to_owned(),
        Errno::NOEXEC => "it is neither a program nor a script with a `#!` line".to_owned(),
        Errno::TOOBIG => "its arguments and environment are too long for the system".to_owned(),
        Errno::TXTBSY => "it is being written to".to_owned(),
        other => describe(Some(other.raw_os_error())),
    };
    SpawnError { errno: Some(error.raw_os_error()), message: format!("cannot run `{program}`: {why}") }
}

/// Returns the job's standard input: its text in memory, which needs nobody to write it, or `/dev/null`.
fn open_stdin(text: Option<&str>) -> Result<OwnedFd, SpawnError> {
    let errno = |error: Errno| failed("cannot make standard input", Some(error.raw_os_error()));
    let Some(text) = text else {
        return open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno);
    };
    let memory = memfd_create("stdin", MemfdFlags::CLOEXEC).map_err(errno)?;
    let mut file = fs::File::from(memory);
    let written = file.write_all(text.as_bytes()).and_then(|()| file.rewind());
    written.map_err(|error| failed("cannot make standard input", error.raw_os_error()))?;
    Ok(file.into())
}

/// Something of ours went wrong, not of the program.
pub(super) fn failed(what: &str, errno: Option<i32>) -> SpawnError {
    SpawnError { errno, message: format!("{what}: {}", describe(errno)) }
}

fn describe(errno: Option<i32>) -> String {
    let Some(errno) = errno else { return "unknown error".into() };
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    let plain = text.split(" (os error").next().unwrap_or(&text);
    plain.to_lowercase()
}
