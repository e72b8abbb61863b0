//! Carries a history out: clocks, a ledger, processes and people around the real scheduler. Whatever it does or is asked
//! to do is told to the [`Judge`] and written down.

use super::chance::Chance;
use super::jobs::{job, plan};
use super::judge::Judge;
use super::script::{JobSpec, NAMES, Script, Step, Works};
use crate::model::{
    Answer, Event, Exit, ExitStatus, Job, Name, Now, OutputKept, Pause, ProcessId, Record, RunRef,
    SpawnError, SpawnWhy, Usage, stable_hash,
};
use crate::scheduler::tests::book::Book;
use crate::scheduler::{Action, Beginning, Core, Fact, Spawn};
use chrono::TimeDelta;
use rustix::process::Signal;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Nothing that a job does takes longer, so nothing is left to wait for after it.
const QUIET: Duration = Duration::from_secs(400);

/// If it lives still by then, it is killed all the same.
const FUSE_BURNS: Duration = Duration::from_secs(60);

const PROCESS: ProcessId = ProcessId { pid: 7, started_ticks: 0, pidfd_inode: None };

pub(super) struct Driver<'a> {
    script: &'a Script,
    core: Core,
    now: Now,
    /// The jobs of the next start.
    file: Vec<JobSpec>,
    /// What the processes of each job are like.
    works: BTreeMap<&'static str, Works>,
    /// What is to be started, and from when on it can be.
    starting: BTreeMap<RunRef, (Duration, Spawn)>,
    processes: BTreeMap<RunRef, Process>,
    /// Those that have outlived their runner, by their run.
    orphans: BTreeMap<String, Process>,
    book: Book,
    /// What it was given and has not answered, while it does not.
    unanswered: Option<VecDeque<Record>>,
    /// Whether it has said that it cannot be written.
    is_in_trouble: bool,
    /// The real ledger beside it, in some histories.
    #[cfg(feature = "sqlite")]
    shadow: Option<super::shadow::Shadow>,
    /// How much more is done before the runner is killed, if it is.
    fuse: Option<u32>,
    judge: Judge,
    log: String,
}

struct Process {
    run: String,
    works: Works,
    began: Duration,
    ends: Option<(Duration, ExitStatus)>,
    /// Somebody else collects its exit.
    vanishes: bool,
}

/// Carries out a history and returns all that has happened.
///
/// # Panics
/// When something is wrong.
pub(super) fn play(script: &Script) -> String {
    Driver::new(script).play()
}

/// As [`play`], with the real ledger beside the one of the tests.
#[cfg(feature = "sqlite")]
pub(super) fn play_in_a_file(script: &Script) -> String {
    let mut driver = Driver::new(script);
    driver.shadow = Some(super::shadow::Shadow::new());
    driver.play()
}

