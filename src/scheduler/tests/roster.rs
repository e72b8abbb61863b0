//! Jobs that come and go while the scheduler runs.

use super::world::{World, at, cron, every, idle, secs, wall};
use crate::model::{AfterOn, Coalesce, Overlap};

#[test]
fn a_job_that_is_added_exists_from_then_on() {
    World::new([])
        .until(20)
        .add(at("a", &[10, 20, 30]).startup())
        .runs_for("a", secs(1), 0)
        .until(40)
        .happened("20 a added\n 30 a#1 started scheduled\n 31 a#1 succeeded")
        .tally("ran 1: 1 succeeded");
}

#[test]
fn a_name_is_that_of_one_job() {
    World::new([idle("a")])
        .cannot_add(idle("a"), "expected a new name, found the job `a`")
        .cannot_add(idle("b").group("x"), "expected a group of the plan for `b`, found `x`")
        .add(idle("b"))
        .cannot_add(idle("b"), "expected a new name, found the job `b`")
        .stop()
        .cannot_add(idle("c"), "`c` is not added: the scheduler is stopping");
}

#[test]
fn a_job_that_is_removed_is_due_no_more_and_its_run_goes_on() {
    World::new([every("a", secs(10)).overlap(Overlap::Queue)])
        .runs_for("a", secs(15), 1)
        .until(22)
        .remove("a")
        .knows_not("a")
        .until(60)
        .happened(
            "10 a#1 started scheduled
             22 a removed
             22 a@20 skipped removed
             25 a#1 failed",
        );
}

#[test]
fn a_run_of_a_removed_job_is_tried_again_and_stopped_like_any() {
    World::new([at("a", &[10]).retry(2, secs(5)).timeout(secs(10)).kill_after(secs(3))])
        .ends_after_term("a", None)
        .until(12)
        .remove("a")
        .until(60)
        .happened(
            "10 a#1 started scheduled
             12 a removed
             20 TERM a#1
             23 KILL a#1
             23 a#1 tries again in 5s
             28 a#1 started scheduled again 2
             38 TERM a#1
             41 KILL a#1
             41 a#1 timed_out",
        );
}

#[test]
fn what_waits_for_a_slot_or_in_a_backlog_is_removed_too() {
    World::with_limits([idle("b"), every("a", secs(10)).coalesce(Coalesce::All)], Some(1), &[])
        .request("b")
        .stall(secs(30))
        .remove("a")
        .exit("b#1", 0)
        .until(60)
        .happened(
            "0 b#1 started manual
             30 a removed
             30 a@20 skipped removed
             30 a@30 skipped removed
             30 a@10 skipped removed
             30 b#1 succeeded",
        );
}

#[test]
fn a_fire_time_within_its_jitter_is_removed() {
    World::new([every("a", secs(100)).jitter(secs(99))]).until(100).remove("a").until(300).happened(
        "100 a removed
         100 a@100 skipped removed",
    );
}

#[test]
fn a_job_of_the_same_name_finds_the_old_run_there() {
    World::new([at("a", &[10])])
        .until(12)
        .remove("a")
        .add(every("a", secs(10)))
        .until(22)
        .exit("a#1", 0)
        .until(30)
        .happened(
            "10 a#1 started scheduled
             12 a removed
             12 a added
             20 a@20 skipped overlap
             22 a#1 succeeded
             30 a#2 started scheduled",
        );
}

#[test]
fn what_comes_and_goes_leaves_nothing_behind() {
    let mut world = World::durable([idle("stays")]).runs_for("x1", secs(1), 0);
    for turn in 0..10_000 {
        let name = format!("x{turn}");
        world = world.add(at(&name, &[1_000_000])).remove(&name);
    }
    assert_eq!(world.core().jobs.places(), 2);
    assert_eq!(world.core().due.iter().count(), 0);
    let mut world = World::new([]);
    for turn in 0..100_u32 {
        let name = format!("x{turn}");
        world = world
            .add(at(&name, &[i64::from(turn) + 1]))
            .runs_for(&name, secs(3), 0)
            .until(u64::from(turn) + 1);
        world = world.remove(&name);
    }
    let world = world.until(200).tally("ran 100: 100 succeeded");
    assert_eq!(world.core().jobs.iter().count(), 0);
    assert!(world.core().jobs.places() < 10);
    assert!(world.core().one_shots_finished.is_empty());
}

