//! The calls of APScheduler 3.x, each as a comment beside what it is here; where the meaning differs, that is said. It
//! runs on a clock that tests move, so that the days that it shows pass at once: take `start_at` away, and time is real.
//!
//! The largest differences: every fire time is accounted for, also one that does not run; 0 is Sunday; a misfire may
//! start up to an hour late, not a second; and a shutdown waits for async jobs too.

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use runner::{
    BoxError, Coalesce, Conflict, Event, Events, Grace, Handle, Heard, Job, Outcome, Overlap, Running,
    Scheduler, ShortMonth, ShutdownGrace, Tasks, Trigger, TriggerError, Zone,
};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), BoxError> {
    let zone = Zone::find("Europe/Berlin")?;
    let handle = start(&zone)?;
    // scheduler.add_listener(listener, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    let listener = tokio::spawn(listen(handle.events()));

    add(&handle, &zone)?;
    control(&handle, &zone).await?;
    look(&handle);
    handle.advance(DAY).await;

    stop(handle).await;
    Ok(listener.await?)
}

/// What becomes of `AsyncIOScheduler(…)` and `scheduler.start()`.
fn start(zone: &Zone) -> Result<Handle, BoxError> {
    // scheduler = AsyncIOScheduler(
    //     timezone="Europe/Berlin",
    //     executors={"default": AsyncIOExecutor(), "threads": ThreadPoolExecutor(20), "processes": …},
    //     jobstores={"default": MemoryJobStore()},
    // )
    // The zone is that in which times are shown; what a trigger means is the trigger's own zone. Executors are not
    // named: `Job::new` is a task of the runtime, `Job::blocking` has a thread, `Job::command` a process.
    // A record that lasts, in which jobs of tasks are stored too, is `.ledger_file("jobs.db")?` (feature `sqlite`).
    // What is stored names its code, as "pkg.mod:func" does there; one that is renamed parks its jobs, and loses none.
    let tasks = Tasks::new().add("send_mail", |_, user: u64| async move { println!("mail to {user}") })?;
    let mut scheduler = Scheduler::builder()
        .zone(zone)
        .tasks(tasks)
        .blocking_max(20)
        .start_at("2026-03-27T12:00:00Z".parse()?)
        .build();

    // scheduler.add_job("mails:send_mail", "cron", hour=7, args=[42], id="digest-42", replace_existing=True)
    // Arguments are checked now. Replacing keeps the next run, the pause and the past unless the trigger is another.
    let digest = Job::task("digest-42", Trigger::cron("0 7 * * *", zone)?, "send_mail", 42);
    scheduler.add(digest.on_conflict(Conflict::Upsert))?;

    // scheduler.add_job(tick, "interval", seconds=30)
    // There it first runs 30 s from now; here at each full and half minute, wherever the program begins. From now on
    // is `.starting(now + 30 s)`.
    scheduler.add(Job::new("tick", Trigger::every(MINUTE / 2)?, |_| async {}))?;

    // scheduler.start()
    // It begins at once, within the runtime. Jobs may be added before and after.
    Ok(scheduler.start()?)
}

/// What becomes of `scheduler.add_job(…)`.
fn add(handle: &Handle, zone: &Zone) -> Result<(), BoxError> {
    // scheduler.add_job(report, "cron", day_of_week="mon-fri", hour=2, minute=30, id="report", name="Nightly report")
    // A job always has a name, which is its id. Weekdays are best written in letters: there 0 is Monday, here Sunday.
    let report = Job::new("report", Trigger::cron("30 2 * * MON-FRI", zone)?, |_| async {});
    handle.add(report.description("Nightly report"))?;

    // scheduler.add_job(close, CronTrigger.from_crontab("0 18 1 * 5"))
    // There on a first that is a Friday, here as in any crontab on the first and on Fridays. The former is `0 18 1 * +5`.
    handle.add(Job::new("close", Trigger::cron("0 18 1 * 5", zone)?, |_| async {}))?;

    // scheduler.add_job(greet, "date", run_date="2026-03-28 09:00:00", args=["world"])
    // Arguments are what the closure captures. When it has run, the job is finished and still there to be looked at.
    let whom = "world".to_owned();
    handle.add(Job::new("greet", Trigger::at("2026-03-28T09:00:00", zone)?, move |_| {
        let whom = whom.clone();
        async move { println!("hello, {whom}") }
    }))?;

    // scheduler.add_job(sync, "interval", minutes=15, misfire_grace_time=60, coalesce=True, max_instances=3, jitter=120)
    // By default there: 1 s, True, 1. Here: an hour, the latest, 1. `misfire_grace_time=None` is `Grace::Any`,
    // `coalesce=False` is `Coalesce::All`. The jitter of a fire time is drawn from it and the job's name, so it is the
    // same after a restart.
    let sync = Job::new("sync", Trigger::every(15 * MINUTE)?, |_| async {})
        .misfire_grace_time(Grace::Within(MINUTE))
        .coalesce(Coalesce::Latest)
        .max_instances(3)
        .overlap(Overlap::Skip)
        .jitter(2 * MINUTE);
    handle.add(sync)?;

    // scheduler.add_job(sync, "interval", minutes=5, id="sync", replace_existing=True)
    // `Replace` begins anew, as there; `Upsert` leaves the pause, and the next fire time if the triggers are the same.
    let every_five_minutes = Trigger::every(5 * MINUTE)?;
    handle.add(Job::new("sync", every_five_minutes, |_| async {}).on_conflict(Conflict::Upsert))?;

    // scheduler.add_job(pack, "interval", hours=6, executor="threads")
    // scheduler.add_job(subprocess.run, "interval", hours=6, args=[["echo", "pruned"]], executor="processes")
    handle.add(Job::blocking("pack", Trigger::every(360 * MINUTE)?, |_| Err("the disk is full")))?;
    handle.add(Job::command("prune", Trigger::every(360 * MINUTE)?, ["echo", "pruned"]))?;

    for (name, trigger) in triggers(zone)? {
        handle.add(Job::new(name, trigger, |_| async {}))?;
    }
    Ok(())
}