impl<'a> Driver<'a> {
    fn new(script: &'a Script) -> Driver<'a> {
        let now = Now {
            wall: script.start.parse().expect("an instant"),
            monotonic: Duration::from_secs(1000),
            boot: Duration::from_secs(2000),
        };
        let core = Core::new(&plan(script, []), Beginning::default(), now);
        Driver {
            script,
            core,
            now,
            file: script.jobs.clone(),
            works: BTreeMap::new(),
            starting: BTreeMap::new(),
            processes: BTreeMap::new(),
            orphans: BTreeMap::new(),
            book: Book::default(),
            unanswered: None,
            is_in_trouble: false,
            #[cfg(feature = "sqlite")]
            shadow: None,
            fuse: None,
            judge: Judge::new(script),
            log: String::new(),
        }
    }

    fn play(mut self) -> String {
        self.start();
        self.judge.no_fire_time_has_moved(&self.core, self.now);
        for step in &self.script.steps {
            self.line(&format!("-- {step:?}"));
            self.take(step);
            self.judge.no_fire_time_has_moved(&self.core, self.now);
        }
        self.end()
    }

    /// A runner is started on the ledger as it is.
    fn start(&mut self) {
        let monotonic = self.now.monotonic;
        self.orphans.retain(|_, orphan| orphan.ends.is_none_or(|(at, _)| at > monotonic));
        let mut past = self.book.past();
        #[cfg(feature = "sqlite")]
        if let Some(shadow) = &mut self.shadow {
            shadow.opens(&past);
        }
        for open in &mut past.runs {
            // It is known by what it has of its runner, also if its start was not written.
            if let Some(orphan) = self.orphans.get(&open.run.to_string()) {
                open.alive_for = Some(monotonic.saturating_sub(orphan.began));
                open.process = Some(PROCESS);
            }
        }
        let jobs: Vec<Job> = self.file.iter().map(|spec| self.job(spec)).collect();
        self.works.extend(self.file.iter().map(|spec| (spec.name, spec.works.clone())));
        let jobs_parked: Vec<Name> = past.stored.keys().cloned().collect();
        self.judge.has_started(&jobs, &jobs_parked);
        let asked = past.asked;
        let beginning =
            Beginning { seed: "seed", node: "node", past: Some(past), asked, ..Beginning::default() };
        self.core = Core::new(&plan(self.script, jobs), beginning, self.now);
        self.settle();
        // What nobody has taken over is nobody's any more.
        self.orphans.clear();
    }

    fn job(&self, spec: &JobSpec) -> Job {
        job(spec, self.script.start.parse().expect("an instant"))
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Pass(duration) => self.pass(*duration),
            Step::Stall(duration) => {
                self.judge.has_stalled();
                self.clocks_go(*duration);
                self.look();
            }
            Step::Suspend(duration) => {
                self.now.wall += *duration;
                self.now.boot += *duration;
                self.judge.has_slept();
                self.look();
            }
            Step::SetClock(millis) => {
                self.now.wall += TimeDelta::milliseconds(*millis);
                self.judge.clock_was_set();
                self.look();
            }
            Step::LedgerFails => {
                self.judge.ledger_is_slow();
                self.unanswered.get_or_insert_default();
                self.is_in_trouble = true;
                self.tell(Fact::LedgerFailed("disk full".into()));
            }
            Step::LedgerWorks => self.ledger_works(),
            Step::LedgerHangs => {
                self.judge.ledger_is_slow();
                self.unanswered.get_or_insert_default();
            }
            Step::LedgerAnswers => self.ledger_answers(),
            Step::LedgerWrites(count) => self.ledger_writes(*count),
            Step::Crash { after, processes_too, down } => {
                self.fuse = Some(*after);
                self.pass(FUSE_BURNS);
                self.fuse = None;
                self.crash(*processes_too, *down);
            }
            Step::Reload(jobs) => self.file.clone_from(jobs),
            Step::Stop { times, down } => {
                self.stop(*times);
                self.crash(true, *down);
            }
            _ => self.call(step),
        }
    }

