//! `user`, `umask`, `nice` and `ulimits`: who a job's processes are, and what they may use.

use super::Host;
use super::fault::Code;
use super::keys::{self, Place};
use super::value::{Entry, Fields, Reader};
use crate::model::{Limit, Resource, Rights, User};
use std::ops::Range;
use std::time::Duration;
use toml::de::DeValue;

const UNLIMITED: &str = "unlimited";

impl Rights {
    /// Reads the keys that are there, and takes them out.
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Rights {
        let mut rights = Rights {
            user: fields.take("user").and_then(|entry| read_user(reader, &entry)),
            umask: fields.take("umask").and_then(|entry| read_umask(reader, &entry)),
            nice: fields.take("nice").and_then(|entry| reader.number(&entry, -20..=19)),
            ..Rights::default()
        };
        if let Some(entry) = fields.take("ulimits") {
            read_limits(reader, &entry, &mut rights);
        }
        rights
    }

    /// Lays these over `under`: `ulimits` key by key.
    pub(super) fn over(self, under: &Rights) -> Rights {
        let mut limits = under.limits.clone();
        limits.extend(self.limits);
        Rights {
            user: self.user.or_else(|| under.user.clone()),
            umask: self.umask.or(under.umask),
            nice: self.nice.or(under.nice),
            limits,
        }
    }
}

fn read_user(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<User> {
    const EXPECTED: &str = "a user such as \"app\", or a user and a group such as \"app:staff\"";
    let text = reader.some_text(entry, EXPECTED)?;
    let Some(user) = User::parse(&text.text) else {
        let message = format!("`user`: expected {EXPECTED}, found `{}`", text.text);
        reader.fault(Code::BadValue, text.span, message);
        return None;
    };
    if let Some(host) = reader.host() {
        judge_user(reader, &user, host, text.span);
    }
    Some(user)
}

/// Only root can become somebody else, and only somebody who is there.
fn judge_user(reader: &mut Reader<'_>, user: &User, host: &Host, span: Range<usize>) {
    if !host.is_root {
        let message = format!("a runner that is not root cannot run anything as `{user}`");
        let hint = "start the runner as root, or take `user` out; `check --no-host` does not judge this";
        reader.fault_with_hint(Code::NotRoot, span, message, hint);
    } else if let Err(error) = reader.find_user(host, user) {
        let hint = "make it before the runner starts; `check --no-host` does not judge this";
        reader.fault_with_hint(Code::UnknownUser, span, format!("`user`: {error}"), hint);
    }
}

/// Octal digits in quotes: of a bare number nobody knows whether it is meant in octal.
fn read_umask(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<u32> {
    const EXPECTED: &str = "octal text from \"000\" to \"777\"";
    if let DeValue::Integer(number) = entry.value.get_ref() {
        let hint = format!("write: umask = \"{:0>3}\"", number.as_str());
        reader.wrong_type(entry, EXPECTED).hint = Some(hint);
        return None;
    }
    let text = reader.text(entry, EXPECTED)?;
    let digits = (1..=4).contains(&text.text.len()) && text.text.bytes().all(|byte| byte.is_ascii_digit());
    let umask = u32::from_str_radix(&text.text, 8).ok().filter(|umask| digits && *umask <= 0o777);
    if umask.is_none() {
        let message = format!("`umask`: expected {EXPECTED}, found `{}`", text.text);
        reader.fault(Code::BadValue, text.span, message);
    }
    umask
}

fn read_limits(reader: &mut Reader<'_>, entry: &Entry<'_>, rights: &mut Rights) {
    let Some(mut fields) = reader.table(entry, "a table of limits, such as { nofile = 1024 }") else {
        return;
    };
    for resource in Resource::ALL {
        let limit = fields.take(resource.as_str()).and_then(|entry| read_limit(reader, &entry, resource));
        rights.limits.extend(limit.map(|limit| (resource, limit)));
    }
    keys::refuse_rest(reader, fields, Place::Ulimits);
}

/// A bare number is in the unit of setrlimit(2).
fn read_limit(reader: &mut Reader<'_>, entry: &Entry<'_>, resource: Resource) -> Option<Limit> {
    match entry.value.get_ref() {
        DeValue::Integer(number) => {
            let most = u64::from_str_radix(number.as_str(), number.radix()).ok();
            if most.is_none() {
                let message = format!("`{}`: expected 0 or more, found {number}", entry.key);
                reader.fault(Code::BadValue, entry.span(), message);
            }
            return most.map(Limit::AtMost);
        }
        DeValue::String(text) if text == UNLIMITED => return Some(Limit::Unlimited),
        DeValue::String(_) => {}
        _ => {
            reader.wrong_type(entry, expected(resource));
            return None;
        }
    }
    match resource {
        Resource::Nofile | Resource::Nproc => {
            let written = reader.written(entry);
            let plain = written.trim_matches(['`', '"']);
            let hint = plain.parse::<u64>().ok().map(|number| format!("write: {} = {number}", entry.key));
            reader.wrong_type(entry, expected(resource)).hint = hint;
            None
        }
        Resource::Core | Resource::Fsize | Resource::As => reader.size(entry).map(Limit::AtMost),
        Resource::Cpu => {
            let time = reader.duration(entry, Duration::from_secs(1))?;
            Some(Limit::AtMost(time.as_secs() + u64::from(time.subsec_nanos() > 0)))
        }
    }
}

fn expected(resource: Resource) -> &'static str {
    match resource {
        Resource::Nofile | Resource::Nproc => "a number, or \"unlimited\"",
        Resource::Core | Resource::Fsize | Resource::As => "a size such as \"64MiB\", or \"unlimited\"",
        Resource::Cpu => "a duration such as \"10s\", or \"unlimited\"",
    }
}
