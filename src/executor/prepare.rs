//! From an attempt to what the system needs for a process: program, arguments, environment, descriptors.
//! Whatever cannot be had is named here, before anything is started.

use super::Launch;
use super::fault::{failed, no_identity, unsound};
use super::identity::Identity;
use super::mark::node;
use super::scripts::{ScriptFile, Scripts};
use crate::model::{Finish, Job, JobAction, Limit, Resource, Setup, SpawnError, parse_env_file};
use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{self, Rlimit, getrlimit};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where programs are looked for when a job has no `PATH`.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// All that a process is started with.
pub(super) struct Prepared {
    /// Its setup says the rest.
    pub(super) job: Arc<Job>,
    /// The files that its first word may mean, in the order in which they are tried.
    pub(super) programs: Vec<PathBuf>,
    pub(super) argv: Vec<OsString>,
    pub(super) env: BTreeMap<OsString, OsString>,
    pub(super) stdin: OwnedFd,
    /// Lives as long as the process, which reads it.
    pub(super) script: Option<ScriptFile>,
    /// Whom it runs as, if not as the runner's own user.
    pub(super) identity: Option<Identity>,
    pub(super) limits: Vec<(Resource, Rlimit)>,
}

/// What preparing needs beside the attempt.
pub(super) struct Preparer {
    inherited: BTreeMap<OsString, OsString>,
    scripts: Scripts,
    /// The limits of a job that does not say.
    limits: Vec<(Resource, Rlimit)>,
    /// The hard limit on processor time.
    cpu_maximum: Option<u64>,
}

impl Preparer {
    pub(super) fn new(mut inherited: BTreeMap<OsString, OsString>, open_files: Option<u64>) -> Preparer {
        // Of a job whose process this runner is; they say nothing of the jobs that are run here.
        inherited.retain(|name, _| !name.as_encoded_bytes().starts_with(b"RUNNER_AFTER_"));
        let scripts = Scripts::new(inherited.get(OsStr::new("XDG_RUNTIME_DIR")).map(OsString::as_os_str));
        // As many open files as the runner was started with, as its own limit is another; and no core files,
        // which may hold secrets and fill up the job's folder.
        let limits = [(Resource::Nofile, open_files), (Resource::Core, Some(0))];
        let limits = limits.into_iter().filter_map(|(resource, soft)| {
            let maximum = getrlimit(of_system(resource)).maximum;
            let current = Some(soft?.min(maximum.unwrap_or(u64::MAX)));
            Some((resource, Rlimit { current, maximum }))
        });
        let cpu_maximum = getrlimit(of_system(Resource::Cpu)).maximum;
        Preparer { inherited, scripts, limits: limits.collect(), cpu_maximum }
    }

    /// Removes what was made for several attempts, as far as none uses it any more.
    pub(super) fn end(&self) {
        self.scripts.end();
    }

    pub(super) fn prepare(&self, launch: &Launch) -> Result<Prepared, SpawnError> {
        let job = Arc::clone(&launch.job);
        let setup = &*job.setup;
        let user = setup.rights.user.as_ref();
        let identity = user.map(Identity::find).transpose().map_err(|error| no_identity(&error))?;
        let env = self.environment(launch, identity.as_ref())?;
        let (argv, script) = self.arguments(&job.action, setup, identity.as_ref())?;
        let programs = programs(&argv[0], &env, &setup.cwd);
        let stdin = open_stdin(setup.stdin.as_deref())?;
        let limits = self.limits(setup);
        Ok(Prepared { job, programs, argv, env, stdin, script, identity, limits })
    }

    /// Inherited, then who the user is, then the files, then the job's own, then what every run gets.
    fn environment(
        &self,
        launch: &Launch,
        identity: Option<&Identity>,
    ) -> Result<BTreeMap<OsString, OsString>, SpawnError> {
        let setup = &*launch.job.setup;
        let mut env = if setup.inherit_env { self.inherited.clone() } else { BTreeMap::new() };
        env.extend(identity.map(Identity::environment).into_iter().flatten());
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
            ("RUNNER_NODE", node().to_string()),
        ];
        env.extend(own.map(|(name, value)| (name.into(), value.into())));
        env.extend(launch.after.iter().flat_map(after));
        Ok(env)
    }

    fn arguments(
        &self,
        action: &JobAction,
        setup: &Setup,
        identity: Option<&Identity>,
    ) -> Result<(Vec<OsString>, Option<ScriptFile>), SpawnError> {
        match action {
            JobAction::Shell(command) => {
                let words = setup.shell.iter().map(String::as_str).chain([&**command]);
                Ok((words.map(OsString::from).collect(), None))
            }
            JobAction::Argv(words) => Ok((words.iter().map(OsString::from).collect(), None)),
            JobAction::Script(text) => {
                let owner = identity.map(|identity| (identity.uid, identity.gid));
                let file = self.scripts.write(text, owner)?;
                let mut words = interpreter(text);
                words.push(file.path().into());
                Ok((words, Some(file)))
            }
            JobAction::Closure(_) | JobAction::Task(_) => unreachable!("the engine runs closures itself"),
        }
    }

    /// A little above the soft limit, as far as we may: at the hard one comes KILL, which explains nothing.
    fn cpu_maximum(&self, soft: u64) -> u64 {
        let with_grace = soft.saturating_add(CPU_GRACE_SECONDS);
        self.cpu_maximum.map_or(with_grace, |maximum| with_grace.min(maximum)).max(soft)
    }

    fn limits(&self, setup: &Setup) -> Vec<(Resource, Rlimit)> {
        let own = &setup.rights.limits;
        let defaults = self.limits.iter().filter(|(resource, _)| !own.contains_key(resource)).copied();
        let own = own.iter().map(|(resource, limit)| {
            let most = match limit {
                Limit::AtMost(most) => Some(*most),
                Limit::Unlimited => None,
            };
            let maximum =
                if *resource == Resource::Cpu { most.map(|most| self.cpu_maximum(most)) } else { most };
            (*resource, Rlimit { current: most, maximum })
        });
        own.chain(defaults).collect()
    }
}

