//! The thread's work, step by step and without the thread.

mod against_a_model;

use super::*;
use crate::ledger::tests::world::{
    at, attempt, claim_of, closed, defined, ended, fire, name, options, run, started, stretch,
};
use crate::ledger::{Reader, Wanted};
use crate::model::{Attempt, Cause, Keep, Outcome, Row};
use chrono::TimeDelta;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

pub(super) struct World {
    writer: Writer,
    told: watch::Receiver<Option<Arc<str>>>,
    folder: TempDir,
}

impl World {
    pub(super) fn new(keep: Keep, keep_of_a: Keep) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let (writer, told) = writer(&folder, keep, keep_of_a);
        World { writer, told, folder }
    }

    pub(super) fn reopen(&mut self, keep: Keep, keep_of_a: Keep) {
        self.writer.close(at(1000));
        let elsewhere = tempfile::tempdir().expect("a folder");
        // The lock is given back before it is taken again.
        drop(std::mem::replace(&mut self.writer, writer(&elsewhere, keep, keep_of_a).0));
        (self.writer, self.told) = writer(&self.folder, keep, keep_of_a);
    }

    pub(super) fn write(&mut self, batch: &[Record]) -> Vec<Answer> {
        self.writer.attempt(batch).expect("it can be written")
    }

    /// Prunes until the round is over; returns how many steps that took.
    pub(super) fn prune(&mut self, now: DateTime<Utc>) -> usize {
        self.writer.clock = Arc::new(move || now);
        let mut steps = 0;
        while self.writer.retention.is_due(now) {
            self.writer.prune_once().expect("it can be written");
            steps += 1;
        }
        steps
    }

    pub(super) fn db(&self) -> &Connection {
        self.writer.db.as_ref().expect("it is open")
    }

    /// Writes a batch as if its commit had failed after it had reached the disk.
    pub(super) fn lose_the_answers(&mut self, batch: &[Record]) {
        let (path, away) = (self.writer.path.clone(), self.writer.path.with_extension("away"));
        fs::rename(&path, &away).expect("a rename");
        let fault = self.writer.attempt(batch).expect_err("it is not where it was");
        self.writer.give_up(&fault);
        self.writer.disconnect();
        fs::rename(&away, &path).expect("a rename");
    }

    pub(super) fn ints(&self, sql: &str) -> Vec<i64> {
        let mut statement = self.db().prepare(sql).expect("SQL");
        statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("rows")
    }

    /// The fire times of `a` that have a row, in seconds.
    fn seconds(&self) -> Vec<i64> {
        self.ints("SELECT instant / 1000000 FROM fire WHERE job = 1 ORDER BY series / 8, instant")
    }
}

fn writer(folder: &TempDir, keep: Keep, keep_of_a: Keep) -> (Writer, watch::Receiver<Option<Arc<str>>>) {
    let options = OpenOptions { keep, keep_of: [(name("a"), keep_of_a)].into(), ..options(1000) };
    let file = open::open(&folder.path().join("runner.db"), &options).expect("a ledger");
    let (trouble, told) = watch::channel(None);
    let (_, inbox) = mpsc::channel();
    (Writer::new(file, options, trouble, inbox), told)
}

pub(super) const ALL: Keep = Keep { runs: None, age: None, bytes: None };

pub(super) fn runs(runs: u64) -> Keep {
    Keep { runs: Some(runs), ..ALL }
}

fn skipped(seconds: impl IntoIterator<Item = i64>) -> Vec<Record> {
    seconds.into_iter().map(|second| closed("a", second, Outcome::Skipped)).collect()
}

/// A run from its claim to its end, with this output.
fn run_with_output(second: i64, number: u64, bytes: usize) -> Vec<Record> {
    let mut last = attempt("a", number, 1, second);
    if let Ok(exit) = &mut last.result {
        exit.output.as_mut().expect("some").head = vec![b'x'; bytes];
    }
    let row = Row { attempts: 1, ..crate::ledger::tests::world::row("a", second, Outcome::Succeeded) };
    let end = Record::RunEnded { run: run("a", number), last: Some(Arc::new(last)), row: Arc::new(row) };
    vec![Record::Claim(fire("a", second)), started("a", number, 1, second), end]
}

