//! A scheduler of a job file: the same file that `runner start` takes, with the tasks of this program.

use super::{AddError, Builder, Grace, Scheduler, default_seed, open_options, work};
use crate::executor;
use crate::jobfile::{self, Faults, Host, Source};
use crate::ledger::{LedgerError, SqliteLedger};
use crate::model::{LedgerPlace, Plan, Tasks};
use std::path::{Path, PathBuf};

/// Why a job file came to no scheduler. Nothing was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobFileError {
    /// It has faults. The text has each with its place and what to do, as `runner check` shows them.
    #[error("{} in `{}`\n\n{}", counted(faults), file.display(), faults.render(false).trim_end())]
    Faulty {
        /// The file, as it was named.
        file: PathBuf,
        /// All of them, warnings too.
        faults: Faults,
    },
    /// One of its jobs cannot be a job of this scheduler.
    #[error(transparent)]
    Job(#[from] AddError),
    /// The ledger that it names cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

fn counted(faults: &Faults) -> String {
    match faults.errors() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    }
}

impl Scheduler {
    /// Returns a scheduler of the jobs of a job file, to which more may be added. `tasks` is what its jobs mean by
    /// `task`; commands and scripts are run as well. [`Builder::from_file`] says what holds of its settings.
    ///
    /// ```no_run
    /// use runner::{Scheduler, Tasks};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tasks = Tasks::new().add("send_mail", |_, user: u64| async move { println!("to {user}") })?;
    /// let scheduler = Scheduler::from_file("jobs.toml", tasks)?;
    /// let grace = scheduler.grace();
    /// scheduler.run_until(tokio::signal::ctrl_c(), grace).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`JobFileError`]: all that is wrong with the file, or its ledger cannot be used.
    pub fn from_file(path: impl AsRef<Path>, tasks: Tasks) -> Result<Scheduler, JobFileError> {
        Scheduler::builder().tasks(tasks).from_file(path)
    }

    /// How long a shutdown may take: `shutdown_grace` of the job file, else 25 s.
    pub fn grace(&self) -> Grace {
        Grace::within(self.settings.shutdown_grace)
    }
}

impl Builder {
    /// Returns a scheduler of the jobs of a job file.
    ///
    /// What the file says of the zone, `max_running`, `groups`, the seed and the ledger holds, and else what was chosen
    /// here; its zone, if it names none, is the system's. Unlike `runner start`, a program writes nowhere that it was not
    /// told to: without `ledger` in the file or here, runs are recorded in memory. A ledger in a file is taken by this
    /// process from now on, for as long as the scheduler is there.
    ///
    /// # Errors
    /// [`JobFileError`]: all that is wrong with the file, or its ledger cannot be used.
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Scheduler, JobFileError> {
        let path = path.as_ref();
        let mut scheduler = self.build();
        let plan = load(path, &scheduler)?;
        for job in &plan.jobs {
            if scheduler.host.blocking_max == 0 && work::blocks(&job.action) {
                return Err(AddError::NoBlocking { job: job.name.clone() }.into());
            }
        }
        if let LedgerPlace::File(file) = &plan.settings.ledger {
            scheduler.ledger = Box::new(SqliteLedger::open(file, open_options(&plan, false))?);
            scheduler.host.is_durable = scheduler.ledger.lasts();
        }
        let Plan { jobs, groups, settings } = plan;
        scheduler.host.zone = settings.zone.clone();
        scheduler.host.groups.extend(groups);
        scheduler.places = jobs.iter().map(|job| job.name.clone()).zip(0..).collect();
        scheduler.jobs = jobs;
        let (max_running, seed) = (scheduler.settings.max_running, scheduler.settings.seed.take());
        scheduler.settings = settings;
        scheduler.settings.max_running = scheduler.settings.max_running.or(max_running);
        scheduler.settings.seed = scheduler.settings.seed.or(seed);
        scheduler.host.seed = scheduler.settings.seed.clone().unwrap_or_else(default_seed);
        Ok(scheduler)
    }
}

fn load(path: &Path, scheduler: &Scheduler) -> Result<Plan, JobFileError> {
    let options = jobfile::Options {
        now: super::now().wall,
        host: Some(this_machine()),
        seed: scheduler.settings.seed.clone().unwrap_or_else(default_seed),
        tasks: Some(scheduler.host.tasks().clone()),
    };
    let loaded = jobfile::load(&Source::Path(path.to_owned()), &options);
    let Some(plan) = loaded.plan else {
        return Err(JobFileError::Faulty { file: path.to_owned(), faults: loaded.faults });
    };
    for fault in loaded.faults.iter() {
        let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
        log::warn!("{}{line}: {}", fault.file.display(), fault.message);
    }
    Ok(plan)
}

/// This machine and this user, as a job file is judged by them.
#[expect(clippy::disallowed_methods, reason = "`PATH` is what jobs inherit")]
pub fn this_machine() -> Host {
    Host {
        path: std::env::var_os("PATH").filter(|path| !path.is_empty()),
        is_root: rustix::process::geteuid().is_root(),
        find_user: |user| executor::find_user(user).map_err(|error| error.to_string()),
    }
}
