//! What is fuzzed, and what has to hold: one function for each target, which takes any bytes and panics where something
//! does not. The targets of libFuzzer call them, and so does a test, `tests/it/fuzz.rs`, with inputs that are kept.

use chrono::{DateTime, TimeDelta, Utc};
use croner::Cron as Croner;
use runner::jobfile::{Loaded, Options, Source, load};
use runner::model::parse_env_file;
use runner::trigger::{
    Dst, Fold, Gap, Note, Schedule, ScheduleBuilder, ShortMonth, Trigger, TriggerError, Zone, calendar_notes,
    cron_notes, parse_duration,
};
use std::collections::BTreeSet;
use std::ops::Range;
use std::str::FromStr;

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// Each target by its name.
pub const TARGETS: [(&str, Target); 7] = [
    ("at_interval", at_interval),
    ("calendar", calendar),
    ("cron", cron),
    ("croner", croner),
    ("duration", duration),
    ("env_file", env_file),
    ("jobfile", jobfile),
];

/// How many fire times are looked at from each instant.
const FOLLOWED: usize = 6;

/// Zones, each with two instants a little before its clock changes.
const PLACES: [(&str, [i64; 2]); 3] = [
    ("Europe/Berlin", [1_774_742_400, 1_792_886_400]),
    // Half an hour forwards and back.
    ("Australia/Lord_Howe", [1_775_312_100, 1_790_951_400]),
    // It has no 30 December 2011.
    ("Pacific/Apia", [1_325_235_600, 1_333_198_800]),
];

/// Where a trigger is placed, and what it does in gaps and folds: drawn from its text, so that each input is read in
/// one way.
struct Surroundings {
    zone: Zone,
    starts: [DateTime<Utc>; 2],
    dst: Dst,
}

impl Surroundings {
    fn of(text: &str) -> Surroundings {
        let sum = text.bytes().fold(text.len(), |sum, byte| sum.wrapping_add(usize::from(byte)));
        let (name, starts) = PLACES[sum % 3];
        let gap = [None, Some(Gap::After), Some(Gap::Skip)][sum / 3 % 3];
        let fold = [None, Some(Fold::First), Some(Fold::Last), Some(Fold::Both)][sum / 9 % 4];
        let instant = |second| DateTime::from_timestamp(second, 0).expect("in range");
        Surroundings {
            zone: Zone::find(name).expect("there is this zone"),
            starts: starts.map(instant),
            dst: Dst { gap, fold },
        }
    }

    /// A trigger that holds what is promised, or an error that points into the text.
    fn check(&self, text: &str, read: Result<Trigger, TriggerError>) {
        match read {
            Ok(trigger) => self.check_trigger(trigger.with_dst(self.dst)),
            Err(error) => check_span(text, &error.span),
        }
    }

    fn check_trigger(&self, trigger: Trigger) {
        assert!(!trigger.describe().is_empty(), "{trigger:?}");
        let schedule = schedule(trigger);
        let definition = schedule.definition().expect("no code is part of it");
        let again = Schedule::of_definition(&definition).expect("it can be read");
        assert_eq!(again, schedule, "{definition}");
        assert_eq!(again.definition(), Some(definition));
        for start in self.starts {
            check_fire_times(&schedule, start);
        }
    }

    /// Two triggers that mean the same.
    fn check_alike(&self, one: &Trigger, other: &Trigger) {
        let [one, other] = [one, other].map(|trigger| schedule(trigger.clone().with_dst(self.dst)));
        for start in self.starts {
            let [one, other] = [&one, &other].map(|schedule| coming(schedule, start));
            assert_eq!(one, other);
        }
    }
}

fn schedule(trigger: Trigger) -> Schedule {
    ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build()
}

fn coming(schedule: &Schedule, start: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    schedule.upcoming(start).take(FOLLOWED).collect()
}

/// Fire times rise, and the search backwards, the count and the marks agree with them.
fn check_fire_times(schedule: &Schedule, start: DateTime<Utc>) {
    let coming = coming(schedule, start);
    let (Some(first), Some(last)) = (coming.first(), coming.last()) else { return };
    assert!(start < *first && coming.is_sorted_by(|a, b| a < b), "{coming:?} after {start}");
    assert!(!schedule.never_fires());
    for pair in coming.windows(2) {
        assert_eq!(schedule.prev_before(pair[1]), Some(pair[0]), "{coming:?}");
    }
    if let Some(before) = schedule.prev_before(*first) {
        assert!(before <= start, "{before} is before {first} and after {start}");
        assert_eq!(schedule.next_after(before), Some(*first), "after {before}");
    }
    assert_eq!(schedule.count_between(start, *last), coming.len() as u64, "{coming:?} after {start}");
    for fire_time in coming {
        assert!(schedule.naming(fire_time).is_some(), "{fire_time}");
        let _ = schedule.dst_mark(fire_time);
        let between = fire_time + TimeDelta::milliseconds(1);
        let _ = schedule.naming(between);
    }
}

