//! The text of a calendar event, as systemd.time(7) has it under "Calendar Events".
//!
//! Whatever `systemd-analyze calendar` (252) takes is taken, but for fractions of a second; what it refuses is
//! refused, but for days from the end in a long list (`*-*~17..28,17/1`). Beyond it: white space around the text and between its parts is free, and zones are found in any
//! case. What this cannot read it says where, what was expected, and what was found.

use super::spec::{Chain, Item, Spec, WEEKDAYS, YEAR_FIRST, YEAR_LAST};
use crate::trigger::calendar::{DAY, Date};
use crate::trigger::piece::Piece;
use crate::trigger::{Note, TriggerError, Zone};

const EVENT: &str = "a calendar event such as Mon..Fri 09:00, *-*-01 or daily";

const SHORTHANDS: [(&str, &str); 13] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    // These are systemd's too, and not in its manual.
    ("anually", "*-01-01 00:00:00"),
    ("semi-annually", "*-01,07-01 00:00:00"),
    ("biannually", "*-01,07-01 00:00:00"),
    ("bi-annually", "*-01,07-01 00:00:00"),
];

/// What a part of a date or of a time may hold.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    first: u16,
    last: u16,
    /// Counted from the end of the month, which every month has 28 days of.
    from_end: bool,
}

const YEAR: Kind = Kind { name: "year", first: YEAR_FIRST, last: YEAR_LAST, from_end: false };
const MONTH: Kind = Kind { name: "month", first: 1, last: 12, from_end: false };
const DAY_OF_MONTH: Kind = Kind { name: "day", first: 1, last: 31, from_end: false };
const DAY_FROM_END: Kind = Kind { name: "day", first: 1, last: 28, from_end: true };
const HOUR: Kind = Kind { name: "hour", first: 0, last: 23, from_end: false };
const MINUTE: Kind = Kind { name: "minute", first: 0, last: 59, from_end: false };
const SECOND: Kind = Kind { name: "second", first: 0, last: 59, from_end: false };

/// Reads `text`.
pub(super) fn parse(text: &str) -> Result<Spec, TriggerError> {
    read(text, &mut Vec::new())
}

/// Returns what in a sound calendar event is perhaps not meant; nothing for an unsound one.
pub fn calendar_notes(text: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    if read(text, &mut notes).is_err() {
        notes.clear();
    }
    notes
}

fn read(text: &str, notes: &mut Vec<Note>) -> Result<Spec, TriggerError> {
    let whole = Piece::trimmed(text);
    if whole.is_empty() {
        return Err(whole.error(EVENT, Some("every day at nine is: 09:00".into())));
    }
    let mut words: Vec<Piece<'_>> = whole.words().collect();
    refuse_cron(whole, &words)?;
    if let [first, _, ..] = &*words
        && first.text.starts_with(|c: char| c.is_alphabetic())
        && shorthand(first.text).is_none()
    {
        // Before anybody takes the last word for a zone that there is not.
        read_weekdays(*first)?;
    }
    let zone = take_zone(&mut words)?;
    let mut spec = match *words {
        [word] if word.text.starts_with(|c: char| c.is_ascii_alphabetic()) => read_word(word, notes)?,
        _ => read_words(&words, notes)?,
    };
    spec.zone = spec.zone.or(zone);
    Ok(spec)
}

/// Five to seven fields without a colon are what crontab has.
fn refuse_cron(whole: Piece<'_>, words: &[Piece<'_>]) -> Result<(), TriggerError> {
    if (5..=7).contains(&words.len()) && !whole.text.contains(':') {
        return Err(
            whole.error(EVENT, Some(format!("for a cron expression write: cron = \"{}\"", whole.text)))
        );
    }
    Ok(())
}

