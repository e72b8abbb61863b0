//! What a sound file comes to.

use super::{load_text, now};
use crate::jobfile::{Options, Source, keys, load};
use crate::model::{
    AfterOn, Coalesce, Grace, Job, JobAction, Keep, LedgerPlace, Limit, Name, OnOrphan, OutputMode, Overlap,
    Plan, Resource, Retry,
};
use chrono::TimeDelta;
use rustix::process::Signal;
use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

#[track_caller]
fn plan(text: &str) -> Plan {
    let loaded = load_text(text, None);
    loaded.plan.unwrap_or_else(|| panic!("{}", loaded.faults.render(false)))
}

#[track_caller]
fn job(keys: &str) -> Arc<Job> {
    Arc::clone(&plan(&format!("[jobs.a]\ncommand = \"true\"\n{keys}\n")).jobs[0])
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_job_that_says_little_has_the_documented_defaults() {
    let job = job("every = \"1h\"");
    let policy = &job.policy;
    assert_eq!(policy.max_instances, NonZeroU32::MIN);
    assert_eq!(policy.overlap, Overlap::Skip);
    assert_eq!(policy.misfire_grace_time, Grace::Within(secs(3600)));
    assert_eq!(policy.coalesce, Coalesce::Latest);
    assert_eq!((policy.jitter, policy.timeout), (None, None));
    assert_eq!((policy.ladder.stop_signal, policy.ladder.kill_after), (Signal::TERM, secs(10)));
    assert_eq!(policy.retry, Retry::Never);
    assert_eq!(policy.success_codes, [0]);
    assert_eq!(job.setup.shell, ["/bin/sh", "-c"]);
    assert!(job.setup.rights.are_the_runners());
    assert!(job.setup.inherit_env && job.enabled && !job.startup);
    assert_eq!(job.setup.output, OutputMode::All);
    assert_eq!(job.setup.keep_output_bytes, 64 << 10);
}

#[test]
fn every_key_is_read() {
    let text = r#"
        [runner]
        timezone = "Europe/Berlin"
        ledger = "record/runner.db"
        name = "shop"
        keep = { runs = 100000, age = "unlimited", bytes = "1GiB" }
        max_running = 50
        shutdown_grace = "1m"
        seed = "x"

        [groups.db]
        max_running = 2

        [jobs.a]
        description = "what it is for"
        script = "echo hi"
        cron = ["0 3 * * *", "30 4 * * *"]
        calendar = ["Mon..Fri 09:00", "monthly UTC"]
        interval = "2 weeks"
        short_month = "last"
        at = ["2026-12-24T18:00", "2026-12-25T18:00:00Z"]
        every = "90m"
        startup = true
        after = { jobs = ["b"], on = "finish", any = true }
        start = "2026-01-01"
        end = 2027-01-01T00:00:00
        timezone = "America/New_York"
        shell = ["bash", "-c"]
        cwd = "/tmp"
        env = { A = "1" }
        env_file = ["one.env", "/two.env"]
        inherit_env = false
        stdin = "text"
        user = "app:staff"
        umask = "027"
        nice = -5
        ulimits = { nofile = 1024, core = 0, nproc = "unlimited", fsize = "64MiB", cpu = "90500ms", as = 1000000 }
        output = "failures"
        keep_output = "1MiB"
        enabled = false
        max_instances = 3
        overlap = "replace"
        misfire_grace_time = "none"
        coalesce = "all"
        jitter = "500ms"
        timeout = "1h 30m"
        stop_signal = "sigint"
        kill_after = "0s"
        retry = { attempts = 4, delay = "1s", factor = 1, max_delay = "2s" }
        success_codes = [3, 0]
        group = "db"
        on_orphan = "kill"
        keep = { runs = 20, bytes = "1MB" }
        allow = ["past"]

        [jobs.b]
        every = "1h"
        command = "true"
    "#
    .replace("start = \"2026-01-01\"", "start = \"2026-01-01T00:00\"");
    let plan = plan(&text);
    assert_eq!(plan.settings.zone.name(), "Europe/Berlin");
    assert_eq!(plan.settings.max_running, NonZeroU32::new(50));
    assert_eq!(plan.settings.shutdown_grace, secs(60));
    assert_eq!(plan.settings.seed.as_deref(), Some("x"));
    let LedgerPlace::File(ledger) = &plan.settings.ledger else { panic!("{:?}", plan.settings.ledger) };
    assert!(ledger.is_absolute() && ledger.ends_with("record/runner.db"), "{ledger:?}");
    assert_eq!(plan.settings.name.as_ref().map(Name::as_str), Some("shop"));
    assert_eq!(plan.settings.keep, Keep { runs: Some(100_000), age: None, bytes: Some(1 << 30) });
    let job = &plan.jobs[0];
    assert_eq!(job.description.as_deref(), Some("what it is for"));
    assert_eq!(job.action, JobAction::Script("echo hi".into()));
    assert_eq!(job.schedule.triggers().len(), 8);
    assert!(job.startup && !job.enabled);
    let after = job.after.as_ref().expect("it runs after another");
    assert_eq!((after.to_string(), after.on, after.any), ("b has finished".into(), AfterOn::Finish, true));
    assert_eq!(job.zone.name(), "America/New_York");
    let first = job.schedule.next_after(now() - TimeDelta::days(999)).expect("a first one");
    assert_eq!(first.to_rfc3339(), "2026-01-01T05:00:00+00:00", "the period begins at start");
    let setup = &job.setup;
    assert_eq!((&*setup.shell[0], setup.inherit_env, setup.stdin.as_deref()), ("bash", false, Some("text")));
    assert_eq!(setup.cwd.to_str(), Some("/tmp"));
    assert!(setup.env_files[0].is_absolute() && setup.env_files[1].to_str() == Some("/two.env"));
    let rights = &setup.rights;
    assert_eq!(rights.user.as_ref().map(ToString::to_string).as_deref(), Some("app:staff"));
    assert_eq!((rights.umask, rights.nice), (Some(0o27), Some(-5)));
    let most = [1024, 0, u64::MAX, 64 << 20, 91, 1_000_000].map(|most| match most {
        u64::MAX => Limit::Unlimited,
        most => Limit::AtMost(most),
    });
    assert_eq!(rights.limits, Resource::ALL.into_iter().zip(most).collect());
    assert_eq!((setup.output, setup.keep_output_bytes), (OutputMode::Failures, 1 << 20));
    let policy = &job.policy;
    assert_eq!((policy.max_instances.get(), policy.overlap), (3, Overlap::Replace));
    assert_eq!((policy.misfire_grace_time, policy.coalesce), (Grace::Any, Coalesce::All));
    assert_eq!((policy.jitter, policy.timeout), (Some(Duration::from_millis(500)), Some(secs(5400))));
    assert_eq!((policy.ladder.stop_signal, policy.ladder.kill_after), (Signal::INT, Duration::ZERO));
    let attempts = NonZeroU32::new(4).expect("not zero");
    assert_eq!(policy.retry, Retry::Backoff { attempts, delay: secs(1), factor: 1.0, delay_max: secs(2) });
    assert_eq!(policy.success_codes, [0, 3]);
    assert_eq!(policy.group.as_ref().map(Name::as_str), Some("db"));
    assert_eq!(policy.on_orphan, OnOrphan::Kill);
    assert_eq!(policy.keep, Keep { runs: Some(20), age: None, bytes: Some(1_000_000) });
}

#[test]
fn the_record_is_kept_in_the_state_folder_for_a_while_unless_the_file_says_otherwise() {
    let days = |days: u64| Some(secs(days * 86_400));
    let settings =
        |runner: &str| plan(&format!("{runner}\n[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\n")).settings;
    let silent = settings("");
    assert_eq!((silent.ledger, silent.name), (LedgerPlace::State, None));
    assert_eq!(silent.keep, Keep { runs: None, age: days(90), bytes: Some(256 << 20) });
    let some = settings("[runner]\nledger = \"memory\"\nkeep = { age = \"1w\" }");
    assert_eq!(some.ledger, LedgerPlace::Memory);
    assert_eq!(some.keep, Keep { runs: None, age: days(7), bytes: Some(256 << 20) });
    let absolute = settings("[runner]\nledger = \"/srv/runner.db\"").ledger;
    assert_eq!(absolute, LedgerPlace::File("/srv/runner.db".into()));
    assert_eq!((job("").policy.keep, job("").policy.on_orphan), (Keep::default(), OnOrphan::Adopt));
}

#[test]
fn what_is_kept_of_a_job_lies_over_the_defaults_key_by_key() {
    let text = "[defaults]\nkeep = { runs = 10, age = \"1d\" }\non_orphan = \"kill\"\n\
                [jobs.a]\nevery = \"1h\"\ncommand = \"true\"\nkeep = { runs = \"unlimited\", bytes = \"1kB\" }\n\
                [jobs.b]\nevery = \"1h\"\ncommand = \"true\"\non_orphan = \"adopt\"\n";
    let plan = plan(text);
    let [a, b] = [&plan.jobs[0].policy, &plan.jobs[1].policy];
    assert_eq!(a.keep, Keep { runs: None, age: Some(secs(86_400)), bytes: Some(1000) });
    assert_eq!(b.keep, Keep { runs: Some(10), age: Some(secs(86_400)), bytes: None });
    assert_eq!((a.on_orphan, b.on_orphan), (OnOrphan::Kill, OnOrphan::Adopt));
}

#[test]
fn a_number_of_attempts_is_a_retry() {
    assert_eq!(job("every = \"1h\"\nretry = 1").policy.retry, Retry::Never);
    let Retry::Backoff { attempts, delay, factor, delay_max } = job("every = \"1h\"\nretry = 3").policy.retry
    else {
        panic!("expected a backoff");
    };
    assert_eq!((attempts.get(), delay, delay_max), (3, secs(10), secs(300)));
    assert!((factor - 2.0).abs() < f64::EPSILON);
}

#[test]
fn a_job_runs_after_one_or_several_others_which_may_be_defined_later() {
    let after = |after: &str| {
        let others =
            "[jobs.b]\nevery = \"1h\"\ncommand = \"true\"\n[jobs.c]\nevery = \"1h\"\ncommand = \"true\"";
        let text = format!("[jobs.a]\ncommand = \"true\"\nafter = {after}\n{others}");
        let loaded = load_text(&text, None);
        let plan = loaded.plan.unwrap_or_else(|| panic!("{}", loaded.faults.render(false)));
        assert_eq!(loaded.faults.warnings(), 0, "it is a trigger");
        plan.jobs[0].after.as_ref().expect("it runs after another").to_string()
    };
    assert_eq!(after("\"b\""), "b has succeeded");
    assert_eq!(after("[\"b\", \"c\", \"b\"]"), "b and c have succeeded");
    assert_eq!(after("{ jobs = [\"c\", \"b\"] }"), "c and b have succeeded");
    assert_eq!(after("{ jobs = [\"c\", \"b\"], on = \"failure\", any = true }"), "c or b has failed");
    assert_eq!(after("{ jobs = \"b\", on = \"finish\", any = false }"), "b has finished");
}

#[test]
fn defaults_lie_under_jobs_and_tables_merge_by_key() {
    let plan = plan(
        r#"
        [defaults]
        timezone = "Asia/Tokyo"
        timeout = "1h"
        env = { A = "default", B = "default" }
        retry = { attempts = 2, delay = "7s" }
        shell = ["bash", "-c"]
        user = "app"
        umask = "027"
        ulimits = { core = 0, nofile = 10 }

        [jobs.a]
        cron = "@daily"
        command = "true"

        [jobs.b]
        cron = "@daily"
        command = "true"
        timezone = "UTC"
        timeout = "1m"
        env = { B = "own", C = "own" }
        retry = { delay = "9s" }
        shell = ["zsh"]
        user = "web:app"
        nice = 5
        ulimits = { nofile = 20 }
        "#,
    );
    let [a, b] = &*plan.jobs else { panic!("two jobs") };
    assert_eq!((a.zone.name(), b.zone.name()), ("Asia/Tokyo", "UTC"));
    assert_eq!((a.policy.timeout, b.policy.timeout), (Some(secs(3600)), Some(secs(60))));
    let env: Vec<_> = b.setup.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(env, ["A=default", "B=own", "C=own"]);
    let Retry::Backoff { attempts, delay, .. } = b.policy.retry else { panic!("expected a backoff") };
    assert_eq!((attempts.get(), delay), (2, secs(9)));
    assert_eq!(b.setup.shell, ["zsh"]);
    let (user, rights) =
        (|job: &Job| job.setup.rights.user.as_ref().map(ToString::to_string), &b.setup.rights);
    assert_eq!((user(a).as_deref(), user(b).as_deref()), (Some("app"), Some("web:app")));
    assert_eq!((rights.umask, rights.nice), (Some(0o27), Some(5)));
    let limits = [(Resource::Nofile, Limit::AtMost(20)), (Resource::Core, Limit::AtMost(0))];
    assert_eq!(rights.limits, limits.into_iter().collect());
}

#[test]
fn included_files_have_defaults_of_their_own_over_the_main_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write(
        "jobs.toml",
        "[runner]\ninclude = [\"sub/*.toml\"]\n[defaults]\ntimeout = \"1h\"\ncoalesce = \"all\"\ngroup = \"g\"\n[jobs.main]\nevery = \"2h\"\ncommand = \"true\"",
    );
    write(
        "sub/b.toml",
        "[defaults]\ntimeout = \"2m\"\n[jobs.b]\nevery = \"2h\"\ncommand = \"true\"\ncwd = \"x\"\n[groups.g]\nmax_running = 1",
    );
    write("sub/a.toml", "include = \"deep/c.toml\"\n[jobs.a]\nevery = \"2h\"\ncommand = \"true\"");
    write("sub/deep/c.toml", "[jobs.c]\nevery = \"2h\"\ncommand = \"true\"");
    let source = Source::Path(folder.path().join("jobs.toml"));
    let loaded = load(&source, &Options { now: now(), host: None, seed: "host".into(), tasks: None });
    let plan = loaded.plan.unwrap_or_else(|| panic!("{}", loaded.faults.render(false)));
    let names: Vec<_> = plan.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["main", "a", "c", "b"], "files in order, each with what it includes");
    let b = plan.job("b").expect("b");
    assert_eq!((b.policy.timeout, b.policy.coalesce), (Some(secs(120)), Coalesce::All));
    assert_eq!(b.setup.cwd, folder.path().join("sub/x"));
    assert_eq!(plan.job("c").expect("c").setup.cwd, folder.path().join("sub/deep"));
    assert_eq!(plan.job("main").expect("main").setup.cwd, folder.path());
}