fn check_span(text: &str, span: &Range<usize>) {
    assert!(text.get(span.clone()).is_some(), "{span:?} of {text:?}");
}

/// Returns the longest text that the bytes begin with.
fn text(bytes: &[u8]) -> &str {
    let length = str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    str::from_utf8(&bytes[..length]).expect("it is one until there")
}

/// A moment; and an interval with its start behind a `|`.
pub fn at_interval(bytes: &[u8]) {
    let text = text(bytes);
    let surroundings = Surroundings::of(text);
    let zone = &surroundings.zone;
    surroundings.check(text, Trigger::at(text, zone));
    let (interval, start) = text.split_once('|').unwrap_or((text, "2026-01-31T09:00"));
    for short_month in [ShortMonth::Skip, ShortMonth::Last] {
        // The error may be about either.
        if let Ok(trigger) = Trigger::interval(interval, start, short_month, zone) {
            surroundings.check_trigger(trigger.with_dst(surroundings.dst));
        }
    }
}

/// A calendar event, whose normal form means the same.
pub fn calendar(bytes: &[u8]) {
    let text = text(bytes);
    let surroundings = Surroundings::of(text);
    let read = Trigger::calendar(text, &surroundings.zone);
    if let Ok(trigger) = &read {
        let normalised = trigger.normalised().expect("a calendar event has one");
        let again = Trigger::calendar(&normalised, &surroundings.zone).expect("it can be read");
        assert_eq!(again.normalised(), Some(normalised));
        surroundings.check_alike(trigger, &again);
    }
    check_notes(text, &read, &calendar_notes(text));
    surroundings.check(text, read);
}

/// A cron expression, and one with its zone in front.
pub fn cron(bytes: &[u8]) {
    let text = text(bytes);
    let surroundings = Surroundings::of(text);
    let zone = &surroundings.zone;
    surroundings.check(text, Trigger::imported_cron(text, zone));
    let read = Trigger::cron(text, zone);
    let notes = cron_notes(text);
    check_notes(text, &read, &notes);
    for note in &notes {
        if let (Ok(trigger), Note::Roundabout { span, instead, .. }) = (&read, note) {
            let shorter = format!("{}{instead}{}", &text[..span.start], &text[span.end..]);
            let shorter = Trigger::cron(&shorter, zone).expect("what is to be written instead can be");
            surroundings.check_alike(trigger, &shorter);
        }
    }
    if let Ok(trigger) = &read
        && trigger.is_drawn()
    {
        surroundings.check_trigger(trigger.clone().spread(bytes.len() as u64 + 1));
    }
    surroundings.check(text, read);
}

fn check_notes(text: &str, read: &Result<Trigger, TriggerError>, notes: &[Note]) {
    assert!(read.is_ok() || notes.is_empty(), "{notes:?} of {text:?}");
    for note in notes {
        let (Note::UnevenStep { span, .. }
        | Note::StepTooLarge { span, .. }
        | Note::Roundabout { span, .. }
        | Note::BothDayFields { span }) = note;
        check_span(text, span);
    }
}

/// A duration: it is the sum of its parts, and what is shown of it is read as the same.
pub fn duration(bytes: &[u8]) {
    let text = text(bytes);
    let read = parse_duration(text);
    for (at, _) in text.char_indices().skip(1) {
        if let (Ok(one), Ok(other)) = (parse_duration(&text[..at]), parse_duration(&text[at..])) {
            assert_eq!(read.ok(), one.checked_add(other), "{text:?} at {at}");
        }
    }
    let every = Trigger::cron(&format!("@every {text}"), &Zone::utc());
    let Ok(duration) = read else {
        check_span(&format!("@every {text}"), &every.expect_err("it is no duration").span);
        return;
    };
    assert_eq!(every.is_ok(), Trigger::every(duration).is_ok(), "{text:?}");
    if let Ok(trigger) = every {
        assert_eq!(trigger.period(), Some(duration), "{text:?}");
        let shown = trigger.text().strip_prefix("every ").expect("it names its kind");
        assert_eq!(parse_duration(shown), Ok(duration), "{text:?} is shown as {shown:?}");
        Surroundings::of(text).check_trigger(trigger);
    }
}

