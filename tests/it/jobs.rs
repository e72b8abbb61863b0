//! How jobs are run: environment, folder, input, scripts, descriptors, signals, session, limits of output.

use crate::case::{Case, Finished};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn run(keys: &str) -> Case {
    Case::new().jobs(&format!("[jobs.a]\n{keys}\n")).args(&["run", "a"])
}

/// What the job printed.
fn output(finished: &Finished) -> Vec<String> {
    let lines = finished.stdout.lines().filter_map(|line| line.split_once("a | "));
    lines.map(|(_, text)| text.to_owned()).collect()
}

/// The keys of a job, and the same for each other way in which a process is started: with limits to set, and,
/// by root, as another user, though it is the same one.
fn ways(keys: &str) -> Vec<String> {
    let limited = format!("{keys}\numask = \"022\"\nnice = 0\nulimits = {{ core = 0 }}");
    let as_user = format!("{keys}\nuser = \"root\"");
    let mut ways = vec![keys.to_owned(), limited];
    ways.extend(rustix::process::geteuid().is_root().then_some(as_user));
    ways
}

#[track_caller]
fn check(keys: &str, expected: &[&str]) {
    for keys in ways(keys) {
        let finished = run(&keys).env("INHERITED", "yes").exits(0);
        assert_eq!(output(&finished), expected, "{}", finished.stdout);
    }
}

#[test]
fn every_run_knows_who_it_is() {
    let finished = run(
        "command = \"echo $RUNNER_JOB $RUNNER_RUN_ID $RUNNER_ATTEMPT $RUNNER_CAUSE; echo $RUNNER_FIRE_TIME\"",
    )
    .exits(0);
    let lines = output(&finished);
    assert_eq!(lines[0], "a a#1 1 manual");
    assert!(chrono::DateTime::parse_from_rfc3339(&lines[1]).is_ok(), "{}", lines[1]);
}

#[test]
fn env_lies_over_files_and_those_over_what_is_inherited() {
    let text = "command = \"echo $A $B $C $INHERITED\"\nenv_file = [\"one.env\", \"two.env\"]\nenv = { C = \"own\" }";
    let case = run(text).file("one.env", "A=one\nB=one\nC=one\n").file("two.env", "B=two\nINHERITED=two\n");
    assert_eq!(output(&case.env("INHERITED", "yes").env("A", "inherited").exits(0)), ["one two own two"]);
    check("command = \"echo $INHERITED\"", &["yes"]);
    check("command = \"echo x$INHERITED\"\ninherit_env = false", &["x"]);
    run("command = \"true\"\nenv_file = \"gone.env\"").exits(125).prints("cannot read env_file `");
    let case = run("command = \"true\"\nenv_file = \"bad.env\"").file("bad.env", "A=1\nsecret\n");
    let finished = case.exits(125).prints("bad.env`: line 2: expected NAME=value, found no `=`");
    assert!(!finished.stdout.contains("secret"));
}

#[test]
fn an_env_file_that_is_a_pipe_is_refused_and_holds_nobody_up() {
    let case = run("command = \"true\"\nenv_file = \"pipe\"");
    let made = Command::new("mkfifo").arg(case.path().join("pipe")).status();
    assert!(made.expect("mkfifo").success());
    case.exits(125).prints("pipe` is expected to be a file");
}

#[test]
fn an_env_file_has_an_end() {
    let case = |bytes: usize| {
        let text = format!("A={}\n", "x".repeat(1000)).repeat(1 << 11);
        run("command = \"true\"\nenv_file = \"big.env\"").file("big.env", &text[..bytes])
    };
    case(1 << 20).exits(0);
    case((1 << 20) + 1).exits(125).prints("big.env` is longer than 1 MiB");
}

#[test]
fn the_folder_is_that_of_the_file() {
    let case = Case::new().file("sub/jobs.toml", "[jobs.a]\ncommand = \"pwd\"\n").args(&[
        "run",
        "sub/jobs.toml",
        "a",
    ]);
    let expected = case.path().canonicalize().expect("a folder").join("sub");
    assert_eq!(output(&case.exits(0)), [expected.to_str().expect("UTF-8")]);
    check("command = \"pwd\"\ncwd = \"/usr\"", &["/usr"]);
}

#[test]
fn standard_input_is_text_or_nothing() {
    check("command = \"cat\"\nstdin = \"one\\ntwo\\n\"", &["one", "two"]);
    check("command = \"readlink /proc/self/fd/0; cat\"", &["/dev/null"]);
}

#[test]
fn arguments_are_delivered_to_the_byte() {
    check(
        r#"command = ["printf", "[%s]\n", "a b", "'\"", "%d $HOME `x`", ""]"#,
        &["[a b]", "['\"]", "[%d $HOME `x`]", "[]"],
    );
    check("command = [\"printf\", \"[%s]\", \"one\\ntwo\", \"\\t\"]", &["[one", "two][\t]"]);
    let long = "x".repeat(100 << 10);
    check(&format!("command = [\"sh\", \"-c\", \"printf %s $1 | wc -c\", \"sh\", \"{long}\"]"), &["102400"]);
}

