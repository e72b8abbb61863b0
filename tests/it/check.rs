//! `runner check`.

use crate::case::Case;
use std::os::unix::ffi::OsStrExt;

const SOUND: &str = "[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\n";

#[test]
fn a_sound_file_says_zone_jobs_and_next_fire() {
    let finished = Case::new().jobs(SOUND).args(&["check"]).exits(0);
    let line = &finished.stdout;
    assert!(line.starts_with("jobs.toml: 1 job, UTC (tzdata 20"), "{line}");
    assert!(line.contains("); next: a at 20"), "{line}");
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_faulty_file_fails_with_2_and_shows_the_place() {
    let finished =
        Case::new().jobs("[jobs.a]\nevry = \"1h\"\ncommand = \"true\"\n").args(&["check"]).exits(2);
    assert_eq!(finished.stdout, "jobs.toml: 1 fault\n");
    let expected = "error[unknown-key]: unknown key `evry` in a job\n --> jobs.toml:2:1\n  |\n2 | evry = \"1h\"\n  | ^^^^\n  |\n  = help: did you mean `every`?\n\n";
    assert_eq!(finished.stderr, expected);
}

#[test]
fn warnings_fail_only_when_strict() {
    let text = "[jobs.a]\ncron = \"*/7 * * * *\"\ncommand = \"true\"\n";
    Case::new().jobs(text).args(&["check"]).exits(0).says("warning[uneven-step]").prints("; 1 warning");
    Case::new().jobs(text).args(&["check", "--strict"]).exits(2);
    Case::new().jobs(SOUND).args(&["check", "--strict"]).exits(0);
}

#[test]
fn what_depends_on_the_machine_can_be_left_out() {
    let text = "[jobs.a]\nevery = \"1h\"\ncommand = [\"no-such-program-anywhere\"]\n";
    Case::new().jobs(text).args(&["check"]).exits(0).says("warning[program-not-found]");
    let finished = Case::new().jobs(text).args(&["check", "--no-host"]).exits(0);
    assert_eq!(finished.stderr, "");
}

#[test]
fn json_lines_have_the_promised_fields() {
    let text = "[jobs.a]\nevery = 5\ncommand = \"true\"\n";
    for format in ["jsonl", "json"] {
        let finished = Case::new().jobs(text).args(&["check", "--format", format]).exits(2);
        let [fault] = &*finished.json() else { panic!("one line: {}", finished.stdout) };
        let expected = serde_json::json!({
            "severity": "error",
            "code": "wrong-type",
            "message": "`every`: expected a duration with its unit, such as \"30s\" or \"1h 30m\", found `5`",
            "file": "jobs.toml",
            "line": 2,
            "column": 9,
            "job": "a",
            "hint": "write: every = \"5s\"",
        });
        assert_eq!(fault, &expected);
    }
}

#[test]
fn github_is_given_commands_for_each_fault() {
    let text =
        "[jobs.a]\nevery = 5\ncommand = \"true\"\n[jobs.b]\ncron = \"*/7 * * * *\"\ncommand = \"true\"\n";
    let finished = Case::new()
        .file("50%: a, b.toml", text)
        .args(&["check", "50%: a, b.toml", "--format", "github"])
        .exits(2);
    let expected = "\
::error file=50%25%3A a%2C b.toml,line=2,col=9,title=wrong-type::`every`: expected a duration with its unit, such as \"30s\" or \"1h 30m\", found `5`%0Ahelp: write: every = \"5s\"
::warning file=50%25%3A a%2C b.toml,line=5,col=9,title=uneven-step::7 does not divide the 60 minutes: the last distance is shorter%0Ahelp: for an even distance: every = \"7m\", or a step that divides 60
";
    assert_eq!(finished.stdout, expected);
    assert_eq!(finished.stderr, "");
    let sound = Case::new().jobs(SOUND).args(&["check", "--format", "github"]).exits(0);
    assert_eq!(sound.stdout, "");
    Case::new()
        .args(&["check", "gone.toml", "--format", "github"])
        .exits(2)
        .prints("::error file=gone.toml,title=missing-file::there is no such file%0Ahelp: ");
}

#[test]
fn a_reader_that_has_enough_is_no_error_and_changes_no_exit_code() {
    let many: String = (0..2000).map(|n| format!("[jobs.a{n}]\nevry = \"1h\"\n")).collect();
    for args in [
        &["check", "--format", "jsonl"][..],
        &["check"],
        &["check", "--format", "github"],
        &["start"],
        &["next"],
    ] {
        let case = Case::new().jobs(&many).args(args);
        let mut child = case.command().spawn().expect("the program");
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().expect("its end").code(), Some(2), "{args:?}");
    }
    let case = Case::new().jobs(SOUND).args(&["check"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let output = case.command().stdout(full).output().expect("its end");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("runner: error: cannot write to standard output"), "{said}");
}

#[test]
fn the_file_is_found_in_its_usual_places() {
    let is_found = |case: Case| case.args(&["check"]).exits(0);
    is_found(Case::new().file("other.toml", SOUND).env("RUNNER_FILE", "other.toml"))
        .prints("other.toml: 1 job");
    is_found(Case::new().file(".config/runner/jobs.toml", SOUND)).prints(".config/runner/jobs.toml: 1 job");
    let case = Case::new().file("xdg/runner/jobs.toml", SOUND);
    let xdg = case.path().join("xdg").display().to_string();
    is_found(case.env("XDG_CONFIG_HOME", &xdg)).prints("xdg/runner/jobs.toml: 1 job");
    Case::new().file("x.toml", SOUND).args(&["check", "-f", "x.toml"]).exits(0).prints("x.toml: 1 job");
    Case::new().file("x.toml", SOUND).args(&["check", "x.toml"]).exits(0).prints("x.toml: 1 job");
}

#[test]
fn no_file_names_the_places_and_init() {
    let finished = Case::new().args(&["check"]).exits(2);
    assert!(
        finished.stderr.starts_with("runner: error: no job file: none was named, RUNNER_FILE is not set, ")
    );
    finished.says("`jobs.toml`").says("`/etc/runner/jobs.toml`").says("`runner init` writes a first one");
}

#[test]
fn two_files_are_one_too_many() {
    let case =
        Case::new().file("a.toml", SOUND).file("b.toml", SOUND).args(&["check", "a.toml", "-f", "b.toml"]);
    case.exits(2).says("two job files are named: `a.toml` and, with -f, `b.toml`");
}

#[test]
fn standard_input_is_a_file_too() {
    Case::new().stdin(SOUND).args(&["check", "-"]).exits(0).prints("stdin: 1 job");
    Case::new().stdin("nonsense").args(&["check", "-"]).exits(2).says("--> stdin:1");
}

#[test]
fn wrong_usage_is_2_and_help_leads_with_examples() {
    Case::new().args(&["chekc"]).exits(2).says("check");
    Case::new().args(&["check", "--frobnicate"]).exits(2).says("--frobnicate");
    let help = Case::new().args(&["--help"]).exits(0).stdout;
    assert!(help.starts_with("Examples:\n  runner init"), "{help}");
    let version = format!("runner {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Case::new().args(&["-V"]).exits(0).stdout, version);
    for args in [&["--version"][..], &["--version", "-v"]] {
        Case::new().args(args).exits(0).prints(&(version.clone() + "time zones: tzdata 20"));
    }
}

#[test]
fn an_unknown_tz_is_an_error_and_not_silently_utc() {
    let case = || Case::new().jobs(SOUND).args(&["check"]);
    case().env("TZ", "Europe/Atlantis").exits(2).says("TZ names an unknown time zone `Europe/Atlantis`");
    case().env("TZ", "EST5EDT4,M3.2.0,M11.1.0").exits(2).says("found the rule `EST5EDT4,M3.2.0,M11.1.0`");
    case().env("TZ", ":America/New_York").exits(0).prints("America/New_York (tzdata");
    let no_text = case();
    let mut odd = no_text.command();
    odd.env("TZ", std::ffi::OsStr::from_bytes(b"\xff/Berlin"));
    assert_eq!(odd.output().expect("its end").status.code(), Some(2), "no text is no zone");
    // Set and empty it is UTC, as for the jobs' own programs; with the name of the system's file it is as if not set.
    case().env("TZ", "").exits(0).prints("1 job, UTC (tzdata");
    let unset = case();
    let mut command = unset.command();
    command.env_remove("TZ");
    let of_system = unset.run_by(command).stdout;
    assert_eq!(case().env("TZ", ":/etc/localtime").exits(0).stdout, of_system);
}
