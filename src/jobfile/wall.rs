//! `calendar` and `interval`: triggers of the clock on the wall, beside `cron`.

use super::fault::Code;
use super::job::trigger_fault;
use super::value::{Entry, Reader};
use crate::trigger::{ScheduleBuilder, Trigger, Zone};

/// What came of `calendar`.
pub(super) struct ReadCalendars {
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
    let mut read = ReadCalendars { triggers: Vec::new(), never_fires: false };
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
