//! What is legal, but likely not meant. Every finding can be silenced with `allow`. `time` looks at when a job runs
//! (`note` words what is noted in the text of a trigger), `machine` at the machine it runs on.

mod machine;
mod note;
mod time;

pub use note::note_words;

use super::fault::Code;
use super::plain;
use super::shared::SHELL;
use super::value::{Reader, Text};
use super::{Options, Shelf};
use crate::model::{Job, JobAction};
use crate::trigger::{Dst, Note};
use std::ops::Range;
use std::sync::Arc;

/// Where a job's parts stand.
pub(super) struct Spans<'a> {
    pub(super) job: Range<usize>,
    /// Its crons and calendar events, with what there is to say of each.
    pub(super) texts: &'a [(Text, Arc<[Note]>)],
    /// Each of its triggers, in their order.
    pub(super) triggers: &'a [Range<usize>],
    pub(super) end: Option<Range<usize>>,
    /// The job's own; one of the defaults is for many.
    pub(super) timeout: Option<Range<usize>>,
    pub(super) action: Range<usize>,
    /// What the job or its defaults have chosen.
    pub(super) dst: Dst,
}

/// Looks a sound job over.
pub(super) fn job(
    reader: &mut Reader<'_>,
    job: &Job,
    spans: &Spans<'_>,
    options: &Options,
    shelf: &mut Shelf,
) {
    shelf.crowds.join(reader, job, &spans.job);
    time::look(reader, job, spans, options.now);
    pipe(reader, job, spans);
    plain_command(reader, job, spans);
    if let Some(host) = &options.host {
        machine::look(reader, job, spans, host, &mut shelf.paths);
    }
}

fn pipe(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>) {
    let JobAction::Shell(command) = &job.action else { return };
    let pipefail =
        job.setup.shell.iter().any(|word| word.contains("pipefail")) || command.contains("pipefail");
    if !pipefail && has_pipe(command) {
        let message = "of a pipe, only the last program's failure is seen by this shell".to_owned();
        let hint = "write: shell = [\"bash\", \"-eo\", \"pipefail\", \"-c\"]";
        reader.warn(Code::PipeWithoutPipefail, spans.action.clone(), message, hint);
    }
}

/// A shell that was chosen is meant: it may set up what the program needs.
fn plain_command(reader: &mut Reader<'_>, job: &Job, spans: &Spans<'_>) {
    let JobAction::Shell(command) = &job.action else { return };
    let Some(words) = plain::words(command).filter(|_| job.setup.shell == SHELL) else { return };
    let message = "a program and its arguments, which need no shell".to_owned();
    let hint = format!("write: command = [\"{}\"]", words.join("\", \""));
    reader.warn(Code::PlainCommand, spans.action.clone(), message, hint);
}

/// Whether a `|` stands outside quotes that is not `||`.
fn has_pipe(command: &str) -> bool {
    let (mut quote, mut chars) = (None, command.chars().peekable());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), c) if c != '\'' => {}
            (_, '\\') => {
                chars.next();
            }
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>') if chars.peek() == Some(&'|') => {
                chars.next();
            }
            (None, '|') => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::has_pipe;

    #[test]
    fn a_pipe_is_seen_outside_quotes() {
        let check = |command: &str, expected| assert_eq!(has_pipe(command), expected, "{command}");
        check("a | b", true);
        check("a |& b", true);
        check("a || b", false);
        check("a || b | c", true);
        check("echo 'a | b'", false);
        check("echo \"a | b\"", false);
        check("echo \"it's\" | cat", true);
        check("echo a \\| b", false);
        check("echo x >| file", false);
    }
}
