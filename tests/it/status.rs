//! `runner status` and `runner logs`, of ledgers that the program has really written.

use crate::case::Case;
use rusqlite::Connection;
use rustix::process::Signal;

const JOBS: &str = "[runner]\nledger = \"own.db\"\n\
    [jobs.bad]\nstartup = true\ncommand = \"printf 'one\\\\n\\\\033[31mtwo\\\\n'; exit 3\"\n\
    [jobs.good]\ncron = \"0 3 * * *\"\ncommand = \"echo fine\"\n\
    [jobs.off]\nenabled = false\nevery = \"1s\"\ncommand = [\"true\"]\n\
    [jobs.again]\nretry = { attempts = 2, delay = \"1ms\" }\ncommand = \"echo attempt $RUNNER_ATTEMPT; exit 4\"\n\
    [jobs.long]\nkeep_output = \"1KiB\"\ncommand = \"seq 1 2000\"\n";

/// A case whose runner has run and stopped; `good` and `again` were run by hand.
fn case() -> Case {
    let mut case = Case::new().jobs(JOBS);
    case.runs_until(&["failed: exit 3"]);
    case.with_args(&["run", "good"]).exits(0);
    case.with_args(&["run", "again"]).exits(4);
    case
}

#[test]
fn failing_jobs_come_first_and_it_is_said_that_no_runner_lives() {
    let mut case = case();
    let shown = case.with_args(&["status"]).exits(0).stdout;
    let mut lines = shown.lines();
    assert!(
        lines.next().is_some_and(|line| line.starts_with("no runner runs: the last one stopped 20")),
        "{shown}"
    );
    let words = |line: &str| line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>().join(" ");
    let table: Vec<String> = lines.map(words).collect();
    let expected = [
        "job state last",
        "again idle failed",
        "bad idle failed",
        "good idle succeeded",
        "long idle",
        "off disabled",
    ];
    assert_eq!(table.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), expected, "{shown}");
    assert!(
        shown.contains("1 failed") && shown.contains("1 ok") && shown.contains("03:00:00, in "),
        "{shown}"
    );
    assert!(shown.contains("when the runner starts"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[test]
fn a_runner_that_lives_and_what_it_runs_are_named() {
    let jobs = "[runner]\nledger = \"own.db\"\n[jobs.a]\nstartup = true\ncommand = \"echo up; sleep 60\"\n";
    let mut case = Case::new().jobs(jobs);
    let mut running = case.beside();
    running.line("| up");
    let pid = running.pid();
    let shown = case.with_args(&["status"]).exits(0).stdout;
    assert!(shown.starts_with(&format!("a runner runs, process {pid}, since 20")), "{shown}");
    assert!(shown.contains("a    running "), "{shown}");
    let json = case.with_args(&["status", "--format", "jsonl"]).exits(0).json();
    assert_eq!((&json[0]["runner"], &json[0]["pid"]), (&"running".into(), &pid.into()));
    assert_eq!((&json[1]["job"], &json[1]["running"][0]), (&"a".into(), &"a#1".into()));
    case.with_args(&["logs", "a"]).exits(3).says("no run of `a` that has ended is recorded");
    running.signal(Signal::KILL);
    drop(running.finish());
    let shown = case.with_args(&["status"]).exits(0).stdout;
    assert!(shown.contains("ended without having stopped\nit was last heard of 20"), "{shown}");
    assert!(shown.contains("a    unfinished"), "{shown}");
}

#[test]
fn a_run_by_hand_is_no_runner() {
    let jobs = "[runner]\nledger = \"own.db\"\n\
        [jobs.a]\ncommand = \"mkfifo go; echo up; read -r line < go\"\n\
        [jobs.b]\nstartup = true\ncommand = \"echo up; exec sleep 60\"\n";
    let mut case = Case::new().jobs(jobs);
    let mut running = case.beside();
    running.line("b | up");
    running.signal(Signal::KILL);
    running.wait();
    let mut by_hand = case.beside_with(&["run", "a"]);
    by_hand.line("a | up");
    let pid = by_hand.pid();
    let shown = case.with_args(&["status"]).exits(0).stdout;
    assert!(shown.starts_with(&format!("a run by hand is under way, process {pid}, begun ")), "{shown}");
    let state = |job: &str| {
        let line = shown.lines().find(|line| line.starts_with(job)).expect("its line");
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    assert!(shown.contains("\nno runner runs: the last one ended without having stopped\n"), "{shown}");
    assert_eq!([state("a  "), state("b  ")], [Some("running".into()), Some("unfinished".into())], "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let json = case.with_args(&["status", "--format", "jsonl"]).exits(0).json();
    assert_eq!((&json[0]["runner"], &json[0]["pid"]), (&"by_hand".into(), &pid.into()));
    let why = case.with_args(&["why", "b"]).exits(0).stdout;
    assert!(why.contains("its runner is gone, and the next start closes or adopts it"), "{why}");
    let why = case.with_args(&["why", "a"]).exits(0).stdout;
    assert!(why.contains("it runs as a#1, since 20") && !why.contains("is gone"), "{why}");
    let refused = case.with_args(&["start"]).exits(3);
    refused.says(&format!("is held by a run by hand: process {pid}, since 20"));
    std::fs::write(case.path().join("go"), "now\n").expect("it is read");
    by_hand.finish().code(0);
}

#[test]
fn a_runner_that_does_not_write_is_in_trouble() {
    let jobs = "[runner]\nledger = \"own.db\"\n[jobs.a]\ncron = \"0 0 1 1 *\"\ncommand = [\"true\"]\n";
    let mut case = Case::new().jobs(jobs);
    let mut running = case.beside();
    running.line("next: a ");
    let healthy = case.with_args(&["status"]).exits(0).stdout;
    assert!(!healthy.contains("trouble"), "{healthy}");
    let db = Connection::open(case.path().join("own.db")).expect("a database");
    let mut after = |minutes: i64| {
        // Until what it writes at its start is behind it.
        let sql = "UPDATE node SET seen_at = started_at - ?1 * 60000000";
        db.execute(sql, [minutes]).expect("it can be done");
        case.with_args(&["status"]).exits(0).stdout
    };
    let said = "\nit has written nothing for 5m ";
    let mut shown = after(5);
    while !shown.contains(said) {
        shown = after(5);
    }
    assert!(shown.starts_with("a runner runs, ") && shown.contains("its ledger is in\ntrouble"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let json = case.with_args(&["status", "--format", "jsonl"]).exits(0).json();
    assert!(json[0]["silent_since"].is_string(), "{json:?}");
    running.signal(Signal::TERM);
    running.finish().code(0);
    let shown = case.with_args(&["status"]).exits(0).stdout;
    assert!(shown.starts_with("no runner runs: the last one stopped 20"), "{shown}");
}

#[test]
fn the_output_of_a_run_is_printed_as_it_was() {
    let mut case = case();
    let mut shown = |args: &[&str]| {
        let finished = case.with_args(&[&["logs"], args].concat()).exits(0);
        (finished.stdout, finished.stderr)
    };
    assert_eq!(shown(&["bad"]), ("one\n\u{1b}[31mtwo\n".into(), "runner: bad#1: 13 bytes\n".into()));
    assert_eq!(shown(&["good#1"]).0, "fine\n");
    assert_eq!(shown(&["again"]).0, "attempt 2\n");
    assert_eq!(
        shown(&["again", "--attempt", "1"]),
        ("attempt 1\n".into(), "runner: again#1, attempt 1 of 2: 10 bytes\n".into())
    );
    assert_eq!(shown(&["jobs.toml", "again", "--failed"]).0, "attempt 2\n");
    case.with_args(&["logs", "good", "--failed"])
        .exits(3)
        .says("no run of `good` that has failed is recorded");
    case.with_args(&["logs", "good", "--attempt", "2"]).exits(3).says("no attempt 2 of a run good#1");
    case.with_args(&["logs", "good#x"]).exits(2).says("expected a run such as backup#41, found `good#x`");
    case.with_args(&["logs", "god"]).exits(2).says("did you mean `good`?");
}

#[test]
fn the_number_of_a_run_that_never_was_is_refused_with_those_that_were() {
    let mut case = case();
    let mut refused = |run: &str, said: &str| {
        case.with_args(&["logs", run]).exits(2).says(said);
        case.with_args(&["logs", run, "--follow"]).exits(2).says(said);
    };
    refused("off#1", "no run off#1: `off` has no runs yet");
    refused("good#2", "no run good#2: `good` has run 1");
    case.with_args(&["run", "good"]).exits(0);
    case.with_args(&["logs", "good#3"]).exits(2).says("no run good#3: `good` has runs 1 to 2");
    let db = Connection::open(case.path().join("own.db")).expect("a database");
    db.execute("DELETE FROM fire WHERE number = 1", []).expect("it can be done");
    drop(db);
    let said = "run good#1 is no longer recorded; `runner history good` lists those that are";
    for args in [&["logs", "good#1"][..], &["logs", "good#1", "--follow"]] {
        case.with_args(args).exits(3).says(said);
    }
}

#[test]
fn a_run_whose_output_was_not_kept_says_so() {
    let jobs = "[runner]\nledger = \"own.db\"\n\
        [jobs.a]\nkeep_output = \"0B\"\ncommand = \"echo up\"\n[jobs.b]\ncommand = \"echo up\"\n";
    let mut case = Case::new().jobs(jobs);
    case.with_args(&["run", "a"]).exits(0);
    case.with_args(&["run", "b"]).exits(0);
    let shown = case.with_args(&["logs", "a"]).exits(0);
    assert_eq!((&*shown.stdout, &*shown.stderr), ("", "runner: a#1: 3 bytes, of which none was kept\n"));
    let db = Connection::open(case.path().join("own.db")).expect("a database");
    // As of a run whose runner was gone when it printed.
    db.execute("UPDATE fire SET output_bytes = NULL, output_dropped_bytes = NULL", [])
        .expect("it can be done");
    drop(db);
    case.with_args(&["logs", "b"]).exits(0).says("b#1: what it printed was not kept");
}

#[test]
fn what_was_not_kept_of_a_long_output_is_counted() {
    let mut case = Case::new().jobs(JOBS);
    case.with_args(&["run", "long"]).exits(0);
    let shown = case.with_args(&["logs", "long"]).exits(0).stdout;
    assert!(shown.starts_with("1\n2\n3\n") && shown.ends_with("\n1999\n2000\n"), "{shown}");
    let gap =
        shown.lines().find_map(|line| line.strip_prefix("... ")?.strip_suffix(" bytes were not kept ..."));
    assert_eq!(gap, Some("7869"), "{shown}");
}

#[test]
fn whoever_follows_sees_each_run_when_it_has_ended() {
    let jobs = "[runner]\nledger = \"own.db\"\n[jobs.a]\nevery = \"200ms\"\noutput = \"none\"\n\
                command = \"echo run $RUNNER_RUN_ID\"\n";
    let case = Case::new().jobs(jobs);
    case.runs_until(&["succeeded"]);
    let mut follower = case.beside_with(&["logs", "a", "--follow"]);
    let runner = case.beside();
    let first = follower.line("run a#");
    let number =
        |line: &str| line.rsplit('#').next().and_then(|number| number.parse::<u64>().ok()).expect("a number");
    let second = follower.line("run a#");
    assert_eq!(number(&second), number(&first) + 1);
    follower.signal(Signal::KILL);
    drop(follower.finish());
    runner.signal(Signal::TERM);
    runner.finish().code(0);
}

#[test]
fn whoever_follows_a_run_sees_it_when_it_has_ended_and_ends() {
    let jobs = "[runner]\nledger = \"own.db\"\n\
        [jobs.a]\ncommand = \"mkfifo go; echo up; read -r line < go; echo $line\"\n";
    let mut case = Case::new().jobs(jobs);
    let mut by_hand = case.beside_with(&["run", "a"]);
    by_hand.line("a | up");
    case.with_args(&["logs", "a#1"]).exits(3).says("run a#1 has not ended; --follow waits for it");
    let other = Case::new().under(&["timeout", "60"]).args(&["logs", "a#1", "--follow"]);
    let mut command = other.command();
    case.surround(&mut command);
    let mut follower = other.start_as(command);
    std::fs::write(case.path().join("go"), "now\n").expect("it is read");
    by_hand.finish().code(0);
    assert_eq!([follower.line("up"), follower.line("now")], ["up", "now"]);
    follower.finish().code(0);
    let mut case = case.under(&["timeout", "60"]);
    assert_eq!(case.with_args(&["logs", "a#1", "--follow"]).exits(0).stdout, "up\nnow\n");
}
