//! A world of one scheduler: clocks that only a test moves, a ledger that answers at once (or when told to),
//! and processes that end when a test says so.
//!
//! Time is told in seconds since the start, which is 2026-01-05 00:00:00 UTC.

use super::book::Book;
use crate::model::{
    After, AfterOn, Answer, CauseClass, Closure, Coalesce, Event, Exit, ExitStatus, Finish, Grace, Job,
    JobAction, Keep, Ladder, LedgerPlace, Name, Now, OutputKept, Overlap, Past, Place, Plan, Policy,
    ProcessId, Record, Retry, Row, RunKey, RunRef, Settings, Setup, SpawnError, SpawnWhy, Task, Usage,
};
use crate::scheduler::{Action, Beginning, Core, Fact};
use crate::trigger::{ScheduleBuilder, Trigger, Zone};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn many(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).expect("not zero")
}

/// A job that is due every so often and does nothing but run.
pub(super) fn every(name: &str, period: Duration) -> Job {
    let trigger = Trigger::every(period).expect("a sound period");
    scheduled(name, vec![trigger])
}

/// A job that is due at each of these seconds after the start.
pub(super) fn at(name: &str, seconds: &[i64]) -> Job {
    let text = |second: &i64| (start() + TimeDelta::seconds(*second)).to_rfc3339();
    let trigger = |second| Trigger::at(&text(second), &Zone::utc()).expect("a sound instant");
    scheduled(name, seconds.iter().map(trigger).collect())
}

/// A job that no calendar trigger names.
pub(super) fn idle(name: &str) -> Job {
    scheduled(name, Vec::new())
}

/// A job that is due by the calendar.
pub(super) fn cron(name: &str, text: &str) -> Job {
    scheduled(name, vec![Trigger::cron(text, &Zone::utc()).expect("a sound expression")])
}

pub(super) fn scheduled(name: &str, triggers: Vec<Trigger>) -> Job {
    Job {
        name: Name::parse(name).expect("a name"),
        description: None,
        enabled: true,
        startup: false,
        after: None,
        schedule: Arc::new(ScheduleBuilder { triggers, start: None, end: None }.build()),
        delay_after: None,
        runs_max: None,
        zone: Zone::utc(),
        action: JobAction::Closure(Closure::new(())),
        setup: Arc::new(Setup::bare()),
        policy: Arc::new(Policy::default()),
        place: Place { file: Path::new("jobs.toml").into(), line: 1 },
    }
}

/// So many seconds after the start, by the wall clock.
pub(super) fn wall(second: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(second)
}

impl Job {
    /// Its fire times lie after `start` and up to `end`.
    pub(super) fn between(self, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Job {
        let triggers = self.schedule.triggers().to_vec();
        Job { schedule: Arc::new(ScheduleBuilder { triggers, start, end }.build()), ..self }
    }

    fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Job {
        change(Arc::make_mut(&mut self.policy));
        self
    }

    pub(super) fn overlap(self, overlap: Overlap) -> Job {
        self.policy(|policy| policy.overlap = overlap)
    }

    pub(super) fn max_instances(self, most: u32) -> Job {
        self.policy(|policy| policy.max_instances = many(most))
    }

    pub(super) fn grace(self, grace: Grace) -> Job {
        self.policy(|policy| policy.misfire_grace_time = grace)
    }

    pub(super) fn coalesce(self, coalesce: Coalesce) -> Job {
        self.policy(|policy| policy.coalesce = coalesce)
    }

    pub(super) fn jitter(self, most: Duration) -> Job {
        self.policy(|policy| policy.jitter = Some(most))
    }

    pub(super) fn timeout(self, timeout: Duration) -> Job {
        self.policy(|policy| policy.timeout = Some(timeout))
    }

    pub(super) fn kill_after(self, kill_after: Duration) -> Job {
        self.policy(|policy| policy.ladder = Ladder { kill_after, ..policy.ladder })
    }

    pub(super) fn retry(self, attempts: u32, delay: Duration) -> Job {
        let delay_max = secs(300);
        self.policy(|policy| {
            policy.retry = Retry::Backoff { attempts: many(attempts), delay, factor: 2.0, delay_max };
        })
    }

    pub(super) fn group(self, group: &str) -> Job {
        self.policy(|policy| policy.group = Some(Name::parse(group).expect("a name")))
    }

    /// It is due when all these have finished so.
    pub(super) fn after(self, jobs: &[&str], on: AfterOn) -> Job {
        let jobs = jobs.iter().map(|job| Name::parse(job).expect("a name")).collect();
        Job { after: Some(Box::new(After { jobs, on, any: false })), ..self }
    }

    /// It is due when any of these has succeeded.
    pub(super) fn after_any(self, jobs: &[&str]) -> Job {
        let mut job = self.after(jobs, AfterOn::Success);
        job.after.as_mut().expect("it was just set").any = true;
        job
    }

    /// Each fire time is so long after the end of its last run.
    pub(super) fn delay_after(self, delay: Duration) -> Job {
        Job { delay_after: Some(delay), ..self }
    }

    pub(super) fn runs_max(self, most: u64) -> Job {
        Job { runs_max: NonZeroU64::new(most), ..self }
    }

    pub(super) fn startup(self) -> Job {
        Job { startup: true, ..self }
    }

    /// It is a task, and stored as this text.
    pub(super) fn stored_as(self, text: &str) -> Job {
        let (args, closure) = (Arc::default(), Closure::new(()));
        let task =
            Task { name: Name::parse("task").expect("a name"), args, closure, stored: Some(text.into()) };
        Job { action: JobAction::Task(Arc::new(task)), ..self }
    }

    pub(super) fn disabled(self) -> Job {
        Job { enabled: false, ..self }
    }
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 0, 0, 0).single().expect("UTC has every time once")
}