#[test]
fn a_full_disk_stops_nothing_for_good() {
    let mut world = World::new(ALL, ALL);
    let mut size = |pages: u32| {
        world
            .writer
            .db
            .as_ref()
            .expect("open")
            .pragma_update(None, "max_page_count", pages)
            .expect("a pragma");
        world.writer.attempt(&skipped(1..2000))
    };
    let Err(fault) = size(1) else { panic!("it was written") };
    world.writer.give_up(&fault);
    let path = world.folder.path().join("runner.db");
    let words =
        format!("the ledger `{}` cannot be written: no space is left on its file system", path.display());
    assert_eq!(world.told.borrow().as_deref(), Some(&*words));
    assert_eq!(world.seconds(), [] as [i64; 0]);

    let db = world.writer.db.as_ref().expect("it is kept");
    db.pragma_update(None, "max_page_count", 1_000_000).expect("a pragma");
    assert_eq!(world.writer.write(&[Record::Claim(fire("a", 5))]), Some(vec![Answer::Claimed { number: 1 }]));
    assert_eq!(*world.told.borrow(), None);
    assert_eq!(world.ints("SELECT last_number FROM job"), [1], "nothing is left of the first try");
}

#[test]
fn who_is_to_stop_in_trouble_waits_for_nothing() {
    let mut world = World::new(ALL, ALL);
    let (ask, inbox) = mpsc::channel();
    world.writer.inbox = inbox;
    let other = Connection::open(&world.writer.path).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let (reply, done) = (oneshot::channel().0, oneshot::channel().0);
    ask.send(Message::Write(skipped([2]), reply)).expect("it listens");
    ask.send(Message::Close(at(1000), done)).expect("it listens");
    assert_eq!(world.writer.write(&skipped([1])), None);
    assert_eq!(world.writer.backlog.len(), 2, "it looked at once what else there is");
    assert_eq!(world.ints("PRAGMA busy_timeout"), [0], "and waits for no lock any more");
}

#[test]
fn a_commit_of_which_nobody_heard_is_found() {
    let mut world = World::new(ALL, ALL);
    let batch = [Record::Claim(fire("a", 10)), Record::Claim(fire("a", 20))];
    world.lose_the_answers(&batch);
    assert_eq!(world.write(&batch), [Answer::Claimed { number: 1 }, Answer::Claimed { number: 2 }]);
    assert_eq!(world.write(&batch), [Answer::Taken, Answer::Taken]);
}

#[test]
fn the_newest_rows_of_a_job_are_kept() {
    let mut world = World::new(ALL, runs(3));
    world.write(&skipped(1..=10));
    world.write(&[closed("b", 1, Outcome::Skipped)]);
    world.prune(at(1000));
    assert_eq!(world.seconds(), [8, 9, 10]);
    assert_eq!(world.ints("SELECT fires FROM job ORDER BY id"), [3, 1]);
    assert_eq!(world.prune(at(1030)), 0, "a round a minute");
}

#[test]
fn what_was_deleted_is_taken_and_numbers_and_watermarks_go_on() {
    let mut world = World::new(ALL, runs(1));
    world.write(&[defined("a", 0, 0, Some("x"))]);
    for number in 1..=5 {
        world.write(&run_with_output(number * 10, number.unsigned_abs(), 100));
    }
    world.prune(at(1000));
    assert_eq!(world.seconds(), [50]);
    assert_eq!(world.ints("SELECT count(*) FROM output"), [1]);
    world.reopen(ALL, runs(1));
    let claims = [10, 15, 40, 50].map(|second| Record::Claim(fire("a", second)));
    assert_eq!(world.write(&claims), [Answer::Taken; 4]);
    assert_eq!(world.write(&[closed("a", 40, Outcome::Missed)]), [Answer::Written]);
    assert_eq!(world.seconds(), [50], "what was deleted is accounted for");
    assert_eq!(world.ints("SELECT accounted / 1000000 FROM job"), [50]);
    let next = [Record::Claim(fire("a", 60)), Record::Claim(claim_of("a", 0, Cause::Manual, 5))];
    assert_eq!(world.write(&next), [Answer::Claimed { number: 6 }, Answer::Claimed { number: 7 }]);
}

#[test]
fn it_is_counted_what_was_deleted() {
    let mut world = World::new(ALL, runs(1));
    world.write(&run_with_output(10, 1, 100));
    world.write(&[stretch("a", 20, 40, 21)]);
    world.write(&skipped(50..60));
    world.prune(at(1000));
    let counted = world.ints("SELECT fire_times FROM pruned ORDER BY outcome");
    assert_eq!(counted, [1, 9, 21], "succeeded, skipped, missed");
    assert_eq!(world.ints("SELECT through / 1000000 FROM pruned ORDER BY outcome"), [10, 58, 40]);
}

#[test]
fn what_is_open_and_what_ended_last_are_never_deleted() {
    let mut world = World::new(runs(0), runs(0));
    world.write(&[Record::Claim(fire("a", 10)), Record::Waits(fire("a", 20))]);
    world.write(&[Record::Claim(fire("a", 30)), Record::Claim(fire("a", 40))]);
    world.write(&[ended("a", 3, Outcome::Failed), ended("a", 2, Outcome::Failed)]);
    world.prune(at(1000));
    assert_eq!(world.seconds(), [10, 20, 30]);
    assert_eq!(world.write(&[Record::Claim(fire("a", 20))]), [Answer::Claimed { number: 4 }]);
}