#[test]
fn jobs_share_what_they_have_alike() {
    let text = "[jobs.a]\ncron = \"@daily\"\ncommand = \"a\"\n[jobs.b]\ncron = \"@daily\"\ncommand = \"b\"\n";
    let plan = plan(text);
    let [a, b] = &*plan.jobs else { panic!("two jobs") };
    assert!(Arc::ptr_eq(&a.schedule, &b.schedule));
    assert!(Arc::ptr_eq(&a.policy, &b.policy));
    assert!(Arc::ptr_eq(&a.setup, &b.setup));
}

#[test]
fn jobs_that_are_due_at_the_same_times_share_their_schedule() {
    let schedules = |a: &str, b: &str| {
        let text = format!("[jobs.a]\n{a}\ncommand = \"a\"\n[jobs.b]\n{b}\ncommand = \"b\"\n");
        let plan = plan(&text);
        [0, 1].map(|job| Arc::clone(&plan.jobs[job].schedule))
    };
    let check = |when: &str| {
        let [a, b] = schedules(when, when);
        assert!(Arc::ptr_eq(&a, &b), "{when}");
    };
    check("cron = \"0 3 * * *\"\ndst = { fold = \"both\" }");
    check("cron = [\"0 3 * * *\", \"0 4 * * *\"]\nend = \"2027-01-01T00:00\"");
    check("calendar = \"Mon..Fri 09:00\"");
    check("calendar = \"Mon..Fri 09:00 Europe/London\"\ndst = { gap = \"skip\" }");
    check("interval = \"2 weeks\"\nstart = \"2026-01-05T09:00\"");
    check("every = \"15m\"\nat = \"2026-12-24T18:00\"");
    let check_apart = |a: &str, b: &str| {
        let [a, b] = schedules(a, b);
        assert_ne!(a, b);
        assert!(!Arc::ptr_eq(&a, &b));
    };
    check_apart(
        "calendar = \"daily\"\ntimezone = \"Asia/Tokyo\"",
        "calendar = \"daily\"\ntimezone = \"UTC\"",
    );
    check_apart("calendar = \"daily\"", "calendar = \"daily\"\ndst = { gap = \"skip\" }");
    check_apart("calendar = \"daily\"", "calendar = \"daily\"\nend = \"2027-01-01T00:00\"");
    let interval = |start: &str| format!("interval = \"2 weeks\"\nstart = \"{start}\"");
    check_apart(&interval("2026-01-05T09:00"), &interval("2026-01-06T09:00"));
    // These are drawn for each job.
    check_apart("cron = \"H H * * *\"", "cron = \"H H * * *\"");
}

