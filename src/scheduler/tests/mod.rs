//! Scenarios: the core is driven by hand, in virtual time, and what it asks for and announces is read as a
//! log. `world` is the hand; each other file is one policy or one combination of them.

mod after;
mod backfill;
mod backlog;
mod book;
mod calls;
mod catch_up;
mod clocks;
mod delay;
mod epoch;
mod finish;
mod jitter;
mod limits;
mod overlap;
mod pause;
mod replace;
mod request;
mod restart;
mod retry;
mod roster;
mod shutdown;
mod sim;
mod snapshot;
mod steps;
mod stored;
mod timeout;
mod trouble;
mod world;
mod wrong_clock;
