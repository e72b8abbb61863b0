//! The words of the job file: which there are, which are planned, and which belong to neighbouring tools.

use super::fault::Code;
use super::value::{Entry, Fields, Reader};
use crate::model::Name;
use toml::de::DeValue;

/// Where a key stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Top,
    Runner,
    Defaults,
    Job,
    Group,
    Retry,
    After,
    Ulimits,
    Dst,
    Keep,
}

const TOP: &[&str] = &["runner", "defaults", "groups", "jobs", "include"];
const RUNNER: &[&str] =
    &["timezone", "ledger", "name", "keep", "max_running", "shutdown_grace", "seed", "include"];
/// Keys of a job that `[defaults]` may have too.
pub(super) const SHARED: &[&str] = &[
    "timezone",
    "dst",
    "shell",
    "cwd",
    "env",
    "env_file",
    "inherit_env",
    "stdin",
    "user",
    "umask",
    "nice",
    "ulimits",
    "output",
    "keep_output",
    "enabled",
    "max_instances",
    "overlap",
    "misfire_grace_time",
    "coalesce",
    "jitter",
    "timeout",
    "stop_signal",
    "kill_after",
    "retry",
    "success_codes",
    "group",
    "on_orphan",
    "keep",
    "allow",
];
/// Keys that say what a job does and when.
const OWN: &[&str] = &[
    "description",
    "command",
    "script",
    "task",
    "args",
    "cron",
    "calendar",
    "interval",
    "short_month",
    "every",
    "at",
    "startup",
    "after",
    "start",
    "end",
];
const GROUP: &[&str] = &["max_running"];
const RETRY: &[&str] = &["attempts", "delay", "factor", "max_delay"];
const AFTER: &[&str] = &["jobs", "on", "any"];
const DST: &[&str] = &["gap", "fold"];
const KEEP: &[&str] = &["runs", "age", "bytes"];
const ULIMITS: &[&str] = &["nofile", "core", "nproc", "fsize", "cpu", "as"];

/// Keys that are planned, with where they belong.
const LATER: &[&str] = &["listen", "notify", "filter"];

/// All keys of this release.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    [TOP, RUNNER, SHARED, OWN, GROUP, RETRY, AFTER, DST, KEEP].into_iter().flatten().copied()
}

/// Makes a fault of every entry that nobody has taken.
pub(super) fn refuse_rest(reader: &mut Reader<'_>, rest: Fields<'_>, place: Place) {
    for entry in rest.rest() {
        refuse(reader, &entry, place);
    }
}

fn refuse(reader: &mut Reader<'_>, entry: &Entry<'_>, place: Place) {
    let (key, span) = (entry.key, entry.key_span.clone());
    let written = reader.written(entry);
    let written = written.trim_matches('`');
    let in_job = matches!(place, Place::Job | Place::Defaults);
    if place == Place::Defaults && OWN.contains(&key) {
        let message = format!("`{key}` says what a job does or when, and cannot stand in [defaults]");
        reader.fault_with_hint(Code::Misplaced, span, message, "give it to each job");
    } else if let Some(hint) = foreign(key, written).filter(|_| in_job) {
        reader.fault_with_hint(Code::ForeignKey, span, format!("`{key}` is a word of another tool"), hint);
    } else if LATER.contains(&key) && place != Place::Top {
        let message = format!("`{key}` is not there yet");
        let hint = later_hint(key).unwrap_or("this release does not know it; take it out");
        reader.fault_with_hint(Code::NotYet, span, message, hint);
    } else if place == Place::Job && key == "name" {
        let message = "unknown key `name` in a job";
        let hint = "a job's name is that of its table, [jobs.NAME]; `description` says more";
        reader.fault_with_hint(Code::UnknownKey, span, message, hint);
    } else if place == Place::Job && matches!(entry.value.get_ref(), DeValue::Table(_)) {
        refuse_nested_job(reader, entry);
    } else {
        let known = known(place);
        let message = format!("unknown key `{key}`{}", within(place));
        let hint = match nearest(key, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => elsewhere(key).unwrap_or_else(|| format!("the keys here are {}", known.join(", "))),
        };
        reader.fault_with_hint(Code::UnknownKey, span, message, hint);
    }
}

