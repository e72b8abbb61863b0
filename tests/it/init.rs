//! `runner init`.

use crate::case::Case;
use std::fs;

#[test]
fn the_first_file_is_sound_and_runs() {
    let case = Case::new().args(&["init"]);
    let path = case.path().join("jobs.toml");
    let mut command = case.command();
    assert!(command.output().expect("its end").status.success());
    let text = fs::read_to_string(path).expect("the file");
    Case::new().jobs(&text).args(&["check", "--strict"]).exits(0).prints("2 jobs");
    let mut running = Case::new().jobs(&text).args(&["start", "--for", "11s"]).start();
    running.line("disk#1, startup");
    running.line("hello from hello#1");
    running.finish().code(0).prints("stopped: ran");
}

#[test]
fn nothing_is_written_over() {
    let case = Case::new().jobs("# mine\n");
    let path = case.path().join("jobs.toml");
    let output = case.args(&["init"]);
    let mut command = output.command();
    let output = command.output().expect("its end");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        said,
        "runner: error: `jobs.toml` is there already and stays as it is; `runner init OTHER.toml`\n"
    );
    assert_eq!(fs::read_to_string(path).expect("the file"), "# mine\n");
}

#[test]
fn another_name_and_a_folder_that_is_not_there() {
    Case::new()
        .args(&["init", "other.toml"])
        .exits(0)
        .prints("wrote other.toml; now: runner start other.toml");
    Case::new().args(&["init", "no/such/jobs.toml"]).exits(3).says("cannot write `no/such/jobs.toml`");
}
