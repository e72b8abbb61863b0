//! Maps whose keys are runs: each is found at once.

use super::RunRef;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What is known of each run.
pub(crate) type RunMap<T> = HashMap<RunRef, T, BuildHasherDefault<Spread>>;

/// A number that is given out once is its own hash, but for one multiplication: by 2^64 through the golden ratio.
#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
