//! `runner why`, of ledgers that the program has really written.

use crate::case::Case;
use rusqlite::Connection;
use serde_json::Value;

const JOBS: &str = "[runner]\nledger = \"own.db\"\ntimezone = \"Europe/Berlin\"\n\
    [jobs.nightly]\ncron = \"30 2 * * *\"\ncommand = [\"true\"]\n\
    [jobs.tick]\nevery = \"20ms\"\noutput = \"none\"\ncommand = [\"sleep\", \"0.05\"]\n\
    [jobs.hand]\ncommand = \"exit 3\"\n\
    [jobs.start]\nstartup = true\ncommand = [\"true\"]\n\
    [jobs.off]\nenabled = false\ncron = \"0 3 * * *\"\ncommand = [\"true\"]\n";

/// A case whose runner ran, stopped, and ran again after a moment; `hand` was run by hand.
fn case() -> Case {
    let mut case = Case::new().jobs(JOBS);
    case.runs_until(&["started tick#3", "skipped", "started start#1"]);
    case.with_args(&["run", "hand"]).exits(3);
    case.runs_until(&["coalesced", "started tick#", "started start#2"]);
    case
}

fn answers(case: &mut Case, args: &[&str]) -> Vec<Value> {
    case.with_args(&[&["why", "--format", "jsonl"], args].concat()).exits(0).json()
}

/// Its fire time with a fraction, which means no other.
fn exactly(row: &Value) -> String {
    let at = row["fire_time"].as_str().expect("text");
    if at.contains('.') { at.to_owned() } else { format!("{}.0{}", &at[..19], &at[19..]) }
}

