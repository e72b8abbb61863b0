//! Who a job's processes are and what they may use: user, groups, umask, nice and limits, as the job itself
//! sees them.

use crate::case::{Case, Finished, PROGRAM, machine_has};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn run(keys: &str) -> Case {
    let case = Case::new().jobs(&format!("[jobs.a]\n{keys}\n")).args(&["run", "a"]);
    // Other users must be able to enter it.
    fs::set_permissions(case.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
    case
}

/// What the job printed.
fn output(finished: &Finished) -> Vec<String> {
    let lines = finished.stdout.lines().filter_map(|line| line.split_once("a | "));
    lines.map(|(_, text)| text.to_owned()).collect()
}

#[track_caller]
fn check(keys: &str, expected: &[&str]) {
    let finished = run(keys).exits(0);
    assert_eq!(output(&finished), expected, "{}", finished.stdout);
}

/// What a program prints, asked here.
fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("its output");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Whether a test can become other users; says so if not.
fn is_root() -> bool {
    let root = crate::case::is_root();
    if !root {
        eprintln!("skipped: only root can become another user");
    }
    root
}

#[test]
fn umask_nice_and_limits_are_what_the_job_says() {
    check("command = \"umask\"\numask = \"027\"", &["0027"]);
    check("command = \"nice\"\nnice = 7", &["7"]);
    let limits =
        "ulimits = { nofile = 100, core = 0, nproc = 4000, fsize = \"64MiB\", cpu = \"1m\", as = \"2GiB\" }";
    let script = "shell = [\"bash\", \"-c\"]\ncommand = \"for s in S H; do for of in n c u f t v; do ulimit -$s$of; done; done\"";
    // Of files in KiB, of core files in blocks of 512 bytes, of the address space in KiB.
    let seen = ["100", "0", "4000", "65536", "60", "2097152"];
    // At the hard limit on processor time a job that goes on after SIGXCPU is killed.
    let hard = ["100", "0", "4000", "65536", "65", "2097152"];
    check(&format!("{limits}\n{script}"), &[seen, hard].concat());
    // It is not raised by somebody who may not.
    let script = "shell = [\"bash\", \"-c\"]\ncommand = \"ulimit -St; ulimit -Ht\"\nulimits = { cpu = 60 }";
    for (hard, expected) in [("unlimited", "65"), ("62", "62"), ("60", "60")] {
        let case = run(script);
        let command = case.command_without_root(&format!("ulimit -t {hard}"));
        assert_eq!(output(&case.run_by(command).code(0)), ["60", expected]);
    }
    // Whatever the runner's own is.
    let case = run("command = \"umask; nice\"\nnice = 5\numask = \"000\"");
    let lower = case.command_after("umask 077; renice -n 3 -p $$ > /dev/null");
    assert_eq!(output(&case.run_by(lower).code(0)), ["0000", "5"]);
}

#[test]
fn nice_counts_between_sessions_too() {
    if !machine_has("autogroup", &["cat", "/proc/self/autogroup"]) {
        return;
    }
    for (nice, expected) in [("nice = 7", "nice 7"), ("nice = 0", "nice 0"), ("", "nice 0")] {
        let finished = run(&format!("command = \"cat /proc/self/autogroup\"\n{nice}")).exits(0);
        assert!(output(&finished)[0].ends_with(expected), "{}", finished.stdout);
    }
}

#[test]
fn a_limit_ends_what_goes_over_it() {
    run("command = \"while :; do :; done\"\nulimits = { cpu = 1 }").exits(152).prints("failed: SIGXCPU");
    run("command = \"head -c 2000 /dev/zero > big\"\nulimits = { fsize = 1000 }").exits(153);
}

#[test]
fn a_user_brings_their_ids_groups_and_environment() {
    if !is_root() {
        return;
    }
    let script = "command = \"id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL; pwd\"\ncwd = \"/\"";
    for inherit in ["", "\ninherit_env = false"] {
        for user in ["nobody", "daemon"] {
            let finished = run(&format!("{script}\nuser = \"{user}\"{inherit}")).env("USER", "x").exits(0);
            let entry = printed("getent", &["passwd", user]);
            let [home, shell] = [5, 6].map(|field| entry.split(':').nth(field).expect("a field"));
            let ids = ["-u", "-g", "-G"].map(|of| printed("id", &[of, user]));
            let who = format!("{home} {user} {user} {shell}");
            assert_eq!(output(&finished), [&*ids[0], &ids[1], &ids[2], &who, "/"], "{}", finished.stdout);
        }
    }
    let group = printed("id", &["-g", "daemon"]);
    let nobody = printed("id", &["-u", "nobody"]);
    let of =
        |user: &str| format!("command = \"id -u; id -g; id -G; echo $HOME\"\ncwd = \"/\"\nuser = \"{user}\"");
    check(&of("nobody:daemon"), &[&nobody, &group, &group, "/nonexistent"]);
    check(&of(&format!("{nobody}:{group}")), &[&nobody, &group, &group, "/nonexistent"]);
    check(&of("54321:12345"), &["54321", "12345", "12345", "/"]);
    check(
        "command = \"echo $HOME $USER\"\ncwd = \"/\"\nuser = \"nobody\"\nenv = { HOME = \"/own\" }",
        &["/own nobody"],
    );
}

#[test]
fn a_user_has_neither_the_session_keyring_of_the_runner_nor_its_capabilities() {
    if !is_root() {
        return;
    }
    // Keyring and capabilities as a session of root's may hand them on.
    let session = "syscall(250, 1, 0) > 0 or exit 77; exec @ARGV";
    let under = ["setpriv", "--inh-caps", "+net_raw", "perl", "-e", session];
    if !machine_has("session keyrings", &[&under[..], &["true"]].concat()) {
        return;
    }
    let id = "perl -e 'print syscall(250, 0, -3, 0), qq(\\n)'";
    let keys = format!("command = \"{id}; grep CapInh /proc/$PPID/status /proc/self/status\"\ncwd = \"/\"\n");
    let seen = |user: &str| output(&run(&format!("{keys}{user}")).under(&under).exits(0));
    let runners = seen("");
    assert!(runners[0].parse::<i32>().is_ok_and(|id| id > 0), "{runners:?}");
    let users = seen("user = \"nobody\"");
    assert!(users[0].parse::<i32>().is_ok_and(|id| id > 0), "{users:?}");
    assert!(users[1].ends_with("0000000000002000"), "the runner has it: {users:?}");
    assert!(users[2].ends_with("0000000000000000"), "{users:?}");
}

#[test]
fn supplementary_groups_are_those_of_the_user_database() {
    if !is_root() {
        return;
    }
    let case = run("command = \"id -u; id -g; id -G; echo $HOME $SHELL\"\ncwd = \"/\"\nuser = \"some\"")
        .file("passwd", "root:x:0:0::/root:/bin/sh\nsome:x:4001:4002::/home/some:/bin/false\n")
        .file(
            "group",
            "own:x:4002:\nb:x:4005:other,some\nnot:x:4006:other\na:x:4004:some\nagain:x:4004:some\n",
        );
    let own_database = "mount --bind passwd /etc/passwd && mount --bind group /etc/group || exit 0";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{own_database}; exec \"$0\" run a"), PROGRAM]);
    case.surround(&mut command);
    let finished = case.run_by(command);
    if finished.stdout.is_empty() {
        return eprintln!("skipped: no user database of its own can be had: {}", finished.stderr);
    }
    assert_eq!(
        output(&finished),
        ["4001", "4002", "4002 4004 4005", "/home/some /bin/false"],
        "{}",
        finished.stdout
    );
}

