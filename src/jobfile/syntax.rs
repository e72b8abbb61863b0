//! What is no TOML. One mistake often looks like many, so consequences are left out.

use super::fault::{Code, Fault};
use super::source::Sheet;
use std::ops::Range;
use toml::de::Error;

/// Returns the syntax errors as faults. A table that is there twice is one fault, not one for each key.
pub(super) fn faults(sheet: &Sheet, errors: &[Error]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut repeated = 0..0;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        if !error.message().contains("duplicate key") {
            faults.push(Fault::at(Code::Syntax, sheet, span, error.message().to_owned()));
        } else if !repeated.contains(&span.start) {
            faults.push(duplicate(sheet, span.clone()));
            repeated = table_at(sheet, span.start).unwrap_or(0..0);
        }
    }
    faults
}

fn duplicate(sheet: &Sheet, span: Range<usize>) -> Fault {
    let key = sheet.text.get(span.clone()).unwrap_or_default();
    let what = if table_at(sheet, span.start).is_some() { "table" } else { "key" };
    let message = format!("the {what} `{key}` is there twice");
    Fault::at(Code::Syntax, sheet, span, message).hint("give one of them another name, or take it out")
}

/// If `at` is in the head of a table: the table, up to the next head.
fn table_at(sheet: &Sheet, at: usize) -> Option<Range<usize>> {
    let text = &sheet.text;
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find("\n[").map_or(text.len(), |end| at + end);
    text[line..].starts_with('[').then_some(line..end)
}

/// Whether `fault` is likely a consequence of one of the `syntax` errors: it is on the same line, or a key
/// stands at the top whose table's head was lost.
pub(super) fn explains(syntax: &[Fault], fault: &Fault) -> bool {
    let same_line = syntax.iter().any(|error| error.line == fault.line);
    let lost_head = matches!(fault.code, Code::UnknownKey | Code::NoAction | Code::NoTrigger);
    same_line || lost_head
}
