//! A week of 1,000 jobs that are due every minute, ten million fire times: how long it takes to simulate all of it, beside
//! walking over the same fire times and nothing else, which no simulation can be faster than, in the same run.
//!
//! `cargo bench --bench simulate`, about a minute. Both take turns, so that a machine that is busy is so for both.
#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use chrono::{DateTime, TimeDelta, Utc};
use runner::jobfile::{Options, Source, load};
use runner::model::Plan;
use runner::simulation::{Behaviour, Conditions, simulate};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

const JOBS: usize = 1000;
const ROUNDS: usize = 3;

fn main() {
    let from: DateTime<Utc> = "2026-01-05T00:00:00Z".parse().expect("a time");
    let until = from + TimeDelta::days(7);
    println!("                                        fire times   seconds   a second");
    for (shape, keys) in [
        ("every minute, all at once", "cron = \"* * * * *\""),
        ("every minute, spread", "every = \"1m\"\njitter = \"50s\""),
        ("every minute, in groups of ten", "cron = \"* * * * *\"\ngroup = \"GROUP\""),
    ] {
        let plan = plan(keys, from);
        let mut walked: Vec<(u64, f64)> = Vec::new();
        let mut simulated: Vec<(u64, f64)> = Vec::new();
        for _ in 0..ROUNDS {
            walked.push(timed(|| walk(&plan, from, until)));
            simulated.push(timed(|| run(&plan, from, until)));
        }
        show(&format!("{shape}: walked"), &walked);
        show(&format!("{shape}: simulated"), &simulated);
    }
}

fn plan(keys: &str, now: DateTime<Utc>) -> Plan {
    let mut text = "[runner]\ntimezone = \"Europe/Berlin\"\nledger = \"memory\"\n".to_owned();
    for group in 0..JOBS / 10 {
        let _ = writeln!(text, "[groups.g{group}]\nmax_running = 2");
    }
    for job in 0..JOBS {
        let keys = keys.replace("GROUP", &format!("g{}", job / 10));
        let _ = writeln!(text, "[jobs.job-{job:04}]\n{keys}\ncommand = \"true\"");
    }
    let options = Options { now, host: None, seed: "seed".into(), tasks: None };
    load(&Source::Stdin(text.into_bytes()), &options).plan.expect("a sound file")
}

fn walk(plan: &Plan, from: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    let of_job = |schedule: &runner::trigger::Schedule| {
        schedule.upcoming(from).take_while(|at| *at <= until).count() as u64
    };
    plan.jobs.iter().map(|job| of_job(&job.schedule)).sum()
}

fn run(plan: &Plan, from: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    let behaviours = vec![Behaviour { takes: Duration::from_secs(1), failures_per_million: 0 }; JOBS];
    let slice = Duration::from_secs(7200);
    let conditions =
        Conditions { from, until, seed: "seed", chance_seed: "seed", behaviours: &behaviours, slice };
    simulate(plan, &conditions).jobs.iter().map(runner::simulation::JobReport::all).sum()
}

fn timed(work: impl Fn() -> u64) -> (u64, f64) {
    let begin = Instant::now();
    let count = black_box(work());
    (count, begin.elapsed().as_secs_f64())
}

/// The median of the rounds.
fn show(what: &str, rounds: &[(u64, f64)]) {
    let mut rounds = rounds.to_vec();
    rounds.sort_unstable_by(|one, other| one.1.total_cmp(&other.1));
    let (count, seconds) = rounds[rounds.len() / 2];
    println!("{what:<38} {count:>11} {seconds:>9.2} {:>10.0}", count as f64 / seconds);
}
