//! What a ledger that lasts promises to the next runner.

use super::world::{
    World, at, attempt, claim_of, closed, defined, ended, fire, name, options, process, row, run, started,
    stretch,
};
use crate::model::{
    AfterOn, Answer, Attempt, Cause, Claim, Finish, JobPast, OpenRun, Outcome, Past, Pause, Record,
    SpawnError, SpawnWhy,
};
use std::sync::Arc;

fn accounted(past: &Past, job: &str) -> (u32, i64, bool) {
    let job = &past.jobs[job];
    (job.clock_epoch, job.accounted.timestamp(), job.accounted_is_fire_time)
}

#[test]
fn a_new_ledger_knows_nothing_and_a_later_one_when_it_was_stopped() {
    let mut ledger = World::sqlite();
    assert_eq!(ledger.past, Past::default());
    ledger.close(1500);
    ledger.open();
    assert_eq!(ledger.past, Past { down_since: Some(at(1500)), stopped_cleanly: true, ..Past::default() });
}

#[test]
fn a_run_by_hand_is_no_runner_that_was_there() {
    let by_hand = |second| {
        let mut options = options(second);
        options.node.by_hand = true;
        options
    };
    let mut ledger = World::sqlite();
    ledger.close(1500);
    ledger.open_with(by_hand(2000));
    assert_eq!(ledger.past.down_since, Some(at(1500)));
    ledger.close(2500);
    ledger.open_with(by_hand(3000));
    ledger.crash();
    ledger.open_with(options(4000));
    assert_eq!((ledger.past.down_since, ledger.past.stopped_cleanly), (Some(at(1500)), true));
}

#[test]
fn after_a_crash_it_was_last_there_when_it_last_wrote() {
    let mut ledger = World::sqlite();
    ledger.crash();
    ledger.open_with(options(2000));
    assert_eq!((ledger.past.down_since, ledger.past.stopped_cleanly), (Some(at(1000)), false));
    ledger.claim(fire("a", 2000));
    ledger.crash();
    ledger.open_with(options(3000));
    assert_eq!(ledger.past.down_since, Some(at(2000)));
}

#[test]
fn a_key_stays_taken_and_numbers_go_on() {
    let mut ledger = World::sqlite();
    ledger.claim(fire("a", 10));
    ledger.write([closed("a", 20, Outcome::Skipped)]);
    ledger.reopen();
    assert_eq!(ledger.claim(fire("a", 10)), Answer::Taken);
    assert_eq!(ledger.claim(fire("a", 20)), Answer::Taken);
    assert_eq!(ledger.claim(fire("a", 30)), Answer::Claimed { number: 2 });
}

#[test]
fn what_is_in_a_stretch_is_taken() {
    let mut ledger = World::sqlite();
    ledger.write([stretch("a", 10, 40, 4)]);
    for second in [10, 20, 40] {
        assert_eq!(ledger.claim(fire("a", second)), Answer::Taken, "{second}");
    }
    assert_eq!(ledger.claim(claim_of("a", 0, Cause::Manual, 20)), Answer::Claimed { number: 1 });
    assert_eq!(ledger.claim(fire("a", 50)), Answer::Claimed { number: 2 });
}

#[test]
fn a_job_begins_where_it_was_defined() {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 100, Some("every = \"10s\"")), defined("b", 0, 100, None)]);
    let expected = JobPast {
        clock_epoch: 0,
        accounted: at(100),
        accounted_is_fire_time: false,
        schedule: Some("every = \"10s\"".into()),
        zone: "Europe/Berlin".into(),
        zone_data: Some("2026b".into()),
        claims: 0,
        pause: None,
        waiting: Vec::new(),
    };
    let past = ledger.reopen();
    assert_eq!(past.jobs[&name("a")], expected);
    assert_eq!(past.jobs[&name("b")], JobPast { schedule: None, ..expected });
}

#[test]
fn a_pause_lasts_until_its_job_is_resumed() {
    let mut ledger = World::sqlite();
    let pause = |reason: &str, until| Pause { reason: Some(reason.into()), by: None, since: at(110), until };
    let mut step = |pause: Option<Pause>| {
        ledger.write([Record::Paused { job: name("a"), pause: pause.clone() }]);
        ledger.write([defined("a", 0, 100, None)]);
        assert_eq!(ledger.reopen().jobs[&name("a")].pause, pause);
    };
    step(Some(pause("repairs", None)));
    step(Some(pause("holidays", Some(at(200)))));
    step(None);
    step(Some(Pause { reason: None, by: Some("me".into()), ..pause("", None) }));
}

