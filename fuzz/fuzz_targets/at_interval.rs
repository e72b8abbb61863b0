//! Any text as a moment, and as an interval with a start.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner::trigger::{ShortMonth, Trigger};

mod check;

fuzz_target!(|text: &str| {
    let zone = check::zone();
    check::check(text, Trigger::at(text, &zone));
    let (interval, start) = text.split_once('|').unwrap_or((text, "2026-01-31T09:00"));
    for short_month in [ShortMonth::Skip, ShortMonth::Last] {
        let _ = Trigger::interval(interval, start, short_month, &zone).map(|trigger| check::fires(trigger));
    }
});
