//! The power is cut: a file system of its own, which holds the ledger, is shut down without flushing anything. What
//! the disk has is what was synced, and each start that left its mark, on another file system, must be in it.
//!
//! The long form, and the control, in which the write-ahead log is not synced at each commit (as with
//! `synchronous = NORMAL`) and which must find losses:
//!
//! ```sh
//! RUNNER_CUTS=50 cargo test --test it power -- --ignored --nocapture
//! ```

use crate::case::{PROGRAM, is_root};
use crate::crash::{Chance, audit, command, instant, jobs, rows, setting};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// ext4's and XFS's `GOINGDOWN`, without flushing the journal.
const CUT: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A small disk whose power can be cut.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `None` where no file system may be mounted.
    fn new() -> Option<Disk> {
        let folder = tempfile::tempdir().expect("a folder");
        let image = folder.path().join("image");
        fs::File::create(&image).and_then(|file| file.set_len(64 << 20)).expect("an image");
        fs::create_dir(folder.path().join("state")).expect("a folder");
        let made = quiet("mkfs.ext4", &["-q", image.to_str()?]);
        let disk = Disk { folder };
        (made && disk.mount()).then_some(disk)
    }

    fn mount(&self) -> bool {
        let (image, state) = (self.path().join("image"), self.path().join("state"));
        quiet("mount", &["-o", "loop", &image.to_string_lossy(), &state.to_string_lossy()])
    }

    fn unmount(&self) -> bool {
        quiet("umount", &[&self.path().join("state").to_string_lossy()])
    }

    fn cut(&self) -> bool {
        quiet("python3", &["-c", CUT, &self.path().join("state").to_string_lossy()])
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        quiet("umount", &["-l", &self.path().join("state").to_string_lossy()]);
    }
}

fn quiet(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Cuts the power so often while the runner runs, under these words. Returns how many marks have no row.
fn cut(cuts: u64, under: &[&str]) -> Option<usize> {
    let disk = Disk::new().filter(|_| is_root())?;
    fs::write(disk.path().join("jobs.toml"), jobs()).expect("a file");
    let mut chance = Chance::new();
    for _ in 0..cuts {
        let words: Vec<&str> = under.iter().copied().chain([PROGRAM, "start"]).collect();
        let mut runner = command(disk.path(), &words).spawn().expect("the program");
        thread::sleep(Duration::from_millis(300 + chance.below(1700)));
        assert!(disk.cut(), "the power is cut");
        end_all(disk.path());
        runner.wait().expect("its end");
        assert!(disk.unmount() && disk.mount(), "there is power again");
    }
    let ended = command(disk.path(), &[PROGRAM, "start", "--for", "1s"]).status().expect("the program");
    assert!(ended.success(), "{ended}");
    for job in audit(disk.path()) {
        assert_eq!((job["unaccounted"].as_u64(), job["double"].as_u64()), (Some(0), Some(0)), "{job}");
    }
    let rows = rows(disk.path());
    let key = |run: &str, fire_time: &str| (run.to_owned(), instant(fire_time));
    let of_row = |row: &Value| Some(key(row["run"].as_str()?, row["fire_time"].as_str()?));
    let known: BTreeSet<_> = rows.iter().filter_map(of_row).collect();
    let marks = fs::read_to_string(disk.path().join("marks")).expect("marks");
    let marked = marks.lines().filter_map(|mark| {
        let mut words = mark.split(' ');
        Some(key(words.next()?, words.next()?))
    });
    let marked: Vec<_> = marked.collect();
    println!("{cuts} cuts, {} rows, {} marks", rows.len(), marked.len());
    Some(marked.iter().filter(|mark| !known.contains(*mark)).count())
}

/// With the power all processes end. Returns when they have, and hold no file open.
fn end_all(folder: &Path) {
    let is_here =
        |entry: &fs::DirEntry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder);
    loop {
        let processes = fs::read_dir("/proc").expect("processes").flatten();
        let here: Vec<_> = processes.filter(is_here).map(|entry| entry.file_name()).collect();
        if here.is_empty() {
            return;
        }
        for process in here {
            quiet("kill", &["-KILL", &process.to_string_lossy()]);
        }
    }
}

#[test]
fn a_power_cut_loses_no_start() {
    match cut(3, &[]) {
        Some(lost) => assert_eq!(lost, 0, "starts without a row"),
        None => eprintln!("skipped: no file system may be mounted here"),
    }
}

#[test]
#[ignore = "takes minutes"]
fn many_power_cuts_lose_no_start() {
    let lost = cut(setting("RUNNER_CUTS", 50), &[]);
    assert_eq!(lost, Some(0), "starts without a row");
}

#[test]
#[ignore = "takes minutes"]
fn without_syncing_at_each_commit_starts_are_lost() {
    let inject = "inject=fdatasync,fsync:retval=0";
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P"];
    let wal = "state/jobs/ledger.db-wal";
    let under: Vec<&str> = strace.into_iter().chain([wal, "-e", inject]).collect();
    assert!(
        cut(setting("RUNNER_CUTS", 20), &under).is_some_and(|lost| lost > 0),
        "a control that finds nothing"
    );
}
