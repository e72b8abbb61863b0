//! Small libraries in C that come between the runner and the system's own (`LD_PRELOAD`), compiled when they are used.

use crate::case::{Running, machine_has};
use chrono::TimeDelta;
use rustix::process::Signal;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A library, until it is dropped.
pub struct Shim {
    folder: TempDir,
}

impl Shim {
    /// Compiles the library of this name and source; `None` where there is no compiler.
    pub fn compile(name: &str, source: &str) -> Option<Shim> {
        if !machine_has("cc", &["cc", "--version"]) {
            return None;
        }
        let shim = Shim { folder: tempfile::tempdir().expect("a folder") };
        let written = shim.folder.path().join(format!("{name}.c"));
        fs::write(&written, source).expect("a file");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(shim.path()).arg(written);
        let compiled = cc.output().expect("cc");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        Some(shim)
    }

    /// The value of `LD_PRELOAD`.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shim.so")
    }
}

/// A wall clock that a test sets while runners run; see `shims/clock.c`.
pub struct WallClock {
    shim: Shim,
    set: File,
    sets: i64,
}

impl WallClock {
    /// Returns one that is ahead of the machine's by so much; `None` where there can be none.
    pub fn ahead(by: TimeDelta) -> Option<WallClock> {
        if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            eprintln!("skipped: the clock that tests set is not written for this processor");
            return None;
        }
        let shim = Shim::compile("clock", include_str!("shims/clock.c"))?;
        let set = File::create(shim.folder.path().join("set")).expect("a file");
        let clock = WallClock { shim, set, sets: 0 };
        clock.say(by);
        let [preload, file] = clock.env().map(|(name, value)| format!("{name}={value}"));
        machine_has("seccomp that traps calls", &["env", &preload, &file, "true"]).then_some(clock)
    }

    /// What a program is to find in its environment.
    pub fn env(&self) -> [(&'static str, String); 2] {
        let path = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
        [("LD_PRELOAD", path(self.shim.path())), ("SHIM_CLOCK", path(self.shim.folder.path().join("set")))]
    }

    /// Sets it, while this runner runs, to be ahead of the machine's by so much.
    pub fn set(&mut self, runner: &Running, by: TimeDelta) {
        self.sets += 1;
        self.say(by);
        runner.signal(Signal::URG);
    }

    fn say(&self, by: TimeDelta) {
        let numbers = [by.num_milliseconds(), self.sets].map(i64::to_ne_bytes).concat();
        self.set.write_all_at(&numbers, 0).expect("the file that it is read from");
    }
}
