//! What the clocks do to a runner: it is held up, or its wall clock is set, and everything is accounted for all the same.

use crate::case::{Case, Running};
use crate::crash::Chance;
use crate::shim::WallClock;
use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeMap;

const JOBS: &str = "[jobs.a]\nevery = \"100ms\"\ncommand = [\"true\"]\n";

/// The fire times that a row accounts for: the first, the last, and how many.
fn span(row: &Value) -> (DateTime<chrono::FixedOffset>, DateTime<chrono::FixedOffset>, u64) {
    let time = |key: &str| row[key].as_str().map(|text| text.parse().expect("RFC 3339"));
    let first = time("fire_time").expect("every row has one");
    (first, time("fire_time_last").unwrap_or(first), row["count"].as_u64().expect("a number"))
}

#[test]
fn a_runner_that_was_stopped_and_goes_on_accounts_for_every_fire_time_once() {
    let mut running = Case::new().jobs(JOBS).args(&["start", "--format", "jsonl"]).start();
    // Another runner tells how long the first one is held up.
    let mut metronome = Case::new().jobs(JOBS).args(&["start", "--format", "jsonl"]).start();
    running.line("\"run_finished\"");
    running.signal(Signal::STOP);
    for _ in 0..20 {
        metronome.line("\"run_finished\"");
    }
    running.signal(Signal::CONT);
    running.line("\"coalesced\"");
    running.line("\"run_finished\"");
    running.signal(Signal::INT);
    metronome.signal(Signal::INT);
    metronome.finish().code(0);
    let events = running.finish().code(0).json();
    let ended = |event: &&Value| {
        ["run_finished", "fire_time_closed"].contains(&event["event"].as_str().unwrap_or(""))
    };
    let mut spans: Vec<_> = events.iter().filter(ended).map(span).collect();
    spans.sort_unstable();
    let period = TimeDelta::milliseconds(100);
    assert!(spans.windows(2).all(|pair| pair[1].0 - pair[0].1 == period), "no gap and no overlap: {spans:?}");
    let counted: u64 = spans.iter().map(|(_, _, count)| count).sum();
    let (first, last) = (spans[0].0, spans[spans.len() - 1].1);
    assert_eq!(i64::try_from(counted), Ok((last - first).num_milliseconds() / 100 + 1));
    assert!(spans.iter().any(|(_, _, count)| *count > 10), "the stretch is one row: {spans:?}");
}

#[test]
fn a_clock_that_is_right_is_not_spoken_of_and_may_be_trusted_unseen() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"true\"\n";
    let start = || Case::new().jobs(jobs).args(&["start", "--for", "1s"]);
    let finished = start().exits(0);
    assert!(!finished.stdout.contains("clock") && finished.stderr.is_empty(), "{}", finished.stdout);
    start().args(&["--trust-clock"]).exits(0).prints("ran 1");
    start().env("RUNNER_TRUST_CLOCK", "true").exits(0).prints("ran 1");
}

#[expect(clippy::disallowed_methods, reason = "the runner's clock is this one, and what a test adds to it")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// Jobs of several periods; the last two are due once in the next hour, and are caught up with however late it is.
fn jobs_of_several_periods() -> String {
    let (soon, late) = (now() + TimeDelta::minutes(30), "misfire_grace_time = \"none\"");
    let job = |name: &str, trigger: &str| format!("[jobs.{name}]\n{trigger}\ncommand = [\"true\"]\n");
    [
        job("tick", "every = \"200ms\""),
        job("minutely", "cron = \"* * * * *\""),
        job("daily", &format!("cron = \"{}\"\n{late}", soon.format("%M %H * * *"))),
        job("once", &format!("at = \"{}\"\n{late}", soon.to_rfc3339_opts(SecondsFormat::Secs, true))),
    ]
    .concat()
}

/// A runner whose wall clock is set, and its case.
struct Shifted {
    case: Case,
    running: Running,
    clock: WallClock,
}