fn plan(jobs: impl IntoIterator<Item = Job>, max_running: Option<u32>, groups: &[(&str, u32)]) -> Plan {
    let group = |(name, most): &(&str, u32)| (Name::parse(name).expect("a name"), many(*most));
    Plan {
        jobs: jobs.into_iter().map(Arc::new).collect(),
        groups: groups.iter().map(group).collect(),
        settings: Settings {
            file: Path::new("jobs.toml").into(),
            zone: Zone::utc(),
            max_running: max_running.map(many),
            shutdown_grace: secs(25),
            ledger: LedgerPlace::Memory,
            name: None,
            keep: Keep::default(),
            seed: None,
        },
    }
}

fn beginning(clock_least: Option<DateTime<Utc>>, past: Option<Past>) -> Beginning<'static> {
    let asked = past.as_ref().and_then(|past| past.asked);
    Beginning {
        seed: "seed",
        node: "node",
        clock_least,
        past,
        asked,
        awaits_absent: false,
        keeps_nothing: false,
    }
}

/// How a process behaves.
#[derive(Clone, Copy)]
struct Behaviour {
    /// How long it runs by itself.
    takes: Option<Duration>,
    code: u8,
    /// How long after its stop signal it ends; `None`: it ignores it.
    ends_after_term: Option<Duration>,
    /// Whether even `KILL` does not end it.
    immortal: bool,
}

struct Process {
    name: String,
    behaviour: Behaviour,
    began: Duration,
    ends: Option<(Duration, ExitStatus)>,
}

pub(super) struct World {
    core: Core,
    now: Now,
    behaviours: BTreeMap<String, Behaviour>,
    spawn_fails: BTreeSet<String>,
    /// Jobs whose processes are only ever being started, until this signal gives that up for this reason.
    never_start: BTreeMap<String, (Signal, SpawnWhy)>,
    starting: BTreeMap<RunRef, (Signal, SpawnWhy)>,
    processes: BTreeMap<RunRef, Process>,
    names: BTreeMap<RunRef, String>,
    /// What is written.
    book: Book,
    /// Whether jobs that are not in the plan may be added yet.
    awaits_absent: bool,
    /// Whether the scheduler is told what is in it from before.
    durable: bool,
    /// Processes that have outlived their runner, by their run.
    orphans: BTreeMap<String, Process>,
    stopped_at: Option<DateTime<Utc>>,
    /// Whether no runner runs: then nothing is written.
    is_down: bool,
    rows: BTreeMap<String, Arc<Row>>,
    /// What each attempt was told of the finish that it runs because of.
    told: BTreeMap<String, Finish>,
    /// The fire time that each run was told.
    fire_times: BTreeMap<String, i64>,
    /// What the last attempt of each run was.
    actions: BTreeMap<String, JobAction>,
    /// Records that wait for an answer while the ledger is slow.
    ledger_waits: Option<VecDeque<Record>>,
    log: String,
}

