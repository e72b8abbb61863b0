//! `keep`: how much of the past the ledger keeps, of a job and of all together.

use super::fault::Code;
use super::keys::{self, Place};
use super::value::{Entry, Reader};
use crate::model::Keep;
use std::time::Duration;
use toml::de::DeValue;

/// The word for no limit, to be written over one that would hold otherwise.
const UNLIMITED: &str = "unlimited";

/// A limit as it is written.
#[derive(Clone, Copy, Debug)]
enum Most<T> {
    Unlimited,
    Of(T),
}

/// What is said of how much to keep. `None`: not said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeepKeys {
    runs: Option<Most<u64>>,
    age: Option<Most<Duration>>,
    bytes: Option<Most<u64>>,
}

impl KeepKeys {
    /// Reads `{ runs = 1000, age = "90d", bytes = "256MiB" }`, of which any may be left out.
    pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> KeepKeys {
        let expected = "a table such as { runs = 1000, age = \"90d\", bytes = \"256MiB\" }";
        let Some(mut fields) = reader.table(entry, expected) else { return KeepKeys::default() };
        let keep = KeepKeys {
            runs: fields.take("runs").and_then(|entry| most(reader, &entry, read_runs)),
            age: fields.take("age").and_then(|entry| {
                most(reader, &entry, |reader, entry| reader.duration(entry, Duration::from_secs(1)))
            }),
            bytes: fields.take("bytes").and_then(|entry| most(reader, &entry, read_bytes)),
        };
        keys::refuse_rest(reader, fields, Place::Keep);
        keep
    }

    /// Lays these over `under`, key by key.
    pub(super) fn over(self, under: KeepKeys) -> KeepKeys {
        KeepKeys {
            runs: self.runs.or(under.runs),
            age: self.age.or(under.age),
            bytes: self.bytes.or(under.bytes),
        }
    }

    /// Lays these over the limits that hold where nothing is said.
    pub(super) fn over_limits(self, default: Keep) -> Keep {
        fn limit<T>(said: Option<Most<T>>, default: Option<T>) -> Option<T> {
            match said {
                Some(Most::Of(limit)) => Some(limit),
                Some(Most::Unlimited) => None,
                None => default,
            }
        }
        Keep {
            runs: limit(self.runs, default.runs),
            age: limit(self.age, default.age),
            bytes: limit(self.bytes, default.bytes),
        }
    }
}

fn most<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_>,
    read: impl Fn(&mut Reader<'_>, &Entry<'_>) -> Option<T>,
) -> Option<Most<T>> {
    match entry.value.get_ref() {
        DeValue::String(text) if text == UNLIMITED => Some(Most::Unlimited),
        _ => read(reader, entry).map(Most::Of),
    }
}

fn read_runs(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<u64> {
    reader.count(entry).map(|runs| runs.get().into())
}

/// Of nothing at all is no record left, so that it is no limit that somebody means.
fn read_bytes(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<u64> {
    let bytes = reader.size(entry)?;
    if bytes == 0 {
        let message =
            format!("`{}`: expected a size of 1 byte or more, found {}", entry.key, reader.written(entry));
        reader.fault(Code::BadSize, entry.span(), message);
        return None;
    }
    Some(bytes)
}