    /// Somebody asks for something.
    fn call(&mut self, step: &Step) {
        let name = |name: &str| Name::parse(name).expect("a name");
        match step {
            Step::Add(spec) => {
                let job = Arc::new(self.job(spec));
                if self.core.add_job(Arc::clone(&job), self.now).is_ok() {
                    self.works.insert(spec.name, spec.works.clone());
                    self.file.retain(|other| other.name != spec.name);
                    self.file.push(spec.clone());
                    // What had come was let in as the job was.
                    self.changes_to(&job);
                }
                self.settle();
            }
            Step::Replace(spec) => {
                let job = Arc::new(self.job(spec));
                if self.core.replace_job(Arc::clone(&job), self.now).is_ok() {
                    self.works.insert(spec.name, spec.works.clone());
                    self.file.retain(|other| other.name != spec.name);
                    self.file.push(spec.clone());
                    // What had come was let in as the job was.
                    self.changes_to(&job);
                    self.settle();
                    self.replaces_by_the_same(&job);
                }
                self.settle();
            }
            Step::Remove(job) => {
                if self.core.remove_job(&name(job), self.now).is_ok() {
                    self.file.retain(|other| other.name != *job);
                    self.judge.job_is_gone(&name(job));
                    self.settle();
                    self.judge.job_is_new(&name(job));
                }
                self.settle();
            }
            Step::Pause(job, seconds) => {
                if self.core.pause(&name(job), self.pause(*seconds), self.now).is_ok() {
                    self.judge.is_paused(&name(job));
                }
                self.settle();
            }
            Step::Resume(job) => {
                let _ = self.core.resume(&name(job), self.now);
                self.settle();
            }
            Step::PauseAll => {
                self.core.pause_all(&self.pause(None), self.now);
                for job in NAMES {
                    self.judge.is_paused(&name(job));
                }
                self.settle();
            }
            Step::ResumeAll => {
                self.core.resume_all(self.now);
                self.settle();
            }
            Step::Request(job) => {
                let _ = self.core.request_run(&name(job), self.now);
                self.settle();
            }
            Step::CancelRuns(job) => {
                self.judge.is_cancelled(&name(job));
                let _ = self.core.cancel_runs_of(&name(job), self.now);
                self.settle();
            }
            Step::Backfill(job, ago, length) => {
                self.judge.is_backfilled(&name(job));
                let from = self.now.wall - TimeDelta::seconds(*ago);
                let until = from + TimeDelta::seconds(*length);
                let _ = self.core.backfill(&name(job), from, until, self.now);
                self.settle();
            }
            _ => unreachable!("{step:?} is not asked for"),
        }
    }

    /// The judge gets to know what a job is from now on.
    fn changes_to(&mut self, job: &Job) {
        let unclaimed = self.core.under_way(&job.name).filter(|under_way| under_way.run.is_none()).count();
        self.judge.job_is(job, unclaimed);
    }

    /// Changing a job into itself changes nothing.
    fn replaces_by_the_same(&mut self, job: &Arc<Job>) {
        let next = |core: &Core| core.job_state(&job.name).expect("it is there").next;
        let before = next(&self.core);
        self.core.replace_job(Arc::clone(job), self.now).expect("it is there");
        assert_eq!(next(&self.core), before, "`{}` was replaced by itself", job.name);
    }

    fn pause(&self, seconds: Option<i64>) -> Pause {
        let until = seconds.map(|seconds| self.now.wall + TimeDelta::seconds(seconds));
        Pause { reason: None, by: None, since: self.now.wall, until }
    }

    /// Time passes until nothing is left to happen, and a stop ends it all.
    fn end(mut self) -> String {
        self.line("-- the end: all faults are over");
        self.ledger_works();
        self.judge.faults_are_over(self.now);
        self.core.resume_all(self.now);
        self.settle();
        self.pass(QUIET);
        self.judge.all_goes_on(&self.core, self.now);
        let parked: Vec<Name> = self.core.parked().map(|(name, _)| name.clone()).collect();
        for name in parked {
            self.core.remove_job(&name, self.now).expect("it is parked");
            self.judge.job_is_gone(&name);
            self.settle();
        }
        self.stop(1);
        assert_eq!(self.core.unwritten(), 0);
        self.book.accounts_for_all_until(self.now.wall);
        self.book.is_closed();
        self.log
    }

    fn stop(&mut self, times: u32) {
        self.ledger_works();
        for _ in 0..times {
            self.judge.is_stopping();
            self.tell(Fact::StopRequested);
        }
        self.pass(QUIET);
        assert!(self.core.is_stopped(), "a stop takes for ever");
        assert!(self.processes.is_empty() && self.starting.is_empty(), "a process outlives the stop");
    }

    /// Nobody is there any more.
    fn crash(&mut self, processes_too: bool, down: Duration) {
        self.starting.clear();
        let processes = std::mem::take(&mut self.processes);
        if !processes_too {
            self.orphans.extend(processes.into_values().map(|process| (process.run.clone(), process)));
        }
        self.unanswered = None;
        self.is_in_trouble = false;
        self.judge.has_crashed();
        self.clocks_go(down);
        self.start();
    }

    fn clocks_go(&mut self, duration: Duration) {
        self.now.wall += duration;
        self.now.monotonic += duration;
        self.now.boot += duration;
    }

