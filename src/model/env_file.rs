//! The text of an `env_file`: lines of `NAME=value`.
//!
//! Blank lines and lines that begin with `#` are passed over, an `export ` in front is too. A value may stand
//! in single quotes (taken as it is) or in double quotes (`\n`, `\t`, `\"`, `\\` and `\$` are escapes);
//! without quotes it is the rest of the line without the spaces around it. Nothing is expanded. Errors never
//! show a value, because these files hold secrets.

/// Why a text is no env file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, found {found}")]
pub struct EnvFileError {
    /// Counted from 1.
    pub line: usize,
    /// In words.
    pub expected: &'static str,
    /// In words, never a value.
    pub found: String,
}

/// Returns the variables of an env file, in order.
///
/// # Errors
/// [`EnvFileError`] for the first line that is none.
pub fn parse_env_file(text: &str) -> Result<Vec<(String, String)>, EnvFileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| variable(number, line)).collect()
}

fn variable(line: usize, text: &str) -> Result<(String, String), EnvFileError> {
    let error = |expected, found: &str| EnvFileError { line, expected, found: found.to_owned() };
    let text = text.strip_prefix("export ").map_or(text, str::trim_start);
    let (name, value) = text.split_once('=').ok_or_else(|| error("NAME=value", "no `=`"))?;
    let name = name.trim_end();
    let sound = |name: &str| {
        let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        letters && name.starts_with(|c: char| !c.is_ascii_digit())
    };
    if !sound(name) {
        return Err(error("a name of letters, digits and `_`", &format!("`{}`", name.escape_debug())));
    }
    let value = unquote(value.trim()).map_err(|(expected, found)| error(expected, found))?;
    if value.contains('\0') {
        return Err(error("a value without NUL", "a NUL byte"));
    }
    Ok((name.to_owned(), value))
}

fn unquote(value: &str) -> Result<String, (&'static str, &'static str)> {
    match value.as_bytes() {
        [b'\'', ..] => {
            let inner = value.get(1..value.len() - 1).filter(|_| value.len() > 1 && value.ends_with('\''));
            let inner = inner.ok_or(("a closing `'` at the end of the line", "none"))?;
            if inner.contains('\'') {
                Err(("one value in quotes", "text behind the closing `'`"))
            } else {
                Ok(inner.into())
            }
        }
        [b'"', ..] => escaped(&value[1..]),
        _ => Ok(value.to_owned()),
    }
}

fn escaped(text: &str) -> Result<String, (&'static str, &'static str)> {
    let (mut value, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' if chars.as_str().is_empty() => return Ok(value),
            '"' => return Err(("one value in quotes", "text behind the closing `\"`")),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(c @ ('"' | '\\' | '$')) => c,
                _ => return Err((r#"one of \n, \t, \", \\ and \$"#, "another escape")),
            }),
            c => value.push(c),
        }
    }
    Err(("a closing `\"` at the end of the line", "none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let found = parse_env_file(text).map_err(|error| error.to_string());
        let pairs =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(found, expected.map(pairs).map_err(str::to_owned), "{text:?}");
    }

    #[test]
    fn variables_are_read_line_by_line() {
        check("", Ok(&[]));
        check("\u{feff}A=1\r\n\n# no\n  B = two words  \n", Ok(&[("A", "1"), ("B", "two words")]));
        check("export A=1", Ok(&[("A", "1")]));
        check("A=", Ok(&[("A", "")]));
        check("A=b=c#d", Ok(&[("A", "b=c#d")]));
        check("A='it is $HOME \\n'", Ok(&[("A", "it is $HOME \\n")]));
        check(r#"A="a\"b\\c\n\$d""#, Ok(&[("A", "a\"b\\c\n$d")]));
    }

    #[test]
    fn faults_name_the_line_and_never_the_value() {
        check("A=1\nsecret", Err("line 2: expected NAME=value, found no `=`"));
        check("1A=x", Err("line 1: expected a name of letters, digits and `_`, found `1A`"));
        check("=x", Err("line 1: expected a name of letters, digits and `_`, found ``"));
        check("A='secret", Err("line 1: expected a closing `'` at the end of the line, found none"));
        check("A='", Err("line 1: expected a closing `'` at the end of the line, found none"));
        check("A='a'b'", Err("line 1: expected one value in quotes, found text behind the closing `'`"));
        check("A=\"secret", Err("line 1: expected a closing `\"` at the end of the line, found none"));
        check("A=\"a\"b", Err("line 1: expected one value in quotes, found text behind the closing `\"`"));
        check(r#"A="\x""#, Err(r#"line 1: expected one of \n, \t, \", \\ and \$, found another escape"#));
        check("A=a\0b", Err("line 1: expected a value without NUL, found a NUL byte"));
    }
}
