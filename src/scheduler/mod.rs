//! WHAT NOW: the core that decides. Facts in, actions out.
//!
//! [`Core`] never reads a clock, starts a process, writes or waits. A driver tells it what happened and does
//! what it asks for:
//!
//! - [`Core::handle_timeout`]: time has passed; whatever is due becomes due. Early or repeated calls change
//!   nothing.
//! - [`Core::handle_event`]: one outside [`Fact`].
//! - [`Core::poll_action`]: the next [`Action`] to begin; ask until `None` after every `handle_*`.
//! - [`Core::poll_timeout`]: when `handle_timeout` next has work.
//!
//! What happens to a fire time is decided in one order, which is the order of the files to read: `due` (which
//! fire times are due, jitter), `delay` (those that follow from the end of a run) and `after` (who is due because
//! others have finished), `misfire` (grace, coalesce), `overlap` (`max_instances` and what happens beyond it),
//! `limits` (groups and `max_running`), `run` (claim, attempts, timeout, ladder, retry), `finish` (`runs_max`)
//! and `stop` (what a shutdown does to all of them). `clock` and `epoch` say what a wall clock that is wrong or was set
//! does to them, `restart` where an earlier runner left off, and `trouble` what becomes of them while the ledger cannot
//! be written.
//!
//! What a program or a person asks for while it runs is a call that returns what came of it: `roster` (jobs are
//! added and removed), `replace` (they change), `stored` (those that the ledger knows as a whole), `pause`, `request`
//! (runs by hand are asked for, runs are cancelled) and `backfill` (runs for fire times of the past). After a call as
//! after a fact, ask for actions. `snapshot` says how each job stands.
//!
//! Two promises hold at every step. A run is claimed in the ledger before its process is asked for, and
//! no end is announced before the ledger has it ([`Action::Record`] is answered, in order, by
//! [`Fact::Recorded`]). And every fire time that has become due is in exactly one place: ended, or held by a
//! run, by a job's waiting place or by its backlog.
//!
//! One seed, one history: what is gone through has an order, and chance is a hash of the seed.

mod after;
mod backfill;
mod clock;
mod definition;
mod delay;
mod due;
mod epoch;
mod finish;
mod limits;
mod misfire;
mod overlap;
mod pause;
mod replace;
mod request;
mod restart;
mod roster;
mod row;
mod run;
mod runs;
mod snapshot;
mod stop;
mod stored;
mod take_over;
#[cfg(test)]
mod tests;
mod trouble;

use crate::model::{
    Answer, Cause, Deadline, Ending, Event, Exit, Finish, Job, JobPast, Name, Now, Past, Plan, ProcessId,
    Record, RunId, RunRef, SpawnError, Tally,
};
use crate::trigger::FireTime;
use chrono::{DateTime, FixedOffset, Utc};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub use after::runs_after_itself;
pub use backfill::BackfillError;
pub use due::{Armed, armed};
pub use request::{AtOnce, Requested, UnknownRun};
pub use restart::Recovery;
pub use roster::{AddError, UnknownJob};
pub use snapshot::{JobSnapshot, UnderWay};

use after::Dependents;
use clock::ClockWatch;
use due::DueQueue;
use epoch::{Accounted, Asked};
use limits::Limits;
use overlap::JobState;
use roster::Roster;
use runs::Runs;
use stop::Stop;
use trouble::Trouble;

/// Something that has happened outside.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The ledger's answer to the oldest [`Action::Record`] that has none.
    Recorded(Answer),
    /// The process of a [`Action::Spawn`] is there.
    Started {
        /// Which run's.
        run: RunRef,
        /// Which process.
        process: ProcessId,
    },
    /// There will be no process for a [`Action::Spawn`].
    NotStarted {
        /// Which run's.
        run: RunRef,
        /// Why not.
        error: SpawnError,
    },
    /// A process, and its tree if it was signalled, has ended.
    Exited {
        /// Which run's.
        run: RunRef,
        /// How.
        exit: Exit,
    },
    /// A process, and its tree if it was signalled, has ended, and how is not known.
    Vanished {
        /// Which run's.
        run: RunRef,
    },
    /// The ledger cannot be written, for this reason: what it was given waits.
    LedgerFailed(Arc<str>),
    /// The ledger can be written again.
    LedgerWorks,
    /// A person asks for a run of this job now. Unknown names change nothing.
    RunRequested(Name),
    /// A person or the system asks to stop; each further time more gravely.
    StopRequested,
}

