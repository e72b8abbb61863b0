//! Faults as workflow commands, which GitHub shows at their place in a change.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>; the escapes are
//! those of `actions/toolkit`, `packages/core/src/command.ts`.

use crate::jobfile::{Fault, Severity};

/// `::error file=jobs.toml,line=2,col=9,title=wrong-type::expected …`, without a line end.
pub(super) fn command(fault: &Fault) -> String {
    let severity = match fault.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = |name, at: Option<u32>| at.map(|at| format!(",{name}={at}")).unwrap_or_default();
    let hint = fault.hint.as_deref().map(|hint| format!("\nhelp: {hint}")).unwrap_or_default();
    format!(
        "::{severity} file={file}{line}{column},title={title}::{message}",
        file = property(&fault.file.display().to_string()),
        line = place("line", fault.line),
        column = place("col", fault.column),
        title = property(fault.code.as_str()),
        message = data(&format!("{}{hint}", fault.message)),
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_value_is_escaped() {
        assert_eq!(data("50% a\r\nb: c, d"), "50%25 a%0D%0Ab: c, d");
        assert_eq!(property("50% a\r\nb: c, d"), "50%25 a%0D%0Ab%3A c%2C d");
        assert_eq!(data("%0A"), "%250A");
    }
}
