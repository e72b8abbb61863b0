//! As process 1 of a container: whoever loses its parent is left to the runner.

use crate::case::{Case, machine_has};

/// Ours is process 1 of a new namespace, and everybody else in it ends with it.
const NAMESPACE: [&str; 5] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// A case in which ours is process 1, or `None` where that cannot be had.
fn process_1(jobs: &str) -> Option<Case> {
    let probe: Vec<&str> = NAMESPACE.into_iter().chain(["true"]).collect();
    machine_has("process namespaces", &probe).then(|| Case::new().jobs(jobs).under(&NAMESPACE))
}

/// Waits until all zombies have gone, then asks process 1 to stop. It is the only one that could reap them.
const UNTIL_NO_ZOMBIE: &str =
    "while grep -qs '^State:.Z' /proc/[0-9]*/status; do sleep 0.05; done; echo no zombie; kill -TERM 1";

fn job(name: &str, command: &str) -> String {
    format!("[jobs.{name}]\nstartup = true\nshell = [\"bash\", \"-c\"]\ncommand = {command:?}\n")
}

#[test]
fn a_thousand_orphans_leave_no_zombie() {
    let command =
        format!("for i in {{1..1000}}; do (true & exec true); done; echo orphans; {UNTIL_NO_ZOMBIE}");
    let Some(case) = process_1(&job("a", &command)) else { return };
    let mut running = case.args(&["start"]).start();
    running.line("as process 1: docker stop -t 30");
    running.line("| orphans");
    running.line("| no zombie");
    running.finish().code(0).prints("stopped: ran 1: 1 succeeded");
}

#[test]
fn no_exit_is_mistaken_for_that_of_an_orphan() {
    // Each run leaves two orphans that end at about the time when it ends.
    let jobs: String = (0..1000)
        .map(|n| {
            let code = n * 7 % 100;
            let command = format!("(true & exec true); (sleep 0.01 & exec true); exit {code}");
            job(&format!("job{n}"), &command) + &format!("success_codes = [{code}]\nmax_instances = 1\n")
        })
        .collect();
    let last = "[jobs.last]\nevery = \"1s\"\ncommand = \"test -e all && kill -TERM 1\"\n";
    let settings = "[runner]\nmax_running = 50\n[defaults]\noutput = \"none\"\n";
    let Some(case) = process_1(&format!("{settings}{jobs}{last}")) else { return };
    let all = case.path().join("all");
    let mut running = case.args(&["start"]).start();
    for _ in 0..1000 {
        let mut line = running.line("job");
        while !line.contains("succeeded") {
            assert!(!line.contains("failed"), "{line}");
            line = running.line("job");
        }
    }
    std::fs::write(all, "").expect("a file");
    let finished = running.finish().code(0);
    // On a busy machine even a short sleep can outlast its job by much.
    let said = finished.stderr.lines().find(|line| !line.contains("left a process behind: "));
    assert_eq!(said, None, "of exits that cannot be had");
}

#[test]
fn the_grace_of_a_container_goes_with_that_of_the_runner() {
    let settings = "[runner]\nshutdown_grace = \"90s\"\n";
    let Some(case) = process_1(&(settings.to_owned() + &job("a", "true"))) else { return };
    case.args(&["start", "--for", "0s"]).exits(0).prints("as process 1: docker stop -t 95");
}
