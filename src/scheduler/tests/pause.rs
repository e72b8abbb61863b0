//! Pauses.

use super::world::{World, at, every, idle, secs, wall};
use crate::model::{AfterOn, Coalesce, Overlap};

#[test]
fn fire_times_of_a_paused_job_are_one_stretch_and_resuming_is_from_then_on() {
    World::new([every("a", secs(1))])
        .runs_for("a", secs(0), 0)
        .until(1)
        .and_then()
        .pause("a")
        .until(4000)
        .happened("1 a paused")
        .resume("a")
        .until(4001)
        .happened(
            "4000 a resumed
             4000 a@2 skipped paused, 3999 until 4000
             4001 a#2 started scheduled
             4001 a#2 succeeded",
        )
        .tally("ran 2: 2 succeeded; skipped 3999");
}

#[test]
fn a_paused_job_wakes_nobody_and_a_snooze_ends_by_itself() {
    let world = World::new([every("a", secs(10))]).until(5).pause("a");
    assert_eq!(world.core().poll_timeout().wall, None);
    assert_eq!(world.core().next_due().map(|(_, due)| due), None);
    world.snooze("a", 30, "not now").waits_until(35).until(41).happened(
        "5 a paused
         5 a paused until 35: not now
         35 a resumed
         35 a@10 skipped paused, 3 until 30
         40 a#1 started scheduled",
    );
}

#[test]
fn a_fire_time_at_the_very_end_of_a_snooze_is_paused() {
    World::new([every("a", secs(10))]).snooze("a", 20, "x").until(30).happened(
        "0 a paused until 20: x
         20 a resumed
         20 a@10 skipped paused, 2 until 20
         30 a#1 started scheduled",
    );
}

#[test]
fn what_came_after_a_snooze_that_nobody_saw_end_is_a_misfire() {
    World::new([every("a", secs(10))]).snooze("a", 25, "x").stall(secs(50)).happened(
        "0 a paused until 25: x
         50 a resumed
         50 a@10 skipped paused, 2 until 20
         50 a@30 coalesced into 50, 2 until 40
         50 a#1 started scheduled",
    );
}

#[test]
fn what_was_due_before_is_decided_and_what_waits_or_runs_goes_on() {
    World::new([every("a", secs(10)).overlap(Overlap::Queue)])
        .until(10)
        .unnoticed(secs(12))
        .pause("a")
        .pause("a")
        .until(35)
        .exit("a#1", 0)
        .exit("a#2", 0)
        .resume("a")
        .resume("a")
        .happened(
            "10 a#1 started scheduled
             22 a paused
             22 a paused
             35 a#1 succeeded
             35 a#2 started catch_up
             35 a#2 succeeded
             35 a resumed
             35 a@30 skipped paused",
        );
}

#[test]
fn a_request_runs_and_neither_a_start_nor_a_finish_makes_a_paused_job_run() {
    World::new([idle("a"), idle("b").after(&["a"], AfterOn::Finish)])
        .pause("a")
        .pause("b")
        .asks("a", "Starts")
        .exit("a#1", 0)
        .resume("b")
        .asks("a", "Starts")
        .exit("a#2", 0)
        .happened(
            "0 a paused
             0 b paused
             0 a#1 started manual
             0 a#1 succeeded
             0 b@0 skipped paused
             0 b resumed
             0 a#2 started manual
             0 a#2 succeeded
             0 b#1 started dependency after a#2",
        );
}

#[test]
fn all_are_paused_and_resumed() {
    World::new([every("a", secs(10)), every("b", secs(10))])
        .pause("a")
        .pause_all()
        .until(10)
        .resume_all()
        .resume_all()
        .until(20)
        .happened(
            "0 a paused
             0 a paused
             0 b paused
             10 a resumed
             10 b resumed
             10 a@10 skipped paused
             10 b@10 skipped paused
             20 a#1 started scheduled
             20 b#1 started scheduled",
        );
}

#[test]
fn a_stop_and_a_removal_close_the_stretch() {
    World::durable([every("a", secs(10)), every("b", secs(10)), idle("c")])
        .ends_after_term("c", Some(secs(20)))
        .request("c")
        .pause("a")
        .pause("b")
        .until(15)
        .remove("b")
        .add(every("b", secs(10)).jitter(secs(5)))
        .until(22)
        .and_then()
        .stop()
        .until(100)
        .happened(
            "22 stopping: Drain 1 within 25s
             23 b@20 skipped stopping
             30 b@30 skipped stopping
             37 TERM c#1
             41 b@40 skipped stopping
             47 KILL c#1
             47 c#1 cancelled shutdown
             47 a@10 skipped paused, 4 until 40",
        )
        .accounts_for_all();
}

