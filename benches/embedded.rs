//! The scheduler within a program, beside tokio-cron-scheduler: how many fire times a second each keeps up with, what
//! becomes of 5,000 jobs that are due at one instant, and how late a job is that is due ten times a second.
//!
//! `cargo bench --bench embedded` (about two minutes). Each scheduler has a current-thread runtime of its own, in turn;
//! the jobs do nothing but count. A scheduler keeps up with a load if within five seconds of it all runs that are due
//! have been made; the load doubles until it does not. Lateness is measured from within the job, and beside it that of
//! a bare tokio timer, which is the limit. Ratios and medians count.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use runner::{Job, Scheduler, ShutdownGrace, Trigger, Zone};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};
use tokio_cron_scheduler::{Job as PeerJob, JobScheduler};

/// Whole seconds of fire times that are counted.
const WINDOW: usize = 5;
const BURST: usize = 5000;
const MOST: usize = 512_000;

/// What a scheduler was seen to do with a load.
struct Load {
    jobs: usize,
    /// Of the runs that were due within the window.
    made: usize,
}

impl Load {
    fn keeps_up(&self) -> bool {
        self.made >= self.jobs * WINDOW
    }
}

fn main() {
    println!("load: jobs that are due every second; made: of the runs due within {WINDOW} s");
    let runner = limit("runner", 1000, |jobs| block_on(runner_load(jobs)));
    let peer = limit("tokio-cron-scheduler", 25, |jobs| block_on(peer_load(jobs)));
    println!(
        "keeps up with {runner} and {peer} fire times a second: ratio {:.0}\n",
        runner as f64 / peer as f64
    );

    println!("{BURST} jobs due at one instant      ran   p50 ms   p99 ms   max ms");
    report("  runner             ", &mut block_on(runner_burst()));
    report("  tokio-cron-scheduler", &mut block_on(peer_burst()));

    println!("\na job every 100 ms, 300 times       ran   p50 ms   p99 ms   max ms");
    report("  runner             ", &mut block_on(runner_cadence(false)));
    report("  beside blocking code", &mut block_on(runner_cadence(true)));
    report("  tokio timer        ", &mut block_on(timer_cadence()));
    println!("\na job every second, 20 times        ran   p50 ms   p99 ms   max ms");
    report("  tokio-cron-scheduler", &mut block_on(peer_cadence()));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Doubles the load until it is too much.
fn limit(who: &str, first: usize, load: impl Fn(usize) -> Load) -> usize {
    let mut kept = 0;
    let mut jobs = first;
    while jobs <= MOST {
        let load = load(jobs);
        println!("  {who:20}  {:7} jobs  {:8} of {:8} made", load.jobs, load.made, load.jobs * WINDOW);
        if !load.keeps_up() {
            break;
        }
        kept = jobs;
        jobs *= 2;
    }
    kept
}

/// Half a second into a window of whole seconds: whatever the schedulers did to get ready is over.
async fn window(counter: &AtomicUsize) -> usize {
    sleep_until(Utc::now() + TimeDelta::milliseconds(2500)).await;
    let before = counter.load(Ordering::Relaxed);
    sleep(Duration::from_secs(WINDOW as u64)).await;
    counter.load(Ordering::Relaxed) - before
}

/// Until the middle of the second that `at` lies in.
async fn sleep_until(at: DateTime<Utc>) {
    let middle = at.with_nanosecond(500_000_000).expect("a moment");
    sleep((middle - Utc::now()).to_std().unwrap_or_default()).await;
}

fn secondly() -> Trigger {
    Trigger::cron("* * * * * *", &Zone::utc()).expect("a cron")
}

async fn runner_load(jobs: usize) -> Load {
    let counter = Arc::new(AtomicUsize::new(0));
    let mut scheduler = Scheduler::builder().history_max(0).build();
    let secondly = secondly();
    for number in 0..jobs {
        let counter = Arc::clone(&counter);
        let job = Job::new(format!("job-{number}"), secondly.clone(), move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            async {}
        });
        scheduler.add(job).expect("a sound job");
    }
    let handle = scheduler.start().expect("a runtime is there");
    let made = window(&counter).await;
    handle.shutdown(ShutdownGrace::secs(5)).await;
    Load { jobs, made }
}

async fn peer_load(jobs: usize) -> Load {
    let counter = Arc::new(AtomicUsize::new(0));
    let mut scheduler = JobScheduler::new().await.expect("a scheduler");
    for _ in 0..jobs {
        let counter = Arc::clone(&counter);
        let job = PeerJob::new_async("* * * * * *", move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
            Box::pin(async {})
        });
        scheduler.add(job.expect("a cron")).await.expect("it is added");
    }
    scheduler.start().await.expect("it starts");
    let made = window(&counter).await;
    scheduler.shutdown().await.expect("it stops");
    Load { jobs, made }
}

