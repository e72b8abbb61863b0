//! A runner goes on where an earlier one ended.

use super::world::{World, at, every, idle, secs, wall};
use crate::model::{AfterOn, Coalesce, Grace, OnOrphan, Overlap};

#[test]
fn fire_times_that_nobody_saw_are_misfires_and_the_runner_was_down() {
    let jobs = || [every("a", secs(600)).grace(Grace::Within(secs(1500)))];
    World::durable(jobs())
        .runs_for("a", secs(1), 0)
        .until(700)
        .crash()
        .and_then()
        .restart(secs(3000), jobs())
        .until(4201)
        .happened(
            "3700 a@1200 missed down, 2 until 1800
             3700 a@2400 coalesced into 3600, 2 until 3000
             3700 a#2 started catch_up
             3701 a#2 succeeded
             4200 a#3 started scheduled
             4201 a#3 succeeded",
        );
}

#[test]
fn a_new_job_begins_when_it_is_first_seen_and_nothing_is_made_up() {
    World::durable([every("a", secs(60))])
        .until(30)
        .crash()
        .restart(secs(10), [every("a", secs(60)), at("b", &[20, 42])])
        .until(41)
        .happened("")
        .until(42)
        .happened("42 b#1 started scheduled");
}

#[test]
fn ten_years_of_missed_seconds_are_one_stretch() {
    let jobs = || [every("a", secs(1)).grace(Grace::Within(secs(5)))];
    World::durable(jobs())
        .runs_for("a", secs(0), 0)
        .until(1)
        .crash()
        .and_then()
        .restart(secs(315_360_000), jobs())
        .happened(
            "315360001 a@2 missed down, 315359994 until 315359995
             315360001 a@315359996 coalesced into 315360001, 5 until 315360000
             315360001 a#2 started scheduled",
        );
}

#[test]
fn a_run_of_which_nobody_knows_how_it_ended_is_lost_and_never_started_again() {
    let jobs = || [at("a", &[10])];
    World::durable(jobs())
        .until(20)
        .crash()
        .and_then()
        .restart(secs(5), jobs())
        .until(100)
        .happened("25 a#1 lost");
}

#[test]
fn a_process_that_lives_is_watched_to_its_end_and_counts_meanwhile() {
    let jobs = || [at("a", &[10, 30])];
    World::durable(jobs())
        .runs_for("a", secs(60), 37)
        .until(20)
        .crash_alone()
        .and_then()
        .restart(secs(5), jobs())
        .until(80)
        .happened("25 a#1 adopted\n 30 a@30 skipped overlap\n 70 a#1 failed");
}

#[test]
fn a_process_that_was_taken_over_may_end_unseen() {
    let jobs = || [at("a", &[10])];
    World::durable(jobs())
        .until(20)
        .crash_alone()
        .and_then()
        .restart(secs(5), jobs())
        .vanishes("a#1")
        .happened("25 a#1 adopted\n 25 a#1 lost");
}

#[test]
fn its_timeout_goes_on() {
    let jobs = || [at("a", &[10]).timeout(secs(30))];
    World::durable(jobs())
        .ends_after_term("a", Some(secs(0)))
        .until(20)
        .crash_alone()
        .and_then()
        .restart(secs(5), jobs())
        .until(41)
        .happened("25 a#1 adopted\n 40 TERM a#1\n 40 a#1 timed_out");
}

#[test]
fn a_process_that_outlived_its_runner_may_be_killed() {
    let mut job = at("a", &[10]).retry(3, secs(1));
    std::sync::Arc::make_mut(&mut job.policy).on_orphan = OnOrphan::Kill;
    World::durable([job.clone()])
        .ends_after_term("a", Some(secs(2)))
        .until(20)
        .crash_alone()
        .and_then()
        .restart(secs(5), [job])
        .until(100)
        .happened("25 a#1 adopted\n 25 TERM a#1\n 27 a#1 cancelled restart");
}

#[test]
fn a_run_between_attempts_ends_with_its_last_one() {
    let jobs = || [at("a", &[10]).retry(3, secs(60))];
    World::durable(jobs())
        .runs_for("a", secs(1), 3)
        .until(20)
        .crash()
        .and_then()
        .restart(secs(5), jobs())
        .until(200)
        .happened("25 a#1 failed");
}

