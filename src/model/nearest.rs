//! Which of the known words somebody may have meant.

/// Returns that of `words` which differs least from what was found, if it is near enough to have been meant: at most a
/// third of its letters, and never more than three, are others. Case does not count, and `_` is `-`.
pub fn nearest<'w>(found: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let found = plain(found);
    let length = found.chars().count();
    let distance = |word: &&str| strsim::damerau_levenshtein(&found, &plain(word));
    let most = |word: &str| word.len().max(found.len()).div_ceil(3).min(3);
    // Words are as far apart as their lengths, at least; very long ones are not compared.
    let is_near = |word: &&str| word.chars().count().abs_diff(length) <= 3 && distance(word) <= most(word);
    words.filter(is_near).min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let words = || ["long", "night-backup", "report"].into_iter();
        assert_eq!(nearest("lng", words()), Some("long"));
        assert_eq!(nearest("Nightbackup", words()), Some("night-backup"));
        assert_eq!(nearest("night_backup", words()), Some("night-backup"));
        assert_eq!(nearest("nob", words()), None);
        assert_eq!(nearest("vacuum", words()), None);
    }
}
