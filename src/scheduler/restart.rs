//! Where an earlier runner left off.
//!
//! Its runs come first (`take_over`), then the fire times. All that came after a job's watermark, and all that was due
//! and waited for its turn, are misfires: grace and coalesce decide what still runs. Past ones are counted and not
//! looked at one by one, so that ten years of missed seconds take one step. If many jobs have something to run, they
//! do not begin all at once.
//!
//! A job that has other triggers than it had, or is gone, is judged by those that it had, up to now.

use super::definition::{definition, schedule_of};
use super::delay::next_after;
use super::due::{Due, armed, due_until};
use super::epoch::{Accounted, without};
use super::misfire::{Verdict, judge};
use super::overlap::Candidate;
use super::{Core, JobIndex};
use crate::model::{
    Cause, CauseClass, Claim, Coalesce, Ending, Grace, Job, JobPast, MissedWhy, Name, Now, Past, SkippedWhy,
    stable_hash,
};
use crate::trigger::{ScheduleBuilder, zone_data};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Catching up is spread over at most this long,
const SPREAD_MAX: TimeDelta = TimeDelta::seconds(60);
/// and jobs are at most this far apart, so that few of them take hardly any time.
const SPREAD_STEP: TimeDelta = TimeDelta::milliseconds(100);

/// What was found of an earlier runner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Since when no runner ran; `None`: none ever had.
    pub down_since: Option<DateTime<Utc>>,
    /// How many jobs have something to run that was due meanwhile.
    pub catching_up: usize,
}

/// A job that will catch up, and how long that may be put off.
pub(super) struct CatchUp {
    index: JobIndex,
    accounted: Accounted,
    room: TimeDelta,
}

impl Core {
    /// The jobs exist again, each where it was.
    pub(super) fn go_on(&mut self, past: Past, now: Now) {
        self.recovery.down_since = past.down_since;
        if let Some(seen) = past.down_since {
            self.look_back_at(seen, now);
            self.clock.was_down_until(now.wall);
        }
        let mut jobs = past.jobs;
        let mut catch_ups = Vec::new();
        for index in self.job_indices() {
            if self.is_gone(index) && self.awaits(&self.job(index).job.name) {
                self.give_place_up(index);
                continue;
            }
            match jobs.remove(&self.job(index).job.name) {
                Some(job_past) => catch_ups.extend(self.go_on_with(index, job_past, now)),
                None if self.is_gone(index) => {}
                None => {
                    let accounted = self.anew(index, Accounted::From(now.wall), now.wall);
                    self.arm(index, accounted);
                    self.record_definition(index, now.wall);
                }
            }
            self.give_place_up(index);
        }
        jobs.retain(|name, _| self.awaits(name));
        self.absent = jobs;
        self.recovery.catching_up += catch_ups.len();
        self.spread(catch_ups, now);
        self.look_back(now);
    }

    /// Goes on with one job. If it has something to run, and nothing stands against putting that off, it is
    /// returned and not armed yet.
    pub(super) fn go_on_with(&mut self, index: JobIndex, past: JobPast, now: Now) -> Option<CatchUp> {
        let accounted = past.accounted();
        let claims = if self.is_gone(index) { 0 } else { past.claims };
        let state = self.job_mut(index);
        (state.clock_epoch, state.claims) = (past.clock_epoch, claims);
        self.remember_one_shots(index, accounted);
        if self.job(index).has_had_its_runs() {
            self.go_on_finished(index, past, now);
            return None;
        }
        let past_job = self.as_before(index, &past);
        let job = Arc::clone(&self.job(index).job);
        let same = Arc::ptr_eq(&past_job, &job);
        let zone_data = zone_data().version.as_deref();
        if let Some(pause) = &past.pause {
            self.keep_pause(index, Some(Arc::new(pause.clone())));
        }
        let accounted = self.go_on_paused(index, past.schedule.as_ref().map(|_| &*past_job), accounted, now);
        let since = || due_since(&past_job, &self.seed, accounted, now.wall, !same);
        let due = if past.schedule.is_some() { since() } else { None };
        let (waiting, others): (Vec<_>, Vec<_>) =
            past.waiting.into_iter().partition(|claim| claim.key.class == CauseClass::Calendar);
        if !job.enabled {
            let (closed, offered) =
                if self.is_gone(index) { (others, Vec::new()) } else { (Vec::new(), others) };
            self.close_removed(index, waiting.into_iter().chain(closed).collect(), due, now);
            self.arm(index, if same { accounted } else { accounted.anew(now.wall) });
            self.offer_again(index, offered, now);
            if !same || claims != past.claims {
                self.record_definition(index, accounted.anew(now.wall).until());
            }
            return None;
        }
        let verdict = due.map(|due| judge(&past_job, &self.seed, due, now.wall)).unwrap_or_default();
        if same && waiting.is_empty() && !verdict.kept.is_empty() {
            self.offer_again(index, others, now);
            let room = room(&past_job, &verdict, now.wall);
            return Some(CatchUp { index, accounted, room });
        }
        self.recovery.catching_up += usize::from(!waiting.is_empty() || !verdict.kept.is_empty());
        // Armed first, as ever, so that what is offered finds the job in order.
        let through = due.map_or(accounted, |due| Accounted::Through(due.last.fire_time));
        let goes_on = same && job.delay_after.is_none();
        let from = if goes_on { through } else { self.anew(index, accounted, now.wall) };
        self.arm(index, from);
        self.decide_misfires(index, &past_job, waiting, due.map(|due| (due, verdict)), now);
        self.offer_again(index, others, now);
        if !same {
            self.record_definition(index, accounted.anew(now.wall).until());
        } else if past.schedule.is_some() && past.zone_data.as_deref() != zone_data {
            self.record_definition(index, accounted.until());
        }
        None
    }

