//! Which zone is the system's, and where the system keeps the data of zones: what `TZ`, `TZDIR` and its files
//! say. A setting that names no zone is an error, never silently UTC.

use super::{UnknownZone, Zone};
use jiff::Timestamp;
use jiff::tz::TimeZone as JiffZone;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the system keeps its zone.
const LOCALTIME: &str = "/etc/localtime";
/// And where some systems keep its name.
const TIMEZONE: &str = "/etc/timezone";
/// More links in a row than these lead nowhere, as for the kernel.
const LINKS_MAX: usize = 40;

/// Why the system's zone has no IANA name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SystemZoneError {
    /// `TZ` or the system's own setting names a zone that the data does not have.
    #[error("{setting} names an {unknown}")]
    Unknown {
        /// Which setting.
        setting: &'static str,
        /// What it names.
        unknown: UnknownZone,
    },
    /// `/etc/localtime` is a copy of a zone's file, or a link to something else.
    #[error("{LOCALTIME} has no zone's name, expected a link such as /usr/share/zoneinfo/Europe/Berlin")]
    Nameless,
    /// `TZ` holds a rule instead of a name.
    #[error(
        "TZ is expected to name a zone such as `Europe/Berlin`, found the rule `{found}`{}",
        write_instead(instead.as_deref())
    )]
    Rule {
        /// Its value.
        found: String,
        /// The zone that is the same, if there is one.
        instead: Option<String>,
    },
}

fn write_instead(zone: Option<&str>) -> String {
    zone.map_or_else(String::new, |zone| format!("; write: TZ={zone}"))
}

impl SystemZoneError {
    /// Returns what to do about it on this system.
    pub fn remedy(&self) -> String {
        match self {
            SystemZoneError::Unknown { setting: LOCALTIME, .. } | SystemZoneError::Nameless => {
                format!("make {LOCALTIME} a link to the file of a zone")
            }
            SystemZoneError::Unknown { setting, .. } => format!("set {setting} right"),
            SystemZoneError::Rule { .. } => "set TZ right".into(),
        }
    }
}

impl Zone {
    /// Returns the system's zone: that of `TZ`, which is UTC if it is set and empty, as for the C library; without
    /// it where `/etc/localtime` leads, whether or not there is a file; else `/etc/timezone`; else UTC.
    ///
    /// # Errors
    /// [`SystemZoneError`] when one of these is there and names no zone; never silently UTC.
    pub fn system() -> Result<Zone, SystemZoneError> {
        let tz = variable("TZ");
        match tz.as_deref().map(|tz| tz.strip_prefix(':').unwrap_or(tz)) {
            None | Some(LOCALTIME) => of_files(Path::new(LOCALTIME), Path::new(TIMEZONE)),
            Some(tz) => of_tz(tz),
        }
    }
}

/// The folders in which the system may have the data of zones, best first.
pub(super) fn data_folders() -> Vec<PathBuf> {
    let own = variable("TZDIR").filter(|folder| !folder.is_empty());
    let usual = ["/usr/share/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];
    own.into_iter().chain(usual.map(str::to_owned)).map(PathBuf::from).collect()
}

#[expect(clippy::disallowed_methods, reason = "`TZ` and `TZDIR` are the system's settings of the zone")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// What the system's own files say: where `localtime` leads, else the name in `timezone`, else UTC if there is
/// no `localtime` at all.
pub(super) fn of_files(localtime: &Path, timezone: &Path) -> Result<Zone, SystemZoneError> {
    let path = target(localtime);
    let setting = fs::read_to_string(timezone).ok().map(|text| text.trim().to_owned());
    match (path.as_deref().and_then(zone_of_path), setting.filter(|name| !name.is_empty())) {
        (Some(name), _) => named(LOCALTIME, &name),
        (None, Some(name)) => named(TIMEZONE, &name),
        (None, None) if path.is_some() => Err(SystemZoneError::Nameless),
        (None, None) => Ok(Zone::utc()),
    }
}

/// Where a path leads. Of links to what is not there, the last one that can be followed says so.
fn target(path: &Path) -> Option<PathBuf> {
    let follow = |link: &PathBuf| Some(link.parent()?.join(fs::read_link(link).ok()?));
    let followed = || std::iter::successors(follow(&path.to_owned()), follow).take(LINKS_MAX).last();
    fs::canonicalize(path).ok().or_else(followed)
}

/// What a value of `TZ` means, without the colon that may stand in front.
pub(super) fn of_tz(value: &str) -> Result<Zone, SystemZoneError> {
    if value.is_empty() {
        return Ok(Zone::utc());
    }
    if value.starts_with('/') {
        let name = zone_of_path(Path::new(value)).unwrap_or_else(|| value.to_owned());
        return named("TZ", &name);
    }
    let found = named("TZ", value);
    // `UTC0`, `EST5EDT,M3.2.0,M11.1.0`: a rule, in the POSIX form.
    let is_rule = found.is_err() && value.contains(|c: char| c.is_ascii_digit());
    match JiffZone::posix(value) {
        Ok(rule) if is_rule => {
            Err(SystemZoneError::Rule { found: value.to_owned(), instead: same_zone(&rule) })
        }
        _ => found,
    }
}

/// The zone that is the same as a rule of whole hours without summer time.
fn same_zone(rule: &JiffZone) -> Option<String> {
    let offset = |second| {
        let at = Timestamp::from_second(second).expect("a second of 1970");
        rule.to_offset(at).seconds()
    };
    let (january, july) = (offset(0), offset(15_638_400));
    // Etc's names count hours behind UTC.
    let name = match -january / 3600 {
        0 => "UTC".to_owned(),
        behind => format!("Etc/GMT{behind:+}"),
    };
    (january == july && january % 3600 == 0 && Zone::find(&name).is_ok()).then_some(name)
}

fn named(setting: &'static str, name: &str) -> Result<Zone, SystemZoneError> {
    Zone::find(name).map_err(|unknown| SystemZoneError::Unknown { setting, unknown })
}

/// `/usr/share/zoneinfo/Europe/Berlin` leads to `Europe/Berlin`.
fn zone_of_path(path: &Path) -> Option<String> {
    let (_, name) = path.to_str()?.split_once("zoneinfo/")?;
    Some(name.trim_start_matches("posix/").trim_start_matches("right/").to_owned())
}
