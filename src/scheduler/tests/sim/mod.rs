//! Histories: any jobs and policies, and whatever may happen to a scheduler in any order: clocks that are set, machines
//! that sleep, ledgers that fail or lose what they were given, crashes between any two things, jobs that come, change
//! and go, people who ask for things. A seed makes a history ([`script`]), which is carried out around the real scheduler
//! ([`driver`]) under the eyes of a judge that knows nothing of how the scheduler works ([`judge`]).
//!
//! Each fire time is accounted for once and as the policies allow; nothing starts twice, early, beyond its grace or
//! before its claim is written; limits hold at every moment, and nothing waits without a reason; what does not change
//! moves no fire time; after a stop nothing is left; once nothing goes wrong any more, all goes on; and the same seed
//! makes the same history.
//!
//! A seed that fails is told with the shortest history that fails too. `RUNNER_SEEDS=from..until cargo test --release
//! --lib sim::seeds -- --ignored --nocapture` runs as many as one likes.

mod chance;
mod driver;
mod jobs;
mod judge;
mod script;
#[cfg(feature = "sqlite")]
mod shadow;

use driver::play;
use script::Script;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seeds that have failed once. Whoever changes what a seed means finds other histories in them; what a failure has
/// taught of the scheduler has a test of its own.
const FAILED: &[u64] = &[15, 85_696, 190_610, 283_953];

/// Carries out a history; an error says what is wrong.
fn outcome(script: &Script) -> Result<String, String> {
    told(|| play(script))
}

fn told(history: impl FnOnce() -> String) -> Result<String, String> {
    catch_unwind(AssertUnwindSafe(history)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

fn check(seed: u64) {
    let script = Script::new(seed);
    let Err(why) = outcome(&script) else { return };
    let short = shortest(script);
    let why = outcome(&short).err().unwrap_or(why);
    panic!("seed {seed}: {why}\n{}", short.told());
}

/// Returns the shortest history that fails too: steps and jobs are left out as long as it does.
fn shortest(script: Script) -> Script {
    let mut short = script;
    loop {
        let before = (short.steps.len(), short.jobs.len());
        let mut size = short.steps.len();
        while size > 0 {
            let mut at = 0;
            while at < short.steps.len() {
                let mut less = short.clone();
                less.steps.drain(at..(at + size).min(less.steps.len()));
                if outcome(&less).is_err() {
                    short = less;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        for at in (0..short.jobs.len()).rev() {
            let mut less = short.clone();
            less.jobs.remove(at);
            if outcome(&less).is_err() {
                short = less;
            }
        }
        if (short.steps.len(), short.jobs.len()) == before {
            return short;
        }
    }
}

#[test]
fn seeds_that_have_failed_once_fail_no_more() {
    FAILED.iter().copied().for_each(check);
}

#[test]
fn whatever_happens_is_as_it_should_be() {
    (0..500).for_each(check);
    (fresh()..).take(2000).for_each(check);
}

/// A seed that was not tried before.
#[expect(clippy::disallowed_methods, reason = "it is another each time")]
fn fresh() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() << 20
}

/// As [`check`], with the real ledger beside the one of the tests.
#[cfg(feature = "sqlite")]
fn check_in_a_file(seed: u64) {
    let script = Script::new(seed);
    if let Err(why) = told(|| driver::play_in_a_file(&script)) {
        panic!("seed {seed}: in a file: {why}\n{}", script.told());
    }
}

#[test]
#[cfg(feature = "sqlite")]
fn the_ledger_in_a_file_knows_the_same() {
    (0..60).for_each(check_in_a_file);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in 0..100 {
        let script = Script::new(seed);
        assert_eq!(outcome(&script), outcome(&script), "seed {seed}");
    }
}

#[test]
#[ignore = "runs the seeds RUNNER_SEEDS=from..until, of which there may be millions"]
#[expect(clippy::disallowed_methods, reason = "it says how long it took")]
fn seeds() {
    let range = std::env::var("RUNNER_SEEDS").expect("RUNNER_SEEDS=from..until");
    let range =
        range.split_once("..").and_then(|(from, until)| Some(from.parse().ok()?..until.parse().ok()?));
    let range: Range<u64> = range.expect("from..until");
    let begin = Instant::now();
    for seed in range.clone() {
        check(seed);
        #[cfg(feature = "sqlite")]
        if seed % 100 == 0 {
            check_in_a_file(seed);
        }
    }
    println!("{} histories in {:.0?}", range.end - range.start, begin.elapsed());
}
