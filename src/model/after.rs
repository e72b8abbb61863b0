//! `after`: running because other jobs have finished.

use super::{Name, Outcome, RunId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which finishes of other jobs make a job due: once each time all of them (or any) have finished so since
/// its own last claim.
///
/// Any run of theirs counts, whatever its cause, once and by its final outcome. What did not run does not
/// count. It is a trigger and not an order: systemd's `After=` starts nothing by itself, this does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Whose finishes; at least one, each once, and never the job itself.
    pub jobs: Vec<Name>,
    /// Which finishes.
    pub on: AfterOn,
    /// Whether one of them is enough.
    pub any: bool,
}

/// Which finishes of a job count for those that run after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterOn {
    /// It succeeded.
    #[default]
    Success,
    /// It failed, timed out or was lost.
    Failure,
    /// It ran, and has ended; also when it was cancelled, which is neither of the others.
    Finish,
}

/// The finish that made a job due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// The run that has finished.
    pub run: RunId,
    /// How.
    pub outcome: Outcome,
    /// The exit code of its last attempt, if that exited.
    pub exit_code: Option<u8>,
}

impl AfterOn {
    /// Whether a run that ended so counts.
    pub fn counts(self, outcome: Outcome) -> bool {
        match self {
            AfterOn::Success => outcome == Outcome::Succeeded,
            AfterOn::Failure => matches!(outcome, Outcome::Failed | Outcome::TimedOut | Outcome::Lost),
            AfterOn::Finish => outcome.ran(),
        }
    }
}

/// `fetch and parse have succeeded`, `fetch or parse has failed`
impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.jobs.iter().map(Name::as_str).collect();
        let names = match names.split_last() {
            Some((last, others)) if !others.is_empty() => {
                format!("{} {} {last}", others.join(", "), if self.any { "or" } else { "and" })
            }
            _ => names.concat(),
        };
        let have = if self.any || self.jobs.len() == 1 { "has" } else { "have" };
        let how = match self.on {
            AfterOn::Success => "succeeded",
            AfterOn::Failure => "failed",
            AfterOn::Finish => "finished",
        };
        write!(f, "{names} {have} {how}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_counts_for_what_it_says() {
        let counts = |on: AfterOn| {
            let counted = Outcome::ALL.into_iter().filter(|outcome| on.counts(*outcome));
            counted.map(Outcome::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(counts(AfterOn::Success), "succeeded");
        assert_eq!(counts(AfterOn::Failure), "failed timed_out lost");
        assert_eq!(counts(AfterOn::Finish), "succeeded failed timed_out cancelled lost");
    }

    #[test]
    fn it_reads_as_a_condition() {
        let check = |jobs: &[&str], on, any, expected: &str| {
            let jobs = jobs.iter().map(|job| Name::parse(job).expect("a name")).collect();
            assert_eq!(After { jobs, on, any }.to_string(), expected);
        };
        check(&["a"], AfterOn::Success, false, "a has succeeded");
        check(&["a", "b", "c"], AfterOn::Finish, false, "a, b and c have finished");
        check(&["a", "b"], AfterOn::Failure, true, "a or b has failed");
    }
}
