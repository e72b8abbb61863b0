//! Names of jobs and groups.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest name, in bytes: it has to fit into a file name beside a run number.
pub const NAME_BYTES_MAX: usize = 100;

/// The name of a job or of a group: ASCII letters, digits, `-` and `_`, not empty, at most
/// [`NAME_BYTES_MAX`] bytes. Cheap to clone.
///
/// ```
/// use runner::model::Name;
/// assert!(Name::parse("nightly-backup_2").is_ok());
/// assert!(Name::parse("db.vacuum").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text has no character at all.
    #[error("expected a name, found nothing")]
    Empty,
    /// The text is longer than [`NAME_BYTES_MAX`] bytes.
    #[error("expected a name of at most {NAME_BYTES_MAX} bytes, found {bytes}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The text has a character that names do not have.
    #[error("expected letters, digits, `-` or `_`, found `{}`", found.escape_default())]
    Character {
        /// The first such character.
        found: char,
    },
}

impl Name {
    /// Returns the name that `text` is.
    ///
    /// # Errors
    /// One of [`InvalidName`]'s variants; the first offending character is named.
    pub fn parse(text: &str) -> Result<Name, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if let Some(found) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
            return Err(InvalidName::Character { found });
        }
        if text.len() > NAME_BYTES_MAX {
            return Err(InvalidName::TooLong { bytes: text.len() });
        }
        Ok(Name(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, error: Option<&str>) {
        assert_eq!(Name::parse(text).err().map(|e| e.to_string()).as_deref(), error, "{text:?}");
    }

    #[test]
    fn a_name_is_letters_digits_dash_and_underscore() {
        check("backup", None);
        check("Backup-2_x", None);
        check("", Some("expected a name, found nothing"));
        check("a b", Some("expected letters, digits, `-` or `_`, found ` `"));
        check("db.vacuum", Some("expected letters, digits, `-` or `_`, found `.`"));
        check("a#1", Some("expected letters, digits, `-` or `_`, found `#`"));
        check("a\n", Some("expected letters, digits, `-` or `_`, found `\\n`"));
        check("über", Some("expected letters, digits, `-` or `_`, found `\\u{fc}`"));
        check(&"x".repeat(100), None);
        check(&"x".repeat(101), Some("expected a name of at most 100 bytes, found 101"));
    }
}
