//! A hash that is the same on every machine, in every release.

/// Returns a 64-bit hash of `parts`, well mixed in all bits. It never changes between releases, because
/// jitter is drawn from it: FNV-1a over the parts, each closed by its length, then the finalizer of
/// `MurmurHash3`.
pub fn stable_hash(parts: &[&[u8]]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = OFFSET;
    for part in parts {
        hash = part.iter().copied().fold(hash, step);
        hash = (part.len() as u64).to_le_bytes().into_iter().fold(hash, step);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart_and_values_never_change() {
        assert_ne!(stable_hash(&[b"ab", b"c"]), stable_hash(&[b"a", b"bc"]));
        assert_eq!(stable_hash(&[b"host", b"backup"]), stable_hash(&[b"host", b"backup"]));
        assert_eq!(stable_hash(&[]), 0xefd0_1f60_ba99_2926);
    }
}
