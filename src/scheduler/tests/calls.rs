//! What a program asks of the scheduler while it runs, as steps of a scenario.

use super::world::World;
use crate::model::{Job, Name, RunId};
use crate::scheduler::Requested;
use std::sync::Arc;

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn run(text: &str) -> RunId {
    let (job, number) = text.split_once('#').expect("a run's name");
    RunId { job: name(job), number: number.parse().expect("a number") }
}

impl World {
    #[track_caller]
    pub(super) fn add(mut self, job: Job) -> World {
        self.call(|core, now| core.add_job(Arc::new(job), now)).expect("it can be added");
        self
    }

    #[track_caller]
    pub(super) fn cannot_add(mut self, job: Job, why: &str) -> World {
        let error = self.call(|core, now| core.add_job(Arc::new(job), now)).expect_err("it cannot be added");
        assert_eq!(error.to_string(), why);
        self
    }

    #[track_caller]
    pub(super) fn replace(mut self, job: Job) -> World {
        self.call(|core, now| core.replace_job(Arc::new(job), now)).expect("it can be changed");
        self
    }

    #[track_caller]
    pub(super) fn cannot_replace(mut self, job: Job, why: &str) -> World {
        let error = self.call(|core, now| core.replace_job(Arc::new(job), now)).expect_err("it cannot");
        assert_eq!(error.to_string(), why);
        self
    }

    #[track_caller]
    pub(super) fn remove(mut self, job: &str) -> World {
        self.call(|core, now| core.remove_job(&name(job), now)).expect("it is there");
        self
    }

    /// Asks for a run and asserts what came of that at once.
    #[track_caller]
    pub(super) fn asks(self, job: &str, at_once: &str) -> World {
        let (world, requested) = self.asked(job);
        assert_eq!(format!("{:?}", requested.at_once), at_once);
        world
    }

    #[track_caller]
    pub(super) fn asked(mut self, job: &str) -> (World, Requested) {
        let requested = self.call(|core, now| core.request_run(&name(job), now)).expect("it is there");
        (self, requested)
    }

    #[track_caller]
    pub(super) fn cancel(mut self, run_id: &str) -> World {
        self.call(|core, now| core.cancel_run(&run(run_id), now)).expect("it is under way");
        self
    }

    #[track_caller]
    pub(super) fn cannot_cancel(mut self, run_id: &str) -> World {
        let error = self.call(|core, now| core.cancel_run(&run(run_id), now)).expect_err("it is over");
        assert_eq!(error.0, run(run_id));
        self
    }

    /// Cancels all runs of a job and asserts how many that were.
    #[track_caller]
    pub(super) fn cancel_all_of(mut self, job: &str, count: usize) -> World {
        let cancelled = self.call(|core, now| core.cancel_runs_of(&name(job), now)).expect("it is there");
        assert_eq!(cancelled, count);
        self
    }

    /// Asserts that there is no such job.
    #[track_caller]
    pub(super) fn knows_not(mut self, job: &str) -> World {
        let job = name(job);
        assert!(self.call(|core, now| core.remove_job(&job, now)).is_err());
        assert!(self.call(|core, now| core.request_run(&job, now)).is_err());
        self
    }
}
