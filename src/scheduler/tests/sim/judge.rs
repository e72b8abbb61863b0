//! Says what is wrong, from what is seen of the scheduler alone: what it writes, starts and tells. It knows the policies
//! of the jobs and nothing of how the scheduler keeps them.
//!
//! That each fire time is accounted for once, and none that there is not, is the [`Book`](super::super::book::Book)'s.

use super::script::Script;
use crate::model::{
    AfterOn, Answer, Cause, CauseClass, Claim, Coalesce, Grace, Job, Name, Now, Outcome, Overlap, Policy,
    Record, Retry, Row, RunKey,
};
use crate::scheduler::{Core, JobSnapshot, Spawn};
use crate::trigger::{FireTime, Schedule};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Up to here a lone fire time is on time, whatever grace says.
const ON_TIME: Duration = Duration::from_secs(1);

/// A run that was claimed and has not ended.
struct Open {
    job: Name,
    in_group: bool,
    /// Whether an attempt of it has a process.
    lives: bool,
    /// By when that has to have ended, by the monotonic clock, if it has a timeout.
    ends_by: Option<Duration>,
    /// The attempt that it may start.
    attempt: u32,
    /// When the one before ended, by the monotonic clock, if it did while the same runner was there.
    ended: Option<Duration>,
}

/// When a fire time to come is due, of a job that has these.
#[derive(Clone)]
struct Due {
    schedule: Arc<Schedule>,
    at: DateTime<Utc>,
}

/// All that a job of one name has ever been, and what has ever been done to it.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that may have happened")]
struct Ever {
    overlaps: Vec<Overlap>,
    had_timeout: bool,
    had_runs_max: bool,
    attempts: u32,
    grace: Duration,
    was_paused: bool,
    was_taken_out: bool,
    was_cancelled: bool,
    was_backfilled: bool,
    changed_group: bool,
    jitters: BTreeSet<Option<Duration>>,
    has_vanished: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is something that may have happened")]
pub(super) struct Judge {
    max_running: usize,
    group_max: usize,
    jobs: BTreeMap<Name, Job>,
    ever: BTreeMap<Name, Ever>,
    open: BTreeMap<String, Open>,
    claimed: BTreeSet<RunKey>,
    /// What is said to wait, and for which run's sake nothing may be let in that is due later.
    waiting: BTreeMap<RunKey, bool>,
    numbers: BTreeMap<Name, u64>,
    /// How many runs for its fire times each job has had since it was added.
    runs: BTreeMap<Name, u64>,
    /// How many it had, those included that were not claimed yet, when it was changed.
    let_in: BTreeMap<Name, u64>,
    /// When the runs of each job with a fixed delay have ended, by the wall clock.
    ends: BTreeMap<Name, Vec<DateTime<Utc>>>,
    /// How often others have finished so that each job is due, and what it was due for.
    finishes: BTreeMap<Name, usize>,
    dependencies: BTreeMap<Name, BTreeSet<RunKey>>,
    /// What was to come.
    due: BTreeMap<(Name, FireTime), Due>,
    /// Attempts that were started.
    started: BTreeSet<(String, u32)>,
    /// How many runs or processes there were, or were let in already, when a limit came into force that is lower: they
    /// may go on.
    over: BTreeMap<Name, usize>,
    group_over: usize,
    overall_over: usize,
    has_stopped: bool,
    is_stopping: bool,
    was_down: bool,
    was_asleep: bool,
    was_stalled: bool,
    was_set: bool,
    was_in_trouble: bool,
    quiet_since: Option<DateTime<Utc>>,
}

impl Judge {
    pub(super) fn new(script: &Script) -> Judge {
        let usize = |most: u32| usize::try_from(most).expect("small");
        Judge {
            max_running: script.max_running.map_or(usize::MAX, usize),
            group_max: usize(script.group),
            jobs: BTreeMap::new(),
            ever: BTreeMap::new(),
            open: BTreeMap::new(),
            claimed: BTreeSet::new(),
            waiting: BTreeMap::new(),
            numbers: BTreeMap::new(),
            runs: BTreeMap::new(),
            let_in: BTreeMap::new(),
            ends: BTreeMap::new(),
            finishes: BTreeMap::new(),
            dependencies: BTreeMap::new(),
            due: BTreeMap::new(),
            started: BTreeSet::new(),
            over: BTreeMap::new(),
            group_over: 0,
            overall_over: 0,
            has_stopped: false,
            is_stopping: false,
            was_down: false,
            was_asleep: false,
            was_stalled: false,
            was_set: false,
            was_in_trouble: false,
            quiet_since: None,
        }
    }
}

/// By when what begins now has ended, by the monotonic clock.
fn within(policy: &Policy, now: Now) -> Option<Duration> {
    policy.timeout.map(|timeout| now.monotonic + timeout + policy.ladder.kill_after)
}

/// What is done to the scheduler.
impl Judge {
    /// A runner has started, with these jobs; those that are parked may come.
    pub(super) fn has_started(&mut self, jobs: &[Job], parked: &[Name]) {
        self.is_stopping = false;
        let is_there = |name: &Name| parked.contains(name) || jobs.iter().any(|job| job.name == *name);
        let gone: Vec<Name> = self.ever.keys().filter(|name| !is_there(name)).cloned().collect();
        for name in gone {
            self.job_is_gone(&name);
            self.job_is_new(&name);
        }
        self.jobs.clear();
        for job in jobs {
            self.job_is(job, 0);
        }
        // What is taken over counts for what its job is now.
        let groups: Vec<_> = self.open.values().map(|open| self.in_group(&open.job)).collect();
        for (open, in_group) in self.open.values_mut().zip(groups) {
            open.in_group = in_group;
        }
        (self.group_over, self.overall_over) = (self.lives(true), self.lives(false));
    }

