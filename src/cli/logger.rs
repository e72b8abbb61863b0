//! What we say ourselves: lines on standard error, through the `log` crate.

use super::style::Style;
use super::{Format, Global};
use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::{Level, LevelFilter, Record};
use std::io::{self, Write};

/// Sets the logger up: `RUST_LOG` wins, else `-v` and `-q` around the level `info`.
pub(super) fn init(global: &Global, format: Format) {
    let style = Style::of(io::stderr(), global);
    let mut builder = Builder::new();
    builder.filter_level(level(global)).parse_default_env();
    match format {
        Format::Text => builder.format(move |out, record| text(out, record, style)),
        Format::Jsonl => builder.format(json),
    };
    builder.init();
}

fn level(global: &Global) -> LevelFilter {
    match i16::from(global.verbose) - i16::from(global.quiet) {
        ..=-2 => LevelFilter::Error,
        -1 => LevelFilter::Warn,
        0 => LevelFilter::Info,
        1 => LevelFilter::Debug,
        2.. => LevelFilter::Trace,
    }
}

/// `runner: warning: …`; plain information has no level in front.
fn text(out: &mut Formatter, record: &Record<'_>, style: Style) -> io::Result<()> {
    let level = match record.level() {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info => "",
        Level::Debug => "debug: ",
        Level::Trace => "trace: ",
    };
    writeln!(out, "{}{}", style.bold(format!("runner: {level}")), record.args())
}

fn json(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let level = record.level().as_str().to_ascii_lowercase();
    let message = record.args().to_string();
    let line = serde_json::json!({ "level": level, "message": message, "target": record.target() });
    writeln!(out, "{line}")
}
