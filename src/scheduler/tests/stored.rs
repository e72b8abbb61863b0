//! Jobs that the ledger knows as a whole, and what becomes of those that nobody brings back.

use super::world::{World, cron, every, idle, secs};

#[test]
fn a_stored_job_is_stored_as_it_comes_changes_and_goes() {
    World::durable([every("a", secs(10)).stored_as("1"), every("b", secs(10))])
        .has_stored(&["a: 1"])
        .add(idle("c").stored_as("2"))
        .has_stored(&["a: 1", "c: 2"])
        .replace(every("a", secs(10)).stored_as("3"))
        .replace(idle("c").stored_as("2"))
        .has_stored(&["a: 3", "c: 2"])
        .remove("c")
        .replace(every("a", secs(10)))
        .has_stored(&[])
        .parks(&[]);
}

#[test]
fn a_ledger_that_forgets_stores_nothing() {
    World::new([every("a", secs(10)).stored_as("1")]).has_stored(&[]).parks(&[]);
}

#[test]
fn a_stored_job_that_is_not_there_is_parked_and_goes_on_when_it_is_added() {
    let job = || every("a", secs(10)).stored_as("1");
    World::durable([job(), every("b", secs(10))])
        .runs_for("a", secs(1), 0)
        .runs_for("b", secs(1), 0)
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), [])
        .parks(&["a"])
        .has_stored(&["a: 1"])
        .until(40)
        .happened("32 b@20 skipped removed, 2 until 30")
        .crash()
        .restart(secs(1), [])
        .parks(&["a"])
        .happened("")
        .add(job())
        .parks(&[])
        .has_stored(&["a: 1"])
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
fn a_stored_job_that_is_there_goes_on_as_any() {
    let job = || every("a", secs(10)).stored_as("1");
    World::durable([job()])
        .runs_for("a", secs(1), 0)
        .until(12)
        .crash()
        .and_then()
        .restart(secs(10), [job()])
        .parks(&[])
        .until(31)
        .happened(
            "22 a#2 started catch_up
             23 a#2 succeeded
             30 a#3 started scheduled
             31 a#3 succeeded",
        )
        .stop()
        .until(40)
        .accounts_for_all();
}

#[test]
fn a_parked_job_that_is_removed_is_accounted_for_and_forgotten() {
    World::durable([every("a", secs(10)).stored_as("1")])
        .runs_for("a", secs(1), 0)
        .until(12)
        .crash()
        .and_then()
        .restart(secs(20), [])
        .until(40)
        .remove("a")
        .has_stored(&[])
        .parks(&[])
        .happened("40 a removed\n 40 a@20 skipped removed, 3 until 40")
        .knows_not("a")
        .stop()
        .until(60)
        .accounts_for_all();
}

#[test]
fn a_parked_job_whose_process_lives_is_watched_and_parked() {
    World::durable([every("a", secs(10)).stored_as("1")])
        .runs_for("a", secs(25), 0)
        .until(12)
        .crash_alone()
        .and_then()
        .restart(secs(8), [])
        .parks(&["a"])
        .until(30)
        .remove("a")
        .until(36)
        .happened(
            "20 a#1 adopted
             30 a removed
             30 a@20 skipped removed, 2 until 30
             35 a#1 succeeded",
        )
        .parks(&[])
        .stop()
        .until(60)
        .accounts_for_all();
}

#[test]
fn what_a_program_adds_instead_takes_the_place_of_what_is_stored() {
    World::durable([cron("a", "* * * * *").stored_as("1")])
        .crash()
        .restart(secs(10), [every("a", secs(10))])
        .has_stored(&[])
        .crash()
        .restart(secs(10), [])
        .parks(&[]);
}

#[test]
fn a_parked_job_that_was_paused_comes_back_paused() {
    let job = || every("a", secs(10)).stored_as("1");
    World::durable([job()])
        .until(5)
        .pause("a")
        .crash()
        .and_then()
        .restart(secs(20), [])
        .until(30)
        .crash()
        .restart(secs(1), [])
        .add(job())
        .until(45)
        .resume("a")
        .runs_for("a", secs(1), 0)
        .until(51)
        .happened(
            "31 a added
             31 a@10 skipped paused, 3 until 30
             45 a resumed
             45 a@40 skipped paused
             50 a#1 started scheduled
             51 a#1 succeeded",
        )
        .stop()
        .until(60)
        .accounts_for_all();
}
