//! By what the processes of an attempt are known, wherever they are: the variables that each attempt gets.

use super::Launch;
use crate::model::RunId;
use chrono::{DateTime, Utc};
use rustix::rand::{GetRandomFlags, getrandom};
use std::sync::{Arc, LazyLock};

/// What tells one attempt from all others of the machine. Runs of several runners have the same ids if their jobs
/// have the same names, and a job can be a runner itself: so the runner must be the same too. And what an earlier
/// attempt left behind is not the next one's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// As it stands in the environment, and is shown.
    pub(super) run: String,
    /// As an instant: a job may have been given another zone since.
    fire_time: DateTime<Utc>,
    attempt: u32,
    node: Arc<str>,
}

/// Returns the name of this process as a runner, which its jobs find in `RUNNER_NODE`: drawn, and so no other's.
pub fn node() -> Arc<str> {
    static NODE: LazyLock<Arc<str>> = LazyLock::new(|| {
        let mut drawn = [0; 8];
        // What is not drawn in time is as it was: then the process id alone tells runners apart.
        let _ = getrandom(&mut drawn, GetRandomFlags::empty());
        format!("{}-{:016x}", std::process::id(), u64::from_ne_bytes(drawn)).into()
    });
    Arc::clone(&NODE)
}

impl Mark {
    /// Returns the mark of an attempt that the runner `node` started; attempts are counted from 1.
    pub fn new(run: &RunId, fire_time: DateTime<Utc>, attempt: u32, node: Arc<str>) -> Mark {
        Mark { run: run.to_string(), fire_time, attempt, node }
    }

    /// That of an attempt of this runner.
    pub(super) fn of(launch: &Launch) -> Mark {
        Mark::new(&launch.run, launch.fire_time.to_utc(), launch.attempt, node())
    }

    #[cfg(test)]
    pub(super) fn for_tests(run: u64) -> Mark {
        let fire_time = DateTime::from_timestamp(1_767_571_200, 0).expect("an instant");
        Mark { run: format!("a#{run}"), fire_time, attempt: 1, node: "1-2".into() }
    }

    /// Returns the mark that stands in an environment, or `None` if it is not that of an attempt.
    pub(super) fn read(environment: &[u8]) -> Option<Mark> {
        let value = |name: &str| {
            let mut variables = environment.split(|byte| *byte == 0);
            let value = variables.find_map(|it| it.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
            std::str::from_utf8(value?).ok()
        };
        let run = value("RUNNER_RUN_ID")?.to_owned();
        let fire_time = DateTime::parse_from_rfc3339(value("RUNNER_FIRE_TIME")?).ok()?.to_utc();
        let (attempt, node) = (value("RUNNER_ATTEMPT")?.parse().ok()?, value("RUNNER_NODE")?.into());
        Some(Mark { run, fire_time, attempt, node })
    }
}

/// Whether it is that of a run, ours or not, that has ended or not.
pub(super) fn names_a_run(environment: &[u8]) -> bool {
    environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"RUNNER_RUN_ID="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_must_agree_in_all_that_tells_attempts_apart() {
        let check = |environment: &str, expected| {
            let mark = Mark::read(environment.replace(' ', "\0").as_bytes());
            assert_eq!(mark == Some(Mark::for_tests(2)), expected, "{environment}");
        };
        let time = "RUNNER_NODE=1-2 RUNNER_FIRE_TIME=2026-01-05T00:00:00+00:00";
        let of_another = time.replace("1-2", "1-3");
        check(&format!("RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 {of_another}"), false);
        check(&format!("A=1 RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 {time}"), true);
        check(
            "RUNNER_NODE=1-2 RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 RUNNER_FIRE_TIME=2026-01-05T01:00:00+01:00",
            true,
        );
        check(&format!("RUNNER_RUN_ID=a#3 RUNNER_ATTEMPT=1 {time}"), false);
        check(&format!("RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=2 {time}"), false);
        check(
            "RUNNER_NODE=1-2 RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 RUNNER_FIRE_TIME=2026-01-05T00:00:01+00:00",
            false,
        );
        check("RUNNER_NODE=1-2 RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 RUNNER_FIRE_TIME=soon", false);
        check("RUNNER_NODE=1-2 RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1", false);
        check("RUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 RUNNER_FIRE_TIME=2026-01-05T00:00:00+00:00", false);
        check(&format!("XRUNNER_RUN_ID=a#2 RUNNER_ATTEMPT=1 {time}"), false);
        check("", false);
    }
}
