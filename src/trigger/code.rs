//! Code of an embedding program that triggers ask: a predicate, or a whole trigger.
//!
//! It is asked under the scheduler's lock, often and in any order, so it has to be quick and pure: the same answer for
//! the same instant. Code that panics has no answer, which ends the search: what it would have named counts as
//! exhausted, and no job but its own notices.

use super::FireTime;
use super::instant::just_before;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Equal to its clones alone.
pub(super) struct Code<F: ?Sized>(Arc<F>);

/// Which fire times a filter lets through.
pub(super) type Predicate = Code<dyn Fn(FireTime) -> bool + Send + Sync>;

/// The first fire time after an instant.
pub(super) type NextAfter = Code<dyn Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync>;

impl<F: ?Sized> Code<F> {
    pub(super) fn new(code: Arc<F>) -> Code<F> {
        Code(code)
    }
}

impl Predicate {
    /// `None`: it has panicked.
    pub(super) fn accepts(&self, fire_time: FireTime) -> Option<bool> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(fire_time))).ok()
    }
}

/// Fire times are whole milliseconds: the code is asked of the millisecond that `after` lies in, and what it names
/// within a millisecond counts as that one's end. So the answers stay in order and agree with each other.
impl NextAfter {
    pub(super) fn next_after(&self, after: DateTime<Utc>) -> Option<FireTime> {
        let after = after.trunc_subsecs(3);
        let next = catch_unwind(AssertUnwindSafe(|| (self.0)(after))).ok()??;
        let begun = next.trunc_subsecs(3);
        let next = if begun < next { begun.checked_add_signed(MILLISECOND)? } else { begun };
        // One that does not move on names nothing more.
        (next > after).then_some(next)
    }

    /// Returns the last fire time strictly before `before`, if it is less than 400 years away: the answers after
    /// earlier instants are never later, so it can be closed in on.
    pub(super) fn prev_before(&self, before: DateTime<Utc>) -> Option<FireTime> {
        let next = |after| self.next_after(after).filter(|next| *next < before);
        let mut distance = TimeDelta::seconds(1);
        let mut last = loop {
            match next(before.checked_sub_signed(distance)?) {
                Some(found) => break found,
                None if distance > FARTHEST => return None,
                None => distance = distance * 2,
            }
        };
        // The first instant after which nothing before `before` follows is the last fire time itself.
        let mut end = just_before(before);
        while last < end {
            let middle = last + (end - last) / 2;
            match next(middle) {
                Some(found) => last = found,
                None => end = middle,
            }
        }
        Some(last)
    }
}

const MILLISECOND: TimeDelta = TimeDelta::milliseconds(1);
const FARTHEST: TimeDelta = TimeDelta::days(146_097);

impl<F: ?Sized> Clone for Code<F> {
    fn clone(&self) -> Code<F> {
        Code(Arc::clone(&self.0))
    }
}

impl<F: ?Sized> PartialEq for Code<F> {
    fn eq(&self, other: &Code<F>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<F: ?Sized> Eq for Code<F> {}

impl<F: ?Sized> Hash for Code<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl<F: ?Sized> fmt::Debug for Code<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}