    /// The next job of this name has had no runs.
    pub(super) fn job_is_new(&mut self, job: &Name) {
        self.runs.remove(job);
    }

    /// From now on a job is this. Beside the runs that are claimed so many were let in.
    pub(super) fn job_is(&mut self, job: &Job, unclaimed: usize) {
        let policy = &job.policy;
        let ever = self.ever.entry(job.name.clone()).or_default();
        ever.overlaps.push(policy.overlap);
        ever.jitters.insert(policy.jitter);
        ever.had_timeout |= policy.timeout.is_some();
        ever.had_runs_max |= job.runs_max.is_some();
        // A job that is switched off has no fire times, and those that it had are closed as removed.
        ever.was_taken_out |= !job.enabled;
        let attempts = if let Retry::Backoff { attempts, .. } = policy.retry { attempts.get() } else { 1 };
        ever.attempts = ever.attempts.max(attempts);
        let grace = if let Grace::Within(grace) = policy.misfire_grace_time { grace } else { Duration::MAX };
        ever.grace = ever.grace.max(grace).max(ON_TIME);
        let before = self.jobs.insert(job.name.clone(), job.clone());
        ever.changed_group |= before.is_some_and(|before| before.policy.group != policy.group);
        self.over.insert(job.name.clone(), self.runs_of(&job.name) + unclaimed);
        let had = self.runs.get(&job.name).copied().unwrap_or(0);
        self.let_in.insert(job.name.clone(), had + unclaimed as u64);
    }

    pub(super) fn job_is_gone(&mut self, job: &Name) {
        self.jobs.remove(job);
        self.ever.entry(job.clone()).or_default().was_taken_out = true;
    }

    pub(super) fn is_paused(&mut self, job: &Name) {
        self.ever.entry(job.clone()).or_default().was_paused = true;
    }

    pub(super) fn is_cancelled(&mut self, job: &Name) {
        self.ever.entry(job.clone()).or_default().was_cancelled = true;
    }

    pub(super) fn is_backfilled(&mut self, job: &Name) {
        self.ever.entry(job.clone()).or_default().was_backfilled = true;
    }

    pub(super) fn is_stopping(&mut self) {
        (self.is_stopping, self.has_stopped) = (true, true);
    }

    pub(super) fn has_crashed(&mut self) {
        self.was_down = true;
        self.waiting.clear();
        for open in self.open.values_mut() {
            (open.lives, open.ends_by, open.ended) = (false, None, None);
        }
    }

    pub(super) fn has_slept(&mut self) {
        self.was_asleep = true;
    }

    pub(super) fn has_stalled(&mut self) {
        self.was_stalled = true;
    }

    pub(super) fn clock_was_set(&mut self) {
        self.was_set = true;
    }

