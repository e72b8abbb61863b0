//! From local time to instants: what gaps and folds do to a series of local times.
//!
//! A zone is a row of segments of constant offset. Within one, local time and UTC go together; where the
//! next begins, local time jumps forward (a *gap*: times that never are) or back (a *fold*: times that are
//! twice). A [`Series`] of local times becomes fire times segment by segment, so they are in order:
//!
//! whatever matches in a segment fires, less what a [`Fold`] holds back at one of its ends, and perhaps its
//! first instant is made up for a [`Gap`] before it.
//!
//! A jump of more than three hours is a correction of the clock, not daylight saving: nothing is made up and
//! nothing held back.

use super::calendar::DAY;
use super::dst::{Fold, Follow, Gap};
use super::zone::Zone;

/// Longer jumps are corrections of the clock.
const JUMP_MAX: i64 = 3 * 3600;
const JUMP_BACK_MAX: i64 = -JUMP_MAX;
/// No local time is further from UTC than this.
const OFFSET_MAX: i64 = 26 * 3600;

/// Segments that are farther apart than this do not show the same local times.
const SOON: i64 = 2 * OFFSET_MAX;

/// Local times, in seconds as if the zone were UTC.
pub(super) trait Series {
    /// The first one at `from` or later.
    fn first_from(&self, from: i64) -> Option<i64>;
    /// The last one at `until` or earlier.
    fn last_until(&self, until: i64) -> Option<i64>;
    /// How many there are in `from <= t < until`.
    fn count(&self, from: i64, until: i64) -> u64;
}

/// What a segment has of a series: its own local times, and at its start perhaps a fire time for the gap.
struct Window {
    /// The local times that fire, inclusive; later than the segment's start where a fold holds some back.
    from: i64,
    /// Exclusive; earlier than the segment's end where a fold holds some back.
    until: i64,
    offset: i64,
    /// The segment's start and the local times of the gap before it.
    gap: Option<(i64, i64, i64)>,
}

impl Window {
    fn of(zone: &Zone, index: usize, follow: Follow) -> Window {
        let segment = zone.segment(index);
        let (start, offset) = (segment.start, segment.offset);
        let end = zone.segment_end(index);
        let (from, until) = (start.saturating_add(offset), end.saturating_add(offset));
        let mut window = Window { from, until, offset, gap: None };
        if index > 0 && (follow.gap == Gap::After || follow.fold == Fold::First) {
            let before = start + zone.segment(index - 1).offset;
            match from - before {
                1..=JUMP_MAX if follow.gap == Gap::After => window.gap = Some((start, before, from)),
                JUMP_BACK_MAX..=-1 if follow.fold == Fold::First => window.from = before,
                _ => {}
            }
        }
        if follow.fold == Fold::Last && !zone.is_last(index) {
            let after = end + zone.segment(index + 1).offset;
            if (JUMP_BACK_MAX..0).contains(&(after - until)) {
                window.until = after;
            }
        }
        window
    }

    /// The instant that the gap before this segment gives, if anything of the series lies in it and it is one
    /// of those that are `wanted`.
    fn made_up(&self, series: &impl Series, wanted: impl Fn(i64) -> bool) -> Option<i64> {
        let (start, from, until) = self.gap.filter(|(start, ..)| wanted(*start))?;
        series.first_from(from).is_some_and(|first| first < until).then_some(start)
    }
}

/// Returns the first fire time at `from` or later (UTC seconds).
pub(super) fn first_from(zone: &Zone, series: &impl Series, follow: Follow, from: i64) -> Option<i64> {
    let mut index = zone.segment_at(from);
    let mut ahead = None;
    loop {
        let window = Window::of(zone, index, follow);
        if let Some(start) = window.made_up(series, |start| from <= start) {
            return Some(start);
        }
        let searched = window.from.max(from.saturating_add(window.offset));
        // What was found from an earlier time on is not searched again.
        let local = match ahead {
            Some((since, local)) if (since..=local).contains(&searched) => Some(local),
            _ => series.first_from(searched),
        };
        ahead = local.map(|local| (searched, local));
        if let Some(local) = local.filter(|local| *local < window.until) {
            return Some(local - window.offset);
        }
        if zone.is_last(index) {
            return None;
        }
        index += 1;
        // Nothing matches in between, so nothing fires before the segment that may hold `local`; unless one
        // comes so soon that it may show times again that are before what was searched.
        if zone.segment(index).start >= searched - window.offset + SOON {
            index = index.max(zone.segment_at(local? - OFFSET_MAX));
        }
    }
}