    /// Lets time pass, from one event to the next.
    fn pass(&mut self, duration: Duration) {
        let end = self.now.monotonic + duration;
        loop {
            self.settle();
            if self.core.is_stopped() || self.is_dead() {
                return;
            }
            let timeout = self.core.poll_timeout().sleep(self.now).map(|sleep| self.now.monotonic + sleep);
            let exit = self.processes.values().filter_map(|process| Some(process.ends?.0)).min();
            let start = self.starting.values().map(|(at, _)| *at).min();
            let next = [timeout, exit, start].into_iter().flatten().min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.clocks_go(next.saturating_sub(self.now.monotonic));
            self.look();
        }
        self.clocks_go(end.saturating_sub(self.now.monotonic));
    }

    /// The scheduler is told what time it is, and what has ended.
    fn look(&mut self) {
        let now = self.now.monotonic;
        let ended = |(run, process): (&RunRef, &Process)| {
            process.ends.filter(|(at, _)| *at <= now).map(|(_, status)| (*run, status))
        };
        let ended: Vec<_> = self.processes.iter().filter_map(ended).collect();
        for (run, status) in ended {
            let process = self.processes.remove(&run).expect("it is there");
            self.judge.has_ended(&process.run, self.now);
            self.line(&format!("{} ends: {}", process.run, status.describe()));
            if process.vanishes {
                self.judge.has_vanished(&process.run);
                self.core.handle_event(self.now, Fact::Vanished { run });
                continue;
            }
            let exit = Exit {
                status,
                message: None,
                took: now.saturating_sub(process.began),
                usage: Some(Usage::default()),
                output: Some(OutputKept::default()),
            };
            self.core.handle_event(self.now, Fact::Exited { run, exit });
        }
        let can_start = |(run, (at, _)): (&RunRef, &(Duration, Spawn))| (*at <= now).then_some(*run);
        let startable: Vec<RunRef> = self.starting.iter().filter_map(can_start).collect();
        for run in startable {
            let (_, spawn) = self.starting.remove(&run).expect("it is there");
            self.start_process(&spawn);
        }
        self.core.handle_timeout(self.now);
        self.settle();
    }

    fn is_dead(&self) -> bool {
        self.fuse == Some(0)
    }

    /// It has done one thing more.
    fn burn(&mut self) {
        self.fuse = self.fuse.map(|left| left.saturating_sub(1));
    }

    fn tell(&mut self, fact: Fact) {
        self.core.handle_event(self.now, fact);
        self.settle();
    }

    /// Carries out all that is asked for.
    fn settle(&mut self) {
        while !self.is_dead()
            && let Some(action) = self.core.poll_action()
        {
            self.burn();
            match action {
                Action::Record(record) => match &mut self.unanswered {
                    Some(unanswered) => unanswered.push_back(record),
                    None => self.answer(&record),
                },
                Action::Spawn(spawn) => self.spawn(&spawn),
                Action::Adopt(spawn) => {
                    let process = self.orphans.remove(&spawn.run.to_string()).expect("it is alive");
                    self.judge.is_adopted(&spawn);
                    self.processes.insert(spawn.run_ref, process);
                }
                Action::Signal { run, signal } => self.signal(run, signal),
                Action::Announce(event) => self.announce(&event),
                Action::NoteEnd(_) => unreachable!("the ledger keeps everything"),
            }
        }
        if self.unanswered.is_none() && !self.is_dead() {
            self.judge.looks_at(&self.core);
        }
    }

    fn answer(&mut self, record: &Record) {
        let answer = self.write(record);
        assert_ne!(answer, Answer::Taken, "{record:?} was there before");
        if !self.is_dead() {
            self.core.handle_event(self.now, Fact::Recorded(answer));
        }
    }

    fn write(&mut self, record: &Record) -> Answer {
        let answer = self.book.write(record);
        self.book.seen(self.now.wall);
        self.judge.is_written(record, answer, self.now);
        #[cfg(feature = "sqlite")]
        if let Some(shadow) = &mut self.shadow {
            shadow.writes(record, answer);
        }
        answer
    }

