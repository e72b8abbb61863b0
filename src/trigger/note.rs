//! What is legal in the text of a trigger and perhaps not meant. Nobody is told here; `check` words it.

use std::ops::Range;

/// Something that is legal and perhaps not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
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
    /// A field that says its values in a roundabout way; something shorter fires alike.
    Roundabout {
        /// Byte range in the text.
        span: Range<usize>,
        /// `minute` and so on.
        field: &'static str,
        /// What to write instead; empty: nothing.
        instead: String,
    },
    /// Both day fields are restricted: a day matches if either does.
    BothDayFields {
        /// Byte range of the day of the month.
        span: Range<usize>,
    },
}