#[test]
fn output_and_input_can_be_opened_by_their_names() {
    if is_root() {
        check(
            "command = \"cat /dev/stdin > /dev/stderr\"\nstdin = \"text\"\ncwd = \"/\"\nuser = \"nobody\"",
            &["text"],
        );
    }
}

#[test]
fn a_script_can_be_read_by_its_user_and_nobody_else() {
    if !is_root() {
        return;
    }
    let nobody = printed("id", &["-u", "nobody"]);
    let script = "script = \"\"\"\nstat -c '%a %u' $0 ${0%/*}\ncat $0 | head -n 1\nls ${0%/*} > /dev/null 2>&1 || echo no list\n\"\"\"";
    let expected = [&format!("600 {nobody}"), "711 0", "stat -c '%a %u' $0 ${0%/*}", "no list"];
    check(&format!("{script}\ncwd = \"/\"\nuser = \"nobody\""), &expected);
    let finished = run("script = \"echo $0\"\ncwd = \"/\"\nuser = \"nobody\"").exits(0);
    let path = &output(&finished)[0];
    assert!(!std::path::Path::new(path).exists(), "{path} is gone with its run");
}

#[test]
fn the_scripts_of_root_lie_where_nobody_else_can_put_anything() {
    if !is_root() {
        return;
    }
    for user in ["", "user = \"nobody\"\n"] {
        let finished = run(&format!("script = \"echo $0\"\ncwd = \"/\"\n{user}")).exits(0);
        assert!(output(&finished)[0].starts_with("/run/runner-"), "{}", finished.stdout);
    }
    // Where everybody can write to /run, TMPDIR is used, if that is any better.
    let shared_run = "mount -t tmpfs -o mode=777 none /run && exec \"$0\" \"$@\"";
    let under = ["unshare", "--mount", "sh", "-c", shared_run];
    if !machine_has("mounts of its own for a process", &[&under[..], &["true"]].concat()) {
        return;
    }
    for (mode, why) in [
        (0o700, "cannot read the script's temporary file as user `nobody`: permission denied"),
        (0o777, "own` lets others put something in its place"),
    ] {
        let case = run("script = \"true\"\ncwd = \"/\"\nuser = \"nobody\"").file("own/x", "");
        let own = case.path().join("own");
        fs::set_permissions(&own, PermissionsExt::from_mode(mode)).expect("its mode");
        let own = own.to_str().expect("UTF-8").to_owned();
        case.under(&under).env("TMPDIR", &own).exits(125).prints(why);
    }
}

