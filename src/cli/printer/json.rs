//! For a machine: one JSON object a line. The field names are a promise.

use crate::cli::ledger::{Before, Told};
use crate::model::{
    Attempt, Event, ExitStatus, Name, Now, Outcome, OutputSource, Plan, StopStage, Stream, Tally,
};
use crate::scheduler::Core;
use crate::trigger::zone_data;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers what is told.
#[derive(Default)]
pub(super) struct Json {
    told: AtomicU64,
}

impl Json {
    pub(super) fn runner_started(
        &self,
        plan: &Plan,
        core: &Core,
        ledger: &Told,
        now: Now,
        dry_run: bool,
    ) -> String {
        let data = zone_data();
        let (down_since, stopped_cleanly) = match ledger.before {
            Before::Stopped(at) => (Some(at), Some(true)),
            Before::LastHeardOf(at) => (Some(at), Some(false)),
            Before::New | Before::ByHand | Before::Forgotten => (None, None),
        };
        let fields = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "file": plan.settings.file.display().to_string(),
            "jobs": plan.jobs.len(),
            "timezone": plan.settings.zone.name(),
            "tzdata": data.version,
            "tzdata_source": data.source,
            "ledger": ledger.path.as_ref().map_or("memory".into(), |path| path.display().to_string()),
            "down_since": down_since.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            "stopped_cleanly": stopped_cleanly,
            "catching_up": core.recovery().catching_up,
            "dry_run": dry_run,
            "pid": std::process::id(),
        });
        self.line("runner_started", now, fields)
    }

    pub(super) fn runner_stopped(&self, tally: &Tally, now: Now) -> String {
        let counts = Outcome::ALL.map(|outcome| (outcome.as_str().to_owned(), json!(tally.get(outcome))));
        self.line("runner_stopped", now, Value::Object(Map::from_iter(counts)))
    }

    pub(super) fn event(&self, now: Now, event: &Event) -> String {
        let whole = |value: &dyn Fn() -> serde_json::Result<Value>| value().expect("rows always serialize");
        match event {
            Event::RunStarted(started) => {
                let mut fields = whole(&|| serde_json::to_value(started));
                fields["job"] = started.run.job.as_str().into();
                self.line("run_started", now, fields)
            }
            Event::RunAdopted(started) => {
                let mut fields = whole(&|| serde_json::to_value(started));
                fields["job"] = started.run.job.as_str().into();
                self.line("run_adopted", now, fields)
            }
            Event::LedgerFailed { why } => self.line("ledger_failed", now, json!({ "reason": &**why })),
            Event::LedgerWorks => self.line("ledger_works", now, json!({})),
            Event::AttemptFinished(attempt) => self.line("attempt_finished", now, attempt_fields(attempt)),
            Event::RunFinished(row) => {
                self.line("run_finished", now, whole(&|| serde_json::to_value(&**row)))
            }
            Event::FireTimeClosed(row) => {
                self.line("fire_time_closed", now, whole(&|| serde_json::to_value(&**row)))
            }
            Event::JobAdded { job } => self.plan_changed(now, "added", job),
            Event::JobChanged { job } => self.plan_changed(now, "changed", job),
            Event::JobPaused { job, pause } => {
                let until = pause.until.map(|until| until.to_rfc3339_opts(SecondsFormat::Millis, true));
                let (reason, by) = (pause.reason.as_deref(), pause.by.as_deref());
                let fields = json!({
                    "change": "paused", "job": job.as_str(), "reason": reason, "by": by, "until": until,
                });
                self.line("plan_changed", now, fields)
            }
            Event::JobResumed { job } => self.plan_changed(now, "resumed", job),
            Event::JobRemoved { job } => self.plan_changed(now, "removed", job),
            Event::ClockStepped { by } => {
                self.line("clock_stepped", now, json!({ "by_ms": by.num_milliseconds() }))
            }
            Event::ClockWrong { least } => {
                let least = least.to_rfc3339_opts(SecondsFormat::Secs, true);
                self.line("clock_wrong", now, json!({ "least": least }))
            }
            Event::LoopStalled { run, lasted } => {
                let lasted = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
                self.line("loop_stalled", now, json!({"run": run.to_string(), "lasted_ms": lasted}))
            }
            Event::ClockRight => self.line("clock_right", now, json!({})),
            Event::RunnerStopping { stage, running, within } => {
                let running: Vec<String> = running.iter().map(ToString::to_string).collect();
                let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                let fields = json!({ "stage": stage_word(*stage), "running": running, "within_ms": within });
                self.line("runner_stopping", now, fields)
            }
        }
    }

    fn plan_changed(&self, now: Now, change: &str, job: &Name) -> String {
        self.line("plan_changed", now, json!({ "change": change, "job": job.as_str() }))
    }

    /// The line that stands for dropped ones.
    pub(super) fn dropped(&self, lines: u64, now: Now) -> String {
        self.line("output_dropped", now, json!({ "lines": lines }))
    }

    /// One object a line. One that has no end, because it is the last or too long to be held, is `partial`:
    /// it may go on.
    pub(super) fn output(
        &self,
        now: Now,
        source: &OutputSource,
        stream: Option<Stream>,
        lines: &[u8],
    ) -> String {
        let lines = lines.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| self.output_line(now, source, stream, line)).collect()
    }

    fn output_line(&self, now: Now, source: &OutputSource, stream: Option<Stream>, line: &[u8]) -> String {
        let whole = line.strip_suffix(b"\n");
        let mut fields = json!({
            "run": source.run.to_string(),
            "job": source.run.job.as_str(),
            "stream": match stream {
                Some(Stream::Stdout) => Some("stdout"),
                Some(Stream::Stderr) => Some("stderr"),
                None => None,
            },
        });
        let (key, text) = match std::str::from_utf8(whole.unwrap_or(line)) {
            Ok(line) => ("line", line.to_owned()),
            Err(_) => ("base64", base64(whole.unwrap_or(line))),
        };
        fields[key] = text.into();
        if whole.is_none() {
            fields["partial"] = true.into();
        }
        self.line("output", now, fields)
    }

    fn line(&self, event: &str, now: Now, fields: Value) -> String {
        let seq = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        let time = now.wall.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut line = Map::new();
        line.insert("event".into(), event.into());
        line.insert("seq".into(), seq.into());
        line.insert("time".into(), time.into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        Value::Object(line).to_string() + "\n"
    }
}

