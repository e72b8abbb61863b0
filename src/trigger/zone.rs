//! Time zones (skeleton).
#![expect(missing_docs, reason = "skeleton")]
use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(std::sync::Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{name}`")]
pub struct UnknownZone {
    pub name: String,
    pub nearest: Vec<String>,
}

/// Which time-zone data is in use.
pub struct ZoneData {
    pub version: Option<String>,
    /// `"/usr/share/zoneinfo"` or `"bundled"`.
    pub source: String,
}

pub fn zone_data() -> &'static ZoneData {
    todo!()
}

impl Zone {
    pub fn utc() -> Zone {
        todo!()
    }
    pub fn find(_name: &str) -> Result<Zone, UnknownZone> {
        todo!()
    }
    /// The system's zone by its IANA name: `TZ`, then /etc/localtime's link, then /etc/timezone.
    pub fn system() -> Result<Zone, UnknownZone> {
        todo!()
    }
    pub fn name(&self) -> &str {
        todo!()
    }
    /// The local time of an instant, with its offset.
    pub fn at(&self, _instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        todo!()
    }
    /// First instant that shows `local`, or the first instant after the gap that swallowed it.
    pub fn resolve_first(&self, _local: NaiveDateTime) -> DateTime<Utc> {
        todo!()
    }
}
