//! What every ledger promises (`contract`), what one that lasts promises beyond (`lasting`), and what an SQLite
//! file withstands (`files`, `faults`, `formats`).

mod contract;
mod faults;
mod files;
mod formats;
mod lasting;
pub(in crate::ledger) mod world;