impl World {
    pub(super) fn new(jobs: impl IntoIterator<Item = Job>) -> World {
        World::with_limits(jobs, None, &[])
    }

    pub(super) fn with_limits(
        jobs: impl IntoIterator<Item = Job>,
        max_running: Option<u32>,
        groups: &[(&str, u32)],
    ) -> World {
        World::with_clock(&plan(jobs, max_running, groups), start(), None)
    }

    /// The wall clock is set to `wall`, and is wrong if that is before `least`.
    pub(super) fn at_wall(
        jobs: impl IntoIterator<Item = Job>,
        wall: DateTime<Utc>,
        least: Option<DateTime<Utc>>,
    ) -> World {
        World::with_clock(&plan(jobs, None, &[]), wall, least)
    }

    /// A world whose ledger outlives its runner; see [`World::crash`].
    pub(super) fn durable(jobs: impl IntoIterator<Item = Job>) -> World {
        World::durable_with_limits(jobs, None)
    }

    pub(super) fn durable_with_limits(
        jobs: impl IntoIterator<Item = Job>,
        max_running: Option<u32>,
    ) -> World {
        let mut world = World::new([]);
        world.durable = true;
        world.begin(&plan(jobs, max_running, &[]));
        world
    }

    /// From the next start on jobs that are not in the plan may be added yet.
    pub(super) fn awaits_absent(mut self) -> World {
        self.awaits_absent = true;
        self
    }

    /// The runner is killed, and all its processes with it.
    pub(super) fn crash(mut self) -> World {
        self.processes.clear();
        self.crash_alone()
    }

    /// The runner is killed, and its processes live on.
    pub(super) fn crash_alone(mut self) -> World {
        let processes = std::mem::take(&mut self.processes);
        self.orphans.extend(processes.into_values().map(|process| (process.name.clone(), process)));
        self.core = Core::new(&plan([], None, &[]), Beginning::default(), self.now);
        self.is_down = true;
        self.starting.clear();
        if let Some(unanswered) = &mut self.ledger_waits {
            unanswered.clear();
        }
        self
    }

    /// After so long a runner is started again on the same ledger.
    pub(super) fn restart(self, after: Duration, jobs: impl IntoIterator<Item = Job>) -> World {
        self.restart_with_limits(after, jobs, None)
    }

    pub(super) fn restart_with_limits(
        mut self,
        after: Duration,
        jobs: impl IntoIterator<Item = Job>,
        max_running: Option<u32>,
    ) -> World {
        self.pass(after);
        self.ledger_waits = None;
        let now = self.now.monotonic;
        self.orphans.retain(|_, orphan| orphan.ends.is_none_or(|(at, _)| at > now));
        self.begin(&plan(jobs, max_running, &[]));
        self
    }

    fn begin(&mut self, plan: &Plan) {
        self.is_down = false;
        let mut past = self.book.past();
        for open in &mut past.runs {
            let orphan = self.orphans.get(&open.run.to_string());
            open.alive_for = orphan.map(|orphan| self.now.monotonic.saturating_sub(orphan.began));
        }
        let awaits_absent = self.awaits_absent;
        self.core = Core::new(plan, Beginning { awaits_absent, ..beginning(None, Some(past)) }, self.now);
        self.settle();
    }

    fn with_clock(plan: &Plan, wall: DateTime<Utc>, least: Option<DateTime<Utc>>) -> World {
        let now = Now { wall, monotonic: secs(1000), boot: secs(2000) };
        let mut world = World {
            core: Core::new(plan, beginning(least, None), now),
            now,
            behaviours: BTreeMap::new(),
            spawn_fails: BTreeSet::new(),
            never_start: BTreeMap::new(),
            starting: BTreeMap::new(),
            processes: BTreeMap::new(),
            names: BTreeMap::new(),
            book: Book::default(),
            awaits_absent: false,
            durable: false,
            orphans: BTreeMap::new(),
            stopped_at: None,
            is_down: false,
            rows: BTreeMap::new(),
            told: BTreeMap::new(),
            fire_times: BTreeMap::new(),
            actions: BTreeMap::new(),
            ledger_waits: None,
            log: String::new(),
        };
        world.settle();
        world
    }

