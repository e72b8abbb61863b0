//! One field of a cron expression: what its kind may hold, and how its items are read.

use crate::trigger::piece::Piece;
use crate::trigger::{Note, TriggerError};

/// The values of a field: bit `n` is the value `n`, or the year 1970 + n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Values(pub(super) [u64; 3]);

impl Values {
    pub(super) fn insert(&mut self, bit: u16) {
        self.0[usize::from(bit) / 64] |= 1 << (bit % 64);
    }

    pub(super) fn has(self, bit: u16) -> bool {
        self.0[usize::from(bit) / 64] >> (bit % 64) & 1 == 1
    }

    pub(super) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// What a kind of field may hold.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) first: u16,
    pub(super) last: u16,
    names: &'static [&'static str],
    marks: Marks,
}

/// What a field may hold beside values, ranges and steps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    /// `H`.
    Clock,
    /// `H`, `?`, `L`, `L-3`, `LW` and `15W`.
    DayOfMonth,
    /// `H`, `?`, `5#2`, `5#L` and `5L`.
    DayOfWeek,
    None,
}

use Marks::{Clock, DayOfMonth, DayOfWeek};

pub(super) const SECOND: Kind = Kind { name: "second", first: 0, last: 59, names: &[], marks: Clock };
pub(super) const MINUTE: Kind = Kind { name: "minute", first: 0, last: 59, names: &[], marks: Clock };
pub(super) const HOUR: Kind = Kind { name: "hour", first: 0, last: 23, names: &[], marks: Clock };
pub(super) const DAY_OF_MONTH: Kind =
    Kind { name: "day of the month", first: 1, last: 31, names: &[], marks: DayOfMonth };
pub(super) const MONTH: Kind = Kind { name: "month", first: 1, last: 12, names: &MONTHS, marks: Clock };
/// 7 is Sunday again; it is made 0 when a value is read into the field.
pub(super) const DAY_OF_WEEK: Kind =
    Kind { name: "day of the week", first: 0, last: 7, names: &WEEKDAYS, marks: DayOfWeek };
pub(super) const YEAR: Kind = Kind { name: "year", first: 1970, last: 2100, names: &[], marks: Marks::None };

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Kind {
    fn is_day(&self) -> bool {
        matches!(self.marks, DayOfMonth | DayOfWeek)
    }

    /// The last value that is no other one's second name.
    pub(super) fn top(&self) -> u16 {
        if self.marks == DayOfWeek { 6 } else { self.last }
    }

    /// The values from which `H` draws. The 28th is in every month.
    fn drawn(&self) -> (u16, u16) {
        (self.first, if self.marks == DayOfMonth { 28 } else { self.top() })
    }

    /// How a value is written, by its name if it has one and that is wanted.
    pub(super) fn written(&self, value: u16, by_name: bool) -> String {
        let name = self.names.get(usize::from(value - self.first)).filter(|_| by_name);
        name.map_or_else(|| value.to_string(), |name| name.to_ascii_uppercase())
    }

    /// Which bit of [`Values`] a value is.
    pub(super) fn bit(&self, value: u16) -> u16 {
        match self.marks {
            Marks::None => value - self.first,
            DayOfWeek if value == 7 => 0,
            _ => value,
        }
    }
}

/// One field that has been read.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) values: Values,
    /// Days counted from the last one of the month, which is bit 0.
    pub(super) from_end: u32,
    /// Days whose nearest weekday is meant: bit `n` is the `n`th, bit 0 the last day.
    pub(super) nearest: u32,
    /// Bit `7 * n + d` is the weekday `d` of the week `n`: 0 is the month's first, 5 its last one.
    pub(super) weeks: u64,
    /// Whether it begins with `*`, or in a day field with `?`.
    pub(super) is_star: bool,
    /// Whether a `+` stands in front of it.
    pub(super) is_both: bool,
    /// Whether any of it is drawn.
    pub(super) is_drawn: bool,
}

impl Field {
    /// Whether it has no marks beside its values.
    pub(super) fn has_only_values(&self) -> bool {
        self.from_end == 0 && self.nearest == 0 && self.weeks == 0 && !self.is_both
    }
}

/// Reads a field. `H` is drawn from `spread`.
pub(super) fn read(
    kind: &Kind,
    piece: Piece<'_>,
    spread: u64,
    notes: &mut Vec<Note>,
) -> Result<Field, TriggerError> {
    let (plus, piece) = match piece.strip('+') {
        Some(rest) if kind.marks == DayOfWeek => (true, rest),
        _ => (false, piece),
    };
    let is_star = piece.text.starts_with('*') || (kind.is_day() && piece.text.starts_with('?'));
    let mut field = Field { is_star, is_both: plus, ..Field::default() };
    for item in piece.split(',') {
        field.read_item(kind, item, spread, notes)?;
    }
    Ok(field)
}