/// A word of letters behind others is a zone; nothing else stands there.
fn take_zone(words: &mut Vec<Piece<'_>>) -> Result<Option<Zone>, TriggerError> {
    let [_, .., last] = **words else { return Ok(None) };
    if !last.text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(None);
    }
    words.pop();
    if last.text.eq_ignore_ascii_case("UTC") {
        return Ok(Some(Zone::utc()));
    }
    Zone::find(last.text).map(Some).map_err(|unknown| {
        let hint = if weekday(last.text).is_some() {
            Some("weekdays come first, in one list without spaces: Mon,Tue".to_owned())
        } else if matches!(&*last.text.to_ascii_lowercase(), "am" | "pm") {
            Some("hours go from 0 to 23".into())
        } else {
            unknown.nearest.first().map(|nearest| format!("did you mean {nearest}?"))
        };
        last.error("a time zone such as Europe/Berlin or UTC", hint)
    })
}

/// A word that stands alone: a shorthand or weekdays.
fn read_word(word: Piece<'_>, notes: &mut Vec<Note>) -> Result<Spec, TriggerError> {
    shorthand(word.text).map_or_else(|| read_words(&[word], notes), parse)
}

fn shorthand(word: &str) -> Option<&'static str> {
    let found = SHORTHANDS.iter().find(|(shorthand, _)| word.eq_ignore_ascii_case(shorthand));
    found.map(|(_, meaning)| *meaning)
}

