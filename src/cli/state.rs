//! Where the ledger of a job file is.
//!
//! Every job file has a folder of its own under the state folder, named after `[runner] name`, else after its
//! path as it was given. A path is not resolved: below a link that names the newest release, or into a
//! `ConfigMap`, the file changes and its record goes on. Of two paths of one file two ledgers come, which is the
//! lesser evil: of one ledger for two files each would take the other's past for its own.
//!
//! Start reading at [`place`], which is pure; [`Surroundings::look`] reads what it needs.

use super::Failure;
use crate::model::{LedgerPlace, Settings, stable_hash};
use anyhow::anyhow;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The ledger in the folder of a job file.
const LEDGER_FILE: &str = "ledger.db";

/// So much of a job file's name is in that of its folder, in characters of at most four bytes.
const STEM_CHARS_MAX: usize = 50;

/// What decides where the state folder is, beside the job file; empty variables are unset ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// `--state-dir`, else `RUNNER_STATE_DIR`; absolute.
    chosen: Option<PathBuf>,
    /// `STATE_DIRECTORY`, as systemd sets it: one or several, with colons between them.
    state_directory: Option<PathBuf>,
    xdg_state_home: Option<PathBuf>,
    home: Option<PathBuf>,
    is_root: bool,
}

/// Where runs are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this file.
    File(PathBuf),
    /// Nowhere, as the job file has it.
    Memory,
    /// Nowhere, because nothing tells the ledger of this job file from those of others.
    Nameless,
}

/// There is no state folder.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no folder for the ledger: HOME is not set; give --state-dir, or write in the job file: [runner] ledger = \"runner.db\""
)]
pub(super) struct NoStateFolder;

impl Surroundings {
    /// Reads them.
    ///
    /// # Errors
    /// When `chosen` is relative and the working directory is gone.
    pub(super) fn look(chosen: Option<PathBuf>) -> Result<Surroundings, Failure> {
        let chosen = chosen.or_else(|| variable("RUNNER_STATE_DIR")).map(|chosen| absolute(&chosen));
        Ok(Surroundings {
            chosen: chosen.transpose().map_err(Failure::cannot_work)?,
            state_directory: variable("STATE_DIRECTORY"),
            xdg_state_home: variable("XDG_STATE_HOME"),
            home: variable("HOME"),
            is_root: rustix::process::geteuid().is_root(),
        })
    }

    /// The state folder. A relative path in a variable that is not ours is none: nobody knows what it is
    /// relative to.
    fn folder(&self) -> Result<PathBuf, NoStateFolder> {
        let absolute = |path: &Option<PathBuf>| path.clone().filter(|path| path.is_absolute());
        if let Some(folder) = self.chosen.clone().or_else(|| self.systemds()) {
            return Ok(folder);
        }
        if self.is_root {
            return Ok("/var/lib/runner".into());
        }
        let home = || absolute(&self.home).map(|home| home.join(".local/state"));
        let folder = absolute(&self.xdg_state_home).or_else(home);
        folder.map(|folder| folder.join("runner")).ok_or(NoStateFolder)
    }

    /// The first of the folders that systemd made.
    fn systemds(&self) -> Option<PathBuf> {
        let folders = self.state_directory.as_deref()?;
        std::env::split_paths(folders).next().filter(|first| first.is_absolute())
    }
}

