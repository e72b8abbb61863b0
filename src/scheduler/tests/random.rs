//! Any jobs, any policies, clocks that are set, crashes, jobs that come, change, are parked and go, runs that are asked for and
//! cancelled, and failing ledgers at any moment: at the end each fire time is accounted for once, and no job has run
//! more often than it was to. A seed makes a history; the one that fails is in the message.

use super::world::{World, at, every, idle, secs, wall};
use crate::model::{Coalesce, Grace, Job, Overlap};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::time::Duration;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Numbers that look random and come from one seed.
struct Chance {
    state: u64,
    /// How many runs for their fire times jobs of these names have at most, in all of a history.
    runs_max: BTreeMap<&'static str, u64>,
}

impl Chance {
    fn new(seed: u64) -> Chance {
        let mut chance =
            Chance { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), runs_max: BTreeMap::new() };
        for name in NAMES {
            if chance.below(4) == 0 {
                let most = 1 + chance.below(6);
                chance.runs_max.insert(name, most);
            }
        }
        chance
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).expect("small")]
    }

    fn job(&mut self, name: &str) -> Job {
        let job = if self.below(5) == 0 {
            idle(name).delay_after(Duration::from_millis(self.below(15_000)))
        } else if self.below(4) == 0 {
            let seconds: Vec<i64> =
                (0..5).map(|_| 1 + i64::try_from(self.below(400)).expect("small")).collect();
            at(name, &seconds)
        } else {
            every(name, secs(1 + self.below(30)))
        };
        let job = self.runs_max.get(name).map_or(job.clone(), |most| job.runs_max(*most));
        let grace = [Grace::Any, Grace::Within(secs(1)), Grace::Within(secs(20)), Grace::Within(secs(3600))];
        let job = job.grace(self.one_of(&grace));
        let job = job.coalesce(self.one_of(&[Coalesce::Latest, Coalesce::Earliest, Coalesce::All]));
        let job = match self.below(5) {
            0 => job.overlap(Overlap::Allow),
            1 => job.overlap(Overlap::Queue),
            2 => job.overlap(Overlap::Replace),
            3 => job.max_instances(2).overlap(Overlap::Queue),
            _ => job,
        };
        let job = if self.below(3) == 0 { job.retry(3, secs(1 + self.below(10))) } else { job };
        let job = if self.below(3) == 0 { job.timeout(secs(1 + self.below(20))) } else { job };
        let job = if self.below(4) == 0 { job.jitter(secs(1 + self.below(20))) } else { job };
        if self.below(3) == 0 { job.stored_as(self.one_of(&["1", "2"])) } else { job }
    }
}

/// What is asked while the scheduler runs.
impl Chance {
    fn call(&mut self, mut world: World, jobs: &mut Vec<Job>) -> World {
        let name = self.one_of(&NAMES);
        let job = self.job(name);
        let name = &job.name;
        let is_there = jobs.iter().any(|job| job.name == *name);
        match self.below(10) {
            0 if is_there => {
                jobs.retain(|job| job.name != *name);
                world.remove(name.as_str())
            }
            0 if world.is_parked(name.as_str()) => world.remove(name.as_str()),
            0..=4 if !is_there => {
                jobs.push(job.clone());
                world.add(job)
            }
            2 if is_there => {
                let place = jobs.iter_mut().find(|job| job.name == *name).expect("it is there");
                // Other fire times, or others of its policies.
                let schedule = self.one_of(&[&job, &*place]).schedule.clone();
                *place = if job.delay_after.is_some() { job } else { Job { schedule, ..job } };
                world.replace(place.clone())
            }
            3 if is_there => world.pause(name.as_str()),
            4 if is_there => {
                let seconds = i64::try_from(self.below(60)).expect("small");
                world.snooze(name.as_str(), seconds, "later")
            }
            5 if is_there => world.resume(name.as_str()),
            6 => {
                let from = i64::try_from(self.below(100)).expect("small");
                let from = wall(i64::try_from(world.second()).expect("small") - from);
                let until = from + TimeDelta::seconds(i64::try_from(self.below(60)).expect("small"));
                let backfilled = world.call(|core, now| core.backfill(name, from, until, now));
                assert_eq!(backfilled.is_ok(), is_there);
                world
            }
            7 => {
                let cancelled = world.call(|core, now| core.cancel_runs_of(name, now));
                assert!(cancelled.is_ok() || !is_there);
                world
            }
            _ => {
                let requested = world.call(|core, now| core.request_run(name, now));
                assert_eq!(requested.is_ok(), is_there);
                world
            }
        }
    }
}

