//! Ledgers that are sound, and ledgers that were damaged.

use super::*;
use crate::ledger::tests::world::{
    World, at, claim_of, closed, defined, ended, fire, key, name, row, stretch,
};
use crate::model::{Cause, Claim, Record};
use std::sync::Arc;
use std::time::Duration;

/// Every ten seconds.
const EVERY_10: &str = r#"{"triggers":[{"every":{"period_ms":10000,"anchor_ms":0}}]}"#;
/// Every seven.
const EVERY_7: &str = r#"{"triggers":[{"every":{"period_ms":7000,"anchor_ms":0}}]}"#;

fn audit(world: &World) -> Vec<Audited> {
    Reader::audit(&world.path(), &[]).expect("it can be read")
}

/// `4 fire times: 2 succeeded, 1 missed, 1 running; 1 unaccounted at 20`
fn said(audited: &Audited) -> String {
    let mut said = format!("{} fire times:", audited.fire_times);
    for (outcome, count) in audited.outcomes.iter().filter(|(_, count)| **count > 0) {
        said.extend([" ", &count.to_string(), " ", outcome.as_str(), ","]);
    }
    for (word, count) in
        [("running", audited.running), ("waiting", audited.waiting), ("pruned", audited.pruned)]
    {
        if count > 0 {
            said.extend([" ", &count.to_string(), " ", word, ","]);
        }
    }
    for Finding { found, at, count } in &audited.findings {
        said.extend([format!(" {count} {found:?} at {},", at.timestamp())]);
    }
    said.trim_end_matches(',').to_owned()
}

#[track_caller]
fn check(world: &World, expected: &str) {
    let audited = audit(world);
    assert_eq!(said(&audited[0]), expected);
    let sound = !["Unaccounted", "Double", "Unexpected", "Forgotten", "Gone"]
        .iter()
        .any(|word| expected.contains(word));
    assert_eq!(audited[0].is_sound(), sound);
}

/// Fire times of `a` from 10 to 70: one of each kind.
fn world() -> World {
    let mut world = World::sqlite();
    world.write([
        defined("a", 0, 5, Some(EVERY_10)),
        Record::Claim(fire("a", 10)),
        ended("a", 1, Outcome::Succeeded),
        stretch("a", 20, 40, 3),
        Record::Claim(fire("a", 50)),
        Record::Waits(fire("a", 60)),
        closed("a", 70, Outcome::Skipped),
        Record::Claim(claim_of("a", 0, Cause::Manual, 55)),
    ]);
    world
}

#[test]
fn a_sound_ledger_is_counted() {
    let world = world();
    check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 running, 1 waiting");
    let audited = &audit(&world)[0];
    assert_eq!((audited.from, audited.until), (Some(at(5)), Some(at(70))));
    assert_eq!(audited.zone.name(), "Europe/Berlin");
}

#[test]
fn what_is_made_up_for_is_not_accounted_for_twice() {
    let mut world = world();
    let backfill = |second| Claim { fire_time: at(50), ..claim_of("a", 0, Cause::Backfill, second) };
    world.write([Record::Claim(backfill(80)), ended("a", 4, Outcome::Failed), Record::Waits(backfill(81))]);
    check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 running, 1 waiting");
}

#[test]
fn a_row_that_is_missing_shows() {
    let world = world();
    world.rows("DELETE FROM fire WHERE instant = 50000000", |_| Ok(()));
    world.rows("DELETE FROM open WHERE fire NOT IN (SELECT id FROM fire)", |_| Ok(()));
    check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 waiting, 1 Unaccounted at 50");
    world.rows("DELETE FROM fire WHERE instant = 70000000 OR count = 3", |_| Ok(()));
    check(&world, "7 fire times: 1 succeeded, 1 waiting, 4 Unaccounted at 20, 1 Unaccounted at 70");
}

#[test]
fn a_row_too_many_shows() {
    let insert = |values: &str| {
        let world = world();
        let sql = format!(
            "INSERT INTO fire(job, cause, outcome, attempts, node, instant, series) VALUES (1, 0, 0, 1, 1, {values})"
        );
        world.rows(&sql, |_| Ok(()));
        said(&audit(&world)[0]).split_once("waiting").expect("one waits").1.to_owned()
    };
    assert_eq!(insert("30000000, 0"), ", 1 Double at 30", "inside the stretch");
    assert_eq!(insert("50000000, 8"), ", 1 Double at 50", "in an epoch that never began");
    assert_eq!(insert("51000000, 0"), ", 1 Unexpected at 51");
    assert_eq!(insert("51000000, 8"), ", 1 Unexpected at 51");
    assert_eq!(insert("80000000, 0"), ", 1 Unexpected at 80", "beyond the watermark");
    assert_eq!(insert("52000000, 1"), "", "by hand");
}

