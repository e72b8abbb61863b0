//! Stopping: drain, ladder, kill.

use super::world::{World, at, every, secs};
use crate::model::Overlap;

#[test]
fn with_nothing_to_end_a_stop_is_immediate() {
    World::new([every("a", secs(10))])
        .until(5)
        .stop()
        .happened("5 stopping: Drain 0 within 25s")
        .has_stopped(true);
}

#[test]
fn a_run_that_ends_by_itself_in_time_is_what_it_is() {
    World::new([at("a", &[10])])
        .runs_for("a", secs(14), 3)
        .until(11)
        .stop()
        .has_stopped(false)
        .until(60)
        .happened(
            "10 a#1 started scheduled
             11 stopping: Drain 1 within 25s
             24 a#1 failed",
        )
        .has_stopped(true);
}

#[test]
fn the_ladder_begins_so_that_all_is_over_within_the_grace() {
    World::new([at("a", &[10]).kill_after(secs(10)), at("b", &[10]).kill_after(secs(3))])
        .until(10)
        .and_then()
        .stop()
        .until(60)
        .happened(
            "10 stopping: Drain 2 within 25s
             25 TERM a#1
             32 TERM b#1
             35 KILL a#1
             35 KILL b#1
             35 a#1 cancelled shutdown
             35 b#1 cancelled shutdown",
        )
        .has_stopped(true);
}

#[test]
fn a_ladder_longer_than_the_grace_begins_at_once() {
    World::new([at("a", &[10]).kill_after(secs(3600))]).until(10).and_then().stop().until(60).happened(
        "10 stopping: Drain 1 within 25s
         10 TERM a#1
         35 KILL a#1
         35 a#1 cancelled shutdown",
    );
}

#[test]
fn a_second_request_begins_the_ladder_and_a_third_kills() {
    World::new([at("a", &[10])])
        .until(10)
        .and_then()
        .stop()
        .until(12)
        .stop()
        .until(14)
        .happened(
            "10 stopping: Drain 1 within 25s
             12 TERM a#1
             12 stopping: Terminate 1 within 23s",
        )
        .stop()
        .until(14)
        .happened(
            "14 KILL a#1
             14 stopping: Kill 1 within 0s
             14 a#1 cancelled shutdown",
        )
        .stop()
        .has_stopped(true);
}

#[test]
fn after_the_second_request_kill_comes_when_the_ladder_says() {
    World::new([at("a", &[10]).kill_after(secs(4))]).until(10).and_then().stop().stop().until(60).happened(
        "10 stopping: Drain 1 within 25s
         10 TERM a#1
         10 stopping: Terminate 1 within 25s
         14 KILL a#1
         14 a#1 cancelled shutdown",
    );
}

#[test]
fn what_waits_is_closed() {
    let jobs =
        [at("a", &[10, 20]).overlap(Overlap::Queue), at("b", &[10]).group("db"), at("c", &[11]).group("db")];
    World::with_limits(jobs, None, &[("db", 1)])
        .until(30)
        .and_then()
        .stop()
        .exit("b#1", 0)
        .exit("a#1", 0)
        .happened(
            "30 stopping: Drain 2 within 25s
             30 a@20 skipped stopping
             30 c@11 skipped stopping
             30 b#1 succeeded
             30 a#1 succeeded",
        )
        .has_stopped(true);
}

#[test]
fn fire_times_that_come_due_while_stopping_are_closed() {
    World::new([at("a", &[10]), every("b", secs(15))]).until(11).and_then().stop().until(16).happened(
        "11 stopping: Drain 1 within 25s
         15 b@15 skipped stopping",
    );
}

#[test]
fn a_stop_accounts_for_what_was_due_before_anybody_looked() {
    World::new([every("a", secs(1))])
        .runs_for("a", secs(0), 0)
        .until(1)
        .and_then()
        .unnoticed(secs(3))
        .stop()
        .happened(
            "4 stopping: Drain 0 within 25s
             4 a@2 skipped stopping, 3 until 4",
        )
        .has_stopped(true);
}

#[test]
fn a_jittered_fire_time_that_comes_while_draining_is_closed_at_the_end() {
    World::new([at("a", &[10]), at("b", &[15]).jitter(secs(1000))])
        .runs_for("a", secs(10), 0)
        .until(11)
        .and_then()
        .stop()
        .until(20)
        .happened(
            "11 stopping: Drain 1 within 25s
             20 a#1 succeeded
             20 b@15 skipped stopping",
        )
        .has_stopped(true);
}

#[test]
fn a_run_in_backoff_ends_with_its_last_outcome() {
    World::new([at("a", &[10]).retry(3, secs(100))])
        .runs_for("a", secs(1), 4)
        .until(20)
        .stop()
        .happened(
            "10 a#1 started scheduled
             11 a#1 tries again in 100s
             20 stopping: Drain 0 within 25s
             20 a#1 failed",
        )
        .has_stopped(true);
}

