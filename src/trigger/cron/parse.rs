//! The text of a cron expression, as users of crontab know it.
//!
//! The numbering and the either-day rule are POSIX crontab's and Vixie cron's; seconds in front, a year
//! behind, wrapped ranges and `a/n` are common extensions. What this cannot read it says where, what was
//! expected, and what was found.

use crate::trigger::TriggerError;
use std::collections::BTreeSet;
use std::ops::Range;

/// The values of a field.
pub(super) type Values = BTreeSet<u16>;

/// The values of all fields. None is empty; Sunday is 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seconds: Values,
    pub(super) minutes: Values,
    pub(super) hours: Values,
    pub(super) days_of_month: Values,
    pub(super) months: Values,
    pub(super) days_of_week: Values,
    /// `None`: every year.
    pub(super) years: Option<Values>,
    /// Whether a day field begins with `*` or `?`: then both have to match.
    pub(super) either_is_star: bool,
    /// Whether the second, minute or hour field begins with `*`.
    pub(super) recurring: bool,
}

/// Something that is legal and perhaps not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CronNote {
    /// A step that does not divide its field, so that one distance is shorter than the others.
    UnevenStep {
        /// Byte range in the text.
        span: Range<usize>,
        /// `minute` and so on.
        field: &'static str,
        /// The step.
        step: u16,
        /// How many values the field has.
        values: u16,
    },
    /// A step that is larger than what it steps through, so that only the first value is left.
    StepTooLarge {
        /// Byte range in the text.
        span: Range<usize>,
        /// `minute` and so on.
        field: &'static str,
        /// The step.
        step: u16,
    },
    /// Both day fields are restricted: a day matches if either does.
    BothDayFields {
        /// Byte range of the day of the month.
        span: Range<usize>,
    },
}

/// What a kind of field may hold.
struct Kind {
    name: &'static str,
    first: u16,
    last: u16,
    names: &'static [&'static str],
    /// `?` is `*` here.
    is_day: bool,
}

const SECOND: Kind = Kind { name: "second", first: 0, last: 59, names: &[], is_day: false };
const MINUTE: Kind = Kind { name: "minute", first: 0, last: 59, names: &[], is_day: false };
const HOUR: Kind = Kind { name: "hour", first: 0, last: 23, names: &[], is_day: false };
const DAY_OF_MONTH: Kind = Kind { name: "day of the month", first: 1, last: 31, names: &[], is_day: true };
const MONTH: Kind = Kind { name: "month", first: 1, last: 12, names: &MONTHS, is_day: false };
/// 7 is Sunday again; it is made 0 when the values are known.
const DAY_OF_WEEK: Kind = Kind { name: "day of the week", first: 0, last: 7, names: &WEEKDAYS, is_day: true };
const YEAR: Kind = Kind { name: "year", first: 1970, last: 2100, names: &[], is_day: false };

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A piece of the text that is being read, and where it stands.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

/// One field that has been read.
struct Field {
    values: Values,
    is_star: bool,
}

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Fields, TriggerError> {
    let mut notes = Vec::new();
    read(text, &mut notes)
}

/// Returns what in a sound cron expression is perhaps not meant; nothing for an unsound one.
pub fn cron_notes(text: &str) -> Vec<CronNote> {
    let mut notes = Vec::new();
    if read(text, &mut notes).is_err() {
        notes.clear();
    }
    notes
}