    /// From now on, processes of `job` run so long and exit with `code`; a stop signal ends them at once.
    pub(super) fn runs_for(mut self, job: &str, takes: Duration, code: u8) -> World {
        let takes = Some(takes);
        let behaviour = Behaviour { takes, code, ends_after_term: Some(Duration::ZERO), immortal: false };
        self.behaviours.insert(job.into(), behaviour);
        self
    }

    /// Processes of `job` run until they are stopped, and take so long to end then.
    pub(super) fn ends_after_term(mut self, job: &str, after: Option<Duration>) -> World {
        let behaviour = Behaviour { takes: None, code: 0, ends_after_term: after, immortal: false };
        self.behaviours.insert(job.into(), behaviour);
        self
    }

    pub(super) fn immortal(mut self, job: &str) -> World {
        let behaviour = Behaviour { takes: None, code: 0, ends_after_term: None, immortal: true };
        self.behaviours.insert(job.into(), behaviour);
        self
    }

    pub(super) fn cannot_spawn(mut self, job: &str) -> World {
        self.spawn_fails.insert(job.into());
        self
    }

    /// Processes of `job` never get to be there; `signal` gives them up for this reason.
    pub(super) fn never_starts(mut self, job: &str, signal: Signal, why: SpawnWhy) -> World {
        self.never_start.insert(job.into(), (signal, why));
        self
    }

    /// Lets time pass, event by event, until so many seconds after the start.
    pub(super) fn until(mut self, second: u64) -> World {
        let target = secs(1000 + second);
        loop {
            self.settle();
            if self.core.is_stopped() {
                self.stopped_at.get_or_insert(self.now.wall);
                break;
            }
            let timeout = self.core.poll_timeout().sleep(self.now).map(|sleep| self.now.monotonic + sleep);
            let exit = self.processes.values().filter_map(|process| Some(process.ends?.0)).min();
            let Some(next) = [timeout, exit].into_iter().flatten().min().filter(|next| *next <= target)
            else {
                break;
            };
            self.pass(next.saturating_sub(self.now.monotonic));
            self.end_processes();
            self.core.handle_timeout(self.now);
        }
        self.pass(target.saturating_sub(self.now.monotonic));
        self
    }

    /// Time passes and nobody looks.
    pub(super) fn stall(mut self, duration: Duration) -> World {
        self.pass(duration);
        self.end_processes();
        self.core.handle_timeout(self.now);
        self.settle();
        self
    }

    /// Time passes and the core is told nothing yet.
    pub(super) fn unnoticed(mut self, duration: Duration) -> World {
        self.pass(duration);
        self
    }

    /// The machine sleeps: its monotonic clock stands still.
    pub(super) fn suspend(mut self, duration: Duration) -> World {
        self.now.wall += duration;
        self.now.boot += duration;
        self.core.handle_timeout(self.now);
        self.settle();
        self
    }

    /// The machine sleeps, and its wall clock is wrong by so much when it wakes.
    pub(super) fn suspend_and_set(mut self, duration: Duration, second: i64) -> World {
        self.now.boot += duration;
        self.now.wall = wall(second);
        self.core.handle_timeout(self.now);
        self.settle();
        self
    }

    /// The wall clock is set to this many seconds after the start.
    pub(super) fn set(self, second: i64) -> World {
        let by = wall(second) - self.now.wall;
        self.step(by)
    }

    /// The wall clock is set.
    pub(super) fn step(mut self, by: TimeDelta) -> World {
        self.now.wall += by;
        self.core.handle_timeout(self.now);
        self.settle();
        self
    }

    pub(super) fn stop(self) -> World {
        self.tell(Fact::StopRequested)
    }

    pub(super) fn request(self, job: &str) -> World {
        self.tell(Fact::RunRequested(Name::parse(job).expect("a name")))
    }

    /// The only process of `job` exits with `code`.
    pub(super) fn exit(mut self, run: &str, code: u8) -> World {
        let process = self.processes.values_mut().find(|process| process.name == run);
        process.expect("a running process").ends = Some((self.now.monotonic, ExitStatus::Code(code)));
        self.end_processes();
        self.settle();
        self
    }

    /// The process of a run that was taken over ends, and nobody knows how.
    pub(super) fn vanishes(mut self, run: &str) -> World {
        let found = self.processes.iter().find(|(_, process)| process.name == run);
        let run = *found.expect("a running process").0;
        self.processes.remove(&run);
        self.tell(Fact::Vanished { run })
    }