#[test]
fn the_watermark_is_the_latest_fire_time_that_is_accounted_for() {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 100, Some("x"))]);
    let mut step = |record: Record, expected| {
        ledger.write([record]);
        assert_eq!(accounted(ledger.reopen(), "a"), expected);
    };
    step(Record::Claim(fire("a", 110)), (0, 110, true));
    step(closed("a", 120, Outcome::Skipped), (0, 120, true));
    step(Record::Waits(fire("a", 130)), (0, 130, true));
    step(Record::Claim(claim_of("a", 0, Cause::Manual, 500)), (0, 130, true));
    step(ended("a", 1, Outcome::Succeeded), (0, 130, true));
    step(stretch("a", 140, 190, 6), (0, 190, true));
    step(Record::Claim(fire("a", 105)), (0, 190, true));
}

#[test]
fn a_clock_epoch_has_its_own_watermark_and_no_older_one_lowers_it() {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 100, Some("x")), Record::Claim(fire("a", 900))]);
    ledger.write([defined("a", 1, 200, Some("x"))]);
    assert_eq!(accounted(ledger.reopen(), "a"), (1, 200, false));
    ledger.write([closed("a", 950, Outcome::Skipped), defined("a", 0, 960, Some("y"))]);
    assert_eq!(accounted(ledger.reopen(), "a"), (1, 200, false));
    assert_eq!(ledger.claim(claim_of("a", 1, Cause::Scheduled, 210)), Answer::Claimed { number: 2 });
    assert_eq!(accounted(ledger.reopen(), "a"), (1, 210, true));
    assert_eq!(ledger.claim(fire("a", 900)), Answer::Taken);
    assert_eq!(ledger.claim(claim_of("a", 1, Cause::Scheduled, 900)), Answer::Claimed { number: 3 });
}

#[test]
fn a_definition_moves_the_watermark_but_never_back_over_a_fire_time() {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 200, Some("x"))]);
    // The clock was set back before anything was due.
    ledger.write([defined("a", 0, 100, Some("x"))]);
    assert_eq!(accounted(ledger.reopen(), "a"), (0, 100, false));
    ledger.write([Record::Claim(fire("a", 110)), defined("a", 0, 110, Some("x"))]);
    assert_eq!(accounted(ledger.reopen(), "a"), (0, 110, true));
    ledger.write([defined("a", 0, 105, Some("y"))]);
    assert_eq!(accounted(ledger.reopen(), "a"), (0, 110, true));
    ledger.write([defined("a", 0, 116, Some("z"))]);
    assert_eq!(accounted(ledger.reopen(), "a"), (0, 116, true), "it has had fire times in this epoch");
}

#[test]
fn a_definition_is_in_force_until_the_next_one() {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 100, Some("x")), defined("b", 0, 100, Some("x"))]);
    ledger.write([defined("a", 0, 200, Some("y")), Record::Claim(fire("a", 900))]);
    ledger.write([defined("a", 1, 300, Some("y"))]);
    ledger.close(1000);
    let until: Vec<(String, u32, i64, Option<i64>)> = ledger.rows(
        "SELECT name, d.clock_epoch, from_instant / 1000000, until_instant / 1000000
         FROM definition AS d JOIN job ON job.id = d.job ORDER BY name, d.id",
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    );
    let row = |job: &str, epoch, from, until| (job.to_owned(), epoch, from, until);
    let expected = [
        row("a", 0, 100, Some(200)),
        row("a", 0, 200, Some(900)),
        row("a", 1, 300, None),
        row("b", 0, 100, None),
    ];
    assert_eq!(until, expected);
}

#[test]
fn what_waits_is_told_in_order_and_claimed_once() {
    let mut ledger = World::sqlite();
    let asked = claim_of("a", 0, Cause::Manual, 15);
    ledger.write([defined("a", 0, 0, Some("x")), Record::Waits(fire("a", 20)), Record::Waits(asked.clone())]);
    assert_eq!(ledger.reopen().jobs["a"].waiting, [fire("a", 20), asked.clone()]);
    assert_eq!(ledger.claim(claim_of("a", 0, Cause::CatchUp, 20)), Answer::Claimed { number: 1 });
    let past = ledger.reopen();
    assert_eq!(past.jobs["a"].waiting, [asked]);
    assert_eq!(past.runs[0].claim.cause, Cause::CatchUp);
    assert_eq!(ledger.claim(fire("a", 20)), Answer::Taken);
}

