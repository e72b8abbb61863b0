//! The keys that a job and `[defaults]` have in common: each read into an option, so that a job's own lie
//! over those of its file's defaults, and those over the main file's.

use super::dst;
use super::fault::Code;
use super::keep::KeepKeys;
use super::keys::{self, Place};
use super::source::Sheet;
use super::value::{Entry, Fields, Reader};
use crate::model::{
    Coalesce, Grace, Keep, Ladder, Name, OnOrphan, OutputMode, Overlap, Policy, Retry, Rights, Setup, nearest,
};
use crate::trigger::{Dst, Zone};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeValue;

/// The shell of jobs that choose none.
pub(super) const SHELL: [&str; 2] = ["/bin/sh", "-c"];

const RETRY_DELAY: Duration = Duration::from_secs(10);
const RETRY_FACTOR: f64 = 2.0;
const RETRY_DELAY_MAX: Duration = Duration::from_secs(300);
const KEEP_OUTPUT: u64 = 64 << 10;
const MILLISECOND: Duration = Duration::from_millis(1);

/// See the module's page. `None`: not said.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    pub(super) timezone: Option<Zone>,
    pub(super) dst: Dst,
    pub(super) enabled: Option<bool>,
    pub(super) allow: Option<Vec<Code>>,
    pub(super) group: Option<Name>,
    pub(super) max_instances: Option<NonZeroU32>,
    pub(super) overlap: Option<Overlap>,
    grace: Option<Grace>,
    coalesce: Option<Coalesce>,
    jitter: Option<Duration>,
    timeout: Option<Duration>,
    stop_signal: Option<Signal>,
    kill_after: Option<Duration>,
    retry: RetryKeys,
    success_codes: Option<Vec<u8>>,
    on_orphan: Option<OnOrphan>,
    keep: KeepKeys,
    shell: Option<Vec<String>>,
    cwd: Option<PathBuf>,
    inherit_env: Option<bool>,
    env_files: Option<Vec<PathBuf>>,
    env: BTreeMap<String, String>,
    stdin: Option<String>,
    rights: Rights,
    output: Option<OutputMode>,
    keep_output: Option<u64>,
}

/// What a file says of all its jobs, and what comes of it for a job that says nothing itself.
pub(super) struct Defaults<'a> {
    pub(super) shared: &'a Shared,
    policy: Arc<Policy>,
    setup: Arc<Setup>,
}

impl<'a> Defaults<'a> {
    pub(super) fn new(shared: &'a Shared, sheet: &Sheet) -> Defaults<'a> {
        let setup = Arc::new(shared.setup(&sheet.folder));
        Defaults { shared, policy: Arc::new(shared.policy()), setup }
    }

    /// The policy of a job, the same one as long as it is equal.
    pub(super) fn policy(&self, of_job: &Shared) -> Arc<Policy> {
        let policy = of_job.policy();
        if policy == *self.policy { Arc::clone(&self.policy) } else { Arc::new(policy) }
    }

    /// The surroundings of a job, likewise.
    pub(super) fn setup(&self, of_job: &Shared, sheet: &Sheet) -> Arc<Setup> {
        let setup = of_job.setup(&sheet.folder);
        if setup == *self.setup { Arc::clone(&self.setup) } else { Arc::new(setup) }
    }
}

#[derive(Clone, Debug, Default)]
struct RetryKeys {
    attempts: Option<NonZeroU32>,
    delay: Option<Duration>,
    factor: Option<f64>,
    delay_max: Option<Duration>,
}

impl Shared {
    /// Says nothing but the zone.
    pub(super) fn in_zone(timezone: Option<Zone>) -> Shared {
        Shared { timezone, ..Shared::default() }
    }

