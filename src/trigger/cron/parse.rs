//! The text of a cron expression, as users of crontab know it.
//!
//! The numbering and the either-day rule are POSIX crontab's and Vixie cron's; seconds in front, a year
//! behind, wrapped ranges, `a/n`, `L`, `W`, `#`, `H` and `+` are common extensions. What this cannot read it
//! says where, what was expected, and what was found.

use super::field::{self, DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, Kind, MINUTE, MONTH, SECOND, Values, YEAR};
use super::simpler;
use crate::trigger::piece::Piece;
use crate::trigger::{BadDuration, Note, TriggerError, Zone, parse_duration};
use std::ops::Range;
use std::time::Duration;

/// All fields that have been read.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) seconds: Values,
    pub(super) minutes: Values,
    pub(super) hours: Values,
    pub(super) days_of_month: Field,
    pub(super) months: Values,
    pub(super) days_of_week: Field,
    /// `None`: every year.
    pub(super) years: Option<Values>,
    /// Whether both day fields have to match: one begins with `*` or `?`, or it is asked for with `+`.
    pub(super) both_days: bool,
    /// Whether the second, minute or hour field begins with `*`.
    pub(super) recurring: bool,
    /// What each `H` was drawn from; `None`: there is none in it.
    pub(super) drawn: Option<u64>,
}

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Reads `text`; what `H` stands for is drawn from `spread`.
pub(super) fn parse(text: &str, spread: u64) -> Result<Fields, TriggerError> {
    let mut notes = Vec::new();
    read(text, spread, &mut notes)
}

/// Returns what in a sound cron expression is perhaps not meant; nothing for an unsound one.
pub fn cron_notes(text: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    match read(text, 0, &mut notes) {
        Ok(fields) => notes.extend(simpler::roundabout(text, &fields)),
        Err(_) => notes.clear(),
    }
    notes
}

fn read(text: &str, spread: u64, notes: &mut Vec<Note>) -> Result<Fields, TriggerError> {
    let pieces = split(text);
    if let Some(first) = pieces.first() {
        if first.text.starts_with('@') {
            return read(nickname(text)?, spread, notes);
        }
        if let Some((name, _)) = zone_prefix(*first) {
            let hint = match Zone::find(name) {
                Ok(zone) => format!("write: timezone = \"{zone}\""),
                Err(unknown) => format!("its zone is the job's `timezone`; {unknown}"),
            };
            return Err(first.error("the fields alone", Some(hint)));
        }
    }
    let kinds = kinds(pieces.len()).ok_or_else(|| wrong_count(text, &pieces))?;
    let mut fields = Vec::with_capacity(7);
    for (kind, piece) in kinds.iter().zip(&pieces) {
        fields.push(field::read(kind, *piece, spread, notes)?);
    }
    if fields.len() == 5 {
        fields.insert(0, Field { values: Values([1, 0, 0]), ..Field::default() });
    }
    let years = (fields.len() == 7).then(|| fields.pop()).flatten();
    let fields: [Field; 6] = fields.try_into().expect("six are left");
    let drawn = fields.iter().any(|field| field.is_drawn).then_some(spread);
    let [seconds, minutes, hours, days_of_month, months, days_of_week] = fields;
    let both_days = days_of_month.is_star || days_of_week.is_star || days_of_week.is_both;
    // Where both have all days there is nothing to choose.
    let all_days = days_of_month.values.len() == 31 && days_of_week.values.len() == 7;
    if !both_days && !all_days {
        let day = pieces[pieces.len().min(6) - 3];
        notes.push(Note::BothDayFields { span: day.span() });
    }
    Ok(Fields {
        recurring: seconds.is_star || minutes.is_star || hours.is_star,
        seconds: seconds.values,
        minutes: minutes.values,
        hours: hours.values,
        days_of_month,
        months: months.values,
        days_of_week,
        years: years.filter(|years| !(years.is_star && years.values.len() == 131)).map(|years| years.values),
        both_days,
        drawn,
    })
}

