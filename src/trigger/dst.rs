//! What a job wants where its clock is put forward (a *gap*: local times that never are) or back (a *fold*:
//! local times that are twice).

use serde::{Deserialize, Serialize};

/// What becomes of local times that never are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// If there are any, the first instant after the gap fires, once.
    After,
    /// They are left out.
    Skip,
}

/// Which of two passes of the same local times fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    /// The first; nothing is new in the second.
    First,
    /// The second; the first is waited out.
    Last,
    /// Each local time fires twice.
    Both,
}

/// A job's choice. What it leaves open is as its kind of trigger has it:
///
/// | | fixed times, such as `30 2 * * *`, `at` | recurring ones, such as `*/20 * * * *` |
/// | --- | --- | --- |
/// | `gap = "after"` | **the default**: once, at the first instant after the gap | once at the first instant after the gap, if any of its times lie in it |
/// | `gap = "skip"` | not that day | **the default**: nothing in the gap |
/// | `fold = "first"` | **the default**: on the first pass | silent during the second pass |
/// | `fold = "last"` | on the second pass | silent during the first pass |
/// | `fold = "both"` | twice | **the default**: every match of both passes |
///
/// What recurs follows real time: several times in one gap are still one fire time after it, and one that is
/// due there anyway is not doubled. A change of more than three hours is a correction of the calendar: nothing
/// is made up and nothing held back, whatever is chosen (but an `at` fires after it). `every` is elapsed time and
/// does not notice.
///
#[doc = include_str!("dst.md")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dst {
    /// For times in a gap.
    pub gap: Option<Gap>,
    /// For times in a fold.
    pub fold: Option<Fold>,
}

/// A choice with nothing left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Follow {
    pub(super) gap: Gap,
    pub(super) fold: Fold,
}

impl From<Follow> for Dst {
    fn from(Follow { gap, fold }: Follow) -> Dst {
        Dst { gap: Some(gap), fold: Some(fold) }
    }
}

impl Dst {
    /// What it comes to for a recurring trigger, or for one of fixed times.
    pub(super) fn follow(self, recurring: bool) -> Follow {
        let (gap, fold) = if recurring { (Gap::Skip, Fold::Both) } else { (Gap::After, Fold::First) };
        Follow { gap: self.gap.unwrap_or(gap), fold: self.fold.unwrap_or(fold) }
    }
}
