//! `runner`: a cron-like task runner and the scheduler under it.

pub mod model;
pub mod scheduler;
pub mod trigger;