#[test]
fn what_is_open_without_anybody_knowing_is_forgotten() {
    let world = world();
    world.rows("UPDATE fire SET outcome = NULL WHERE instant = 70000000", |_| Ok(()));
    check(&world, "7 fire times: 1 succeeded, 3 missed, 1 running, 1 waiting, 1 Forgotten at 70");
    world.rows("DELETE FROM open", |_| Ok(()));
    check(
        &world,
        "7 fire times: 1 succeeded, 3 missed, 1 Forgotten at 50, 1 Forgotten at 55, 1 Forgotten at 60, 1 Forgotten at 70",
    );
    let audited = Reader::audit(&world.path(), &[name("a")]).expect("it can be read");
    assert_eq!(audited[0].forgotten, 4, "the one by hand as well");
}

#[test]
fn what_has_ended_and_is_open_is_double() {
    let world = world();
    world.rows(
        "INSERT INTO open(fire, attempts, node) SELECT id, 0, 1 FROM fire WHERE instant = 70000000",
        |_| Ok(()),
    );
    check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 running, 1 waiting, 1 Double at 70");
}

#[test]
fn a_job_without_a_row_of_all_that_was_due_shows() {
    let world = world();
    world.rows("DELETE FROM open", |_| Ok(()));
    world.rows("DELETE FROM fire", |_| Ok(()));
    check(&world, "7 fire times: 7 Unaccounted at 10");
    world.rows("DELETE FROM definition", |_| Ok(()));
    let audited = &audit(&world)[0];
    assert_eq!(audited.unreadable.as_deref(), Some("its definition is gone"));
    assert!(!audited.is_sound());
}

#[test]
fn rows_of_a_job_that_is_gone_show() {
    let mut world = world();
    world.write([defined("b", 0, 5, Some(EVERY_10)), closed("b", 10, Outcome::Skipped)]);
    world.rows("DELETE FROM job WHERE name = 'a'", |_| Ok(()));
    let audited = audit(&world);
    assert_eq!(
        audited.iter().map(|audited| audited.job.clone()).collect::<Vec<_>>(),
        [Some(name("b")), None]
    );
    assert_eq!(said(&audited[1]), "0 fire times: 6 Unexpected at 10");
    assert!(audited[0].is_sound() && !audited[1].is_sound());
    let of_b = Reader::audit(&world.path(), &[name("b")]).expect("it can be read");
    assert_eq!(of_b.len(), 1, "no other job was asked about");
}

#[test]
fn rows_of_requests_that_are_gone_show() {
    let world = world();
    world.rows("DELETE FROM open WHERE fire = (SELECT id FROM fire WHERE series = 1)", |_| Ok(()));
    world.rows("DELETE FROM fire WHERE series = 1", |_| Ok(()));
    check(&world, "7 fire times: 1 succeeded, 1 skipped, 3 missed, 1 running, 1 waiting, 1 Gone at 55");
}

#[test]
fn after_a_crash_it_is_said_that_more_may_have_been_due() {
    let mut world = world();
    world.write([defined("b", 0, 5, Some(EVERY_10)), defined("b", 0, 9, None)]);
    let goes_on = |world: &World| audit(world).iter().map(|audited| audited.goes_on).collect::<Vec<_>>();
    assert_eq!(goes_on(&world), [true, false], "`b` has no schedule any more");
    world.crash();
    assert_eq!(goes_on(&world), [true, false]);
    world.open();
    world.close(71);
    assert_eq!(goes_on(&world), [false, false]);
}

#[test]
fn a_stretch_that_miscounts_shows() {
    let world = world();
    let miscount =
        |count: i64| world.rows(&format!("UPDATE fire SET count = {count} WHERE count > 1"), |_| Ok(()));
    miscount(2);
    check(
        &world,
        "7 fire times: 1 succeeded, 1 skipped, 2 missed, 1 running, 1 waiting, 1 Unaccounted at 20",
    );
    miscount(5);
    check(&world, "7 fire times: 1 succeeded, 1 skipped, 5 missed, 1 running, 1 waiting, 2 Unexpected at 20");
}