    pub(super) fn ledger_is_slow(&mut self) {
        self.was_in_trouble = true;
    }

    pub(super) fn faults_are_over(&mut self, now: Now) {
        self.quiet_since = Some(now.wall);
    }
}

/// What it does.
impl Judge {
    pub(super) fn is_written(&mut self, record: &Record, answer: Answer, now: Now) {
        match record {
            Record::Claim(claim) | Record::Waits(claim) => self.follows(&claim.key, claim.fire_time),
            Record::Closed { key, row } if row.count == 1 => self.follows(key, row.fire_time.to_utc()),
            _ => {}
        }
        match record {
            Record::Claim(claim) => self.is_claimed(claim, answer, now),
            Record::Waits(claim) => {
                let is_first_come = self.is_first_come(&claim.key);
                self.waiting.insert(claim.key.clone(), is_first_come);
            }
            Record::Retry { run, attempt } => {
                self.open.get_mut(&run.to_string()).expect("it is open").attempt = *attempt;
            }
            Record::RunEnded { run, row, .. } => {
                let open = self.open.remove(&run.to_string());
                let job = open.unwrap_or_else(|| panic!("{run} ends, and is not open")).job;
                self.over.entry(job).and_modify(|over| *over = over.saturating_sub(1));
                // A claim that the ledger was too slow with is not run.
                let was_slow = row.reason.as_deref() == Some("ledger");
                assert!(row.outcome.ran() || was_slow, "{row:?}");
                self.allows(row);
                self.has_finished(row, now);
            }
            Record::Closed { key, row } => {
                assert!(!self.claimed.contains(key), "{key:?} is closed, and was claimed");
                self.waiting.remove(key);
                self.allows(row);
            }
            _ => {}
        }
    }

    fn is_claimed(&mut self, claim: &Claim, answer: Answer, now: Now) {
        let Answer::Claimed { number } = answer else { panic!("{claim:?} has {answer:?}") };
        let name = &claim.key.job;
        assert!(self.claimed.insert(claim.key.clone()), "{claim:?} is claimed twice");
        let last = self.numbers.insert(name.clone(), number);
        assert_eq!(number, last.unwrap_or(0) + 1);
        if claim.key.class == CauseClass::Calendar {
            let late = Duration::from_millis(u64::try_from(claim.late_ms).unwrap_or(0));
            let ever = &self.ever[name];
            assert!(late <= ever.grace, "{claim:?} is beyond its grace");
            // What has not waited is as late as it is by the clock, jitter aside.
            let by_clock = (now.wall - claim.fire_time).to_std().unwrap_or_default();
            let jitter = ever.jitters.iter().flatten().max().copied().unwrap_or_default();
            let is_in_turn = self.jobs.get(name).is_none_or(|job| job.policy.coalesce == Coalesce::All);
            let may_have_waited = is_in_turn || self.was_in_trouble || !self.is_as_ever(name);
            let has_waited = self.waiting.contains_key(&claim.key) || may_have_waited;
            let is_late = by_clock > ever.grace.saturating_add(jitter);
            assert!(has_waited || !is_late, "{claim:?} is beyond its grace at {}", now.wall);
        }
        if claim.key.class.is_of_fire_times() {
            self.counts_run(name);
        }
        self.waiting.remove(&claim.key);
        if self.is_first_come(&claim.key) {
            let is_passed = |(key, is_first_come): &(&RunKey, &bool)| {
                **is_first_come
                    && key.instant < claim.key.instant
                    && self.in_group(&key.job) == self.in_group(name)
            };
            let passed = self.waiting.iter().find(is_passed);
            assert!(passed.is_none(), "{claim:?} is let in before {passed:?}");
        }
        let open = Open {
            job: name.clone(),
            in_group: self.in_group(name),
            lives: false,
            ends_by: None,
            attempt: 1,
            ended: None,
        };
        self.open.insert(format!("{name}#{number}"), open);
    }

    fn counts_run(&mut self, job: &Name) {
        let runs = self.runs.entry(job.clone()).or_default();
        *runs += 1;
        let most = self.jobs.get(job).and_then(|job| job.runs_max);
        // Of a job that has gone while the ledger did not answer nobody can tell which was meant.
        let can_tell = !(self.was_in_trouble && self.ever[job].was_taken_out);
        let let_in = self.let_in.get(job).copied().unwrap_or(0);
        let is_one_too_many = most.is_some_and(|most| *runs > most.get().max(let_in));
        assert!(!(can_tell && is_one_too_many), "`{job}` runs once too often");
    }

