//! `dst`: what a job wants where its clock is put forward or back.

use super::keys::{self, Place};
use super::value::{Entry, Reader};
use crate::trigger::{Dst, Fold, Gap};

/// Reads `{ gap = "skip", fold = "both" }`, of which either may be left out.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Dst {
    let expected = "a table such as { gap = \"after\", fold = \"first\" }";
    let Some(mut fields) = reader.table(entry, expected) else { return Dst::default() };
    let gap = [("after", Gap::After), ("skip", Gap::Skip)];
    let fold = [("first", Fold::First), ("last", Fold::Last), ("both", Fold::Both)];
    let dst = Dst {
        gap: fields.take("gap").and_then(|entry| reader.word(&entry, &gap)),
        fold: fields.take("fold").and_then(|entry| reader.word(&entry, &fold)),
    };
    keys::refuse_rest(reader, fields, Place::Dst);
    dst
}

/// Lays a job's own choice over that of its file.
pub(super) fn over(own: Dst, under: Dst) -> Dst {
    Dst { gap: own.gap.or(under.gap), fold: own.fold.or(under.fold) }
}