fn history(seed: u64) {
    let mut chance = Chance::new(seed);
    let count = usize::try_from(1 + chance.below(4)).expect("small");
    let mut jobs: Vec<Job> = NAMES.iter().take(count).map(|name| chance.job(name)).collect();
    let limit = chance.one_of(&[None, Some(1), Some(2)]);
    let mut world = World::durable_with_limits(jobs.clone(), limit);
    for name in NAMES {
        let takes = chance.one_of(&[0, 1, 5, 40]);
        world = world.runs_for(name, secs(takes), chance.one_of(&[0, 0, 1]));
    }
    // Not both in one history: a job that changed while the clock was ahead has instants that were accounted for before.
    let clock_is_set = chance.below(2) == 0;
    let step = |chance: &mut Chance| {
        let most = if clock_is_set { 120 } else { 0 };
        TimeDelta::seconds(
            i64::try_from(chance.below(120 + most)).expect("small") - i64::try_from(most).expect("small"),
        )
    };
    let mut second = 0;
    let calls = if clock_is_set { 1 } else { 4 };
    for _ in 0..=chance.below(8) {
        second += chance.below(60);
        world = world.until(second);
        for _ in 0..chance.below(calls) {
            world = chance.call(world, &mut jobs);
        }
        match chance.below(6) {
            5 => {
                world = world.step(step(&mut chance));
            }
            0 => world = world.ledger_fails().until(second + 20).ledger_works(),
            1 => world = world.stall(secs(chance.below(50))),
            2 => world = world.suspend(secs(chance.below(50))),
            _ => {
                if chance.below(3) == 0 {
                    world = world.ledger_hangs();
                }
                world = world.until(second + chance.below(5));
                if world.is_ledger_hanging() {
                    world = world.writes(usize::try_from(chance.below(8)).expect("small"));
                }
                world = if chance.below(2) == 0 { world.crash() } else { world.crash_alone() };
                for job in jobs.iter_mut().filter(|_| !clock_is_set) {
                    match chance.below(8) {
                        0 => *job = chance.job(job.name.as_str()),
                        1 => job.enabled = !job.enabled,
                        _ => {}
                    }
                }
                if chance.below(4) == 0 && !clock_is_set && !jobs.is_empty() {
                    jobs.rotate_left(1);
                    jobs.truncate(chance.one_of(&[1, 2, 3]));
                }
                if chance.below(4) == 0 {
                    world = world.step(step(&mut chance));
                }
                let down = Duration::from_millis(chance.below(90_000));
                world = world.restart_with_limits(down, jobs.clone(), limit);
            }
        }
        second = world.second();
        for (name, most) in &chance.runs_max {
            assert!(world.claims_counted(name) <= *most, "`{name}` ran too often");
        }
    }
    for name in NAMES {
        if world.is_parked(name) {
            world = world.remove(name);
        }
    }
    world.ledger_answers().until(second + chance.below(30)).stop().until(second + 200).accounts_for_all();
}

/// Seeds beyond the first that once told of a fault.
const TOLD: [u64; 2] = [5480, 26328];

fn is_sound(seed: u64) -> bool {
    std::panic::catch_unwind(|| history(seed)).is_ok()
}

#[test]
fn whatever_happens_every_fire_time_is_accounted_for_once() {
    for seed in (0..3000).chain(TOLD) {
        assert!(is_sound(seed), "seed {seed}");
    }
}

/// `RUNNER_SEEDS=3000..200000 cargo test --release --lib -- --ignored --nocapture other_histories`
#[test]
#[ignore = "it is asked for with the seeds that it is to try"]
#[expect(clippy::disallowed_methods, reason = "whoever asks says which seeds")]
fn other_histories_account_for_every_fire_time_once_too() {
    let asked = std::env::var("RUNNER_SEEDS").expect("RUNNER_SEEDS=from..to");
    let (from, to) = asked.split_once("..").expect("RUNNER_SEEDS=from..to");
    let seed = |text: &str| text.parse::<u64>().expect("a number");
    let seeds = seed(from)..seed(to);
    let unsound: Vec<u64> = seeds.clone().filter(|seed| !is_sound(*seed)).collect();
    println!("{} seeds, {} of them unsound: {unsound:?}", seeds.count(), unsound.len());
    assert!(unsound.is_empty(), "{unsound:?}");
}
