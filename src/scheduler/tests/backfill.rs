//! Runs that make up for fire times of the past.

use super::calls::name;
use super::world::{World, at, every, idle, secs, wall};
use crate::model::{AfterOn, CauseClass, Coalesce, Overlap};
use crate::scheduler::BackfillError;
use chrono::{DateTime, Utc};

#[test]
fn each_fire_time_of_the_range_has_a_new_run_one_after_another() {
    let world = World::durable([every("a", secs(10)).overlap(Overlap::Allow)])
        .runs_for("a", secs(4), 0)
        .until(35)
        .and_then()
        .backfill("a", 10, 30, 3)
        .until(48)
        .happened(
            "35 a#4 started backfill
             39 a#4 succeeded
             39 a#5 started backfill
             43 a#5 succeeded
             43 a#6 started backfill
             47 a#6 succeeded
             47 a#7 started scheduled",
        );
    assert_eq!(["a#4", "a#5", "a#6", "a#7"].map(|run| world.fire_time(run)), [10, 20, 30, 40]);
    let row = world.row("a#5");
    assert_eq!((row.fire_time.to_utc(), row.cause, row.late_ms), (wall(20), "backfill", Some(0)));
    assert_eq!((row.key.class, row.started_at.map(|at| at.to_utc())), (CauseClass::Backfill, Some(wall(39))));
    world.stop().until(60).accounts_for_all();
}

#[test]
fn whatever_became_of_them_and_as_often_as_it_is_asked_for() {
    World::durable([every("a", secs(10))])
        .runs_for("a", secs(0), 0)
        .pause("a")
        .until(25)
        .resume("a")
        .and_then()
        .backfill("a", 0, 20, 3)
        .backfill("a", 20, 20, 1)
        .until(26)
        .happened(
            "25 a#1 started backfill
             25 a#1 succeeded
             25 a#2 started backfill
             25 a#2 succeeded
             25 a#3 started backfill
             25 a#3 succeeded
             25 a#4 started backfill
             25 a#4 succeeded",
        )
        .stop()
        .until(27)
        .accounts_for_all();
}

#[test]
fn only_what_lies_in_the_past_is_made_up_for() {
    World::new([every("a", secs(10)), idle("b"), idle("c").delay_after(secs(1)), at("d", &[5])])
        .until(20)
        .and_then()
        .backfill("a", 30, 40, 0)
        .backfill("a", 15, 5, 0)
        .backfill("a", 20, 100, 0)
        .backfill("b", -100, 100, 0)
        .backfill("c", -100, 100, 0)
        .happened("")
        .backfill("d", -1000, 1000, 1);
    let mut world = World::new([every("a", secs(10))]);
    let (from, until) = (DateTime::<Utc>::MIN_UTC, wall(-1_000_000_000));
    let error = world.call(|core, now| core.backfill(&name("a"), from, until, now)).expect_err("too many");
    assert!(matches!(error, BackfillError::TooMany { count: 1_000_000_000.., most: 1000, .. }), "{error:?}");
}

#[test]
fn the_triggers_are_those_of_now() {
    World::new([every("a", secs(10))])
        .runs_for("a", secs(0), 0)
        .until(15)
        .replace(every("a", secs(3)))
        .and_then()
        .backfill("a", 0, 12, 5);
}

#[test]
fn it_runs_although_the_job_is_paused_switched_off_or_finished() {
    let disabled = every("b", secs(10)).disabled();
    let world = World::new([every("a", secs(10)), disabled, every("c", secs(10)).runs_max(1)]);
    world
        .runs_for("a", secs(1), 0)
        .runs_for("b", secs(1), 0)
        .runs_for("c", secs(1), 0)
        .until(15)
        .pause("a")
        .and_then()
        .backfill("a", 10, 10, 1)
        .backfill("b", 10, 10, 1)
        .backfill("c", 10, 10, 1)
        .happened("15 a#2 started backfill\n 15 b#1 started backfill\n 15 c#2 started backfill");
}

#[test]
fn fire_times_that_come_meanwhile_join_the_end() {
    World::durable([every("a", secs(10))])
        .runs_for("a", secs(4), 0)
        .until(35)
        .and_then()
        .backfill("a", 10, 20, 2)
        .until(45)
        .happened(
            "35 a#4 started backfill
             39 a#4 succeeded
             39 a#5 started backfill
             43 a#5 succeeded
             43 a#6 started scheduled",
        )
        .stop()
        .until(60)
        .accounts_for_all();
}

