//! The README: its commands are run, its job files checked, its outputs compared. And the example beside it.

use crate::case::Case;
use runner::{Scheduler, Tasks};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A fenced block: its language and its lines.
struct Block {
    language: String,
    lines: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blocks() -> Vec<Block> {
    let text = fs::read_to_string(root().join("README.md")).expect("the README");
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) if !inside => {
                blocks.push(Block { language: language.into(), lines: Vec::new() });
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => blocks.last_mut().expect("it is inside one").lines.push(line.into()),
            None => {}
        }
    }
    blocks
}

/// A folder in which a reader follows the README: `runner` is on the PATH, and `start` ends by itself.
struct Reader {
    folder: TempDir,
}

impl Reader {
    fn new() -> Reader {
        let folder = tempfile::tempdir().expect("a folder");
        let runner = folder.path().join("bin/runner");
        fs::create_dir(folder.path().join("bin")).expect("a folder");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_runner"), runner).expect("a link");
        fs::copy(root().join("jobs.example.toml"), folder.path().join("jobs.example.toml")).expect("a copy");
        Reader { folder }
    }

    fn jobs(&self, text: &str) {
        fs::write(self.folder.path().join("jobs.toml"), text).expect("a file");
    }

    #[track_caller]
    fn run(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.folder.path().join("bin").display());
        command.args(["-ec", line]).current_dir(self.folder.path()).env("PATH", path);
        command.env("RUNNER_FOR", "1s").env("TZ", "UTC").env_remove("RUNNER_FILE");
        command.env("RUNNER_STATE_DIR", self.folder.path().join("state"));
        let output = command.output().expect("its end");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "`{line}`:\n{stdout}\n{stderr}");
        stdout
    }
}

/// What `cargo run --release --` and `cargo install` come to in a test, and what cannot be run in one.
fn without_cargo(line: &str) -> Option<String> {
    match line.split_once("cargo run --release -- ") {
        Some((before, after)) => Some(format!("{before}runner {after}")),
        None if line.starts_with("cargo install --path .") || line.starts_with("tests/run") => None,
        None => Some(line.to_owned()),
    }
}

#[test]
fn its_commands_work_and_its_job_files_are_sound() {
    let reader = Reader::new();
    let mut ran = 0;
    for block in blocks() {
        match &*block.language {
            "toml" if block.lines.iter().any(|line| line.starts_with("task = ")) => {
                reader.jobs(&block.lines.join("\n"));
                let tasks = Tasks::new().add("send_mail", |_, _: BTreeMap<String, u64>| async {});
                let path = reader.folder.path().join("jobs.toml");
                drop(Scheduler::from_file(path, tasks.expect("a new name")).expect("a sound file"));
            }
            "toml" => {
                reader.jobs(&block.lines.join("\n"));
                reader.run("runner check --no-host jobs.toml");
            }
            "sh" => {
                for line in block.lines.iter().filter_map(|line| without_cargo(line)) {
                    reader.run(&line);
                    ran += 1;
                }
            }
            "console" => ran += follow(&reader, &block),
            // It is run as what it is.
            "rust" => {
                let hello = fs::read_to_string(root().join("examples/hello.rs")).expect("the example");
                assert!(hello.ends_with(&(block.lines.join("\n") + "\n")), "it is not examples/hello.rs");
            }
            "text" => {}
            other => panic!("a block of a kind that nobody tests: {other}"),
        }
    }
    assert!(ran >= 10, "{ran} commands were found");
}

/// `in 3h 4m` and `12d ago` are distances, of which only that they are there and how they are written is compared: they
/// depend on the day.
fn undated(cell: &str) -> String {
    let distance = cell.strip_prefix("in ").or(cell.strip_suffix(" ago"));
    let is_figure = |word: &str| {
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < word.len() && ["s", "m", "h", "d", "y"].contains(&unit)
    };
    match distance {
        Some(distance) if distance.split(' ').all(is_figure) => "(a distance)".into(),
        _ => cell.into(),
    }
}

#[test]
fn a_distance_is_one_only_as_the_program_writes_it() {
    assert_eq!(undated("in 122d"), "(a distance)");
    assert_eq!(undated("3h 4m ago"), "(a distance)");
    for other in ["in 4M", "in 4 months", "in summer", "in d", "night"] {
        assert_eq!(undated(other), other);
    }
}

/// Runs each `$ command` and compares what it prints with the lines below it.
fn follow(reader: &Reader, block: &Block) -> usize {
    let mut commands = 0;
    for part in block.lines.join("\n").split("$ ").filter(|part| !part.is_empty()) {
        let (command, expected) = part.split_once('\n').expect("a command with its output");
        let columns = |text: &str| -> Vec<Vec<String>> {
            let words = |line: &str| line.split("  ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
            let cells = |line| -> Vec<String> {
                words(line).iter().filter(|cell| !cell.is_empty()).map(|cell| undated(cell)).collect()
            };
            text.lines().map(cells).collect()
        };
        assert_eq!(columns(&reader.run(command)), columns(expected), "{command}");
        commands += 1;
    }
    commands
}

#[test]
fn its_two_commands_are_there() {
    let first = blocks().into_iter().find(|block| block.language == "sh").expect("a block of commands");
    let words: Vec<_> = first.lines.iter().map(|line| line.split("  ").next().unwrap_or_default()).collect();
    assert_eq!(words, ["cargo run --release -- start jobs.example.toml", "tests/run"]);
    for program in ["tests/run", ".ci/run"] {
        let mode = fs::metadata(root().join(program)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{program} can be executed");
    }
}

#[test]
fn the_example_is_sound_and_shows_something_at_once() {
    let text = fs::read_to_string(root().join("jobs.example.toml")).expect("the example");
    Case::new().jobs(&text).args(&["check", "--strict"]).exits(0).prints("jobs, UTC");
    let mut running = Case::new().jobs(&text).args(&["start"]).start();
    running.line("next: ");
    running.line("hello        | Hello. I am hello#1, and I run because of: startup");
    running.line("heartbeat    | still alive at ");
    running.signal(rustix::process::Signal::INT);
    running.line("stopping");
    running.finish().code(0).prints("stopped: ran ");
}

#[test]
fn every_promise_names_tests_that_there_are() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, promised) = readme.split_once("## What is promised\n").expect("a section");
    let (promised, _) = promised.split_once("\nWhat is not promised").expect("its end");
    let names = promised.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 3);
    let names: Vec<&str> = names.collect();
    assert!(names.len() > 20, "{names:?}");
    let code = sources(&root().join("src")) + &sources(&root().join("tests"));
    for name in names {
        assert!(
            code.contains(&format!("#[test]\nfn {name}() {{"))
                || code.contains(&format!("#[test]\n    fn {name}()")),
            "{name}"
        );
    }
}

/// All Rust code below a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries
        .map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => fs::read_to_string(&path).expect("code"),
            _ => String::new(),
        })
        .collect()
}