#[test]
fn an_attempt_that_may_have_begun_is_lost() {
    let jobs = || [at("a", &[10]).retry(3, secs(5))];
    World::durable(jobs())
        .runs_for("a", secs(1), 3)
        .until(16)
        .happened("10 a#1 started scheduled\n 11 a#1 tries again in 5s\n 16 a#1 started scheduled again 2")
        .crash()
        .restart(secs(5), jobs())
        .happened("21 a#1 lost");
}

#[test]
fn what_waited_is_a_misfire_again_together_with_what_came_since() {
    let jobs = |coalesce| [every("a", secs(60)).overlap(Overlap::Queue).coalesce(coalesce)];
    let until_restart = |coalesce| {
        World::durable(jobs(coalesce))
            .until(121)
            .happened("60 a#1 started scheduled")
            .crash()
            .restart(secs(100), jobs(coalesce))
    };
    until_restart(Coalesce::Latest).happened(
        "221 a#1 lost
         221 a@120 coalesced into 180
         221 a#2 started catch_up",
    );
    until_restart(Coalesce::Earliest).happened(
        "221 a#1 lost
         221 a@180 coalesced into 120
         221 a#2 started catch_up",
    );
    until_restart(Coalesce::All).happened("221 a#1 lost\n 221 a#2 started catch_up").exit("a#2", 0).happened(
        "221 a#2 succeeded
         221 a#3 started catch_up",
    );
}

#[test]
fn what_waited_for_a_slot_is_not_forgotten() {
    let jobs = || [at("a", &[10]), at("b", &[10]), at("c", &[10]).grace(Grace::Within(secs(5)))];
    World::durable_with_limits(jobs(), Some(1))
        .until(11)
        .happened("10 a#1 started scheduled")
        .crash()
        .restart_with_limits(secs(10), jobs(), Some(1))
        .happened("21 a#1 lost\n 21 c@10 missed down\n 21 b#1 started catch_up");
}

#[test]
fn a_changed_job_is_judged_by_what_it_was_and_begins_anew() {
    World::durable([every("a", secs(60))])
        .runs_for("a", secs(1), 0)
        .until(61)
        .crash()
        .and_then()
        .restart(secs(130), [every("a", secs(100))])
        .until(201)
        .happened(
            "191 a@120 coalesced into 180
             191 a#2 started catch_up
             192 a#2 succeeded
             200 a#3 started scheduled
             201 a#3 succeeded",
        );
}

#[test]
fn a_job_that_is_gone_is_accounted_for_once() {
    World::durable([every("a", secs(60)), idle("b")])
        .until(61)
        .crash()
        .and_then()
        .restart(secs(130), [idle("b")])
        .crash()
        .restart(secs(130), [idle("b")])
        .happened("191 a#1 lost\n 191 a@120 skipped removed, 2 until 180");
}

#[test]
fn a_job_that_was_disabled_has_no_gap_when_it_is_enabled() {
    World::durable([every("a", secs(60)).disabled()])
        .until(130)
        .crash()
        .restart(secs(10), [every("a", secs(60))])
        .until(180)
        .happened("180 a#1 started scheduled");
}

#[test]
fn many_jobs_catch_up_one_after_another() {
    let jobs = || (0..100).map(|n| every(&format!("j{n}"), secs(3600)).grace(Grace::Any));
    let world = World::durable(jobs()).until(10).crash().restart(secs(4000), jobs()).catches_up(100);
    let at_once = world.count("started catch_up");
    let world = world.until(4020);
    assert_eq!((at_once, world.count("started catch_up")), (1, 100));
}

#[test]
fn what_was_put_off_is_closed_by_a_stop() {
    let jobs = || (0..100).map(|n| at(&format!("j{n}"), &[100]).grace(Grace::Any));
    let world = World::durable(jobs()).until(10).crash().restart(secs(100), jobs()).stop().until(111);
    assert_eq!((world.count("started catch_up"), world.count("skipped stopping")), (1, 99));
}

#[test]
fn putting_off_does_not_cost_a_job_its_grace() {
    let jobs = || (0..100).map(|n| at(&format!("j{n}"), &[100]).grace(Grace::Within(secs(3))));
    let world = World::durable(jobs()).until(10).crash().restart(secs(92), jobs()).until(200);
    assert_eq!((world.count("started catch_up"), world.count("missed")), (100, 0));
}

