//! Async jobs and jobs that block, side by side: a blocking job hands what it has read to an async one through a
//! channel, another works until it is told to stop, and the report of the shutdown says what became of them.
//!
//! Blocking code has its own threads, so it holds up nobody. It cannot be dropped either: to stop, it has to look at
//! `context.cancel` now and then.

use runner::{BoxError, Event, Heard, Job, RunContext, Scheduler, ShutdownGrace, Trigger};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    // No more than two blocking runs at once; others wait for a place.
    let mut scheduler = Scheduler::builder().blocking_max(2).build();
    let every_20_ms = Trigger::every(Duration::from_millis(20))?;
    let (sender, receiver) = mpsc::channel(8);
    scheduler.add(read(every_20_ms, sender))?;
    scheduler.add(collect(receiver))?;
    scheduler.add(compute())?;

    let handle = scheduler.start()?;
    let mut events = handle.events();
    drop(handle.trigger("compute")?);

    let mut reads = 0;
    while reads < 3
        && let Some(heard) = events.next().await
    {
        match heard {
            Heard::Event(event) => {
                reads += u32::from(matches!(&event.event, Event::RunFinished(row) if row.job == "read"));
            }
            Heard::Lagged(missed) => println!("{missed} events were passed over"),
        }
    }

    let report = handle.shutdown(ShutdownGrace::cancel_now(30)).await;
    for run in report.cancelled {
        println!("cancelled: {run}");
    }
    for run in report.still_running {
        println!("still running: {run}");
    }
    Ok(())
}

/// Blocks, as reading a file or asking a database does, and hands on what it has got.
fn read(trigger: Trigger, sender: mpsc::Sender<String>) -> Job {
    Job::blocking("read", trigger, move |context| {
        let hosts = std::fs::read_to_string("/etc/hosts")?;
        // Waits while the channel is full. An error fails the run: nobody receives any more.
        sender.blocking_send(format!("{} lines by {}", hosts.lines().count(), context.run))?;
        Ok::<(), BoxError>(())
    })
}

/// Receives from the start on. Its code is called for each run, so they share the receiver.
fn collect(receiver: mpsc::Receiver<String>) -> Job {
    let receiver = Arc::new(Mutex::new(receiver));
    let code = move |context: RunContext| {
        let receiver = Arc::clone(&receiver);
        async move {
            let mut receiver = receiver.lock().await;
            while let Some(Some(text)) = context.cancel.run_until_cancelled(receiver.recv()).await {
                println!("collected: {text}");
            }
            // Else a sender would wait for a place for ever, and the shutdown for the sender.
            receiver.close();
        }
    };
    Job::new("collect", (), code).on_startup()
}

/// Works a piece at a time, until it is told to stop.
fn compute() -> Job {
    Job::blocking("compute", (), |context| {
        let mut sum = 0_u64;
        while !context.cancel.is_cancelled() {
            sum = (0..10_000).fold(sum, |sum, number| sum.wrapping_mul(31).wrapping_add(number));
        }
        println!("computed up to {sum}");
    })
}