#[test]
fn what_waits_is_told_also_of_a_job_that_was_never_defined() {
    let mut ledger = World::sqlite();
    let asked = claim_of("a", 0, Cause::Manual, 15);
    ledger.write([Record::Waits(asked.clone())]);
    let past = ledger.reopen();
    assert_eq!((&past.jobs["a"].waiting[..], past.jobs["a"].schedule.as_deref()), (&[asked][..], None));
    ledger.write([Record::Claim(claim_of("a", 0, Cause::Manual, 15)), ended("a", 1, Outcome::Succeeded)]);
    assert_eq!(ledger.reopen().jobs.len(), 0);
    let pause = Pause { reason: None, by: None, since: at(20), until: None };
    ledger.write([Record::Paused { job: name("a"), pause: Some(pause.clone()) }]);
    assert_eq!(ledger.reopen().jobs["a"].pause, Some(pause));
}

#[test]
fn what_waits_can_be_closed() {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 0, Some("x")), Record::Waits(fire("a", 20))]);
    ledger.write([closed("a", 20, Outcome::Skipped)]);
    let past = ledger.reopen();
    assert_eq!((past.jobs["a"].waiting.len(), past.runs.len()), (0, 0));
    assert_eq!(ledger.claim(fire("a", 20)), Answer::Taken);
}

fn open_run(attempts: u32, last: Option<Attempt>) -> OpenRun {
    OpenRun {
        run: run("a", 1),
        claim: fire("a", 10),
        attempts,
        started_at: None,
        last: last.map(Arc::new),
        process: None,
        node: "node-1000".into(),
        boot_id: "boot-1000".into(),
        alive_for: None,
    }
}

#[test]
fn an_open_run_is_told_with_all_that_is_known_of_it() {
    let mut ledger = World::sqlite();
    ledger.claim(fire("a", 10));
    assert_eq!(ledger.reopen().runs, [open_run(1, None)]);

    ledger.write([started("a", 1, 1, 11)]);
    let with_process = OpenRun { started_at: Some(at(11)), process: Some(process()), ..open_run(1, None) };
    assert_eq!(ledger.reopen().runs, [with_process]);

    let first = attempt("a", 1, 1, 12);
    ledger.write([Record::AttemptEnded(Arc::new(first.clone()))]);
    let between = OpenRun { started_at: Some(at(11)), ..open_run(1, Some(first.clone())) };
    assert_eq!(ledger.reopen().runs, vec![between.clone()]);

    ledger.write([Record::Retry { run: run("a", 1), attempt: 2 }]);
    assert_eq!(ledger.reopen().runs, [OpenRun { attempts: 2, ..between.clone() }]);

    ledger.write([started("a", 1, 2, 20)]);
    let second = OpenRun { attempts: 2, process: Some(process()), ..between };
    assert_eq!(ledger.reopen().runs, [second]);

    ledger.write([ended("a", 1, Outcome::Failed)]);
    assert_eq!(ledger.reopen().runs, []);
}

#[test]
fn an_attempt_without_a_process_is_told_with_its_reason() {
    let mut ledger = World::sqlite();
    ledger.claim(fire("a", 10));
    let error = SpawnError { why: SpawnWhy::NotFound, message: "cannot run `/x`: not found".to_owned() };
    let last = Attempt { result: Err(error), ..attempt("a", 1, 1, 12) };
    ledger.write([Record::AttemptEnded(Arc::new(last.clone()))]);
    assert_eq!(ledger.reopen().runs, [open_run(1, Some(last))]);
}

#[test]
fn open_runs_are_told_in_the_order_of_their_claims() {
    let mut ledger = World::sqlite();
    ledger.write([Record::Waits(fire("a", 10)), Record::Claim(fire("b", 20))]);
    ledger.reopen();
    ledger.write([Record::Claim(fire("c", 30)), Record::Claim(fire("a", 10))]);
    let names: Vec<_> = ledger.reopen().runs.iter().map(|run| run.run.to_string()).collect();
    assert_eq!(names, ["b#1", "c#1", "a#1"]);
}