/// Returns the last fire time at `until` or earlier (UTC seconds).
pub(super) fn last_until(zone: &Zone, series: &impl Series, follow: Follow, until: i64) -> Option<i64> {
    let mut index = zone.segment_at(until);
    loop {
        let window = Window::of(zone, index, follow);
        let latest = until.saturating_add(window.offset).min(window.until.saturating_sub(1));
        let local = series.last_until(latest);
        if let Some(local) = local.filter(|local| *local >= window.from) {
            // A gap's fire time is the segment's start, and nothing comes before that in it.
            return Some(local - window.offset);
        }
        if let Some(start) = window.made_up(series, |_| true) {
            return Some(start);
        }
        let start = zone.segment(index).start;
        index = index.checked_sub(1)?;
        // As in the other direction; the one before may have shown times that are after what was searched.
        if start <= latest - window.offset - SOON {
            index = index.min(zone.segment_at(local?.saturating_add(OFFSET_MAX)));
        }
    }
}

/// Returns how many fire times there are in `from <= t < until` (UTC seconds).
pub(super) fn count(zone: &Zone, series: &impl Series, follow: Follow, from: i64, until: i64) -> u64 {
    let mut total = 0;
    let mut index = zone.segment_at(from);
    loop {
        let window = Window::of(zone, index, follow);
        let first = window.from.max(from.saturating_add(window.offset));
        let last = window.until.min(until.saturating_add(window.offset));
        total += series.count(first, last);
        // A fire time of the gap counts unless its instant, the segment's start, matches anyway.
        if let Some(start) = window.made_up(series, |start| from <= start && start < until) {
            let local = start + window.offset;
            total += u64::from(series.first_from(local) != Some(local));
        }
        if zone.is_last(index) || zone.segment_end(index) >= until {
            return total;
        }
        index += 1;
    }
}

/// Returns the offset of `from <= t < until` (UTC seconds), if no change of the clock is so near that it matters.
pub(super) fn plain_offset(zone: &Zone, from: i64, until: i64) -> Option<i64> {
    let index = zone.segment_at(from - JUMP_MAX);
    (zone.segment_end(index) >= until + JUMP_MAX).then(|| zone.segment(index).offset)
}

/// What becomes of local times that lie in a gap, where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// They fire at the first instant after it, which does not match by itself.
    Moved,
    /// They are left out, and the day has no others.
    WholeDay,
}

/// Returns what becomes of the local times that lie in the gap that ends at `instant`, with the first of them; `None`
/// if there is no such gap, none lies in it, or it does not matter.
pub(super) fn missing(
    zone: &Zone,
    series: &impl Series,
    follow: Follow,
    instant: i64,
) -> Option<(Missing, i64)> {
    // Where the choice is to leave them out, a window does not know the gap.
    let window = Window::of(zone, zone.segment_at(instant), Follow { gap: Gap::After, ..follow });
    let (_, from, until) = window.gap.filter(|(start, ..)| *start == instant)?;
    let first = series.first_from(from).filter(|first| *first < until)?;
    let next = series.first_from(until);
    let missing = match follow.gap {
        Gap::After if next == Some(until) => return None,
        Gap::After => Missing::Moved,
        Gap::Skip => {
            let day = first.div_euclid(DAY) * DAY;
            let earlier = series.first_from(day).is_some_and(|earliest| earliest < from);
            let later = next.is_some_and(|next| next < day + DAY);
            if earlier || later {
                return None;
            }
            Missing::WholeDay
        }
    };
    Some((missing, first))
}

/// Returns whether the local time of `instant` occurs twice.
pub(super) fn is_folded(zone: &Zone, instant: i64) -> bool {
    instants(zone, instant + zone.segment(zone.segment_at(instant)).offset).1.is_some()
}

/// Returns the first instant that shows `local`, or the first one after the gap that holds it.
pub(super) fn first_instant(zone: &Zone, local: i64) -> i64 {
    if let (Some(first), _) = instants(zone, local) {
        first
    } else {
        let mut index = zone.segment_at(local - OFFSET_MAX);
        while zone.segment_end(index) <= local - zone.segment(index).offset {
            index += 1;
        }
        zone.segment(index).start
    }
}

/// The instants that show `local`, first and second.
pub(super) fn instants(zone: &Zone, local: i64) -> (Option<i64>, Option<i64>) {
    let segments = zone.segment_at(local - OFFSET_MAX)..=zone.segment_at(local + OFFSET_MAX);
    let mut shown = segments.filter_map(|index| {
        let segment = zone.segment(index);
        let instant = local - segment.offset;
        (segment.start <= instant && instant < zone.segment_end(index)).then_some(instant)
    });
    (shown.next(), shown.next())
}