fn read(text: &str, notes: &mut Vec<CronNote>) -> Result<Fields, TriggerError> {
    if text.trim_start().starts_with('@') {
        return read_nickname(text, notes);
    }
    let pieces = split(text);
    let kinds: &[Kind] = match pieces.len() {
        5 => &[MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK],
        6 => &[SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK],
        7 => &[SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR],
        _ => return Err(wrong_count(text, &pieces)),
    };
    let mut fields = Vec::with_capacity(7);
    for (kind, piece) in kinds.iter().zip(&pieces) {
        fields.push(read_field(kind, *piece, notes)?);
    }
    if fields.len() == 5 {
        fields.insert(0, Field { values: Values::from([0]), is_star: false });
    }
    let years = (fields.len() == 7).then(|| fields.pop()).flatten();
    let fields: [Field; 6] = fields.try_into().ok().expect("six are left");
    let [seconds, minutes, hours, days_of_month, months, mut days_of_week] = fields;
    if days_of_week.values.remove(&7) {
        days_of_week.values.insert(0);
    }
    let either_is_star = days_of_month.is_star || days_of_week.is_star;
    if !either_is_star {
        let day = pieces[pieces.len().min(6) - 3];
        notes.push(CronNote::BothDayFields { span: day.span() });
    }
    Ok(Fields {
        recurring: seconds.is_star || minutes.is_star || hours.is_star,
        seconds: seconds.values,
        minutes: minutes.values,
        hours: hours.values,
        days_of_month: days_of_month.values,
        months: months.values,
        days_of_week: days_of_week.values,
        years: years.filter(|years| !(years.is_star && years.values.len() == 131)).map(|years| years.values),
        either_is_star,
    })
}

fn read_nickname(text: &str, notes: &mut Vec<CronNote>) -> Result<Fields, TriggerError> {
    let at = text.len() - text.trim_start().len();
    let word = Piece { text: text.trim(), at };
    let lower = word.text.to_ascii_lowercase();
    if let Some((_, meaning)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == lower) {
        return read(meaning, notes);
    }
    let hint = match lower.split_whitespace().next() {
        Some("@reboot") => "write: startup = true".to_owned(),
        Some("@every") => format!("write: every = \"{}\"", word.text["@every".len()..].trim()),
        _ => "the nicknames are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly"
            .to_owned(),
    };
    Err(word.error("a nickname such as @daily", Some(hint)))
}

fn split(text: &str) -> Vec<Piece<'_>> {
    let start = text.as_ptr().addr();
    let piece = |piece: &'_ str| piece.as_ptr().addr() - start;
    text.split_whitespace().map(|text| Piece { text, at: piece(text) }).collect()
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

fn read_field(kind: &Kind, piece: Piece<'_>, notes: &mut Vec<CronNote>) -> Result<Field, TriggerError> {
    let mut values = Values::new();
    for item in piece.split(',') {
        read_item(kind, item, &mut values, notes)?;
    }
    let is_star = piece.text.starts_with('*') || (kind.is_day && piece.text.starts_with('?'));
    Ok(Field { values, is_star })
}

fn read_item(
    kind: &Kind,
    item: Piece<'_>,
    values: &mut Values,
    notes: &mut Vec<CronNote>,
) -> Result<(), TriggerError> {
    let (range, step) = item.split_once('/');
    let (first, last) = read_range(kind, range, step.is_some())?;
    let Some(step_piece) = step else {
        values.extend(wrapped(kind, first, last, 1));
        return Ok(());
    };
    let step = read_step(kind, step_piece)?;
    note_step(kind, (first, last), item, step, notes);
    // `*/2` of a year means the even ones: it counts from 1970.
    values.extend(wrapped(kind, first, last, step));
    Ok(())
}

/// Values from `first` to `last`, around the end of the field where `last` is smaller.
fn wrapped(kind: &Kind, first: u16, last: u16, step: u16) -> impl Iterator<Item = u16> {
    let (low, high) = (kind.first, if kind.last == 7 { 6 } else { kind.last });
    let size = high - low + 1;
    let span = if last >= first { last - first } else { last + size - first };
    let value =
        move |offset: u16| if last >= first { first + offset } else { low + (first - low + offset) % size };
    (0..=span).step_by(usize::from(step)).map(value)
}

fn read_range(kind: &Kind, range: Piece<'_>, stepped: bool) -> Result<(u16, u16), TriggerError> {
    let all = (kind.first, if kind.last == 7 { 6 } else { kind.last });
    if range.text == "*" || (range.text == "?" && kind.is_day) {
        return Ok(all);
    }
    let (first, last) = range.split_once('-');
    let first = read_value(kind, first)?;
    match last {
        Some(last) => {
            let last = read_value(kind, last)?;
            if first > last && kind.last == 2100 {
                return Err(range.error("a range of years that goes up", None));
            }
            Ok((first, last))
        }
        None if stepped => Ok((first, all.1.max(first))),
        None => Ok((first, first)),
    }
}

