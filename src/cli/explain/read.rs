//! Which kind of expression a text is.

use crate::trigger::{BadDuration, ShortMonth, Trigger, TriggerError, Zone, parse_duration};

/// Where an interval starts, written as for a job.
pub(super) enum Start {
    /// Nobody said.
    Now(String),
    Written(String),
}

impl Start {
    fn text(&self) -> &str {
        let (Start::Now(text) | Start::Written(text)) = self;
        text
    }
}

/// A key of the job file; also how the program names triggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cron,
    Calendar,
    Interval,
    Every,
    At,
}

const KINDS: [(&str, Kind); 5] = [
    ("cron", Kind::Cron),
    ("calendar", Kind::Calendar),
    ("interval", Kind::Interval),
    ("every", Kind::Every),
    ("at", Kind::At),
];

/// Reads whatever kind of expression it is: the one that it names, as a job file and the program's own tables do, else
/// the one that it looks like.
pub(super) fn read(text: &str, zone: &Zone, start: &Start) -> Result<Trigger, TriggerError> {
    let (kind, at, expression) = named(text).unwrap_or_else(|| (kind_of(text), 0, text));
    let read = match kind {
        Kind::Cron => Trigger::imported_cron(expression, zone),
        Kind::Calendar => Trigger::calendar(expression, zone),
        Kind::Interval => Trigger::interval(expression, start.text(), ShortMonth::default(), zone),
        Kind::Every => every(expression),
        Kind::At => Trigger::at(expression, zone),
    };
    read.map_err(|error| TriggerError { span: error.span.start + at..error.span.end + at, ..error })
}

/// `every 15m`, `cron = "0 3 * * *"`: the kind, and where its expression begins.
fn named(text: &str) -> Option<(Kind, usize, &str)> {
    let trimmed = text.trim_start();
    let (name, kind) = KINDS.into_iter().find(|(name, _)| {
        trimmed.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '\t', '=']))
    })?;
    let rest = trimmed[name.len()..].trim();
    let expression = match rest.strip_prefix('=') {
        Some(value) => value.trim().trim_matches(['"', '\'']),
        None => rest,
    };
    Some((kind, expression.as_ptr().addr() - text.as_ptr().addr(), expression))
}

fn kind_of(text: &str) -> Kind {
    let is_number_first = text.trim_start().starts_with(|c: char| c.is_ascii_digit());
    match parse_duration(text) {
        // Days and weeks can be either; where they do, the calendar's is told, and that there is another.
        _ if is_interval(text) => Kind::Interval,
        Ok(_) => Kind::Every,
        Err(BadDuration::CalendarUnit { .. }) if is_number_first => Kind::Interval,
        Err(_) if looks_like_cron(text) => Kind::Cron,
        Err(_) if looks_like_moment(text) => Kind::At,
        Err(_) => Kind::Calendar,
    }
}

fn is_interval(text: &str) -> bool {
    Trigger::interval(text, "1970-01-01T00:00", ShortMonth::default(), &Zone::utc()).is_ok()
}

/// A nickname, or fields that say nothing of a clock's colons and a calendar event's dots.
fn looks_like_cron(text: &str) -> bool {
    let trimmed = text.trim_start();
    let nickname = trimmed.strip_prefix('@').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    let zone = trimmed.starts_with("TZ=") || trimmed.starts_with("CRON_TZ=");
    let fields: Vec<&str> = text.split_whitespace().collect();
    // A star by itself is nothing in a calendar event.
    let some = fields.len() > 1 && fields.contains(&"*") && !text.contains('~');
    nickname || zone || ((fields.len() >= 5 || some) && !text.contains(':') && !text.contains(".."))
}

/// A moment, or a date and a `T`, which nothing else has.
fn looks_like_moment(text: &str) -> bool {
    let text = text.trim();
    let date =
        text.get(..10).is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
    (date && text[10..].starts_with(['T', 't'])) || Trigger::at(text, &Zone::utc()).is_ok()
}

fn every(text: &str) -> Result<Trigger, TriggerError> {
    let error = |expected: &str, hint| TriggerError {
        span: 0..text.len(),
        expected: expected.into(),
        found: format!("`{text}`"),
        hint: Some(hint),
    };
    let period = parse_duration(text).map_err(|bad| {
        let hint = match bad {
            BadDuration::CalendarUnit { .. } => format!("{bad}; write: interval {text}"),
            BadDuration::Malformed => bad.to_string(),
        };
        error("a duration such as 90s, 15m or 1h 30m", hint)
    })?;
    Trigger::every(period).map_err(|short| TriggerError { span: 0..text.len(), ..short })
}
