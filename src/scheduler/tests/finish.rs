//! Jobs that are to run so often and no more.

use super::world::{World, at, every, idle, secs};
use crate::model::{AfterOn, Coalesce, Grace, Overlap};
use chrono::TimeDelta;

fn is_finished(world: &World) -> bool {
    world.core().job_states().next().expect("a job").is_finished
}

#[test]
fn after_so_many_runs_there_are_no_fire_times_any_more() {
    let world = World::durable([every("a", secs(10)).runs_max(2)]).runs_for("a", secs(1), 0).until(15);
    assert!(!is_finished(&world));
    let world = world.until(20);
    assert!(is_finished(&world), "its last run is under way");
    assert_eq!(world.waits(), [None]);
    world
        .until(100)
        .happened(
            "10 a#1 started scheduled
             11 a#1 succeeded
             20 a#2 started scheduled
             21 a#2 succeeded",
        )
        .stop()
        .until(101)
        .accounts_for_all();
}

#[test]
fn what_did_not_run_and_what_was_asked_for_does_not_count() {
    World::new([every("a", secs(10)).runs_max(1)])
        .request("a")
        .until(15)
        .exit("a#1", 0)
        .until(20)
        .exit("a#2", 1)
        .until(60)
        .request("a")
        .happened(
            "0 a#1 started manual
             10 a@10 skipped overlap
             15 a#1 succeeded
             20 a#2 started scheduled
             20 a#2 failed
             60 a#3 started manual",
        );
}

#[test]
fn what_waits_beside_the_last_is_skipped() {
    World::durable([every("a", secs(10)).max_instances(2).overlap(Overlap::Queue).runs_max(2)])
        .ends_after_term("a", Some(secs(0)))
        .until(5)
        .request("a")
        .request("a")
        .until(25)
        .exit("a#1", 0)
        .until(35)
        .exit("a#2", 0)
        .until(45)
        .happened(
            "5 a#1 started manual
             5 a#2 started manual
             20 a@20 coalesced into 10
             25 a#1 succeeded
             25 a#3 started scheduled
             35 a#2 succeeded
             35 a#4 started scheduled",
        )
        .stop()
        .until(90)
        .accounts_for_all();
}

#[test]
fn of_a_backlog_only_so_many_run() {
    World::durable([every("a", secs(10)).coalesce(Coalesce::All).runs_max(2)])
        .runs_for("a", secs(1), 0)
        .stall(secs(50))
        .until(100)
        .happened(
            "50 a#1 started catch_up
             51 a#1 succeeded
             51 a@30 skipped finished
             51 a@40 skipped finished
             51 a@50 skipped finished
             51 a#2 started catch_up
             52 a#2 succeeded",
        )
        .stop()
        .until(101)
        .accounts_for_all();
}

#[test]
fn what_waits_for_a_group_does_not_begin_after_the_last() {
    World::with_limits([every("a", secs(10)).overlap(Overlap::Allow).runs_max(1), idle("b")], Some(1), &[])
        .runs_for("a", secs(1), 0)
        .request("b")
        .until(30)
        .exit("b#1", 0)
        .until(60)
        .happened(
            "0 b#1 started manual
             30 b#1 succeeded
             30 a@30 skipped finished
             30 a@20 skipped finished
             30 a#1 started scheduled
             31 a#1 succeeded",
        );
}

#[test]
fn a_job_with_a_fixed_delay_finishes_too() {
    let world =
        World::new([idle("a").delay_after(secs(10)).runs_max(2)]).runs_for("a", secs(1), 0).until(100);
    assert!(is_finished(&world));
    world.happened(
        "10 a#1 started scheduled
         11 a#1 succeeded
         21 a#2 started scheduled
         22 a#2 succeeded",
    );
}

#[test]
fn how_many_there_were_survives_a_restart() {
    let job = || every("a", secs(10)).runs_max(3).grace(Grace::Within(secs(1)));
    World::durable([job()])
        .runs_for("a", secs(0), 0)
        .until(25)
        .crash()
        .restart(secs(10), [job()])
        .until(55)
        .crash()
        .restart(secs(10), [job()])
        .until(100)
        .happened(
            "10 a#1 started scheduled
             10 a#1 succeeded
             20 a#2 started scheduled
             20 a#2 succeeded
             35 a@30 missed down
             40 a#3 started scheduled
             40 a#3 succeeded",
        )
        .stop()
        .until(101)
        .accounts_for_all();
}

#[test]
fn a_crash_between_the_last_claim_and_the_rest_leaves_it_finished() {
    let job = || every("a", secs(10)).coalesce(Coalesce::All).runs_max(1);
    World::durable([job()])
        .until(5)
        .ledger_hangs()
        .stall(secs(50))
        .writes(1)
        .crash()
        .restart(secs(60), [job()])
        .until(200)
        .happened("115 a#1 lost")
        .stop()
        .until(101)
        .accounts_for_all();
}

#[test]
fn a_lower_number_skips_what_waits() {
    let job = || every("a", secs(10)).overlap(Overlap::Queue);
    World::durable([job().runs_max(5)])
        .until(25)
        .replace(job().runs_max(1))
        .happened(
            "10 a#1 started scheduled
             25 a changed
             25 a@20 skipped finished",
        )
        .until(60)
        .stop()
        .until(100)
        .accounts_for_all();
}

#[test]
fn one_that_is_removed_and_added_again_begins_anew() {
    let job = || every("a", secs(10)).runs_max(1);
    World::durable([job()])
        .runs_for("a", secs(0), 0)
        .until(15)
        .remove("a")
        .add(job())
        .until(35)
        .happened(
            "10 a#1 started scheduled
             10 a#1 succeeded
             15 a removed
             15 a added
             20 a#2 started scheduled
             20 a#2 succeeded",
        )
        .crash()
        .restart(secs(10), [])
        .until(50)
        .crash()
        .restart(secs(5), [job()])
        .until(75)
        .happened("60 a#3 started scheduled\n 60 a#3 succeeded")
        .stop()
        .until(80)
        .accounts_for_all();
}

#[test]
fn it_is_made_due_by_others_still_and_a_clock_that_is_set_back_changes_nothing() {
    World::durable([every("a", secs(10)).runs_max(1).after(&["b"], AfterOn::Finish), idle("b")])
        .runs_for("a", secs(0), 0)
        .runs_for("b", secs(0), 0)
        .until(15)
        .step(TimeDelta::hours(-1))
        .until(30)
        .request("b")
        .until(60)
        .happened(
            "10 a#1 started scheduled
             10 a#1 succeeded
             15 clock stepped -3600s
             30 b#1 started manual
             30 b#1 succeeded
             30 a#2 started dependency after b#1
             30 a#2 succeeded",
        );
}

#[test]
fn a_one_shot_finishes_as_ever() {
    let world = World::new([at("a", &[10, 20]).runs_max(5)]).runs_for("a", secs(0), 0).until(15);
    assert!(!is_finished(&world));
    assert!(is_finished(&world.until(21)));
}