/// What becomes of the other triggers.
fn triggers(zone: &Zone) -> Result<Vec<(&'static str, Trigger)>, TriggerError> {
    // OrTrigger([CronTrigger(hour=9), CronTrigger(hour=17)])
    // A job also takes an array of triggers.
    let either = Trigger::any([Trigger::cron("0 9 * * *", zone)?, Trigger::cron("0 17 * * *", zone)?]);

    // AndTrigger([CronTrigger(day="1-7"), CronTrigger(day_of_week="mon")])
    // An intersection that is empty is refused or ends; there it may search for ever.
    let both = Trigger::all([Trigger::cron("0 0 1-7 * *", zone)?, Trigger::cron("0 0 * * MON", zone)?]);

    // CalendarIntervalTrigger(months=1, hour=9, start_date="2026-01-31")
    // Months that have no 31st are left out, as there; `ShortMonth::Last` takes their last day.
    let monthly = Trigger::interval("1 month", "2026-01-31T09:00", ShortMonth::Skip, zone)?;

    // class EveryOtherFriday(BaseTrigger):
    //     def get_next_fire_time(self, previous_fire_time, now): …
    // It is given an instant, and answers with the next fire time after that; it remembers nothing.
    let fridays = Trigger::custom("every other Friday, at noon UTC", |after: DateTime<Utc>| {
        let days = (0..).map(|ahead| after.date_naive() + TimeDelta::days(ahead));
        let fridays = days.filter(|day| day.weekday() == Weekday::Fri && day.iso_week().week() % 2 == 0);
        fridays.filter_map(|day| Some(day.and_hms_opt(12, 0, 0)?.and_utc())).find(|noon| *noon > after)
    });

    Ok(vec![("either", either), ("both", both), ("monthly", monthly), ("fridays", fridays)])
}

/// What becomes of the calls that change jobs.
async fn control(handle: &Handle, zone: &Zone) -> Result<(), BoxError> {
    // scheduler.pause_job("sync"); scheduler.resume_job("sync")
    // It says why, and stays paused when the job is changed. What came meanwhile is recorded as skipped.
    handle.pause("sync", "the other side is being moved")?;
    handle.resume("sync")?;
    // scheduler.pause(); scheduler.resume()
    // These pause and resume each job that there is, so that one that was paused alone is resumed too.
    handle.pause_all("maintenance")?;
    handle.resume_all()?;
    // scheduler.add_job(index, "interval", hours=1, next_run_time=None)
    // It is added and paused.
    handle.add(Job::new("index", Trigger::every(60 * MINUTE)?, |_| async {}))?;
    handle.pause("index", "not yet")?;

    // scheduler.modify_job("sync", max_instances=5)
    handle.update("sync", |job| job.max_instances(5))?;
    // scheduler.reschedule_job("report", trigger="cron", hour=3)
    let at_three = Trigger::cron("0 3 * * *", zone)?;
    handle.update("report", |job| job.triggers(at_three.clone()))?;

    // scheduler.get_job("report").modify(next_run_time=datetime.now())
    // Its fire times do not move. Whoever likes waits for the end.
    let ended = handle.trigger("prune")?.await?;
    println!("prune by hand: {}", ended.outcome);

    // scheduler.remove_job("tick")
    // Runs under way go on, as there, or are cancelled with `Running::Cancel`.
    handle.remove("tick", Running::Leave)?.await;
    // JobLookupError
    if let Err(error) = handle.resume("tick") {
        println!("{error}");
    }
    Ok(())
}

/// What becomes of the calls that look at jobs.
fn look(handle: &Handle) {
    // scheduler.get_job("report").next_run_time
    if let Some(next) = handle.get("report").and_then(|report| report.next) {
        println!("report: {}", next.fire_time);
    }
    // scheduler.get_jobs(); scheduler.print_jobs()
    for job in handle.list() {
        let next = job.next.map_or("never".to_owned(), |next| next.fire_time.to_string());
        println!("{:8} {} -> {next}", job.name, job.triggers.join(", "));
    }
}

/// What becomes of a listener: events come in order, and the last one before the end.
async fn listen(mut events: Events) {
    while let Some(heard) = events.next().await {
        let Heard::Event(numbered) = heard else { continue };
        match &numbered.event {
            // EVENT_JOB_EXECUTED
            Event::RunFinished(row) if row.outcome == Outcome::Succeeded => {}
            // EVENT_JOB_ERROR; EVENT_JOB_MISSED, EVENT_JOB_MAX_INSTANCES, and what was paused
            Event::RunFinished(row) | Event::FireTimeClosed(row) => {
                println!("{}: {}: {}", row.job, row.outcome, row.reason.as_deref().unwrap_or_default());
            }
            // EVENT_JOB_ADDED
            Event::JobAdded { job } => println!("added: {job}"),
            // EVENT_JOB_REMOVED
            Event::JobRemoved { job } => println!("removed: {job}"),
            _ => {}
        }
    }
}

/// What becomes of `scheduler.shutdown()`.
async fn stop(handle: Handle) {
    // There async jobs are cancelled at once, also with `wait=True`. Here they may end within the grace, and are
    // cancelled then. `wait=False` is `handle.stop()`, and `ShutdownGrace::cancel_now(5)` is impatient.
    let report = handle.shutdown(ShutdownGrace::secs(30)).await;
    println!("stopped: {} still running", report.still_running.len());
}
