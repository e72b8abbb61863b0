//! What a durable ledger costs: recorded runs a second in memory and in SQLite, side by side.
//!
//! `cargo bench --bench recorded`: first runs that do nothing at all, which shows what the scheduler and the ledger
//! take, then real processes, where SQLite has a tenth of the rate to spend. All are due at once, so that claims and
//! ends share their transactions as they do under load; both ledgers in turn, and the ratio of medians counts.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use runner::engine::{self, Audience, Clock, Engine, Handle, Options};
use runner::jobfile::{self, Source};
use runner::ledger::{Ledger, MemoryLedger, NodeIdentity, OpenOptions, SqliteLedger};
use runner::model::{Event, Keep, Now, OutputSink, OutputSource, Pace, Plan, Stream};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tempfile::TempDir;

const ROUNDS: usize = 7;

/// Asks for the stop when so many runs have ended, which is when they are in the ledger.
struct Counter {
    left: AtomicUsize,
    handle: OnceLock<Handle>,
}

impl Audience for Counter {
    fn announce(&self, _: Now, event: &Event) {
        if matches!(event, Event::RunFinished(_)) && self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.handle.get().expect("it was set before").stop();
        }
    }
}

impl OutputSink for Counter {
    fn lines(&self, _: &OutputSource, _: Stream, _: &[u8]) -> Pace {
        Pace::Keep
    }
}

fn main() {
    println!("recorded runs a second        memory    SQLite   ratio");
    compare("nothing is done", 20_000, true);
    compare("processes (/bin/true)", 2_000, false);
}

fn compare(what: &str, runs: usize, dry_run: bool) {
    let plan = plan(runs);
    let (mut memory, mut sqlite) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        memory.push(rate(&plan, runs, dry_run, Box::new(MemoryLedger::default())));
        let folder = TempDir::new().expect("a folder");
        sqlite.push(rate(&plan, runs, dry_run, open(&folder.path().join("ledger.db"))));
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let (memory, sqlite) = (median(memory), median(sqlite));
    println!("{what:26} {memory:9.0} {sqlite:9.0} {:7.2}", sqlite / memory);
}

fn plan(jobs: usize) -> Plan {
    let text = (0..jobs).fold(String::new(), |mut text, job| {
        let _ =
            write!(text, "[jobs.job-{job}]\nstartup = true\noutput = \"none\"\ncommand = [\"/bin/true\"]\n");
        text
    });
    let options = jobfile::Options { now: engine::now().wall, host: None, seed: "bench".into(), tasks: None };
    jobfile::load(&Source::Stdin(text.into()), &options).plan.expect("a sound file")
}

fn open(path: &Path) -> Box<dyn Ledger> {
    let now = engine::now().wall;
    let (host, name, boot_id) = ("bench".into(), "bench".into(), "bench".into());
    let node = NodeIdentity { host, pid: 1, name, boot_id, started_at: now, by_hand: false };
    let options = OpenOptions {
        node,
        keep: Keep::default(),
        keep_of: BTreeMap::new(),
        after: Vec::new(),
        force_network: true,
        clock: Arc::new(|| engine::now().wall),
    };
    Box::new(SqliteLedger::open(path, options).expect("a ledger"))
}

fn rate(plan: &Plan, runs: usize, dry_run: bool, ledger: Box<dyn Ledger>) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let counter = Arc::new(Counter { left: AtomicUsize::new(runs), handle: OnceLock::new() });
    let begin = Instant::now();
    runtime.block_on(async {
        let clock = Clock::new().expect("a timer");
        let options = Options { dry_run, ..Options::default() };
        let engine = Engine::new(plan, clock, ledger, counter.clone(), options).expect("an engine");
        assert!(counter.handle.set(engine.handle()).is_ok());
        engine.run().await;
    });
    runs as f64 / begin.elapsed().as_secs_f64()
}
