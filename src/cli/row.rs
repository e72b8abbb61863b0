//! A fire time as people read it, in `next` and in `explain`: with its weekday, its offset, and what daylight saving
//! does to it.

use crate::trigger::{DstMark, FireTime, Trigger, Zone};
use chrono::format::{Item, StrftimeItems};
use std::fmt::Display;

/// Shows fire times: `Sun 2026-03-29 03:00:00 +02:00`, with milliseconds where there are some.
pub(super) struct Clock {
    whole: Vec<Item<'static>>,
    fraction: Vec<Item<'static>>,
}

impl Clock {
    pub(super) fn new() -> Clock {
        let items = |format| StrftimeItems::new(format).collect();
        Clock { whole: items("%a %Y-%m-%d %H:%M:%S %:z"), fraction: items("%a %Y-%m-%d %H:%M:%S%.3f %:z") }
    }

    pub(super) fn show(&self, at: FireTime, zone: &Zone) -> impl Display {
        let items = if at.timestamp_subsec_millis() == 0 { &self.whole } else { &self.fraction };
        zone.at(at).format_with_items(items.iter())
    }
}

/// What there is to note of a fire time of this trigger, where a clock is put forward or back.
pub(super) fn dst_note(trigger: &Trigger, at: FireTime) -> Option<String> {
    trigger.dst_mark(at).map(|mark| match (mark, trigger.moved_from(at)) {
        (DstMark::Gap, Some(from)) => {
            format!("moved from {}, out of a gap (clocks go forward)", from.format("%H:%M"))
        }
        (DstMark::Gap, None) => "moved out of a gap (clocks go forward)".into(),
        (DstMark::Fold, _) => "local time occurs twice (clocks go back)".into(),
    })
}