    /// The job with the fire times that it had: itself, if it has the same still. Those of its one-shots that finished in
    /// an earlier clock epoch it has no more.
    fn as_before(&mut self, index: JobIndex, past: &JobPast) -> Arc<Job> {
        let job = Arc::clone(&self.job(index).job);
        if past.is_of(&job) {
            return job;
        }
        let past_job = past.job(&job);
        let job = without(past_job.schedule.finished(), job);
        self.job_mut(index).job = Arc::clone(&job);
        if past.is_of(&job) { job } else { Arc::new(past_job) }
    }

    /// A job has had its runs: nothing was due after what is accounted for, whatever was known of that when the runner
    /// ended.
    fn go_on_finished(&mut self, index: JobIndex, past: JobPast, now: Now) {
        let accounted = past.accounted();
        if let Some(pause) = past.pause {
            self.keep_pause(index, Some(Arc::new(pause)));
        }
        self.go_on_paused(index, None, accounted, now);
        self.arm(index, accounted);
        self.offer_again(index, past.waiting, now);
        if past.schedule.is_some() {
            self.record_definition(index, accounted.until());
        }
    }

    /// Grace and coalesce over what waited when the runner ended and what came since, which is later.
    fn decide_misfires(
        &mut self,
        index: JobIndex,
        job: &Job,
        waiting: Vec<Claim>,
        due: Option<(Due, Verdict)>,
        now: Now,
    ) {
        let is_late = |candidate: &Candidate| match job.policy.misfire_grace_time {
            Grace::Within(grace) => (now.wall - candidate.due).to_std().is_ok_and(|late| late > grace),
            Grace::Any => false,
        };
        let seed = Arc::clone(&self.seed);
        let restored = |claim: Claim| {
            let armed = armed(job, &seed, claim.key.instant);
            Candidate { due: armed.due, late: now.wall - armed.due, ..candidate_of(&claim) }
        };
        let waiting = waiting.into_iter().map(restored);
        let (late, mut waiting): (Vec<_>, Vec<_>) = waiting.partition(is_late);
        for candidate in late {
            self.close_candidate(index, &candidate, Ending::Missed(MissedWhy::Down), None);
        }
        let first_due = due.as_ref().and_then(|(_, verdict)| verdict.kept.first().copied());
        let heir = match job.policy.coalesce {
            Coalesce::All => None,
            Coalesce::Latest if first_due.is_some() => first_due.map(|armed| armed.fire_time),
            Coalesce::Latest => waiting.last().map(|candidate| candidate.fire_time),
            Coalesce::Earliest => waiting.first().map(|candidate| candidate.fire_time),
        };
        if let Some(heir) = heir {
            let (kept, folded): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|candidate| candidate.fire_time == heir);
            for candidate in folded {
                self.close_candidate(index, &candidate, Ending::Coalesced, Some(heir));
            }
            waiting = kept;
        }
        let in_turn = job.policy.coalesce == Coalesce::All
            && waiting.len() + due.as_ref().map_or(0, |(_, verdict)| verdict.kept.len()) > 1;
        let takes_all = heir.filter(|_| job.policy.coalesce == Coalesce::Earliest && !waiting.is_empty());
        for candidate in waiting {
            self.offer(index, Candidate { cause: Cause::CatchUp, ..candidate }, in_turn, now);
        }
        if let Some((due, verdict)) = due {
            let verdict = if takes_all.is_some() { verdict.folded() } else { verdict };
            self.carry_out(index, verdict, takes_all, due, now);
        }
    }

    /// What was asked for and waited is offered again. A start that did not come to pass is past, and with a fixed delay
    /// the job begins anew.
    fn offer_again(&mut self, index: JobIndex, asked: Vec<Claim>, now: Now) {
        for claim in asked {
            let candidate = candidate_of(&claim);
            if matches!(claim.key.class, CauseClass::Startup | CauseClass::Delay) {
                self.close_candidate(index, &candidate, Ending::Missed(MissedWhy::Down), None);
            } else {
                let in_turn = candidate.cause == Cause::Backfill;
                self.offer(index, candidate, in_turn, now);
            }
        }
    }

    /// Lets them begin one after another, in an order that is drawn.
    pub(super) fn spread(&mut self, mut catch_ups: Vec<CatchUp>, now: Now) {
        catch_ups.sort_by_cached_key(|catch_up| {
            let name = &self.job(catch_up.index).job.name;
            stable_hash(&[self.seed.as_bytes(), name.as_str().as_bytes()])
        });
        let count = i32::try_from(catch_ups.len()).unwrap_or(i32::MAX).max(1);
        let step = (SPREAD_MAX / count).min(SPREAD_STEP);
        for (rank, catch_up) in (0..).zip(catch_ups) {
            let delay = (step * rank).min(catch_up.room).max(TimeDelta::zero());
            self.arm_later(catch_up.index, catch_up.accounted, now.wall + delay);
        }
        self.take_due(now);
    }

    /// Accounts for what a job was due that has no fire times any more: it is switched off, or no longer in the job
    /// file, and nothing of it runs.
    fn close_removed(&mut self, index: JobIndex, waiting: Vec<Claim>, due: Option<Due>, now: Now) {
        let removed = Ending::Skipped(SkippedWhy::Removed);
        for claim in waiting {
            self.close_candidate(index, &candidate_of(&claim), removed, None);
        }
        if let Some(due) = due {
            self.close(index, due, removed, None, now);
        }
    }

    /// One-shots that are accounted for never come again.
    fn remember_one_shots(&mut self, index: JobIndex, accounted: Accounted) {
        if let Accounted::Through(last) = accounted {
            self.finish_one_shots(index, DateTime::<Utc>::MIN_UTC..=last);
        }
    }

    /// What had finished for those that run after several.
    pub(super) fn note_finished(&mut self, finished: BTreeMap<Name, Vec<Name>>) {
        for (dependent, firsts) in finished {
            if let Some(dependent) = self.jobs.place(&dependent) {
                self.dependents.had_finished(dependent, firsts);
            }
        }
    }
}