#[test]
fn a_timed_out_run_in_backoff_ends_as_timed_out() {
    World::new([at("a", &[10]).retry(3, secs(100)).timeout(secs(2))])
        .ends_after_term("a", Some(secs(0)))
        .until(20)
        .and_then()
        .stop()
        .happened("20 stopping: Drain 0 within 25s\n 20 a#1 timed_out");
}

#[test]
fn a_retry_that_waits_for_a_slot_ends_with_its_last_outcome() {
    let jobs = [at("a", &[10]).retry(3, secs(5)).group("db"), at("b", &[11]).group("db")];
    World::with_limits(jobs, None, &[("db", 1)])
        .runs_for("a", secs(2), 1)
        .until(20)
        .and_then()
        .stop()
        .happened("20 stopping: Drain 1 within 25s\n 20 a#1 failed");
}

#[test]
fn a_failure_while_stopping_is_not_tried_again() {
    World::new([at("a", &[10]).retry(3, secs(1))])
        .until(11)
        .and_then()
        .stop()
        .exit("a#1", 1)
        .happened("11 stopping: Drain 1 within 25s\n 11 a#1 failed")
        .has_stopped(true);
}

#[test]
fn a_replacement_does_not_start_while_stopping() {
    World::new([every("a", secs(10)).overlap(Overlap::Replace)])
        .ends_after_term("a", Some(secs(5)))
        .until(21)
        .stop()
        .until(60)
        .happened(
            "10 a#1 started scheduled
             20 TERM a#1
             21 stopping: Drain 1 within 25s
             21 a@20 skipped stopping
             25 a#1 cancelled replace",
        )
        .has_stopped(true);
}

#[test]
fn a_timeout_while_draining_is_still_a_timeout() {
    World::new([at("a", &[10]).timeout(secs(5)).retry(2, secs(1))])
        .ends_after_term("a", Some(secs(1)))
        .until(12)
        .and_then()
        .stop()
        .until(60)
        .happened(
            "12 stopping: Drain 1 within 25s
             15 TERM a#1
             16 a#1 timed_out",
        );
}

#[test]
fn a_timeout_while_draining_does_not_outlast_the_grace() {
    World::new([at("a", &[10]).timeout(secs(20))]).until(12).and_then().stop().until(60).happened(
        "12 stopping: Drain 1 within 25s
         27 TERM a#1
         37 KILL a#1
         37 a#1 cancelled shutdown",
    );
    World::new([at("a", &[10]).timeout(secs(16)).kill_after(secs(5))])
        .until(12)
        .and_then()
        .stop()
        .until(60)
        .happened(
            "12 stopping: Drain 1 within 25s
         26 TERM a#1
         31 KILL a#1
         31 a#1 timed_out",
        );
}

#[test]
fn a_claim_that_is_answered_while_stopping_is_not_started() {
    World::new([at("a", &[10])])
        .ledger_hangs()
        .until(11)
        .stop()
        .has_stopped(false)
        .ledger_answers()
        .happened("11 stopping: Drain 0 within 25s\n 11 a#1 skipped stopping")
        .has_stopped(true)
        .tally("ran 0; skipped 1");
}

#[test]
fn a_request_while_stopping_is_skipped() {
    World::new([at("a", &[10]), at("b", &[50])]).until(11).and_then().stop().request("b").happened(
        "11 stopping: Drain 1 within 25s
         11 b@11 skipped stopping",
    );
}

#[test]
fn a_stop_waits_until_all_is_written() {
    World::new([at("a", &[10])])
        .until(10)
        .and_then()
        .ledger_hangs()
        .exit("a#1", 0)
        .stop()
        .has_stopped(false)
        .happened("10 stopping: Drain 0 within 25s")
        .ledger_answers()
        .happened("10 a#1 succeeded")
        .has_stopped(true);
}

#[test]
fn a_process_that_survives_kill_is_lost() {
    World::new([at("a", &[10])])
        .immortal("a")
        .until(10)
        .and_then()
        .stop()
        .stop()
        .stop()
        .until(60)
        .happened(
            "10 stopping: Drain 1 within 25s
         10 TERM a#1
         10 stopping: Terminate 1 within 25s
         10 KILL a#1
         10 stopping: Kill 1 within 0s
         12 a#1 lost",
        )
        .has_stopped(true);
}

#[test]
fn a_process_killed_before_the_stop_is_not_waited_for_longer_than_the_grace() {
    World::new([at("a", &[10]).timeout(secs(1))])
        .immortal("a")
        .until(30)
        .and_then()
        .stop()
        .until(90)
        .happened(
            "30 stopping: Drain 1 within 25s
         57 a#1 lost",
        )
        .has_stopped(true);
}
