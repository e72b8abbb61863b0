//! Every fault as it is read: `faults/NAME.toml` beside `faults/NAME.txt`, which is the whole report.
//! Cases whose names begin with `host-` look at a machine, those with `tasks-` are of a program with tasks.
//! `UPDATE_GOLDENS=1` writes the reports anew; read the difference before it is committed.

mod files;
mod sound;

use super::{Code, Host, Loaded, Options, Source, load};
use crate::model::{Closure, Name, Tasks, User};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_571_200, 0).expect("2026-01-05T00:00:00Z")
}

fn load_text(text: &str, host: Option<Host>) -> Loaded {
    load_with(text, host, None)
}

fn load_with(text: &str, host: Option<Host>, tasks: Option<Tasks>) -> Loaded {
    load(&Source::Stdin(text.into()), &Options { now: now(), host, seed: "host".into(), tasks })
}

/// What `send_mail` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is only looked at whether the arguments fit")]
struct Mail {
    user: u64,
    at: Option<DateTime<Utc>>,
    tags: Option<Vec<String>>,
    more: Option<BTreeMap<String, f64>>,
}

/// What the program of a case has registered.
fn tasks_of(case: &Path) -> Option<Tasks> {
    let has = case.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tasks-"));
    has.then(tasks)
}

fn tasks() -> Tasks {
    let mut tasks = Tasks::default();
    let bind = |args: Arc<Value>| Mail::deserialize(&*args).map(|_| Closure::new(()));
    tasks.insert(Name::parse("send_mail").expect("a name"), Arc::new(bind));
    tasks
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/jobfile/tests/faults")
}

fn cases() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).expect("the folder of the cases").flatten().map(|entry| entry.path());
    let mut cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    cases.sort();
    cases
}

/// What the machine is taken to be for cases that look at it: there are no programs, and `app` is the only user.
fn host_of(case: &Path) -> Option<Host> {
    let looks = case.file_name().is_some_and(|name| name.to_string_lossy().starts_with("host-"));
    let is_root = !case.ends_with("host-not-root.toml");
    looks.then(|| Host { path: Some("/nowhere".into()), is_root, find_user: nobody_but_app })
}

fn nobody_but_app(user: &User) -> Result<(), String> {
    match (&*user.name, user.group.as_deref()) {
        ("app", None | Some("app")) => Ok(()),
        ("app", Some(group)) => Err(format!("there is no group `{group}`")),
        (name, _) => Err(format!("there is no user `{name}`")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether goldens are written anew is a setting of the test run"
)]
fn update() -> bool {
    std::env::var_os("UPDATE_GOLDENS").is_some()
}

#[test]
fn every_fault_reads_as_its_golden_text() {
    let mut wrong = Vec::new();
    for case in cases() {
        let text = fs::read_to_string(&case).expect("a case");
        let report = load_with(&text, host_of(&case), tasks_of(&case)).faults.render(false);
        let golden = case.with_extension("txt");
        if update() {
            fs::write(&golden, &report).expect("a golden text");
        }
        if fs::read_to_string(&golden).ok().as_deref() != Some(&*report) {
            wrong.push(format!("{}:\n{report}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "these reports differ from their golden text:\n{}", wrong.join("\n"));
}

#[test]
fn no_code_is_without_a_golden_text() {
    let texts = cases()
        .into_iter()
        .map(|case| fs::read_to_string(case.with_extension("txt")).expect("a golden text"));
    let texts: String = texts.collect();
    let without = |code: &&Code| !texts.contains(&format!("[{}]", code.as_str()));
    let without: BTreeSet<&str> = Code::ALL.iter().filter(without).map(|code| code.as_str()).collect();
    let in_files: BTreeSet<&str> = files::CODES.iter().map(|code| code.as_str()).collect();
    assert_eq!(without, in_files, "the codes of files are shown by the tests of `files`");
}

#[test]
fn a_file_with_twenty_kinds_of_faults_shows_all_twenty() {
    let text = fs::read_to_string(folder().join("twenty.toml")).expect("the case");
    let loaded = load_text(&text, None);
    let codes: Vec<&str> = loaded.faults.iter().map(|fault| fault.code.as_str()).collect();
    let kinds: BTreeSet<&str> = codes.iter().copied().collect();
    assert!(kinds.len() >= 20, "{} kinds: {codes:?}", kinds.len());
    assert!(loaded.plan.is_none());
    let places: Vec<_> = loaded.faults.iter().map(|fault| (fault.line, fault.column)).collect();
    assert!(places.is_sorted(), "in order of their place: {places:?}");
}