#[test]
fn it_keeps_to_the_limits_and_does_not_pass_those_that_wait() {
    World::with_limits([every("a", secs(10)), idle("b"), idle("c")], Some(1), &[])
        .runs_for("a", secs(1), 0)
        .runs_for("c", secs(1), 0)
        .until(15)
        .and_then()
        .request("b")
        .until(16)
        .request("c")
        .until(17)
        .backfill("a", 10, 10, 1)
        .until(18)
        .exit("b#1", 0)
        .until(20)
        .happened(
            "15 b#1 started manual
             18 b#1 succeeded
             18 c#1 started manual
             19 c#1 succeeded
             19 a#2 started backfill
             20 a#2 succeeded
             20 a#3 started scheduled",
        );
}

#[test]
fn too_many_at_a_time_are_refused_and_so_are_unknown_jobs_and_a_stop() {
    let why = |count, most| {
        format!(
            "expected at most {most} fire times of `a` to make up for, found {count}; ask for a shorter time"
        )
    };
    let world = World::new([every("a", secs(1)).overlap(Overlap::Skip)])
        .until(2000)
        .and_then()
        .cannot_backfill("a", 1, 1001, &why(1001, 1000))
        .cannot_backfill("b", 1, 2, "there is no job `b`")
        .happened("")
        // One is under way: all of these wait.
        .backfill("a", 1, 1000, 1000)
        .cannot_backfill("a", 1, 1, &why(1, 0));
    let world = world.exit("a#1", 0).cannot_backfill("a", 1, 2, &why(2, 1)).backfill("a", 1, 1, 1);
    world.stop().cannot_backfill("a", 1, 2, "`a` is not backfilled: the scheduler is stopping");
}

#[test]
fn what_waits_is_cancelled_with_the_runs() {
    World::new([every("a", secs(10)).coalesce(Coalesce::All)])
        .ends_after_term("a", Some(secs(0)))
        .stall(secs(25))
        .and_then()
        .backfill("a", 0, 20, 3)
        .cancel_all_of("a", 4)
        .until(26)
        .happened(
            "25 TERM a#1
             25 a@0 cancelled request
             25 a@10 cancelled request
             25 a@20 cancelled request
             25 a#1 cancelled request
             25 a#2 started catch_up",
        );
}

#[test]
fn what_waits_is_closed_when_the_job_or_the_runner_goes() {
    World::durable([every("a", secs(10)), every("b", secs(10))])
        .runs_for("a", secs(100), 0)
        .ends_after_term("b", Some(secs(0)))
        .until(15)
        .and_then()
        .backfill("a", 0, 10, 2)
        .backfill("b", 0, 10, 2)
        .remove("a")
        .stop()
        .until(200)
        .happened(
            "15 a removed
             15 a@0 skipped removed
             15 a@10 skipped removed
             15 stopping: Drain 2 within 25s
             15 b@0 skipped stopping
             15 b@10 skipped stopping
             20 b@20 skipped stopping
             30 TERM a#1
             30 TERM b#1
             30 b@30 skipped stopping
             30 a#1 cancelled shutdown
             30 b#1 cancelled shutdown",
        )
        .accounts_for_all();
}

#[test]
fn what_waits_goes_on_after_a_restart_in_its_order() {
    let jobs = || [at("a", &[1000, 2000, 3000]), idle("b").after(&["a"], AfterOn::Finish)];
    let world = World::durable(jobs())
        .runs_for("a", secs(2), 0)
        .runs_for("b", secs(0), 0)
        .until(3500)
        .and_then()
        .backfill("a", 1000, 3000, 3)
        .until(3501)
        .crash()
        .restart(secs(10), jobs())
        .until(3520)
        .happened(
            "3500 a#4 started backfill
             3511 a#4 lost
             3511 b#4 started dependency after a#4
             3511 a#5 started backfill
             3511 b#4 succeeded
             3513 a#5 succeeded
             3513 a#6 started backfill
             3513 b#5 started dependency after a#5
             3513 b#5 succeeded
             3515 a#6 succeeded
             3515 b#6 started dependency after a#6
             3515 b#6 succeeded",
        );
    assert_eq!(["a#4", "a#5", "a#6"].map(|run| world.fire_time(run)), [1000, 2000, 3000]);
    world.stop().until(3600).accounts_for_all();
}

#[test]
fn one_that_lives_after_a_crash_keeps_its_fire_time() {
    let world = World::durable([every("a", secs(600))])
        .ends_after_term("a", None)
        .until(500)
        .backfill("a", 0, 0, 1)
        .until(510)
        .crash_alone()
        .restart(secs(5), [every("a", secs(600))])
        .exit("a#1", 0);
    let row = world.row("a#1");
    assert_eq!((row.fire_time.to_utc(), row.cause), (wall(0), "backfill"));
}
