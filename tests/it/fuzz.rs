//! What is fuzzed, with the inputs that are kept: the seeds of each target, and whatever once went wrong.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use targets::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name in UTF-8");
    entries.map(|entry| name(entry.expect("an entry"))).collect()
}

/// Gives a target each file of a folder, in the order of their names.
fn replay(folder: &Path, target: targets::Target) {
    let names = names(folder);
    assert!(!names.is_empty(), "{} is empty", folder.display());
    for name in names {
        let path = folder.join(name);
        // A panic shows behind it which file it was.
        println!("{}", path.display());
        target(&fs::read(&path).expect("a file"));
    }
}

#[test]
fn what_holds_of_any_input_holds_of_the_seeds() {
    let known = TARGETS.map(|(name, _)| name.to_owned());
    assert_eq!(names(&folder("seeds")), BTreeSet::from(known.clone()));
    assert_eq!(names(&folder("fuzz_targets")), known.map(|name| format!("{name}.rs")).into());
    for (name, target) in TARGETS {
        replay(&folder("seeds").join(name), target);
    }
}

#[test]
fn what_fuzzing_has_found_stays_mended() {
    let found = names(&folder("found"));
    assert!(!found.is_empty());
    for name in found {
        let (_, target) = TARGETS.into_iter().find(|(target, _)| *target == name).expect("a target");
        replay(&folder("found").join(name), target);
    }
}