#[test]
fn other_fire_times_close_the_stretch_and_the_job_stays_paused() {
    World::durable([every("a", secs(10))])
        .pause("a")
        .until(25)
        .replace(every("a", secs(8)))
        .replace(every("a", secs(8)).overlap(Overlap::Allow))
        .until(40)
        .resume("a")
        .until(48)
        .happened(
            "0 a paused
             25 a changed
             25 a@10 skipped paused, 2 until 20
             25 a changed
             40 a resumed
             40 a@32 skipped paused, 2 until 40
             48 a#1 started scheduled",
        )
        .stop()
        .until(100)
        .accounts_for_all();
}

#[test]
fn a_pause_survives_a_restart_and_what_was_due_meanwhile_is_not_missed() {
    let jobs = || [every("a", secs(10)), at("b", &[30]).startup()];
    World::durable(jobs())
        .exit("b#1", 0)
        .pause("a")
        .pause("b")
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), jobs())
        .until(45)
        .resume("a")
        .until(50)
        .happened(
            "32 a@10 skipped paused, 3 until 30
             32 b@30 skipped paused
             32 b@32 skipped paused
             45 a resumed
             45 a@40 skipped paused
             50 a#1 started scheduled",
        )
        .crash()
        .and_then()
        .restart(secs(1), jobs())
        .until(60)
        .happened("51 a#1 lost\n 51 b@51 skipped paused\n 60 a#2 started scheduled")
        .stop()
        .until(100)
        .accounts_for_all();
}

#[test]
fn a_snooze_that_ended_while_no_runner_ran_is_over() {
    let job = || every("a", secs(10)).coalesce(Coalesce::All);
    World::durable([job()])
        .runs_for("a", secs(0), 0)
        .snooze("a", 25, "x")
        .until(12)
        .crash()
        .and_then()
        .restart(secs(30), [job()])
        .until(50)
        .happened(
            "42 a resumed
             42 a@10 skipped paused, 2 until 20
             42 a#1 started catch_up
             42 a#1 succeeded
             42 a#2 started catch_up
             42 a#2 succeeded
             50 a#3 started scheduled
             50 a#3 succeeded",
        )
        .stop()
        .until(60)
        .accounts_for_all();
}

#[test]
fn a_paused_job_that_changed_meanwhile_was_paused_as_it_was() {
    World::durable([every("a", secs(10))])
        .pause("a")
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), [every("a", secs(8))])
        .until(40)
        .stop()
        .happened(
            "32 a@10 skipped paused, 3 until 30
             40 stopping: Drain 0 within 25s
             40 a@40 skipped paused",
        )
        .until(41)
        .accounts_for_all();
}

#[test]
fn a_job_that_left_its_file_while_it_was_paused_is_not_when_it_comes_back() {
    World::durable([every("a", secs(10))])
        .pause("a")
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), [])
        .crash()
        .restart(secs(1), [every("a", secs(10))])
        .until(40)
        .happened("32 a@10 skipped paused, 3 until 30\n 40 a#1 started scheduled");
}

#[test]
fn a_paused_job_that_is_yet_to_be_added_is_paused_then() {
    World::durable([every("a", secs(10))])
        .awaits_absent()
        .pause("a")
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), [])
        .add(every("a", secs(10)))
        .until(50)
        .happened("32 a added\n 32 a@10 skipped paused, 3 until 30");
}

#[test]
fn what_came_before_the_clock_was_set_back_was_paused() {
    World::durable([every("a", secs(10))])
        .pause("a")
        .until(65)
        .stall(secs(0))
        .set(2)
        .until(85)
        .resume("a")
        .until(95)
        .happened(
            "0 a paused
             65 clock stepped -63s
             65 a@10 skipped paused, 6 until 60
             85 a resumed
             85 a@10 skipped paused, 2 until 20
             93 a#1 started scheduled",
        )
        .stop()
        .until(200)
        .accounts_for_all();
}

#[test]
fn a_job_may_be_paused_before_the_clock_is_right() {
    World::at_wall([every("a", secs(10)), every("b", secs(10))], wall(-1000), Some(wall(0)))
        .pause("a")
        .snooze("b", 3, "x")
        .resume("b")
        .set(5)
        .until(20)
        .resume("a")
        .happened(
            "0 clock wrong until 0
             0 a paused
             0 b paused until -997: x
             0 b resumed
             0 clock stepped 1005s
             0 clock right
             5 b#1 started scheduled
             15 b@20 skipped overlap
             20 a resumed
             20 a@10 skipped paused, 2 until 20",
        );
}