#[test]
fn a_job_may_run_after_one_that_is_yet_to_come() {
    World::new([])
        .add(idle("b").after(&["a"], AfterOn::Finish))
        .cannot_add(idle("c").after(&["c"], AfterOn::Finish), "`c` would run after itself")
        .cannot_add(idle("a").after(&["b"], AfterOn::Finish), "`a` would run after itself")
        .add(idle("a"))
        .request("a")
        .exit("a#1", 0)
        .happened(
            "0 b added
             0 a added
             0 a#1 started manual
             0 a#1 succeeded
             0 b#1 started dependency after a#1",
        )
        .remove("b")
        .request("a")
        .exit("a#2", 0)
        .happened("0 b removed\n 0 a#2 started manual\n 0 a#2 succeeded");
}

#[test]
fn what_was_removed_is_known_to_be_at_a_restart() {
    World::durable([])
        .until(5)
        .add(every("a", secs(10)))
        .runs_for("a", secs(1), 0)
        .until(12)
        .remove("a")
        .until(20)
        .crash()
        .and_then()
        .restart(secs(30), [])
        .happened("")
        .add(every("a", secs(10)))
        .until(60)
        .happened("50 a added\n 60 a#2 started scheduled")
        .stop()
        .until(100)
        .accounts_for_all();
}

#[test]
fn an_added_job_goes_on_after_a_restart_when_it_is_added_again() {
    let job = || every("a", secs(10));
    World::durable([])
        .awaits_absent()
        .add(job())
        .runs_for("a", secs(1), 0)
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), [])
        .until(40)
        .crash()
        .restart(secs(1), [])
        .happened("")
        .add(job())
        .until(51)
        .happened(
            "41 a added
             41 a@20 coalesced into 40, 2 until 30
             41 a#2 started scheduled
             42 a#2 succeeded
             50 a#3 started scheduled
             51 a#3 succeeded",
        )
        .stop()
        .until(60)
        .accounts_for_all();
}

#[test]
fn a_process_of_a_job_that_is_yet_to_be_added_is_watched() {
    World::durable([])
        .awaits_absent()
        .add(at("a", &[10, 40]))
        .runs_for("a", secs(25), 0)
        .until(12)
        .crash_alone()
        .and_then()
        .restart(secs(8), [])
        .until(30)
        .add(at("a", &[10, 40]))
        .until(65)
        .happened(
            "20 a#1 adopted
             30 a added
             35 a#1 succeeded
             40 a#2 started scheduled
             65 a#2 succeeded",
        );
}

#[test]
fn instants_that_an_earlier_job_of_the_name_had_before_the_clock_was_set_back_run_again() {
    World::durable([every("a", secs(10))])
        .runs_for("a", secs(1), 0)
        .until(62)
        .and_then()
        .remove("a")
        .set(2)
        .add(every("a", secs(10)))
        .until(74)
        .happened(
            "62 a removed
             62 clock stepped -60s
             62 a added
             70 a#7 started scheduled
             71 a#7 succeeded",
        );
}

#[test]
fn jobs_come_and_go_while_the_clock_is_wrong() {
    World::at_wall([every("a", secs(10))], wall(-1000), Some(wall(0)))
        .add(every("b", secs(10)))
        .remove("a")
        .add(every("c", secs(10)))
        .remove("c")
        .set(5)
        .until(5)
        .happened(
            "0 clock wrong until 0
             0 b added
             0 a removed
             0 c added
             0 c removed
             0 clock stepped 1005s
             0 clock right
             5 b#1 started scheduled",
        );
}

#[test]
fn a_day_of_a_job_is_that_of_its_calendar() {
    World::new([]).until(30).add(cron("a", "* * * * *")).waits_until(60);
}
