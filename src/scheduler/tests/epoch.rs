//! The clock is set back, and the job is not what it was: it changed, or the runner was started again.

use super::world::{World, at, every, idle, scheduled, secs, wall};
use crate::model::Job;
use crate::trigger::{Trigger, Zone};

/// Each minute, and at 90 seconds and 350.
fn with_one_shots() -> Job {
    let instant = |second| Trigger::at(&wall(second).to_rfc3339(), &Zone::utc()).expect("an instant");
    let period = Trigger::every(secs(60)).expect("a period");
    scheduled("a", vec![instant(90), instant(350), period])
}

#[test]
fn a_job_that_changed_remembers_what_it_has_had() {
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65);
    let world = world.replace(every("a", secs(30))).set(50).until(65 + 60);
    assert_eq!(world.claims("a"), [(0, 60), (0, 90)]);
}

#[test]
fn a_job_that_changed_while_no_runner_ran_remembers_it_too() {
    let jobs = || [every("a", secs(30))];
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65);
    let world = world.crash().restart(secs(0), jobs()).set(50).until(65 + 60);
    assert_eq!(world.claims("a"), [(0, 60), (0, 90)]);
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65);
    let world =
        world.crash().restart(secs(0), jobs()).crash().restart(secs(0), jobs()).set(50).until(65 + 60);
    assert_eq!(world.claims("a"), [(0, 60), (0, 90)], "also by the ledger");
}

#[test]
fn a_finished_one_shot_does_not_make_another_job_of_it() {
    let world = World::durable([with_one_shots()]).runs_for("a", secs(0), 0).until(400).set(65);
    let definitions = world.definitions("a");
    let world = world.until(400 + 60).crash().restart(secs(0), [with_one_shots()]);
    assert_eq!(world.definitions("a"), definitions);
    let world = world.until(400 + 360).stop().until(400 + 400);
    let finished = |(_, second): &&(u32, i64)| [90, 350].contains(second);
    assert_eq!(world.claims("a").iter().filter(finished).collect::<Vec<_>>(), [&(0, 90), &(0, 350)]);
    world.accounts_for_all();
}

#[test]
fn a_finished_one_shot_stays_that_when_its_job_changes() {
    let world = World::durable([with_one_shots()]).runs_for("a", secs(0), 0).until(400).set(65);
    let world = world.replace(Job { schedule: at("a", &[90, 95, 350]).schedule, ..with_one_shots() });
    let world = world.until(400 + 400);
    assert_eq!(world.claims("a").last(), Some(&(1, 95)));
}

#[test]
fn a_job_that_takes_the_name_of_one_that_was_removed_takes_none_of_its_keys() {
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65);
    let world = world.remove("a").add(every("a", secs(60))).set(50).until(65 + 80);
    assert_eq!(world.claims("a"), [(0, 60), (1, 60), (1, 120)]);
}

#[test]
fn also_if_the_clock_was_set_back_while_no_runner_ran() {
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65).remove("a");
    let world = world.crash().set(50).restart(secs(0), []).crash().restart(secs(0), []);
    let world = world.add(every("a", secs(60))).until(65 + 80);
    assert_eq!(world.claims("a"), [(0, 60), (1, 60), (1, 120)]);
}

#[test]
fn a_job_with_a_fixed_delay_does_not_know_what_it_has_had_and_goes_on_in_a_new_epoch() {
    let delayed = || idle("a").delay_after(secs(1000));
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65);
    let world = world.set(50).replace(delayed()).replace(every("a", secs(60))).until(65 + 60);
    assert_eq!(world.claims("a"), [(0, 60), (1, 60)]);
    world.stop().until(65 + 61).accounts_for_all();
    let world = World::durable([every("a", secs(60))]).runs_for("a", secs(0), 0).until(65);
    let world = world.set(50).remove("a").add(delayed()).replace(every("a", secs(60))).until(65 + 60);
    assert_eq!(world.claims("a"), [(0, 60), (1, 60)]);
    world.stop().until(65 + 61).accounts_for_all();
}