    /// A run has ended: who runs after it is due.
    fn has_finished(&mut self, row: &Row, now: Now) {
        let first = Name::parse(&row.job).expect("a name");
        self.ends.entry(first.clone()).or_default().push(now.wall);
        for job in self.jobs.values().filter(|job| job.enabled) {
            let after = job.after.as_ref().filter(|after| after.jobs.contains(&first));
            let counts = after.is_some_and(|after| match after.on {
                AfterOn::Success => row.outcome == Outcome::Succeeded,
                AfterOn::Failure => {
                    matches!(row.outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Lost)
                }
                AfterOn::Finish => row.outcome.ran(),
            });
            *self.finishes.entry(job.name.clone()).or_default() += usize::from(counts);
        }
    }

    /// What follows from the ends of runs does not come before them.
    fn follows(&mut self, key: &RunKey, fire_time: DateTime<Utc>) {
        let name = &key.job;
        if !self.is_as_ever(name) || self.is_stopping {
            return;
        }
        let Some(job) = self.jobs.get(name) else { return };
        if let (CauseClass::Delay, Some(delay), false) =
            (key.class, job.delay_after, self.was_set || self.was_in_trouble)
        {
            let ends = self.ends.get(name).into_iter().flatten();
            let last = ends.filter(|end| **end < fire_time).max();
            assert!(last.is_none_or(|end| *end + delay <= fire_time), "{key:?} comes before its delay");
        }
        if key.class == CauseClass::Dependency {
            let due = self.dependencies.entry(name.clone()).or_default();
            due.insert(key.clone());
            let finishes = self.finishes.get(name).copied().unwrap_or(0);
            assert!(due.len() <= finishes, "{key:?}, and nothing has finished");
        }
    }

    /// Whether a job has always been there, and as it is.
    fn is_as_ever(&self, job: &Name) -> bool {
        self.ever.get(job).is_some_and(|ever| ever.overlaps.len() == 1 && !ever.was_taken_out)
    }

    /// Whether its runs count for the group. Of a job that has changed that while it was there nobody can tell, because
    /// what had come then was let in as it was before.
    fn in_group(&self, job: &Name) -> bool {
        let has_group = self.jobs.get(job).is_some_and(|job| job.policy.group.is_some());
        has_group && !self.ever[job].changed_group
    }

    /// Whether it can wait for nothing but a slot, and has no jitter: then who is due first comes first.
    fn is_first_come(&self, key: &RunKey) -> bool {
        let policy = self.jobs.get(&key.job).map(|job| &job.policy);
        let is_plain = |policy: &Policy| {
            policy.overlap == Overlap::Allow && policy.coalesce != Coalesce::All && policy.jitter.is_none()
        };
        let ever = &self.ever[&key.job];
        let is_as_ever = ever.overlaps.len() == 1 && !ever.was_backfilled;
        key.class == CauseClass::Calendar
            && is_as_ever
            && !self.was_set
            && policy.is_some_and(|p| is_plain(p))
    }

    pub(super) fn is_spawned(&mut self, spawn: &Spawn, now: Now) {
        let run = spawn.run.to_string();
        assert!(self.started.insert((run.clone(), spawn.attempt)), "{run} is started twice");
        assert!(spawn.attempt <= self.ever[&spawn.run.job].attempts, "{run} is tried too often");
        if !self.was_set && matches!(spawn.cause, Cause::Scheduled | Cause::CatchUp) {
            let (fire_time, due) = (spawn.fire_time, spawn.due);
            // What has come when its job is changed is decided then, without the rest of its jitter.
            let is_due = due <= now.wall || self.ever[&spawn.run.job].overlaps.len() > 1;
            let is_early = fire_time.to_utc() > now.wall || fire_time > due || !is_due;
            assert!(!is_early, "{run} is due at {due} for {fire_time}: too early");
        }
        let open = self.open.get_mut(&run);
        let open = open.unwrap_or_else(|| panic!("{run} starts, and its claim is not written"));
        assert_eq!(spawn.attempt, open.attempt, "{run} starts an attempt that is not written");
        open.lives = true;
        let policy = &spawn.job.policy;
        let is_as_ever = self.ever[&spawn.run.job].overlaps.len() == 1;
        if let (Some(ended), Retry::Backoff { delay, .. }, true) = (open.ended, policy.retry, is_as_ever) {
            // Each wait is twice the one before.
            let wait = delay * 2_u32.pow(spawn.attempt.saturating_sub(2));
            assert!(now.monotonic >= ended + wait, "{run} is tried again too early");
        }
        open.ends_by = within(policy, now);
        assert!(!self.is_stopping || spawn.attempt == 1, "{run} is tried again during a stop");
        self.holds_limits(&spawn.job);
    }

