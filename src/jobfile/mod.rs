//! TOML text -> [`Plan`], or every fault in it with its place.
//!
//! [`load`] reads a job file and those that it includes. A plan comes of it only when all of them are sound;
//! otherwise all faults of all files are told, not the first. `source` gets the text, `syntax` words what is
//! no TOML in it, `value` reads one value of one kind, `keys` knows which words there are (and which
//! neighbouring tools use), `shared` reads the keys that jobs and `[defaults]` have in common (`rights` those
//! of users and limits, `dst` that of changes of the clock, `keep` that of what the ledger keeps), `job` the rest of
//! a job (`wall` its crons, calendar events and intervals, `task` code of a program), `after` who runs after whom,
//! `runner` the other tables, and `lint` says what is legal but likely not meant (`crowd` of many jobs together). `fault` words a fault,
//! `render` draws it.
//!
//! Nothing is started here and nothing but files is looked at; what depends on the machine comes in
//! [`Options`].

mod after;
mod crowd;
mod dst;
mod fault;
mod job;
mod keep;
mod keys;
mod lint;
mod plain;
mod render;
mod rights;
mod runner;
mod shared;
mod source;
mod syntax;
mod task;
#[cfg(test)]
mod tests;
mod value;
mod wall;

pub use fault::{Code, Excerpt, Fault, Faults, Severity};
pub use lint::note_words;
pub use source::{FILE_BYTES_MAX, Source};

use crate::model::{Job, JobAction, Keep, Name, Plan, Settings, Tasks, User, nearest};
use crate::trigger::{Schedule, Zone};
use after::Reference;
use chrono::{DateTime, Utc};
use crowd::Crowds;
use fault::Spot;
use runner::RunnerTable;
use shared::{Defaults, Shared};
use source::{Sheet, SourceError};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use value::{Entry, Fields, Reader, Users};

/// How long a shutdown may take when the file does not say.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(25);

/// For how many unknown jobs the nearest known one is looked for, because all are compared.
const NEAREST_MAX: usize = 20;

/// What a job file is judged against.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is past and what is to come.
    pub now: DateTime<Utc>,
    /// The machine; `None` leaves out what depends on it.
    pub host: Option<Host>,
    /// What the `H` of a cron is drawn from, beside the job's name, when the file has no seed: the host's name.
    pub seed: String,
    /// The tasks of the program that loads the file; `None`: it is the command, which has none.
    pub tasks: Option<Tasks>,
}

/// What is looked at on this machine.
#[derive(Clone, Debug)]
pub struct Host {
    /// The `PATH` that jobs inherit.
    pub path: Option<OsString>,
    /// Whether the runner is root, and so may run jobs as other users.
    pub is_root: bool,
    /// Says which user or group of these is not there.
    pub find_user: fn(&User) -> Result<(), String>,
}

/// What came of a job file.
#[derive(Debug)]
pub struct Loaded {
    /// There is one when no fault is an error.
    pub plan: Option<Plan>,
    /// In order of file, line and column.
    pub faults: Faults,
}

/// Reads a job file and all that it includes.
pub fn load(source: &Source, options: &Options) -> Loaded {
    let mut loader = Loader::new(options);
    let plan = loader.load(source);
    let faults = Faults::new(loader.faults);
    Loaded { plan: plan.filter(|_| faults.errors() == 0), faults }
}

/// What many jobs have alike, made once.
#[derive(Default)]
struct Shelf {
    crons: wall::Texts,
    calendars: wall::Texts,
    schedules: HashSet<Arc<Schedule>>,
    actions: HashSet<JobAction>,
    /// What an `H` is drawn from, beside the job's name.
    seed: String,
    /// Whether a path of this machine is there.
    paths: HashMap<PathBuf, bool>,
    crowds: Crowds,
}

impl Shelf {
    /// Returns the schedule that equals this one and was there first.
    fn shared_schedule(&mut self, schedule: Schedule) -> Arc<Schedule> {
        if let Some(known) = self.schedules.get(&schedule) {
            return Arc::clone(known);
        }
        let schedule = Arc::new(schedule);
        self.schedules.insert(Arc::clone(&schedule));
        schedule
    }