    /// The ledger says that it cannot be written; from now on it does not answer.
    pub(super) fn ledger_fails(self) -> World {
        self.ledger_hangs().tell(Fact::LedgerFailed("disk full".into()))
    }

    /// The ledger has written all that it was given, and can be written again.
    pub(super) fn ledger_works(self) -> World {
        self.ledger_answers().tell(Fact::LedgerWorks)
    }

    /// Asserts that every fire time until the runner has stopped is accounted for once, and nothing else is.
    pub(super) fn accounts_for_all(&self) {
        self.book.accounts_for_all_until(self.stopped_at.expect("it has stopped"));
    }

    /// The ledger knows that these have finished as `dependent` asks.
    pub(super) fn had_finished(mut self, dependent: &str, firsts: &[&str]) -> World {
        let name = |name: &str| Name::parse(name).expect("a name");
        self.book.finished(name(dependent), firsts.iter().map(|first| name(first)).collect());
        self
    }

    /// Asserts what the ledger has stored, each as `name: text`.
    #[track_caller]
    pub(super) fn has_stored(self, expected: &[&str]) -> World {
        let stored: Vec<_> =
            self.book.past().stored.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        assert_eq!(stored, expected);
        self
    }

    /// Asserts which jobs are parked.
    #[track_caller]
    pub(super) fn parks(self, expected: &[&str]) -> World {
        let parked: Vec<_> = self.core.parked().map(|(name, _)| name.as_str()).collect();
        assert_eq!(parked, expected);
        self
    }

    /// Asserts how many jobs are catching up after a restart.
    #[track_caller]
    pub(super) fn catches_up(self, jobs: usize) -> World {
        assert_eq!(self.core.recovery().catching_up, jobs);
        self
    }

    /// From now on the ledger does not answer.
    pub(super) fn ledger_hangs(mut self) -> World {
        self.ledger_waits.get_or_insert_default();
        self
    }

    /// The first of what the ledger was given is written, and its answers do not come.
    pub(super) fn writes(mut self, records: usize) -> World {
        let waiting = self.ledger_waits.as_mut().expect("it hangs");
        for record in waiting.drain(..records.min(waiting.len())) {
            self.book.write(&record);
            self.book.seen(self.now.wall);
        }
        self
    }

    /// The ledger answers everything, and at once from now on.
    pub(super) fn ledger_answers(mut self) -> World {
        for record in self.ledger_waits.take().unwrap_or_default() {
            self.answer(&record);
        }
        self.settle();
        self
    }

    /// Asserts what happened since the last time this was asked.
    #[track_caller]
    pub(super) fn happened(mut self, expected: &str) -> World {
        let trimmed = |text: &str| text.lines().map(|line| line.trim().to_owned() + "\n").collect::<String>();
        let log = std::mem::take(&mut self.log);
        assert_eq!(trimmed(log.trim()), trimmed(expected.trim()), "\nthis happened:\n{log}");
        self
    }

    /// Forgets what happened so far.
    pub(super) fn and_then(mut self) -> World {
        self.log.clear();
        self
    }

    /// The claimed fire times of a job, each as clock epoch and seconds after the start, in order of both.
    pub(super) fn claims(&self, job: &str) -> Vec<(u32, i64)> {
        let of_job = |key: &&RunKey| key.job.as_str() == job && key.class == CauseClass::Calendar;
        let second = |key: &RunKey| (key.clock_epoch, (key.instant - start()).num_seconds());
        self.book.claimed().filter(of_job).map(second).collect()
    }

    /// How a run ended.
    pub(super) fn row(&self, run: &str) -> &Row {
        &self.rows[run]
    }

    /// How many seconds after the start the fire time is that the process of a run was told.
    pub(super) fn fire_time(&self, run: &str) -> i64 {
        self.fire_times[run]
    }

    /// What the process of a run was told of the finish that it runs because of.
    pub(super) fn told(&self, run: &str) -> Option<&Finish> {
        self.told.get(run)
    }

    /// What the last attempt of a run was.
    pub(super) fn action(&self, run: &str) -> &JobAction {
        &self.actions[run]
    }

    /// How many definitions of a job the ledger has.
    pub(super) fn definitions(&self, job: &str) -> usize {
        self.book.definitions(job)
    }

