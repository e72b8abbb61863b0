//! What we say ourselves: lines on standard error, through the `log` crate.
//!
//! While jobs run, a standard error that nobody reads must not hold them up: then lines go through a [`Console`]
//! of their own. While a status line is on the terminal they go through the one that draws it, or they would run
//! into it; unless standard error is elsewhere.

use super::console::Console;
use super::patient;
use super::style::Style;
use super::{Format, Global};
use env_logger::fmt::Formatter;
use env_logger::{Builder, Target, WriteStyle};
use log::{Level, LevelFilter, Record};
use rustix::termios::isatty;
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Where a status line is. The logger is the whole process's, and so is this.
static CONSOLE: Mutex<Option<Console>> = Mutex::new(None);

/// What holds nobody up, once jobs run.
static STDERR: OnceLock<Console> = OnceLock::new();

/// Sets the logger up: `RUST_LOG` wins, else `-v` and `-q` around the level `info`.
pub(super) fn init(global: &Global, format: Format) {
    let style = Style::of(io::stderr(), global);
    let mut builder = Builder::new();
    builder.filter_level(level(global)).parse_default_env();
    match format {
        Format::Text => builder.format(move |out, record| text(out, record, style)),
        Format::Jsonl => builder.format(json),
    };
    // What is to be coloured is decided above.
    builder.target(Target::Pipe(Box::new(Messages))).write_style(WriteStyle::Always).init();
}

/// From now on there is a status line, or none any more.
pub(super) fn show_on(console: Option<Console>) {
    *CONSOLE.lock().unwrap_or_else(PoisonError::into_inner) = console.filter(|_| isatty(io::stderr()));
}

/// From now on nobody is held up by a standard error that is not read.
///
/// # Errors
/// When the system refuses a thread.
pub(super) fn hold_nobody_up() -> io::Result<()> {
    let dropped_line = |lines| format!("runner: warning: {lines} messages dropped\n");
    // There is no status line of which it would matter.
    let console = Console::new(patient::stderr(), dropped_line, || usize::MAX)?;
    STDERR.get_or_init(|| console);
    Ok(())
}

/// Waits until all is said, but not for ever.
pub(super) fn finish() {
    if let Some(console) = STDERR.get() {
        console.finish();
    }
}

/// Takes whole lines.
struct Messages;

impl Write for Messages {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = CONSOLE.lock().unwrap_or_else(PoisonError::into_inner);
        match shown.as_ref().or(STDERR.get()) {
            Some(console) => console.lines().push(line),
            None => patient::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
