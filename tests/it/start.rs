//! `runner start`: what is printed, and in which form.

use crate::case::Case;
use rustix::process::Signal;

const JOBS: &str = "[jobs.hello]\nstartup = true\ncommand = \"echo hi; echo there >&2; exit 3\"\nsuccess_codes = [3]\n[jobs.later]\ncron = \"0 0 1 1 *\"\ncommand = \"true\"\n";

#[test]
fn a_person_reads_what_happens() {
    let mut running = Case::new().jobs(JOBS).args(&["start"]).start();
    let first = running.line("runner ");
    let version = env!("CARGO_PKG_VERSION");
    assert!(first.starts_with(&format!("runner {version}: jobs.toml, 2 jobs, UTC (tzdata 20")), "{first}");
    assert!(running.line("next: ").starts_with("next: later 20"));
    let started = running.line("started hello#1");
    assert_eq!(&started[8..], " hello   started hello#1, startup", "after the time of day");
    running.line("hello | ");
    let ended = running.line("succeeded");
    assert!(ended[8..].starts_with(" hello   succeeded: exit 3 in "), "{ended}");
    running.signal(Signal::INT);
    running.line("stopping");
    let finished = running.finish().code(0);
    assert!(finished.stdout.ends_with("stopped: ran 1: 1 succeeded"), "{}", finished.stdout);
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_machine_reads_json_lines() {
    let mut running = Case::new().jobs(JOBS).args(&["start", "--format", "jsonl"]).start();
    running.line("\"run_finished\"");
    running.signal(Signal::TERM);
    let finished = running.finish().code(0);
    let events = finished.json();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().expect("text")).collect();
    let expected = [
        "runner_started",
        "run_started",
        "output",
        "output",
        "attempt_finished",
        "run_finished",
        "runner_stopping",
        "runner_stopped",
    ];
    assert_eq!(kinds, expected);
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64().expect("a number")).collect();
    assert_eq!(seqs, (1..=8).collect::<Vec<u64>>());
    assert!(events.iter().all(|event| event["time"].as_str().is_some_and(|time| time.ends_with('Z'))));
    let outputs: Vec<_> = events.iter().filter(|event| event["event"] == "output").collect();
    assert!(outputs.iter().any(|event| event["stream"] == "stdout" && event["line"] == "hi"));
    assert!(outputs.iter().any(|event| event["stream"] == "stderr" && event["line"] == "there"));
    let row = &events[5];
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        [text("run"), text("job"), text("cause"), text("outcome")],
        ["hello#1", "hello", "startup", "succeeded"]
    );
    assert_eq!(
        (&row["exit_code"], &row["signal"], &row["attempts"], &row["count"]),
        (&3.into(), &().into(), &1.into(), &1.into())
    );
    let keys = [
        "run",
        "job",
        "fire_time",
        "cause",
        "outcome",
        "reason",
        "attempt",
        "attempts",
        "late_ms",
        "started_at",
        "finished_at",
        "exit_code",
        "signal",
        "duration_ms",
        "user_ms",
        "system_ms",
        "max_rss_kib",
        "output_bytes",
        "output_dropped_bytes",
        "coalesced_into",
        "count",
        "fire_time_last",
        "node",
    ];
    assert!(keys.iter().all(|key| row.get(key).is_some()), "{row}");
    assert!(row["max_rss_kib"].as_u64().is_some_and(|kib| kib > 100));
    assert_eq!(row["output_bytes"], 9);
    assert_eq!(events[7]["succeeded"], 1);
}

#[test]
fn bytes_that_are_no_text_are_base64_and_lines_without_end_are_lines() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"printf '\\\\377\\\\376\\\\n'; printf end\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start", "--format", "jsonl"]).start();
    running.line("\"run_finished\"");
    running.signal(Signal::INT);
    let finished = running.finish().code(0);
    let outputs: Vec<_> = finished.json().into_iter().filter(|event| event["event"] == "output").collect();
    assert_eq!(outputs[0]["base64"], "//4=");
    assert_eq!(outputs[1]["line"], "end");
}