#[test]
fn dst_is_of_the_job_or_of_the_defaults_half_by_half() {
    let night = "cron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\ncommand = \"true\"";
    let text = format!(
        "[defaults]\ndst = {{ gap = \"skip\", fold = \"both\" }}\n[jobs.a]\n{night}\n[jobs.b]\n{night}\ndst = {{ gap = \"after\" }}"
    );
    let plan = plan(&text);
    let count = |job: usize, from: &str| {
        let from = from.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant");
        plan.jobs[job].schedule.count_between(from, from + TimeDelta::days(1))
    };
    assert_eq!((count(0, "2026-03-28T23:00:00Z"), count(0, "2026-10-24T22:00:00Z")), (0, 2));
    assert_eq!((count(1, "2026-03-28T23:00:00Z"), count(1, "2026-10-24T22:00:00Z")), (1, 2));
}

#[test]
fn an_h_is_drawn_from_the_seed_and_the_name_of_the_job() {
    let next = |seed: &str, job: usize| {
        let jobs = ["a", "b"].map(|name| format!("[jobs.{name}]\ncron = \"H H * * * *\"\ncommand = \"a\"\n"));
        plan(&format!("[runner]\nseed = \"{seed}\"\n{}", jobs.concat())).jobs[job].schedule.next_after(now())
    };
    assert_eq!(next("x", 0), next("x", 0));
    assert_ne!(next("x", 0), next("x", 1));
    assert_ne!(next("x", 0), next("y", 0));
}

