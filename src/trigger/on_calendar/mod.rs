//! `calendar`: systemd's calendar events, `Mon..Fri 09:00`. [`parse`] reads the text, [`spec`] is what it says
//! and how it is shown; here it becomes the masks of a [`Cron`], by which it is searched, counted and described.
//!
//! The rules are those of systemd.time(7): weekday *and* date have to match, and `~` counts days from the end
//! of the month. What gaps and folds do is ours, see [`dst`](super::dst): systemd skips a fixed time in a gap
//! and falls silent in one pass of a fold.

mod parse;
mod spec;

pub use parse::calendar_notes;

use super::cron::{Cron, Masks};
use super::{TriggerError, Zone};
use spec::{Chain, Spec, YEAR_FIRST, YEAR_LAST};

/// A calendar event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OnCalendar {
    cron: Cron,
    spec: Spec,
}

impl OnCalendar {
    /// Returns the event that `text` is.
    pub(super) fn parse(text: &str) -> Result<OnCalendar, TriggerError> {
        let spec = parse::parse(text)?;
        Ok(OnCalendar { cron: Cron::of_masks(&masks(&spec)), spec })
    }

    /// The local times that match it. They follow real time by default if its second, minute or hour is `*` or
    /// repeats without an end, and are fixed otherwise.
    pub(super) fn cron(&self) -> &Cron {
        &self.cron
    }

    /// The zone behind it, which is stronger than the job's.
    pub(super) fn zone(&self) -> Option<&Zone> {
        self.spec.zone.as_ref()
    }

    /// Returns the form in which `systemd-analyze calendar` shows it.
    pub(super) fn normalised(&self) -> String {
        self.spec.to_string()
    }
}

fn masks(spec: &Spec) -> Masks {
    let (days, days_from_end) = match &spec.days {
        Chain::Items(items) if spec.from_end => {
            let days = items.iter().flat_map(|item| item.values_from_end());
            (0, days.fold(0, |mask, day| mask | 1 << (day - 1)))
        }
        // All of them, as a cron has them.
        Chain::Every => (!1 & 0xffff_ffff, 0),
        days @ Chain::Items(_) => (days.mask(1, 31), 0),
    };
    let monday_first = u64::from(spec.weekdays.unwrap_or(0x7f));
    Masks {
        seconds: spec.seconds.mask(0, 59),
        minutes: spec.minutes.mask(0, 59),
        hours: spec.hours.mask(0, 23),
        days,
        days_from_end,
        months: spec.months.mask(1, 12),
        weekdays: (monday_first << 1 | monday_first >> 6) & 0x7f,
        years: years(&spec.years),
        recurring: [&spec.hours, &spec.minutes, &spec.seconds].into_iter().any(Chain::recurs),
    }
}

fn years(chain: &Chain) -> Option<[u64; 4]> {
    let Chain::Items(items) = chain else { return None };
    let mut mask = [0; 4];
    for year in items.iter().flat_map(|item| item.values(YEAR_LAST)) {
        let bit = usize::from(year - YEAR_FIRST);
        mask[bit / 64] |= 1 << (bit % 64);
    }
    Some(mask)
}
