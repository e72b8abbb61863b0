//! Stored jobs: they come back, or are parked, and are never deleted by being read (D3, X5).

use super::{next, runtimes};
use chrono::TimeDelta;
use runner::ledger::Reader;
use runner::{
    AddError, Conflict, ControlError, Event, Grace, Handle, Job, Name, Outcome, ParkedWhy, Running,
    Scheduler, ShutdownGrace, TaskError, TaskMisfit, Tasks, Trigger, Zone,
};
use rusqlite::Connection;
use rusqlite::types::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[derive(Serialize, Deserialize)]
struct Mail {
    user: u64,
}

/// One task, which takes a [`Mail`].
fn one(name: &str) -> Tasks {
    Tasks::new().add(name, |_, Mail { user }| async move { assert_eq!(user, 42) }).expect("a new name")
}

/// Fires in half an hour, and did half an hour ago.
fn hourly() -> Trigger {
    let at = (runner::engine::now().wall + TimeDelta::minutes(30)).format("%M * * * *").to_string();
    Trigger::cron(&at, &Zone::find("Europe/Berlin").expect("a zone")).expect("a cron")
}

fn digest() -> Job {
    Job::task("digest", hourly(), "send_mail", Mail { user: 42 }).misfire_grace_time(Grace::Any)
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("runner.db");
    (folder, file)
}

fn scheduler(file: &Path, tasks: Tasks) -> Scheduler {
    let ledger = Scheduler::builder().tasks(tasks).zone(&Zone::utc()).ledger_file(file);
    ledger.expect("a ledger that is free").build()
}

/// Starts a scheduler with these tasks and jobs, looks at it and shuts it down.
fn on<T>(
    runtime: &Runtime,
    file: &Path,
    tasks: Tasks,
    jobs: impl IntoIterator<Item = Job>,
    look: impl AsyncFnOnce(&Handle) -> T,
) -> T {
    let mut scheduler = scheduler(file, tasks);
    for job in jobs {
        scheduler.add(job).expect("a sound job");
    }
    runtime.block_on(async {
        let handle = scheduler.start().expect("a runtime is there");
        let answer = look(&handle).await;
        let report = handle.shutdown(ShutdownGrace::secs(60)).await;
        assert!(report.still_running.is_empty(), "{report:?}");
        answer
    })
}

async fn run(handle: &Handle, job: &str) -> String {
    let row = handle.trigger(job).expect("it is there").await.expect("its end");
    assert_eq!(row.outcome, Outcome::Succeeded, "{row:?}");
    row.run.as_deref().expect("it ran").to_owned()
}

fn names(handle: &Handle) -> Vec<String> {
    handle.list().iter().map(|job| job.name.to_string()).collect()
}

fn parked(handle: &Handle) -> Vec<String> {
    handle.parked().iter().map(|parked| format!("{}: {}", parked.job, parked.why)).collect()
}

/// All that the ledger has of a job, but for its runs.
fn known(file: &Path, job: &str) -> Vec<Vec<Vec<Value>>> {
    let db = Connection::open(file).expect("the ledger");
    let one = |sql: &str| {
        let mut found = db.prepare(sql).expect("a query");
        let columns = found.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        let rows = found.query_map([job], row).expect("rows");
        rows.collect::<Result<Vec<Vec<Value>>, _>>().expect("values")
    };
    let of = |table: &str| {
        one(&format!("SELECT {table}.* FROM {table} JOIN job ON job.id = {table}.job WHERE job.name = ?1"))
    };
    vec![one("SELECT * FROM job WHERE name = ?1"), of("stored"), of("definition"), of("pause")]
}

fn stored(file: &Path) -> BTreeMap<String, String> {
    let db = Connection::open(file).expect("the ledger");
    let mut all = db.prepare("SELECT name, text FROM stored JOIN job ON id = job").expect("a query");
    let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    all.collect::<Result<_, _>>().expect("texts")
}

fn change(file: &Path, sql: &str) {
    let db = Connection::open(file).expect("the ledger");
    assert_eq!(db.execute(sql, []).expect("a statement"), 1);
}