#[test]
fn a_warning_that_is_allowed_is_not_told() {
    let codes = |allow: &str| {
        let text = format!("[jobs.a]\ncron = \"*/7 * * * *\"\ncommand = \"a | b\"\n{allow}");
        load_text(&text, None).faults.iter().map(|fault| fault.code.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(codes(""), ["uneven-step", "pipe-without-pipefail"]);
    assert_eq!(codes("allow = [\"uneven-step\"]"), ["pipe-without-pipefail"]);
    assert_eq!(codes("allow = [\"uneven-step\", \"pipe-without-pipefail\"]"), [""; 0]);
}

/// In the year from 2026-01-05 on.
#[test]
fn a_time_in_a_gap_or_a_fold_is_told_unless_the_job_has_chosen() {
    let check = |keys: &str, expected: &[&str]| {
        let text = format!("{keys}\ncommand = \"true\"");
        let text = format!("[runner]\ntimezone = \"Europe/Berlin\"\n[jobs.a]\n{text}");
        let loaded = load_text(&text, None);
        let codes: Vec<_> = loaded.faults.iter().map(|fault| fault.code.as_str()).collect();
        assert_eq!(codes, expected, "{keys}");
    };
    let night = |keys: &str| format!("cron = \"30 2 * * *\"\n{keys}");
    check(&night(""), &["dst-gap", "dst-fold"]);
    check("interval = \"1 day\"\nstart = \"2026-01-05T02:30\"", &["dst-gap", "dst-fold"]);
    check("cron = \"30 3 * * *\"", &[]);
    check(&night("timezone = \"Asia/Tokyo\""), &[]);
    check(&night("dst = { gap = \"after\" }"), &["dst-fold"]);
    check(&night("dst = { fold = \"first\" }"), &["dst-gap"]);
    check(&night("dst = { gap = \"skip\", fold = \"both\" }"), &[]);
    check(&night("allow = [\"dst-gap\", \"dst-fold\"]"), &[]);
    // What follows real time runs at each of its times, and what another trigger makes up for is not missed.
    check("cron = \"*/30 1-3 * * *\"", &[]);
    // But all its times of a day may be lost.
    check("cron = \"*/30 2 * * *\"", &["dst-gap"]);
    check("cron = \"*/30 2 * * *\"\ndst = { gap = \"skip\" }", &[]);
    // What is due behind the gap anyway is not moved there.
    check("cron = \"0 2,3 * * *\"", &["dst-fold"]);
    check("cron = [\"30 2 * * *\", \"*/30 * * * *\"]", &["dst-gap"]);
    check("every = \"1h\"", &[]);
    // A moment with an offset is one, whatever the clock shows.
    check("at = \"2026-10-25T02:30\"", &["dst-fold"]);
    check("at = \"2026-10-25T02:30:00+02:00\"", &[]);
    check("at = \"2026-10-25T02:30:00+01:00\"", &[]);
    // Outside of its bounds a job has no times.
    check(&night("end = \"2026-03-01T00:00\""), &[]);
    check(&night("start = \"2026-06-01T00:00\""), &["dst-fold"]);
}

/// However long before them one looks.
#[test]
fn a_crowd_of_the_coming_month_is_seen() {
    let crowd = |schedules: &[(&str, usize)]| {
        let jobs = schedules.iter().enumerate().flat_map(|(kind, (when, count))| {
            (0..*count).map(move |number| format!("[jobs.j{kind}-{number}]\n{when}\ncommand = \"true\"\n"))
        });
        let loaded = load_text(&jobs.collect::<String>(), None);
        let crowd = loaded.faults.iter().find(|fault| fault.code.as_str() == "many-at-once");
        crowd.map(|fault| fault.message.clone())
    };
    let said = |count: usize, at: &str| {
        Some(format!("{count} jobs are due in the same second, {at}; this is the first of them"))
    };
    let (daily, first, minutely) = ("cron = \"0 3 * * *\"", "cron = \"0 3 1 * *\"", "cron = \"* * * * *\"");
    assert_eq!(crowd(&[(daily, 49), (first, 49)]), said(98, "2026-02-01 03:00:00"));
    assert_eq!(crowd(&[(minutely, 49), (daily, 1)]), said(50, "2026-01-05 03:00:00"));
    assert_eq!(crowd(&[(minutely, 49), ("every = \"2m\"", 49)]), said(98, "2026-01-05 00:02:00"));
    assert_eq!(crowd(&[(minutely, 50)]), said(50, "2026-01-05 00:01:00"));
    assert_eq!(crowd(&[(daily, 49), ("cron = \"1 3 * * *\"", 49)]), None);
    assert_eq!(crowd(&[(daily, 49), ("cron = \"0 3 1 4 *\"", 49)]), None, "not within a month");
}

/// Every key but those that are planned: a reader finds each in the README's tables and in the example.
#[test]
fn every_key_is_in_the_readme_and_in_the_example() {
    let (readme, example) = (include_str!("../../../README.md"), include_str!("../../../jobs.example.toml"));
    for key in keys::all() {
        let spellings = [format!("`{key}`"), format!("`[{key}"), format!("{key} = ")];
        assert!(spellings.iter().any(|spelling| readme.contains(spelling)), "README: {key}");
        let is_set = |line: &str| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} = ")) || line.starts_with(&format!("[{key}"))
        };
        let within =
            |line: &str| line.contains(&format!("{{ {key} = ")) || line.contains(&format!(", {key} = "));
        assert!(example.lines().any(|line| is_set(line) || within(line)), "jobs.example.toml: {key}");
    }
}

#[test]
fn a_timeout_of_the_defaults_is_for_many_jobs_and_not_compared_with_each_period() {
    let text = "[defaults]\ntimeout = \"1h\"\n[jobs.a]\nevery = \"5m\"\ncommand = \"true\"\n";
    assert_eq!(load_text(text, None).faults.iter().count(), 0);
}
