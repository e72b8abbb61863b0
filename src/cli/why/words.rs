//! Sentences.

use crate::cli::style::shown;
use crate::cli::time::show_duration;
use crate::model::{Outcome, Row};
use crate::trigger::DstMark;
use chrono::TimeDelta;
use std::time::Duration;

/// One fire time or several, as what a sentence is about.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) it: &'static str,
    pub(super) is: &'static str,
    pub(super) was: &'static str,
    pub(super) itself: &'static str,
    pub(super) its: &'static str,
}

/// What a sentence about so many is about.
pub(super) fn subject(count: u64) -> Subject {
    if count == 1 {
        Subject { it: "it", is: "is", was: "was", itself: "itself", its: "its" }
    } else {
        Subject { it: "they", is: "are", was: "were", itself: "themselves", its: "their" }
    }
}

/// How long that is.
pub(super) fn length(delta: TimeDelta) -> String {
    show_duration(delta.to_std().unwrap_or_default())
}

/// `failed`, in a sentence whose subject is a run or a fire time.
pub(super) fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "was stopped by its timeout",
        Outcome::Cancelled => "was cancelled",
        Outcome::Skipped => "was skipped",
        Outcome::Missed => "was missed",
        Outcome::Coalesced => "was folded into another fire time",
        Outcome::Lost => "was lost",
    }
}

/// `failed in 1.2s with exit 3, after 3 attempts`
pub(super) fn how_it_ended(row: &Row) -> String {
    let took = row.duration_ms.map(|millis| show_duration(Duration::from_millis(millis)));
    let took = |word: &str| took.as_ref().map(|took| format!(" {word} {took}")).unwrap_or_default();
    let status = row.exit_status().map(|status| format!(" with {}", status.describe())).unwrap_or_default();
    let reason =
        row.reason.as_deref().map(|reason| String::from_utf8_lossy(&shown(reason.as_bytes())).into_owned());
    let attempts =
        if row.attempts > 1 { format!(", after {} attempts", row.attempts) } else { String::new() };
    match row.outcome {
        Outcome::Succeeded => format!("succeeded{}{attempts}", took("in")),
        Outcome::Cancelled => {
            let by = match reason.as_deref() {
                Some("replace") => " by a newer fire time of its own (overlap = \"replace\")",
                Some("shutdown") => ", because the runner stopped",
                Some("request") => " by request",
                Some("restart") => " by the next runner (on_orphan = \"kill\")",
                _ => "",
            };
            format!("was cancelled{by}{}{attempts}", took("after"))
        }
        Outcome::Lost => "how it ended is not known".to_owned(),
        outcome => {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}{}{status}{attempts}{reason}", ended(outcome), took("after"))
        }
    }
}

/// What daylight saving has to do with it.
pub(super) fn dst(mark: Option<DstMark>) -> &'static str {
    match mark {
        Some(DstMark::Gap) => {
            " Its local time does not exist on that day: it is due at the first instant after the gap."
        }
        Some(DstMark::Fold) => " Its local time occurs twice on that day: the clock is put back.",
        None => "",
    }
}
