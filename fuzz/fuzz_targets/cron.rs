//! Any text as a cron expression: an error that points into the text, or a trigger whose fire times rise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner::trigger::{Trigger, cron_notes};

mod check;

fuzz_target!(|text: &str| {
    let zone = check::zone();
    for read in [Trigger::cron, Trigger::imported_cron] {
        check::check(text, read(text, &zone));
    }
    for note in cron_notes(text) {
        let _ = format!("{note:?}");
    }
});