#[test]
fn each_definition_is_held_against_its_own_time() {
    let mut world = World::sqlite();
    let skipped = |second| closed("a", second, Outcome::Skipped);
    world.write([
        defined("a", 0, 5, Some(EVERY_10)),
        skipped(10),
        skipped(20),
        defined("a", 0, 25, Some(EVERY_7)),
    ]);
    world.write([
        skipped(28),
        skipped(35),
        defined("a", 0, 41, None),
        defined("a", 0, 65, Some(EVERY_10)),
        skipped(70),
    ]);
    check(&world, "5 fire times: 5 skipped");
    world.write([defined("a", 0, 75, None), defined("b", 0, 75, None)]);
    check(&world, "5 fire times: 5 skipped");
    assert_eq!(said(&audit(&world)[1]), "0 fire times:");
}

#[test]
fn epochs_are_held_apart() {
    let mut world = World::sqlite();
    let skipped = |epoch, second| Record::Closed {
        key: key("a", epoch, Cause::Scheduled, second),
        row: Arc::new(row("a", second, Outcome::Skipped)),
    };
    world.write([defined("a", 0, 5, Some(EVERY_10)), skipped(0, 10), skipped(0, 20), skipped(0, 30)]);
    world.write([defined("a", 1, 12, Some(EVERY_10)), skipped(1, 20), skipped(1, 30), skipped(1, 40)]);
    check(&world, "6 fire times: 6 skipped");
    world.rows("DELETE FROM fire WHERE instant = 30000000 AND series = 0", |_| Ok(()));
    check(&world, "6 fire times: 5 skipped, 1 Unaccounted at 30");
}

#[test]
fn a_small_step_back_before_a_change_leaves_what_was_due_in_order() {
    let skipped = |second| closed("a", second, Outcome::Skipped);
    let mut world = World::sqlite();
    world.write([defined("a", 0, 5, Some(EVERY_10)), skipped(10), skipped(20)]);
    world.write([defined("a", 0, 15, Some(EVERY_7)), skipped(21)]);
    check(&world, "2 fire times: 3 skipped, 1 Unexpected at 20");
    world.write([Record::ClockStepped { by: chrono::TimeDelta::seconds(-8), at: at(14) }]);
    check(&world, "3 fire times: 3 skipped");
}

#[test]
fn what_was_deleted_is_still_counted() {
    let mut world = World::sqlite();
    world.write([defined("a", 0, 5, Some(EVERY_10)), stretch("a", 10, 30, 3)]);
    world.write([40, 50, 60, 70].map(|second| closed("a", second, Outcome::Skipped)));
    // As retention does; the one at 40 was open then.
    world.rows("DELETE FROM fire WHERE instant < 60000000 AND instant <> 40000000", |_| Ok(()));
    world.rows("INSERT INTO pruned VALUES (1, 0, 5, 3, 30000000), (1, 0, 4, 1, 50000000)", |_| Ok(()));
    world.rows("UPDATE job SET fires = 3", |_| Ok(()));
    check(&world, "7 fire times: 4 skipped, 3 missed, 4 pruned");
    world.rows("DELETE FROM fire WHERE instant = 40000000", |_| Ok(()));
    check(&world, "7 fire times: 3 skipped, 3 missed, 4 pruned, 1 Unaccounted at 10");
    world.rows("UPDATE pruned SET fire_times = 3 WHERE outcome = 4", |_| Ok(()));
    check(&world, "7 fire times: 5 skipped, 3 missed, 6 pruned, 1 Double at 10");
}

#[test]
fn a_month_of_milliseconds_is_one_step() {
    let mut world = World::sqlite();
    let definition = EVERY_10.replace("10000", "10");
    let seconds = 30 * 86_400;
    let count = 100 * u64::try_from(seconds).expect("positive");
    world.write([defined("a", 0, 0, Some(&definition))]);
    let last = Some(at(seconds).fixed_offset());
    let first = at(0) + Duration::from_millis(10);
    let row = crate::model::Row { count, fire_time_last: last, ..row("a", 0, Outcome::Missed) };
    let key = crate::model::RunKey { instant: first, ..key("a", 0, Cause::Scheduled, 0) };
    world.write([Record::Closed { key, row: Arc::new(row) }]);
    check(&world, "259200000 fire times: 259200000 missed");
}

#[test]
fn a_definition_that_cannot_be_read_is_said() {
    let mut world = World::sqlite();
    world.write([defined("a", 0, 0, Some("null")), closed("a", 10, Outcome::Skipped)]);
    let audited = &audit(&world)[0];
    assert!(audited.unreadable.as_ref().is_some_and(|why| why.contains("`null`")), "{audited:?}");
    assert!(!audited.is_sound() && audited.unexpected == 0);
}