/// Weekdays, a date and a time, in this order; each may be missing, but not all.
fn read_words(words: &[Piece<'_>], notes: &mut Vec<Note>) -> Result<Spec, TriggerError> {
    let mut spec = Spec::midnight();
    let mut rest = words;
    if let [first, after @ ..] = rest
        && first.text.starts_with(|c: char| c.is_alphabetic())
    {
        spec.weekdays = read_weekdays(*first)?;
        if spec.weekdays.is_none() {
            let instead = if after.is_empty() { "daily".to_owned() } else { String::new() };
            let field = "day of the week";
            notes.push(Note::Roundabout { span: first.span(), field, instead });
        }
        rest = after;
    }
    if let [first, after @ ..] = rest
        && !first.text.contains(':')
    {
        if let Some(seconds) = first.text.strip_prefix('@') {
            read_epoch(*first, seconds, &mut spec)?;
            return if let [extra, ..] = after { Err(behind(*extra, "an instant")) } else { Ok(spec) };
        }
        read_date(*first, &mut spec, notes)?;
        rest = after;
    }
    if let [first, after @ ..] = rest {
        read_time(*first, &mut spec, notes)?;
        rest = after;
    }
    if let [extra, ..] = rest { Err(behind(*extra, "the time")) } else { Ok(spec) }
}

fn behind(extra: Piece<'_>, what: &str) -> TriggerError {
    let hint = "the order is: weekdays, date, time, zone";
    extra.error(&format!("a zone or nothing behind {what}"), Some(hint.into()))
}

/// Which weekday a name is; 0 is Monday.
fn weekday(name: &str) -> Option<u8> {
    let is = |day: &str| name.eq_ignore_ascii_case(day) || name.eq_ignore_ascii_case(&day[..3]);
    WEEKDAYS.iter().position(|day| is(day)).and_then(|day| u8::try_from(day).ok())
}

fn read_weekdays(word: Piece<'_>) -> Result<Option<u8>, TriggerError> {
    let items: Vec<Piece<'_>> = word.split(',').collect();
    // One comma behind the last weekday is allowed.
    let items = match &*items {
        [some @ .., last] if last.is_empty() && !some.is_empty() => some,
        all => all,
    };
    let mut days = 0;
    for item in items {
        let (first, last) = match item.split_once("..") {
            (_, None) => item.split_once("-"),
            range => range,
        };
        let from = read_weekday(word, first)?;
        let to = last.map_or(Ok(from), |last| read_weekday(word, last))?;
        if to < from {
            let name = |day: u8| &WEEKDAYS[usize::from(day)][..3];
            let wrapped = if to == 0 { "Mon".into() } else { format!("Mon..{}", name(to)) };
            let hint = format!("the week begins on Monday; write: {}..Sun,{wrapped}", name(from));
            return Err(item.error("a range of weekdays that goes up", Some(hint.replace("Sun..Sun", "Sun"))));
        }
        days |= (from..=to).fold(0, |days, day| days | 1 << day);
    }
    Ok(Some(days).filter(|days| *days != 0x7f))
}

fn read_weekday(word: Piece<'_>, piece: Piece<'_>) -> Result<u8, TriggerError> {
    weekday(piece.text).ok_or_else(|| {
        if piece.text == word.text {
            // A longer text is like none of them.
            let likely = piece.text.len() <= 32;
            let shorthands = SHORTHANDS.iter().map(|(shorthand, _)| *shorthand).filter(|_| likely);
            let close = |known: &&str| strsim::jaro_winkler(known, &piece.text.to_ascii_lowercase());
            let nearest = shorthands.max_by(|a, b| close(a).total_cmp(&close(b)));
            let nearest = nearest.filter(|nearest| close(nearest) > 0.85);
            return piece.error(
                "a weekday such as Mon, or a shorthand such as daily",
                nearest.map(|nearest| format!("did you mean {nearest}?")),
            );
        }
        let hint =
            piece.is_empty().then(|| "a comma or a range stands without a weekday beside it".to_owned());
        piece.error("a weekday such as Mon or Monday", hint)
    })
}

/// `@1395716396`: seconds since 1970.
fn read_epoch(word: Piece<'_>, seconds: &str, spec: &mut Spec) -> Result<(), TriggerError> {
    let end = Date { year: i32::from(YEAR_LAST) + 1, month: 1, day: 1 }.days() * DAY;
    let second = if is_number(seconds) { seconds.parse::<i64>().ok() } else { None };
    let Some(second) = second.filter(|second| *second < end) else {
        let hint = shorthand(seconds).map(|_| format!("write: {}", seconds.to_ascii_lowercase()));
        let expected = format!("whole seconds since 1970, before the end of {YEAR_LAST}, behind `@`");
        return Err(word.error(&expected, hint));
    };
    let date = Date::from_days(second.div_euclid(DAY));
    let time = second.rem_euclid(DAY);
    let narrow = |value: i64| u16::try_from(value).expect("years, hours and the like are small");
    spec.years = Chain::of(narrow(date.year.into()));
    spec.months = Chain::of(narrow(date.month.into()));
    spec.days = Chain::of(narrow(date.day.into()));
    spec.hours = Chain::of(narrow(time / 3600));
    spec.minutes = Chain::of(narrow(time / 60 % 60));
    spec.seconds = Chain::of(narrow(time % 60));
    spec.zone = Some(Zone::utc());
    Ok(())
}

/// `year-month-day`, or `month-day`; before the day `~` counts it from the end of the month.
fn read_date(word: Piece<'_>, spec: &mut Spec, notes: &mut Vec<Note>) -> Result<(), TriggerError> {
    let mut parts = Vec::new();
    let mut marks = Vec::new();
    let mut rest = word;
    while let Some(length) = rest.text.find(['-', '~']) {
        let (part, after) = rest.split_at(length);
        let (mark, after) = after.split_at(1);
        parts.push(part);
        marks.push(mark);
        rest = after;
    }
    parts.push(rest);
    if weekday(word.text).is_some() {
        let hint = "weekdays come first, in one list without spaces: Mon,Tue";
        return Err(word.error("a date such as *-*-01 or a time such as 09:00", Some(hint.into())));
    }
    let (year, month, day, mark) = match (&*parts, &*marks) {
        ([month, day], [mark]) => (None, *month, *day, *mark),
        ([year, month, day], [first, mark]) => {
            if first.text == "~" {
                return Err(
                    first.error("`-` between year and month", Some("`~` stands before the day".into()))
                );
            }
            (Some(*year), *month, *day, *mark)
        }
        ([_], _) => return Err(word.error("a date such as *-*-01 or a time such as 09:00", time_hint(word))),
        _ => return Err(word.error("a date of year, month and day, such as *-*-01", None)),
    };
    if let Some(year) = year {
        spec.years = read_chain(YEAR, year, notes)?;
    }
    spec.months = read_chain(MONTH, month, notes)?;
    spec.from_end = mark.text == "~";
    spec.days = read_chain(if spec.from_end { DAY_FROM_END } else { DAY_OF_MONTH }, day, notes)?;
    // The last of all days is every day, as the first is.
    spec.from_end &= spec.days != Chain::Every;
    Ok(())
}

fn time_hint(word: Piece<'_>) -> Option<String> {
    let hour = if is_number(word.text) { word.text.parse::<u16>().ok() } else { None };
    hour.filter(|hour| *hour < 24).map(|hour| format!("a time has minutes: {hour}:00"))
}

/// `hour:minute` or `hour:minute:second`.
fn read_time(word: Piece<'_>, spec: &mut Spec, notes: &mut Vec<Note>) -> Result<(), TriggerError> {
    let parts: Vec<Piece<'_>> = word.split(':').collect();
    let (hour, minute, second) = match *parts {
        [hour, minute] => (hour, minute, None),
        [hour, minute, second] => (hour, minute, Some(second)),
        _ => return Err(word.error("a time such as 09:00 or 09:00:30", time_hint(word))),
    };
    if hour.text.contains('T') {
        let hint = format!("between date and time stands a space: {}", word.text.replacen('T', " ", 1));
        return Err(word.error("a time such as 09:00 or 09:00:30", Some(hint)));
    }
    spec.hours = read_chain(HOUR, hour, notes)?;
    spec.minutes = read_chain(MINUTE, minute, notes)?;
    spec.seconds = second.map_or(Ok(Chain::of(0)), |second| read_chain(SECOND, second, notes))?;
    Ok(())
}

fn read_chain(kind: Kind, piece: Piece<'_>, notes: &mut Vec<Note>) -> Result<Chain, TriggerError> {
    if piece.text == "*" {
        return Ok(Chain::Every);
    }
    let mut items = Vec::new();
    for item in piece.split(',') {
        let read = read_item(kind, item)?;
        notes.extend(kind.uneven(read, item));
        items.push(read);
    }
    items.sort_unstable();
    items.dedup();
    notes.extend(kind.roundabout(&items, piece));
    Ok(Chain::Items(items))
}

fn read_item(kind: Kind, piece: Piece<'_>) -> Result<Item, TriggerError> {
    let (range, step) = piece.split_once("/");
    if range.text == "*" {
        let hint = match step {
            Some(step) => format!("`*/n` is cron's; here it is {}/{}", kind.first, step.text),
            None => "`*` stands alone, for all of them".to_owned(),
        };
        return Err(piece.error(&kind.expected(), Some(hint)));
    }
    let (first, last) = range.split_once("..");
    let first = read_value(kind, first)?;
    let end = last.map(|last| read_number(kind, last)).transpose()?;
    if let Some(end) = end.filter(|end| *end < first) {
        return Err(range.error(&format!("a range of {}s that goes up", kind.name), kind.wrapped(first, end)));
    }
    let steps = step.map(|step| read_step(kind, step)).transpose()?;
    // A range ends with its last repetition, and one of a single value is that value.
    let end = end.map(|end| end - (end - first) % steps.unwrap_or(1));
    let item = match (end, last) {
        (Some(end), Some(last)) if end > kind.last => return Err(kind.refuse(last)),
        (Some(end), _) if end == first => Item { first, last: None, step: 0 },
        (Some(end), _) => Item { first, last: Some(end), step: steps.unwrap_or(1) },
        (None, _) => Item { first, last: None, step: steps.unwrap_or(0) },
    };
    let room = if kind.from_end { first - kind.first } else { kind.last - first };
    if let (Some(step), None) = (step, last)
        && item.step > room
    {
        let mark = if kind.from_end { "~" } else { "" };
        let expected = match room {
            0 => format!("no repetition, for nothing comes after {mark}{first}"),
            _ => format!("a repetition of at most {room} from {mark}{first} on"),
        };
        return Err(step.error(&expected, Some(format!("it would never repeat; write {first} alone"))));
    }
    Ok(item)
}

fn read_value(kind: Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    let value = read_number(kind, piece)?;
    if (kind.first..=kind.last).contains(&value) { Ok(value) } else { Err(kind.refuse(piece)) }
}

/// A number that may be too large or too small; years may have two digits.
fn read_number(kind: Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    if let Some((whole, fraction)) = piece.text.split_once('.')
        && (kind.name, is_number(whole), is_number(fraction)) == ("second", true, true)
    {
        let hint = format!("calendar events are on whole seconds; write {whole}");
        return Err(piece.error("a whole second from 0 to 59", Some(hint)));
    }
    let number = if is_number(piece.text) { piece.text.parse::<u16>().ok() } else { None };
    match number {
        Some(year @ 0..70) if kind.name == "year" => Ok(year + 2000),
        Some(year @ 70..100) if kind.name == "year" => Ok(year + 1900),
        Some(number) => Ok(number),
        None => Err(kind.refuse(piece)),
    }
}

fn read_step(kind: Kind, piece: Piece<'_>) -> Result<u16, TriggerError> {
    let step = if is_number(piece.text) { Some(piece.text.parse().unwrap_or(u16::MAX)) } else { None };
    let expected = || format!("a repetition of 1 or more {}s", kind.name);
    step.filter(|step| *step > 0).ok_or_else(|| piece.error(&expected(), None))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Kind {
    fn expected(self) -> String {
        let Kind { name, first, last, from_end } = self;
        let article = if name == "hour" { "an" } else { "a" };
        let end = if from_end { " from the end of the month" } else { "" };
        format!("{article} {name} from {first} to {last}{end}")
    }

    fn refuse(self, found: Piece<'_>) -> TriggerError {
        found.error(&self.expected(), self.hint(found.text))
    }

    /// What there is to note of a step from the first value on. Years do not come again, and from the end of a
    /// month repetitions go back to its last day.
    fn uneven(self, item: Item, piece: Piece<'_>) -> Option<Note> {
        let (values, step) = (self.last - self.first + 1, item.step);
        let whole = item.first == self.first && item.last.is_none() && step > 0;
        let field = if self.name == "day" { "day of the month" } else { self.name };
        let comes_again = self.name != "year" && !self.from_end;
        (whole && comes_again && !values.is_multiple_of(step)).then(|| Note::UnevenStep {
            span: piece.span(),
            field,
            step,
            values,
        })
    }

    /// What there is to note of single values that lie in a row, or of one that is there twice.
    fn roundabout(self, items: &[Item], piece: Piece<'_>) -> Option<Note> {
        let single = |item: &Item| item.last.is_none() && item.step == 0;
        if !items.iter().all(single) || self.from_end {
            return None;
        }
        let words = items.chunk_by(|before, after| before.first + 1 == after.first).map(|run| match run {
            [first, _, .., last] => format!("{:02}..{:02}", first.first, last.first),
            few => few.iter().map(Item::to_string).collect::<Vec<_>>().join(","),
        });
        let instead = words.collect::<Vec<_>>().join(",");
        let padded: usize = piece.split(',').map(|item| item.text.len().max(2) + 1).sum();
        let field = if self.name == "day" { "day of the month" } else { self.name };
        (instead.len() + 1 < padded).then(|| Note::Roundabout { span: piece.span(), field, instead })
    }

    /// How a range around the end is written.
    fn wrapped(self, first: u16, last: u16) -> Option<String> {
        match (self.name, self.from_end) {
            ("year", _) => None,
            (_, true) => Some(format!("the last {first} days from the {last}. last on are ~{last}..{first}")),
            (_, false) => Some(format!("write: {first}..{},{}..{last}", self.last, self.first)),
        }
    }

    fn hint(self, found: &str) -> Option<String> {
        let hint = match (self.name, found) {
            (_, "") => "a comma, `..` or `/` stands without a value beside it",
            ("hour", "24") => "midnight is hour 0",
            ("month", name) if name.starts_with(|c: char| c.is_alphabetic()) => "months are numbers",
            ("month", year) if year.len() == 4 && is_number(year) => "with a year a date has three parts",
            _ => return None,
        };
        Some(hint.into())
    }
}
