//! `cron`, `calendar` and `interval`: triggers of the clock on the wall. A text that many jobs have is read once.

use super::Shelf;
use super::fault::Code;
use super::job::trigger_fault;
use super::value::{Entry, Reader, Text};
use crate::model::stable_hash;
use crate::trigger::{
    Note, ShortMonth, Trigger, TriggerError, Zone, calendar_notes, cron_notes, parse_duration,
};
use std::collections::HashMap;
use std::sync::Arc;

/// A cron or a calendar event that has been read, and what there is to say of it.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) trigger: Trigger,
    /// Whether it never fires, which has been said.
    pub(super) never_fires: bool,
    pub(super) notes: Arc<[Note]>,
}

/// Those that have been read, by text; of one text there are as many as there are zones with it.
pub(super) type Texts = HashMap<String, Vec<(Zone, Known)>>;

/// Reads a cron or a calendar event, or a list of them.
pub(super) fn read_texts(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    zone: &Zone,
    shelf: &mut Shelf,
) -> Option<Vec<(Text, Known)>> {
    let job = reader.job().map(ToString::to_string).unwrap_or_default();
    let spread = || stable_hash(&[shelf.seed.as_bytes(), job.as_bytes()]);
    let (expected, code) = match entry.key {
        "cron" => ("a cron expression such as \"0 3 * * *\", or a list of them", Code::BadCron),
        _ => ("a calendar event such as \"Mon..Fri 09:00\", or a list of them", Code::BadCalendar),
    };
    let (mut read, mut sound) = (Vec::new(), true);
    for text in reader.text_or_texts(entry, expected)? {
        let known = match entry.key {
            "cron" => known(&mut shelf.crons, &text.text, zone, || {
                Ok((Trigger::cron(&text.text, zone)?.spread(spread()), cron_notes(&text.text)))
            }),
            _ => known(&mut shelf.calendars, &text.text, zone, || {
                Ok((Trigger::calendar(&text.text, zone)?, calendar_notes(&text.text)))
            }),
        };
        match known {
            Ok(known) => {
                if let Some(why) = known.trigger.why_never().filter(|_| known.never_fires) {
                    let message = format!("`{}` never fires: {why}", text.text);
                    reader.fault(Code::NeverFires, text.span.clone(), message);
                }
                read.push((text, known));
            }
            Err(error) => {
                let hint = other_key(entry.key, &text.text).or(error.hint);
                trigger_fault(reader, code, &text, TriggerError { hint, ..error });
                sound = false;
            }
        }
    }
    sound.then_some(read)
}

/// Reads a text unless it is known. One with an `H` in it is each job's own.
fn known(
    texts: &mut Texts,
    text: &str,
    zone: &Zone,
    read: impl FnOnce() -> Result<(Trigger, Vec<Note>), TriggerError>,
) -> Result<Known, TriggerError> {
    let found = texts.get(text).into_iter().flatten().find(|(of, _)| of == zone);
    if let Some((_, known)) = found {
        return Ok(known.clone());
    }
    let (trigger, notes) = read()?;
    let known = Known { never_fires: trigger.never_fires(), trigger, notes: notes.into() };
    if !known.trigger.is_drawn() {
        texts.entry(text.to_owned()).or_default().push((zone.clone(), known.clone()));
    }
    Ok(known)
}

/// What to write if another key takes the text.
pub(super) fn other_key(key: &str, text: &str) -> Option<String> {
    let utc = Zone::utc();
    let takes = |key: &str| match key {
        "cron" => Trigger::cron(text, &utc).is_ok(),
        "calendar" => Trigger::calendar(text, &utc).is_ok(),
        "every" => parse_duration(text).is_ok_and(|period| Trigger::every(period).is_ok()),
        _ => Trigger::at(text, &utc).is_ok(),
    };
    let other =
        ["cron", "calendar", "every", "at"].into_iter().find(|other| *other != key && takes(other))?;
    Some(format!("write: {other} = \"{}\"", text.trim()))
}

/// What an `interval` counts from.
pub(super) enum Start {
    Missing,
    /// Which has been said.
    Faulty,
    Written(Text),
}

pub(super) fn read_interval(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    short_month: Option<&Entry<'_>>,
    start: &Start,
    zone: &Zone,
) -> Option<Trigger> {
    let words = [("skip", ShortMonth::Skip), ("last", ShortMonth::Last)];
    let short_month = short_month.map_or(Some(ShortMonth::default()), |entry| reader.word(entry, &words));
    let text = reader.some_text(entry, "an interval such as \"2 weeks\"");
    if let Start::Missing = start {
        let message = "an `interval` needs a `start`, which gives the day and the time of day";
        let hint = "write: start = \"2026-01-05T09:00\"";
        reader.fault_with_hint(Code::BadInterval, entry.key_span.clone(), message, hint);
    }
    let text = text?;
    // What is wrong with the interval itself is told whatever is wrong beside it.
    let (start, sound) = match start {
        Start::Written(start) => (&*start.text, true),
        Start::Missing | Start::Faulty => ("1970-01-01T00:00", false),
    };
    match Trigger::interval(&text.text, start, short_month.unwrap_or_default(), zone) {
        Ok(trigger) => Some(trigger).filter(|_| sound && short_month.is_some()),
        Err(error) => {
            trigger_fault(reader, Code::BadInterval, &text, error);
            None
        }
    }
}

/// Makes a fault of a `short_month` that nothing has taken.
pub(super) fn refuse_short_month(reader: &mut Reader<'_>, entry: &Entry<'_>) {
    let message = "`short_month` says how an `interval` goes on, and there is none";
    let hint = "write: interval = \"1 month\", or take it out";
    reader.fault_with_hint(Code::Conflict, entry.key_span.clone(), message, hint);
}
