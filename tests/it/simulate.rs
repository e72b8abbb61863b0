//! `runner simulate`.

use crate::case::{Case, Finished};
use runner::{
    AfterOn, Job, Name, Outcome, Overlap, Retry, RunContext, Scheduler, ShutdownGrace, Trigger, Zone,
};
use serde_json::{Value, json};
use std::fs;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::runtime::Builder;

const JOBS: &str = r#"
[runner]
timezone = "Europe/Berlin"
ledger = "memory"
seed = "fixed"
[groups.disk]
max_running = 1
[jobs.backup]
cron = "0 * * * *"
command = "true"
group = "disk"
[jobs.index]
cron = "0 */6 * * *"
command = "true"
group = "disk"
[jobs.night]
cron = "30 2 * * *"
command = "true"
[jobs.off]
every = "1h"
enabled = false
command = "true"
[jobs.yearly]
cron = "0 0 1 1 *"
command = "true"
"#;

fn simulate(args: &[&str]) -> Case {
    Case::new().jobs(JOBS).args(&["simulate"]).args(args)
}

/// From a Monday at midnight in Berlin on.
fn monday(args: &[&str]) -> Case {
    simulate(&["--from", "2026-01-05", "--until", "2026-01-06"]).args(args)
}

/// The one line of that kind, and of that job if one is named.
#[track_caller]
fn line(finished: &Finished, kind: &str, job: Option<&str>) -> Value {
    let is_meant = |line: &Value| line["kind"] == kind && job.is_none_or(|job| line["job"] == job);
    let mut found = finished.json().into_iter().filter(is_meant);
    let first = found.next().expect("a line of that kind");
    assert_eq!(found.next(), None, "another one");
    first
}

