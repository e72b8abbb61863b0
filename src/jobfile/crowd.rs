//! Jobs that are due in the same second: each is as it should be, and all of them together are a burst.
//!
//! A month is looked through, at bounded expense. Jobs with the same schedule are one with a weight. What is due rarely
//! names the seconds that may be crowded; what is due often adds to the most crowded of them.

use super::fault::{Code, Fault, Spot};
use super::source::Sheet;
use super::value::Reader;
use crate::model::{Job, Name};
use crate::trigger::{Schedule, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

/// From so many jobs on a second is crowded.
const CROWD_MIN: usize = 50;
/// How far is looked ahead: further than from one first of the month to the next.
const AHEAD: TimeDelta = TimeDelta::days(32);
/// So many searches there are at most, with so many of one schedule, and so many for the seconds that are looked at
/// closely.
const SEARCHES_MAX: usize = 500_000;
const SEARCHES_EACH_MAX: usize = 64;
const SECONDS_MAX: usize = 64;

/// The jobs of all files by their schedule.
#[derive(Default)]
pub(super) struct Crowds {
    /// Where in `members` a schedule is; equal ones are one by then.
    known: HashMap<*const Schedule, usize>,
    members: Vec<Member>,
}

/// The jobs that have one schedule, in file order among the others.
struct Member {
    schedule: Arc<Schedule>,
    count: usize,
    first: Spot,
    name: Name,
}

impl Crowds {
    /// Counts a job, unless its fire times are spread or its crowd is meant.
    pub(super) fn join(&mut self, reader: &Reader<'_>, job: &Job, span: &Range<usize>) {
        let spread = job.policy.jitter.is_some() || reader.allows(Code::ManyAtOnce) || !job.enabled;
        if spread || job.schedule.is_empty() {
            return;
        }
        match self.known.entry(Arc::as_ptr(&job.schedule)) {
            Entry::Occupied(known) => self.members[*known.get()].count += 1,
            Entry::Vacant(new) => {
                new.insert(self.members.len());
                let (schedule, first) = (Arc::clone(&job.schedule), Spot::new(reader.sheet, span));
                self.members.push(Member { schedule, count: 1, first, name: job.name.clone() });
            }
        }
    }

    /// Returns what there is to say of the most crowded second after `now`, if it is crowded.
    pub(super) fn fault(self, main: &Sheet, zone: &Zone, now: DateTime<Utc>) -> Option<Fault> {
        if self.members.iter().map(|member| member.count).sum::<usize>() < CROWD_MIN {
            return None;
        }
        let (second, count) = most_crowded(&self.members, now)?;
        let is_due = |member: &&Member| is_due(&member.schedule, second);
        let Member { first, name, .. } = self.members.iter().find(is_due)?;
        let at = zone.at(DateTime::from_timestamp(second, 0)?).format("%Y-%m-%d %H:%M:%S");
        let (excerpt, _) = first.excerpt([Some(main), None])?;
        let message = format!("{count} jobs are due in the same second, {at}; this is the first of them");
        let fault = Fault::of_excerpt(Code::ManyAtOnce, excerpt, message);
        let hint = "spread them: H for the minute of a cron, or jitter = \"1m\"";
        Some(Fault { job: Some(name.clone()), ..fault.hint(hint) })
    }
}

/// The second in which most jobs are due, and how many, if they are a crowd.
fn most_crowded(members: &[Member], now: DateTime<Utc>) -> Option<(i64, usize)> {
    let each = (SEARCHES_MAX / members.len()).clamp(1, SEARCHES_EACH_MAX);
    let mut seconds: HashMap<i64, usize> = HashMap::new();
    let mut frequent = Vec::new();
    for member in members {
        let coming = member.schedule.upcoming(now).take_while(|at| *at <= now + AHEAD);
        let mut coming: Vec<i64> = coming.take(each + 1).map(|at| at.timestamp()).collect();
        let weight = if coming.len() > each {
            // Its next fire time is looked at closely, in case that all are due as often.
            frequent.push(member);
            coming.truncate(1);
            0
        } else {
            coming.dedup();
            member.count
        };
        for second in coming {
            *seconds.entry(second).or_default() += weight;
        }
    }
    let mut crowds: Vec<(usize, i64)> = seconds.into_iter().map(|(second, count)| (count, -second)).collect();
    crowds.sort_unstable_by(|a, b| b.cmp(a));
    crowds.truncate((SEARCHES_MAX / frequent.len().max(1)).clamp(1, SECONDS_MAX));
    let with_frequent = |(count, second): (usize, i64)| {
        let also = frequent.iter().filter(|member| is_due(&member.schedule, -second));
        (count + also.map(|member| member.count).sum::<usize>(), second)
    };
    let (count, second) = crowds.into_iter().map(with_frequent).max()?;
    (count >= CROWD_MIN).then_some((-second, count))
}

fn is_due(schedule: &Schedule, second: i64) -> bool {
    let before = DateTime::from_timestamp(second, 0).map(|at| at - TimeDelta::nanoseconds(1));
    before.and_then(|before| schedule.next_after(before)).is_some_and(|at| at.timestamp() == second)
}
