//! Rows: what is written and announced of a fire time or run that has ended.

use super::due::Due;
use super::overlap::Candidate;
use super::{Action, Core, JobIndex, NotedEnd, Upon};
use crate::model::{
    Cause, CauseClass, Claim, Ending, Event, Exit, ExitStatus, Now, Record, Row, RunKey, RunRef,
};
use crate::trigger::{FireTime, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

impl Core {
    /// Ends fire times that did not run; `into` names the heir of coalesced ones.
    pub(super) fn close(
        &mut self,
        index: JobIndex,
        due: Due,
        ending: Ending,
        into: Option<FireTime>,
        now: Now,
    ) {
        if self.keeps_nothing() {
            self.note_closed(index, due.class, due.first.fire_time, ending, due.count);
            return;
        }
        let key = self.key_of_fire_time(index, due.class, due.first.fire_time);
        let zone = &self.job(index).job.zone;
        let row = Row {
            count: due.count,
            fire_time_last: (due.count > 1).then(|| zone.at(due.last.fire_time)),
            ..self.row_of(key, due.first.fire_time, zone, Cause::Scheduled, ending)
        };
        self.close_with(index, row, now.wall - due.last.due, into);
    }

    /// Ends one fire time or request that found no place.
    pub(super) fn close_candidate(
        &mut self,
        index: JobIndex,
        candidate: &Candidate,
        ending: Ending,
        into: Option<FireTime>,
    ) {
        let Candidate { key, fire_time, cause, late, .. } = candidate;
        if self.keeps_nothing() {
            self.note_closed(index, key.class, *fire_time, ending, 1);
            return;
        }
        let row = self.row_of(key.clone(), *fire_time, &self.job(index).job.zone, *cause, ending);
        self.close_with(index, row, *late, into);
    }

    fn close_with(&mut self, index: JobIndex, row: Row, late: TimeDelta, into: Option<FireTime>) {
        let zone = &self.job(index).job.zone;
        let coalesced_into = into.map(|into| zone.at(into));
        let row = Arc::new(Row { late_ms: Some(late.num_milliseconds()), coalesced_into, ..row });
        self.count(index, row.outcome, row.count);
        let events = vec![Event::FireTimeClosed(Arc::clone(&row))];
        let key = row.key.clone();
        let class = key.class;
        self.record(Record::Closed { key, row }, Upon::Announce(events));
        if class == CauseClass::Delay {
            self.rest(index);
        }
    }

    fn note_closed(
        &mut self,
        index: JobIndex,
        class: CauseClass,
        fire_time: FireTime,
        ending: Ending,
        count: u64,
    ) {
        self.count(index, ending.outcome(), count);
        self.note_end(index, fire_time, ending, count);
        if class == CauseClass::Delay {
            self.rest(index);
        }
    }

    pub(super) fn note_end(&mut self, index: JobIndex, fire_time: FireTime, ending: Ending, count: u64) {
        let end = NotedEnd { job: index.to_usize(), fire_time, ending, count };
        self.actions.push_back(Action::NoteEnd(end));
    }

    pub(super) fn key(
        &self,
        index: JobIndex,
        class: CauseClass,
        clock_epoch: u32,
        instant: DateTime<Utc>,
    ) -> RunKey {
        RunKey { job: self.job(index).job.name.clone(), clock_epoch, class, instant }
    }

    /// Returns the row of a claimed run that ends now.
    pub(super) fn row_of_run(&self, run_ref: RunRef, ending: Ending) -> Row {
        let run = &self.runs[&run_ref];
        let zone = &self.job_of(run_ref).zone;
        let Candidate { key, cause, fire_time, .. } = &run.candidate;
        let last = run.last.as_deref();
        let exit = last.and_then(|last| last.result.as_ref().ok());
        let error = last.and_then(|last| last.result.as_ref().err());
        // Of one that is lost nobody knows when it ended.
        let last_known = last.filter(|_| ending != Ending::Lost);
        let duration = run.began.and(last_known).map(|_| run.lasted);
        let row = Row {
            run: run.id.as_ref().map(ToString::to_string),
            attempt: (run.attempts > 0).then_some(run.attempts),
            attempts: run.attempts,
            late_ms: Some(run.candidate.late.num_milliseconds()),
            started_at: run.began.map(|began| zone.at(began.wall)),
            finished_at: last_known.map(|last| zone.at(last.finished_at)),
            duration_ms: duration.map(|duration| saturating(duration.as_millis())),
            ..self.row_of(key.clone(), *fire_time, zone, *cause, ending)
        };
        let told = || error.map(|error| error.reason().to_owned()).or_else(|| exit.and_then(Exit::reason));
        let reason = row.reason.clone().or_else(told);
        Row { reason, ..exit.map_or(row.clone(), |exit| with_exit(row, exit)) }
    }

    /// Returns a row with nothing in it but what a fire time has always.
    fn row_of(&self, key: RunKey, fire_time: FireTime, zone: &Zone, cause: Cause, ending: Ending) -> Row {
        Row {
            run: None,
            job: key.job.to_string(),
            fire_time: zone.at(fire_time),
            cause: cause.as_str(),
            outcome: ending.outcome(),
            reason: ending.reason().map(str::to_owned),
            attempt: None,
            attempts: 0,
            late_ms: None,
            started_at: None,
            finished_at: None,
            exit_code: None,
            signal: None,
            duration_ms: None,
            user_ms: None,
            system_ms: None,
            max_rss_kib: None,
            output_bytes: None,
            output_dropped_bytes: None,
            coalesced_into: None,
            count: 1,
            fire_time_last: None,
            node: self.node.to_string(),
            key,
        }
    }
}

/// What is written of a candidate that is to run, or waits for that.
pub(super) fn claim(candidate: &Candidate) -> Claim {
    let Candidate { key, cause, fire_time, late, after, .. } = candidate;
    Claim {
        key: key.clone(),
        cause: *cause,
        fire_time: *fire_time,
        late_ms: late.num_milliseconds(),
        after: after.as_deref().cloned(),
    }
}

fn with_exit(row: Row, exit: &Exit) -> Row {
    let (exit_code, signal) = match exit.status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal(signal) => (None, Some(signal)),
        ExitStatus::Returned | ExitStatus::Error | ExitStatus::Panicked | ExitStatus::Aborted => (None, None),
    };
    Row {
        exit_code,
        signal,
        user_ms: exit.usage.map(|usage| saturating(usage.user.as_millis())),
        system_ms: exit.usage.map(|usage| saturating(usage.system.as_millis())),
        max_rss_kib: exit.usage.map(|usage| usage.max_rss_kib),
        output_bytes: exit.output.as_ref().map(|output| output.bytes),
        output_dropped_bytes: exit.output.as_ref().map(|output| output.dropped_bytes),
        ..row
    }
}

fn saturating(milliseconds: u128) -> u64 {
    u64::try_from(milliseconds).unwrap_or(u64::MAX)
}