    /// Its process is there: its timeout begins.
    pub(super) fn has_begun(&mut self, spawn: &Spawn, now: Now) {
        let open = self.open.get_mut(&spawn.run.to_string()).expect("it is open");
        open.ends_by = within(&spawn.job.policy, now);
    }

    pub(super) fn is_adopted(&mut self, spawn: &Spawn) {
        self.open.get_mut(&spawn.run.to_string()).expect("it is open").lives = true;
        (self.group_over, self.overall_over) = (self.lives(true), self.lives(false));
    }

    pub(super) fn has_ended(&mut self, run: &str, now: Now) {
        let open = self.open.get_mut(run).expect("it is open");
        (open.lives, open.ended) = (false, Some(now.monotonic));
        let is_late = open.ends_by.is_some_and(|end| end < now.monotonic);
        assert!(!is_late || self.was_stalled || self.was_asleep, "{run} goes on beyond its timeout");
        self.group_over = self.group_over.saturating_sub(usize::from(open.in_group));
        self.overall_over = self.overall_over.min(self.lives(false));
    }

    /// Nobody knows how a process has ended.
    pub(super) fn has_vanished(&mut self, run: &str) {
        let job = self.open[run].job.clone();
        self.ever.entry(job).or_default().has_vanished = true;
    }

    fn holds_limits(&self, job: &Job) {
        let name = &job.name;
        let most = self.jobs.get(name).unwrap_or(job).policy.max_instances.get();
        let most = usize::try_from(most).expect("small").max(self.over.get(name).copied().unwrap_or(0));
        let is_limited = self.jobs.get(name).is_some_and(|job| job.policy.overlap != Overlap::Allow);
        assert!(!is_limited || self.runs_of(name) <= most, "more runs of `{name}` than there may be");
        assert!(self.lives(true) <= self.group_max.max(self.group_over), "the group is over its limit");
        assert!(self.lives(false) <= self.max_running.max(self.overall_over), "there are too many runs");
    }

    fn runs_of(&self, job: &Name) -> usize {
        self.open.values().filter(|open| open.job == *job).count()
    }

    fn lives(&self, in_group: bool) -> usize {
        self.open.values().filter(|open| open.lives && (open.in_group || !in_group)).count()
    }

