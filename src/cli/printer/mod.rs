//! Tells a person or a machine what happens, while it happens.
//!
//! [`text`] words it for a person, [`json`] for a machine; both put it, line by line, on the [`Console`]. On a
//! person's terminal [`status`] keeps a last line below.

mod json;
mod status;
mod text;

use super::Format;
use super::console::Console;
use super::ledger::Told;
use super::logger;
use super::patient;
use super::style::Style;
use crate::engine::{self, Audience};
use crate::model::{
    Attempt, Event, Name, Now, Outcome, OutputMode, OutputSink, OutputSource, Pace, Plan, Stream, Tally,
};
use crate::scheduler::Core;
use status::Status;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;

/// See the module's page.
pub(super) struct Printer {
    console: Console,
    wording: Wording,
    /// Jobs whose output is shown only when they fail.
    quiet_until_failure: HashSet<Name>,
    status: Option<Status>,
}

enum Wording {
    Text(text::Text),
    Json(Arc<json::Json>),
}

impl Printer {
    /// Returns a printer for the jobs of `plan`.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new(format: Format, style: Style, plan: &Plan) -> io::Result<Printer> {
        let quiet = plan.jobs.iter().filter(|job| job.setup.output == OutputMode::Failures);
        let quiet_until_failure = quiet.map(|job| job.name.clone()).collect();
        let (wording, console) = match format {
            Format::Text => {
                let console = Console::new(patient::stdout(), text::dropped_line, status::width)?;
                (Wording::Text(text::Text::new(style, plan)), console)
            }
            Format::Jsonl => {
                let json = Arc::new(json::Json::default());
                let numbers = Arc::clone(&json);
                let dropped_line = move |lines| numbers.dropped(lines, engine::now());
                let console = Console::new(patient::stdout(), dropped_line, status::width)?;
                (Wording::Json(json), console)
            }
        };
        logger::hold_nobody_up()?;
        Ok(Printer { console, wording, quiet_until_failure, status: None })
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

    /// The runner is about to start `plan`, and to record what happens in that ledger.
    pub(super) fn runner_started(&self, plan: &Plan, core: &Core, ledger: &Told, dry_run: bool) {
        let now = engine::now();
        let started = match &self.wording {
            Wording::Text(text) => text.runner_started(plan, core, ledger, now, dry_run),
            Wording::Json(json) => json.runner_started(plan, core, ledger, now, dry_run),
        };
        self.console.lines().push(started.as_bytes());
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

impl Printer {
    /// Shows what was kept of an attempt that did not succeed, if its job shows it only then.
    fn show_what_was_held_back(&self, now: Now, attempt: &Attempt) {
        let Ok(exit) = &attempt.result else { return };
        if attempt.outcome == Outcome::Succeeded || !self.quiet_until_failure.contains(&attempt.run.job) {
            return;
        }
        let source = OutputSource { run: attempt.run.clone() };
        let Some(kept) = &exit.output else { return };
        if kept.dropped_bytes == 0 {
            self.show_output(now, &source, None, &[&*kept.head, &*kept.tail].concat());
        } else {
            let left_out = format!("... {} bytes were not kept ...\n", kept.dropped_bytes);
            for lines in [&*kept.head, left_out.as_bytes(), &*kept.tail] {
                self.show_output(now, &source, None, lines);
            }
        }
    }

    /// Shows lines of a run's output; of which stream, where that is still known.
    fn show_output(&self, now: Now, source: &OutputSource, stream: Option<Stream>, bytes: &[u8]) -> Pace {
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

impl Audience for Printer {
    fn announce(&self, now: Now, event: &Event) {
        if let Some(status) = &self.status {
            status.event(now, event);
        }
        if let Event::AttemptFinished(attempt) = event {
            self.show_what_was_held_back(now, attempt);
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
        self.show_output(engine::now(), source, Some(stream), bytes)
    }
}
