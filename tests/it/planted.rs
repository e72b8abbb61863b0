//! The planted faults of `tests/planted` fit the code, so that `tests/planted/run` plants what it says.

use std::fs;
use std::path::Path;

/// What a patch takes for granted: which file, and which lines one after another in each of its places.
fn expected(patch: &str) -> (&str, Vec<String>) {
    let file = patch.lines().find_map(|line| line.strip_prefix("--- ")).expect("a file");
    let (_, places) = patch.split_once("\n@@").expect("a place");
    let is_before = |line: &&str| line.starts_with([' ', '-']) || line.is_empty();
    let before = |place: &str| {
        let lines = place.lines().skip(1).filter(is_before);
        lines.map(|line| line.get(1..).unwrap_or_default().to_owned() + "\n").collect::<String>()
    };
    (file, places.split("\n@@").map(before).collect())
}

#[test]
fn every_planted_fault_fits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in fs::read_dir(root.join("tests/planted")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        count += 1;
        let text = fs::read_to_string(&path).expect("a patch");
        let (file, places) = expected(&text);
        let code = fs::read_to_string(root.join(file)).expect("its file");
        for place in places {
            assert!(code.contains(&place), "{}: {file} has no longer\n{place}", path.display());
        }
    }
    assert!(count >= 12, "there are {count} planted faults");
}
