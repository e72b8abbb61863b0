//! What is wrong, where, and what to do.

use super::source::{Sheet, Source};
use crate::model::Name;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// How grave a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The jobs cannot run like this.
    Error,
    /// It is legal, but likely not meant.
    Warning,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $severity:ident $variant:ident = $text:literal;)+) => {
        /// The stable name of a kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The code as it is printed and written in `allow`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)+ }
            }

            /// Whether the jobs can run in spite of it.
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// There is no such file.
    Error MissingFile = "missing-file";
    /// It is a folder, a device, a pipe.
    Error NotAFile = "not-a-file";
    /// It cannot be read.
    Error Unreadable = "unreadable";
    /// It is not UTF-8.
    Error NotUtf8 = "not-utf8";
    /// It is larger than [`super::FILE_BYTES_MAX`].
    Error TooLarge = "too-large";
    /// A file includes itself.
    Error IncludeCycle = "include-cycle";
    /// An `include` that is no pattern.
    Error BadPattern = "bad-pattern";
    /// It is not TOML.
    Error Syntax = "syntax";
    /// No file defines a job.
    Error NoJobs = "no-jobs";
    /// A key that nobody knows.
    Error UnknownKey = "unknown-key";
    /// A key of a neighbouring tool.
    Error ForeignKey = "foreign-key";
    /// A key that is planned.
    Error NotYet = "not-yet";
    /// A key that cannot stand here.
    Error Misplaced = "misplaced";
    /// A value of another type than the key takes.
    Error WrongType = "wrong-type";
    /// A word or number that the key does not take.
    Error BadValue = "bad-value";
    /// A text that is no duration, or one out of range.
    Error BadDuration = "bad-duration";
    /// A text that is no size in bytes.
    Error BadSize = "bad-size";
    /// A text that is no time.
    Error BadTime = "bad-time";
    /// A text that is no cron expression.
    Error BadCron = "bad-cron";
    /// A text that is no calendar event.
    Error BadCalendar = "bad-calendar";
    /// A text that is no interval, or one without a start.
    Error BadInterval = "bad-interval";
    /// A name with a character that names do not have.
    Error BadName = "bad-name";
    /// A zone that the zone data does not have.
    Error UnknownZone = "unknown-zone";
    /// A user or group of the system that is not there.
    Error UnknownUser = "unknown-user";
    /// A job of another user, for a runner that is not root.
    Error NotRoot = "not-root";
    /// A group that is not defined.
    Error UnknownGroup = "unknown-group";
    /// A job to run after that is not defined.
    Error UnknownJob = "unknown-job";
    /// Jobs that run after each other, or one after itself.
    Error AfterCycle = "after-cycle";
    /// A task that is not registered, or of a program while another one loads the file.
    Error UnknownTask = "unknown-task";
    /// Arguments that do not fit their task.
    Error BadArgs = "bad-args";
    /// Two jobs of one name.
    Error DuplicateJob = "duplicate-job";
    /// Two groups of one name.
    Error DuplicateGroup = "duplicate-group";
    /// A job without a command or script.
    Error NoAction = "no-action";
    /// A job with two of command, script and task.
    Error TwoActions = "two-actions";
    /// Two keys that contradict each other.
    Error Conflict = "conflict";
    /// A schedule that names no instant of any year.
    Error NeverFires = "never-fires";

    /// A step that does not divide its field.
    Warning UnevenStep = "uneven-step";
    /// A step larger than its field.
    Warning StepTooLarge = "step-too-large";
    /// A field that says in a roundabout way what a shorter text says.
    Warning RoundaboutField = "roundabout-field";
    /// Two triggers of a job that name the same fire times.
    Warning DuplicateTrigger = "duplicate-trigger";
    /// Many jobs that are due in the same second.
    Warning ManyAtOnce = "many-at-once";
    /// Both day fields are set.
    Warning BothDayFields = "both-day-fields";
    /// A wall-clock time that lies in a gap of the coming year.
    Warning DstGap = "dst-gap";
    /// A wall-clock time that comes twice on a day of the coming year, of which but one is due.
    Warning DstFold = "dst-fold";
    /// A day or more of elapsed time.
    Warning EveryDay = "every-day";
    /// All fire times are past.
    Warning Past = "past";
    /// A job that only runs by hand.
    Warning NoTrigger = "no-trigger";
    /// A timeout longer than the distance of two fire times.
    Warning TimeoutOverPeriod = "timeout-over-period";
    /// A pipe whose first failure is not seen.
    Warning PipeWithoutPipefail = "pipe-without-pipefail";
    /// A command that needs no shell.
    Warning PlainCommand = "plain-command";
    /// A program that is not there.
    Warning ProgramNotFound = "program-not-found";
    /// A working directory or env file that is not there.
    Warning PathNotFound = "path-not-found";
    /// A file that everybody can write to.
    Warning WritableByOthers = "writable-by-others";
    /// An `include` that matches no file.
    Warning NothingIncluded = "nothing-included";
}

impl Code {
    /// Whether it may be the reason that a job is not known.
    pub(super) fn hides_jobs(self) -> bool {
        use Code::{MissingFile, NotAFile, NotUtf8, Syntax, TooLarge, Unreadable};
        matches!(self, MissingFile | NotAFile | NotUtf8 | Syntax | TooLarge | Unreadable)
    }
}