#[test]
fn a_process_belongs_to_the_boot_in_which_it_was_started() {
    let mut ledger = World::sqlite();
    ledger.write([Record::Claim(fire("a", 10)), started("a", 1, 1, 11)]);
    ledger.close(1100);
    ledger.open_with(options(2000));
    ledger.close(2100);
    ledger.open_with(options(3000));
    assert_eq!(&*ledger.past.runs[0].boot_id, "boot-1000");
    ledger.write([Record::Retry { run: run("a", 1), attempt: 2 }]);
    assert_eq!(&*ledger.reopen().runs[0].boot_id, "boot-3000");
}

#[test]
fn the_finish_that_made_it_due_is_told() {
    let mut ledger = World::sqlite();
    let finish = Finish { run: run("b", 7), outcome: Outcome::Failed, exit_code: Some(3) };
    let claim = Claim { after: Some(finish), ..claim_of("a", 0, Cause::Dependency, 10) };
    ledger.claim(claim.clone());
    let past = ledger.reopen();
    assert_eq!(past.runs[0].claim, claim);
    assert_eq!(past.asked, Some((0, at(10))));
}

#[test]
fn the_newest_request_is_told_whatever_its_job() {
    let mut ledger = World::sqlite();
    ledger.claim(claim_of("a", 0, Cause::Manual, 900));
    ledger.claim(claim_of("b", 1, Cause::Startup, 100));
    ledger.write([Record::Waits(claim_of("c", 1, Cause::Manual, 50)), Record::Claim(fire("a", 5000))]);
    assert_eq!(ledger.reopen().asked, Some((1, at(100))));
}

#[test]
fn what_has_finished_counts_until_the_claim_that_it_leads_to() {
    let options = || {
        let firsts = vec![(name("a"), AfterOn::Success), (name("b"), AfterOn::Failure)];
        crate::ledger::OpenOptions { after: vec![(name("c"), firsts)], ..options(1000) }
    };
    let mut ledger = World::sqlite();
    ledger.close(1000);
    ledger.open_with(options());
    let begin = [Record::Claim(fire("a", 1)), Record::Claim(fire("b", 1)), Record::Claim(fire("a", 2))];
    ledger.write(begin);
    ledger.write([ended("a", 1, Outcome::Succeeded), ended("b", 1, Outcome::Succeeded)]);
    let mut finished = |records: Vec<Record>| {
        ledger.write(records);
        ledger.close(1000);
        ledger.open_with(options());
        ledger.past.finished.get("c").cloned().unwrap_or_default()
    };
    assert_eq!(finished(vec![]), [name("a")]);
    assert_eq!(finished(vec![ended("a", 2, Outcome::Failed)]), [name("a")]);
    assert_eq!(
        finished(vec![Record::Claim(fire("b", 2)), ended("b", 2, Outcome::Lost)]),
        [name("a"), name("b")]
    );
    assert_eq!(finished(vec![Record::Waits(claim_of("c", 0, Cause::Dependency, 9))]), []);
}

#[test]
fn the_figures_of_a_run_are_kept() {
    let mut ledger = World::sqlite();
    ledger.claim(fire("a", 10));
    let last = attempt("a", 1, 1, 12);
    let figures = crate::model::Row {
        attempts: 1,
        late_ms: Some(7),
        exit_code: Some(3),
        output_bytes: Some(1_000_000),
        reason: Some("why".to_owned()),
        ..row("a", 10, Outcome::Failed)
    };
    let end = Record::RunEnded { run: run("a", 1), last: Some(Arc::new(last)), row: Arc::new(figures) };
    ledger.write([end]);
    ledger.close(1000);
    let figures: Vec<(i64, i64, i64, String)> = ledger
        .rows("SELECT outcome, exit_code, output_bytes, reason FROM fire", |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
    assert_eq!(figures, [(1, 3, 1_000_000, "why".to_owned())]);
    let output: Vec<(Vec<u8>, Vec<u8>)> = ledger
        .rows("SELECT head, tail FROM output JOIN fire ON fire = fire.id", |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
    assert_eq!(output, [(b"head\0\xff".to_vec(), b"tail".to_vec())]);
}
