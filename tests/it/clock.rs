//! What the clocks do to a runner: it is held up, and everything is accounted for all the same.

use crate::case::Case;
use chrono::{DateTime, TimeDelta};
use rustix::process::Signal;
use serde_json::Value;

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
