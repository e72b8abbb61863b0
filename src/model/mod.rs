//! NOUNS.
