//! Any bytes as a job file from standard input: a plan or faults, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner::jobfile::{Options, Source, load};

fuzz_target!(|bytes: &[u8]| {
    let now = chrono::DateTime::from_timestamp(1_767_571_200, 0).expect("in range");
    // Files that it includes are none of this target's business.
    if bytes.windows(7).any(|word| word == b"include") {
        return;
    }
    let options = Options { now, host: None, seed: String::new(), tasks: None };
    let loaded = load(&Source::Stdin(bytes.to_vec()), &options);
    let report = loaded.faults.render(false);
    assert_eq!(loaded.plan.is_none(), loaded.faults.errors() > 0, "{report}");
});