    /// How far away by the wall clock the fire time is that each job waits for, in plan order.
    pub(super) fn waits(&self) -> Vec<Option<TimeDelta>> {
        let wait = |armed: crate::scheduler::Armed| armed.due - self.now.wall;
        self.core.upcoming().map(|(_, armed)| armed.map(wait)).collect()
    }

    /// Asserts that the scheduler has nothing to do before the wall clock is `second`, by itself.
    #[track_caller]
    pub(super) fn waits_until(self, second: i64) -> World {
        assert_eq!(self.core.poll_timeout().wall.map(|at| (at - start()).num_seconds()), Some(second));
        self
    }

    pub(super) fn count(&self, text: &str) -> usize {
        self.log.lines().filter(|line| line.contains(text)).count()
    }

    #[track_caller]
    pub(super) fn tally(self, expected: &str) -> World {
        assert_eq!(self.core.tally().to_string(), expected);
        self
    }

    #[track_caller]
    pub(super) fn has_stopped(self, expected: bool) -> World {
        assert_eq!(self.core.is_stopped(), expected, "\nthis happened:\n{}", self.log);
        self
    }

    /// Calls the scheduler, and carries out what it asks for.
    pub(super) fn call<T>(&mut self, call: impl FnOnce(&mut Core, Now) -> T) -> T {
        let result = call(&mut self.core, self.now);
        self.settle();
        result
    }

    /// The scheduler as it is.
    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    fn tell(mut self, fact: Fact) -> World {
        self.core.handle_event(self.now, fact);
        self.settle();
        self
    }

    fn pass(&mut self, duration: Duration) {
        self.now.wall += duration;
        self.now.monotonic += duration;
        self.now.boot += duration;
    }

    fn end_processes(&mut self) {
        let now = self.now.monotonic;
        let ended =
            |(run, process): (&RunRef, &Process)| Some((*run, process.ends.filter(|(at, _)| *at <= now)?.1));
        let ended: Vec<_> = self.processes.iter().filter_map(ended).collect();
        for (run, status) in ended {
            let process = self.processes.remove(&run).expect("it is there");
            let took = self.now.monotonic.saturating_sub(process.began);
            let exit = Exit {
                status,
                message: None,
                took,
                usage: Some(Usage::default()),
                output: Some(OutputKept::default()),
            };
            self.core.handle_event(self.now, Fact::Exited { run, exit });
        }
    }

