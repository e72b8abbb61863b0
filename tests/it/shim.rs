//! Small libraries in C that come between the runner and the system's own (`LD_PRELOAD`), compiled when they are used.

use crate::case::machine_has;
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
        std::fs::write(&written, source).expect("a file");
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
