//! Of fire times that there is no row for.

use super::moment::TICK;
use super::story::{Answer, Item, Story, schedule};
use super::words::{Subject, subject};
use crate::cli::time::show_distance;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// So many fire times of one definition are looked at.
const EXPECTED_MAX: usize = 100_000;

/// The first of them, the last, and how many.
#[derive(Clone, Copy)]
pub(super) struct Bare {
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    pub(super) count: u64,
    pub(super) why: BareWhy,
}

/// Why there is no row for a fire time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BareWhy {
    Future,
    Deleted,
    Unaccounted,
    Undecided,
}

impl Story<'_> {
    /// What there is no row for: neighbours with the same reason together.
    pub(super) fn bare(
        &self,
        items: &[(DateTime<Utc>, Item)],
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Vec<Bare> {
        let items = || items.iter().filter(|(_, item)| !item.is_backfill());
        let known: BTreeSet<DateTime<Utc>> = items().map(|(at, _)| *at).collect();
        let stretch = |(_, item): &(DateTime<Utc>, Item)| match item {
            Item::Ended(row, _) => row.fire_time_last.map(|last| (row.fire_time.to_utc(), last.to_utc())),
            _ => None,
        };
        let stretches: Vec<_> = items().filter_map(stretch).collect();
        let is_known = |at: DateTime<Utc>| {
            known.contains(&at) || stretches.iter().any(|(first, last)| *first <= at && at <= *last)
        };
        let mut all: Vec<Bare> = Vec::new();
        for at in self.expected(from, until).filter(|at| !is_known(*at)) {
            let why = self.why_bare(at);
            match all.last_mut() {
                Some(bare) if bare.why == why => (bare.last, bare.count) = (at, bare.count + 1),
                _ => all.push(Bare { first: at, last: at, count: 1, why }),
            }
        }
        all
    }

    fn why_bare(&self, at: DateTime<Utc>) -> BareWhy {
        let facts = self.facts.as_ref();
        let reaches = |through: Option<DateTime<Utc>>| through.is_some_and(|through| at <= through);
        if at > self.now {
            BareWhy::Future
        } else if reaches(facts.and_then(|facts| facts.pruned_through)) {
            BareWhy::Deleted
        } else if reaches(facts.and_then(|facts| facts.accounted)) {
            BareWhy::Unaccounted
        } else {
            BareWhy::Undecided
        }
    }

    /// The fire times that there should be, by the definitions and for what is to come by the job file; not more than
    /// can be told.
    fn expected(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        let just_before = from - TICK;
        let mut all: Vec<DateTime<Utc>> = Vec::new();
        for definition in self.definitions() {
            let Some(schedule) = schedule(definition) else { continue };
            let end = definition.until.unwrap_or(self.now);
            let due = schedule.upcoming(just_before.max(definition.from));
            all.extend(due.take_while(|at| *at < until && *at <= end).take(EXPECTED_MAX));
        }
        if let Some(job) = self.job.as_ref().filter(|job| job.enabled) {
            let due = job.schedule.upcoming(just_before.max(self.now));
            all.extend(due.take_while(|at| *at < until).take(EXPECTED_MAX));
        }
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// Of fire times that have no row.
    pub(super) fn explain_bare(&self, bare: Bare) -> Answer {
        let Bare { first, last, count, why } = bare;
        let due = match (count, why) {
            (1, BareWhy::Future) => self.at(first),
            (1, _) => self.due(first),
            _ => format!("{count} fire times from {} to {}", self.at(first), self.at(last)),
        };
        let Subject { it, is, its, .. } = subject(count);
        let (verdict, what) = match why {
            BareWhy::Future if count > 1 => ("future", "they are still to come".to_owned()),
            BareWhy::Future => {
                let distance = show_distance(first + self.jitter(first), self.now);
                ("future", format!("it will be due then, {distance}"))
            }
            BareWhy::Deleted => {
                let them = if count == 1 { "it" } else { "them" };
                ("deleted", format!("what became of {them} was deleted, by `keep` in the job file"))
            }
            BareWhy::Unaccounted => {
                let what = format!("nothing is recorded, and should be; see `runner audit {}`", self.name);
                ("unaccounted", what)
            }
            BareWhy::Undecided if self.has_runner() => {
                ("undecided", format!("{it} {is} being decided, or put off by {its} jitter"))
            }
            BareWhy::Undecided => {
                let since = self.nodes.last().map(|node| format!(" since {}", self.at(node.until())));
                let since = since.unwrap_or_default();
                let runs = if count == 1 { "runs" } else { "run" };
                let what =
                    format!("no runner has run{since}; the next start decides whether {it} still {runs}");
                ("undecided", what)
            }
        };
        self.answer(verdict, None, Some(first), format!("{due}: {what}.{}", self.dst(first)))
    }
}
