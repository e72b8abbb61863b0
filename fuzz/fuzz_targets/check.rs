//! What holds of every reading.

use runner::trigger::{ScheduleBuilder, Trigger, TriggerError, Zone};

pub fn zone() -> Zone {
    Zone::find("Europe/Berlin").expect("a zone")
}

pub fn check(text: &str, read: Result<Trigger, TriggerError>) {
    match read {
        Ok(trigger) => fires(trigger),
        Err(error) => {
            let range = error.span.clone();
            assert!(range.start <= range.end && range.end <= text.len(), "{range:?} of {text:?}");
            assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end), "{range:?} of {text:?}");
        }
    }
}

/// Fire times rise, and the search backwards and the count agree with them.
pub fn fires(trigger: Trigger) {
    let _ = trigger.describe();
    let schedule = ScheduleBuilder { triggers: vec![trigger], ..ScheduleBuilder::default() }.build();
    let from = chrono::DateTime::from_timestamp(1_774_700_000, 0).expect("2026-03-28");
    let coming: Vec<_> = schedule.upcoming(from).take(4).collect();
    assert!(coming.is_sorted_by(|a, b| a < b), "{coming:?}");
    for pair in coming.windows(2) {
        assert_eq!(schedule.prev_before(pair[1]), Some(pair[0]), "{coming:?}");
    }
    if let Some(last) = coming.last() {
        assert_eq!(schedule.count_between(from, *last), coming.len() as u64, "{coming:?}");
    }
}