/// Something that the driver is to begin.
#[derive(Clone, Debug)]
pub enum Action {
    /// Write this. What is written together is up to the driver; the order is not.
    Record(Record),
    /// Start a process; [`Fact::Started`] or [`Fact::NotStarted`] follows.
    Spawn(Spawn),
    /// Watch a process that an earlier runner started; [`Fact::Exited`] or [`Fact::Vanished`] follows.
    Adopt(Spawn),
    /// Send a signal to the process tree of a run.
    Signal {
        /// Which run's.
        run: RunRef,
        /// Which signal.
        signal: Signal,
    },
    /// Tell whoever listens.
    Announce(Event),
    /// Take note of an end; only with [`Beginning::keeps_nothing`], where it is in the place of records and
    /// announcements.
    NoteEnd(NotedEnd),
}

/// How fire times or a run have ended, in few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedEnd {
    /// The place of the job in the plan.
    pub job: usize,
    /// The (first) fire time; for a startup run the node's start, for a dependency the finish that completed the set.
    pub fire_time: DateTime<Utc>,
    /// How.
    pub ending: Ending,
    /// How many fire times.
    pub count: u64,
}

/// One attempt to start, or to take over.
#[derive(Clone, Debug)]
pub struct Spawn {
    /// How its facts name it.
    pub run_ref: RunRef,
    /// Its public name.
    pub run: RunId,
    /// What to run.
    pub job: Arc<Job>,
    /// The place of the job: those of the plan have theirs in it.
    pub place: usize,
    /// With the job zone's offset; of a backfill that which is made up for, for a manual run the request, for a
    /// startup run the node's start, for a dependency the finish that completed the set.
    pub fire_time: DateTime<FixedOffset>,
    /// The fire time with its jitter; of a backfill when it was asked for.
    pub due: DateTime<Utc>,
    /// Why it runs.
    pub cause: Cause,
    /// The finish that made it due, of a [`Cause::Dependency`].
    pub after: Option<Finish>,
    /// Counted from 1.
    pub attempt: u32,
}

/// The scheduler. See the module's own page.
#[derive(Debug)]
pub struct Core {
    jobs: Roster,
    due: DueQueue,
    runs: Runs,
    limits: Limits,
    dependents: Dependents,
    /// The elapsed-time deadline of each run that has one; kept by [`Core::enter`] alone.
    timers: BTreeSet<(Duration, RunRef)>,
    clock: ClockWatch,
    trouble: Option<Trouble>,
    stop: Option<Stop>,
    shutdown_grace: Duration,
    actions: VecDeque<Action>,
    /// One entry for each [`Action::Record`] that is not answered, oldest first.
    unanswered: VecDeque<Upon>,
    runs_made: u64,
    asked: Asked,
    /// Whether the jobs exist: not before the clock is right for the first time.
    has_begun: bool,
    /// What an earlier runner left, until they do.
    past: Option<Past>,
    keeping: Keeping,
    /// Whether jobs of the past that the plan has not may be added yet, and those that have not been.
    awaits_absent: bool,
    absent: BTreeMap<Name, JobPast>,
    /// What the ledger has of each job that is stored; those that are not there are parked.
    stored: BTreeMap<Name, Arc<str>>,
    /// No job has been in a later clock epoch, nor in this one ahead of the clock.
    newest_epoch: u32,
    recovery: Recovery,
    /// Those that have one.
    paused: BTreeSet<JobIndex>,
    /// Jobs whose last run was claimed, and of which the ledger does not know that yet.
    just_finished: BTreeSet<JobIndex>,
    /// One-shots that were run, or that another fire time stood in for.
    one_shots_finished: BTreeSet<(JobIndex, FireTime)>,
    seed: Arc<str>,
    node: Arc<str>,
    tally: Tally,
}

/// What a scheduler begins with, beside its plan.
#[derive(Clone, Debug, Default)]
pub struct Beginning<'a> {
    /// Decides jitter.
    pub seed: &'a str,
    /// Named in rows.
    pub node: &'a str,
    /// A wall clock that is before this is wrong. As long as it is nothing is due, and the jobs exist only from
    /// the moment at which it is right; what is asked for by hand runs all the same. `None` trusts any clock.
    pub clock_least: Option<DateTime<Utc>>,
    /// What an earlier runner left. `None`: nobody will ever go on where this one ends, and the ledger is not
    /// told what that would take.
    pub past: Option<Past>,
    /// The newest clock epoch and instant of a run that no trigger named.
    pub asked: Option<(u32, DateTime<Utc>)>,
    /// Whether jobs of the past that the plan has not may be added yet ([`Core::add_job`]): what they were due stays
    /// open until then, also from one runner to the next. `false`: they have been removed.
    pub awaits_absent: bool,
    /// Whether there is no ledger and nobody listens, as in a simulation: a run begins as soon as it has its slot, as
    /// if a ledger had answered at once; nothing is recorded or announced, and ends are told by [`Action::NoteEnd`].
    /// Nothing is decided otherwise.
    pub keeps_nothing: bool,
}