fn known(place: Place) -> Vec<&'static str> {
    match place {
        Place::Top => TOP.to_vec(),
        Place::Runner => RUNNER.to_vec(),
        Place::Defaults => SHARED.to_vec(),
        Place::Job => [OWN, SHARED].concat(),
        Place::Group => GROUP.to_vec(),
        Place::Retry => RETRY.to_vec(),
        Place::After => AFTER.to_vec(),
        Place::Ulimits => ULIMITS.to_vec(),
        Place::Dst => DST.to_vec(),
        Place::Keep => KEEP.to_vec(),
    }
}

fn within(place: Place) -> &'static str {
    match place {
        Place::Top => "",
        Place::Runner => " in [runner]",
        Place::Defaults => " in [defaults]",
        Place::Job => " in a job",
        Place::Group => " in a group",
        Place::Retry => " in retry",
        Place::After => " in after",
        Place::Ulimits => " in ulimits",
        Place::Dst => " in dst",
        Place::Keep => " in keep",
    }
}

/// Where a known key belongs that stands in the wrong table.
fn elsewhere(key: &str) -> Option<String> {
    let table = if key == "max_running" {
        "[runner] or in a group, such as [groups.database]"
    } else if RUNNER.contains(&key) {
        "[runner]"
    } else if OWN.contains(&key) || SHARED.contains(&key) {
        "a job, such as [jobs.backup]"
    } else {
        return None;
    };
    Some(format!("it belongs in {table}"))
}

fn later_hint(key: &str) -> Option<&'static str> {
    Some(match key {
        "notify" => "call what notifies in the command",
        _ => return None,
    })
}

/// The line to write for a key of a neighbouring tool (GitHub Actions, Kubernetes, systemd, Ofelia, Dkron,
/// Airflow), with the user's own value.
fn foreign(key: &str, written: &str) -> Option<String> {
    let plain = written.trim_matches('"');
    let write = |line: String| Some(format!("write: {line}"));
    match key {
        "schedule" if plain.starts_with("@every ") => write(format!("every = \"{}\"", plain[7..].trim())),
        "schedule" => write(format!("cron = {written}")),
        "OnCalendar" | "on_calendar" => write(format!("calendar = {written}")),
        "run" | "cmd" | "exec" => write(format!("command = {written}")),
        "working_dir" | "working-directory" | "workdir" | "dir" => write(format!("cwd = {written}")),
        "environment" => write(format!("env = {written}")),
        "tz" | "timeZone" | "time_zone" => write(format!("timezone = {written}")),
        "retries" | "backoffLimit" => {
            let attempts = plain.parse::<u32>().ok().and_then(|retries| retries.checked_add(1));
            let attempts = attempts.map_or("4".to_owned(), |attempts| attempts.to_string());
            Some(format!("write: retry = {attempts} (all attempts, the first included)"))
        }
        "concurrencyPolicy" => match plain {
            "Replace" => write("overlap = \"replace\"".into()),
            "Allow" => write("overlap = \"allow\"".into()),
            _ => write("overlap = \"skip\"".into()),
        },
        "needs" | "depends_on" => write(format!("after = {written}")),
        "suspend" | "disabled" => {
            write(format!("enabled = {}", if plain == "false" { "true" } else { "false" }))
        }
        "persistent" | "Persistent" | "catchup" => Some(match plain {
            "false" => {
                "write: misfire_grace_time = \"1s\" (missed fire times are made up for by default)".into()
            }
            _ => "take it out: missed fire times are made up for by default, as far as misfire_grace_time"
                .into(),
        }),
        "startingDeadlineSeconds" => write(format!("misfire_grace_time = \"{plain}s\"")),
        "RandomizedDelaySec" => write(format!("jitter = \"{}\"", seconds(plain))),
        "activeDeadlineSeconds" => write(format!("timeout = \"{plain}s\"")),
        _ => None,
    }
}