impl Shifted {
    /// Starts one with a clock that is ahead by so much, and waits until it is there.
    fn start(jobs: &str, ahead: TimeDelta) -> Option<Shifted> {
        let clock = WallClock::ahead(ahead)?;
        let [preload, file] = clock.env();
        let case = Case::new().jobs(jobs).env(preload.0, &preload.1).env(file.0, &file.1);
        let mut running = case.beside_in_one_stream(&[]);
        running.line("next: ");
        Some(Shifted { case, running, clock })
    }

    /// Sets the clock, and waits for the word that it was and for a run of `tick` behind that.
    #[track_caller]
    fn set(&mut self, ahead: TimeDelta, told: &str) {
        self.clock.set(&self.running, ahead);
        self.running.line(told);
        self.running.line(" tick       succeeded");
    }

    /// Stops it, and sees to it that every fire time is accounted for, once. Returns what it has printed, and the rows of
    /// each job, in order of time.
    #[track_caller]
    fn end(mut self) -> (String, BTreeMap<String, Vec<Value>>) {
        self.running.signal(Signal::TERM);
        let printed = self.running.finish().code(0).stdout;
        for job in self.case.with_args(&["audit", "--format", "jsonl"]).exits(0).json() {
            assert_eq!((&job["unaccounted"], &job["double"]), (&0.into(), &0.into()), "{job}");
        }
        let args = ["history", "-n", "1000000", "--format", "jsonl"];
        let mut by_job: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for row in self.case.with_args(&args).exits(0).json().into_iter().rev() {
            by_job.entry(row["job"].as_str().expect("a name").to_owned()).or_default().push(row);
        }
        (printed, by_job)
    }
}

/// How many of these rows have this outcome and cause.
fn count(rows: &[Value], outcome: &str, cause: &str) -> usize {
    rows.iter().filter(|row| row["outcome"] == outcome && row["cause"] == cause).count()
}

const NO_TIME: TimeDelta = TimeDelta::zero();
const TWO_HOURS: TimeDelta = TimeDelta::hours(2);
const TEN_YEARS: TimeDelta = TimeDelta::days(3650);
const SEVENTY_TWO_YEARS: TimeDelta = TimeDelta::days(26_280);

#[test]
fn what_a_clock_that_is_set_forward_passes_over_is_caught_up_with_once() {
    for (ahead, told) in [(TWO_HOURS, "forward by 2h"), (TEN_YEARS, "forward by 3650d")] {
        let Some(mut shifted) = Shifted::start(&jobs_of_several_periods(), NO_TIME) else { return };
        shifted.running.line(" tick       succeeded");
        shifted.set(ahead, told);
        shifted.running.lines(&[" minutely   succeeded", " daily      succeeded"]);
        let passed = now().duration_trunc(TimeDelta::minutes(1)).expect("in range") + TimeDelta::minutes(20);
        let passed = passed.to_rfc3339_opts(SecondsFormat::Secs, true);
        let why = shifted.case.with_args(&["why", "minutely", &passed]).exits(0);
        assert!(why.stdout.contains("the clock was set forward by"), "{}", why.stdout);
        let (printed, rows) = shifted.end();
        assert_eq!(printed.matches("warning: the wall clock was set").count(), 1, "{printed}");
        for job in ["tick", "minutely", "daily"] {
            let rows = &rows[job];
            let caught_up = count(rows, "succeeded", "catch_up");
            // The last one of a short period is not late.
            assert!(caught_up == 1 || (caught_up == 0 && job != "daily"), "{job}: {rows:?}");
            let reasons = rows.iter().filter(|row| row["outcome"] == "missed").map(|row| &row["reason"]);
            assert!(reasons.clone().all(|reason| reason == "clock"), "{job}: {rows:?}");
            assert!(rows.len() < 60, "stretches are one row: {rows:?}");
        }
        assert_eq!((rows["once"].len(), count(&rows["once"], "succeeded", "catch_up")), (1, 1));
    }
}