#[test]
fn what_a_user_may_not_is_found_out_as_that_user() {
    if !is_root() {
        return;
    }
    run("command = \"true\"\ncwd = \"/root\"\nuser = \"nobody\"")
        .exits(125)
        .prints("cannot enter cwd `/root` as user `nobody`: permission denied");
    let case = run("command = [\"./own\"]\nuser = \"nobody\"").file("own", "#!/bin/sh\n");
    fs::set_permissions(case.path().join("own"), PermissionsExt::from_mode(0o700)).expect("its mode");
    case.exits(126).prints("cannot run `./own`: permission denied");
    // One that the runner could execute is passed over.
    let case = run("command = [\"own\"]\nuser = \"nobody\"\nenv = { PATH = \"no:yes:/bin\" }");
    let case = case.file("no/own", "#!/bin/sh\necho no\n").file("yes/own", "#!/bin/sh\necho yes\n");
    for (name, mode) in [("no/own", 0o700), ("yes/own", 0o755)] {
        fs::set_permissions(case.path().join(name), PermissionsExt::from_mode(mode)).expect("its mode");
    }
    assert_eq!(output(&case.exits(0)), ["yes"]);
    // A folder of PATH that they may not enter hides nothing and is no reason.
    run("command = [\"none-of-these\"]\nuser = \"nobody\"\nenv = { PATH = \"/root:/bin\" }")
        .exits(127)
        .prints("cannot run `none-of-these`: not found on PATH");
}

#[test]
fn what_is_not_permitted_starts_nothing() {
    let refused = |keys: &str, why: &str| {
        let case = run(&format!("command = \"echo ran\"\n{keys}"));
        let command = case.command_without_root(":");
        let finished = case.run_by(command).code(125).prints(&format!("failed: {why}"));
        assert!(output(&finished).is_empty(), "{}", finished.stdout);
    };
    refused("nice = -5", "cannot set nice to -5: permission denied");
    refused(
        "ulimits = { nofile = 1000000000 }",
        "cannot set ulimits.nofile to 1000000000: operation not permitted",
    );
    // A limit that was lowered is not raised again.
    let case = run("command = \"echo ran\"\nulimits = { cpu = \"unlimited\" }");
    let command = case.command_without_root("ulimit -t 100");
    case.run_by(command).code(125).prints("cannot set ulimits.cpu to unlimited: operation not permitted");
}

#[test]
fn a_runner_that_is_not_root_refuses_users() {
    let says = "a runner that is not root cannot run anything as `nobody`";
    let case = || Case::new().jobs("[jobs.a]\nevery = \"1h\"\ncommand = \"id -u\"\nuser = \"nobody\"\n");
    let stranger = |case: Case| {
        let command = case.command_without_root(":");
        case.run_by(command)
    };
    for command in ["check", "start"] {
        let finished = stranger(case().args(&[command])).code(2).says("error[not-root]").says(says);
        assert!(!finished.stdout.contains("started"), "{}", finished.stdout);
    }
    let finished = stranger(case().args(&["run", "a"])).code(2).says(says);
    assert!(output(&finished).is_empty(), "{}", finished.stdout);
    stranger(case().args(&["check", "--no-host"])).code(0);
}

#[test]
fn users_that_are_not_there_are_faults_of_this_machine() {
    if !is_root() {
        return;
    }
    let checked = |user: &str, flags: &[&str]| {
        let jobs = format!("[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\nuser = \"{user}\"\n");
        Case::new().jobs(&jobs).args(&[&["check"], flags].concat())
    };
    checked("no-such-user", &[])
        .exits(2)
        .says("error[unknown-user]: `user`: there is no user `no-such-user`");
    checked("nobody:no-such-group", &[]).exits(2).says("`user`: there is no group `no-such-group`");
    checked("54321", &[]).exits(2).says("there is no user with the id 54321");
    checked("no-such-user", &["--no-host"]).exits(0);
    checked("54321:54321", &[]).exits(0);
    checked("nobody", &[]).exits(0);
}
