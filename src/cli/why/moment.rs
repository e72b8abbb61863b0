//! Which moment somebody means: an instant, a minute, a day, or what was around it; and what the clocks did to it.

use crate::cli::time::parse_time;
use crate::trigger::Zone;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};

/// What times of the ledger are whole multiples of.
pub(super) const TICK: TimeDelta = TimeDelta::microseconds(1);

/// From, and until when exclusively.
pub(super) type Window = (DateTime<Utc>, DateTime<Utc>);

/// A stretch of time that is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// As it was asked for.
    pub(super) text: String,
    /// From and until, exclusive; two where the clock was put back and shows the same twice.
    pub(super) windows: Vec<Window>,
    /// What is meant is not in the window, but nearest to its beginning.
    pub(super) is_near: bool,
    /// What the clock did there.
    pub(super) change: Option<Change>,
}

/// What the clock did at a local time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It was put forward over it.
    Gap {
        /// The last local time before.
        from: NaiveDateTime,
        /// And the first after.
        to: NaiveDateTime,
    },
    /// It was put back, and showed it twice.
    Fold,
}

impl Moment {
    /// The instant itself.
    pub(super) fn exactly(at: DateTime<Utc>, zone: &Zone) -> Moment {
        let text = zone.at(at).format("%Y-%m-%d %H:%M:%S%.f%:z").to_string();
        Moment { text, windows: vec![(at, at + TICK)], is_near: false, change: None }
    }

    /// Returns what `text` means in `zone`: of a date the whole day, of a time without seconds that minute, of one
    /// with seconds that second, of one with a fraction what begins with its digits; of an offset from `now` what is
    /// nearest to it.
    ///
    /// # Errors
    /// What was expected, as a sentence for the command line.
    pub(super) fn parse(text: &str, zone: &Zone, now: DateTime<Utc>) -> Result<Moment, String> {
        let at = parse_time(text, zone, now)?;
        let text = text.trim();
        let is_near = text == "now" || text.starts_with(['-', '+']);
        if is_near {
            let shown = zone.at(at).format("%Y-%m-%d %H:%M:%S%:z").to_string();
            return Ok(Moment { text: shown, is_near, ..Moment::exactly(at, zone) });
        }
        let moment = |windows, change| Moment { text: text.to_owned(), windows, is_near, change };
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            let next = day.succ_opt().unwrap_or(NaiveDate::MAX);
            let until = zone.resolve_first(next.and_hms_opt(0, 0, 0).expect("midnight"));
            return Ok(moment(vec![(at, until)], None));
        }
        let window = (at, at + precision(text));
        let Some(local) = local(text) else { return Ok(moment(vec![window], None)) };
        let shown = zone.at(at).naive_local();
        if shown != local {
            let before = zone.at(at - TimeDelta::seconds(1)).naive_local() + TimeDelta::seconds(1);
            return Ok(moment(vec![window], Some(Change::Gap { from: before, to: shown })));
        }
        let mut folds = zone.folds(at, at + TimeDelta::days(1)).into_iter();
        match folds.find(|(fold, length)| *fold - *length <= at && at < *fold) {
            Some((_, back)) => {
                Ok(moment(vec![window, (window.0 + back, window.1 + back)], Some(Change::Fold)))
            }
            None => Ok(moment(vec![window], None)),
        }
    }
}

/// How long what a time means is: `18:00`, `18:00:30`, `18:00:30.123`.
fn precision(text: &str) -> TimeDelta {
    if let Some((_, rest)) = text.split_once('.') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        return TimeDelta::nanoseconds(10_i64.pow(u32::try_from(9 - digits.min(9)).expect("few"))).max(TICK);
    }
    let is_rfc_3339 = DateTime::parse_from_rfc3339(text).is_ok();
    match text.matches(':').count() {
        2.. => TimeDelta::seconds(1),
        _ if is_rfc_3339 => TimeDelta::seconds(1),
        _ => TimeDelta::minutes(1),
    }
}

/// A time that was written without an offset.
fn local(text: &str) -> Option<NaiveDateTime> {
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let local = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    // One that no calendar has is none.
    Utc.from_local_datetime(&local).single().map(|_| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, windows: &[(&str, &str)], change: Option<Change>) {
        let zone = Zone::find("Europe/Berlin").expect("a zone");
        let now = "2026-06-01T12:34:56Z".parse().expect("a time");
        let moment = Moment::parse(text, &zone, now).expect("a time");
        let instant = |text: &str| text.parse::<DateTime<Utc>>().expect("a time");
        let windows: Vec<_> = windows.iter().map(|(from, until)| (instant(from), instant(until))).collect();
        assert_eq!((moment.windows, moment.change), (windows, change), "{text}");
    }

    #[test]
    fn a_time_is_as_long_as_it_is_written_precisely() {
        check("2026-06-01", &[("2026-05-31T22:00:00Z", "2026-06-01T22:00:00Z")], None);
        check("2026-06-01 03:00", &[("2026-06-01T01:00:00Z", "2026-06-01T01:01:00Z")], None);
        check("2026-06-01T03:00:07", &[("2026-06-01T01:00:07Z", "2026-06-01T01:00:08Z")], None);
        check("2026-06-01T03:00:00Z", &[("2026-06-01T03:00:00Z", "2026-06-01T03:00:01Z")], None);
        check("2026-06-01T03:00:00.5Z", &[("2026-06-01T03:00:00.5Z", "2026-06-01T03:00:00.6Z")], None);
        let milliseconds = [("2026-06-01T01:00:00.123Z", "2026-06-01T01:00:00.124Z")];
        check("2026-06-01 03:00:00.123+02:00", &milliseconds, None);
        check("2026-06-01 03:00:00.123", &milliseconds, None);
        let microseconds = [("2026-06-01T01:00:00.123456Z", "2026-06-01T01:00:00.123457Z")];
        check("2026-06-01T03:00:00.123456+02:00", &microseconds, None);
    }

    #[test]
    fn an_offset_means_what_is_nearest() {
        let now = "2026-06-01T12:34:56Z".parse().expect("a time");
        let moment = Moment::parse("-2h", &Zone::utc(), now).expect("a time");
        assert!(moment.is_near);
        assert_eq!(
            (moment.windows[0].0, &*moment.text),
            (now - TimeDelta::hours(2), "2026-06-01 10:34:56+00:00")
        );
    }

    #[test]
    fn a_local_time_may_never_be_or_be_twice() {
        let local = |text: &str| text.parse::<NaiveDateTime>().expect("a local time");
        let gap = Change::Gap { from: local("2026-03-29T02:00:00"), to: local("2026-03-29T03:00:00") };
        check("2026-03-29 02:30", &[("2026-03-29T01:00:00Z", "2026-03-29T01:01:00Z")], Some(gap));
        let twice = [
            ("2026-10-25T00:30:00Z", "2026-10-25T00:31:00Z"),
            ("2026-10-25T01:30:00Z", "2026-10-25T01:31:00Z"),
        ];
        check("2026-10-25 02:30", &twice, Some(Change::Fold));
        check("2026-10-25 03:30", &[("2026-10-25T02:30:00Z", "2026-10-25T02:31:00Z")], None);
        check("2026-10-25", &[("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")], None);
    }
}