#[test]
fn a_stored_job_comes_back_by_itself_as_it_was_last_changed() {
    for runtime in runtimes() {
        let (_folder, file) = folder();
        let closure = Job::new("closure", hourly(), |_| async {});
        let next = on(&runtime, &file, one("send_mail"), [digest(), closure], async |handle| {
            handle.add(Job::task("later", hourly(), "send_mail", Mail { user: 42 })).expect("a sound job");
            handle.add(Job::task("gone", (), "send_mail", Mail { user: 42 })).expect("a sound job");
            drop(handle.remove("gone", Running::Leave).expect("it is there"));
            handle.update("later", |job| job.description("by night")).expect("a sound job");
            handle.pause("later", "repairs").expect("it is there");
            assert_eq!(run(handle, "digest").await, "digest#1");
            handle.get("digest").expect("it is there").next
        });
        on(&runtime, &file, one("send_mail"), [], async |handle| {
            assert_eq!(names(handle), ["digest", "later"], "a closure is the program's own");
            assert!(handle.parked().is_empty());
            let later = handle.get("later").expect("it is there");
            assert_eq!(later.description.as_deref(), Some("by night"));
            assert_eq!(later.pause.and_then(|pause| pause.reason.clone()).as_deref(), Some("repairs"));
            assert_eq!(handle.get("digest").expect("it is there").next, next);
            assert_eq!(run(handle, "digest").await, "digest#2");
            drop(handle.remove("later", Running::Leave).expect("it is there"));
        });
        on(&runtime, &file, one("send_mail"), [], async |handle| assert_eq!(names(handle), ["digest"]));
    }
}

#[test]
fn what_the_program_adds_itself_takes_the_place_of_what_is_stored() {
    for runtime in runtimes() {
        let (_folder, file) = folder();
        on(&runtime, &file, one("send_mail"), [digest()], async |_| {});
        let before = stored(&file);
        on(&runtime, &file, one("send_mail"), [digest()], async |handle| {
            assert_eq!(run(handle, "digest").await, "digest#1");
        });
        assert_eq!(stored(&file), before, "it is the same job");
        on(&runtime, &file, one("send_mail"), [digest()], async |handle| {
            handle.update("digest", |job| job.description("by night")).expect("a sound job");
        });
        for (conflict, expected) in [(Conflict::Keep, Some("by night")), (Conflict::Error, None)] {
            let job = digest().on_conflict(conflict);
            on(&runtime, &file, one("send_mail"), [job], async |handle| {
                let found = handle.get("digest").expect("it is there").description;
                assert_eq!(found.as_deref(), expected);
            });
        }
        let keeps = digest().on_conflict(Conflict::Keep);
        change(&file, "UPDATE stored SET text = 'damaged'");
        on(&runtime, &file, one("send_mail"), [keeps], async |handle| {
            assert_eq!((names(handle), handle.parked().len()), (vec!["digest".to_owned()], 0));
        });
        assert_eq!(stored(&file), before, "there was none that could be kept");
        let closure = Job::new("digest", hourly(), |_| async {});
        on(&runtime, &file, Tasks::new(), [closure], async |handle| {
            assert_eq!(parked(handle), [""; 0]);
            assert_eq!(run(handle, "digest").await, "digest#2");
        });
        assert!(stored(&file).is_empty(), "a closure is not stored");
    }
}

