//! The pages below `docs/`: what they say of every row, and that the tests they name are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::read_to_string(path).expect("a page")
}

/// The rows of all tables of a page, without their headings: those that begin with a letter and a number.
fn rows(page: &str) -> Vec<Vec<&str>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>())
        .filter(|row| row[0].len() > 1 && row[0][1..].bytes().all(|byte| byte.is_ascii_digit()))
        .collect()
}

/// `T1` to `T16` and so on.
fn ids(series: &[(char, usize)]) -> Vec<String> {
    series.iter().flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}{n}"))).collect()
}

#[test]
fn everything_that_apscheduler_offers_has_its_row() {
    let page = page("apscheduler.md");
    let rows = rows(&page);
    let named: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(named, ids(&[('T', 16), ('J', 15), ('S', 20), ('E', 10), ('X', 6), ('F', 11)]));
    for row in rows {
        let [id, there, here, place] = row[..] else { panic!("expected four cells: {row:?}") };
        assert!(["provided", "better", "left out"].contains(&here), "{id}: {here}");
        assert!(!there.is_empty() && place.len() > 10, "{id} says nothing");
    }
}

#[test]
fn every_requirement_and_every_defect_names_tests_that_there_are() {
    let page = page("embedding.md");
    let rows = rows(&page);
    let named: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(named, ids(&[('R', 30), ('D', 16)]));
    let mut tests = BTreeSet::new();
    for row in rows {
        let [id, _, .., shown] = row[..] else { panic!("expected three cells or more: {row:?}") };
        let paths: Vec<_> = shown.split('`').skip(1).step_by(2).filter(|word| word.contains("::")).collect();
        assert!(!paths.is_empty(), "{id} names no test");
        tests.extend(paths);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for test in tests {
        let (file, name) = test.rsplit_once("::").expect("a path");
        let path = root.join(file.replace("::", "/")).with_extension("rs");
        let code = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(code.contains(&format!("#[test]\nfn {name}() {{")), "there is no test `{test}`");
    }
}
