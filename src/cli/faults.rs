//! Faults as they are printed: for a person, for a machine, for GitHub.

use super::{Format, github};
use crate::jobfile::{Fault, Faults, Severity};
use crate::model::Name;
use serde::Serialize;

/// A line of `--format jsonl`. The field names are a promise.
#[derive(Serialize)]
struct FaultLine<'a> {
    severity: &'a str,
    code: &'a str,
    message: &'a str,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    job: Option<&'a str>,
    hint: Option<&'a str>,
}

/// All of them, in the form of messages.
pub(super) fn text(faults: &Faults, format: Format, colour: bool) -> String {
    match format {
        Format::Text => faults.render(colour),
        Format::Jsonl => json_lines(faults),
    }
}

/// One JSON object a line.
pub(super) fn json_lines(faults: &Faults) -> String {
    let json = |fault| serde_json::to_string(&line(fault)).expect("text and numbers always serialize");
    faults.iter().map(|fault| json(fault) + "\n").collect()
}

/// One workflow command a line.
pub(super) fn github_lines(faults: &Faults) -> String {
    faults.iter().map(|fault| github::command(fault) + "\n").collect()
}

fn line(fault: &Fault) -> FaultLine<'_> {
    FaultLine {
        severity: match fault.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        code: fault.code.as_str(),
        message: &fault.message,
        file: Some(fault.file.display().to_string()),
        line: fault.line,
        column: fault.column,
        job: fault.job.as_ref().map(Name::as_str),
        hint: fault.hint.as_deref(),
    }
}