#[test]
fn a_job_whose_task_was_renamed_is_parked_untouched_until_its_task_is_registered() {
    for runtime in runtimes() {
        let (_folder, file) = folder();
        let next = on(&runtime, &file, one("send_mail"), [digest()], async |handle| {
            assert_eq!(run(handle, "digest").await, "digest#1");
            handle.pause("digest", "repairs").expect("it is there");
            handle.get("digest").expect("it is there").next
        });
        let before = known(&file, "digest");
        for _ in 0..2 {
            on(&runtime, &file, one("send_mails"), [], async |handle| {
                assert!(names(handle).is_empty());
                let parked = handle.parked();
                assert_eq!(parked.len(), 1);
                assert_eq!(
                    (parked[0].job.as_str(), parked[0].task.as_deref()),
                    ("digest", Some("send_mail"))
                );
                assert_eq!(*parked[0].text, stored(&file)["digest"]);
                let (task, nearest) = ("send_mail".into(), Name::parse("send_mails").ok());
                let (job, misfit) = (parked[0].job.clone(), TaskMisfit::Unknown { task, nearest });
                assert_eq!(parked[0].why, ParkedWhy::Job(AddError::Task { job, misfit }));
                let unknown = handle.trigger("digest").map(drop);
                assert!(matches!(unknown, Err(ControlError::UnknownJob { .. })));
            });
            assert_eq!(known(&file, "digest"), before, "byte for byte");
        }
        on(&runtime, &file, one("send_mails"), [], async |handle| {
            let taken = handle.register(one("send_mails")).expect_err("there is one");
            assert!(matches!(taken, TaskError::NameTaken { task } if task.as_str() == "send_mails"));
            assert!(handle.register(one("other")).expect("a new name").is_empty());
            assert_eq!(handle.parked().len(), 1);
            let back = handle.register(one("send_mail")).expect("a new name");
            assert_eq!((back.len(), back[0].as_str()), (1, "digest"));
            assert!(handle.parked().is_empty());
            let status = handle.get("digest").expect("it is back");
            assert_eq!(status.next, next);
            assert_eq!(status.pause.and_then(|pause| pause.reason.clone()).as_deref(), Some("repairs"));
            assert_eq!(run(handle, "digest").await, "digest#2");
        });
        assert_eq!(known(&file, "digest")[1..], before[1..]);
    }
}

#[test]
fn what_a_parked_job_was_due_is_a_misfire_when_it_comes_back() {
    for runtime in runtimes() {
        let (_folder, file) = folder();
        on(&runtime, &file, one("send_mail"), [digest()], async |_| {});
        // It was added, and accounted for, an hour ago.
        change(&file, "UPDATE job SET accounted = accounted - 3600000000 WHERE name = 'digest'");
        change(&file, "UPDATE definition SET from_instant = from_instant - 3600000000");
        on(&runtime, &file, Tasks::new(), [], async |handle| {
            assert_eq!(handle.parked().len(), 1);
        });
        let audited = Reader::audit(&file, &[]).expect("a ledger").remove(0);
        assert_eq!(
            (audited.wrong(), audited.goes_on),
            (0, true),
            "it is open, and not forgotten: {audited:?}"
        );
        on(&runtime, &file, Tasks::new(), [], async |handle| {
            let mut events = handle.events();
            handle.register(one("send_mail")).expect("a new name");
            loop {
                if let Event::RunFinished(row) = &next(&mut events).await.expect("it goes on").event {
                    assert_eq!((row.job.as_str(), row.outcome), ("digest", Outcome::Succeeded));
                    assert!(row.late_ms.is_some_and(|late| late > 1_000_000), "{row:?}");
                    break;
                }
            }
        });
        assert_eq!(Reader::audit(&file, &[]).expect("a ledger")[0].wrong(), 0);
    }
}

