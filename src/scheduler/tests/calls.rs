//! What a program asks of the scheduler while it runs, as steps of a scenario.

use super::world::{World, wall};
use crate::model::{Job, Name, Now, Pause, RunId};
use crate::scheduler::{Core, Requested};
use chrono::TimeDelta;
use std::sync::Arc;

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A pause from now on, for so many seconds or for ever.
fn pause(now: Now, seconds: Option<i64>, reason: Option<&str>) -> Pause {
    let until = seconds.map(|seconds| now.wall + TimeDelta::seconds(seconds));
    Pause { reason: reason.map(Into::into), by: None, since: now.wall, until }
}

fn run(text: &str) -> RunId {
    text.parse().expect("a run's name")
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

    /// Makes up for the fire times between these seconds, and asserts how many they are.
    #[track_caller]
    pub(super) fn backfill(mut self, job: &str, from: i64, until: i64, count: usize) -> World {
        let (from, until) = (wall(from), wall(until));
        let keys = self.call(|core, now| core.backfill(&name(job), from, until, now)).expect("it can be");
        assert_eq!(keys.len(), count);
        assert!(keys.is_sorted_by(|a, b| a.instant < b.instant), "each has its own: {keys:?}");
        self
    }

    #[track_caller]
    pub(super) fn cannot_backfill(mut self, job: &str, from: i64, until: i64, why: &str) -> World {
        let (from, until) = (wall(from), wall(until));
        let error =
            self.call(|core, now| core.backfill(&name(job), from, until, now)).expect_err("it cannot");
        assert_eq!(error.to_string(), why);
        self
    }

    #[track_caller]
    pub(super) fn pause(mut self, job: &str) -> World {
        self.call(|core, now| core.pause(&name(job), pause(now, None, None), now)).expect("it is there");
        self
    }

    /// Pauses for so many seconds.
    #[track_caller]
    pub(super) fn snooze(mut self, job: &str, seconds: i64, reason: &str) -> World {
        self.call(|core, now| core.pause(&name(job), pause(now, Some(seconds), Some(reason)), now))
            .expect("it is there");
        self
    }

    #[track_caller]
    pub(super) fn resume(mut self, job: &str) -> World {
        self.call(|core, now| core.resume(&name(job), now)).expect("it is there");
        self
    }

    pub(super) fn pause_all(mut self) -> World {
        self.call(|core, now| core.pause_all(&pause(now, None, None), now));
        self
    }

    pub(super) fn resume_all(mut self) -> World {
        self.call(Core::resume_all);
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
