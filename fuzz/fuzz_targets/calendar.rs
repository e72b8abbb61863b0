//! Any text as a calendar event: an error that points into the text, or a trigger whose fire times rise and
//! whose normal form means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runner::trigger::Trigger;

mod check;

fuzz_target!(|text: &str| {
    let zone = check::zone();
    let read = Trigger::calendar(text, &zone);
    if let Ok(trigger) = &read {
        let normalised = trigger.normalised().expect("a calendar event has one");
        let again = Trigger::calendar(&normalised, &zone).expect("it can be read");
        assert_eq!(again.normalised(), Some(normalised));
    }
    check::check(text, read);
});
