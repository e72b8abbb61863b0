//! How long runs have waited, in a memory that does not grow with their number.

use std::collections::BTreeMap;
use std::time::Duration;

/// Waits are told apart by so many leading digits of their milliseconds.
const DIGITS: u32 = 3;

/// Waits, counted: each is rounded down to three digits, so that as few as 12s or 90s stay what they are.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    counts: BTreeMap<u64, u64>,
    /// How many did not wait, which are most.
    none: u64,
    longest: Duration,
}

impl Waits {
    pub(super) fn add(&mut self, wait: Duration) {
        match u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) {
            0 => self.none += 1,
            millis => *self.counts.entry(rounded(millis)).or_default() += 1,
        }
        self.longest = self.longest.max(wait);
    }

    pub(super) fn extend(&mut self, others: &Waits) {
        for (millis, count) in &others.counts {
            *self.counts.entry(*millis).or_default() += count;
        }
        self.none += others.none;
        self.longest = self.longest.max(others.longest);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.none + self.waited()
    }

    /// How many of them are longer than nothing.
    pub fn waited(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Returns the shortest wait that at least this share of all are no longer than; `None`: there is none.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count is one"
        )]
        let rank = ((share * self.count() as f64).ceil() as u64).max(1);
        let mut seen = self.none;
        if self.count() == 0 || seen >= rank {
            return (self.count() > 0).then_some(Duration::ZERO);
        }
        let reached = self.counts.iter().find(|(_, count)| {
            seen += **count;
            seen >= rank
        });
        reached.map(|(millis, _)| Duration::from_millis(*millis))
    }

    /// The longest of them, as it was.
    pub fn longest(&self) -> Duration {
        self.longest
    }
}

fn rounded(millis: u64) -> u64 {
    let unit = 10_u64.pow((millis.ilog10() + 1).saturating_sub(DIGITS));
    millis / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_waits_stay_as_they_are_and_others_lose_little() {
        let check = |millis, expected| assert_eq!(rounded(millis), expected);
        check(1, 1);
        check(999, 999);
        check(12_000, 12_000);
        check(12_345, 12_300);
        check(u64::MAX, 18_400_000_000_000_000_000);
    }

    #[test]
    fn a_quantile_is_one_of_the_waits() {
        let mut waits = Waits::default();
        assert_eq!(waits.quantile(0.5), None);
        for second in 0..100 {
            waits.add(Duration::from_secs(second));
        }
        let check = |share, second| assert_eq!(waits.quantile(share), Some(Duration::from_secs(second)));
        check(0.0, 0);
        check(0.01, 0);
        check(0.5, 49);
        check(0.99, 98);
        check(1.0, 99);
        assert_eq!((waits.count(), waits.waited(), waits.longest()), (100, 99, Duration::from_secs(99)));
    }

    #[test]
    fn any_number_of_waits_takes_little_memory() {
        let mut waits = Waits::default();
        for millis in 1..200_000 {
            waits.add(Duration::from_millis(millis));
        }
        assert!(waits.counts.len() < 3000, "{}", waits.counts.len());
        assert_eq!(waits.quantile(0.5), Some(Duration::from_secs(100)));
    }
}