/// A piece of a file, kept so that the file itself need not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// As it was named.
    pub file: Arc<Path>,
    /// Of the first marked character, counted from 1.
    pub line: u32,
    /// Of the first marked character, counted from 1 in characters.
    pub column: u32,
    /// The whole lines that the mark touches, at most [`EXCERPT_LINES_MAX`].
    pub(super) text: String,
    /// The mark, in bytes of `text`.
    pub(super) mark: Range<usize>,
}

const EXCERPT_LINES_MAX: usize = 4;
const EXCERPT_BYTES_MAX: usize = 400;

impl Excerpt {
    pub(super) fn new(sheet: &Sheet, span: Range<usize>) -> Excerpt {
        let text = &*sheet.text;
        let start = floor(text, span.start.min(text.len()));
        let end = floor(text, span.end.clamp(start, text.len()));
        let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
        // A very long line is shown from a little before the mark.
        let shown = if start - first > EXCERPT_BYTES_MAX { floor(text, start - 60) } else { first };
        let lines = text[shown..].split_inclusive('\n').take(EXCERPT_LINES_MAX);
        let mut last = shown;
        for line in lines {
            last += line.len();
            if last >= end {
                break;
            }
        }
        let last = floor(text, last.min(start + EXCERPT_BYTES_MAX).max(start));
        let (line, column) = sheet.place(start);
        // A mark may lie on a line end, which is not shown.
        let text = text[shown..last].trim_end_matches(['\n', '\r']);
        let mark = (start - shown).min(text.len())..(end.min(last) - shown).min(text.len());
        Excerpt { file: sheet.path.clone(), line, column, text: text.to_owned(), mark }
    }
}

/// Where something is first defined, in so little room that each of a million jobs can have one.
pub(super) struct Spot {
    file: Arc<Path>,
    span: Range<u32>,
}

impl Spot {
    pub(super) fn new(sheet: &Sheet, span: &Range<usize>) -> Spot {
        let small = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Spot { file: sheet.path.clone(), span: small(span.start)..small(span.end) }
    }

    /// Returns what stands there: in one of the sheets that are `open`, else in the file, which is read anew.
    pub(super) fn excerpt(&self, open: [Option<&Sheet>; 2]) -> Option<(Excerpt, &'static str)> {
        let excerpt = |sheet: &Sheet| {
            let span = self.span.start as usize..self.span.end as usize;
            (Excerpt::new(sheet, span), "first here")
        };
        match open.into_iter().flatten().find(|sheet| sheet.path == self.file) {
            Some(sheet) => Some(excerpt(sheet)),
            None => Sheet::open(&Source::Path(self.file.to_path_buf())).ok().as_ref().map(excerpt),
        }
    }
}

fn floor(text: &str, index: usize) -> usize {
    (0..=index).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// What was expected and found.
    pub message: String,
    /// The file, as it was named.
    pub file: Arc<Path>,
    /// Counted from 1; `None` when it concerns the whole file.
    pub line: Option<u32>,
    /// Counted from 1, in characters.
    pub column: Option<u32>,
    /// The job that it concerns.
    pub job: Option<Name>,
    /// What to do.
    pub hint: Option<String>,
    pub(super) excerpt: Option<Excerpt>,
    /// Another place that has to do with it, and in which way.
    pub(super) also: Option<(Excerpt, &'static str)>,
}

impl Fault {
    /// A fault at a place of a file.
    pub(super) fn at(code: Code, sheet: &Sheet, span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault::of_excerpt(code, Excerpt::new(sheet, span), message)
    }

    /// A fault at an excerpt.
    pub(super) fn of_excerpt(code: Code, excerpt: Excerpt, message: impl Into<String>) -> Fault {
        let (line, column) = (Some(excerpt.line), Some(excerpt.column));
        let fault = Fault::of_file(code, &excerpt.file, message);
        Fault { line, column, excerpt: Some(excerpt), ..fault }
    }

    /// A fault of a file as a whole.
    pub(super) fn of_file(code: Code, file: &Arc<Path>, message: impl Into<String>) -> Fault {
        Fault {
            code,
            message: message.into(),
            file: file.clone(),
            line: None,
            column: None,
            job: None,
            hint: None,
            excerpt: None,
            also: None,
        }
    }

    pub(super) fn at_line(mut self, place: Option<(u32, u32)>) -> Fault {
        (self.line, self.column) = (place.map(|place| place.0), place.map(|place| place.1));
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn also(&mut self, other: &Excerpt, why: &'static str) {
        self.also = Some((other.clone(), why));
    }

    /// How grave it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// All that is wrong with a job file and those that it includes.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Orders faults by place; files stay in the order in which they were read.
    pub(super) fn new(mut faults: Vec<Fault>) -> Faults {
        let mut files: Vec<Arc<Path>> = Vec::new();
        for fault in &faults {
            if !files.contains(&fault.file) {
                files.push(fault.file.clone());
            }
        }
        faults.sort_by_cached_key(|fault| {
            let file = files.iter().position(|file| *file == fault.file);
            (file, fault.line, fault.column)
        });
        Faults(faults)
    }

    /// In order of file, line and column.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    /// How many are errors.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|fault| fault.severity() == Severity::Error).count()
    }

    /// How many are warnings.
    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }
}
