//! Tells a person or a machine what happens, while it happens.
//!
//! [`text`] words it for a person, [`json`] for a machine; both put it, line by line, on the [`Console`]. On a
//! person's terminal [`status`] keeps a last line below.

mod json;
mod status;
mod text;

use super::Format;
use super::console::Console;
use super::logger;
use super::style::Style;
use crate::engine::{self, Audience};
use crate::executor::{OutputSink, OutputSource, Pace, Stream};
use crate::model::{Event, Now, Plan, Tally};
use crate::scheduler::Core;
use status::Status;
use std::io;

/// See the module's page.
pub(super) struct Printer {
    console: Console,
    wording: Wording,
    status: Option<Status>,
}

enum Wording {
    Text(text::Text),
    Json(json::Json),
}

impl Printer {
    /// Returns a printer for the jobs of `plan`.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new(format: Format, style: Style, plan: &Plan) -> io::Result<Printer> {
        let (wording, dropped_line): (_, fn(u64) -> String) = match format {
            Format::Text => (Wording::Text(text::Text::new(style, plan)), text::dropped_line),
            Format::Jsonl => (Wording::Json(json::Json::default()), json::dropped_line),
        };
        let console = Console::new(io::stdout(), dropped_line)?;
        logger::hold_nobody_up()?;
        Ok(Printer { console, wording, status: None })
    }

    /// Returns the printer with a status line, if this is a person's terminal that can show one.
    pub(super) fn with_status_line(mut self, style: Style) -> Printer {
        if matches!(self.wording, Wording::Text(_)) && style.can_redraw {
            logger::show_on(Some(self.console.clone()));
            self.status = Some(Status::new(self.console.clone()));
        }
        self
    }

    /// Keeps the status line up to date for ever.
    pub(super) async fn keep_status(&self) {
        match &self.status {
            Some(status) => status.keep().await,
            None => std::future::pending().await,
        }
    }

    /// The runner is about to start `plan`.
    pub(super) fn runner_started(&self, plan: &Plan, core: &Core, dry_run: bool) {
        let mut lines = self.console.lines();
        match &self.wording {
            Wording::Text(text) => {
                lines.push(text.runner_started(plan, core, engine::now(), dry_run).as_bytes());
            }
            Wording::Json(json) => lines.push(json.runner_started(plan, engine::now(), dry_run).as_bytes()),
        }
    }

    /// The runner has stopped; waits until all is shown.
    pub(super) fn runner_stopped(&self, tally: &Tally) {
        let line = match &self.wording {
            Wording::Text(text) => text.runner_stopped(tally, engine::now()),
            Wording::Json(json) => json.runner_stopped(tally, engine::now()),
        };
        self.console.lines().push(line.as_bytes());
        self.finish();
    }

    /// Waits until all is shown, but not for ever.
    pub(super) fn finish(&self) {
        let dropped = self.console.finish();
        logger::show_on(None);
        if dropped > 0 {
            log::warn!("{dropped} lines were not shown, because standard output was too slow or gone");
        }
    }
}

impl Audience for Printer {
    fn announce(&self, now: Now, event: &Event) {
        if let Some(status) = &self.status {
            status.event(now, event);
        }
        let mut lines = self.console.lines();
        match &self.wording {
            Wording::Text(text) => lines.push(text.event(now, event).as_bytes()),
            Wording::Json(json) => lines.push(json.event(now, event).as_bytes()),
        }
    }

    fn waits(&self, core: &Core) {
        if let Some(status) = &self.status {
            status.waits(core);
        }
    }
}

impl OutputSink for Printer {
    fn lines(&self, source: &OutputSource, stream: Stream, bytes: &[u8]) -> Pace {
        let now = engine::now();
        match &self.wording {
            Wording::Text(text) => {
                let (prefix, shown) = (text.output_prefix(now, source), text.output(bytes));
                self.console.lines().push_output(prefix.as_bytes(), &shown)
            }
            Wording::Json(json) => {
                let lines = json.output(now, source, stream, bytes);
                self.console.lines().push_output(b"", lines.as_bytes())
            }
        }
    }
}