#[test]
fn a_page_says_what_the_time_would_bring() {
    let finished = monday(&["--duration", "backup=75m", "--duration", "index=20m"]).exits(0);
    let expected = "\
1d of jobs.toml, from 2026-01-05 00:00:00+01:00 until 2026-01-06 00:00:00+01:00
ran 15: 15 succeeded; skipped 12
at once: at most 1, first at 2026-01-05 01:00:00+01:00; 0.66 on average
waiting: 3 of 16 runs, at most 15m
at the end: 1 still run, 1 wait
how long jobs take: 2 given, 3 assumed 1s (marked ?), because no run is recorded; --duration JOB=90s says better

job      takes  runs  skipped  waited  longest wait  first run
backup  1h 15m    12       12                        2026-01-05 01:00:00+01:00
index      20m     3                3           15m  2026-01-05 06:15:00+01:00
night      1s?     1                                 2026-01-05 02:30:00+01:00
off        1s?     0
yearly     1s?     0

group  max_running  runs  waited  median wait  99 of 100 within  longest
disk             1    15       3          0ms               15m      15m

`backup` skips 12 of 24 fire times: it takes 1h 15m and is due again after 1h

`off` never runs: it is disabled
`yearly` never runs: its next fire time is 2027-01-01 00:00:00+01:00

running at once on average, hour by hour (Europe/Berlin)
           0     3     6     9     12    15    18    21
Mon 01-05  ··@@==@@==@@**@@==@@==@@**@@==@@==@@**@@==@@==@@
           · nothing  - up to 0.17  = 0.33  + 0.50  * 0.67  # 0.83  @ 1.0
";
    assert_eq!(finished.stdout, expected);
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_timeline_has_a_line_for_each_job() {
    let finished = monday(&["--duration", "backup=75m", "--timeline"]).exits(0);
    let timeline: Vec<&str> =
        finished.stdout.lines().skip_while(|line| !line.starts_with("each")).take(6).collect();
    let expected = [
        "each character is 30m from 2026-01-05 00:00:00+01:00 on",
        "backup  ··##!·##!·##!·##!·##!·##!·##!·##!·##!·##!·##!·#!",
        "index   ············-···········-···········-···········",
        "night   ·····-··········································",
        "off     ················································",
        "yearly  ················································",
    ];
    assert_eq!(timeline, expected);
    assert!(finished.stdout.contains("! something did not run, or did not succeed\n"));
}

#[test]
fn a_machine_reads_the_promised_fields() {
    let finished =
        monday(&["--duration", "backup=75m", "--fail", "night=100%", "--format", "jsonl"]).exits(0);
    let summary = json!({
        "kind": "summary", "from": "2026-01-05T00:00:00+01:00", "until": "2026-01-06T00:00:00+01:00",
        "timezone": "Europe/Berlin", "jobs": 5, "runs": 16, "attempts": 16, "succeeded": 14, "failed": 1, "timed_out": 0,
        "cancelled": 0, "skipped": 12, "missed": 0, "coalesced": 0, "lost": 0, "running_at_end": 1, "waiting_at_end": 1,
        "running_max": 1, "running_max_at": "2026-01-05T01:00:00+01:00", "running_mean": 0.615, "max_running": null,
        "waited": 3, "wait_median_ms": 0, "wait_p99_ms": 900_000, "wait_max_ms": 900_000,
    });
    let mut found = line(&finished, "summary", None);
    found["running_mean"] =
        json!((found["running_mean"].as_f64().expect("a number") * 1000.0).round() / 1000.0);
    assert_eq!(found, summary);
    let backup = json!({
        "kind": "job", "job": "backup", "takes_ms": 4_500_000, "takes_source": "given", "fail_percent": 0.0, "runs": 12,
        "attempts": 12, "succeeded": 11, "failed": 0, "timed_out": 0, "cancelled": 0, "skipped": 12, "missed": 0,
        "coalesced": 0, "lost": 0, "reasons": { "overlap": 12 }, "running_at_end": 1, "waiting_at_end": 0,
        "running_max": 1, "busy_ms": 53_100_000, "first_run_at": "2026-01-05T01:00:00+01:00",
        "first_trouble_at": "2026-01-05T02:00:00+01:00", "never_runs": null, "waited": 0, "wait_median_ms": 0,
        "wait_p99_ms": 0, "wait_max_ms": 0,
    });
    assert_eq!(line(&finished, "job", Some("backup")), backup);
    assert_eq!(line(&finished, "job", Some("off"))["never_runs"], "it is disabled");
    assert_eq!(line(&finished, "job", Some("night"))["failed"], 1);
    let group = json!({
        "kind": "group", "group": "disk", "max_running": 1, "runs": 15, "waited": 3, "wait_median_ms": 0,
        "wait_p99_ms": 900_000, "wait_max_ms": 900_000,
    });
    assert_eq!(line(&finished, "group", None), group);
    let hours: Vec<_> = finished.json().into_iter().filter(|line| line["kind"] == "hour").collect();
    let hour = json!({
        "kind": "hour", "hour": "2026-01-05T03:00:00+01:00", "starts": 1, "running_max": 1, "running_mean": 1.0,
    });
    assert_eq!((hours.len(), &hours[3]), (24, &hour));
}

#[test]
fn what_daylight_saving_does_is_said() {
    let spring = ["--from", "2026-03-28T12:00", "--until", "2026-03-29T12:00"];
    let note = "`night` Sun 2026-03-29 03:00:00 +02:00: moved from 02:30, out of a gap (clocks go forward)\n";
    simulate(&spring).exits(0).prints(note);
    let autumn = ["--from", "2026-10-24T12:00", "--until", "2026-10-25T12:00"];
    simulate(&autumn)
        .exits(0)
        .prints("`backup` Sun 2026-10-25 02:00:00 +02:00, the first of 2: local time occurs twice (clocks go back)\n")
        .prints("`night` Sun 2026-10-25 02:30:00 +02:00: local time occurs twice (clocks go back)\n");
    let finished = simulate(&[&autumn[..], &["--format", "jsonl"]].concat()).exits(0);
    let expected = json!({
        "kind": "dst", "job": "night", "dst": "fold", "fire_time": "2026-10-25T02:30:00+02:00", "count": 1,
    });
    assert_eq!(line(&finished, "dst", Some("night")), expected);
    assert_eq!(line(&finished, "job", Some("backup"))["runs"], 25);
}

#[test]
fn why_fire_times_find_no_place_is_said() {
    let jobs = r#"
[runner]
timezone = "UTC"
ledger = "memory"
[groups.disk]
max_running = 1
[jobs.dump]
cron = "0 * * * *"
command = "true"
group = "disk"
[jobs.sync]
cron = "* * * * *"
command = "true"
group = "disk"
[jobs.fetch]
cron = "*/2 * * * *"
command = "true"
retry = { attempts = 3, delay = "2m" }
[jobs.walk]
cron = "*/5 * * * *"
command = "true"
"#;
    let args =
        ["--from", "2026-01-05T00:30:00Z", "--until", "2026-01-05T01:30:00Z", "--duration", "dump=20m"];
    let args = [&args[..], &["--fail", "fetch=100%", "--duration", "walk=6m"]].concat();
    let finished = Case::new().jobs(jobs).args(&["simulate"]).args(&args).exits(0);
    let skips: Vec<&str> = finished.stdout.lines().filter(|line| line.contains(" skips ")).collect();
    let expected = [
        "`sync` skips 20 of 60 fire times: it waits up to 20m for a slot of group `disk`, takes 1s and is due again after 1m",
        "`fetch` skips 22 of 30 fire times: it takes 1s, is tried up to 3 times and is due again after 2m",
        "`walk` skips 6 of 12 fire times: it takes 6m and is due again after 5m",
    ];
    assert_eq!(skips, expected);
}

#[test]
fn which_attempts_fail_follows_from_the_seed() {
    let jobs = "[runner]\nledger = \"memory\"\n[jobs.flaky]\nevery = \"10m\"\ncommand = \"true\"\n\
                retry = { attempts = 2, delay = \"1s\" }\n";
    let of = |seed: &str| {
        let args =
            ["simulate", "--from", "2026-01-05", "--fail", "flaky=30%", "--format", "jsonl", "--seed", seed];
        let job = line(&Case::new().jobs(jobs).args(&args).exits(0), "job", None);
        (job["attempts"].as_u64().expect("a number"), job["failed"].as_u64().expect("a number"))
    };
    let first = of("1");
    assert_eq!(first, of("1"));
    assert_ne!(first, of("2"));
    // Of 1,008 runs three in ten are tried again, and three in ten of those fail.
    assert!((1250..1370).contains(&first.0) && (60..125).contains(&first.1), "{first:?}");
    let args = ["simulate", "--from", "2026-01-05", "--until", "2026-01-05T01:00", "--fail", "flaky=100%"];
    Case::new()
        .jobs(jobs)
        .args(&args)
        .exits(0)
        .prints("5 of 6 runs of `flaky` fail, each after 2 attempts\n");
}

#[test]
fn jobs_take_as_long_as_their_last_runs_did() {
    let jobs = "[runner]\nledger = \"own.db\"\n[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\n\
                [jobs.b]\nevery = \"1h\"\ncommand = \"true\"\n";
    let mut case = Case::new().jobs(jobs);
    let source = |case: &mut Case, job| {
        let finished = case.with_args(&["simulate", "--format", "jsonl"]).exits(0);
        assert_eq!(finished.stderr, "");
        line(&finished, "job", Some(job))["takes_source"].clone()
    };
    assert_eq!(source(&mut case, "a"), "assumed");
    assert!(!case.path().join("own.db").exists(), "nothing is made");
    case.with_args(&["run", "a"]).exits(0);
    let files = |case: &Case| fs::read_dir(case.path()).expect("the folder").count();
    let before = files(&case);
    assert_eq!((source(&mut case, "a"), source(&mut case, "b")), ("recorded".into(), "assumed".into()));
    case.with_args(&["simulate"])
        .exits(0)
        .prints("how long jobs take: 1 the median of recorded runs, 1 assumed 1s");
    assert_eq!(files(&case), before);
    let damaged = Case::new().jobs(jobs).file("own.db", "no database").args(&["simulate"]).exits(0);
    damaged.says("how long runs took is not known: ");
}

/// Whether every element that begins ends, in order.
fn is_well_formed(text: &str) -> bool {
    let mut open = Vec::new();
    for tag in text.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(_) if open.pop() != Some(name) => return false,
            None if !tag.ends_with('/') => open.push(name),
            _ => {}
        }
    }
    open.is_empty()
}