    /// Carries out all that the core asks for.
    fn settle(&mut self) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Record(record) => self.record(record),
                Action::Spawn(spawn) => {
                    let (run, name) = (spawn.run_ref, spawn.run.to_string());
                    self.names.insert(run, name.clone());
                    self.fire_times.insert(name.clone(), second(spawn.fire_time));
                    self.actions.insert(name.clone(), spawn.job.action.clone());
                    self.told.extend(spawn.after.map(|finish| (name.clone(), finish)));
                    self.spawn(run, name, spawn.job.name.as_str());
                }
                Action::Adopt(spawn) => {
                    let name = spawn.run.to_string();
                    let process = self.orphans.remove(&name).expect("it was alive");
                    self.names.insert(spawn.run_ref, name);
                    self.processes.insert(spawn.run_ref, process);
                }
                Action::Signal { run, signal } => self.signal(run, signal),
                Action::Announce(event) => self.announce(&event),
                Action::NoteEnd(end) => unreachable!("rows tell of {end:?}"),
            }
        }
    }

    fn record(&mut self, record: Record) {
        match &mut self.ledger_waits {
            _ if self.is_down => self.core.handle_event(self.now, Fact::Recorded(Answer::Written)),
            Some(waiting) => waiting.push_back(record),
            None => self.answer(&record),
        }
    }

    fn answer(&mut self, record: &Record) {
        let answer = self.book.write(record);
        self.book.seen(self.now.wall);
        assert_ne!(answer, Answer::Taken, "{record:?} is claimed twice:\n{}", self.log);
        self.core.handle_event(self.now, Fact::Recorded(answer));
    }

    fn spawn(&mut self, run: RunRef, name: String, job: &str) {
        if self.spawn_fails.contains(job) {
            let error = SpawnError { why: SpawnWhy::NotFound, message: "cannot run `x`: not found".into() };
            self.core.handle_event(self.now, Fact::NotStarted { run, error });
            return;
        }
        if let Some(ends) = self.never_start.get(job) {
            self.starting.insert(run, *ends);
            return;
        }
        let forever = Behaviour { takes: None, code: 0, ends_after_term: None, immortal: false };
        let behaviour = self.behaviours.get(job).copied().unwrap_or(forever);
        let ends =
            behaviour.takes.map(|takes| (self.now.monotonic + takes, ExitStatus::Code(behaviour.code)));
        self.processes.insert(run, Process { name, behaviour, began: self.now.monotonic, ends });
        self.core.handle_event(
            self.now,
            Fact::Started { run, process: ProcessId { pid: 7, started_ticks: 0, pidfd_inode: None } },
        );
    }

    fn signal(&mut self, run: RunRef, signal: Signal) {
        let name = if signal == Signal::KILL { "KILL" } else { "TERM" };
        self.line(&format!("{name} {}", self.names[&run]));
        if let Some((_, why)) = self.starting.get(&run).copied().filter(|(by, _)| *by == signal) {
            self.starting.remove(&run);
            let error = SpawnError { why, message: "given up".into() };
            self.core.handle_event(self.now, Fact::NotStarted { run, error });
        }
        let now = self.now.monotonic;
        let Some(process) = self.processes.get_mut(&run) else { return };
        let after = if signal == Signal::KILL {
            Some(Duration::ZERO).filter(|_| !process.behaviour.immortal)
        } else {
            process.behaviour.ends_after_term
        };
        if let Some(after) = after {
            process.ends = Some((now + after, ExitStatus::Signal(signal.as_raw())));
        }
    }

    fn announce(&mut self, event: &Event) {
        let text = match event {
            Event::RunStarted(started) => {
                let attempt =
                    if started.attempt > 1 { format!(" again {}", started.attempt) } else { String::new() };
                let after = started.after.as_ref().map_or(String::new(), |first| format!(" after {first}"));
                format!("{} started {}{after}{attempt}", started.run, started.cause)
            }
            Event::RunAdopted(started) => format!("{} adopted", started.run),
            Event::LedgerFailed { why } => format!("ledger failed: {why}"),
            Event::LoopStalled { run, lasted } => format!("{run} held its thread for {lasted:?}"),
            Event::LedgerWorks => "ledger works".into(),
            Event::AttemptFinished(attempt) => match attempt.retry_in {
                Some(delay) => format!("{} tries again in {}s", attempt.run, delay.as_secs()),
                None => return,
            },
            Event::RunFinished(row) | Event::FireTimeClosed(row) => {
                self.rows.extend(row.run.clone().map(|run| (run, Arc::clone(row))));
                let name =
                    row.run.clone().unwrap_or_else(|| format!("{}@{}", row.job, second(row.fire_time)));
                let mut text = format!("{name} {}", row.outcome.as_str());
                for detail in
                    [row.reason.clone(), row.coalesced_into.map(|at| format!("into {}", second(at)))]
                {
                    let _ = detail.map(|detail| write!(text, " {detail}"));
                }
                if let Some(last) = row.fire_time_last {
                    let _ = write!(text, ", {} until {}", row.count, second(last));
                }
                text
            }
            Event::JobAdded { job } => format!("{job} added"),
            Event::JobChanged { job } => format!("{job} changed"),
            Event::JobPaused { job, pause } => {
                let until = pause.until.map(|until| format!(" until {}", second(until.fixed_offset())));
                let reason = pause.reason.as_deref().map(|reason| format!(": {reason}"));
                format!("{job} paused{}{}", until.unwrap_or_default(), reason.unwrap_or_default())
            }
            Event::JobResumed { job } => format!("{job} resumed"),
            Event::JobRemoved { job } => format!("{job} removed"),
            Event::ClockStepped { by } => format!("clock stepped {}s", by.num_seconds()),
            Event::ClockWrong { least } => format!("clock wrong until {}", (*least - start()).num_seconds()),
            Event::ClockRight => "clock right".into(),
            Event::RunnerStopping { stage, running, within } => {
                format!("stopping: {stage:?} {} within {}s", running.len(), within.as_secs())
            }
        };
        self.line(&text);
    }

    fn line(&mut self, text: &str) {
        let elapsed = self.now.monotonic.saturating_sub(secs(1000));
        let _ = writeln!(self.log, "{} {text}", elapsed.as_secs());
    }
}

/// Seconds since the start.
fn second(at: DateTime<chrono::FixedOffset>) -> i64 {
    (at.to_utc() - start()).num_seconds()
}