    /// Reads `[defaults]`.
    pub(super) fn read_defaults(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Shared {
        let Some(mut fields) = reader.table(entry, "a table of job keys") else { return Shared::default() };
        let key_span = |key: &str| fields.peek(key).map(|entry| entry.key_span.clone());
        let (overlap, most) = (key_span("overlap"), key_span("max_instances"));
        let shared = Shared::read(reader, &mut fields);
        keys::refuse_rest(reader, fields, Place::Defaults);
        check_overlap(reader, &shared, overlap, most);
        shared
    }

    /// Whether something is said of retries, but not how many there are.
    pub(super) fn retries_without_number(&self) -> bool {
        let RetryKeys { attempts, delay, factor, delay_max } = &self.retry;
        attempts.is_none() && (delay.is_some() || factor.is_some() || delay_max.is_some())
    }

    /// Reads the keys that are there, and takes them out.
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Shared {
        let mut key = |name: &str| fields.take(name);
        Shared {
            timezone: key("timezone").and_then(|entry| reader.zone(&entry)),
            dst: key("dst").map(|entry| dst::read(reader, &entry)).unwrap_or_default(),
            enabled: key("enabled").and_then(|entry| reader.flag(&entry)),
            allow: key("allow").and_then(|entry| read_allow(reader, &entry)),
            group: key("group").and_then(|entry| {
                let text = reader.some_text(&entry, "the name of a group")?;
                reader.name(&text.text, text.span, "group")
            }),
            max_instances: key("max_instances").and_then(|entry| reader.count(&entry)),
            overlap: key("overlap").and_then(|entry| {
                let words = [
                    ("skip", Overlap::Skip),
                    ("queue", Overlap::Queue),
                    ("replace", Overlap::Replace),
                    ("allow", Overlap::Allow),
                ];
                reader.word(&entry, &words)
            }),
            grace: key("misfire_grace_time").and_then(|entry| read_grace(reader, &entry)),
            coalesce: key("coalesce").and_then(|entry| {
                let words =
                    [("latest", Coalesce::Latest), ("earliest", Coalesce::Earliest), ("all", Coalesce::All)];
                reader.word(&entry, &words)
            }),
            jitter: key("jitter").and_then(|entry| reader.duration(&entry, MILLISECOND)),
            timeout: key("timeout").and_then(|entry| reader.duration(&entry, MILLISECOND)),
            stop_signal: key("stop_signal").and_then(|entry| read_signal(reader, &entry)),
            kill_after: key("kill_after").and_then(|entry| reader.duration(&entry, Duration::ZERO)),
            retry: key("retry").map(|entry| RetryKeys::read(reader, &entry)).unwrap_or_default(),
            success_codes: key("success_codes").and_then(|entry| read_codes(reader, &entry)),
            on_orphan: key("on_orphan").and_then(|entry| {
                reader.word(&entry, &[("adopt", OnOrphan::Adopt), ("kill", OnOrphan::Kill)])
            }),
            keep: key("keep").map(|entry| KeepKeys::read(reader, &entry)).unwrap_or_default(),
            shell: key("shell").and_then(|entry| {
                let expected = "a program and its flags, such as [\"bash\", \"-c\"]";
                if let DeValue::String(shell) = entry.value.get_ref() {
                    let hint = format!("write: shell = [\"{shell}\", \"-c\"]");
                    reader.wrong_type(&entry, expected).hint = Some(hint);
                    return None;
                }
                let words: Vec<_> =
                    reader.texts(&entry, expected)?.into_iter().map(|word| word.text).collect();
                if words[0].is_empty() {
                    let message = format!("`shell`: expected {expected}, found an empty text first");
                    reader.fault(Code::BadValue, entry.span(), message);
                    return None;
                }
                Some(words)
            }),
            cwd: key("cwd").and_then(|entry| {
                let cwd = reader.some_text(&entry, "a folder")?;
                Some(reader.sheet.folder.join(cwd.text))
            }),
            inherit_env: key("inherit_env").and_then(|entry| reader.flag(&entry)),
            env_files: key("env_file").and_then(|entry| {
                let files = reader.text_or_texts(&entry, "a file or a list of files")?;
                Some(files.into_iter().map(|file| reader.sheet.folder.join(file.text)).collect())
            }),
            env: key("env").map(|entry| read_env(reader, &entry)).unwrap_or_default(),
            stdin: key("stdin").and_then(|entry| reader.text(&entry, "text")).map(|text| text.text),
            output: key("output").and_then(|entry| {
                let words = [
                    ("all", OutputMode::All),
                    ("failures", OutputMode::Failures),
                    ("none", OutputMode::None),
                ];
                reader.word(&entry, &words)
            }),
            keep_output: key("keep_output").and_then(|entry| reader.size(&entry)),
            rights: Rights::read(reader, fields),
        }
    }

    /// Lays these over `under`: `env`, `dst`, `keep` and `retry` key by key, everything else whole.
    pub(super) fn over(self, under: &Shared) -> Shared {
        let mut env = under.env.clone();
        env.extend(self.env);
        Shared {
            timezone: self.timezone.or_else(|| under.timezone.clone()),
            dst: dst::over(self.dst, under.dst),
            enabled: self.enabled.or(under.enabled),
            allow: self.allow.or_else(|| under.allow.clone()),
            group: self.group.or_else(|| under.group.clone()),
            max_instances: self.max_instances.or(under.max_instances),
            overlap: self.overlap.or(under.overlap),
            grace: self.grace.or(under.grace),
            coalesce: self.coalesce.or(under.coalesce),
            jitter: self.jitter.or(under.jitter),
            timeout: self.timeout.or(under.timeout),
            stop_signal: self.stop_signal.or(under.stop_signal),
            kill_after: self.kill_after.or(under.kill_after),
            retry: self.retry.over(&under.retry),
            success_codes: self.success_codes.or_else(|| under.success_codes.clone()),
            on_orphan: self.on_orphan.or(under.on_orphan),
            keep: self.keep.over(under.keep),
            shell: self.shell.or_else(|| under.shell.clone()),
            cwd: self.cwd.or_else(|| under.cwd.clone()),
            inherit_env: self.inherit_env.or(under.inherit_env),
            env_files: self.env_files.or_else(|| under.env_files.clone()),
            env,
            stdin: self.stdin.or_else(|| under.stdin.clone()),
            rights: self.rights.over(&under.rights),
            output: self.output.or(under.output),
            keep_output: self.keep_output.or(under.keep_output),
        }
    }

    /// The policy that comes of them.
    fn policy(&self) -> Policy {
        let default = Policy::default();
        Policy {
            max_instances: self.max_instances.unwrap_or(default.max_instances),
            overlap: self.overlap.unwrap_or(default.overlap),
            misfire_grace_time: self.grace.unwrap_or(default.misfire_grace_time),
            coalesce: self.coalesce.unwrap_or(default.coalesce),
            jitter: self.jitter,
            timeout: self.timeout,
            ladder: Ladder {
                stop_signal: self.stop_signal.unwrap_or(default.ladder.stop_signal),
                kill_after: self.kill_after.unwrap_or(default.ladder.kill_after),
            },
            retry: self.retry.retry(),
            success_codes: self.success_codes.clone().unwrap_or(default.success_codes),
            group: self.group.clone(),
            on_orphan: self.on_orphan.unwrap_or(default.on_orphan),
            keep: self.keep.over_limits(Keep::default()),
        }
    }

    /// The surroundings that come of them, for a job that is defined in `folder`.
    fn setup(&self, folder: &Path) -> Setup {
        Setup {
            shell: self.shell.clone().unwrap_or_else(|| SHELL.map(String::from).into()),
            cwd: self.cwd.clone().unwrap_or_else(|| folder.to_owned()),
            inherit_env: self.inherit_env.unwrap_or(true),
            env_files: self.env_files.clone().unwrap_or_default(),
            env: self.env.clone(),
            stdin: self.stdin.clone(),
            rights: self.rights.clone(),
            output: self.output.unwrap_or_default(),
            keep_output_bytes: self.keep_output.unwrap_or(KEEP_OUTPUT),
        }
    }
}

impl RetryKeys {
    fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> RetryKeys {
        if matches!(entry.value.get_ref(), DeValue::Integer(_)) {
            return RetryKeys { attempts: reader.count(entry), ..RetryKeys::default() };
        }
        let expected = "a number of attempts, or { attempts = 3, delay = \"10s\" }";
        let Some(mut fields) = reader.table(entry, expected) else { return RetryKeys::default() };
        let keys = RetryKeys {
            attempts: fields.take("attempts").and_then(|entry| reader.count(&entry)),
            delay: fields.take("delay").and_then(|entry| reader.duration(&entry, Duration::ZERO)),
            factor: fields.take("factor").and_then(|entry| reader.factor(&entry)),
            delay_max: fields.take("max_delay").and_then(|entry| reader.duration(&entry, Duration::ZERO)),
        };
        keys::refuse_rest(reader, fields, Place::Retry);
        keys
    }