#[test]
fn a_drawing_is_written_whole_and_says_what_it_shows() {
    let case = monday(&["--duration", "backup=75m", "--svg", "load & more.svg"]);
    let finished = case.exits(0);
    let drawing = fs::read_to_string(case.path().join("load & more.svg")).expect("a drawing");
    assert!(is_well_formed(&drawing), "{drawing}");
    for text in [
        "<title id=\"title\">jobs.toml simulated from 2026-01-05 00:00 until 2026-01-06 00:00</title>",
        "<desc id=\"desc\">16 runs of 5 jobs; 12 fire times do not run or do not succeed.",
        "prefers-color-scheme:dark",
        "<title>Mon 01-05 03:00: 1.0 at once on average, at most 1; 1 starts</title>",
        ">backup</text>",
        "class=\"trouble\"",
    ] {
        assert!(drawing.contains(text), "`{text}` is not in:\n{drawing}");
    }
    assert!(finished.stdout.starts_with("1d of jobs.toml"));
    monday(&["--svg", "none/load.svg"]).exits(3).says("cannot write `none/load.svg`");
}

#[test]
fn wishes_that_cannot_be_met_are_refused() {
    let check = |args: &[&str], expected: &str| drop(monday(args).exits(2).says(expected));
    check(&["--duration", "bakup=1m"], "no job `bakup` in `jobs.toml`; did you mean `backup`?");
    check(&["--fail", "bakup=1%"], "no job `bakup` in `jobs.toml`; did you mean `backup`?");
    check(&["--duration", "1m"], "--duration: expected a job and a value such as backup=90s, found `1m`");
    check(&["--duration", "backup=fast"], "--duration backup: expected a duration such as 90s, 15m");
    check(&["--fail", "backup=5"], "--fail backup: expected a share from 0% to 100%, such as 5%, found `5`");
    let end =
        "expected an end after the beginning 2026-01-05 00:00:00+01:00, found 2026-01-04 00:00:00+01:00";
    simulate(&["--from", "2026-01-05", "--until", "2026-01-04"]).exits(2).says(end);
    simulate(&["--from", "2026-01-05", "--until", "2099-01-04"]).exits(2).says("expected at most 3660d");
    simulate(&["--from", "tomorrow"]).exits(2).says("found `tomorrow`");
    Case::new()
        .jobs("[jobs.a]\ncron = \"nope\"\ncommand = \"true\"\n")
        .args(&["simulate"])
        .exits(2)
        .says("nope");
}