/// How much the ledger keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// There is none ([`Beginning::keeps_nothing`]).
    Nothing,
    /// What its promises need as long as the runner is there.
    Present,
    /// It outlives the runner, and so is told of definitions and of what waits.
    Past,
}

/// What follows when a record is written.
#[derive(Debug)]
enum Upon {
    /// The run may start, unless its key was taken.
    Claimed(RunRef),
    /// The next attempt may start.
    MayRetry(RunRef),
    /// These are announced.
    Announce(Vec<Event>),
}

/// Which job: its place in the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct JobIndex(u32);

impl Core {
    /// Returns a scheduler that goes on where the past ends. A job that is new exists from `now` on: its first
    /// fire time is strictly after it. `startup` jobs are due at once.
    pub fn new(plan: &Plan, beginning: Beginning<'_>, now: Now) -> Core {
        let Beginning { seed, node, clock_least, past, asked, awaits_absent, keeps_nothing } = beginning;
        let keeping = match past {
            _ if keeps_nothing => Keeping::Nothing,
            None => Keeping::Present,
            Some(_) => Keeping::Past,
        };
        let mut core = Core {
            jobs: Roster::default(),
            due: DueQueue::default(),
            runs: Runs::default(),
            limits: Limits::new(plan),
            dependents: Dependents::default(),
            timers: BTreeSet::new(),
            clock: ClockWatch::new(clock_least, now),
            trouble: None,
            stop: None,
            shutdown_grace: plan.settings.shutdown_grace,
            actions: VecDeque::new(),
            unanswered: VecDeque::new(),
            runs_made: 0,
            asked: Asked::after(asked, now.wall),
            has_begun: false,
            keeping,
            past: None,
            awaits_absent,
            absent: BTreeMap::new(),
            stored: BTreeMap::new(),
            newest_epoch: asked.map_or(0, |(clock_epoch, _)| clock_epoch),
            recovery: Recovery::default(),
            paused: BTreeSet::new(),
            just_finished: BTreeSet::new(),
            one_shots_finished: BTreeSet::new(),
            seed: seed.into(),
            node: node.into(),
            tally: Tally::default(),
        };
        for job in &plan.jobs {
            let group = core.limits.group_of(job).expect("a plan has the groups of its jobs");
            let index = core.jobs.insert(JobState::new(Arc::clone(job), group, now));
            core.dependents.add(index, job);
        }
        if let Some(mut past) = past {
            let epochs = past.jobs.values().map(|job| job.clock_epoch + u32::from(job.accounted > now.wall));
            core.newest_epoch = epochs.max().unwrap_or(0).max(core.newest_epoch);
            core.stored = std::mem::take(&mut past.stored);
            core.remember_gone(plan, &past, now);
            core.keep_pauses(&mut past);
            core.note_finished(past.finished.clone());
            core.take_over_all(past.runs.clone(), now);
            core.past = Some(past);
        }
        match core.clock.wrong() {
            Some(least) => core.announce(Event::ClockWrong { least }),
            None => core.begin(now),
        }
        core.settle(now);
        core
    }

    /// From now on the jobs exist.
    fn begin(&mut self, now: Now) {
        self.has_begun = true;
        match self.past.take() {
            Some(past) => self.go_on(past, now),
            None => {
                for index in self.job_indices() {
                    self.arm(index, Accounted::From(now.wall));
                    self.give_place_up(index);
                }
            }
        }
        for index in self.job_indices() {
            if !self.is_gone(index) {
                self.store(index);
            }
            let job = &self.job(index).job;
            if job.startup && job.enabled {
                self.admit_uncalled(index, Cause::Startup, None, now);
            }
        }
    }

    /// Time has passed: makes due what is due, and acts on timeouts, backoffs and ladders that have run out.
    pub fn handle_timeout(&mut self, now: Now) {
        self.watch_clock(now);
        self.take_due(now);
        if !self.has_due(now) {
            self.take_run_out(now);
        }
        self.settle(now);
    }

