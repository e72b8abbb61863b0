//! WHEN: instant in, next instant out.
//!
//! A [`Trigger`] is a pure rule that names fire times, a [`Schedule`] the union of a job's triggers between
//! its `start` and `end`. Nothing here reads a clock; the same question always has the same answer.
//!
//! Instants are UTC; wall-clock rules are meant in a [`Zone`]. What a rule says is first found on the plain
//! calendar (`cron`, `on_calendar`, `interval`; one local second after another) and only then placed in the zone
//! (`local`), where gaps and folds are. So no search depends on daylight saving, and no daylight-saving rule on
//! the search.
//!
//! It knows no other room of this crate.

mod at;
mod calendar;
mod code;
mod combine;
mod cron;
mod day;
mod definition;
mod dst;
mod duration;
mod every;
mod gap;
mod instant;
mod interval;
mod local;
mod note;
mod on_calendar;
mod piece;
mod rule;
mod schedule;
mod search;
mod shown;
mod system_zone;
#[cfg(test)]
mod tests;
mod union;
mod wall;
mod zone;

pub use at::parse_local_time;
pub use cron::{CronField, cron_notes};
pub use definition::BadDefinition;
pub use dst::{Dst, Fold, Gap};
pub use duration::{BadDuration, parse_duration, render_duration};
pub use gap::{GapFate, InGap};
pub use interval::ShortMonth;
pub use note::Note;
pub use on_calendar::calendar_notes;
pub use rule::Trigger;
pub use schedule::{Schedule, ScheduleBuilder};
pub use search::DstMark;
pub use system_zone::SystemZoneError;
pub use zone::{UnknownZone, Zone, ZoneData, zone_data};

use chrono::{DateTime, Utc};
use std::ops::Range;

/// An instant at which a trigger says that a job is due; UTC inside.
pub type FireTime = DateTime<Utc>;

/// Why a text is no trigger: where in it, what was expected and found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct TriggerError {
    /// Byte range in the text that was parsed.
    pub span: Range<usize>,
    /// In words, without a full stop.
    pub expected: String,
    /// In words or in backticks.
    pub found: String,
    /// What to write instead.
    pub hint: Option<String>,
}