#[test]
fn of_many_jobs_those_with_troubles_come_first() {
    let job = |n: u32| format!("[jobs.job-{n:02}]\ncron = \"{n} * * * *\"\ncommand = \"true\"\n");
    let jobs = "[runner]\nledger = \"memory\"\n".to_owned() + &(0..40).map(job).collect::<String>();
    let args = ["simulate", "--from", "2026-01-05", "--duration", "job-33=61m"];
    let shown =
        Case::new().jobs(&jobs).args(&args).exits(0).prints("and 15 more jobs with less to tell").stdout;
    let first = shown.lines().skip_while(|line| !line.starts_with("job ")).nth(1);
    assert!(first.is_some_and(|first| first.starts_with("job-33  ")), "{shown}");
    let all = Case::new().jobs(&jobs).args(&args).args(&["--all"]).exits(0).stdout;
    assert_eq!(all.lines().filter(|line| line.starts_with("job-")).count(), 40);
}

/// What the simulation says is what the scheduler of the library does, on its own clock and with code that takes the same
/// time. No two things happen in the same moment, whose order would be open.
#[test]
fn the_library_does_the_same() {
    let jobs = r#"
[runner]
timezone = "UTC"
ledger = "memory"
max_running = 3
[groups.one]
max_running = 1
[jobs.skips]
cron = "*/7 * * * *"
command = "true"
[jobs.queues]
cron = "*/5 * * * *"
overlap = "queue"
command = "true"
[jobs.replaces]
cron = "*/11 * * * *"
overlap = "replace"
command = "true"
[jobs.allows]
cron = "*/13 * * * *"
overlap = "allow"
group = "one"
command = "true"
[jobs.shares]
cron = "*/17 * * * *"
group = "one"
command = "true"
[jobs.times-out]
cron = "*/19 * * * *"
timeout = "3m"
retry = { attempts = 2, delay = "40s 7ms", factor = 1.0 }
command = "true"
[jobs.follows]
after = "times-out"
command = "true"
[jobs.then]
after = { jobs = ["times-out"], on = "failure" }
command = "true"
"#;
    let takes = [
        ("skips", 491_137),
        ("queues", 431_311),
        ("replaces", 709_523),
        ("allows", 353_717),
        ("shares", 293_239),
        ("times-out", 241_019),
        ("follows", 31_607),
        ("then", 37_811),
    ];
    let durations: Vec<String> = takes.iter().map(|(job, millis)| format!("{job}={millis}ms")).collect();
    let mut args = vec!["simulate", "--from", "2026-01-05T00:00:30Z", "--until", "2026-01-07T00:00:30Z"];
    args.extend(["--format", "jsonl"]);
    args.extend(durations.iter().flat_map(|duration| ["--duration", duration]));
    let simulated = Case::new().jobs(jobs).args(&args).exits(0).json();
    let simulated = |job: &str| {
        let found =
            simulated.iter().find(|line| line["kind"] == "job" && line["job"] == job).expect("a line");
        Outcome::ALL.map(|outcome| found[outcome.as_str()].as_u64().expect("a count"))
    };
    let library = by_the_library(&takes);
    for (job, counts) in library {
        assert_eq!((&*job, simulated(&job)), (&*job, counts));
    }
}