#[test]
fn a_faulty_file_starts_nothing() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"echo ran\"\n[jobs.b]\nevery = 5\ncommand = \"true\"\n";
    let finished = Case::new().jobs(jobs).args(&["start"]).exits(2);
    assert_eq!(finished.stdout, "");
    finished.says("write: every = \"5s\"").says("runner: error: 1 fault in `jobs.toml`; nothing was started");
}

#[test]
fn it_stops_by_itself_when_told_to() {
    let jobs = "[jobs.a]\nevery = \"100ms\"\ncommand = \"true\"\n";
    Case::new().jobs(jobs).args(&["start", "--for", "500ms"]).exits(0).prints("stopped: ran ");
    Case::new().jobs(jobs).args(&["start", "--until", "-1s"]).exits(0).prints("stopped: ran 0");
    Case::new().jobs(jobs).args(&["start"]).env("RUNNER_FOR", "300ms").exits(0).prints("stopped: ran ");
    Case::new().jobs(jobs).args(&["start", "--for", "-1s"]).exits(2).says("found `-1s`");
    Case::new().jobs(jobs).args(&["start", "--for", "soon"]).exits(2).says("found `soon`");
    Case::new().jobs(jobs).args(&["start", "--until", "soon"]).exits(2).says("found `soon`");
}

#[test]
fn faults_are_json_lines_too() {
    let jobs = "[jobs.b]\nevery = 5\ncommand = \"true\"\n";
    for command in ["start", "next"] {
        let finished = Case::new().jobs(jobs).args(&[command, "--format", "jsonl"]).exits(2);
        let said: Vec<serde_json::Value> =
            finished.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((&said[0]["code"], &said[1]["level"]), (&"wrong-type".into(), &"error".into()));
    }
}

#[test]
fn a_flag_can_be_set_by_its_variable() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"echo ran\"\n";
    let dry = |value: &str| {
        let case = Case::new().jobs(jobs).args(&["start", "--for", "1s"]).env("RUNNER_DRY_RUN", value);
        case.exits(0).stdout.contains("dry run")
    };
    assert_eq!(["1", "yes", "true", "0", "no", ""].map(dry), [true, true, true, false, false, false]);
}

#[test]
fn a_dry_run_starts_no_process() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"touch ran; echo ran\"\n";
    let case = Case::new().jobs(jobs).args(&["start", "--dry-run", "--for", "100ms"]);
    let ran = case.path().join("ran");
    let output = case.command().output().expect("its end");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(stdout.contains("dry run: no process is started"), "{stdout}");
    assert!(stdout.contains("stopped: ran 1: 1 succeeded"), "{stdout}");
    assert!(!ran.exists());
}

#[test]
fn output_can_be_kept_for_failures_or_not_shown() {
    let job = |name: &str, output: &str, code: u8| {
        format!(
            "[jobs.{name}]\nstartup = true\noutput = \"{output}\"\ncommand = \"echo {name}-text; exit {code}\"\n"
        )
    };
    let jobs = job("good", "failures", 0) + &job("bad", "failures", 1) + &job("none", "none", 1);
    let mut running = Case::new().jobs(&jobs).args(&["start"]).start();
    for _ in 0..3 {
        running.line("ed");
        while !running.last().contains("failed") && !running.last().contains("succeeded") {
            running.line("ed");
        }
    }
    running.signal(Signal::INT);
    let finished = running.finish().code(0);
    assert!(finished.stdout.contains("bad  | bad-text"), "{}", finished.stdout);
    assert!(
        !finished.stdout.contains("good-text") && !finished.stdout.contains("none-text"),
        "{}",
        finished.stdout
    );
}

