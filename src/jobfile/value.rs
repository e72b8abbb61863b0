//! Values of one kind each, read with their place. Whatever is not of that kind becomes a fault that says
//! what was expected and found, and `None`.

use super::Host;
use super::fault::{Code, Fault, Severity};
use super::source::Sheet;
use super::wall;
use crate::model::{Name, User, nearest};
use crate::trigger::{BadDuration, Zone, parse_duration, render_duration};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key with its value.
#[derive(Clone)]
pub(super) struct Entry<'t> {
    pub(super) key: &'t str,
    pub(super) key_span: Range<usize>,
    pub(super) value: &'t Spanned<DeValue<'t>>,
}

/// The entries of a table that have not been read yet, in file order.
pub(super) struct Fields<'t>(Vec<Entry<'t>>);

/// A text with its place.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// Reads values of one file and takes note of faults.
pub(super) struct Reader<'a> {
    pub(super) sheet: &'a Sheet,
    faults: &'a mut Vec<Fault>,
    /// The job that is being read, and the codes that it allows.
    job: Option<Name>,
    allowed: Vec<Code>,
    host: Option<&'a Host>,
    users: &'a Users,
}

/// What the user database said of each user that was named, so that it is asked once: it can be far away.
pub(super) type Users = RefCell<HashMap<String, Result<(), String>>>;

impl<'t> Fields<'t> {
    /// The entries of `table`, in file order.
    pub(super) fn of(table: &'t DeTable<'t>) -> Fields<'t> {
        let entry = |(key, value): (&'t Spanned<_>, &'t Spanned<DeValue<'t>>)| {
            let name: &'t std::borrow::Cow<'t, str> = key.get_ref();
            Entry { key: name, key_span: key.span(), value }
        };
        let mut entries: Vec<Entry<'t>> = table.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Fields(entries)
    }

    /// Takes the entry of `key` out.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry<'t>> {
        let index = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(index))
    }

    /// Looks at the entry of `key`.
    pub(super) fn peek(&self, key: &str) -> Option<&Entry<'t>> {
        self.0.iter().find(|entry| entry.key == key)
    }

    /// Whether there are entries, and all hold tables.
    pub(super) fn are_tables(&self) -> bool {
        let table = |entry: &Entry<'_>| {
            entry.value.get_ref().is_table()
                && !["args", "env", "retry", "after", "ulimits", "dst", "keep"].contains(&entry.key)
        };
        !self.0.is_empty() && self.0.iter().all(table)
    }

    /// What has not been taken.
    pub(super) fn rest(self) -> Vec<Entry<'t>> {
        self.0
    }
}

