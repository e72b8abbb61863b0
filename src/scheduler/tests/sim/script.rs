//! What happens in one history: which jobs there are, and what is done one after another. All of it is plain data, and
//! every step can be left out: so what fails can be made shorter.

use super::chance::Chance;
use crate::model::{AfterOn, Coalesce, Grace, OnOrphan, Overlap};
use std::time::Duration;

/// The names that jobs have.
pub(super) const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A history.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) start: &'static str,
    pub(super) max_running: Option<u32>,
    pub(super) group: u32,
    pub(super) jobs: Vec<JobSpec>,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct JobSpec {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) grace: Grace,
    pub(super) coalesce: Coalesce,
    pub(super) overlap: Overlap,
    pub(super) max_instances: u32,
    pub(super) attempts: u32,
    pub(super) delay: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) kill_after: Duration,
    pub(super) jitter: Option<Duration>,
    pub(super) in_group: bool,
    pub(super) after: Option<(Vec<&'static str>, AfterOn, bool)>,
    pub(super) runs_max: Option<u64>,
    pub(super) startup: bool,
    pub(super) enabled: bool,
    pub(super) on_orphan: OnOrphan,
    /// What the ledger stores of it, so that it is parked when it is in no file any more.
    pub(super) stored: Option<&'static str>,
    pub(super) works: Works,
}

/// When a job is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Never,
    Every(Duration),
    /// Each so many seconds after the start.
    At(Vec<i64>),
    /// Expression and zone.
    Cron(&'static str, &'static str),
    Calendar(&'static str, &'static str),
    /// So many days, from the start on.
    Days(u32),
    Delay(Duration),
    /// Several.
    Union(Duration, &'static str),
}