#[test]
fn what_has_run_does_not_run_again_when_the_clock_is_set_back() {
    let Some(mut shifted) = Shifted::start(&jobs_of_several_periods(), NO_TIME) else { return };
    shifted.running.line(" tick       succeeded");
    shifted.set(TWO_HOURS, "forward by 2h");
    shifted.running.lines(&[" daily      succeeded", " once       succeeded"]);
    // They are due again, by the clock.
    shifted.set(NO_TIME, "back by 2h");
    shifted.set(TWO_HOURS, "forward by 2h");
    let (_, rows) = shifted.end();
    for job in ["daily", "once"] {
        assert_eq!(rows[job].iter().filter(|row| row["run"] != Value::Null).count(), 1, "{:?}", rows[job]);
    }
    let passed_over = rows["tick"].iter().filter(|row| row["outcome"] == "missed");
    assert_eq!(
        passed_over.count(),
        2,
        "those of the first time, and those of the second: {:?}",
        rows["tick"]
    );
}

#[test]
fn a_machine_that_believed_it_was_2098_goes_on_when_it_is_told_better() {
    let Some(mut shifted) = Shifted::start(&jobs_of_several_periods(), SEVENTY_TWO_YEARS) else { return };
    shifted.running.line(" tick       succeeded");
    shifted.set(NO_TIME, "back by 26280d");
    shifted.running.line(" tick       succeeded");
    let (printed, rows) = shifted.end();
    assert_eq!(printed.matches("warning: the wall clock was set").count(), 1, "{printed}");
    // Nothing that was passed over, and at most one minute that came.
    assert!(rows["tick"].iter().all(|row| row["cause"] == "scheduled" && row["count"] == 1), "{rows:?}");
    assert!(rows.get("minutely").is_none_or(|rows| rows.len() <= 2), "{rows:?}");
    assert!(!rows.contains_key("daily"), "{rows:?}");
}

#[test]
fn a_runner_that_wakes_up_in_1970_waits_for_the_right_time() {
    let Some(mut shifted) = Shifted::start(&jobs_of_several_periods(), DateTime::UNIX_EPOCH - now()) else {
        return;
    };
    shifted.running.line("the clock is wrong: it says 1970-01-01");
    // Another runner tells that it had the time to do something.
    let mut metronome = Case::new().jobs(JOBS).args(&["start"]).start();
    for _ in 0..10 {
        metronome.line("succeeded");
    }
    metronome.signal(Signal::INT);
    metronome.finish().code(0);
    shifted.set(NO_TIME, "the clock is right");
    let (printed, rows) = shifted.end();
    let before = printed.split("the clock is right").next().expect("a part");
    assert!(!before.contains("started"), "{printed}");
    assert!(rows["tick"].iter().all(|row| row["cause"] == "scheduled" && row["count"] == 1), "{rows:?}");
}

#[test]
fn a_clock_that_is_set_to_what_it_shows_a_hundred_times_changes_nothing() {
    let Some(mut shifted) = Shifted::start(&jobs_of_several_periods(), NO_TIME) else { return };
    for _ in 0..20 {
        for _ in 0..5 {
            shifted.clock.set(&shifted.running, NO_TIME);
        }
        shifted.running.line(" tick       succeeded");
    }
    let (printed, rows) = shifted.end();
    assert!(!printed.contains("clock was set"), "{printed}");
    let mut spans: Vec<_> = rows["tick"].iter().map(span).collect();
    spans.sort_unstable();
    let period = TimeDelta::milliseconds(200);
    assert!(spans.windows(2).all(|pair| pair[1].0 - pair[0].1 == period), "no gap and no overlap: {spans:?}");
}

#[test]
fn a_clock_that_is_set_to_and_fro_leaves_nothing_out_and_repeats_nothing() {
    let Some(mut shifted) = Shifted::start(&jobs_of_several_periods(), NO_TIME) else { return };
    let (mut chance, mut minutes) = (Chance::new(), 0);
    for _ in 0..30 {
        let before = minutes;
        while minutes == before {
            minutes = i64::try_from(chance.below(360)).expect("few") - 180;
        }
        let way = if minutes > before { "forward" } else { "back" };
        shifted.set(TimeDelta::minutes(minutes), &format!("the clock was set {way} by"));
    }
    let (printed, rows) = shifted.end();
    assert_eq!(printed.matches("warning: the wall clock was set").count(), 30, "{printed}");
    assert!(rows["once"].len() <= 1, "{rows:?}");
}
