//! How to test jobs: `jobs` is what the program runs, `started_at` the fixture, and below are tests, in which days pass
//! in no time. They need the feature `test-util`, and tokio's:
//!
//! ```toml
//! [dev-dependencies]
//! runner = { version = "0.1", features = ["test-util"] }
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! Run as a program it is a rehearsal: what will come of the week in which summer time begins?

use chrono::{DateTime, Utc};
use runner::{BoxError, Handle, Job, Overlap, Retry, Scheduler, ShutdownGrace, Trigger, Zone};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The jobs of the program.
fn jobs(zone: &Zone) -> Result<Vec<Job>, BoxError> {
    let report = Job::new("report", Trigger::cron("30 2 * * *", zone)?, |_| async {
        tokio::time::sleep(10 * MINUTE).await;
    });
    let upload = Job::new("upload", Trigger::cron("0 6 * * *", zone)?, |context| async move {
        // The other side is never there at once.
        if context.attempt < 3 { Err("connection refused") } else { Ok(()) }
    });
    let sync = Job::new("sync", Trigger::cron("*/15 * * * *", zone)?, |_| async {
        tokio::time::sleep(20 * MINUTE).await;
    });
    Ok(vec![report, upload.retry(Retry::doubling(5, MINUTE)), sync.overlap(Overlap::Skip)])
}

/// The fixture: a scheduler with the jobs of the program, started at that instant. All but `start_at` is as there.
fn started_at(start: DateTime<Utc>) -> Result<Handle, BoxError> {
    let zone = Zone::find("Europe/Berlin")?;
    let mut scheduler = Scheduler::builder().zone(&zone).start_at(start).build();
    for job in jobs(&zone)? {
        scheduler.add(job)?;
    }
    Ok(scheduler.start()?)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), BoxError> {
    let handle = started_at("2026-03-23T00:00:00+01:00".parse()?)?;
    handle.advance(7 * DAY).await;
    for job in handle.list() {
        println!("{}: {}", job.name, handle.stats(job.name.as_str())?.ended);
    }
    handle.shutdown(ShutdownGrace::secs(30)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner::Outcome;

    /// The fire times of a job so far, the first one first, each with what became of it.
    fn past(handle: &Handle, job: &str) -> Vec<(String, Outcome)> {
        let rows = handle.history(job, 20);
        rows.iter().rev().map(|row| (row.fire_time.format("%d %R %z").to_string(), row.outcome)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn where_half_past_two_is_left_out_the_report_runs_at_three() -> Result<(), BoxError> {
        let handle = started_at("2026-03-28T00:00:00+01:00".parse()?)?;
        handle.advance(3 * DAY).await;
        let expected = ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"];
        assert_eq!(past(&handle, "report"), expected.map(|at| (at.to_owned(), Outcome::Succeeded)));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_is_tried_again_until_it_succeeds() -> Result<(), BoxError> {
        let handle = started_at("2026-03-28T05:00:00+01:00".parse()?)?;
        let upload = handle.trigger("upload")?.await?;
        assert_eq!((upload.outcome, upload.attempts), (Outcome::Succeeded, 3));
        // One minute and two: time has passed while this test waited.
        assert_eq!(handle.now().to_rfc3339(), "2026-03-28T04:03:00+00:00");
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sync_that_goes_on_is_not_begun_a_second_time() -> Result<(), BoxError> {
        let handle = started_at("2026-03-28T00:00:00+01:00".parse()?)?;
        handle.advance(40 * MINUTE).await;
        let expected = [("28 00:30 +0100", Outcome::Skipped), ("28 00:15 +0100", Outcome::Succeeded)];
        assert_eq!(past(&handle, "sync"), expected.map(|(at, outcome)| (at.to_owned(), outcome)));
        Ok(())
    }
}
