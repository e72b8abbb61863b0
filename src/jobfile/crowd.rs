//! Jobs that are due in the same second: each is as it should be, and all of them together are a burst.

use super::fault::{Code, Fault, Spot};
use super::source::Sheet;
use super::value::Reader;
use crate::model::{Job, Name};
use crate::trigger::Zone;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::ops::Range;

/// From so many jobs on a second is crowded.
const CROWD_MIN: usize = 50;

/// The jobs of all files by the second in which they are due next.
#[derive(Default)]
pub(super) struct Crowds(HashMap<i64, Crowd>);

struct Crowd {
    count: usize,
    first: Spot,
    name: Name,
}

impl Crowds {
    /// Counts a job, unless its fire times are spread or its crowd is meant.
    pub(super) fn join(&mut self, reader: &Reader<'_>, job: &Job, span: &Range<usize>, now: DateTime<Utc>) {
        let spread = job.policy.jitter.is_some() || reader.allows(Code::ManyAtOnce) || !job.enabled;
        let Some(next) = job.schedule.next_after(now).filter(|_| !spread) else { return };
        let crowd = || Crowd { count: 0, first: Spot::new(reader.sheet, span), name: job.name.clone() };
        self.0.entry(next.timestamp()).or_insert_with(crowd).count += 1;
    }

    /// Returns what there is to say of the most crowded second, if it is crowded.
    pub(super) fn fault(self, main: &Sheet, zone: &Zone) -> Option<Fault> {
        let largest = self.0.into_iter().max_by_key(|(second, crowd)| (crowd.count, -second));
        let (second, Crowd { count, first, name }) = largest.filter(|(_, crowd)| crowd.count >= CROWD_MIN)?;
        let at = zone.at(DateTime::from_timestamp(second, 0)?).format("%Y-%m-%d %H:%M:%S");
        let (excerpt, _) = first.excerpt([Some(main), None])?;
        let message = format!("{count} jobs are due in the same second, {at}; this is the first of them");
        let fault = Fault::of_excerpt(Code::ManyAtOnce, excerpt, message);
        let hint = "spread them: H for the minute of a cron, or jitter = \"1m\"";
        Some(Fault { job: Some(name), ..fault.hint(hint) })
    }
}
