//! Names as texts: read from what people write, and written for machines.

use super::{InvalidName, Name, Outcome, RunId};
use serde::{Serialize, Serializer};
use std::str::FromStr;

/// Why a text is no run's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRunId {
    /// There is no `#` in it, or no number behind that.
    #[error("expected a run such as `backup#41`, found `{0}`")]
    NoNumber(String),
    /// What stands before the `#` is no job's name.
    #[error("expected a run such as `backup#41`: {0}")]
    InvalidJob(#[from] InvalidName),
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Name, InvalidName> {
        Name::parse(text)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<RunId, InvalidRunId> {
        let found = text.split_once('#').and_then(|(job, number)| Some((job, number.parse().ok()?)));
        let (job, number) = found.ok_or_else(|| InvalidRunId::NoNumber(text.to_owned()))?;
        Ok(RunId { job: Name::parse(job)?, number })
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// As text.
impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_as_it_is_written() {
        let run: RunId = "backup#41".parse().expect("a run's name");
        assert_eq!((run.job.as_str(), run.number, run.to_string().as_str()), ("backup", 41, "backup#41"));
        assert_eq!(serde_json::to_string(&run).expect("a text"), "\"backup#41\"");
        for (text, told) in [
            ("backup", "expected a run such as `backup#41`, found `backup`"),
            ("backup#-1", "expected a run such as `backup#41`, found `backup#-1`"),
            ("a b#1", "expected a run such as `backup#41`: expected letters, digits, `-` or `_`, found ` `"),
        ] {
            assert_eq!(text.parse::<RunId>().expect_err("it is none").to_string(), told);
        }
    }
}
