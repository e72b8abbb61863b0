//! What every ledger promises.

use super::world::{World, claim_of, ended, fire, started};
use crate::model::{Answer, Cause, Outcome, Record};

fn every(promise: impl Fn(World)) {
    promise(World::memory());
    promise(World::sqlite());
}

#[test]
fn a_key_is_claimed_once_and_runs_are_numbered_by_job() {
    every(|mut ledger| {
        assert_eq!(ledger.claim(fire("a", 10)), Answer::Claimed { number: 1 });
        assert_eq!(ledger.claim(fire("a", 10)), Answer::Taken);
        assert_eq!(ledger.claim(claim_of("a", 0, Cause::CatchUp, 10)), Answer::Taken);
        assert_eq!(ledger.claim(claim_of("a", 0, Cause::Manual, 10)), Answer::Claimed { number: 2 });
        assert_eq!(ledger.claim(fire("b", 10)), Answer::Claimed { number: 1 });
        assert_eq!(ledger.claim(fire("a", 5)), Answer::Claimed { number: 3 });
        assert_eq!(ledger.claim(claim_of("a", 1, Cause::Scheduled, 10)), Answer::Claimed { number: 4 });
    });
}

#[test]
fn a_batch_is_answered_record_by_record_in_order() {
    every(|mut ledger| {
        let answers = ledger.write([
            Record::Claim(fire("a", 10)),
            Record::Waits(fire("a", 20)),
            Record::Claim(fire("a", 10)),
            Record::Claim(fire("a", 20)),
        ]);
        let claimed = |number| Answer::Claimed { number };
        assert_eq!(answers, [claimed(1), Answer::Written, Answer::Taken, claimed(2)]);
    });
}

#[test]
fn what_has_ended_stays_taken() {
    every(|mut ledger| {
        assert_eq!(ledger.claim(fire("a", 10)), Answer::Claimed { number: 1 });
        let end = [started("a", 1, 1, 10), ended("a", 1, Outcome::Succeeded)];
        assert_eq!(ledger.write(end), [Answer::Written; 2]);
        assert_eq!(ledger.claim(fire("a", 10)), Answer::Taken);
    });
}