/// Which fields so many are.
pub(super) fn kinds(count: usize) -> Option<&'static [Kind]> {
    const ALL: &[Kind] = &[SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR];
    match count {
        5 => Some(&ALL[1..6]),
        6 => Some(&ALL[..6]),
        7 => Some(ALL),
        _ => None,
    }
}

/// Returns the names of the fields of a sound expression with their texts; of a nickname, those that it stands
/// for.
pub(super) fn fields(text: &str) -> Vec<(&'static str, &str)> {
    let text = nickname(text).unwrap_or(text);
    let pieces = split(text);
    let kinds = kinds(pieces.len()).unwrap_or_default();
    kinds.iter().zip(pieces).map(|(kind, piece)| (kind.name, piece.text)).collect()
}

/// What a nickname means.
fn nickname(text: &str) -> Result<&'static str, TriggerError> {
    let word = Piece::trimmed(text);
    let lower = word.text.to_ascii_lowercase();
    if let Some((_, meaning)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == lower) {
        return Ok(meaning);
    }
    let hint = match lower.split_whitespace().next() {
        Some("@reboot") => "write: startup = true",
        _ => "the nicknames are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every",
    };
    Err(word.error("a nickname such as @daily", Some(hint.into())))
}

/// Returns the period of an `@every 90s` and where it stands; `None` for any other text.
pub(in crate::trigger) fn period(text: &str) -> Option<Result<(Duration, Range<usize>), TriggerError>> {
    let word = Piece::trimmed(text);
    let (name, rest) = word.text.split_at_checked("@every".len())?;
    if !name.eq_ignore_ascii_case("@every") || rest.starts_with(|c: char| !c.is_whitespace()) {
        return None;
    }
    let at = word.at + word.text.len() - rest.trim_start().len();
    let length = Piece { text: rest.trim_start(), at };
    let expected = "a duration such as 90s or 1h 30m";
    let period = parse_duration(length.text).map(|period| (period, length.span()));
    Some(period.map_err(|bad| {
        let hint = match bad {
            BadDuration::CalendarUnit { .. } => format!("{bad}; write fields, or days"),
            BadDuration::Malformed => bad.to_string(),
        };
        length.error(expected, Some(hint))
    }))
}

/// Takes the zone off that stands in front of the fields in crontabs and in Go's words, `TZ=` or `CRON_TZ=`.
/// Returns where the rest begins.
pub(in crate::trigger) fn take_zone(text: &str) -> Result<Option<(Zone, usize)>, TriggerError> {
    let Some(first) = split(text).first().copied() else { return Ok(None) };
    let Some((name, at)) = zone_prefix(first) else { return Ok(None) };
    match Zone::find(name) {
        Ok(zone) => Ok(Some((zone, first.span().end))),
        Err(unknown) => {
            let nearest = unknown.nearest.first().map(|name| format!("did you mean {name}?"));
            Err(Piece { text: name, at }.error("a zone such as Europe/Berlin", nearest))
        }
    }
}

/// The zone's name in `TZ=NAME`, and where it stands.
fn zone_prefix(word: Piece<'_>) -> Option<(&str, usize)> {
    let name = word.text.strip_prefix("CRON_TZ=").or_else(|| word.text.strip_prefix("TZ="))?;
    Some((name, word.span().end - name.len()))
}

pub(super) fn split(text: &str) -> Vec<Piece<'_>> {
    Piece::trimmed(text).words().collect()
}

fn wrong_count(text: &str, pieces: &[Piece<'_>]) -> TriggerError {
    let found = match pieces.len() {
        0 => "nothing".to_owned(),
        1 => "1 field".to_owned(),
        n => format!("{n} fields"),
    };
    TriggerError {
        span: 0..text.len(),
        expected:
            "5 fields (minute hour day-of-month month day-of-week), 6 with seconds in front, or 7 with a \
                   year behind"
                .into(),
        found,
        hint: Some("every day at 18:00 is 0 18 * * *".into()),
    }
}