/// Returns where the runs of a job file are recorded, which is `job_file`, an absolute path, or `None` when it
/// was read from standard input.
///
/// # Errors
/// When it is under the state folder and there is none.
pub(super) fn place(
    settings: &Settings,
    job_file: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Place, NoStateFolder> {
    let own = settings.name.as_ref().map(ToString::to_string).or_else(|| job_file.map(own_folder));
    match (&settings.ledger, own) {
        (LedgerPlace::Memory, _) => Ok(Place::Memory),
        (LedgerPlace::File(path), _) => Ok(Place::File(path.clone())),
        (LedgerPlace::State, None) => Ok(Place::Nameless),
        (LedgerPlace::State, Some(own)) => {
            Ok(Place::File(surroundings.folder()?.join(own).join(LEDGER_FILE)))
        }
    }
}

/// What the folder of a job file is called: `jobs-1a2b3c4d`.
fn own_folder(job_file: &Path) -> String {
    let stem = job_file.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let stem: String = stem.trim_start_matches('.').chars().take(STEM_CHARS_MAX).map(plain).collect();
    let stem = if stem.is_empty() { "jobs" } else { &stem };
    let hash = stable_hash(&[job_file.as_os_str().as_encoded_bytes()]) >> 32;
    format!("{stem}-{hash:08x}")
}

/// Returns `job_file` from the root on, with its links as they are. Where it goes back up (`..`), what comes
/// before is resolved, because only the system knows what is above a link.
///
/// # Errors
/// When the working directory is gone.
pub(super) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let cannot =
        |error: io::Error| anyhow!(error).context(format!("cannot tell where `{}` is", path.display()));
    let path = std::path::absolute(path).map_err(cannot)?;
    let parts: Vec<Component<'_>> = path.components().collect();
    let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else { return Ok(path) };
    let above: PathBuf = parts[..=last].iter().collect();
    Ok(above.canonicalize().map_err(cannot)?.join(parts[last + 1..].iter().collect::<PathBuf>()))
}