    fn over(self, under: &RetryKeys) -> RetryKeys {
        RetryKeys {
            attempts: self.attempts.or(under.attempts),
            delay: self.delay.or(under.delay),
            factor: self.factor.or(under.factor),
            delay_max: self.delay_max.or(under.delay_max),
        }
    }

    fn retry(&self) -> Retry {
        match self.attempts {
            Some(attempts) if attempts.get() > 1 => Retry::Backoff {
                attempts,
                delay: self.delay.unwrap_or(RETRY_DELAY),
                factor: self.factor.unwrap_or(RETRY_FACTOR),
                delay_max: self.delay_max.unwrap_or(RETRY_DELAY_MAX),
            },
            _ => Retry::Never,
        }
    }
}

fn read_grace(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Grace> {
    match entry.value.get_ref() {
        DeValue::String(text) if text == "none" => Some(Grace::Any),
        _ => reader.duration(entry, Duration::ZERO).map(Grace::Within),
    }
}

/// `"TERM"`, `"SIGTERM"`, in any case.
fn read_signal(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Signal> {
    const SIGNALS: [(&str, Signal); 7] = [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("HUP", Signal::HUP),
        ("QUIT", Signal::QUIT),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("KILL", Signal::KILL),
    ];
    let text = reader.text(entry, "the name of a signal such as \"TERM\"")?;
    let upper = text.text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let found = SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal);
    if found.is_none() {
        let names = SIGNALS.map(|(name, _)| name);
        let message = format!("`stop_signal`: expected one of {}, found `{}`", names.join(", "), text.text);
        let meant = nearest(name, names.into_iter()).map(|name| format!("did you mean \"{name}\"?"));
        reader.fault(Code::BadValue, text.span, message).hint = meant;
    }
    found
}

fn read_codes(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Vec<u8>> {
    const EXPECTED: &str = "a list of exit codes from 0 to 255, such as [0, 3]";
    let DeValue::Array(items) = entry.value.get_ref() else {
        reader.wrong_type(entry, EXPECTED);
        return None;
    };
    let code = |item: &toml::Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::Integer(number) => u8::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    let mut codes = items.iter().map(code).collect::<Option<Vec<u8>>>().filter(|codes| !codes.is_empty());
    match &mut codes {
        Some(codes) => codes.sort_unstable(),
        None => {
            let message = format!("`success_codes`: expected {EXPECTED}, found {}", reader.written(entry));
            reader.fault(Code::BadValue, entry.span(), message);
        }
    }
    codes
}

/// Values are never shown: they may be secret.
fn read_env(reader: &mut Reader<'_>, entry: &Entry<'_>) -> BTreeMap<String, String> {
    let expected = "a table of variables, such as { LANG = \"C\" }";
    let Some(fields) = reader.table(entry, expected) else { return BTreeMap::new() };
    let mut env = BTreeMap::new();
    for variable in fields.rest() {
        if variable.key.is_empty() || variable.key.contains(['=', '\0']) {
            let message = "the name of a variable: expected at least one character, and no `=` or NUL";
            reader.fault(Code::BadName, variable.key_span, message);
        } else if !matches!(variable.value.get_ref(), DeValue::String(_)) {
            let message = format!("`{}`: expected text, found another type of value", variable.key);
            let fault = reader.fault(Code::WrongType, variable.key_span, message);
            (fault.excerpt, fault.hint) = (None, Some("write it in quotes".into()));
        } else if let Some(value) = reader.text(&variable, "text") {
            env.insert(variable.key.to_owned(), value.text);
        }
    }
    env
}

/// Warnings that are not to be told.
fn read_allow(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<Vec<Code>> {
    let texts = reader.texts(entry, "a list of warnings, such as [\"uneven-step\"]")?;
    let warning = |code: &&Code| code.severity() == super::Severity::Warning;
    let mut allowed = Vec::new();
    for text in texts {
        match Code::ALL.iter().find(|code| code.as_str() == text.text) {
            Some(code) if warning(&code) => allowed.push(*code),
            Some(_) => {
                let message = format!("`{}` is an error, and cannot be allowed", text.text);
                reader.fault(Code::BadValue, text.span, message);
            }
            None => {
                let known = Code::ALL.iter().filter(warning).map(|code| code.as_str());
                let meant = nearest(&text.text, known).map(|code| format!("did you mean \"{code}\"?"));
                let message = format!("`allow`: expected the code of a warning, found `{}`", text.text);
                reader.fault(Code::BadValue, text.span, message).hint = meant;
            }
        }
    }
    Some(allowed)
}

/// `overlap = "allow"` has no limit, so that a limit beside it means something else.
pub(super) fn check_overlap(
    reader: &mut Reader<'_>,
    shared: &Shared,
    own_overlap: Option<Range<usize>>,
    own_max: Option<Range<usize>>,
) {
    if shared.overlap != Some(Overlap::Allow) || shared.max_instances.is_none() {
        return;
    }
    let from = |own: &Option<Range<usize>>| if own.is_some() { "" } else { " (from [defaults])" };
    let message = format!(
        "`overlap = \"allow\"`{} has no limit, but `max_instances`{} sets one",
        from(&own_overlap),
        from(&own_max)
    );
    let hint = "take max_instances out, or write: overlap = \"skip\"";
    // A job that inherits both has nothing to point at; the fault was told where one of them is set.
    if let Some(span) = own_max.or(own_overlap) {
        reader.fault_with_hint(Code::Conflict, span, message, hint);
    }
}
