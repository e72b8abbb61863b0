//! System calls that fail on the way to a process: each is made to, by strace(1), and the job does not run, least
//! of all as root. Of those that are short of something it is tried again.
//!
//! strace counts calls by thread and process, so that `when=1` is the first of each.

use crate::case::{Case, Finished, is_root};
use crate::strace;

/// Whether calls can be made to fail here, and users changed.
fn can_inject() -> bool {
    is_root() && strace::can_inject()
}

/// Runs a job of these keys while strace does as it is told.
fn run(keys: &str, inject: &str) -> Finished {
    let inject = format!("inject={inject}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
    Case::new().jobs(&format!("[jobs.a]\ncwd = \"/\"\n{keys}\n")).args(&["run", "a"]).under(&strace).run()
}

const WITNESS: &str = "command = \"echo ran as $(id -u)\"";
const AS_USER: &str = "user = \"nobody\"\nnice = 1\numask = \"022\"\nulimits = { nofile = 100 }";

#[track_caller]
fn refused(keys: &str, inject: &str, why: &str) {
    let finished = run(keys, inject).code(125).prints(&format!("failed: {why}"));
    assert!(!finished.stdout.contains("ran as"), "`{inject}`:\n{}", finished.stdout);
}

#[test]
fn a_user_that_cannot_be_become_is_nobody_else() {
    if !can_inject() {
        return;
    }
    let keys = format!("{WITNESS}\n{AS_USER}");
    // That all of it works where nothing fails.
    let finished = run(&keys, "getppid:retval=1").code(0).prints("ran as ");
    assert!(!finished.stdout.contains("ran as 0"), "{}", finished.stdout);
    for errno in ["EPERM", "EINVAL"] {
        let word = if errno == "EPERM" { "operation not permitted" } else { "invalid argument" };
        let fails = |call: &str, what: &str| {
            refused(&keys, &format!("{call}:error={errno}"), &format!("cannot {what}: {word}"));
        };
        if errno != "EPERM" {
            fails("keyctl", "take the session keyring from user `nobody`");
        }
        fails("capset", "take the capabilities from user `nobody`");
        fails("setgroups", "take on the supplementary groups of user `nobody`");
        fails("setresgid", "take on the group of user `nobody`");
        fails("setresuid", "become user `nobody`");
    }
}

#[test]
fn a_system_without_keyrings_has_none_to_leave() {
    if !can_inject() {
        return;
    }
    for errno in ["ENOSYS", "EPERM"] {
        run(&format!("{WITNESS}\n{AS_USER}"), &format!("keyctl:error={errno}")).code(0).prints("ran as ");
    }
}

#[test]
fn a_call_that_only_says_it_has_changed_the_user_is_found_out() {
    if !can_inject() {
        return;
    }
    let keys = format!("{WITNESS}\n{AS_USER}");
    let not_asked_for = "cannot become user `nobody`: the ids are not those that were asked for";
    for call in ["setgroups", "setresgid", "setresuid"] {
        refused(&keys, &format!("{call}:retval=0"), not_asked_for);
    }
    for call in ["getresuid", "getresgid", "getgroups"] {
        refused(&keys, &format!("{call}:error=EPERM"), not_asked_for);
    }
    refused(&keys, "setuid:retval=0", "cannot become user `nobody`: it could become root again");
}

#[test]
fn whatever_else_fails_on_the_way_starts_nothing() {
    if !can_inject() {
        return;
    }
    let fails = |keys: &str, inject: &str, why: &str| {
        refused(keys, inject, why);
        refused(&format!("{keys}\nuser = \"nobody\""), inject, why);
    };
    let denied = "permission denied";
    fails(WITNESS, "setsid:error=EPERM", "cannot make a session: operation not permitted");
    fails(
        WITNESS,
        "dup2,dup3:error=EBUSY",
        "cannot hand on standard input and output: device or resource busy",
    );
    let nice = format!("{WITNESS}\nnice = 1");
    fails(&nice, "setpriority:error=EACCES", &format!("cannot set nice to 1: {denied}"));
    let limited = format!("{WITNESS}\nulimits = {{ nofile = 100 }}");
    fails(
        &limited,
        "prlimit64:error=EPERM:when=1",
        "cannot set ulimits.nofile to 100: operation not permitted",
    );
    refused(WITNESS, "chdir:error=EACCES", &format!("cannot enter cwd `/`: {denied}"));
    let as_user = format!("{WITNESS}\n{AS_USER}");
    refused(&as_user, "chdir:error=EACCES", &format!("cannot enter cwd `/` as user `nobody`: {denied}"));
    let script = format!("{}\n{AS_USER}", WITNESS.replace("command", "script"));
    let unreadable = format!("cannot read the script's temporary file as user `nobody`: {denied}");
    refused(&script, "access,faccessat,faccessat2:error=EACCES", &unreadable);
    refused(
        &script,
        "fchown:error=EPERM",
        "cannot write the script to a temporary file: operation not permitted",
    );
}

#[test]
fn calls_that_are_short_of_something_are_made_again() {
    if !can_inject() {
        return;
    }
    // The shell makes no process for this.
    let keys = "command = \"echo ran\"\nstdin = \"text\"";
    let each =
        ["clone:error=EAGAIN", "clone:error=ENOMEM", "pipe2:error=EMFILE", "memfd_create:error=ENFILE"];
    for inject in each {
        for keys in [keys.to_owned(), format!("{keys}\nuser = \"root\"")] {
            let finished = run(&keys, &format!("{inject}:when=1..2")).code(0).prints("a | ran");
            finished.says("has to wait, and perhaps others: ").prints("succeeded");
        }
    }
}

#[test]
fn descriptors_are_closed_also_without_close_range() {
    if !can_inject() {
        return;
    }
    for keys in ["", "user = \"root\""] {
        let keys = format!("command = [\"ls\", \"/proc/self/fd\"]\n{keys}");
        let inject = "inject=close_range:error=ENOSYS";
        let case = Case::new().jobs(&format!("[jobs.a]\n{keys}\n")).args(&["run", "a"]);
        // The runner has one that it was left.
        let left = format!("exec 9< /dev/null; exec strace -f -qq -o /dev/null -e {inject} \"$0\" \"$@\"");
        let finished = case.under(&["sh", "-c", &left]).exits(0);
        let shown = finished.stdout.lines().filter_map(|line| Some(line.split_once("a | ")?.1));
        assert_eq!(shown.collect::<Vec<_>>(), ["0", "1", "2", "3"], "{}", finished.stdout);
    }
}
