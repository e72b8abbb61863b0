//! WHEN: instant in, next instant out.

mod schedule;
mod zone;

pub use schedule::{DstMark, Schedule, ScheduleBuilder, Trigger, TriggerError};
pub use zone::{UnknownZone, Zone, ZoneData, zone_data};

use chrono::{DateTime, Utc};

/// An instant at which a trigger says that a job is due; UTC inside.
pub type FireTime = DateTime<Utc>;
