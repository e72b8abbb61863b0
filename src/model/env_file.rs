//! The text of an `env_file` (skeleton).
#![expect(missing_docs, reason = "skeleton")]

/// Why a text is no env file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, found {found}")]
pub struct EnvFileError {
    pub line: usize,
    pub expected: &'static str,
    pub found: String,
}

/// Returns the variables of an env file in order.
pub fn parse_env_file(_text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    todo!()
}
