//! `runner`: a cron-like task runner and the scheduler under it.

pub mod trigger;
pub mod model;
