//! Jobs that change while the scheduler runs.

use super::world::{World, at, every, idle, secs};
use crate::model::{AfterOn, JobAction, Overlap};
use crate::trigger::Zone;

#[test]
fn other_policies_leave_the_fire_times_as_they_are() {
    World::new([every("a", secs(60)).jitter(secs(30))])
        .until(59)
        .replace(every("a", secs(60)).overlap(Overlap::Allow))
        .until(200)
        .happened(
            "59 a changed
             67 a#1 started scheduled
             120 a#2 started scheduled
             180 a#3 started scheduled",
        );
}

#[test]
fn other_triggers_begin_at_that_moment() {
    World::durable([every("a", secs(60))])
        .runs_for("a", secs(1), 0)
        .until(70)
        .and_then()
        .replace(every("a", secs(30)))
        .until(91)
        .happened("70 a changed\n 90 a#2 started scheduled\n 91 a#2 succeeded")
        .stop()
        .until(95)
        .accounts_for_all();
}

#[test]
fn what_has_come_is_decided_as_the_job_was() {
    World::durable([every("a", secs(10)), every("b", secs(100)).jitter(secs(99))])
        .runs_for("a", secs(1), 0)
        .until(95)
        .and_then()
        .unnoticed(secs(25))
        .replace(at("a", &[130]))
        .replace(at("b", &[130]))
        .until(131)
        .happened(
            "120 a changed
             120 a@100 coalesced into 120, 2 until 110
             120 a#10 started scheduled
             120 b changed
             120 b#1 started scheduled
             121 a#10 succeeded
             130 b@130 skipped overlap
             130 a#11 started scheduled
             131 a#11 succeeded",
        )
        .stop()
        .until(200)
        .accounts_for_all();
}

#[test]
fn what_waits_runs_as_the_job_is_and_what_runs_as_it_was() {
    let action = |text: &str| JobAction::Shell(text.into());
    let mut old = every("a", secs(10)).overlap(Overlap::Queue).retry(2, secs(1)).timeout(secs(100));
    old.action = action("old");
    let mut new = every("a", secs(10)).overlap(Overlap::Queue);
    new.action = action("new");
    let world = World::new([old]).until(20).replace(new).exit("a#1", 1).until(21).exit("a#1", 1).happened(
        "10 a#1 started scheduled
             20 a changed
             20 a#1 tries again in 1s
             21 a#1 started scheduled again 2
             21 a#1 failed
             21 a#2 started scheduled",
    );
    assert_eq!(world.action("a#1"), &action("old"));
    assert_eq!(world.action("a#2"), &action("new"));
}

#[test]
fn a_job_that_may_run_more_often_at_once_does() {
    World::new([every("a", secs(10)).overlap(Overlap::Queue)])
        .until(20)
        .replace(every("a", secs(10)).overlap(Overlap::Queue).max_instances(2))
        .happened("10 a#1 started scheduled\n 20 a changed\n 20 a#2 started scheduled");
}

#[test]
fn a_job_that_leaves_its_group_waits_for_it_no_more_and_gives_back_what_it_has() {
    let groups = &[("x", 1), ("y", 1)];
    World::with_limits([idle("a").group("x"), idle("b").group("x"), idle("c").group("x")], None, groups)
        .asks("a", "Starts")
        .asks("b", "Waits")
        .asks("c", "Waits")
        .replace(idle("a").group("y"))
        .replace(idle("b").group("y"))
        .exit("a#1", 0)
        .exit("b#1", 0)
        .asks("a", "Starts")
        .asks("b", "Waits")
        .replace(idle("c"))
        .exit("c#1", 0)
        .happened(
            "0 a#1 started manual
             0 a changed
             0 b changed
             0 b#1 started manual
             0 a#1 succeeded
             0 c#1 started manual
             0 b#1 succeeded
             0 a#2 started manual
             0 c changed
             0 c#1 succeeded",
        )
        .cannot_replace(idle("a").group("z"), "expected a group of the plan for `a`, found `z`");
}

#[test]
fn a_job_that_is_switched_off_has_no_fire_times_until_it_is_on_again() {
    World::durable([every("a", secs(10))])
        .runs_for("a", secs(1), 0)
        .until(12)
        .and_then()
        .replace(every("a", secs(10)).disabled())
        .until(35)
        .replace(every("a", secs(10)))
        .until(41)
        .happened("12 a changed\n 35 a changed\n 40 a#2 started scheduled\n 41 a#2 succeeded")
        .stop()
        .until(42)
        .accounts_for_all();
}

#[test]
fn a_job_may_be_due_by_others_from_now_on() {
    World::new([idle("a"), idle("b")])
        .replace(idle("b").after(&["a"], AfterOn::Success))
        .cannot_replace(idle("a").after(&["b"], AfterOn::Success), "`a` would run after itself")
        .cannot_replace(idle("c"), "there is no job `c`")
        .request("a")
        .exit("a#1", 0)
        .happened(
            "0 b changed
             0 a#1 started manual
             0 a#1 succeeded
             0 b#1 started dependency after a#1",
        );
}

#[test]
fn a_one_shot_that_is_moved_again_and_again_leaves_nothing_behind() {
    let mut world = World::new([at("a", &[1])]).runs_for("a", secs(0), 0);
    for second in 2..100 {
        world = world.until(second).replace(at("a", &[i64::try_from(second).expect("small") + 1]));
    }
    assert!(world.core().one_shots_finished.len() <= 1);
}

#[test]
fn a_finished_one_shot_does_not_come_again_with_another_action_and_an_earlier_clock() {
    World::new([every("a", secs(10)), at("b", &[20])])
        .runs_for("a", secs(1), 0)
        .runs_for("b", secs(1), 0)
        .until(25)
        .and_then()
        .set(5)
        .replace(at("b", &[20]).timeout(secs(5)))
        .until(45)
        .happened(
            "25 clock stepped -20s
             25 b changed
             30 a#3 started scheduled
             31 a#3 succeeded
             40 a#4 started scheduled
             41 a#4 succeeded",
        );
}

#[test]
fn another_zone_is_another_job_for_its_fire_times() {
    let mut job = every("a", secs(10));
    job.zone = Zone::find("Europe/Berlin").expect("a zone");
    let world = World::durable([every("a", secs(10))]).until(5).replace(job);
    assert_eq!(world.definitions("a"), 2);
}