/// What is said of the first row with that outcome.
#[track_caller]
fn of_first(case: &mut Case, job: &str, outcome: &str) -> String {
    let history = ["history", job, "--outcome", outcome, "--format", "jsonl"];
    let row =
        case.with_args(&history).exits(0).json().pop().unwrap_or_else(|| panic!("no {outcome} of {job}"));
    let fire_time = exactly(&row);
    let found = answers(case, &[job, &fire_time]);
    let text = found.iter().find(|answer| answer["verdict"] == outcome).expect("it is explained");
    text["text"].as_str().expect("text").to_owned()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn what_ran_is_said_with_how_and_what_did_not_with_why() {
    let mut case = case();
    says(&of_first(&mut case, "tick", "succeeded"), &["due at 20", "it ran as tick#1", "and succeeded in "]);
    let overlap = of_first(&mut case, "tick", "skipped");
    says(
        &overlap,
        &[
            "it did not run, because as many runs as may",
            "(max_instances = 1): tick#1 (since 20",
            "was under way",
        ],
    );
    let hand = case.with_args(&["why", "hand"]).exits(0).stdout;
    says(&hand, &["hand: asked for at 20", "it ran as hand#1, and failed after ", "with exit 3"]);
    let start = case.with_args(&["why", "start"]).exits(0).stdout;
    says(&start, &["due when the runner started, at 20", "it ran as start#2"]);
}

#[test]
fn what_was_folded_is_said_with_what_became_of_its_heir() {
    let folded = of_first(&mut case(), "tick", "coalesced");
    says(&folded, &["but was folded into the fire time of 20", ", which "]);
}

/// Makes all that a ledger knows a day older.
fn age(case: &Case) {
    let day = 86_400_000_000_i64;
    let older = |table: &str, columns: &[&str]| {
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = {column} - {day}")).collect();
        format!("UPDATE {table} SET {};", set.join(", "))
    };
    let sql = [
        older("node", &["started_at", "seen_at", "stopped_at"]),
        older("job", &["accounted", "last_fire_time"]),
        older("definition", &["from_instant"]),
    ];
    let db = Connection::open(case.path().join("own.db")).expect("a database");
    db.execute_batch(&sql.concat()).expect("it can be done");
}

#[test]
fn a_downtime_is_named_with_its_ends() {
    let jobs = "[runner]\nledger = \"own.db\"\n[jobs.hourly]\nevery = \"1h\"\ncommand = [\"true\"]\n";
    let mut case = Case::new().jobs(jobs);
    case.with_args(&["start", "--for", "100ms"]).exits(0);
    age(&case);
    case.runs_until(&["succeeded"]);
    let caught_up = of_first(&mut case, "hourly", "succeeded");
    says(
        &caught_up,
        &["it ran as hourly#1, ", " late (no runner ran from 20", " to 20", "), and succeeded in "],
    );
    let missed = of_first(&mut case, "hourly", "missed");
    says(
        &missed,
        &["it was missed, because no runner ran from 20", " late, over its misfire_grace_time (now 1h)"],
    );
    case.with_args(&["audit"]).exits(0);
}

#[test]
fn what_was_not_due_is_said_with_the_nearest_fire_times() {
    let mut case = case();
    let nightly = |case: &mut Case, time: &[&str]| {
        case.with_args(&[&["why", "nightly"], time].concat()).exits(0).stdout
    };
    says(
        &nightly(&mut case, &["2020-01-01", "02:30"]),
        &["the job was not there yet; it was first seen at 20"],
    );
    let later = nightly(&mut case, &["2040-06-01", "12:00"]);
    let around = "before it 2040-06-01 02:30:00+02:00, after it 2040-06-02 02:30:00+02:00";
    says(&later, &["it will not be due then, by `30 2 * * *`", around]);
    says(&nightly(&mut case, &["2040-06-01"]), &["2040-06-01 02:30:00+02:00: it will be due then, in "]);
    says(
        &nightly(&mut case, &[]),
        &["it has never been due: it was first seen at 20", "It is due next at 20"],
    );
    let off = case.with_args(&["why", "off", "2040-06-01", "03:00"]).exits(0).stdout;
    says(&off, &["it will not be due then: it is disabled"]);
}

#[test]
fn what_daylight_saving_does_is_said() {
    let mut case = case();
    let gap = case.with_args(&["why", "nightly", "2040-03-25", "02:30"]).exits(0).stdout;
    says(&gap, &["2040-03-25 02:30 never was in Europe/Berlin: the clock went from 02:00 to 03:00."]);
    says(&gap, &["2040-03-25 03:00:00+02:00: it will be due then", "at the first instant after the gap"]);
    let fold = case.with_args(&["why", "nightly", "2040-10-28T02:30"]).exits(0).stdout;
    says(
        &fold,
        &["was twice in Europe/Berlin", "2040-10-28 02:30:00+02:00: it will be due then", "occurs twice"],
    );
}

#[test]
fn a_changed_definition_is_told() {
    let mut case = case();
    let seen = answers(&mut case, &["nightly"]).remove(0);
    says(seen["text"].as_str().expect("text"), &["first seen at 20"]);
    let mut case = case.file("jobs.toml", &JOBS.replace("every = \"20ms\"", "cron = \"0 0 1 1 *\""));
    case.with_args(&["start", "--for", "100ms"]).exits(0);
    let now = case.with_args(&["why", "tick", "--at", "now"]).exits(0).stdout;
    says(&now, &["tick: "]);
    let gone = JOBS.replace("jobs.tick", "jobs.tock");
    let mut case = case.file("jobs.toml", &gone);
    case.with_args(&["start", "--for", "100ms"]).exits(0);
    says(
        &case.with_args(&["why", "tick", "2040-01-01"]).exits(0).stdout,
        &["it is not in the job file any more"],
    );
}

#[test]
fn what_made_up_for_a_fire_time_is_said_after_what_became_of_it() {
    let mut case = case();
    let history = ["history", "tick", "--outcome", "skipped", "--format", "jsonl"];
    let skipped = case.with_args(&history).exits(0).json().pop().expect("a row");
    let db = Connection::open(case.path().join("own.db")).expect("a database");
    let hour = 3_600_000_000_i64;
    let sql = format!(
        "INSERT INTO fire(job, instant, series, fire_time, number, cause, outcome, late_ms, attempts, node, started_at,
                          finished_at, duration_ms)
         SELECT job, instant + {hour}, 5, instant, 1000, 5, 0, 0, 1, node, instant + {hour} + 20000000,
                instant + {hour} + 21000000, 1000
         FROM fire WHERE outcome = 4 ORDER BY id LIMIT 1"
    );
    assert_eq!(db.execute(&sql, []).expect("it can be done"), 1);
    drop(db);
    let found = answers(&mut case, &["tick", &exactly(&skipped)]);
    let verdicts: Vec<_> = found.iter().map(|answer| answer["verdict"].as_str().expect("text")).collect();
    assert_eq!(verdicts, ["skipped", "succeeded"]);
    let text = found[1]["text"].as_str().expect("text");
    says(
        text,
        &[
            "backfill of 20",
            ": it ran as tick#1000, 20s late (it waited 20s for its turn), and succeeded in 1s.",
        ],
    );
    case.with_args(&["audit"]).exits(0);
}

#[test]
fn a_whole_day_is_summed_up() {
    let mut case = case();
    let history = case.with_args(&["history", "tick", "-n", "1", "--format", "jsonl"]).exits(0).json();
    let day = history[0]["fire_time"].as_str().expect("text")[..10].to_owned();
    let found = answers(&mut case, &["tick", &day]);
    assert_eq!(found[0]["verdict"], "summary");
    says(found[0]["text"].as_str().expect("text"), &[&format!("{day}: ran "), " succeeded", "skipped "]);
    assert!(found.len() > 1 && found.len() <= 6, "{found:?}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let mut case = case();
    case.with_args(&["why", "tik"])
        .exits(2)
        .says("no job `tik` in `jobs.toml`, nor in its ledger; did you mean `tick`?");
    case.with_args(&["why", "tick", "tomorrow"]).exits(2).says("expected a time such as ");
    case.with_args(&["why", "tick", "2026-01-01", "--at", "-2h"]).exits(2).says("two times are named");
    case.with_args(&["why", "jobs.toml"]).exits(2).says("expected a job, found only a file");
}
