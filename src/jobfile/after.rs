//! `after`: which other jobs' finishes make a job due. That they are there, and that nobody waits for itself,
//! is looked up when all files are read, because a job may run after one of another file.

use super::fault::{Code, Fault};
use super::keys::{self, Place};
use super::value::{Entry, Reader, Text};
use crate::model::{After, AfterOn, Name};
use std::collections::HashMap;
use toml::de::DeValue;

const EXPECTED: &str =
    "the name of a job, a list of them, or a table such as { jobs = [\"a\"], on = \"failure\" }";

/// That a job runs after another.
pub(super) struct Reference {
    pub(super) job: Name,
    pub(super) named: Name,
    /// What it is if there is no such job.
    fault: Fault,
}

/// Returns what a job waits for, with the names as they are written.
pub(super) fn read(reader: &mut Reader<'_>, entry: &Entry<'_>) -> Option<(After, Vec<Text>)> {
    let DeValue::Table(_) = entry.value.get_ref() else {
        let (jobs, texts) = read_jobs(reader, entry, EXPECTED)?;
        return Some((After { jobs, on: AfterOn::default(), any: false }, texts));
    };
    let told_before = reader.told();
    let mut fields = reader.table(entry, EXPECTED)?;
    let jobs = fields.take("jobs");
    let named = match &jobs {
        Some(jobs) => read_jobs(reader, jobs, "the name of a job, or a list of them"),
        None => {
            let message = "`after`: expected the key `jobs`, found none";
            let hint = "write: after = { jobs = [\"...\"], on = \"finish\" }";
            reader.fault_with_hint(Code::BadValue, entry.span(), message, hint);
            None
        }
    };
    let words = [("success", AfterOn::Success), ("failure", AfterOn::Failure), ("finish", AfterOn::Finish)];
    let on = fields.take("on").and_then(|on| reader.word(&on, &words)).unwrap_or_default();
    let any = fields.take("any").and_then(|any| reader.flag(&any)).unwrap_or_default();
    keys::refuse_rest(reader, fields, Place::After);
    let (jobs, texts) = named.filter(|_| !reader.has_errors_since(told_before))?;
    Some((After { jobs, on, any }, texts))
}

/// Reads names, each of which counts once however often it stands there.
fn read_jobs(reader: &mut Reader<'_>, entry: &Entry<'_>, expected: &str) -> Option<(Vec<Name>, Vec<Text>)> {
    let texts = reader.text_or_texts(entry, expected)?;
    let names: Vec<_> = texts.iter().map(|text| reader.name(&text.text, text.span.clone(), "job")).collect();
    let mut jobs = Vec::new();
    for name in names {
        let name = name?;
        if !jobs.contains(&name) {
            jobs.push(name);
        }
    }
    Some((jobs, texts))
}

/// Returns what is to be looked up when all files are read.
pub(super) fn references(reader: &Reader<'_>, job: &Name, named: &[Text]) -> Vec<Reference> {
    let reference = |text: &Text| {
        let named = Name::parse(&text.text).ok()?;
        let message = format!("there is no job `{named}`");
        let fault = Fault::at(Code::UnknownJob, reader.sheet, text.span.clone(), message);
        Some(Reference { job: job.clone(), named, fault: Fault { job: Some(job.clone()), ..fault } })
    };
    named.iter().filter_map(reference).collect()
}

impl Reference {
    /// The fault that there is no such job; `meant` is one that is named alike.
    pub(super) fn unknown(&self, meant: Option<&str>) -> Fault {
        let write = format!("write it as [jobs.{}], or take it out", self.named);
        self.fault.clone().hint(meant.map_or(write, |known| format!("did you mean `{known}`?")))
    }
}

/// The fault that each of these jobs runs after the next, and the last after the first.
pub(super) fn circle(links: &[&Reference]) -> Fault {
    let word = |(index, link): (usize, &&Reference)| {
        let runs = if index == 0 { " runs" } else { "" };
        format!("`{}`{runs} after `{}`", link.job, link.named)
    };
    let (message, hint) = match links {
        [only] => (format!("the job `{}` runs after itself", only.job), "take it out"),
        _ => {
            let words = links.iter().enumerate().map(word).collect::<Vec<_>>().join(", ");
            (format!("jobs run after each other in a circle: {words}"), "take one of them out")
        }
    };
    Fault { code: Code::AfterCycle, message, ..links[0].fault.clone() }.hint(hint)
}

/// Returns circles of references. No job is in two of them, so that a tangle does not fill the screen; what
/// is left of it when one is broken is told by the next check.
pub(super) fn circles(references: &[Reference]) -> Vec<Vec<&Reference>> {
    let mut walk = Walk::default();
    for reference in references {
        walk.of.entry(&reference.job).or_default().push(reference);
    }
    for reference in references {
        walk.begin(&reference.job);
        while !walk.jobs.is_empty() {
            walk.step();
        }
    }
    walk.found
}

/// A walk from each job to those that it runs after, in depth. No recursion: a chain may be as long as a
/// file.
#[derive(Default)]
struct Walk<'a> {
    of: HashMap<&'a Name, Vec<&'a Reference>>,
    seen: HashMap<&'a Name, Seen>,
    /// The jobs on the way to where we are, with how many references of each were followed.
    jobs: Vec<(&'a Name, usize)>,
    /// The references between them.
    path: Vec<&'a Reference>,
    found: Vec<Vec<&'a Reference>>,
}

/// How far a job was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It is on the way to where we are.
    OnTheWay,
    /// All that it runs after was followed.
    Done,
    /// It is in a circle that was found, and may be on the way.
    InCircle,
}

impl<'a> Walk<'a> {
    fn begin(&mut self, job: &'a Name) {
        if !self.seen.contains_key(job) {
            self.seen.insert(job, Seen::OnTheWay);
            self.jobs.push((job, 0));
        }
    }

    fn step(&mut self) {
        let (job, followed) = self.jobs.last_mut().expect("it is not empty");
        let next = self.of.get(*job).and_then(|references| references.get(*followed)).copied();
        *followed += 1;
        match next {
            Some(next) => self.follow(next),
            None => self.go_back(),
        }
    }

    fn follow(&mut self, next: &'a Reference) {
        match self.seen.get(&next.named) {
            None => {
                self.begin(&next.named);
                self.path.push(next);
            }
            Some(Seen::OnTheWay) => self.close(next),
            Some(Seen::Done | Seen::InCircle) => {}
        }
    }

    fn go_back(&mut self) {
        self.path.pop();
        if let Some((job, _)) = self.jobs.pop()
            && self.seen.get(job) == Some(&Seen::OnTheWay)
        {
            self.seen.insert(job, Seen::Done);
        }
    }

    /// `next` leads back to a job on the way.
    fn close(&mut self, next: &'a Reference) {
        let start = self.jobs.iter().rposition(|(job, _)| **job == next.named);
        let start = start.expect("it is on the way");
        let circle: Vec<&Reference> = self.path[start..].iter().copied().chain([next]).collect();
        if circle.iter().all(|link| self.seen.get(&link.job) == Some(&Seen::OnTheWay)) {
            self.seen.extend(circle.iter().map(|link| (&link.job, Seen::InCircle)));
            self.found.push(circle);
        }
    }
}