impl JobPast {
    fn accounted(&self) -> Accounted {
        if self.accounted_is_fire_time {
            Accounted::Through(self.accounted)
        } else {
            Accounted::From(self.accounted)
        }
    }

    /// Whether the job has the fire times that it had.
    fn is_of(&self, job: &Job) -> bool {
        let definition = definition(job);
        self.schedule == definition && (definition.is_none() || *self.zone == *job.zone.name())
    }

    /// The job with the fire times that it had.
    fn job(&self, job: &Job) -> Job {
        let schedule = self.schedule.as_ref().map(|text| schedule_of(text, &job.name));
        let schedule = schedule.unwrap_or_else(|| ScheduleBuilder::default().build());
        Job { enabled: true, schedule: Arc::new(schedule), delay_after: None, ..job.clone() }
    }
}

impl Verdict {
    /// Nothing of it runs: what it keeps is folded too.
    fn folded(self) -> Verdict {
        let Some(first) = self.kept.first().copied() else { return self };
        let alone = Due { first, last: first, count: 1, class: CauseClass::Calendar };
        let folded = self.folded.map_or(alone, |rest| Due { first, count: rest.count + 1, ..rest });
        Verdict { folded: Some(folded), kept: Vec::new(), ..self }
    }
}

pub(super) fn candidate_of(claim: &Claim) -> Candidate {
    Candidate {
        key: claim.key.clone(),
        cause: claim.cause,
        fire_time: claim.fire_time,
        due: claim.key.instant,
        late: TimeDelta::milliseconds(claim.late_ms),
        after: claim.after.clone().map(Box::new),
        is_recorded: true,
    }
}

/// Returns what has become due since; of a definition that ends now all that has come, also what its jitter
/// would have delayed.
pub(super) fn due_since(
    job: &Job,
    seed: &str,
    accounted: Accounted,
    wall: DateTime<Utc>,
    ends: bool,
) -> Option<Due> {
    let first = armed(job, seed, next_after(job, accounted)?);
    if ends && first.fire_time <= wall {
        // Of a fixed delay it is the first itself.
        let last = job.schedule.prev_before(wall + TimeDelta::nanoseconds(1));
        let last = last.map_or(first, |last| armed(job, seed, last));
        let count = 1 + job.schedule.count_between(first.fire_time, last.fire_time);
        Some(Due { last, count, ..Due::one(job, first) })
    } else {
        let second = || next_after(job, Accounted::Through(first.fire_time));
        (first.due <= wall).then(|| due_until(job, seed, first, second(), wall))
    }
}

/// For how long what is kept may be put off: it must not leave its grace, nor meet the next fire time.
fn room(job: &Job, verdict: &Verdict, wall: DateTime<Utc>) -> TimeDelta {
    let (Some(first), Some(last)) = (verdict.kept.first(), verdict.kept.last()) else {
        return TimeDelta::zero();
    };
    let next = job.schedule.next_after(last.fire_time);
    let period = next.map_or(SPREAD_MAX, |next| next - last.fire_time);
    let grace = match job.policy.misfire_grace_time {
        Grace::Within(grace) => {
            TimeDelta::from_std(grace).map_or(SPREAD_MAX, |grace| grace - (wall - first.due))
        }
        Grace::Any => SPREAD_MAX,
    };
    SPREAD_MAX.min(period).min(grace)
}