#[test]
fn scripts_honour_their_first_line() {
    check(
        "script = \"\"\"\nset -- one two\necho $2\nfalse\necho not reached\n\"\"\"\nsuccess_codes = [0, 1]",
        &["two"],
    );
    check("script = \"\"\"#!/usr/bin/env bash\na=(x y)\necho ${a[1]}\n\"\"\"", &["y"]);
    check("script = \"\"\"#!/bin/cat\nline\n\"\"\"", &["#!/bin/cat", "line"]);
    check("script = \"test -e $0 && stat -c %a $0\"", &["600"]);
    let finished = run("script = \"echo $0\"").exits(0);
    let path = &output(&finished)[0];
    assert!(!std::path::Path::new(path).exists(), "{path} is gone with its run");
}

#[test]
fn no_folder_of_scripts_outlives_the_runner() {
    for _ in 0..20 {
        let path = output(&run("script = \"echo $0\"").exits(0)).remove(0);
        let folder = std::path::Path::new(&path).parent().expect("a folder");
        assert!(!folder.exists(), "{} is gone with the runner", folder.display());
    }
}

#[test]
fn a_job_has_descriptors_0_1_and_2_and_no_other() {
    // Held open and inheritable by the runner itself, as a careless parent would leave it.
    let file = std::fs::File::open("/dev/null").expect("a file");
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("a flag");
    assert!(file.as_raw_fd() > 2);
    // The fourth is the listing's own.
    check("command = [\"sh\", \"-c\", \"ls /proc/self/fd | tr '\\\\n' ' '\"]", &["0 1 2 3 "]);
}

#[test]
fn a_runner_without_standard_descriptors_hands_on_the_right_ones() {
    for keys in
        ways("script = \"cat > seen; exec 3>&1; readlink /proc/$$/fd/3 >> seen\"\nstdin = \"text\\n\"")
    {
        let case = run(&keys);
        let closed = ["-c", "exec \"$0\" run a <&- >&- 2>&-", env!("CARGO_BIN_EXE_runner")];
        let mut command = Command::new("sh");
        case.surround(command.args(closed));
        let status = command.status().expect("its end");
        assert!(status.success(), "{status}");
        let seen = std::fs::read_to_string(case.path().join("seen")).expect("what it saw");
        assert!(seen.starts_with("text\npipe:"), "{seen}");
    }
}

#[test]
fn fifty_jobs_that_start_at_once_have_their_own_descriptors_alone() {
    let jobs = (0..50).map(|number| {
        let user =
            if number % 2 == 0 && rustix::process::geteuid().is_root() { "user = \"root\"\n" } else { "" };
        let list = "command = [\"ls\", \"/proc/self/fd\"]";
        format!("[jobs.j{number}]\nstartup = true\n{user}{list}\n")
    });
    let mut running = Case::new().jobs(&jobs.collect::<String>()).args(&["start"]).start();
    for _ in 0..50 {
        running.line("succeeded");
    }
    running.signal(rustix::process::Signal::INT);
    let finished = running.finish().code(0);
    let shown = finished.stdout.lines().filter_map(|line| Some(line.split_once(" | ")?.1));
    let mut shown: Vec<&str> = shown.collect();
    shown.sort_unstable();
    // The fourth is the listing's own.
    let expected = ["0", "1", "2", "3"].map(|fd| [fd; 50]).concat();
    assert_eq!(shown, expected, "{}", finished.stdout);
}

#[test]
fn a_job_starts_with_clean_signals_in_a_session_of_its_own() {
    let keys = "command = [\"grep\", \"-E\", \"^Sig(Blk|Ign)\", \"/proc/self/status\"]";
    let none = "0000000000000000";
    let clean = ["SigBlk", "SigIgn"].map(|set| format!("{set}:\t{none}"));
    check(keys, &[&*clean[0], &clean[1]]);
    // Also when the runner was itself started with all signals blocked and ignored.
    for keys in ways(keys) {
        let case = run(&keys);
        let mut command = Command::new("env");
        command.args(["--ignore-signal", "--block-signal", env!("CARGO_BIN_EXE_runner"), "run", "a"]);
        case.surround(&mut command);
        let done = command.output().expect("its end");
        let stdout = String::from_utf8_lossy(&done.stdout);
        assert!(clean.iter().all(|line| stdout.contains(line)) && stdout.contains("succeeded"), "{stdout}");
    }
    check(
        "command = \"test $$ = $(ps -o sid= -p $$ | tr -d ' ') && echo own\"\nallow = [\"pipe-without-pipefail\"]",
        &["own"],
    );
    check("command = \"(: < /dev/tty) 2>/dev/null || echo no terminal\"", &["no terminal"]);
}