impl Field {
    fn read_item(
        &mut self,
        kind: &Kind,
        item: Piece<'_>,
        spread: u64,
        notes: &mut Vec<Note>,
    ) -> Result<(), TriggerError> {
        match kind.marks {
            DayOfMonth if self.read_month_mark(kind, item)? => return Ok(()),
            DayOfWeek if self.read_week_mark(kind, item)? => return Ok(()),
            _ => {}
        }
        let (range, step) = item.split_once("/");
        let drawn = if kind.marks == Marks::None { None } else { range.strip('h') };
        let (mut first, last) = match drawn {
            Some(within) => read_drawn(kind, within)?,
            None => read_range(kind, range, step.is_some())?,
        };
        let size = count(kind, first, last);
        let step = step.map(|step| read_step(kind, step)).transpose()?;
        if let Some(step) = step {
            note_step(kind, size, item, step, notes);
        }
        let Some(_) = drawn else {
            self.insert(kind, first, size, step.unwrap_or(1));
            return Ok(());
        };
        // A step is begun at any of its places; without one a single value is drawn.
        let step = step.unwrap_or(size);
        let offset = draw(kind, spread, step.min(size));
        first += offset;
        self.insert(kind, first, size - offset, step);
        self.is_drawn = true;
        Ok(())
    }

    /// Every `step`th of `size` values from `first` on, around the end of the field.
    fn insert(&mut self, kind: &Kind, first: u16, size: u16, step: u16) {
        let around = kind.top() - kind.first + 1;
        for offset in (0..size).step_by(usize::from(step)) {
            let value = kind.first + (first - kind.first + offset) % around;
            self.values.insert(kind.bit(value));
        }
    }