    /// Returns the action that equals this one and was there first.
    fn shared(&mut self, action: JobAction) -> JobAction {
        if let Some(known) = self.actions.get(&action) {
            return known.clone();
        }
        self.actions.insert(action.clone());
        action
    }
}

/// What has been read so far.
struct Loader<'a> {
    options: &'a Options,
    faults: Vec<Fault>,
    jobs: Vec<Arc<Job>>,
    /// Where each job with a sound name was first defined, whatever else is wrong with it.
    defined: HashMap<Name, Spot>,
    groups: BTreeMap<Name, NonZeroU32>,
    groups_defined: HashMap<Box<str>, Spot>,
    /// The group that each job names, to be looked up when all files are read.
    groups_named: Vec<(Name, Fault)>,
    /// Who runs after whom, likewise.
    after_named: Vec<Reference>,
    shelf: Shelf,
    users: Users,
    /// The files that lead to the one being read.
    including: Vec<PathBuf>,
    /// The first of them.
    main: Option<Rc<Sheet>>,
}

impl<'a> Loader<'a> {
    fn new(options: &'a Options) -> Loader<'a> {
        Loader {
            options,
            faults: Vec::new(),
            jobs: Vec::new(),
            defined: HashMap::new(),
            groups: BTreeMap::new(),
            groups_defined: HashMap::new(),
            groups_named: Vec::new(),
            after_named: Vec::new(),
            shelf: Shelf::default(),
            users: Users::default(),
            including: Vec::new(),
            main: None,
        }
    }

    fn load(&mut self, source: &Source) -> Option<Plan> {
        let sheet = Rc::new(self.open(source)?);
        self.main = Some(Rc::clone(&sheet));
        let settings = self.read_file(&sheet, None)?;
        self.look_up_groups();
        self.look_up_after();
        let crowds = std::mem::take(&mut self.shelf.crowds);
        self.faults.extend(crowds.fault(&sheet, &settings.zone, self.options.now));
        if self.defined.is_empty() && self.faults.iter().all(|fault| fault.severity() == Severity::Warning) {
            let fault = Fault::of_file(Code::NoJobs, &sheet.path, "expected at least one job, found none");
            self.faults.push(fault.hint("write one as [jobs.NAME]; `runner init` writes a first file"));
        }
        let (mut jobs, groups) = (std::mem::take(&mut self.jobs), std::mem::take(&mut self.groups));
        jobs.shrink_to_fit();
        Some(Plan { jobs, groups, settings })
    }

    fn open(&mut self, source: &Source) -> Option<Sheet> {
        let world_writable = self.options.host.is_some();
        match Sheet::open(source) {
            Ok(sheet) => {
                if world_writable && sheet.is_writable_by_others() {
                    let message =
                        "every user of this machine can write to this file, and so run what they like";
                    let fault = Fault::of_file(Code::WritableByOthers, &sheet.path, message);
                    self.faults.push(fault.hint(format!("chmod o-w {}", sheet.path.display())));
                }
                Some(sheet)
            }
            Err(SourceError { path, code, message, hint, place }) => {
                let fault = Fault::of_file(code, &path, message).at_line(place);
                self.faults.push(match hint {
                    Some(hint) => fault.hint(hint),
                    None => fault,
                });
                None
            }
        }
    }

    /// Reads one file and those that it includes. `under` is what the including file says of all jobs; the
    /// main file has none, and only it may have `[runner]`.
    fn read_file(&mut self, sheet: &Sheet, under: Option<&Shared>) -> Option<Settings> {
        let (document, errors) = toml::de::DeTable::parse_recoverable(&sheet.text);
        let syntax = syntax::faults(sheet, &errors);
        let told_before = self.faults.len();
        let mut reader = Reader::new(sheet, self.options.host.as_ref(), &self.users, &mut self.faults);
        let mut top = Fields::of(document.get_ref());
        let runner_entry = top.take("runner");
        let defaults_entry = top.take("defaults");
        let groups_entry = top.take("groups");
        let jobs_entry = top.take("jobs");
        let include_entry = top.take("include");
        keys::refuse_rest(&mut reader, top, keys::Place::Top);
        let main = under.is_none();
        let runner = RunnerTable::read(&mut reader, runner_entry.as_ref(), include_entry.as_ref(), main);
        if main {
            self.shelf.seed = runner.seed.clone().unwrap_or_else(|| self.options.seed.clone());
        }
        let zone = match under {
            Some(under) => under.timezone.clone(),
            None => runner.zone.clone().or_else(|| system_zone(&mut reader)),
        };
        let under = under.cloned().unwrap_or_else(|| Shared::in_zone(zone.clone()));
        let own = defaults_entry.map(|entry| Shared::read_defaults(&mut reader, &entry)).unwrap_or_default();
        let defaults = own.over(&under);
        self.read_groups(sheet, groups_entry.as_ref());
        self.read_jobs(sheet, jobs_entry.as_ref(), &defaults);
        self.include(sheet, &runner.include, &defaults);
        let broken = !syntax.is_empty();
        if broken {
            let consequences = |fault: &Fault| fault.file == sheet.path && syntax::explains(&syntax, fault);
            let told = self.faults.split_off(told_before);
            self.faults.extend(told.into_iter().filter(|fault| !consequences(fault)));
            self.faults.extend(syntax);
        }
        if broken { None } else { Some(settings(sheet, runner, zone?)) }
    }

    fn read_groups(&mut self, sheet: &Sheet, entry: Option<&Entry<'_>>) {
        let Some(entry) = entry else { return };
        let mut reader = Reader::new(sheet, self.options.host.as_ref(), &self.users, &mut self.faults);
        let Some(table) = reader.table(entry, "a table for each group, such as [groups.database]") else {
            return;
        };
        for group in table.rest() {
            let limit = runner::read_group(&mut reader, &group);
            if let Some(first) = self.groups_defined.get(group.key) {
                let message = format!("the group `{}` is defined twice", group.key);
                let first = first.excerpt([Some(sheet), self.main.as_deref()]);
                reader.fault(Code::DuplicateGroup, group.key_span, message).also = first;
                continue;
            }
            self.groups_defined.insert(group.key.into(), Spot::new(sheet, &group.key_span));
            if let Some((name, limit)) = limit {
                self.groups.insert(name, limit);
            }
        }
    }

    fn read_jobs(&mut self, sheet: &Sheet, entry: Option<&Entry<'_>>, defaults: &Shared) {
        let Some(entry) = entry else { return };
        let defaults = Defaults::new(defaults, sheet);
        let mut reader = Reader::new(sheet, self.options.host.as_ref(), &self.users, &mut self.faults);
        if keys::is_array_of_tables(entry) {
            keys::refuse_jobs_array(&mut reader, entry);
            return;
        }
        let Some(table) = reader.table(entry, "a table for each job, such as [jobs.backup]") else { return };
        for entry in table.rest() {
            self.read_job(sheet, &entry, &defaults);
        }
    }

    fn read_job(&mut self, sheet: &Sheet, entry: &Entry<'_>, defaults: &Defaults<'_>) {
        if let Some(first) = self.defined.get(entry.key) {
            let message = format!("the job `{}` is defined twice", entry.key);
            let fault = Fault::at(Code::DuplicateJob, sheet, entry.key_span.clone(), message);
            let also = first.excerpt([Some(sheet), self.main.as_deref()]);
            self.faults.push(Fault { also, ..fault.hint("give one of them another name") });
            return;
        }
        let mut reader = Reader::new(sheet, self.options.host.as_ref(), &self.users, &mut self.faults);
        let read = job::read(&mut reader, entry, defaults, self.options, &mut self.shelf);
        self.defined.extend(read.name.map(|name| (name, Spot::new(sheet, &entry.key_span))));
        self.groups_named.extend(read.group);
        self.after_named.extend(read.after);
        self.jobs.extend(read.job.map(Arc::new));
    }

    fn look_up_groups(&mut self) {
        let known: Vec<&str> = self.groups_defined.keys().map(AsRef::as_ref).collect();
        for (group, fault) in self.groups_named.drain(..) {
            if !self.groups_defined.contains_key(group.as_str()) {
                let meant = nearest(group.as_str(), known.iter().copied());
                let write = format!("write: [groups.{group}] with max_running = 1 below it");
                self.faults.push(fault.hint(meant.map_or(write, |known| format!("did you mean `{known}`?"))));
            }
        }
    }

    fn look_up_after(&mut self) {
        let references = std::mem::take(&mut self.after_named);
        if references.is_empty() {
            return;
        }
        // A file that could not be read may have it.
        if self.faults.iter().all(|fault| !fault.code.hides_jobs()) {
            self.look_up_jobs(&references);
        }
        self.faults.extend(after::circles(&references).iter().map(|circle| after::circle(circle)));
    }

    fn look_up_jobs(&mut self, references: &[Reference]) {
        let unknown = |reference: &&Reference| !self.defined.contains_key(reference.named.as_str());
        let unknown: Vec<&Reference> = references.iter().filter(unknown).collect();
        if unknown.is_empty() {
            return;
        }
        let mut known: Vec<&str> = self.defined.keys().map(Name::as_str).collect();
        known.sort_unstable();
        for (index, unknown) in unknown.into_iter().enumerate() {
            let compared = if index < NEAREST_MAX { &*known } else { &[] };
            let meant = nearest(unknown.named.as_str(), compared.iter().copied());
            self.faults.push(unknown.unknown(meant));
        }
    }

    fn include(&mut self, sheet: &Sheet, patterns: &[value::Text], defaults: &Shared) {
        self.including.push(sheet.identity());
        let mut included = HashSet::new();
        for pattern in patterns {
            for path in self.included(sheet, pattern) {
                // One that two patterns match is read once.
                if included.insert(path.clone()) {
                    self.include_file(sheet, pattern, &path, defaults);
                }
            }
        }
        self.including.pop();
    }

    fn include_file(&mut self, sheet: &Sheet, pattern: &value::Text, path: &Path, defaults: &Shared) {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.including.contains(&identity) {
            let message = format!("`{}` includes itself, by way of this", path.display());
            self.faults.push(Fault::at(Code::IncludeCycle, sheet, pattern.span.clone(), message));
        } else if !path.exists() {
            let message = format!("there is no file `{}`", path.display());
            self.faults.push(Fault::at(Code::MissingFile, sheet, pattern.span.clone(), message));
        } else if let Some(included) = self.open(&Source::Path(path.to_owned())) {
            self.read_file(&included, Some(defaults));
        }
    }

    /// The files that a pattern means, sorted. A name without wildcards is that file, there or not.
    fn included(&mut self, sheet: &Sheet, pattern: &value::Text) -> Vec<PathBuf> {
        let joined = sheet.folder_as_named().join(&pattern.text);
        if !pattern.text.contains(['*', '?', '[']) {
            return vec![joined];
        }
        let found = joined.to_str().and_then(|pattern| glob::glob(pattern).ok());
        let Some(found) = found else {
            let message = format!("`{}` is no pattern for file names", pattern.text);
            self.faults.push(Fault::at(Code::BadPattern, sheet, pattern.span.clone(), message));
            return Vec::new();
        };
        let found = found.filter_map(Result::ok).filter(|path| !path.is_dir());
        // A pattern that also matches the file that has it means the others.
        let own = sheet.identity();
        let found: Vec<PathBuf> =
            found.filter(|path| path.canonicalize().ok().as_ref() != Some(&own)).collect();
        if found.is_empty() {
            let message = format!("no file matches `{}`", pattern.text);
            self.faults.push(Fault::at(Code::NothingIncluded, sheet, pattern.span.clone(), message));
        }
        found
    }
}

fn settings(sheet: &Sheet, runner: RunnerTable, zone: Zone) -> Settings {
    Settings {
        file: sheet.path.clone(),
        zone,
        max_running: runner.max_running,
        shutdown_grace: runner.shutdown_grace.unwrap_or(SHUTDOWN_GRACE),
        ledger: runner.ledger,
        name: runner.name,
        keep: runner.keep.over_limits(Keep::SEASON),
        seed: runner.seed,
    }
}

/// The system's zone; that it is unknown is a fault of this machine that the file can mend.
fn system_zone(reader: &mut Reader<'_>) -> Option<Zone> {
    Zone::system()
        .map_err(|error| {
            let fault = Fault::of_file(Code::UnknownZone, reader.path(), error.to_string());
            let hint = format!("{}, or write: [runner] timezone = \"Europe/Berlin\"", error.remedy());
            reader.push(fault.hint(hint));
        })
        .ok()
}