#[test]
fn whether_a_run_failed_is_for_its_success_codes_to_say() {
    let job = |name: &str, codes: &str, code: u8| {
        format!(
            "[jobs.{name}]\nstartup = true\noutput = \"failures\"\nsuccess_codes = {codes}\ncommand = \"echo {name}-text; exit {code}\"\n"
        )
    };
    let jobs = job("good", "[0, 3]", 3) + &job("bad", "[3]", 0);
    for format in ["text", "jsonl"] {
        let mut running = Case::new().jobs(&jobs).args(&["start", "--format", format]).start();
        let mut ended = 0;
        while ended < 2 {
            let line = running.line("");
            ended += usize::from(
                line.contains("run_finished") || line.contains("   succeeded") || line.contains("   failed"),
            );
        }
        running.signal(Signal::INT);
        let stdout = running.finish().code(0).stdout;
        assert!(stdout.contains("bad-text") && !stdout.contains("good-text"), "{stdout}");
    }
}

#[test]
fn a_line_that_has_no_end_is_partial() {
    let jobs =
        "[jobs.a]\nstartup = true\ncommand = \"head -c 200000 /dev/zero | tr '\\\\0' x; echo; printf end\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start", "--format", "jsonl"]).start();
    running.line("\"run_finished\"");
    running.signal(Signal::INT);
    let events = running.finish().code(0).json();
    let outputs: Vec<_> = events.iter().filter(|event| event["event"] == "output").collect();
    let text = |event: &serde_json::Value| event["line"].as_str().expect("text").to_owned();
    let (last, long) = outputs.split_last().expect("several");
    assert_eq!((text(last), &last["partial"]), ("end".into(), &true.into()));
    let (end, parts) = long.split_last().expect("several");
    assert!(parts.len() >= 2 && parts.iter().all(|part| part["partial"] == true), "{parts:?}");
    assert_eq!(end.get("partial"), None);
    assert_eq!(long.iter().map(|part| text(part).len()).sum::<usize>(), 200_000);
}

#[test]
fn a_retry_is_told_and_the_end_says_how_many_attempts() {
    let jobs = "[jobs.a]\nstartup = true\nretry = { attempts = 2, delay = \"10ms\" }\ncommand = \"echo try $RUNNER_ATTEMPT; exit 7\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start"]).start();
    running.line("failed: exit 7; attempt 2 in 10ms");
    running.line("attempt 2");
    running.line("try 2");
    running.line("failed: exit 7 after ");
    running.signal(Signal::INT);
    running.finish().code(0).prints(", 2 attempts");
}

#[test]
fn messages_that_nobody_reads_hold_nobody_up() {
    let jobs = "[jobs.litter]\nevery = \"100ms\"\ncommand = \"sleep 2 &\"\n[jobs.tick]\nevery = \"50ms\"\ncommand = \"echo tick\"\n";
    let case = Case::new().jobs(jobs).args(&["start"]);
    let mut command = case.command();
    // A pipe that is full, and stays so.
    let (_unread, full) = rustix::pipe::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&full, true).expect("a flag");
    while rustix::io::write(&full, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&full, false).expect("a flag");
    command.stderr(full);
    let mut running = case.start_as_is(command);
    for _ in 0..10 {
        running.line("litter   succeeded");
        running.line("tick   | tick");
    }
    running.signal(Signal::INT);
    running.finish().code(0).prints("stopped: ran ");
}

#[test]
fn nobody_reading_is_no_reason_to_stop() {
    let jobs = "[jobs.a]\nevery = \"50ms\"\ncommand = \"echo x >> marks\"\n";
    let case = Case::new().jobs(jobs).args(&["start", "--for", "2s"]);
    let marks = case.path().join("marks");
    let mut child = case.command().spawn().expect("the program");
    drop(child.stdout.take());
    assert!(child.wait().expect("its end").success());
    let count = std::fs::read_to_string(marks).expect("marks").lines().count();
    assert!(count > 10, "{count} runs");
}

#[test]
fn control_characters_of_jobs_reach_a_pipe_as_they_are() {
    let jobs = "[jobs.a]\nstartup = true\ncommand = \"printf 'a\\\\033[31mb\\\\n'\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start", "--for", "1s"]).start();
    assert!(running.line("a |").ends_with("a\u{1b}[31mb"));
    running.finish().code(0);
}