/// systemd's bare numbers are seconds.
fn seconds(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { format!("{text}s") } else { text.to_owned() }
}

/// The line to write for a value that other tools use with a key of ours.
pub(super) fn hint_for_word(key: &str, found: &str) -> Option<String> {
    let word = match (key, found.to_ascii_lowercase().as_str()) {
        ("coalesce", "true") => "coalesce = \"latest\"",
        ("coalesce", "false") => "coalesce = \"all\"",
        ("overlap", "forbid" | "false" | "no") => "overlap = \"skip\"",
        ("overlap", "true" | "yes") => "overlap = \"allow\"",
        ("overlap", "wait") => "overlap = \"queue\"",
        ("on", "succeeded" | "ok" | "true") => "on = \"success\"",
        ("on", "failed" | "error" | "false") => "on = \"failure\"",
        ("on", "finished" | "always" | "done" | "any" | "exit") => "on = \"finish\"",
        ("on_orphan", "stop" | "terminate" | "end" | "true") => "on_orphan = \"kill\"",
        ("on_orphan", "keep" | "wait" | "ignore" | "leave" | "false") => "on_orphan = \"adopt\"",
        ("output", "true" | "always") => "output = \"all\"",
        ("output", "false" | "never") => "output = \"none\"",
        ("output", "on_failure" | "failure" | "errors") => "output = \"failures\"",
        ("gap", "shift" | "forward" | "run" | "true") => "gap = \"after\"",
        ("gap", "none" | "never" | "false") => "gap = \"skip\"",
        ("fold", "once" | "earlier" | "false") => "fold = \"first\"",
        ("fold", "second" | "later") => "fold = \"last\"",
        ("fold", "twice" | "all" | "true") => "fold = \"both\"",
        _ => return None,
    };
    Some(format!("write: {word}"))
}

/// Whether the entry was written as `[[jobs]]`.
pub(super) fn is_array_of_tables(entry: &Entry<'_>) -> bool {
    let DeValue::Array(items) = entry.value.get_ref() else { return false };
    items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(_)))
}

pub(super) fn refuse_jobs_array(reader: &mut Reader<'_>, entry: &Entry<'_>) {
    let DeValue::Array(items) = entry.value.get_ref() else { return };
    for item in items {
        let DeValue::Table(table) = item.get_ref() else { continue };
        let mut fields = Fields::of(table);
        let name = fields.take("name").and_then(|name| name.value.get_ref().as_str().map(str::to_owned));
        let hint = format!("write: [jobs.{}]", name.as_deref().unwrap_or("NAME"));
        let message = "expected a job's name in its table's head, found [[jobs]]";
        reader.fault_with_hint(Code::WrongType, item.span(), message, hint);
    }
}

/// `[jobs.db.vacuum]`: a table in a job that looks like a job itself.
fn refuse_nested_job(reader: &mut Reader<'_>, entry: &Entry<'_>) {
    let message = format!("a job's name has no dot, and a job no table `{}`", entry.key);
    let first = reader.job().map_or("NAME", Name::as_str);
    let hint = format!("write the two parts as one name, with a dash: [jobs.{first}-{}]", entry.key);
    reader.fault_with_hint(Code::BadName, entry.key_span.clone(), message, hint);
}

/// Returns the word that was likely meant.
pub(super) fn nearest<'w>(found: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let found = plain(found);
    let length = found.chars().count();
    let close = |word: &&str| strsim::damerau_levenshtein(&found, &plain(word));
    let far = |word: &str| (word.len().max(found.len())).div_ceil(3).min(3);
    // Texts are as far apart as their lengths, at least; very long ones are not compared.
    let near = |word: &&str| word.chars().count().abs_diff(length) <= 3 && close(word) <= far(word);
    words.filter(near).min_by_key(close)
}