/// What its processes are like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Works {
    /// They take up to so long; `None`: until they are stopped.
    pub(super) takes: Option<Duration>,
    /// One in so many fails; 0: none.
    pub(super) fails_once_in: u64,
    /// How long after its stop signal it ends; `None`: only `KILL` ends it.
    pub(super) heeds: Option<Duration>,
    pub(super) cannot_spawn: bool,
    /// How long the system is short of something before one is there.
    pub(super) starts_in: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Time passes, from one event to the next.
    Pass(Duration),
    /// Time passes and nobody looks.
    Stall(Duration),
    Suspend(Duration),
    /// The wall clock is set by so many milliseconds.
    SetClock(i64),
    LedgerFails,
    LedgerWorks,
    LedgerHangs,
    LedgerAnswers,
    /// So much of what it was given is written, and not answered.
    LedgerWrites(usize),
    /// The runner is killed when it has done so much more, and its processes with it or not. Nothing happens until it is
    /// started again.
    Crash {
        after: u32,
        processes_too: bool,
        down: Duration,
    },
    /// From the next start on these are the jobs.
    Reload(Vec<JobSpec>),
    Add(JobSpec),
    Replace(JobSpec),
    Remove(&'static str),
    Pause(&'static str, Option<i64>),
    Resume(&'static str),
    PauseAll,
    ResumeAll,
    Request(&'static str),
    CancelRuns(&'static str),
    /// From so many seconds ago, for so long.
    Backfill(&'static str, i64, i64),
    /// A stop is asked for so many times, and what follows is waited for; then the runner is started again.
    Stop {
        times: u32,
        down: Duration,
    },
}

/// Which things happen in a history at all, and how many: each seed leaves some out.
#[expect(clippy::struct_excessive_bools, reason = "each is left out or not")]
struct Swarm {
    clock_is_set: bool,
    changes: bool,
    pauses: bool,
    crashes: bool,
    stops: bool,
    ledger_troubles: bool,
    stalls: bool,
    requests: bool,
    orphans: bool,
    is_busy: bool,
}

impl Swarm {
    fn new(chance: &mut Chance) -> Swarm {
        let mut coin = || chance.once_in(2);
        Swarm {
            clock_is_set: coin() && coin(),
            changes: coin(),
            pauses: coin(),
            crashes: coin(),
            stops: coin(),
            ledger_troubles: coin(),
            stalls: coin(),
            requests: coin(),
            orphans: coin(),
            is_busy: coin(),
        }
    }
}

impl Script {
    pub(super) fn new(seed: u64) -> Script {
        let mut chance = Chance::new(seed);
        let swarm = Swarm::new(&mut chance);
        // A plain day, and those on which Berlin's clocks change at one o'clock UTC.
        let start = chance.one_of(&["2026-01-05T00:00:00Z", "2026-03-29T00:57:00Z", "2026-10-25T00:57:00Z"]);
        let count = usize::try_from(1 + chance.below(NAMES.len() as u64)).expect("small");
        let jobs = NAMES.iter().take(count).map(|name| JobSpec::new(name, &swarm, &mut chance)).collect();
        let max_running = chance.one_of(&[None, None, Some(1), Some(2), Some(4)]);
        let group = chance.one_of(&[1, 2, 3]);
        let length = chance.one_of(&[4, 10, 30]);
        let steps = (0..length).flat_map(|_| Step::some(&swarm, &mut chance)).collect();
        Script { seed, start, max_running, group, jobs, steps }
    }

    /// The history for people.
    pub(super) fn told(&self) -> String {
        let Script { seed: _, start, max_running, group, jobs, steps } = self;
        let jobs = jobs.iter().map(|job| format!("{job:?}\n")).collect::<String>();
        let steps = steps.iter().map(|step| format!("{step:?}\n")).collect::<String>();
        format!("from {start}, max_running {max_running:?}, group {group}\n{jobs}{steps}")
    }
}

impl JobSpec {
    fn new(name: &'static str, swarm: &Swarm, chance: &mut Chance) -> JobSpec {
        let seconds = |chance: &mut Chance, most| Duration::from_secs(1 + chance.below(most));
        let zone = chance.one_of(&["UTC", "Europe/Berlin", "America/New_York"]);
        let kind = match chance.below(10) {
            0 => Kind::Never,
            1 | 2 => Kind::At((0..=chance.below(5)).map(|_| chance.between(1, 500)).collect()),
            3 => Kind::Delay(Duration::from_millis(chance.below(15_000))),
            4 => Kind::Cron(
                chance.one_of(&["*/7 * * * * *", "30 * * * * *", "0 0 2 * * *", "0 */2 2 * * *"]),
                zone,
            ),
            5 => Kind::Calendar(chance.one_of(&["*:*:0/20", "*:0/2", "02:30"]), zone),
            6 => Kind::Days(1),
            7 => Kind::Union(seconds(chance, 40), "*/20 * * * * *"),
            _ => Kind::Every(Duration::from_millis(10 * (20 + chance.below(3000)))),
        };
        let after = (name != "a" && chance.once_in(6)).then(|| {
            let firsts = if chance.once_in(2) { vec!["a"] } else { vec!["a", "b"] };
            let firsts = firsts.into_iter().filter(|first| *first < name).collect();
            let on = chance.one_of(&[AfterOn::Success, AfterOn::Failure, AfterOn::Finish]);
            (firsts, on, chance.once_in(2))
        });
        let grace =
            [Grace::Any, Grace::Within(Duration::from_secs(1)), Grace::Within(Duration::from_secs(20))];
        let long = if swarm.is_busy { 60 } else { 4 };
        let takes = (!chance.once_in(12)).then(|| Duration::from_millis(chance.below(long * 1000)));
        JobSpec {
            name,
            kind,
            grace: chance.one_of(&grace),
            coalesce: chance.one_of(&[Coalesce::Latest, Coalesce::Earliest, Coalesce::All]),
            overlap: chance.one_of(&[Overlap::Skip, Overlap::Queue, Overlap::Replace, Overlap::Allow]),
            max_instances: chance.one_of(&[1, 1, 2, 3]),
            attempts: chance.one_of(&[1, 1, 3]),
            delay: seconds(chance, 10),
            timeout: chance.once_in(3).then(|| seconds(chance, 20)),
            kill_after: seconds(chance, 12),
            jitter: chance.once_in(4).then(|| seconds(chance, 20)),
            in_group: chance.once_in(3),
            after,
            runs_max: chance.once_in(6).then(|| 1 + chance.below(6)),
            startup: chance.once_in(8),
            enabled: !chance.once_in(10),
            on_orphan: chance.one_of(&[OnOrphan::Adopt, OnOrphan::Kill]),
            stored: chance.one_of(&[None, None, Some("1"), Some("2")]),
            works: Works {
                takes,
                fails_once_in: chance.one_of(&[0, 0, 1, 3]),
                heeds: chance.one_of(&[Some(Duration::ZERO), Some(Duration::from_secs(3)), None]),
                cannot_spawn: chance.once_in(15),
                starts_in: if chance.once_in(8) { seconds(chance, 10) } else { Duration::ZERO },
            },
        }
    }
}

impl Step {
    /// One thing that happens, or a few that belong together.
    fn some(swarm: &Swarm, chance: &mut Chance) -> Vec<Step> {
        let name = chance.one_of(&NAMES);
        let millis = |chance: &mut Chance, most| Duration::from_millis(chance.below(most));
        let after = |chance: &mut Chance| {
            if chance.once_in(2) { 0 } else { u32::try_from(1 + chance.below(30)).expect("small") }
        };
        let pass = Step::Pass(millis(chance, 60_000));
        let step = match chance.below(20) {
            0 if swarm.clock_is_set => Step::SetClock(chance.between(-120_000, 120_000)),
            1 | 2 if swarm.crashes => {
                let processes_too = !swarm.orphans || chance.once_in(2);
                Step::Crash { after: after(chance), processes_too, down: millis(chance, 90_000) }
            }
            3 if swarm.stops => {
                Step::Stop { times: chance.one_of(&[1, 1, 2, 3]), down: millis(chance, 90_000) }
            }
            4 if swarm.ledger_troubles => {
                return vec![Step::LedgerFails, Step::Pass(millis(chance, 30_000)), Step::LedgerWorks];
            }
            5 | 6 if swarm.ledger_troubles => {
                let written = usize::try_from(chance.below(8)).expect("small");
                let then = if swarm.crashes && chance.once_in(2) {
                    let down = millis(chance, 20_000);
                    Step::Crash { after: after(chance), processes_too: !swarm.orphans, down }
                } else {
                    Step::LedgerAnswers
                };
                return vec![
                    Step::LedgerHangs,
                    Step::Pass(millis(chance, 5_000)),
                    Step::LedgerWrites(written),
                    then,
                ];
            }
            7 if swarm.stalls => Step::Stall(millis(chance, 60_000)),
            8 if swarm.stalls => Step::Suspend(millis(chance, 60_000)),
            9 if swarm.changes => {
                let count = usize::try_from(chance.below(NAMES.len() as u64 + 1)).expect("small");
                let names = NAMES.iter().take(count);
                Step::Reload(names.map(|name| JobSpec::new(name, swarm, chance)).collect())
            }
            10 if swarm.changes => Step::Add(JobSpec::new(name, swarm, chance)),
            11 if swarm.changes => Step::Replace(JobSpec::new(name, swarm, chance)),
            12 if swarm.changes => Step::Remove(name),
            13 if swarm.pauses => {
                let until = chance.once_in(2).then(|| chance.between(0, 60));
                Step::Pause(name, until)
            }
            14 if swarm.pauses => Step::Resume(name),
            15 if swarm.pauses => chance.one_of(&[Step::PauseAll, Step::ResumeAll, Step::ResumeAll]),
            16 | 17 if swarm.requests => Step::Request(name),
            18 if swarm.requests => Step::CancelRuns(name),
            19 if swarm.requests => Step::Backfill(name, chance.between(0, 100), chance.between(0, 60)),
            _ => return vec![pass],
        };
        if chance.once_in(3) { vec![step] } else { vec![step, pass] }
    }
}
