//! The last outcomes of a job as a strip of characters, one each, the latest to the right.

use super::style::Style;
use crate::ledger::Ended;
use crate::model::Outcome;

/// So many outcomes are in a strip.
pub(super) const STRIP: u32 = 20;

/// What the characters stand for.
pub(super) const LEGEND: [&str; 2] =
    [". succeeded  F failed  T timed out  C cancelled  L lost", "s skipped  m missed  c coalesced"];

/// The strip of what has ended, which is the newest first.
pub(super) fn strip(ended: &[Ended], style: Style) -> String {
    let latest = ended.iter().take(STRIP as usize).rev();
    latest
        .map(|ended| style.outcome(ended.outcome, character(ended.outcome).to_string()).into_owned())
        .collect()
}

fn character(outcome: Outcome) -> char {
    match outcome {
        Outcome::Succeeded => '.',
        Outcome::Failed => 'F',
        Outcome::TimedOut => 'T',
        Outcome::Cancelled => 'C',
        Outcome::Skipped => 's',
        Outcome::Missed => 'm',
        Outcome::Coalesced => 'c',
        Outcome::Lost => 'L',
    }
}