    fn ledger_writes(&mut self, count: usize) {
        let Some(unanswered) = &mut self.unanswered else { return };
        let written: Vec<_> = unanswered.drain(..count.min(unanswered.len())).collect();
        // Answered together, as a batch is, and if the runner lives as long.
        let answers: Vec<_> = written.iter().map(|record| self.write(record)).collect();
        for answer in answers {
            assert_ne!(answer, Answer::Taken);
            self.core.handle_event(self.now, Fact::Recorded(answer));
        }
        self.settle();
    }

    fn ledger_answers(&mut self) {
        if self.is_in_trouble {
            return;
        }
        for record in self.unanswered.take().unwrap_or_default() {
            self.answer(&record);
        }
        self.settle();
    }

    fn ledger_works(&mut self) {
        let was_in_trouble = std::mem::take(&mut self.is_in_trouble);
        self.ledger_answers();
        if was_in_trouble {
            self.tell(Fact::LedgerWorks);
        }
    }

    fn spawn(&mut self, spawn: &Spawn) {
        self.judge.is_spawned(spawn, self.now);
        let works = &self.works[spawn.job.name.as_str()];
        if works.cannot_spawn {
            self.does_not_start(spawn, SpawnWhy::NotFound);
        } else if works.starts_in > Duration::ZERO {
            let at = self.now.monotonic + works.starts_in;
            self.starting.insert(spawn.run_ref, (at, spawn.clone()));
        } else {
            self.start_process(spawn);
        }
    }

    fn does_not_start(&mut self, spawn: &Spawn, why: SpawnWhy) {
        self.judge.has_ended(&spawn.run.to_string(), self.now);
        let error = SpawnError { why, message: "cannot run `x`".into() };
        self.core.handle_event(self.now, Fact::NotStarted { run: spawn.run_ref, error });
    }

    fn start_process(&mut self, spawn: &Spawn) {
        let run = spawn.run.to_string();
        let works = self.works[spawn.job.name.as_str()].clone();
        // Drawn by its name, so that it is the same whatever else is left out of the history.
        let names = [self.script.seed.to_string(), run.clone(), spawn.attempt.to_string()];
        let mut chance = Chance::new(stable_hash(&names.each_ref().map(String::as_bytes)));
        let code = u8::from(works.fails_once_in > 0 && chance.once_in(works.fails_once_in));
        let began = self.now.monotonic;
        let takes = works.takes.map(|most| {
            let millis = u64::try_from(most.as_millis()).expect("not long");
            began + Duration::from_millis(chance.below(millis + 1))
        });
        let vanishes = chance.once_in(50);
        let ends = takes.map(|at| (at, ExitStatus::Code(code)));
        self.processes.insert(spawn.run_ref, Process { run, works, began, ends, vanishes });
        self.judge.has_begun(spawn, self.now);
        if !self.is_dead() {
            self.core.handle_event(self.now, Fact::Started { run: spawn.run_ref, process: PROCESS });
        }
    }

    fn signal(&mut self, run: RunRef, signal: Signal) {
        let now = self.now.monotonic;
        if let Some((_, spawn)) = self.starting.remove(&run) {
            return self.does_not_start(&spawn, SpawnWhy::Resources);
        }
        let Some(process) = self.processes.get_mut(&run) else { return };
        let after = if signal == Signal::KILL { Some(Duration::ZERO) } else { process.works.heeds };
        if let Some(after) = after {
            let ends = (now + after, ExitStatus::Signal(signal.as_raw()));
            process.ends = process.ends.filter(|by_itself| by_itself.0 <= ends.0).or(Some(ends));
        }
        let text = format!("{signal:?} {}", process.run);
        self.line(&text);
    }

    fn announce(&mut self, event: &Event) {
        self.line(&format!("{event:?}"));
    }

    fn line(&mut self, text: &str) {
        let elapsed = self.now.monotonic.saturating_sub(Duration::from_secs(1000));
        let _ = writeln!(self.log, "{:.3} {} {text}", elapsed.as_secs_f64(), self.now.wall);
    }
}