#[test]
fn what_is_too_old_is_deleted() {
    let keep = Keep { age: Some(Duration::from_secs(100)), ..ALL };
    for (all, of_a) in [(keep, ALL), (ALL, keep)] {
        let mut world = World::new(all, of_a);
        world.write(&skipped((0..=50).map(|n| n * 10)));
        world.prune(at(550));
        assert_eq!(world.seconds(), [450, 460, 470, 480, 490, 500]);
        world.prune(at(10_000));
        assert_eq!(world.seconds(), [500]);
    }
}

/// What is older than a hundred seconds goes.
pub(super) fn for_100_s() -> Keep {
    Keep { age: Some(Duration::from_secs(100)), ..ALL }
}

#[test]
fn runners_of_long_ago_are_deleted_unless_they_are_needed() {
    let mut world = World::new(for_100_s(), ALL);
    let reopen = |world: &mut World| (0..3).for_each(|_| world.reopen(for_100_s(), ALL));
    world.write(&skipped([10, 20]));
    reopen(&mut world);
    world.write(&[closed("b", 30, Outcome::Skipped), Record::Claim(fire("c", 30))]);
    reopen(&mut world);
    world.write(&[started("c", 1, 1, 40)]);
    reopen(&mut world);
    assert_eq!(world.prune(at(1050)), 1);
    assert_eq!(world.ints("SELECT id FROM node"), (1..=10).collect::<Vec<_>>(), "all are young");
    world.prune(at(2000));
    // By name 1 of `a`, 4 of `b` and `c`, and 7 of the process of `c`; before each of those one.
    assert_eq!(world.ints("SELECT id FROM node"), [1, 3, 4, 6, 7, 9, 10]);
    world.write(&[ended("c", 1, Outcome::Succeeded)]);
    reopen(&mut world);
    world.prune(at(4000));
    assert_eq!(world.ints("SELECT id FROM node"), [1, 3, 4, 9, 10, 12, 13]);
    assert_eq!(world.prune(at(4100)), 1, "and that is all");
}

#[test]
fn a_run_by_hand_takes_no_runner_away() {
    let mut world = World::new(for_100_s(), ALL);
    world.write(&skipped([10]));
    for _ in 0..3 {
        world.reopen(for_100_s(), ALL);
        world.db().execute("UPDATE node SET by_hand = 1 WHERE id > 1", []).expect("it is written");
    }
    world.write(&[closed("a", 20, Outcome::Skipped)]);
    world.prune(at(2000));
    assert_eq!(world.ints("SELECT id FROM node"), [1, 4], "the last runner, and this one");
}

#[test]
fn a_step_deletes_no_more_runners_than_it_may() {
    let mut world = World::new(for_100_s(), ALL);
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
               INSERT INTO node SELECT NULL, host, pid, name, boot_id, started_at, 0, seen_at, NULL, 0, 1 FROM node, n";
    world.db().execute(sql, []).expect("it is written");
    world.reopen(for_100_s(), ALL);
    assert_eq!(world.prune(at(2000)), 6);
    assert_eq!(world.ints("SELECT id FROM node"), [1001, 1002]);
}

#[test]
fn clock_steps_of_long_ago_are_deleted_but_for_the_first_back() {
    let mut world = World::new(for_100_s(), ALL);
    let steps = [(50, 1), (60, -1), (70, -1), (2000, 1)];
    let step = |(second, by)| Record::ClockStepped { by: TimeDelta::seconds(by), at: at(second) };
    world.write(&steps.map(step));
    world.prune(at(2010));
    assert_eq!(world.ints("SELECT at / 1000000 FROM clock_step"), [60, 2000]);
}

