//! The examples: each is run as its reader would, and says what its page promises.

use crate::case::{Case, Finished, Running};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

// Their tests are tests of this program too.
#[expect(dead_code, reason = "its main is run as a program")]
#[path = "../../../examples/axum_lifespan.rs"]
mod axum_lifespan;
#[expect(dead_code, reason = "its main is run as a program")]
#[path = "../../../examples/test_fixture.rs"]
mod test_fixture;

/// An example as a program. `cargo test` has built it; with `--test it` alone it is what was built last.
fn example(name: &str, args: &[&str]) -> Running {
    let folder = Path::new(env!("CARGO_BIN_EXE_runner")).parent().expect("it is in a folder");
    let program = folder.join("examples").join(name);
    assert!(program.exists(), "{} is not there: run `cargo build --examples`", program.display());
    let case = Case::new();
    let mut command = Command::new(program);
    command.args(args);
    case.surround(&mut command);
    case.start_as(command)
}

fn run(name: &str) -> Finished {
    example(name, &[]).finish().code(0)
}

#[test]
fn r6_hello_runs_its_job_until_ctrl_c() {
    let mut hello = example("hello", &[]);
    hello.line("hello#1 for ");
    hello.signal(Signal::INT);
    hello.finish().code(0);
}

#[test]
fn blocking_code_hands_on_what_it_has_and_stops_when_it_is_told() {
    let finished = run("async_and_blocking");
    let finished = finished.prints(" lines by read#1").prints("computed up to ");
    let finished = finished.prints("cancelled: collect#1").prints("cancelled: compute#1");
    assert!(!finished.stdout.contains("still running"), "{}", finished.stdout);
}

#[test]
fn a_week_is_rehearsed_in_no_time() {
    let finished = run("test_fixture");
    assert_eq!(
        finished.stdout,
        "report: ran 7: 7 succeeded\nsync: ran 335: 335 succeeded; skipped 336\nupload: ran 7: 7 succeeded"
    );
}

#[test]
fn what_apscheduler_calls_come_to_runs_to_its_end() {
    let finished = run("migrating_from_apscheduler");
    let texts = [
        "added: report\n",
        "prune by hand: succeeded\nthere is no job `tick`\nreport: 2026-03-28 03:00:00 +01:00\n",
        "close    0 18 1 * 5 -> 2026-03-27 18:00:00 +01:00\n",
        "monthly  interval 1 month -> 2026-03-31 09:00:00 +02:00\n",
        "removed: tick\n",
        "pack: failed: the disk is full\n",
        "hello, world\n",
        "index: skipped: paused\n",
        "stopped: 0 still running",
    ];
    texts.iter().fold(finished, |finished, text| finished.prints(text));
}

#[test]
fn r8_a_service_answers_its_requests_first_and_then_lets_its_jobs_end() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("its address").to_string();
    let mut service = example("axum_lifespan", &[&address]);
    let at = service.line("listening on ").replace("listening on ", "");
    // Each run ends when this test answers it; the first began at startup.
    let (mut first, _) = server.accept().expect("a run");
    let mut request = http(&at, "POST /jobs/daytime/runs");
    let (mut second, _) = server.accept().expect("a run");

    let jobs = answer(http(&at, "GET /jobs"));
    assert!(jobs.starts_with("HTTP/1.1 200 "), "{jobs}");
    assert!(jobs.contains(r#""running":["daytime#1","daytime#2"]"#), "{jobs}");
    let unknown = answer(http(&at, "POST /jobs/nightly/runs"));
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    assert!(unknown.contains("there is no job `nightly`"), "{unknown}");

    service.signal(Signal::TERM);
    service.line("stopping: no more requests");
    second.write_all(b"twelve").expect("it reads");
    drop(second);
    service.line("daytime#2: twelve");
    let answered = answer(&mut request);
    assert!(answered.starts_with("HTTP/1.1 200 "), "{answered}");
    assert!(answered.contains(r#""outcome":"succeeded""#), "{answered}");
    service.line("all requests are answered");

    first.write_all(b"one").expect("it reads");
    drop(first);
    service.line("daytime#1: one");
    service.finish().code(0).prints("finished: daytime#1");
}

/// Asks, and waits for no answer.
fn http(at: &str, what: &str) -> TcpStream {
    let mut stream = TcpStream::connect(at).expect("it listens");
    write!(stream, "{what} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").expect("it reads");
    stream
}

fn answer(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}
