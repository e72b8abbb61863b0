//! Jobs that the ledger knows as a whole, and not only what they were due: whoever goes on with it can bring them
//! back.
//!
//! One that is stored and that nobody has brought back is *parked*: it was not removed, so what it is due stays open,
//! and nothing of it is written or deleted, until it is added or removed.

use super::overlap::JobState;
use super::take_over::gone;
use super::{Core, JobIndex, UnknownJob, Upon};
use crate::model::{Event, Name, Now, Record};
use std::path::Path;
use std::sync::Arc;

impl Core {
    /// The jobs that are parked, with what they were stored as ([`crate::model::Job::stored`]), in order of their
    /// names.
    pub fn parked(&self) -> impl Iterator<Item = (&Name, &Arc<str>)> {
        self.stored.iter().filter(|(name, _)| self.jobs.find(name).is_err())
    }

    /// What a parked job was stored as; `None`: it is not parked.
    pub fn parked_as(&self, name: &Name) -> Option<&Arc<str>> {
        self.stored.get(name).filter(|_| self.jobs.find(name).is_err())
    }

    /// Whether a job of the past that is not there may be added yet; otherwise it was removed.
    pub(super) fn awaits(&self, name: &Name) -> bool {
        self.awaits_absent || self.stored.contains_key(name)
    }

    /// Has the ledger store the job as it is now, or forget it if it is not to be stored.
    pub(super) fn store(&mut self, index: JobIndex) {
        let job = &self.job(index).job;
        let (name, text) = (job.name.clone(), job.stored().cloned());
        self.store_as(name, text);
    }

    /// Has the ledger forget the job.
    pub(super) fn unstore(&mut self, name: &Name) {
        self.store_as(name.clone(), None);
    }

    fn store_as(&mut self, job: Name, text: Option<Arc<str>>) {
        if !self.is_durable() || self.stored.get(&job) == text.as_ref() {
            return;
        }
        match &text {
            Some(text) => drop(self.stored.insert(job.clone(), Arc::clone(text))),
            None => drop(self.stored.remove(&job)),
        }
        self.record(Record::Stored { job, text }, Upon::Announce(Vec::new()));
    }

    /// Removes a job that is waited for: it is parked, or might have been added yet. All that it was due is
    /// `skipped: removed`.
    pub(super) fn remove_absent(&mut self, name: &Name, now: Now) -> Result<(), UnknownJob> {
        if self.parked_as(name).is_none() && !self.absent.contains_key(name) {
            return Err(UnknownJob(name.clone()));
        }
        let index = self.jobs.place(name).unwrap_or_else(|| {
            let job = gone(name.clone(), self.absent.get(name), Path::new("").into());
            self.jobs.insert(JobState::gone(Arc::new(job), now))
        });
        self.unstore(name);
        self.announce(Event::JobRemoved { job: name.clone() });
        // If the jobs do not exist yet, it is closed when they do.
        if let Some(past) = self.absent.remove(name) {
            self.go_on_with(index, past, now);
            self.give_place_up(index);
        }
        Ok(())
    }
}