#[test]
fn whatever_does_not_fit_any_more_is_parked_and_says_why() {
    let check = |sql: &str, expected: &str| {
        for runtime in runtimes() {
            let (_folder, file) = folder();
            on(&runtime, &file, one("send_mail"), [digest()], async |_| {});
            change(&file, sql);
            let before = known(&file, "digest");
            on(&runtime, &file, one("send_mail"), [], async |handle| {
                assert!(names(handle).is_empty());
                let parked = parked(handle).concat();
                assert!(parked.starts_with("digest: ") && parked.contains(expected), "{parked}");
                assert!(handle.register(one("more")).expect("a new name").is_empty());
                assert_eq!(handle.parked().len(), 1);
            });
            assert_eq!(known(&file, "digest"), before);
        }
    };
    let other = |from: &str, to: &str| format!("UPDATE stored SET text = replace(text, '{from}', '{to}')");
    check(
        &other("\"user\":42", "\"user\":\"me\""),
        "the arguments do not fit the task `send_mail`: invalid type: string \"me\", expected u64",
    );
    check(&other("Europe/Berlin", "Europe/Berlino"), "unknown time zone `Europe/Berlino`");
    check(&other("\"zone\":\"UTC\"", "\"zone\":\"Mars\""), "unknown time zone `Mars`");
    check(&other("\"version\":1", "\"version\":2,\"new\":0"), "found 2; a newer release has stored it");
    check(&other("\"max_instances\"", "\"group\":\"db\",\"max_instances\""), "is in the group `db`");
    check(&other("\"overlap\"", "\"overlaps\""), "its text cannot be read: unknown field `overlaps`");
    check("UPDATE stored SET text = 'damaged'", "its text cannot be read: expected value");
}

#[test]
fn a_parked_job_is_removed_or_goes_on_as_another_when_somebody_says_so() {
    for runtime in runtimes() {
        let (_folder, file) = folder();
        let other = Job::task("other", (), "send_mail", Mail { user: 42 });
        on(&runtime, &file, one("send_mail"), [digest(), other], async |handle| {
            assert_eq!(run(handle, "other").await, "other#1");
        });
        on(&runtime, &file, one("mail"), [], async |handle| {
            assert_eq!(handle.parked().len(), 2);
            handle.remove("digest", Running::Leave).expect("it is parked").await;
            let again = handle.remove("digest", Running::Leave).map(drop);
            assert!(matches!(again, Err(ControlError::UnknownJob { .. })));
            let other = Job::task("other", (), "mail", Mail { user: 42 }).on_conflict(Conflict::Upsert);
            handle.add(other).expect("a sound job");
            assert!(handle.parked().is_empty());
            assert_eq!(run(handle, "other").await, "other#2");
        });
        on(&runtime, &file, one("mail"), [], async |handle| {
            assert_eq!((names(handle), handle.parked().len()), (vec!["other".to_owned()], 0));
        });
    }
}

#[test]
fn a_trigger_that_is_code_is_refused_where_it_would_be_stored() {
    let (_folder, file) = folder();
    let mut stores = scheduler(&file, one("send_mail"));
    let filtered = || hourly().filter(|_| true);
    let error = stores.add(Job::task("job", filtered(), "send_mail", Mail { user: 42 }));
    let error = error.expect_err("it cannot be written down");
    assert!(matches!(&error, AddError::NotStorable { job } if job.as_str() == "job"));
    assert!(error.to_string().contains("has a trigger that is code"), "{error}");
    let custom = Trigger::custom("mine", |after| Some(after + TimeDelta::hours(1)));
    let error = stores.add(Job::task("job", custom, "send_mail", Mail { user: 42 }));
    assert!(matches!(error, Err(AddError::NotStorable { .. })));
    stores.add(Job::new("job", filtered(), |_| async {})).expect("it is not stored");
    let mut forgets = Scheduler::builder().tasks(one("send_mail")).build();
    forgets.add(Job::task("job", filtered(), "send_mail", Mail { user: 42 })).expect("nor is this");
}

#[test]
fn jobs_of_a_job_file_are_not_stored() {
    for runtime in runtimes() {
        let (folder, file) = folder();
        let path = folder.path().join("jobs.toml");
        let text = "[runner]\nledger = \"runner.db\"\n[defaults]\nallow = [\"no-trigger\"]\n[jobs.a]\n\
                    task = \"send_mail\"\nargs = { user = 42 }\n";
        std::fs::write(&path, text).expect("a file");
        let mut scheduler = Scheduler::from_file(&path, one("send_mail")).expect("a sound file");
        scheduler.add(digest()).expect("a sound job");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            assert_eq!(run(&handle, "a").await, "a#1");
            handle.shutdown(ShutdownGrace::secs(60)).await;
        });
        assert_eq!(stored(&file).into_keys().collect::<Vec<_>>(), ["digest"]);
    }
}