fn read_value(kind: &Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    if let Some(index) = kind.names.iter().position(|name| piece.text.eq_ignore_ascii_case(name)) {
        let index = u16::try_from(index).expect("there are at most twelve");
        return Ok(index + kind.first);
    }
    let digits = !piece.text.is_empty() && piece.text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if digits { piece.text.parse().ok() } else { None };
    value.filter(|value| (kind.first..=kind.last).contains(value)).ok_or_else(|| {
        let hint = hint_for_value(kind, piece.text);
        piece.error(&describe(kind), hint)
    })
}

fn describe(kind: &Kind) -> String {
    let Kind { name, first, last, names, .. } = kind;
    match names {
        [] => format!("a {name} from {first} to {last}"),
        [one, .., other] => format!("a {name} from {first} to {last} or {one} to {other}"),
        [_] => unreachable!("a field has no names or many"),
    }
    .replace("a hour", "an hour")
}

fn hint_for_value(kind: &Kind, found: &str) -> Option<String> {
    let lower = found.to_ascii_lowercase();
    let marks = lower.contains(['l', 'w', '#', 'h', '+']) && lower.len() <= 4;
    if let Some(name) = kind.names.iter().find(|name| lower.len() > 3 && lower.starts_with(*name)) {
        Some(format!("names have three letters: {name}"))
    } else if found.is_empty() {
        Some("a comma, `-` or `/` stands without a value beside it".into())
    } else if kind.name == "hour" && found == "24" {
        Some("midnight is hour 0".into())
    } else if marks {
        Some("L, W, #, H and + are not there yet".into())
    } else {
        None
    }
}

fn read_step(kind: &Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    let digits = !piece.text.is_empty() && piece.text.bytes().all(|byte| byte.is_ascii_digit());
    // A larger number than there is room for is as large as a step can be: only the first value is left.
    let step = if digits { Some(piece.text.parse::<u16>().unwrap_or(u16::MAX)) } else { None };
    step.filter(|step| *step > 0).ok_or_else(|| {
        let expected = format!("a step of 1 or more {}s", kind.name.split(' ').next().unwrap_or(kind.name));
        piece.error(&expected, None)
    })
}

fn note_step(kind: &Kind, (first, last): (u16, u16), item: Piece<'_>, step: u16, notes: &mut Vec<CronNote>) {
    let count = if last >= first { last - first + 1 } else { kind.last - first + last - kind.first + 2 };
    let is_clock = matches!(kind.name, "second" | "minute" | "hour");
    if step >= count && count > 1 {
        notes.push(CronNote::StepTooLarge { span: item.span(), field: kind.name, step });
    } else if is_clock && item.text.starts_with('*') && count % step != 0 {
        notes.push(CronNote::UnevenStep { span: item.span(), field: kind.name, step, values: count });
    }
}

impl<'a> Piece<'a> {
    fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    fn split(self, mark: char) -> impl Iterator<Item = Piece<'a>> {
        let mut at = self.at;
        self.text.split(mark).map(move |text| {
            let piece = Piece { text, at };
            at += text.len() + mark.len_utf8();
            piece
        })
    }

    fn split_once(self, mark: char) -> (Piece<'a>, Option<Piece<'a>>) {
        match self.text.split_once(mark) {
            Some((before, after)) => {
                let at = self.at + before.len() + mark.len_utf8();
                (Piece { text: before, at: self.at }, Some(Piece { text: after, at }))
            }
            None => (self, None),
        }
    }

    fn error(self, expected: &str, hint: Option<String>) -> TriggerError {
        let found = if self.text.is_empty() { "nothing".into() } else { format!("`{}`", self.text) };
        TriggerError { span: self.span(), expected: expected.into(), found, hint }
    }
}