#[expect(clippy::disallowed_methods, reason = "the environment is the command line's to read")]
pub(super) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Keep, Name};
    use crate::trigger::Zone;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    fn settings(ledger: LedgerPlace, name: Option<&str>) -> Settings {
        Settings {
            file: Path::new("jobs.toml").into(),
            zone: Zone::find("UTC").expect("a zone"),
            max_running: None,
            shutdown_grace: Duration::ZERO,
            ledger,
            name: name.map(|name| Name::parse(name).expect("a name")),
            keep: Keep::default(),
            seed: None,
        }
    }

    /// A user with all variables set, under which the others lie.
    fn user() -> Surroundings {
        let path = |path: &str| Some(PathBuf::from(path));
        Surroundings {
            chosen: path("/chosen"),
            state_directory: path("/var/lib/one:/var/lib/two"),
            xdg_state_home: path("/xdg"),
            home: path("/home/me"),
            is_root: false,
        }
    }

    #[track_caller]
    fn check(surroundings: &Surroundings, expected: Result<&str, NoStateFolder>) {
        assert_eq!(surroundings.folder(), expected.map(PathBuf::from), "{surroundings:?}");
    }

    #[test]
    fn the_state_folder_is_the_first_of_those_that_are_said() {
        let without_flag = Surroundings { chosen: None, ..user() };
        let without_systemd = Surroundings { state_directory: None, ..without_flag.clone() };
        let root = Surroundings { is_root: true, ..without_systemd.clone() };
        let without_xdg = Surroundings { xdg_state_home: None, ..without_systemd.clone() };
        check(&user(), Ok("/chosen"));
        check(&Surroundings { is_root: true, ..user() }, Ok("/chosen"));
        check(&without_flag, Ok("/var/lib/one"));
        check(&Surroundings { is_root: true, ..without_flag.clone() }, Ok("/var/lib/one"));
        check(&root, Ok("/var/lib/runner"));
        check(&Surroundings { home: None, xdg_state_home: None, ..root }, Ok("/var/lib/runner"));
        check(&without_systemd, Ok("/xdg/runner"));
        check(&without_xdg, Ok("/home/me/.local/state/runner"));
        check(&Surroundings { home: None, ..without_xdg }, Err(NoStateFolder));
        check(&Surroundings { home: None, ..without_systemd }, Ok("/xdg/runner"));
    }

    #[test]
    fn relative_paths_of_others_are_none() {
        let relative = |path: &str| Some(PathBuf::from(path));
        let home = Surroundings { home: Some("/home/me".into()), ..Surroundings::default() };
        let (xdg, systemd) = (relative("state"), relative("runner:/var/lib/two"));
        check(&Surroundings { xdg_state_home: xdg, ..home.clone() }, Ok("/home/me/.local/state/runner"));
        check(&Surroundings { state_directory: systemd, ..home }, Ok("/home/me/.local/state/runner"));
        check(&Surroundings { home: relative("me"), ..Surroundings::default() }, Err(NoStateFolder));
    }

    #[test]
    fn the_job_file_says_where_or_what_its_folder_is_called() {
        let file = Some(Path::new("/srv/app/jobs.toml"));
        let check = |ledger: LedgerPlace, name: Option<&str>, file: Option<&Path>, expected: Place| {
            assert_eq!(place(&settings(ledger, name), file, &user()), Ok(expected));
        };
        let own = Place::File("/chosen/jobs-0aa14a4c/ledger.db".into());
        check(LedgerPlace::State, None, file, own);
        check(LedgerPlace::State, Some("shop"), file, Place::File("/chosen/shop/ledger.db".into()));
        check(LedgerPlace::State, Some("shop"), None, Place::File("/chosen/shop/ledger.db".into()));
        check(LedgerPlace::State, None, None, Place::Nameless);
        check(LedgerPlace::Memory, Some("shop"), file, Place::Memory);
        check(LedgerPlace::File("/x/y.db".into()), Some("shop"), None, Place::File("/x/y.db".into()));
    }

    #[test]
    fn only_what_lies_under_the_state_folder_needs_one() {
        let nowhere = Surroundings::default();
        let file = Some(Path::new("/srv/jobs.toml"));
        assert_eq!(place(&settings(LedgerPlace::State, None), file, &nowhere), Err(NoStateFolder));
        assert_eq!(place(&settings(LedgerPlace::Memory, None), file, &nowhere), Ok(Place::Memory));
        assert_eq!(place(&settings(LedgerPlace::State, None), None, &nowhere), Ok(Place::Nameless));
        let own = LedgerPlace::File("/x.db".into());
        assert_eq!(place(&settings(own, None), file, &nowhere), Ok(Place::File("/x.db".into())));
    }

    #[test]
    fn two_files_never_share_a_folder_and_any_name_makes_one() {
        let check = |path: &str, stem: &str| {
            let folder = own_folder(Path::new(path));
            let (found, hash) = folder.rsplit_once('-').expect("a dash");
            let is_hash = hash.len() == 8 && hash.chars().all(|c| c.is_ascii_hexdigit());
            assert!(found == stem && is_hash, "{folder}");
            folder
        };
        assert_eq!(check("/srv/app/jobs.toml", "jobs"), "jobs-0aa14a4c", "the same in every release");
        let others = ["/srv/other/jobs.toml", "/srv/app/jobs", "/srv/app/jobs.tml"];
        assert!(others.iter().all(|path| check(path, "jobs") != "jobs-0aa14a4c"));
        check("/srv/app/.toml", "toml");
        check("/srv/app/..toml", "jobs");
        check("/srv/app/über uns.d/a b\n.toml", "a_b_");
        check("/", "jobs");
        let long = own_folder(Path::new(&format!("/{}.toml", "ü".repeat(120))));
        assert!(long.len() <= 255 && long.starts_with("üü"), "{long}");
    }

    #[test]
    fn links_stay_as_they_are_but_above_one_is_where_it_leads() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it is there");
        fs::create_dir_all(root.join("releases/42")).expect("a folder");
        symlink("releases/42", root.join("current")).expect("a link");
        let check = |given: &str, expected: &str| {
            let found = absolute(&root.join(given)).expect("a working directory");
            assert_eq!(found, root.join(expected));
        };
        check("current/jobs.toml", "current/jobs.toml");
        check("./current//jobs.toml", "current/jobs.toml");
        check("releases/../current/jobs.toml", "current/jobs.toml");
        check("current/../jobs.toml", "releases/jobs.toml");
        assert!(absolute(Path::new("jobs.toml")).expect("a working directory").is_absolute());
        let gone = absolute(&root.join("gone/../jobs.toml")).expect_err("it cannot be told").to_string();
        assert!(gone.starts_with("cannot tell where `") && gone.ends_with("gone/../jobs.toml` is"), "{gone}");
    }
}