/// How late each run was, in milliseconds.
type Late = Arc<Mutex<Vec<f64>>>;

fn note(late: &Late, due: DateTime<Utc>) {
    let by = (Utc::now() - due).num_nanoseconds().unwrap_or(i64::MAX);
    late.lock().expect("no panic").push(by as f64 / 1e6);
}

fn report(who: &str, late: &mut [f64]) {
    late.sort_by(f64::total_cmp);
    let at = |percent: usize| late.get((late.len().max(1) - 1) * percent / 100).copied().unwrap_or(f64::NAN);
    println!("{who:32}  {:5}  {:7.2}  {:7.2}  {:7.2}", late.len(), at(50), at(99), at(100));
}

fn taken(late: &Late) -> Vec<f64> {
    std::mem::take(&mut late.lock().expect("no panic"))
}

async fn runner_burst() -> Vec<f64> {
    let late = Late::default();
    let due = (Utc::now() + TimeDelta::seconds(3)).with_nanosecond(0).expect("a moment");
    let at = Trigger::at(&due.to_rfc3339(), &Zone::utc()).expect("an instant");
    let mut scheduler = Scheduler::builder().build();
    for number in 0..BURST {
        let late = Arc::clone(&late);
        let job = Job::new(format!("job-{number}"), at.clone(), move |_| {
            note(&late, due);
            async {}
        });
        scheduler.add(job).expect("a sound job");
    }
    let handle = scheduler.start().expect("a runtime is there");
    sleep_until(due + TimeDelta::seconds(4)).await;
    handle.shutdown(ShutdownGrace::secs(5)).await;
    taken(&late)
}

async fn peer_burst() -> Vec<f64> {
    let late = Late::default();
    let scheduler = JobScheduler::new().await.expect("a scheduler");
    // It takes its time to add them, so the instant is chosen when they are there, and told to them by their duration.
    let due_in = Duration::from_secs(20);
    let begin = Instant::now();
    let due = Utc::now() + TimeDelta::seconds(20);
    for _ in 0..BURST {
        let late = Arc::clone(&late);
        let at = begin + due_in;
        let job = PeerJob::new_one_shot_at_instant_async(at.into_std(), move |_, _| {
            note(&late, due);
            Box::pin(async {})
        });
        scheduler.add(job.expect("an instant")).await.expect("it is added");
    }
    let mut scheduler = scheduler;
    scheduler.start().await.expect("it starts");
    sleep_until(due + TimeDelta::seconds(6)).await;
    scheduler.shutdown().await.expect("it stops");
    taken(&late)
}

/// `beside`: while jobs that block have all places of their lane.
async fn runner_cadence(beside: bool) -> Vec<f64> {
    let late = Late::default();
    let told = Arc::clone(&late);
    let every = Trigger::every(Duration::from_millis(100)).expect("a period");
    let job = Job::new("tick", every, move |context| {
        note(&told, context.due);
        async {}
    });
    let mut scheduler = Scheduler::builder().build();
    scheduler.add(job).expect("a sound job");
    if beside {
        let blocking = Job::blocking("blocking", secondly(), |_| std::thread::sleep(Duration::from_secs(2)));
        scheduler.add(blocking.max_instances(4)).expect("a sound job");
    }
    let handle = scheduler.start().expect("a runtime is there");
    sleep(Duration::from_secs(30)).await;
    handle.shutdown(ShutdownGrace::secs(5)).await;
    taken(&late)
}

async fn timer_cadence() -> Vec<f64> {
    let mut late = Vec::new();
    let mut at = Instant::now();
    for _ in 0..300 {
        at += Duration::from_millis(100);
        tokio::time::sleep_until(at).await;
        late.push(at.elapsed().as_secs_f64() * 1000.0);
    }
    late
}

async fn peer_cadence() -> Vec<f64> {
    let late = Late::default();
    let told = Arc::clone(&late);
    let mut scheduler = JobScheduler::new().await.expect("a scheduler");
    let job = PeerJob::new_async("* * * * * *", move |_, _| {
        // Due at the last whole second.
        let due = Utc::now().with_nanosecond(0).expect("a moment");
        note(&told, due);
        Box::pin(async {})
    });
    scheduler.add(job.expect("a cron")).await.expect("it is added");
    scheduler.start().await.expect("it starts");
    sleep(Duration::from_secs(20)).await;
    scheduler.shutdown().await.expect("it stops");
    taken(&late)
}