fn stage_word(stage: StopStage) -> &'static str {
    match stage {
        StopStage::Drain => "drain",
        StopStage::Terminate => "terminate",
        StopStage::Kill => "kill",
    }
}

fn attempt_fields(attempt: &Attempt) -> Value {
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let status = attempt.result.as_ref().ok().map(|exit| exit.status);
    json!({
        "run": attempt.run.to_string(),
        "job": attempt.run.job.as_str(),
        "attempt": attempt.number,
        "exit_code": match status { Some(ExitStatus::Code(code)) => Some(code), _ => None },
        "signal": match status { Some(ExitStatus::Signal(signal)) => Some(signal), _ => None },
        "error": attempt.result.as_ref().err().map(|error| error.message.as_str()),
        "outcome": attempt.outcome.as_str(),
        "timed_out": attempt.timed_out,
        "finished_at": attempt.finished_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "duration_ms": millis(attempt.duration),
        "retry_in_ms": attempt.retry_in.map(millis),
    })
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let quantum = |chunk: &[u8]| {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |index: usize| {
            let digit = DIGITS[(bits >> (18 - 6 * index)) as usize & 63];
            if index <= chunk.len() { char::from(digit) } else { '=' }
        };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(quantum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_jobs_says_which_and_what() {
        let wall = chrono::DateTime::from_timestamp(1_767_571_200, 0).expect("in range");
        let now = Now { wall, monotonic: std::time::Duration::ZERO, boot: std::time::Duration::ZERO };
        let json = Json::default();
        let job = Name::parse("a").expect("a name");
        assert_eq!(
            json.event(now, &Event::JobAdded { job: job.clone() }),
            r#"{"event":"plan_changed","seq":1,"time":"2026-01-05T00:00:00.000Z","change":"added","job":"a"}
"#,
        );
        let (reason, until) = (Some("repairs".into()), Some(wall));
        let pause = crate::model::Pause { reason, by: None, since: wall, until };
        assert_eq!(
            json.event(now, &Event::JobPaused { job, pause }),
            "{\"event\":\"plan_changed\",\"seq\":2,\"time\":\"2026-01-05T00:00:00.000Z\",\
             \"change\":\"paused\",\"job\":\"a\",\
             \"reason\":\"repairs\",\"by\":null,\"until\":\"2026-01-05T00:00:00.000Z\"}\n",
        );
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        let cases = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(cases.map(|case| base64(case.as_bytes())), expected);
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