/// An env file: pairs in order, which read the same when they are written again, or an error that shows no value.
pub fn env_file(bytes: &[u8]) {
    let text = text(bytes);
    match parse_env_file(text) {
        Ok(pairs) => check_pairs(text, &pairs),
        Err(error) => {
            let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
            let line = lines.nth(error.line - 1).expect("it is one of the lines");
            let name = line.trim().split('=').next().expect("there is one");
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            let words = [
                "no `=`",
                "a NUL byte",
                "none",
                "another escape",
                "text behind the closing `'`",
                "text behind the closing `\"`",
            ];
            let of_name = error.found == format!("`{}`", name.escape_debug());
            assert!(words.contains(&&*error.found) || of_name, "{error} in {text:?}");
            let before: String = text.split_inclusive('\n').take(error.line - 1).collect();
            assert!(parse_env_file(&before).is_ok(), "{error} in {text:?} is not the first");
        }
    }
}

fn check_pairs(text: &str, pairs: &[(String, String)]) {
    let mut rest = text;
    for (name, value) in pairs {
        let mut letters = name.bytes();
        let first = letters.next().expect("a name is not empty");
        assert!(first.is_ascii_alphabetic() || first == b'_', "{name:?}");
        assert!(letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_'), "{name:?}");
        assert!(!value.contains('\0'), "{value:?}");
        // In order: each on a line behind the one before.
        let at = rest.find(&**name).expect("it is in the text");
        rest = rest[at..].split_once('\n').map_or("", |(_, rest)| rest);
    }
    let quoted = |value: &str| {
        let escapes = [("\\", "\\\\"), ("\"", "\\\""), ("$", "\\$"), ("\n", "\\n"), ("\t", "\\t")];
        escapes.iter().fold(value.to_owned(), |value, (of, by)| value.replace(of, by))
    };
    let lines = pairs.iter().map(|(name, value)| format!("export {name}=\"{}\"\r\n", quoted(value)));
    assert_eq!(parse_env_file(&lines.collect::<String>()).as_deref(), Ok(pairs));
    let with_another = [pairs, &[("ANOTHER".into(), "1".into())]].concat();
    assert_eq!(parse_env_file(&format!("{text}\nANOTHER=1")), Ok(with_another));
}

/// A job file from standard input: a plan or faults, the same each time.
pub fn jobfile(bytes: &[u8]) {
    // Files that it includes are none of this target's business.
    if bytes.windows(7).any(|word| word == b"include") {
        return;
    }
    let now = DateTime::from_timestamp(1_767_571_200, 0).expect("in range");
    let options = Options { now, host: None, seed: String::new(), tasks: None };
    let load = || load(&Source::Stdin(bytes.to_vec()), &options);
    let Loaded { plan, faults } = load();
    let report = faults.render(false);
    assert_eq!(report, load().faults.render(false));
    assert_eq!(plan.is_none(), faults.errors() > 0, "{report}");
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for fault in faults.iter() {
        assert!(fault.line.is_none_or(|line| (1..=lines).contains(&(line as usize))), "{fault:?}");
        assert!(fault.column.is_none_or(|column| column > 0), "{fault:?}");
    }
    // What a terminal would obey is not in it.
    let obeyed = report.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(obeyed, None, "{report:?}");
    let Some(plan) = plan else { return };
    let names: BTreeSet<_> = plan.jobs.iter().map(|job| &job.name).collect();
    assert_eq!(names.len(), plan.jobs.len(), "each name is its own");
    for job in plan.jobs.iter().take(4) {
        let definition = job.schedule.definition().expect("no code is part of it");
        let again = Schedule::of_definition(&definition).expect("it can be read");
        assert_eq!(again, *job.schedule, "{definition}");
        let coming = coming(&job.schedule, now);
        assert!(coming.is_sorted_by(|a, b| a < b) && coming.iter().all(|at| *at > now), "{coming:?}");
    }
}

/// The portable dialect beside croner, in UTC: the bytes choose an expression and an instant, and both find the same
/// fire times after it and before it.
pub fn croner(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let start = choices.instant();
    let expression = choices.expression();
    let ours = Trigger::cron(&expression, &Zone::utc());
    let ours = schedule(ours.unwrap_or_else(|error| panic!("{error} in {expression:?}")));
    let theirs = Croner::from_str(&expression);
    let theirs = theirs.unwrap_or_else(|error| panic!("{error} in {expression:?}"));
    let next: Vec<_> = theirs.iter_after(start).take(FOLLOWED).collect();
    assert_eq!(coming(&ours, start), next, "{expression:?} after {start}");
    let before = std::iter::successors(ours.prev_before(start), |at| ours.prev_before(*at));
    let last: Vec<_> = theirs.iter_before(start).take(FOLLOWED).collect();
    assert_eq!(before.take(FOLLOWED).collect::<Vec<_>>(), last, "{expression:?} before {start}");
}

/// Bytes by which things are chosen, one after another; when there are none left it is the first thing.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn below(&mut self, below: u8) -> u8 {
        self.byte() % below
    }

    fn within(&mut self, first: u8, last: u8) -> u8 {
        first + self.below(last - first + 1)
    }

    /// A second of the years 1970 to 2106.
    fn instant(&mut self) -> DateTime<Utc> {
        let second = u32::from_be_bytes([(); 4].map(|()| self.byte()));
        DateTime::from_timestamp(second.into(), 0).expect("in range")
    }

    /// Fields on which all implementations agree: values, ranges that go up, steps, lists, names. Where both day fields
    /// are restricted, none of them has a `*`, of which some say that it restricts and some that it does not.
    fn expression(&mut self) -> String {
        let (mut days_of_month, mut days_of_week) = ("*".to_owned(), "*".to_owned());
        let mut fields = Vec::new();
        if self.below(4) == 3 {
            fields.push(self.field(&SECOND, true));
        }
        fields.push(self.field(&MINUTE, true));
        fields.push(self.field(&HOUR, true));
        match self.below(4) {
            0 => {}
            1 => days_of_month = self.field(&DAY_OF_MONTH, true),
            2 => days_of_week = self.field(&DAY_OF_WEEK, true),
            _ => {
                days_of_month = self.field(&DAY_OF_MONTH, false);
                days_of_week = self.field(&DAY_OF_WEEK, false);
            }
        }
        fields.extend([days_of_month, self.field(&MONTH, true), days_of_week]);
        fields.join([" ", " ", "  ", "\t"][usize::from(self.below(4))])
    }

    fn field(&mut self, kind: &Kind, star: bool) -> String {
        match self.below(5) {
            0 if star => "*".into(),
            items => (0..items.max(1)).map(|_| self.item(kind, star)).collect::<Vec<_>>().join(","),
        }
    }

    fn item(&mut self, kind: &Kind, star: bool) -> String {
        let Kind { first, last, .. } = *kind;
        let from = self.within(first, last);
        let range = |choices: &mut Self| {
            let until = choices.within(from, last);
            // Whether SUN-SUN is a day or the whole week is not agreed.
            let by_name = from != until && (from, until) != (0, 7);
            format!("{}-{}", choices.value(kind, from, by_name), choices.value(kind, until, by_name))
        };
        let step = |choices: &mut Self| choices.within(1, last - first + 3);
        match self.below(5) {
            1 => range(self),
            2 => format!("{}/{}", range(self), step(self)),
            3 if star => format!("*/{}", step(self)),
            _ => self.value(kind, from, true),
        }
    }

    fn value(&mut self, kind: &Kind, value: u8, by_name: bool) -> String {
        let name = kind.names.get(usize::from(value - kind.first)).filter(|_| by_name);
        match (name, self.below(4)) {
            (Some(name), 1) => (*name).into(),
            (Some(name), 2) => name.to_lowercase(),
            _ => value.to_string(),
        }
    }
}

/// What a field may hold.
struct Kind {
    first: u8,
    last: u8,
    names: &'static [&'static str],
}

const SECOND: Kind = Kind { first: 0, last: 59, names: &[] };
const MINUTE: Kind = SECOND;
const HOUR: Kind = Kind { first: 0, last: 23, names: &[] };
const DAY_OF_MONTH: Kind = Kind { first: 1, last: 31, names: &[] };
const MONTH: Kind = Kind {
    first: 1,
    last: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
/// Sunday is both the first and the last.
const DAY_OF_WEEK: Kind =
    Kind { first: 0, last: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"] };