#[test]
fn what_is_left_of_many_runners_is_sound() {
    let every =
        |seconds: i64| format!(r#"{{"triggers":[{{"every":{{"period_ms":{seconds}000,"anchor_ms":0}}}}]}}"#);
    let mut world = World::new(for_100_s(), ALL);
    world.write(&[defined("a", 0, 5, Some(&every(10)))]);
    let mut number = 0;
    for second in (10..1000).step_by(30) {
        world.write(&[skipped([second, second + 10]), vec![Record::Claim(fire("a", second + 20))]].concat());
        world.reopen(for_100_s(), ALL);
        number += 1;
        world.write(&[ended("a", number, Outcome::Lost)]);
        world.prune(at(second + 1000));
    }
    // A step back by less than the period, and another definition before the clock has caught up.
    world.write(&[Record::ClockStepped { by: TimeDelta::seconds(-8), at: at(994) }]);
    world.write(&[defined("a", 0, 995, Some(&every(7))), closed("a", 1001, Outcome::Skipped)]);
    for round in 0..5 {
        world.reopen(for_100_s(), ALL);
        world.prune(at(3000 + 100 * round));
        let audited = Reader::audit(&world.writer.path, &[]).expect("it can be read");
        assert!(audited[0].is_sound(), "{audited:?}");
    }
    assert_eq!(world.seconds(), [1001]);
    let reader = Reader::open(&world.writer.path).expect("a ledger");
    let rows = reader.rows(&Wanted::default()).expect("rows");
    assert_eq!(rows.map(|row| row.expect("a row").node).collect::<Vec<_>>(), ["here"]);
    assert!(world.ints("SELECT id FROM node").len() <= 4);
}

#[test]
fn output_counts_for_the_bytes_of_a_job() {
    let mut world = World::new(ALL, Keep { bytes: Some(25_000), ..ALL });
    for number in 1..=10 {
        world.write(&run_with_output(number, number.unsigned_abs(), 10_000));
    }
    world.prune(at(1000));
    assert_eq!(world.seconds(), [9, 10]);
    let bytes = world.ints("SELECT bytes FROM job");
    assert!((20_000..25_000).contains(&bytes[0]), "{bytes:?}");
}

#[test]
fn the_file_of_all_jobs_together_becomes_small() {
    let mut world = World::new(Keep { bytes: Some(300_000), ..ALL }, ALL);
    for number in 1..=200 {
        world.write(&run_with_output(number, number.unsigned_abs(), 20_000));
    }
    let pages = |world: &World| world.ints("PRAGMA page_count")[0];
    let before = pages(&world);
    world.prune(at(1000));
    assert!(in_use(&world) <= 300_000, "{}", in_use(&world));
    for minute in 1..=4 {
        world.prune(at(1000 + 60 * minute));
    }
    assert!(pages(&world) < before / 3, "{} pages of {before}", pages(&world));
    assert_eq!(world.seconds().last(), Some(&200));
}

fn in_use(world: &World) -> i64 {
    (world.ints("PRAGMA page_count")[0] - world.ints("PRAGMA freelist_count")[0]) * 4096
}

#[test]
fn the_oldest_of_all_jobs_together_go_first() {
    let mut world = World::new(runs(4), ALL);
    for second in 1..=5 {
        let other = closed("b", second, Outcome::Skipped);
        world.write(&[skipped([second]), vec![other]].concat());
    }
    world.prune(at(1000));
    assert_eq!(world.seconds(), [4, 5]);
    assert_eq!(world.ints("SELECT fires FROM job"), [2, 2]);
}

#[test]
fn a_step_deletes_no_more_than_it_may() {
    let mut world = World::new(ALL, runs(100));
    world.write(&skipped(1..=2000));
    world.writer.prune_once().expect("it can be written");
    assert_eq!(world.seconds().len(), 1800);
    assert_eq!(world.prune(at(1000)), 9);
    assert_eq!(world.seconds(), (1901..=2000).collect::<Vec<_>>());
}

#[test]
fn an_older_clock_epoch_goes_first() {
    let mut world = World::new(ALL, runs(3));
    world.write(&skipped([9000, 9001, 9002]));
    world.write(&[defined("a", 1, 100, Some("x"))]);
    let claims: Vec<_> =
        (101..=103).map(|at| Record::Claim(claim_of("a", 1, Cause::Scheduled, at))).collect();
    world.write(&claims);
    world.write(&[ended("a", 1, Outcome::Failed), ended("a", 2, Outcome::Failed)]);
    world.prune(at(2000));
    assert_eq!(world.seconds(), [101, 102, 103]);
}

#[test]
fn all_attempts_of_a_run_go_with_it() {
    let mut world = World::new(ALL, runs(1));
    world.write(&[Record::Claim(fire("a", 10)), Record::Claim(fire("a", 20))]);
    let second: Attempt = attempt("a", 1, 2, 12);
    world.write(&[Record::AttemptEnded(Arc::new(attempt("a", 1, 1, 11)))]);
    let row = crate::ledger::tests::world::row("a", 10, Outcome::Failed);
    world.write(&[Record::RunEnded {
        run: run("a", 1),
        last: Some(Arc::new(second)),
        row: Arc::new(Row { attempts: 2, ..row }),
    }]);
    assert_eq!(world.ints("SELECT number FROM attempt"), [1, 2]);
    world.write(&[ended("a", 2, Outcome::Failed)]);
    world.prune(at(1000));
    assert_eq!(world.ints("SELECT count(*) FROM attempt UNION ALL SELECT count(*) FROM output"), [0, 0]);
    assert_eq!(world.ints("SELECT bytes FROM job"), [128]);
}