    /// `L`, `L-3`, `LW`, `15W`.
    fn read_month_mark(&mut self, kind: &Kind, item: Piece<'_>) -> Result<bool, TriggerError> {
        if let Some(rest) = item.strip('l') {
            match rest.strip('-') {
                Some(back) => self.from_end |= 1 << read_number(back, "a number of days", 1, 30)?,
                None if rest.text.is_empty() => self.from_end |= 1,
                None if rest.text.eq_ignore_ascii_case("w") => self.nearest |= 1,
                None => return Err(rest.error("`W`, `-` and a number of days, or nothing after L", None)),
            }
        } else if let Some(day) = item.strip_end('w').filter(|day| !day.text.contains('-')) {
            self.nearest |= 1 << read_value(kind, day)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `5#2`, `5#L`, `5L`.
    fn read_week_mark(&mut self, kind: &Kind, item: Piece<'_>) -> Result<bool, TriggerError> {
        let (day, week) = match (item.split_once("#"), item.strip_end('l')) {
            ((day, Some(week)), _) if week.text.eq_ignore_ascii_case("l") => (day, 5),
            ((day, Some(week)), _) => (day, read_number(week, "L, or which one in the month", 1, 5)? - 1),
            ((_, None), Some(day)) if !day.text.contains('-') => (day, 5),
            _ => return Ok(false),
        };
        if day.text.is_empty() {
            let hint = if item.text.starts_with('#') {
                "a day stands in front of it: 5#2 is the second Friday"
            } else {
                "L alone is for the day of the month; the last Friday is 5L"
            };
            return Err(item.error(&describe(kind), Some(hint.into())));
        }
        let day = kind.bit(read_value(kind, day)?);
        self.weeks |= 1 << (7 * week + day);
        Ok(true)
    }
}

/// One of `size` places, the same for a job at each reading (the finalizer of `SplitMix64`).
fn draw(kind: &Kind, spread: u64, size: u16) -> u16 {
    let field = kind.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
    let mut hash = spread.wrapping_add(field.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    u16::try_from(hash % u64::from(size)).expect("less than the size")
}

/// What stands behind an `H`: nothing, or a range in parentheses.
fn read_drawn(kind: &Kind, within: Piece<'_>) -> Result<(u16, u16), TriggerError> {
    if within.text.is_empty() {
        return Ok(kind.drawn());
    }
    let range = within.strip('(').and_then(|open| open.strip_end(')'));
    let Some((first, Some(last))) = range.map(|range| range.split_once("-")) else {
        return Err(within.error("nothing, or a range such as (0-29), after H", None));
    };
    let (from, until) = (read_value(kind, first)?, read_value(kind, last)?);
    if from > until {
        return Err(range.unwrap_or(within).error("a range that goes up", None));
    }
    Ok((from, until))
}

fn read_range(kind: &Kind, range: Piece<'_>, stepped: bool) -> Result<(u16, u16), TriggerError> {
    let all = (kind.first, kind.top());
    if range.text == "*" || (range.text == "?" && kind.is_day()) {
        return Ok(all);
    }
    let (first, last) = range.split_once("-");
    let first = read_value(kind, first)?;
    match last {
        Some(last) => {
            let last = read_value(kind, last)?;
            if first > last && kind.marks == Marks::None {
                return Err(range.error("a range of years that goes up", None));
            }
            Ok((first, last))
        }
        None if stepped => Ok((first, all.1.max(first))),
        None => Ok((first, first)),
    }
}

/// How many values a range has, around the end of the field where `last` is smaller.
fn count(kind: &Kind, first: u16, last: u16) -> u16 {
    let around = if last >= first { 0 } else { kind.top() - kind.first + 1 };
    last + around - first + 1
}

fn read_value(kind: &Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    if let Some(index) = kind.names.iter().position(|name| piece.text.eq_ignore_ascii_case(name)) {
        let index = u16::try_from(index).expect("there are at most twelve");
        return Ok(index + kind.first);
    }
    let value = piece.digits().and_then(|digits| digits.parse().ok());
    value.filter(|value| (kind.first..=kind.last).contains(value)).ok_or_else(|| {
        let hint = hint_for_value(kind, piece.text);
        piece.error(&describe(kind), hint)
    })
}

fn read_number(piece: Piece<'_>, what: &str, least: u16, most: u16) -> Result<u16, TriggerError> {
    let value = piece.digits().and_then(|digits| digits.parse().ok());
    let sound = value.filter(|value| (least..=most).contains(value));
    sound.ok_or_else(|| piece.error(&format!("{what} from {least} to {most}"), None))
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
    let only = |marks: &str, which: &str| Some(format!("{marks} {which}"));
    if let Some(name) = kind.names.iter().find(|name| lower.len() > 3 && lower.starts_with(*name)) {
        Some(format!("names have three letters: {name}"))
    } else if found.is_empty() {
        Some("a comma, `-` or `/` stands without a value beside it".into())
    } else if kind.name == "hour" && found == "24" {
        Some("midnight is hour 0".into())
    } else if found.contains('~') {
        Some(format!("a value that is drawn for each job is written: H({})", found.replace('~', "-")))
    } else if kind.name == "day of the week" && found.parse().is_ok_and(|year: u16| year >= YEAR.first) {
        Some("a year is the last of seven fields; put the seconds, 0, in front".into())
    } else if lower == "wl" {
        Some("the last weekday of the month is LW".into())
    } else if found.starts_with('+') {
        only("+", "stands once, in front of the day of the week: +5 asks for both day fields")
    } else if found.contains('#') {
        only("#", "is for the day of the week: 5#2 is the second Friday")
    } else if lower.ends_with('w') {
        only("W", "stands behind one day of the month: 15W is the weekday nearest to the 15th")
    } else if lower.starts_with('l') || lower.ends_with('l') {
        only("L", "is the last day of the month; the last Friday is 5L, as the day of the week")
    } else if lower.starts_with('h') {
        only("H", "stands alone, with a range or a step: H, H(0-29), H/15; not in the year")
    } else if found == "?" {
        only("?", "is for the two day fields")
    } else {
        None
    }
}

fn read_step(kind: &Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    // A larger number than there is room for is as large as a step can be: only the first value is left.
    let step = piece.digits().map(|digits| digits.parse::<u16>().unwrap_or(u16::MAX));
    step.filter(|step| *step > 0).ok_or_else(|| {
        let expected = format!("a step of 1 or more {}s", kind.name.split(' ').next().unwrap_or(kind.name));
        piece.error(&expected, None)
    })
}

fn note_step(kind: &Kind, size: u16, item: Piece<'_>, step: u16, notes: &mut Vec<Note>) {
    // Years do not come again.
    let comes_again = kind.marks != Marks::None;
    let is_whole = item.text.starts_with("*/") || item.text.starts_with("H/") || item.text.starts_with("h/");
    if step >= size && size > 1 {
        notes.push(Note::StepTooLarge { span: item.span(), field: kind.name, step });
    } else if comes_again && is_whole && !size.is_multiple_of(step) {
        notes.push(Note::UnevenStep { span: item.span(), field: kind.name, step, values: size });
    }
}
