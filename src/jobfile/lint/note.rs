//! What is noted in the text of a trigger, in words.

use crate::jobfile::fault::Code;
use crate::trigger::Note;
use std::ops::Range;

/// Returns the code of a note, the place in the text that it is about, what there is to say, and what to write instead.
pub fn note_words(note: &Note) -> (Code, Range<usize>, String, String) {
    match note.clone() {
        Note::UnevenStep { span, field, step, values } => {
            let fields = plural(field);
            let message =
                format!("{step} does not divide the {values} {fields}: the last distance is shorter");
            let hint = format!("for an even distance: {}", evenly(field, step, values));
            (Code::UnevenStep, span, message, hint)
        }
        Note::StepTooLarge { span, field, step } => {
            let message = format!("a step of {step} leaves only the first {field}");
            (Code::StepTooLarge, span, message, format!("write that {field} alone"))
        }
        Note::Roundabout { span, field, instead } => {
            let all = instead == "*" || instead.is_empty();
            let what = if all { format!("every {field}") } else { plural(field) };
            let hint = if instead.is_empty() { "leave it out".into() } else { format!("write: {instead}") };
            (Code::RoundaboutField, span, format!("{what}, said in a roundabout way"), hint)
        }
        Note::BothDayFields { span } => {
            let message = "day of the month and day of the week are both set: either may match".to_owned();
            let hint = "for days that match both, put a + before the day of the week: +5".to_owned();
            (Code::BothDayFields, span, message, hint)
        }
    }
}

/// `minutes`, `days of the month`.
fn plural(field: &str) -> String {
    field.strip_prefix("day").map_or_else(|| format!("{field}s"), |of_what| format!("days{of_what}"))
}

/// What to write instead of a step that does not divide. No step divides the 31 days of a month or the 7 of a week.
fn evenly(field: &str, step: u16, values: u16) -> String {
    match field {
        "second" | "minute" | "hour" => {
            format!("every = \"{step}{}\", or a step that divides {values}", &field[..1])
        }
        "month" => format!("interval = \"{step} months\" with a start, or a step that divides {values}"),
        _ => format!("interval = \"{step} days\" with a start"),
    }
}
