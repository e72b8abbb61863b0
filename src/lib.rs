//! `runner`: a cron-like task runner and the scheduler under it.

pub mod cli;
pub mod engine;
pub mod executor;
pub mod jobfile;
pub mod ledger;
pub mod model;
pub mod scheduler;
pub mod trigger;