impl Entry<'_> {
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        sheet: &'a Sheet,
        host: Option<&'a Host>,
        users: &'a Users,
        faults: &'a mut Vec<Fault>,
    ) -> Reader<'a> {
        Reader { sheet, faults, job: None, allowed: Vec::new(), host, users }
    }

    /// From now on faults are those of `job`, and warnings of these codes are not told.
    pub(super) fn of_job(&mut self, job: Option<Name>, allowed: Vec<Code>) {
        (self.job, self.allowed) = (job, allowed);
    }

    /// How many faults have been told.
    pub(super) fn told(&self) -> usize {
        self.faults.len()
    }

    /// Whether an error is among those told since `told`.
    pub(super) fn has_errors_since(&self, told: usize) -> bool {
        self.faults[told..].iter().any(|fault| fault.severity() == Severity::Error)
    }

    pub(super) fn job(&self) -> Option<&Name> {
        self.job.as_ref()
    }

    /// The machine that is judged too.
    pub(super) fn host(&self) -> Option<&'a Host> {
        self.host
    }

    /// Says which user or group of these is not there.
    pub(super) fn find_user(&self, host: &Host, user: &User) -> Result<(), String> {
        let mut users = self.users.borrow_mut();
        users.entry(user.to_string()).or_insert_with(|| (host.find_user)(user)).clone()
    }

    pub(super) fn path(&self) -> &Arc<Path> {
        &self.sheet.path
    }

    /// Takes note of a fault and returns it for more to be said of it.
    pub(super) fn fault(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> &mut Fault {
        self.push(Fault::at(code, self.sheet, span, message))
    }

    pub(super) fn fault_with_hint(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.fault(code, span, message).hint = Some(hint.into());
    }

    pub(super) fn push(&mut self, fault: Fault) -> &mut Fault {
        self.faults.push(Fault { job: self.job.clone(), ..fault });
        self.faults.last_mut().expect("it was just pushed")
    }

    /// Takes note of a warning, unless the job allows it.
    pub(super) fn warn(&mut self, code: Code, span: Range<usize>, message: String, hint: impl Into<String>) {
        if !self.allowed.contains(&code) {
            self.fault_with_hint(code, span, message, hint);
        }
    }

    /// Whether this warning is not to be told of the job.
    pub(super) fn allows(&self, code: Code) -> bool {
        self.allowed.contains(&code)
    }

    /// The value as it is written, shortened.
    pub(super) fn written(&self, entry: &Entry<'_>) -> String {
        self.written_value(entry.value)
    }

    fn written_value(&self, value: &Spanned<DeValue<'_>>) -> String {
        let written = self.sheet.text.get(value.span()).unwrap_or_default();
        let first = written.lines().next().unwrap_or_default();
        if first.len() < written.len() || first.chars().count() > 40 {
            format!("`{}...`", first.chars().take(40).collect::<String>())
        } else {
            format!("`{first}`")
        }
    }

    pub(super) fn wrong_type(&mut self, entry: &Entry<'_>, expected: &str) -> &mut Fault {
        let (key, found) = (entry.key, self.written(entry));
        let message = format!("`{key}`: expected {expected}, found {found}");
        self.fault(Code::WrongType, entry.span(), message)
    }

    pub(super) fn table<'t>(&mut self, entry: &Entry<'t>, expected: &str) -> Option<Fields<'t>> {
        match entry.value.get_ref() {
            DeValue::Table(table) => Some(Fields::of(table)),
            _ => {
                self.wrong_type(entry, expected);
                None
            }
        }
    }

    /// A text without NUL, which no system call takes.
    pub(super) fn text(&mut self, entry: &Entry<'_>, expected: &str) -> Option<Text> {
        self.text_value(entry, entry.value, expected)
    }

    fn text_value(
        &mut self,
        entry: &Entry<'_>,
        value: &Spanned<DeValue<'_>>,
        expected: &str,
    ) -> Option<Text> {
        let span = value.span();
        let DeValue::String(text) = value.get_ref() else {
            let found = self.written_value(value);
            let message = format!("`{}`: expected {expected}, found {found}", entry.key);
            let quoted =
                matches!(value.get_ref(), DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_));
            // In quotes it would be none either.
            let is_when = ["cron", "calendar", "interval", "at"].contains(&entry.key);
            let hint =
                (quoted && !is_when).then(|| format!("write it in quotes: \"{}\"", found.trim_matches('`')));
            self.fault(Code::WrongType, span, message).hint = hint;
            return None;
        };
        if text.contains('\0') {
            let message = format!("`{}`: expected text without NUL, found a NUL character", entry.key);
            self.fault(Code::BadValue, span, message);
            return None;
        }
        Some(Text { text: text.clone().into_owned(), span })
    }

    /// A text that is not empty.
    pub(super) fn some_text(&mut self, entry: &Entry<'_>, expected: &str) -> Option<Text> {
        let text = self.text(entry, expected)?;
        if text.text.trim().is_empty() {
            let message = format!("`{}`: expected {expected}, found nothing", entry.key);
            self.fault(Code::BadValue, text.span, message);
            return None;
        }
        Some(text)
    }

    /// A list of texts; `None` if any of them is none.
    pub(super) fn texts(&mut self, entry: &Entry<'_>, expected: &str) -> Option<Vec<Text>> {
        let DeValue::Array(items) = entry.value.get_ref() else {
            self.wrong_type(entry, expected);
            return None;
        };
        if items.is_empty() {
            let message = format!("`{}`: expected {expected}, found an empty list", entry.key);
            self.fault(Code::BadValue, entry.span(), message);
            return None;
        }
        let texts: Vec<_> = items.iter().map(|item| self.text_value(entry, item, "text")).collect();
        texts.into_iter().collect()
    }

    /// One text or a list of them.
    pub(super) fn text_or_texts(&mut self, entry: &Entry<'_>, expected: &str) -> Option<Vec<Text>> {
        match entry.value.get_ref() {
            DeValue::Array(_) => self.texts(entry, expected),
            _ => self.some_text(entry, expected).map(|text| vec![text]),
        }
    }

    pub(super) fn flag(&mut self, entry: &Entry<'_>) -> Option<bool> {
        match entry.value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.wrong_type(entry, "true or false");
                None
            }
        }
    }

    /// A whole number of 1 or more.
    pub(super) fn count(&mut self, entry: &Entry<'_>) -> Option<NonZeroU32> {
        let DeValue::Integer(number) = entry.value.get_ref() else {
            self.wrong_type(entry, "a whole number of 1 or more");
            return None;
        };
        let count = u32::from_str_radix(number.as_str(), number.radix()).ok().and_then(NonZeroU32::new);
        if count.is_none() {
            let message =
                format!("`{}`: expected a number from 1 to {}, found {number}", entry.key, u32::MAX);
            self.fault(Code::BadValue, entry.span(), message);
        }
        count
    }

    /// A whole number within `range`.
    pub(super) fn number<T>(&mut self, entry: &Entry<'_>, range: RangeInclusive<T>) -> Option<T>
    where
        T: Copy + PartialOrd + Display + TryFrom<i64>,
    {
        let (least, most) = (range.start(), range.end());
        let expected = format!("a whole number from {least} to {most}");
        let DeValue::Integer(found) = entry.value.get_ref() else {
            self.wrong_type(entry, &expected);
            return None;
        };
        let number =
            i64::from_str_radix(found.as_str(), found.radix()).ok().and_then(|n| T::try_from(n).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("`{}`: expected {expected}, found {found}", entry.key);
            self.fault(Code::BadValue, entry.span(), message);
        }
        number
    }

    /// A number of 1.0 or more.
    pub(super) fn factor(&mut self, entry: &Entry<'_>) -> Option<f64> {
        let text = match entry.value.get_ref() {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) => number.as_str(),
            _ => {
                self.wrong_type(entry, "a number of 1.0 or more");
                return None;
            }
        };
        let factor = text.parse::<f64>().ok().filter(|factor| (1.0..=1000.0).contains(factor));
        if factor.is_none() {
            let message = format!("`{}`: expected a number from 1.0 to 1000, found `{text}`", entry.key);
            self.fault(Code::BadValue, entry.span(), message);
        }
        factor
    }

    /// A name of a job or group.
    pub(super) fn name(&mut self, text: &str, span: Range<usize>, what: &str) -> Option<Name> {
        let name = Name::parse(text);
        if let Err(error) = &name {
            self.fault(Code::BadName, span, format!("the name of a {what}: {error}"));
        }
        name.ok()
    }

    /// A duration of `least` or more.
    pub(super) fn duration(&mut self, entry: &Entry<'_>, least: Duration) -> Option<Duration> {
        if let DeValue::Integer(number) = entry.value.get_ref() {
            let (key, number) = (entry.key, number.as_str());
            let hint = format!("write: {key} = \"{number}s\"");
            self.wrong_type(entry, "a duration with its unit, such as \"30s\" or \"1h 30m\"").hint =
                Some(hint);
            return None;
        }
        let text = self.text(entry, "a duration such as \"30s\", \"15m\" or \"1h 30m\"")?;
        self.duration_of(entry.key, &text, least)
    }

    fn duration_of(&mut self, key: &str, text: &Text, least: Duration) -> Option<Duration> {
        let Text { text, span } = text;
        let bad = |expected: &str| format!("`{key}`: expected {expected}, found `{text}`");
        let duration = match parse_duration(text) {
            Ok(duration) => duration,
            Err(error @ BadDuration::CalendarUnit { .. }) => {
                let message = bad("a duration of weeks, days, hours, minutes, seconds or milliseconds");
                let instead = match key {
                    "every" => format!("write: interval = \"{}\", with a start", text.trim()),
                    _ => "use days".to_owned(),
                };
                let hint = format!("{error}; {instead}");
                self.fault_with_hint(Code::BadDuration, span.clone(), message, hint);
                return None;
            }
            Err(error @ BadDuration::Malformed) => {
                let bare = text.trim().parse::<f64>().is_ok();
                let hint = if bare {
                    format!("write: {key} = \"{}s\"", text.trim())
                } else if key == "every" {
                    wall::other_key(key, text).unwrap_or_else(|| error.to_string())
                } else {
                    error.to_string()
                };
                let message = bad("a duration such as \"30s\", \"15m\" or \"1h 30m\"");
                self.fault_with_hint(Code::BadDuration, span.clone(), message, hint);
                return None;
            }
        };
        if duration < least {
            let least = render_duration(least);
            self.fault(Code::BadDuration, span.clone(), bad(&format!("a duration of {least} or more")));
            return None;
        }
        Some(duration)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&mut self, entry: &Entry<'_>, words: &[(&str, T)]) -> Option<T> {
        let listed = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>();
        let expected = match listed.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        let text = match entry.value.get_ref() {
            DeValue::String(text) => text.clone().into_owned(),
            _ => {
                let hint = super::keys::hint_for_word(entry.key, self.written(entry).trim_matches('`'));
                self.wrong_type(entry, &expected).hint = hint;
                return None;
            }
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let meant = nearest(&text, words.iter().map(|(word, _)| *word));
        let hint = super::keys::hint_for_word(entry.key, &text);
        let hint = hint.or(meant.map(|word| format!("did you mean \"{word}\"?")));
        let message = format!("`{}`: expected {expected}, found `{text}`", entry.key);
        self.fault(Code::BadValue, entry.span(), message).hint = hint;
        None
    }

    /// A number of bytes: `"64KiB"`, `"1MB"`, `"500B"`.
    pub(super) fn size(&mut self, entry: &Entry<'_>) -> Option<u64> {
        let expected = "a size such as \"64KiB\" or \"1MiB\"";
        if let DeValue::Integer(number) = entry.value.get_ref() {
            let hint = format!("write: {} = \"{number}B\"", entry.key);
            self.wrong_type(entry, expected).hint = Some(hint);
            return None;
        }
        let text = self.text(entry, expected)?;
        let size = parse_size(&text.text);
        if size.is_none() {
            let message = format!("`{}`: expected {expected}, found `{}`", entry.key, text.text);
            self.fault_with_hint(
                Code::BadSize,
                text.span,
                message,
                "the units are B, kB, KiB, MB, MiB, GB and GiB",
            );
        }
        size
    }

    pub(super) fn zone(&mut self, entry: &Entry<'_>) -> Option<Zone> {
        let text = self.some_text(entry, "a time zone such as \"Europe/Berlin\"")?;
        match Zone::find(&text.text) {
            Ok(zone) => Some(zone),
            Err(unknown) => {
                let hint = match unknown.nearest.first() {
                    Some(name) => format!("did you mean \"{name}\"?"),
                    None => "the names are those of the IANA database, such as \"Europe/Berlin\" or \"UTC\""
                        .into(),
                };
                let message = format!("unknown time zone `{}`", unknown.name);
                self.fault_with_hint(Code::UnknownZone, text.span, message, hint);
                None
            }
        }
    }

    /// Maps a range in a decoded text to the file: to the letter where no escape comes before, else to the
    /// whole value.
    pub(super) fn within(&self, text: &Text, inner: Range<usize>) -> Range<usize> {
        let written = self.sheet.text.get(text.span.clone()).unwrap_or_default();
        match written.find(&*text.text) {
            Some(at) if inner.end <= text.text.len() => {
                let start = text.span.start + at;
                start + inner.start..start + inner.end
            }
            _ => text.span.clone(),
        }
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[digits..].trim() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}