pub(super) fn of_system(resource: Resource) -> process::Resource {
    match resource {
        Resource::Nofile => process::Resource::Nofile,
        Resource::Core => process::Resource::Core,
        Resource::Nproc => process::Resource::Nproc,
        Resource::Fsize => process::Resource::Fsize,
        Resource::Cpu => process::Resource::Cpu,
        Resource::As => process::Resource::As,
    }
}

/// How much longer a job may run that goes on after SIGXCPU.
const CPU_GRACE_SECONDS: u64 = 5;

/// What the `#!` line of a script asks for: an interpreter and at most one argument, as the kernel reads it.
/// The script is handed to it by name rather than executed, because the kernel refuses to execute a file that
/// a process being started at that moment still holds open for writing.
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

/// How long an `env_file` may be.
const ENV_FILE_BYTES_MAX: u64 = 1 << 20;

fn read_env_file(file: &Path) -> Result<Vec<(OsString, OsString)>, SpawnError> {
    let shown = file.display();
    let unreadable = |error: &io::Error| ours(&format!("cannot read env_file `{shown}`"), error);
    // A pipe that nobody writes to would be waited for, with all that is to be started behind it.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = open(file, flags, Mode::empty()).map_err(|errno| unreadable(&errno.into()))?;
    let opened = fs::File::from(opened);
    if !opened.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Err(unsound(format!("env_file `{shown}` is expected to be a file")));
    }
    let mut bytes = Vec::new();
    let read = opened.take(ENV_FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    if read.map_err(|error| unreadable(&error))? as u64 > ENV_FILE_BYTES_MAX {
        return Err(unsound(format!("env_file `{shown}` is longer than 1 MiB")));
    }
    let text = String::from_utf8(bytes).map_err(|_| unsound(format!("env_file `{shown}` is not UTF-8")))?;
    let variables =
        parse_env_file(&text).map_err(|error| unsound(format!("in env_file `{shown}`: {error}")))?;
    Ok(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// Returns the files that `name` may mean, as a shell would look for it with the job's own `PATH` and folder.
/// Which of them can be executed is for the job's user to find out.
fn programs(name: &OsStr, env: &BTreeMap<OsString, OsString>, cwd: &Path) -> Vec<PathBuf> {
    if name.as_encoded_bytes().contains(&b'/') {
        return vec![cwd.join(name)];
    }
    let path = env.get(OsStr::new("PATH")).map_or(OsStr::new(PATH_DEFAULT), OsString::as_os_str);
    std::env::split_paths(path).map(|folder| cwd.join(folder).join(name)).collect()
}

/// Returns the job's standard input: its text in memory, which needs nobody to write it, or `/dev/null`.
fn open_stdin(text: Option<&str>) -> Result<OwnedFd, SpawnError> {
    const WHAT: &str = "cannot make standard input";
    let Some(text) = text else {
        let null = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        return null.and_then(above_stdio).map_err(|errno| failed(WHAT, errno));
    };
    let memory = memfd_create("stdin", MemfdFlags::CLOEXEC).and_then(above_stdio);
    let mut file = fs::File::from(memory.map_err(|errno| failed(WHAT, errno))?);
    let written = file.write_all(text.as_bytes()).and_then(|()| file.rewind());
    written.map_err(|error| ours(WHAT, &error))?;
    Ok(file.into())
}

/// A runner whose own standard input or output is closed gets their numbers for whatever it opens; a child
/// would overwrite what it is about to hand on.
pub(super) fn above_stdio(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { fcntl_dupfd_cloexec(fd, 3) }
}

fn ours(what: &str, error: &io::Error) -> SpawnError {
    failed(what, Errno::from_io_error(error).unwrap_or(Errno::IO))
}
