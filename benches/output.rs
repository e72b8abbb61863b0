//! A gigabyte through the runner: in lines of 100 bytes, as one line of 500 MB, as random bytes.
//!
//! `cargo bench --bench output`: how fast and with how much memory, beside a plain drain (`cat`) of the same
//! program in the same run. Lines are shown behind the job's name, and head and tail are kept.
#![expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const ROUNDS: usize = 5;

/// What is printed, and how many bytes of it.
const PRINTED: [(&str, &str, usize); 3] = [
    ("1 GiB in lines of 100 bytes", "lines", 1 << 30),
    ("one line of 500 MB", "line", 500_000_000),
    ("500 MB of random bytes", "random", 500_000_000),
];

/// It is its own printer: `--print KIND BYTES`.
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, kind, bytes] = &*args
        && flag == "--print"
    {
        return print(kind, bytes.parse().expect("a number"));
    }
    println!("                                  drain MB/s   runner MB/s   peak MiB   lines not shown");
    for (name, kind, bytes) in PRINTED {
        measure(name, kind, bytes);
    }
}

/// The same block again and again, so that the printing costs little.
fn print(kind: &str, mut left: usize) {
    let block: Vec<u8> = match kind {
        "lines" => b"x".repeat(99).into_iter().chain([b'\n']).cycle().take(65_500).collect(),
        "line" => vec![b'x'; 65_536],
        _ => {
            let mut random = 88_172_645_463_325_252_u64;
            let mut byte = || {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random.to_le_bytes()[3]
            };
            (0..65_536).map(|_| byte()).collect()
        }
    };
    let mut out = fs::File::from(std::io::stdout().as_fd().try_clone_to_owned().expect("a descriptor"));
    while left > 0 {
        let part = left.min(block.len());
        out.write_all(&block[..part]).expect("it is read");
        left -= part;
    }
}

fn measure(name: &str, kind: &str, bytes: usize) {
    let folder = TempDir::new().expect("a folder");
    let printer = std::env::current_exe().expect("a path").display().to_string();
    let jobs = format!("[jobs.printer]\ncommand = [{printer:?}, \"--print\", \"{kind}\", \"{bytes}\"]\n");
    fs::write(folder.path().join("jobs.toml"), jobs).expect("a file");
    let (mut drains, mut runners, mut peak, mut dropped) = (Vec::new(), Vec::new(), 0.0_f64, 0);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let mut drain = Command::new("sh");
        drain.args(["-c", &format!("{printer} --print {kind} {bytes} | cat")]).stdout(Stdio::null());
        assert!(drain.status().expect("its end").success());
        drains.push(speed(bytes, begin));
        let begin = Instant::now();
        let mut runner = Command::new("/usr/bin/time");
        runner.args(["-f", "peak %M", env!("CARGO_BIN_EXE_runner"), "run", "printer"]);
        runner.current_dir(folder.path()).env("RUNNER_STATE_DIR", folder.path());
        let output = runner.stdout(Stdio::null()).output().expect("its end");
        runners.push(speed(bytes, begin));
        let said = String::from_utf8_lossy(&output.stderr);
        let figure = said.lines().find_map(|line| line.strip_prefix("peak ")?.parse::<f64>().ok());
        peak = peak.max(figure.expect("GNU time") / 1024.0);
        let lost = said.lines().find(|line| line.contains("lines were not shown"));
        dropped += lost.and_then(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).unwrap_or(0);
    }
    let median = |figures: &mut Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[ROUNDS / 2]
    };
    println!(
        "{name:<32} {:12.0} {:13.0} {peak:10.1} {dropped:17}",
        median(&mut drains),
        median(&mut runners)
    );
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn speed(bytes: usize, begin: Instant) -> f64 {
    bytes as f64 / 1e6 / begin.elapsed().as_secs_f64()
}
