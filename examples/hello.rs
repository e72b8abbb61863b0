//! A scheduler in ten lines: one job each second, until Ctrl-C. What runs then may end before the program does.

use runner::{Job, Scheduler, ShutdownGrace, Trigger};
use std::error::Error;
use std::time::Duration;
use tokio::signal::ctrl_c;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut scheduler = Scheduler::builder().build();
    let every_second = Trigger::every(Duration::from_secs(1))?;
    scheduler.add(Job::new("hello", every_second, |context| async move {
        println!("{} for {}", context.run, context.fire_time);
    }))?;
    scheduler.run_until(ctrl_c(), ShutdownGrace::secs(30)).await?;
    Ok(())
}
