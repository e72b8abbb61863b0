//! The policies of a job: what the scheduler does when things do not go smoothly.

use super::Name;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::time::Duration;

/// All policies of one job, as in the job file. Equal ones are shared between jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Runs of the job at once, manual ones and those that wait for a group or for `max_running` included.
    /// Not looked at under [`Overlap::Allow`].
    pub max_instances: NonZeroU32,
    /// What happens to a fire time when `max_instances` runs are there already.
    pub overlap: Overlap,
    /// How late a misfire may still start.
    pub misfire_grace_time: Grace,
    /// Which of several misfires within grace run.
    pub coalesce: Coalesce,
    /// A delay of up to this long, drawn per fire time, that ends before the next one.
    pub jitter: Option<Duration>,
    /// How long one attempt may take before the ladder is used.
    pub timeout: Option<Duration>,
    /// How a run is stopped.
    pub ladder: Ladder,
    /// What follows a failed or timed-out attempt.
    pub retry: Retry,
    /// The exit codes that mean success, sorted. Never empty.
    pub success_codes: Vec<u8>,
    /// The group whose `max_running` this job shares.
    pub group: Option<Name>,
    /// What becomes of a process that outlived its runner.
    pub on_orphan: OnOrphan,
    /// How much of its past is kept.
    pub keep: Keep,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            max_instances: NonZeroU32::MIN,
            overlap: Overlap::Skip,
            misfire_grace_time: Grace::Within(Duration::from_secs(3600)),
            coalesce: Coalesce::Latest,
            jitter: None,
            timeout: None,
            ladder: Ladder::default(),
            retry: Retry::Never,
            success_codes: vec![0],
            group: None,
            on_orphan: OnOrphan::default(),
            keep: Keep::default(),
        }
    }
}

/// What happens to a fire time when the job is at its `max_instances` (Kubernetes' concurrency policy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The fire time does not run: `skipped: overlap`.
    #[default]
    Skip,
    /// It waits for a place. At most one waits, the oldest; later ones are coalesced into it.
    Queue,
    /// The oldest run is stopped by the ladder, then the newest fire time starts; one that already waits is
    /// coalesced into it.
    Replace,
    /// It starts: there is no limit.
    Allow,
}

/// How late a misfire may still start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grace {
    /// Up to this late, inclusive; later ones are `missed`.
    Within(Duration),
    /// Any lateness.
    Any,
}

/// Which of several misfires within grace run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coalesce {
    /// The latest; the others are coalesced into it.
    #[default]
    Latest,
    /// The earliest; the others are coalesced into it.
    Earliest,
    /// All, in order and one after another whatever `overlap` says. Beyond 1,000 the oldest are coalesced
    /// into the first that is kept.
    All,
}

/// What a runner that was started again does with a process of a run that its predecessor left alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOrphan {
    /// It is watched to its end, and counts for `max_instances` meanwhile.
    #[default]
    Adopt,
    /// It is stopped by the ladder; the run is `cancelled: restart`.
    Kill,
}

/// How much of the past a ledger keeps; what is beyond any of these limits is deleted in time. `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// How many runs and fire times that did not run, the newest.
    pub runs: Option<u64>,
    /// How long after their end.
    pub age: Option<Duration>,
    /// How many bytes, output included.
    pub bytes: Option<u64>,
}

impl Keep {
    /// What a ledger file keeps of all jobs together when nobody says otherwise: a season, and never a full disk.
    pub const SEASON: Keep =
        Keep { runs: None, age: Some(Duration::from_secs(90 * 86_400)), bytes: Some(256 << 20) };
}

/// How a run is stopped: the signal to its whole process tree, a wait, then `KILL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// The first rung.
    pub stop_signal: Signal,
    /// How long the tree may take to end before `KILL`.
    pub kill_after: Duration,
}

impl Default for Ladder {
    fn default() -> Self {
        Ladder { stop_signal: Signal::TERM, kill_after: Duration::from_secs(10) }
    }
}

/// What follows an attempt that failed or timed out. A cancelled run is never tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The first attempt is the only one.
    #[default]
    Never,
    /// Another attempt after a delay that grows.
    Backoff {
        /// All attempts of a run, the first included; 2 or more.
        attempts: NonZeroU32,
        /// The wait before the second attempt.
        delay: Duration,
        /// What each further wait is multiplied by; 1.0 or more.
        factor: f64,
        /// No wait is longer than this.
        delay_max: Duration,
    },
}

/// No wait of [`Retry::doubling`] grows beyond this.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(300);

impl Retry {
    /// Up to so many attempts of a run in all, each this long after the one before. Fewer than 2: [`Retry::Never`].
    pub fn fixed(attempts: u32, delay: Duration) -> Retry {
        Retry::growing(attempts, delay, 1.0)
    }

    /// Up to so many attempts of a run in all, the second after this delay, and each further one after twice as
    /// long, but no longer than five minutes or the delay itself. Fewer than 2: [`Retry::Never`].
    pub fn doubling(attempts: u32, delay: Duration) -> Retry {
        Retry::growing(attempts, delay, 2.0)
    }

    fn growing(attempts: u32, delay: Duration, factor: f64) -> Retry {
        match NonZeroU32::new(attempts) {
            Some(attempts) if attempts.get() > 1 => {
                Retry::Backoff { attempts, delay, factor, delay_max: delay.max(RETRY_DELAY_MAX) }
            }
            _ => Retry::Never,
        }
    }

    /// Returns the wait before the attempt that follows `attempt` (counted from 1), or `None` when that was
    /// the last.
    pub fn delay_after(&self, attempt: u32) -> Option<Duration> {
        match *self {
            Retry::Backoff { attempts, delay, factor, delay_max } if attempt < attempts.get() => {
                let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
                let seconds = delay.as_secs_f64() * factor.powi(exponent);
                Some(Duration::try_from_secs_f64(seconds).unwrap_or(delay_max).min(delay_max))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_limit_and_ends_with_the_last_attempt() {
        let secs = Duration::from_secs;
        let retry = Retry::Backoff {
            attempts: NonZeroU32::new(5).expect("not zero"),
            delay: secs(10),
            factor: 3.0,
            delay_max: secs(60),
        };
        let delays: Vec<_> = (1..=6).map(|attempt| retry.delay_after(attempt)).collect();
        assert_eq!(delays, [Some(secs(10)), Some(secs(30)), Some(secs(60)), Some(secs(60)), None, None]);
        assert_eq!(Retry::Never.delay_after(1), None);
    }

    #[test]
    fn the_usual_ones_need_two_numbers() {
        let secs = Duration::from_secs;
        let delays = |retry: Retry| (1..).map_while(|attempt| retry.delay_after(attempt)).collect::<Vec<_>>();
        assert_eq!(delays(Retry::fixed(3, secs(400))), [secs(400), secs(400)]);
        assert_eq!(delays(Retry::doubling(4, secs(100))), [secs(100), secs(200), secs(300)]);
        assert_eq!([Retry::fixed(1, secs(1)), Retry::doubling(0, secs(1))], [Retry::Never, Retry::Never]);
    }

    #[test]
    fn a_backoff_beyond_all_numbers_is_its_limit() {
        let retry = Retry::Backoff {
            attempts: NonZeroU32::MAX,
            delay: Duration::from_secs(1),
            factor: 1e9,
            delay_max: Duration::from_secs(300),
        };
        assert_eq!(retry.delay_after(1_000_000), Some(Duration::from_secs(300)));
    }
}