    /// Whether a fire time or run may end so.
    fn allows(&self, row: &Row) {
        let ever = &self.ever[row.job.as_str()];
        let had = |overlap| ever.overlaps.contains(&overlap);
        let reason = row.reason.as_deref();
        let is_allowed = match (row.outcome, reason) {
            (Outcome::Succeeded, _) => row.exit_code == Some(0),
            (Outcome::Failed, _) => row.exit_code != Some(0),
            (Outcome::TimedOut, _) => ever.had_timeout,
            (Outcome::Cancelled, Some("replace")) => had(Overlap::Replace),
            (Outcome::Cancelled, Some("shutdown")) => self.has_stopped,
            (Outcome::Cancelled, Some("request")) => ever.was_cancelled,
            (Outcome::Skipped, Some("overlap")) => had(Overlap::Skip),
            (Outcome::Skipped, Some("stopping")) => self.is_stopping,
            (Outcome::Skipped, Some("paused")) => ever.was_paused,
            (Outcome::Skipped, Some("removed")) => ever.was_taken_out,
            (Outcome::Skipped, Some("finished")) => ever.had_runs_max,
            (Outcome::Lost, _) if ever.has_vanished => true,
            (Outcome::Lost, _) | (Outcome::Cancelled, Some("restart")) | (Outcome::Missed, Some("down")) => {
                self.was_down
            }
            (Outcome::Missed, Some("asleep")) => self.was_asleep,
            (Outcome::Missed, Some("clock")) => self.was_set,
            (Outcome::Missed, Some("ledger")) => self.was_in_trouble,
            (Outcome::Missed, Some("late")) => true,
            (Outcome::Coalesced, _) => row.coalesced_into.is_some(),
            _ => false,
        };
        assert!(is_allowed, "nothing allows {row:?}");
        if let Some(quiet) = self.quiet_since {
            let is_quiet = row.fire_time.to_utc() > quiet + TimeDelta::seconds(1);
            let is_lost = row.outcome == Outcome::Lost && !ever.has_vanished;
            let is_fault = row.outcome == Outcome::Missed || is_lost;
            assert!(!(is_quiet && is_fault), "nothing went wrong any more, and yet {row:?}");
        }
    }
}

/// How it stands when all is done that can be.
impl Judge {
    /// Nothing waits without a reason.
    pub(super) fn looks_at(&self, core: &Core) {
        if self.is_stopping {
            return;
        }
        let is_full = self.lives(false) >= self.max_running;
        let nobody_can_tell = self.ever.values().any(|ever| ever.changed_group);
        for JobSnapshot { job, running, waiting, .. } in core.job_states() {
            let policy = &job.policy;
            let is_known_full = self.lives(true) >= self.group_max || nobody_can_tell;
            let group_is_full = policy.group.is_some() && is_known_full;
            let most = usize::try_from(policy.max_instances.get()).expect("small");
            let has_all = policy.overlap != Overlap::Allow && running >= most;
            // One after another, in a backlog or as they are made up for.
            let in_turn = policy.coalesce == Coalesce::All || self.ever[&job.name].was_backfilled;
            let has_its_turn = running > 0 && (in_turn || !self.is_as_ever(&job.name));
            assert!(
                waiting == 0 || is_full || group_is_full || has_all || has_its_turn,
                "{waiting} wait for a place of `{}`, and nothing is in the way",
                job.name
            );
        }
    }

    /// Whatever was due is over or under way, and what is to come is to come.
    pub(super) fn all_goes_on(&mut self, core: &Core, now: Now) {
        for JobSnapshot { job, next, .. } in core.job_states() {
            assert!(next.is_none_or(|next| next.due > now.wall), "`{}` was due and is forgotten", job.name);
        }
        self.no_fire_time_has_moved(core, now);
        for (name, job) in &self.jobs {
            let Some(after) = &job.after else { continue };
            if !self.was_down && self.is_as_ever(name) && (after.any || after.jobs.len() == 1) {
                let due = self.dependencies.get(name).map_or(0, BTreeSet::len);
                let finishes = self.finishes.get(name).copied().unwrap_or(0);
                assert_eq!(due, finishes, "`{name}` was due less often than others have finished");
            }
        }
    }

    /// Each job waits for the first fire time to come that it has, and that is due when it was before: whatever was
    /// paused, resumed, replaced by the same or started anew.
    pub(super) fn no_fire_time_has_moved(&mut self, core: &Core, now: Now) {
        if self.is_stopping || self.was_set {
            return;
        }
        for JobSnapshot { job, next, pause, is_finished, .. } in core.job_states() {
            if !job.enabled || job.delay_after.is_some() || (is_finished && job.runs_max.is_some()) {
                continue;
            }
            let end_of_pause = pause.and_then(|pause| pause.until).filter(|until| *until > now.wall);
            let first = job.schedule.next_after(end_of_pause.unwrap_or(now.wall));
            let Some(next) = next else {
                assert_eq!(first, None, "`{}` has fire times to come, and waits for none", job.name);
                continue;
            };
            if next.fire_time.to_utc() <= now.wall {
                continue;
            }
            assert_eq!(Some(next.fire_time.to_utc()), first, "`{}` waits for another fire time", job.name);
            let of_now = Due { schedule: Arc::clone(&job.schedule), at: next.due };
            let before = self.due.entry((job.name.clone(), next.fire_time)).or_insert_with(|| of_now.clone());
            // What was drawn with another jitter stays, but not beyond a restart.
            let is_another = self.ever[&job.name].jitters.len() > 1 || before.schedule != of_now.schedule;
            assert!(is_another || before.at == next.due, "`{}` is due at another time", job.name);
        }
    }
}
