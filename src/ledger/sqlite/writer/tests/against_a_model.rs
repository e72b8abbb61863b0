//! Any mix of records, restarts, lost answers and pruning, against what the promises come to in memory.

use super::{ALL, World, for_100_s, runs};
use crate::ledger::sqlite::past;
use crate::ledger::tests::world::{at, claim_of, closed, defined, ended, fire, name, run, started, stretch};
use crate::model::{Answer, Cause, Claim, Outcome, Past, Record};
use std::collections::{BTreeMap, BTreeSet};

/// `SplitMix64`: one seed, one history.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

/// What is to be known of job `a`.
#[derive(Default)]
struct Model {
    second: i64,
    numbers: u64,
    accounted: i64,
    waiting: Vec<Claim>,
    /// In the order of their claims.
    open: BTreeMap<u64, Claim>,
    taken: BTreeSet<i64>,
}

impl Model {
    /// A record that may come next, with its answer.
    fn next(&mut self, dice: &mut Dice) -> (Record, Answer) {
        self.second += 1;
        let second = self.second;
        match dice.below(8) {
            0 => {
                self.account(second);
                self.waiting.push(fire("a", second));
                (Record::Waits(fire("a", second)), Answer::Written)
            }
            1 if !self.waiting.is_empty() => {
                let which = usize::try_from(dice.below(self.waiting.len() as u64)).expect("small");
                let claim = Claim { cause: Cause::CatchUp, ..self.waiting.remove(which) };
                self.claim(claim)
            }
            2 if !self.waiting.is_empty() => {
                let claim = self.waiting.remove(0);
                (closed("a", claim.key.instant.timestamp(), Outcome::Skipped), Answer::Written)
            }
            3 if !self.open.is_empty() => {
                let (number, _) = self.open.pop_first().expect("it is not empty");
                (ended("a", number, Outcome::Succeeded), Answer::Written)
            }
            4 if !self.open.is_empty() => {
                let (number, _) = self.open.last_key_value().expect("it is not empty");
                (started("a", *number, 1, second), Answer::Written)
            }
            5 if !self.taken.is_empty() => {
                let which = usize::try_from(dice.below(self.taken.len() as u64)).expect("small");
                let taken = *self.taken.iter().nth(which).expect("it is there");
                let waits = self.waiting.iter().any(|claim| claim.key.instant == at(taken));
                if waits { self.next(dice) } else { (Record::Claim(fire("a", taken)), Answer::Taken) }
            }
            6 => {
                self.second += 10;
                (second..=self.second).for_each(|second| self.account(second));
                (stretch("a", second, self.second, 11), Answer::Written)
            }
            7 => self.claim(claim_of("a", 0, Cause::Manual, second)),
            _ => {
                self.account(second);
                self.claim(fire("a", second))
            }
        }
    }

    fn account(&mut self, second: i64) {
        self.accounted = second;
        self.taken.insert(second);
    }

    fn claim(&mut self, claim: Claim) -> (Record, Answer) {
        self.numbers += 1;
        self.open.insert(self.numbers, claim.clone());
        (Record::Claim(claim), Answer::Claimed { number: self.numbers })
    }

    fn check(&self, past: &Past) {
        let job = &past.jobs[&name("a")];
        assert_eq!(job.accounted, at(self.accounted));
        assert_eq!(job.waiting, self.waiting);
        let open: Vec<_> = past.runs.iter().map(|open| (open.run.clone(), open.claim.clone())).collect();
        let expected: Vec<_> =
            self.open.iter().map(|(number, claim)| (run("a", *number), claim.clone())).collect();
        assert_eq!(open, expected);
    }
}

fn history(seed: u64) {
    let mut dice = Dice(seed);
    let keep = if seed.is_multiple_of(2) { ALL } else { runs(5) };
    let keep_of_all = if seed.is_multiple_of(3) { for_100_s() } else { ALL };
    let mut world = World::new(keep_of_all, keep);
    let mut model = Model::default();
    world.write(&[defined("a", 0, 0, Some("x"))]);
    for _ in 0..100 {
        let records: Vec<_> = (0..=dice.below(4)).map(|_| model.next(&mut dice)).collect();
        let (batch, answers): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        if dice.below(10) == 0 {
            world.lose_the_answers(&batch);
        }
        assert_eq!(world.write(&batch), answers, "{batch:?}");
        match dice.below(20) {
            0 => world.reopen(keep_of_all, keep),
            1 => drop(world.prune(at(1_000_000 + 100 * model.second))),
            _ => {}
        }
        model.check(&past::read(world.db()).expect("a past"));
        let unnamed = "SELECT fire.node FROM fire WHERE node NOT IN (SELECT id FROM node)
                       UNION ALL SELECT node FROM open WHERE node NOT IN (SELECT id FROM node)";
        assert_eq!(world.ints(unnamed), [] as [i64; 0], "a runner that is named was deleted");
    }
}

#[test]
fn what_is_promised_holds_in_any_order_of_things() {
    for seed in 0..10 {
        println!("seed {seed}");
        history(seed);
    }
}