/// How often each job ends how, in two days.
fn by_the_library(takes: &[(&'static str, u64)]) -> Vec<(String, [u64; 8])> {
    let many = |most| NonZeroU32::new(most).expect("not zero");
    let cron = |minutes: u64| Trigger::cron(&format!("*/{minutes} * * * *"), &Zone::utc()).expect("a cron");
    let one = Name::parse("one").expect("a name");
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let from = "2026-01-05T00:00:30Z".parse().expect("a time");
        let builder = Scheduler::builder().start_at(from).max_running(many(3)).group(one, many(1));
        let mut scheduler = builder.build();
        for (name, millis) in takes.iter().copied() {
            let takes = Duration::from_millis(millis);
            let work = move |context: RunContext| async move {
                context.cancel.run_until_cancelled(tokio::time::sleep(takes)).await;
            };
            let job = |minutes| Job::new(name, cron(minutes), work);
            let after = |on| Job::new(name, (), work).after(["times-out"], on);
            let retry = Retry::fixed(2, Duration::from_millis(40_007));
            let job = match name {
                "skips" => job(7),
                "queues" => job(5).overlap(Overlap::Queue),
                "replaces" => job(11).overlap(Overlap::Replace),
                "allows" => job(13).overlap(Overlap::Allow).group("one"),
                "shares" => job(17).group("one"),
                "times-out" => job(19).timeout(Duration::from_secs(180)).retry(retry),
                "follows" => after(AfterOn::Success),
                _ => after(AfterOn::Failure),
            };
            scheduler.add(job).expect("a sound job");
        }
        let handle = scheduler.start().expect("a runtime is there");
        handle.advance(Duration::from_secs(48 * 3600)).await;
        let counts = |(name, _): &(&str, u64)| {
            let ended = handle.stats(name).expect("it is there").ended;
            ((*name).to_owned(), Outcome::ALL.map(|outcome| ended.get(outcome)))
        };
        let counts = takes.iter().map(counts).collect();
        handle.shutdown(ShutdownGrace::secs(1)).await;
        counts
    })
}
