//! The `[runner]` table, `include`, and the groups.

use super::fault::Code;
use super::keep::KeepKeys;
use super::keys::{self, Place};
use super::value::{Entry, Reader, Text};
use crate::model::{LedgerPlace, Name};
use crate::trigger::Zone;
use std::num::NonZeroU32;
use std::time::Duration;

/// What `[runner]` says.
#[derive(Default)]
pub(super) struct RunnerTable {
    pub(super) zone: Option<Zone>,
    pub(super) max_running: Option<NonZeroU32>,
    pub(super) shutdown_grace: Option<Duration>,
    pub(super) seed: Option<String>,
    pub(super) ledger: LedgerPlace,
    pub(super) name: Option<Name>,
    pub(super) keep: KeepKeys,
    pub(super) include: Vec<Text>,
}

impl RunnerTable {
    /// Reads it, and the `include` of an included file, which stands at the top.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        runner: Option<&Entry<'_>>,
        include: Option<&Entry<'_>>,
        main: bool,
    ) -> RunnerTable {
        let mut table = RunnerTable::default();
        if let Some(runner) = runner {
            if main {
                table.read_fields(reader, runner);
            } else {
                let message = "[runner] is the main file's; an included file has [jobs], [groups], [defaults] and include";
                reader.fault_with_hint(
                    Code::Misplaced,
                    runner.key_span.clone(),
                    message,
                    "move it to the main file",
                );
            }
        }
        if let Some(include) = include {
            table.include.extend(read_include(reader, include));
        }
        table
    }

    fn read_fields(&mut self, reader: &mut Reader<'_>, entry: &Entry<'_>) {
        let Some(mut fields) = reader.table(entry, "a table") else { return };
        self.zone = fields.take("timezone").and_then(|entry| reader.zone(&entry));
        self.max_running = fields.take("max_running").and_then(|entry| reader.count(&entry));
        self.shutdown_grace =
            fields.take("shutdown_grace").and_then(|entry| reader.duration(&entry, Duration::ZERO));
        self.seed =
            fields.take("seed").and_then(|entry| reader.some_text(&entry, "text")).map(|text| text.text);
        self.ledger = fields.take("ledger").and_then(|entry| read_ledger(reader, &entry)).unwrap_or_default();
        self.name = fields.take("name").and_then(|entry| {
            let text = reader.some_text(&entry, "a name for the state folder")?;
            reader.name(&text.text, text.span, "state folder")
        });
        self.keep = fields.take("keep").map(|entry| KeepKeys::read(reader, &entry)).unwrap_or_default();
        if let Some(include) = fields.take("include") {
            self.include = read_include(reader, &include);
        }
        keys::refuse_rest(reader, fields, Place::Runner);
    }
}

fn read_include(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Vec<Text> {
    reader
        .text_or_texts(entry, "a list of file names or patterns, such as [\"jobs.d/*.toml\"]")
        .unwrap_or_default()
}

/// `"memory"`, or a path. What is meant as something else is no name of a file.
fn read_ledger(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<LedgerPlace> {
    const EXPECTED: &str = "\"memory\" or the path of a file";
    let Text { text, span } = reader.some_text(entry, EXPECTED)?;
    let message = format!("`ledger`: expected {EXPECTED}, found `{text}`");
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    if text == "memory" {
        return Some(LedgerPlace::Memory);
    } else if let Some("postgres" | "postgresql") = scheme {
        let message = "a ledger in PostgreSQL is not there yet";
        let hint = "write the path of a file, or leave `ledger` out: then it is under the state folder";
        reader.fault_with_hint(Code::NotYet, span, message, hint);
    } else if let Some(scheme) = scheme {
        let path = text[scheme.len() + 3..].trim_end_matches('/');
        let path = if path.is_empty() { "runner.db" } else { path };
        reader.fault_with_hint(Code::BadValue, span, message, format!("write: ledger = \"{path}\""));
    } else if matches!(&*text.to_ascii_lowercase(), "memory" | ":memory:") {
        reader.fault_with_hint(Code::BadValue, span, message, "write: ledger = \"memory\"");
    } else if text.ends_with('/') {
        let hint = format!("write: ledger = \"{text}runner.db\"");
        reader.fault_with_hint(Code::BadValue, span, message, hint);
    } else {
        return Some(LedgerPlace::File(reader.sheet.folder.join(text)));
    }
    None
}

/// Reads `[groups.NAME]`.
pub(super) fn read_group(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<(Name, NonZeroU32)> {
    let name = reader.name(entry.key, entry.key_span.clone(), "group");
    let mut fields = reader.table(entry, "a table with max_running")?;
    let limit = fields.take("max_running");
    if limit.is_none() {
        let message = format!("the group `{}` has no max_running", entry.key);
        reader.fault_with_hint(Code::BadValue, entry.key_span.clone(), message, "write: max_running = 1");
    }
    let limit = limit.and_then(|limit| reader.count(&limit));
    keys::refuse_rest(reader, fields, Place::Group);
    name.zip(limit)
}