#[test]
fn what_cannot_be_executed_says_why() {
    let long = "x".repeat(200 << 10);
    let cases = [
        ("[\"no-such-program\"]", 127, "cannot run `no-such-program`: not found on PATH"),
        ("[\"./none\"]", 127, "cannot run `./none`: not found"),
        ("[\"./lost\"]", 127, "cannot run `./lost`: the interpreter that it names is not there"),
        ("[\"./plain\"]", 126, "cannot run `./plain`: permission denied; is it executable?"),
        ("[\"/etc\"]", 126, "cannot run `/etc`: it is a folder"),
        ("[\"./text\"]", 126, "cannot run `./text`: it is neither a program nor a script"),
        ("[\"./busy\"]", 126, "cannot run `./busy`: it is being written to"),
        (
            &*format!("[\"true\", \"{long}\"]"),
            126,
            "cannot run `true`: its arguments and environment are too long",
        ),
        ("[\"./plain/x\"]", 127, "cannot run `./plain/x`: not found"),
    ];
    for (command, code, expected) in cases {
        for keys in ways(&format!("command = {command}")) {
            let case =
                run(&keys).file("plain", "text").file("text", "text\n").file("lost", "#!/no/such/sh\n");
            let case = case.file("busy", "");
            std::fs::copy("/bin/true", case.path().join("busy")).expect("a copy");
            for name in ["text", "lost", "busy"] {
                std::fs::set_permissions(case.path().join(name), PermissionsExt::from_mode(0o755))
                    .expect("its mode");
            }
            let written_to = std::fs::OpenOptions::new().append(true).open(case.path().join("busy"));
            case.exits(code).prints(expected);
            drop(written_to);
        }
    }
}

#[test]
fn a_part_of_path_that_is_out_of_order_hides_nothing() {
    let long = "x".repeat(300);
    for (folder, why) in [("loop", "too many levels of symbolic links"), (&*long, "file name too long")] {
        let command = |name| format!("command = [\"{name}\"]\nenv = {{ PATH = \"{folder}:/usr/bin:/bin\" }}");
        let case = |keys: &str| {
            let case = run(keys);
            std::os::unix::fs::symlink("loop", case.path().join("loop")).expect("a link");
            case
        };
        for keys in ways(&command("true")) {
            case(&keys).exits(0);
        }
        let expected = format!("cannot run `none-of-these`: not found on PATH, and of a part of it: {why}");
        case(&command("none-of-these")).exits(127).prints(&expected);
    }
    run("command = [\"./loop\"]").exits(127);
}

#[test]
fn a_job_that_crashes_is_told_by_its_signal_and_leaves_no_core_file() {
    for keys in ways("command = \"kill -SEGV $$\"") {
        let case = run(&keys);
        let folder = case.path().to_owned();
        let list = move || std::fs::read_dir(&folder).map_or(0, |files| files.flatten().count());
        let before = list();
        let command = case.command_after("ulimit -c unlimited");
        let mut running = case.start_as(command);
        running.line("failed: SIGSEGV");
        assert_eq!(list(), before, "no core file");
        running.finish().code(139);
    }
}

#[test]
fn core_files_are_for_jobs_that_ask_for_them() {
    let limits = "shell = [\"bash\", \"-c\"]\ncommand = \"ulimit -Sc; ulimit -Hc\"";
    for (keys, expected) in
        [("", ["0", "unlimited"]), ("ulimits = { core = \"unlimited\" }", ["unlimited"; 2])]
    {
        let case = run(&format!("{limits}\n{keys}"));
        let command = case.command_after("ulimit -c unlimited");
        assert_eq!(output(&case.run_by(command).code(0)), expected);
    }
}

#[test]
fn a_grandchild_that_holds_the_output_open_does_not_hang_the_run() {
    let finished = run("command = \"sleep 600 & echo $!\"").exits(0);
    let grandchild: i32 = output(&finished)[0].parse().expect("a process id");
    assert!(crate::case::lives(grandchild), "it was not ours to end");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(grandchild).expect("positive"),
        rustix::process::Signal::KILL,
    )
    .expect("it lives");
}

#[test]
fn output_is_bounded_however_it_comes() {
    let peak = |command: &str| {
        let jobs = format!("[jobs.a]\ncommand = {command:?}\nallow = [\"pipe-without-pipefail\"]\n");
        let case = Case::new().jobs(&jobs).args(&["run", "a"]);
        let mut child = case.command();
        child.stdout(std::process::Stdio::null());
        let mut child = child.spawn().expect("the program");
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().expect("its state").is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
            std::thread::yield_now();
        }
        peak
    };
    for command in ["yes | head -c 3000000", "head -c 100000000 /dev/zero", "head -c 5000000 /dev/urandom"] {
        let peak: u64 = peak(command);
        assert!(peak > 0 && peak < 64 << 10, "`{command}`: {peak} KiB");
    }
}

#[test]
fn bytes_are_counted_exactly_and_head_and_tail_kept() {
    let jobs = "[jobs.a]\nstartup = true\nkeep_output = \"1KiB\"\noutput = \"failures\"\ncommand = \"seq 100000; exit 1\"\n";
    let mut running = Case::new().jobs(jobs).args(&["start"]).start();
    running.line("| 1");
    running.line("bytes were not kept");
    running.line("| 100000");
    running.line("failed: exit 1");
    running.signal(rustix::process::Signal::INT);
    running.finish().code(0).prints("... 587871 bytes were not kept ...");
}
