//! Registered tasks: J1, J2.

use super::{every, next, runtimes};
use runner::{
    AddError, Event, Job, Outcome, RunContext, Scheduler, ShutdownGrace, TaskError, TaskMisfit, Tasks,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mail {
    user: u64,
    #[serde(default)]
    subject: Option<String>,
}

/// What the tasks of a test were called with.
type Seen = Arc<Mutex<Vec<String>>>;

/// `send_mail` takes a [`Mail`], `pack` blocks and takes a folder.
fn tasks(seen: &Seen) -> Tasks {
    let (mails, folders) = (Arc::clone(seen), Arc::clone(seen));
    let send = move |context: RunContext, mail: Mail| {
        mails.lock().expect("no panic").push(format!("{} to {}", context.run, mail.user));
        async {}
    };
    let pack = move |context: RunContext, folder: String| {
        folders.lock().expect("no panic").push(format!("{} packs {folder}", context.run));
        if folder.is_empty() { Err("nothing to pack") } else { Ok(()) }
    };
    let tasks = Tasks::new().add("send_mail", send).expect("a new name");
    tasks.add_blocking("pack", pack).expect("a new name")
}

fn mail(user: u64) -> Mail {
    Mail { user, subject: None }
}

#[test]
fn a_job_runs_its_task_with_its_arguments_each_time() {
    for runtime in runtimes() {
        let seen = Seen::default();
        let mut scheduler = Scheduler::builder().tasks(tasks(&seen)).build();
        scheduler.add(Job::task("digest-42", (), "send_mail", mail(42))).expect("a sound job");
        scheduler.add(Job::task("digest-7", every(10), "send_mail", mail(7))).expect("a sound job");
        scheduler.add(Job::task("home", (), "pack", "/home")).expect("a sound job");
        scheduler.add(Job::task("nothing", (), "pack", "")).expect("a sound job");
        runtime.block_on(async {
            let handle = scheduler.start().expect("a runtime is there");
            let mut events = handle.events();
            let run = async |job| handle.trigger(job).expect("it is there").await.expect("its end");
            assert_eq!(run("digest-42").await.outcome, Outcome::Succeeded);
            assert_eq!(run("digest-42").await.outcome, Outcome::Succeeded);
            assert_eq!(run("home").await.outcome, Outcome::Succeeded);
            let failed = run("nothing").await;
            assert_eq!(
                (failed.outcome, failed.reason.as_deref()),
                (Outcome::Failed, Some("nothing to pack"))
            );
            loop {
                let event = next(&mut events).await.expect("it goes on");
                if matches!(&event.event, Event::RunFinished(row) if row.job == "digest-7") {
                    break;
                }
            }
            handle.shutdown(ShutdownGrace::secs(5)).await;
        });
        let seen = seen.lock().expect("no panic");
        for line in ["digest-42#1 to 42", "digest-42#2 to 42", "digest-7#1 to 7", "home#1 packs /home"] {
            assert!(seen.iter().any(|seen| seen == line), "{line} is not in {seen:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_known_before_anything_runs() {
    let seen = Seen::default();
    let mut scheduler = Scheduler::builder().tasks(tasks(&seen)).build();
    let mut refused = |job| match scheduler.add(job).expect_err("it does not fit") {
        AddError::Task { job, misfit } => {
            assert_eq!(job.as_str(), "job");
            misfit
        }
        other => panic!("{other}"),
    };
    let misfit = refused(Job::task("job", (), "send_mial", mail(1)));
    assert_eq!(misfit.to_string(), "there is no task `send_mial`; did you mean `send_mail`?");
    let misfit = refused(Job::task("job", (), "shred", ()));
    assert_eq!(misfit, TaskMisfit::Unknown { task: "shred".into(), nearest: None });
    let misfit = refused(Job::task("job", (), "send_mail", "42"));
    assert!(matches!(misfit, TaskMisfit::Args { .. }));
    assert_eq!(
        misfit.to_string(),
        "the arguments do not fit the task `send_mail`: invalid type: string \"42\", expected struct Mail"
    );
    let misfit = refused(Job::task("job", (), "send_mail", BTreeMap::from([("usr", 42)])));
    assert!(misfit.to_string().contains("unknown field `usr`, expected `user` or `subject`"), "{misfit}");
    let misfit = refused(Job::task("job", (), "pack", BTreeMap::from([(vec![1], 2)])));
    assert!(matches!(misfit, TaskMisfit::Unwritable { .. }), "{misfit}");
    assert!(seen.lock().expect("no panic").is_empty());
}

#[test]
fn without_a_lane_for_them_tasks_that_block_are_refused() {
    let mut scheduler = Scheduler::builder().tasks(tasks(&Seen::default())).blocking_max(0).build();
    let refused = scheduler.add(Job::task("job", (), "pack", "/home"));
    assert!(matches!(refused, Err(AddError::NoBlocking { .. })));
    scheduler.add(Job::task("job", (), "send_mail", mail(1))).expect("it does not block");
}

#[test]
fn a_name_stands_for_one_task() {
    let nothing = |_, (): ()| async {};
    let tasks = Tasks::new().add("a", nothing).expect("a new name");
    let error = tasks.add_blocking("a", |_, (): ()| {}).expect_err("it is taken");
    assert_eq!(error.to_string(), "there is a task `a` already; choose another name");
    let error = Tasks::new().add("mail.send", nothing).expect_err("it is no name");
    assert!(matches!(&error, TaskError::InvalidName { name, .. } if name == "mail.send"));
    assert!(error.to_string().starts_with("`mail.send` is no task's name: "), "{error}");
}
