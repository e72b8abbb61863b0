//! Jobs that a ledger has stored: they come back at the start, and those that cannot are parked.
//!
//! A parked job is not among the jobs. Its text, its past and what it is due stay in the ledger as they are, from one
//! start to the next, until it comes back or is removed. No failure to read one deletes it.

use super::job::Host;
use super::{AddError, Handle, ParkedWhy, TaskError, stored};
use crate::model::{Name, Past, Plan, Tasks};
use crate::scheduler::runs_after_itself;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A stored job that has not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parked {
    /// Its name.
    pub job: Name,
    /// The task that it runs, if its text can be read so far.
    pub task: Option<String>,
    /// As what it is stored.
    pub text: Arc<str>,
    /// Why it has not come back, when it was last tried.
    pub why: ParkedWhy,
}

impl Parked {
    fn new(job: &Name, text: &Arc<str>, why: ParkedWhy) -> Parked {
        log::warn!("the stored job `{job}` is parked, and nothing of it is lost: {why}");
        Parked { job: job.clone(), task: stored::task_of(text), text: Arc::clone(text), why }
    }
}

/// Returns the plan with the jobs that the ledger has stored, and those that are parked. Of two of a name that of the plan
/// is taken, unless the stored one is to be kept and can be.
pub(super) fn bring_back<'a>(
    plan: &'a Plan,
    past: Option<&Past>,
    keeps: &BTreeSet<Name>,
    host: &Host,
) -> (Cow<'a, Plan>, BTreeMap<Name, Parked>) {
    let (mut whole, mut parked) = (Cow::Borrowed(plan), BTreeMap::new());
    let Some(Past { stored, .. }) = past.filter(|past| !past.stored.is_empty()) else {
        return (whole, parked);
    };
    let mut places: HashMap<Name, usize> = plan.jobs.iter().map(|job| job.name.clone()).zip(0..).collect();
    for (name, text) in stored {
        let planned = places.get(name).copied();
        if planned.is_some() && !keeps.contains(name) {
            continue;
        }
        let job = stored::read(name, text, host).and_then(|job| {
            let find = |name: &Name| places.get(name).map(|place| &*whole.jobs[*place]);
            let is_sound = !runs_after_itself(&job, find);
            if is_sound { Ok(job) } else { Err(AddError::AfterItself { job: name.clone() }.into()) }
        });
        match (job, planned) {
            (Ok(job), Some(place)) => whole.to_mut().jobs[place] = job,
            (Ok(job), None) => {
                places.insert(name.clone(), whole.jobs.len());
                whole.to_mut().jobs.push(job);
            }
            (Err(why), Some(_)) => {
                log::warn!("the stored job `{name}` cannot be kept, and is that of the program now: {why}");
            }
            (Err(why), None) => drop(parked.insert(name.clone(), Parked::new(name, text, why))),
        }
    }
    (whole, parked)
}

/// Stored jobs.
impl Handle {
    /// Returns the stored jobs that have not come back, in order of their names. [`Handle::register`] brings those back
    /// that lack a task; [`Handle::remove`] removes one for good, and one that is [added](Handle::add) under its name
    /// goes on in its place.
    pub fn parked(&self) -> Vec<Parked> {
        let core = self.shared.core();
        let parked = self.shared.parked();
        core.parked().filter_map(|(job, _)| parked.get(job).cloned()).collect()
    }

    /// Registers more tasks, and brings the parked jobs back that can be run now: each goes on from its past, with its
    /// pause, and what it was due meanwhile is a misfire. Returns their names; none comes back to a scheduler that is
    /// stopping.
    ///
    /// # Errors
    /// [`TaskError::NameTaken`]: one of the names is registered, and nothing was changed.
    pub fn register(&self, tasks: Tasks) -> Result<Vec<Name>, TaskError> {
        let shared = &self.shared;
        shared.host.tasks().extend(tasks).map_err(|task| TaskError::NameTaken { task })?;
        let mut back = Vec::new();
        for Parked { job: name, text, .. } in self.parked() {
            // Outside the lock of the core: the arguments are read by code of the program.
            let tried = stored::read(&name, &text, &shared.host).and_then(|job| {
                shared.ask(|core, now| match core.parked_as(&name) {
                    Some(stored) if *stored == text => {
                        core.add_job(job, now).map_err(AddError::from)?;
                        Ok(true)
                    }
                    _ => Ok(false),
                })
            });
            match tried {
                Ok(true) => back.push(name),
                Ok(false) => {}
                Err(why) => drop(shared.parked().insert(name.clone(), Parked::new(&name, &text, why))),
            }
        }
        Ok(back)
    }
}
