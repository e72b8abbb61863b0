//! Fields of a cron that say in a roundabout way what a shorter text says too.

use super::compile::compile;
use super::field::{self, Field, Kind};
use super::parse::{Fields, kinds, parse, split};
use crate::trigger::Note;
use crate::trigger::piece::Piece;

/// So many values make a step within a range simpler than their list.
const STEPPED_MIN: usize = 5;

/// The fields for which something shorter could be written: judged by what fires, so that where a `*` would make a
/// fixed time a recurring one it is not suggested.
pub(super) fn roundabout(text: &str, fields: &Fields) -> Vec<Note> {
    let pieces = split(text);
    let kinds = kinds(pieces.len()).unwrap_or_default();
    let compiled = compile(fields);
    let fires_alike = |at: usize, instead: &str| {
        let word =
            |(index, piece): (usize, &Piece<'_>)| if index == at { instead } else { piece.text }.to_owned();
        let simpler = pieces.iter().enumerate().map(word).collect::<Vec<_>>().join(" ");
        parse(&simpler, 0).is_ok_and(|simpler| compile(&simpler).fires_like(&compiled))
    };
    let note = |(at, (kind, piece)): (usize, (&Kind, &Piece<'_>))| {
        let shorter = shorter(kind, *piece);
        let instead = shorter.into_iter().find(|instead| fires_alike(at, instead))?;
        Some(Note::Roundabout { span: piece.span(), field: kind.name, instead })
    };
    kinds.iter().zip(&pieces).enumerate().filter_map(note).collect()
}

/// Shorter texts with the same values, simplest first.
fn shorter(kind: &Kind, piece: Piece<'_>) -> Vec<String> {
    let plain = piece.text.contains([',', '-', '/']);
    let Ok(field) = field::read(kind, piece, 0, &mut Vec::new()) else { return Vec::new() };
    if !plain || field.is_drawn || !field.has_only_values() {
        return Vec::new();
    }
    let length = piece.text.split([',', '-', '/']).map(without_zeros).map(str::len).sum::<usize>()
        + piece.text.matches([',', '-', '/']).count();
    let by_name = piece.text.contains(|c: char| c.is_ascii_alphabetic());
    let texts = texts(kind, &field, by_name);
    texts.into_iter().filter(|text| text.len() < length).collect()
}

/// `09` is not longer than `9`.
fn without_zeros(number: &str) -> &str {
    let short = number.trim_start_matches('0');
    if short.is_empty() && !number.is_empty() { "0" } else { short }
}

/// Ways to write the values of a field, simplest first.
fn texts(kind: &Kind, field: &Field, by_name: bool) -> Vec<String> {
    let values: Vec<u16> =
        (kind.first..=kind.top()).filter(|value| field.values.has(kind.bit(*value))).collect();
    let (Some(first), Some(last)) = (values.first().copied(), values.last().copied()) else {
        return Vec::new();
    };
    let name = |value: u16| kind.written(value, by_name);
    let step = values.get(1).map_or(1, |second| second - first);
    let even = values.windows(2).all(|pair| pair[1] - pair[0] == step);
    let to_the_end = even && first == kind.first && kind.top() - last < step;
    let mut texts = Vec::new();
    if to_the_end {
        texts.push(if step == 1 { "*".to_owned() } else { format!("*/{step}") });
    }
    if even && step > 1 && values.len() >= STEPPED_MIN {
        texts.push(format!("{}-{}/{step}", name(first), name(last)));
    }
    let runs = values.chunk_by(|before, after| before + 1 == *after);
    let words = runs.map(|run| match run {
        [first, _, .., last] => format!("{}-{}", name(*first), name(*last)),
        few => few.iter().map(|value| name(*value)).collect::<Vec<_>>().join(","),
    });
    texts.push(words.collect::<Vec<_>>().join(","));
    texts
}
