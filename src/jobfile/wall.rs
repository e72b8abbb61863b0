//! `calendar` and `interval`: triggers of the clock on the wall, beside `cron`.

use super::fault::Code;
use super::job::trigger_fault;
use super::value::{Entry, Reader, Text};
use crate::trigger::{Note, ScheduleBuilder, ShortMonth, Trigger, Zone, calendar_notes};
use std::sync::Arc;

/// What came of `calendar`.
pub(super) struct ReadCalendars {
    /// Each with what there is to say of it.
    pub(super) texts: Vec<(Text, Arc<[Note]>)>,
    pub(super) triggers: Vec<Trigger>,
    /// Whether one of them never fires, which has been said.
    pub(super) never_fires: bool,
}

pub(super) fn read_calendars(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    zone: &Zone,
) -> Option<ReadCalendars> {
    let expected = "a calendar event such as \"Mon..Fri 09:00\", or a list of them";
    let mut read = ReadCalendars { texts: Vec::new(), triggers: Vec::new(), never_fires: false };
    let mut sound = true;
    for text in reader.text_or_texts(entry, expected)? {
        match Trigger::calendar(&text.text, zone) {
            Ok(trigger) => {
                if never_fires(&trigger) {
                    let message = format!("`{}` never fires: no year has such a day", text.text);
                    reader.fault(Code::NeverFires, text.span.clone(), message);
                    read.never_fires = true;
                }
                read.triggers.push(trigger);
                let notes = calendar_notes(&text.text).into();
                read.texts.push((text, notes));
            }
            Err(error) => {
                trigger_fault(reader, Code::BadCalendar, &text, error);
                sound = false;
            }
        }
    }
    sound.then_some(read)
}

fn never_fires(trigger: &Trigger) -> bool {
    ScheduleBuilder { triggers: vec![trigger.clone()], ..ScheduleBuilder::default() }.build().never_fires()
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
