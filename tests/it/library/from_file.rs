//! A scheduler of a job file: S2.

use super::runtimes;
use crate::case::Case;
use runner::{Job, JobFileError, Outcome, RunContext, Scheduler, ShutdownGrace, Tasks};
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    user: u64,
    #[serde(default)]
    at: String,
}

type Seen = Arc<Mutex<Vec<String>>>;

fn tasks(seen: &Seen) -> Tasks {
    let seen = Arc::clone(seen);
    let send = move |context: RunContext, mail: Mail| {
        let Mail { user, at } = mail;
        seen.lock().expect("no panic").push(format!("{} to {user} {at}", context.run));
        async {}
    };
    let tasks = Tasks::new().add("send_mail", send).expect("a new name");
    tasks.add_blocking("vacuum", |_, (): ()| {}).expect("a new name")
}

/// A folder with this job file.
fn folder(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.toml");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

const SOUND: &str = r#"
[runner]
timezone = "Asia/Tokyo"
shutdown_grace = "90s"

[jobs.digest]
cron = "0 9 * * *"
task = "send_mail"
args = { user = 42, at = 2026-01-05T09:00:00Z }

[jobs.vacuum]
task = "vacuum"
allow = ["no-trigger"]

[jobs.touch]
script = "touch touched"
allow = ["no-trigger"]
"#;

#[test]
fn its_tasks_and_its_commands_run_and_its_settings_hold() {
    for runtime in runtimes() {
        let (folder, path) = folder(SOUND);
        let seen = Seen::default();
        let mut scheduler = Scheduler::from_file(&path, tasks(&seen)).expect("a sound file");
        scheduler.add(Job::new("more", (), |_| async {})).expect("a sound job");
        scheduler.add(Job::new("touch", (), |_| async {})).expect_err("there is one");
        let grace = scheduler.grace();
        assert_eq!(grace.drain + grace.cancel, Duration::from_secs(90));
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let next = handle.upcoming(handle.now(), 1).remove(0);
            assert_eq!((next.job.as_str(), next.fire_time.offset().local_minus_utc()), ("digest", 9 * 3600));
            for job in ["digest", "vacuum", "touch", "more"] {
                let row = handle.trigger(job).expect("it is there").await.expect("its end");
                assert_eq!(row.outcome, Outcome::Succeeded, "{row:?}");
            }
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
        assert_eq!(*seen.lock().expect("no panic"), ["digest#1 to 42 2026-01-05T09:00:00Z"]);
        let mut files: Vec<_> = fs::read_dir(folder.path())
            .expect("the folder")
            .flatten()
            .map(|entry| entry.file_name().into_string().expect("a name"))
            .collect();
        files.sort();
        assert_eq!(files, ["jobs.toml", "touched"], "it writes nowhere that it was not told to");
    }
}

#[test]
fn a_ledger_that_it_names_is_kept_and_held() {
    for runtime in runtimes() {
        let (folder, path) = folder(&SOUND.replace("[runner]", "[runner]\nledger = \"runner.db\""));
        let seen = Seen::default();
        let run = |expected: &str| {
            let scheduler = Scheduler::from_file(&path, tasks(&seen)).expect("a sound file");
            let held = Scheduler::from_file(&path, tasks(&seen)).err().expect("it is held");
            assert!(matches!(held, JobFileError::Ledger(_)), "{held}");
            assert!(held.to_string().contains("is held by"), "{held}");
            runtime.block_on(async {
                let handle = scheduler.start().expect("a runtime is there");
                let row = handle.trigger("digest").expect("it is there").await.expect("its end");
                assert_eq!(row.run.as_deref(), Some(expected));
                handle.shutdown(ShutdownGrace::secs(5)).await;
            });
        };
        run("digest#1");
        run("digest#2");
        assert!(folder.path().join("runner.db").exists());
    }
}

#[test]
fn its_groups_are_limits() {
    let text = "[groups.one]\nmax_running = 1\n[defaults]\ngroup = \"one\"\nallow = [\"no-trigger\"]\n\
                [jobs.first]\ntask = \"wait\"\n[jobs.second]\ntask = \"wait\"\n";
    for runtime in runtimes() {
        let (_folder, path) = folder(text);
        let (running, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let (now, seen) = (Arc::clone(&running), Arc::clone(&most));
        let wait = move |_: RunContext, (): ()| {
            let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
            async move {
                *now.lock().expect("no panic") += 1;
                let running = *now.lock().expect("no panic");
                let most = (*seen.lock().expect("no panic")).max(running);
                *seen.lock().expect("no panic") = most;
                tokio::task::yield_now().await;
                *now.lock().expect("no panic") -= 1;
            }
        };
        let tasks = Tasks::new().add("wait", wait).expect("a new name");
        let scheduler = Scheduler::from_file(&path, tasks).expect("a sound file");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let runs = ["first", "second"].map(|job| handle.trigger(job).expect("it is there"));
            for run in runs {
                assert_eq!(run.await.expect("its end").outcome, Outcome::Succeeded);
            }
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
        assert_eq!(*most.lock().expect("no panic"), 1);
    }
}

const FAULTY: &str = "[jobs.digest]
every = \"1h\"
task = \"send_mial\"

[jobs.report]
every = \"1h\"
task = \"send_mail\"
args = { user = \"forty-two\" }
";

#[test]
fn all_its_faults_are_told_at_once_with_their_places() {
    let (folder, path) = folder(FAULTY);
    let error = Scheduler::from_file(&path, tasks(&Seen::default())).err().expect("it is faulty");
    let text = error.to_string().replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(
        text,
        r#"2 faults in `jobs.toml`

error[unknown-task]: there is no task `send_mial`
 --> jobs.toml:3:8
  |
3 | task = "send_mial"
  |        ^^^^^^^^^^^
  |
  = help: did you mean "send_mail"?

error[bad-args]: `args` does not fit the task: invalid type: string "forty-two", expected u64
 --> jobs.toml:8:8
  |
8 | args = { user = "forty-two" }
  |        ^^^^^^^^^^^^^^^^^^^^^^"#
    );
    let JobFileError::Faulty { faults, .. } = error else { panic!("it is faulty") };
    assert_eq!(faults.errors(), 2);
}

#[test]
fn a_file_that_is_not_there_is_one_fault() {
    let error = Scheduler::from_file("/nowhere/jobs.toml", Tasks::new()).err().expect("it is not there");
    assert!(error.to_string().starts_with("1 fault in `/nowhere/jobs.toml`"), "{error}");
}

#[test]
fn tasks_that_block_need_a_lane() {
    let (_folder, path) = folder(SOUND);
    let builder = Scheduler::builder().tasks(tasks(&Seen::default())).blocking_max(0);
    let error = builder.from_file(&path).err().expect("there is no lane");
    assert!(error.to_string().starts_with("job `vacuum` blocks"), "{error}");
}

#[test]
fn the_command_says_that_tasks_need_their_program() {
    let jobs = "[jobs.digest]\nevery = \"1h\"\ntask = \"send_mail\"\nargs = { user = 42 }\n";
    let finished = Case::new().jobs(jobs).args(&["check"]).exits(2);
    assert_eq!(
        finished.stderr,
        "error[unknown-task]: the task `send_mail` needs a program that registers it; `runner` registers none
 --> jobs.toml:3:8
  |
3 | task = \"send_mail\"
  |        ^^^^^^^^^^^
  |
  = help: start this file by that program, or write a command

"
    );
}