    /// Takes in one outside fact. Facts about runs that have ended change nothing.
    pub fn handle_event(&mut self, now: Now, fact: Fact) {
        self.watch_clock(now);
        match fact {
            Fact::Recorded(answer) => self.recorded(answer, now),
            Fact::Started { run, process } => self.run_started(run, process, now),
            Fact::NotStarted { run, error } => self.attempt_ended(run, Err(error), now),
            Fact::Exited { run, exit } => self.attempt_ended(run, Ok(exit), now),
            Fact::Vanished { run } => self.vanished(run, now),
            Fact::LedgerFailed(why) => self.ledger_failed(why, now),
            Fact::LedgerWorks => self.ledger_works(now),
            Fact::RunRequested(name) => drop(self.request(&name, now)),
            Fact::StopRequested => self.stop_requested(now),
        }
        self.settle(now);
    }

    /// Returns the next thing to begin, or `None` when there is nothing until the next `handle_*`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns when [`Core::handle_timeout`] next has work. It changes with every `handle_*`, and the wall
    /// clock may be set at any time: call `handle_timeout` then too, whatever was returned here, also `None`.
    /// While the clock is wrong there is nothing on it to wait for but the moment at which it is right.
    pub fn poll_timeout(&self) -> Deadline {
        let due = if self.trouble.is_some() { None } else { self.due.first() };
        let wall = self.clock.wrong().or(due);
        let timer = self.timers.first().map(|(at, _)| *at);
        Deadline { wall, monotonic: timer.into_iter().chain(self.gives_up_on_ledger_at()).min() }
    }

    /// Whether the wall clock is wrong, so that nothing is due.
    pub fn clock_is_wrong(&self) -> bool {
        self.clock.is_wrong()
    }

    /// Whether a stop was asked for and all that it has to end has ended and is written, or will not be
    /// ([`Core::unwritten`]). Nothing happens afterwards.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_some() && (self.is_idle() || self.has_given_up_on_ledger())
    }

    /// The moment of the last fact: once stopped, all that was due by then is accounted for.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The runs that there are: waiting, running, or between attempts.
    pub fn runs(&self) -> impl Iterator<Item = RunRef> {
        self.runs.iter().map(|(run, _)| run)
    }

    /// How many records have no answer from the ledger yet.
    pub fn unwritten(&self) -> usize {
        self.unanswered.len()
    }

    /// What was found of an earlier runner.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Whether no run is under way, none waits, and all is written. Fire times may still come.
    pub fn is_idle(&self) -> bool {
        self.runs.is_empty() && self.unanswered.is_empty() && self.actions.is_empty()
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// How many fire times and asked-for runs have ended how since the start.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The fire time that each job waits for, with the instant at which it is due (jitter included), in plan
    /// order; `None` for a job that has none, or is paused.
    pub fn upcoming(&self) -> impl Iterator<Item = (&Arc<Job>, Option<Armed>)> {
        let present = self.jobs.iter().filter(|(_, state)| !state.is_gone);
        present.map(|(_, state)| (&state.job, state.armed.filter(|_| state.pause.is_none())))
    }

    /// Returns the job that is due next and when, jitter included, or `None` when no job has a fire time to
    /// come.
    pub fn next_due(&self) -> Option<(&Arc<Job>, DateTime<Utc>)> {
        let mut due = self.due.iter().map(|(due, index)| (self.job(index), due));
        due.find(|(state, _)| state.pause.is_none()).map(|(state, due)| (&state.job, due))
    }

    fn recorded(&mut self, answer: Answer, now: Now) {
        let upon = self.unanswered.pop_front().expect("the ledger answers each record once, in order");
        match upon {
            Upon::Claimed(run) => self.run_claimed(run, answer, now),
            Upon::MayRetry(run) => self.may_retry(run, now),
            Upon::Announce(events) => {
                self.actions.extend(events.into_iter().map(Action::Announce));
            }
        }
    }

    fn record(&mut self, record: Record, upon: Upon) {
        self.actions.push_back(Action::Record(record));
        self.unanswered.push_back(upon);
    }

    fn is_durable(&self) -> bool {
        self.keeping == Keeping::Past
    }

    fn keeps_nothing(&self) -> bool {
        self.keeping == Keeping::Nothing
    }

    fn announce(&mut self, event: Event) {
        if !self.keeps_nothing() {
            self.actions.push_back(Action::Announce(event));
        }
    }

    fn job_indices(&self) -> Vec<JobIndex> {
        self.jobs.iter().map(|(index, _)| index).collect()
    }

    fn job(&self, index: JobIndex) -> &JobState {
        self.jobs.get(index)
    }

    fn job_mut(&mut self, index: JobIndex) -> &mut JobState {
        self.jobs.get_mut(index)
    }
}

impl JobIndex {
    fn from_usize(index: usize) -> JobIndex {
        JobIndex(u32::try_from(index).expect("there are fewer than 2^32 jobs"))
    }

    fn to_usize(self) -> usize {
        self.0 as usize
    }
}