#[test]
fn a_clock_that_was_set_back_meanwhile_does_not_silence_a_job() {
    let jobs = || [every("a", secs(60)), at("b", &[100])];
    World::durable(jobs())
        .runs_for("a", secs(1), 0)
        .runs_for("b", secs(1), 0)
        .until(100_000)
        .crash()
        .set(50)
        .and_then()
        .restart(secs(0), jobs())
        .until(100_065)
        .happened(
            "100000 clock stepped -99911s
             100010 a#1667 started scheduled
             100011 a#1667 succeeded",
        );
}

#[test]
fn a_finish_that_counted_for_others_still_does() {
    let jobs = || [at("a", &[10]), at("b", &[50]), idle("c").after(&["a", "b"], AfterOn::Success)];
    World::durable(jobs())
        .runs_for("a", secs(1), 0)
        .runs_for("b", secs(1), 0)
        .until(20)
        .had_finished("c", &["a"])
        .crash()
        .and_then()
        .restart(secs(5), jobs())
        .until(60)
        .happened("50 b#1 started scheduled\n 51 b#1 succeeded\n 51 c#1 started dependency after b#1");
}

#[test]
fn a_request_that_waited_is_made_again_and_a_start_is_not() {
    let jobs = || [at("a", &[10]), idle("b").startup(), idle("c")];
    World::durable_with_limits(jobs(), Some(1))
        .request("c")
        .until(5)
        .happened("0 b#1 started startup")
        .crash()
        .restart_with_limits(secs(1), jobs(), Some(2))
        .happened("6 b#1 lost\n 6 c#1 started manual\n 6 b#2 started startup");
}

#[test]
fn a_lost_run_completes_what_others_wait_for() {
    let jobs = || [at("a", &[10]), at("b", &[10]), idle("c").after(&["a", "b"], AfterOn::Finish)];
    World::durable(jobs())
        .runs_for("a", secs(1), 0)
        .until(20)
        .had_finished("c", &["a"])
        .crash()
        .and_then()
        .restart(secs(5), jobs())
        .happened("25 b#1 lost\n 25 c#1 started dependency after b#1");
}

#[test]
fn a_job_that_was_switched_off_meanwhile_does_not_run_any_more() {
    let job = || every("a", secs(60)).coalesce(Coalesce::All).overlap(Overlap::Queue);
    World::durable([job()])
        .until(121)
        .crash()
        .and_then()
        .restart(secs(130), [job().disabled()])
        .until(1000)
        .happened(
            "251 a#1 lost
             251 a@120 skipped removed
             251 a@180 skipped removed, 2 until 240",
        );
}

#[test]
fn a_process_of_a_job_that_is_gone_is_watched_to_its_end() {
    World::durable([at("a", &[10])])
        .runs_for("a", secs(60), 37)
        .until(20)
        .crash_alone()
        .and_then()
        .restart(secs(5), [idle("b")])
        .until(80)
        .happened("25 a#1 adopted\n 70 a#1 failed")
        .crash()
        .restart(secs(5), [at("a", &[10, 100])])
        .until(101)
        .happened("100 a#2 started scheduled");
}

#[test]
fn a_run_that_ended_between_attempts_has_the_figures_of_its_attempts() {
    let jobs = || [at("a", &[10]).retry(3, secs(60))];
    let world = World::durable(jobs()).runs_for("a", secs(2), 3).until(20).crash().restart(secs(500), jobs());
    let row = world.row("a#1");
    assert_eq!((row.duration_ms, row.exit_code), (Some(2000), Some(3)));
    assert_eq!(row.finished_at.map(|at| at.to_utc()), Some(wall(12)));
}

#[test]
fn what_is_folded_into_an_earlier_one_is_not_accounted_for_before_it() {
    let job = || every("a", secs(10)).coalesce(Coalesce::Earliest);
    World::durable([job()])
        .runs_for("a", secs(1), 0)
        .until(5)
        .ledger_hangs()
        .stall(secs(30))
        .writes(1)
        .crash()
        .restart(secs(2), [job()])
        .stop()
        .until(60)
        .accounts_for_all();
}
