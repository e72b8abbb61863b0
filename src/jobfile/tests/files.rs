//! What is wrong with files as such, and with several of them.

use super::{Code, Host, now};
use crate::jobfile::{FILE_BYTES_MAX, Loaded, Options, Source, load};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// The codes that only files can show.
pub(super) const CODES: [Code; 11] = [
    Code::DuplicateJob,
    Code::DuplicateGroup,
    Code::MissingFile,
    Code::NotAFile,
    Code::Unreadable,
    Code::NotUtf8,
    Code::TooLarge,
    Code::IncludeCycle,
    Code::WritableByOthers,
    Code::BadPattern,
    Code::NothingIncluded,
];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
    }
    folder
}

fn load_path(path: &Path) -> Loaded {
    load(
        &Source::Path(path.to_owned()),
        &Options { now: now(), host: None, seed: "host".into(), tasks: None },
    )
}

/// The report, with the folder's own name taken out.
fn report(folder: &TempDir, name: &str) -> String {
    let loaded = load_path(&folder.path().join(name));
    loaded
        .faults
        .render(false)
        .replace(&format!("{}/", folder.path().display()), "")
        .replace(&folder.path().display().to_string(), ".")
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    let folder = folder(files);
    let plain = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(plain(report(&folder, "jobs.toml").trim()), plain(expected.trim()));
}

const JOB: &str = "[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\n";

#[test]
fn a_missing_file() {
    check(
        &[],
        "error[missing-file]: there is no such file
--> jobs.toml
 = help: `runner init` writes a first one",
    );
}

#[test]
fn a_folder_a_device_and_a_pipe() {
    let folder = folder(&[("jobs.toml/x", "")]);
    assert!(report(&folder, "jobs.toml").starts_with("error[not-a-file]: expected a file, found a folder\n"));
    let device = load_path(Path::new("/dev/null")).faults.render(false);
    assert!(device.contains("found a device, pipe or socket"), "{device}");
}

#[test]
fn an_unreadable_file_says_why() {
    // A path through a file can be read by nobody, not even by root.
    let folder = folder(&[("jobs.toml", JOB)]);
    let report = report(&folder, "jobs.toml/x.toml");
    assert!(report.starts_with("error[unreadable]: it cannot be read: not a directory\n"), "{report}");
}

#[test]
fn bytes_that_are_no_utf8_have_their_place() {
    let folder = folder(&[]);
    fs::write(folder.path().join("jobs.toml"), b"# fine\n# gr\xfcn\n").expect("a file");
    assert_eq!(
        report(&folder, "jobs.toml").trim(),
        "error[not-utf8]: expected UTF-8, found the byte 0xfc\n--> jobs.toml:2:5\n = help: save the file as UTF-8"
    );
}

#[test]
fn an_empty_file_has_no_jobs() {
    let report = |text| {
        let folder = folder(&[("jobs.toml", text)]);
        report(&folder, "jobs.toml").lines().next().unwrap_or_default().to_owned()
    };
    for text in ["", "\n\n", "# only this\n", "[jobs]\n"] {
        assert_eq!(report(text), "error[no-jobs]: expected at least one job, found none", "{text:?}");
    }
}

#[test]
fn a_file_that_is_too_large_is_not_even_read() {
    let folder = folder(&[]);
    let file = File::create(folder.path().join("jobs.toml")).expect("a file");
    file.set_len(FILE_BYTES_MAX as u64 + 1).expect("a sparse file");
    assert!(
        report(&folder, "jobs.toml").starts_with("error[too-large]: expected at most 64 MiB, found more\n")
    );
}

#[test]
fn a_cycle_of_includes() {
    check(
        &[
            ("jobs.toml", "[runner]\ninclude = [\"b.toml\"]\n[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\n"),
            ("b.toml", "include = \"jobs.toml\"\n"),
        ],
        "error[include-cycle]: `jobs.toml` includes itself, by way of this
 --> b.toml:1:11
  |
1 | include = \"jobs.toml\"
  |           ^^^^^^^^^^^",
    );
}

#[test]
fn patterns_that_are_none_and_that_match_nothing() {
    let text = "[runner]\ninclude = [\"a[\", \"none.d/*.toml\"]\n".to_owned() + JOB;
    check(
        &[("jobs.toml", &text)],
        "error[bad-pattern]: `a[` is no pattern for file names
 --> jobs.toml:2:12
  |
2 | include = [\"a[\", \"none.d/*.toml\"]
  |            ^^^^

warning[nothing-included]: no file matches `none.d/*.toml`
 --> jobs.toml:2:18
  |
2 | include = [\"a[\", \"none.d/*.toml\"]
  |                  ^^^^^^^^^^^^^^^",
    );
}

#[test]
fn an_included_file_that_is_missing_is_told_where_it_is_named() {
    let main = "include = [\"gone.toml\"]\n".to_owned() + JOB;
    check(
        &[("jobs.toml", &main)],
        "error[missing-file]: there is no file `gone.toml`
 --> jobs.toml:1:12
  |
1 | include = [\"gone.toml\"]
  |            ^^^^^^^^^^^",
    );
}

#[test]
fn a_pattern_means_other_files_than_its_own_and_each_once() {
    let main = "include = [\"*.toml\", \"b.toml\", \"b*\"]\n".to_owned() + JOB;
    check(&[("jobs.toml", &main), ("b.toml", "[jobs.b]\nevery = \"1h\"\ncommand = \"true\"\n")], "");
}

#[test]
fn a_job_of_two_included_files_names_both_places() {
    check(
        &[("jobs.toml", "include = [\"one.toml\", \"two.toml\"]\n"), ("one.toml", JOB), ("two.toml", JOB)],
        "error[duplicate-job]: the job `a` is defined twice
 --> two.toml:1:7
  |
1 | [jobs.a]
  |       ^
  |
 ::: one.toml:1:7
  |
1 | [jobs.a]
  |       - first here
  |
  = help: give one of them another name",
    );
}

#[test]
fn a_job_of_two_files_names_both_places() {
    check(
        &[
            (
                "jobs.toml",
                "[runner]\ninclude = [\"jobs.d/*.toml\"]\n[jobs.a]\nevery = \"1h\"\ncommand = \"true\"\n",
            ),
            ("jobs.d/one.toml", JOB),
        ],
        "error[duplicate-job]: the job `a` is defined twice
 --> jobs.d/one.toml:1:7
  |
1 | [jobs.a]
  |       ^
  |
 ::: jobs.toml:3:7
  |
3 | [jobs.a]
  |       - first here
  |
  = help: give one of them another name",
    );
}

#[test]
fn a_group_of_two_files_names_both_places() {
    let group = "[groups.db]\nmax_running = 1\n";
    let main = "[runner]\ninclude = \"b.toml\"\n".to_owned() + group + JOB;
    check(
        &[("jobs.toml", &main), ("b.toml", group)],
        "error[duplicate-group]: the group `db` is defined twice
 --> b.toml:1:9
  |
1 | [groups.db]
  |         ^^
  |
 ::: jobs.toml:3:9
  |
3 | [groups.db]
  |         -- first here",
    );
}

#[test]
fn a_job_may_run_after_one_of_another_file_but_not_in_a_circle() {
    let main = |after: &str| {
        format!("[runner]\ninclude = \"b.toml\"\n[jobs.a]\nafter = \"{after}\"\ncommand = \"true\"\n")
    };
    let other = |after: &str| format!("[jobs.b]\n{after}\ncommand = \"true\"\n");
    check(&[("jobs.toml", &main("b")), ("b.toml", &other("every = \"1h\""))], "");
    check(
        &[("jobs.toml", &main("b")), ("b.toml", &other("after = \"a\""))],
        "error[after-cycle]: jobs run after each other in a circle: `a` runs after `b`, `b` after `a`
 --> jobs.toml:4:9
  |
4 | after = \"b\"
  |         ^^^
  |
  = help: take one of them out",
    );
    check(
        &[("jobs.toml", &main("elsewhere")), ("b.toml", &other("every = \"1h\""))],
        "error[unknown-job]: there is no job `elsewhere`
 --> jobs.toml:4:9
  |
4 | after = \"elsewhere\"
  |         ^^^^^^^^^^^
  |
  = help: write it as [jobs.elsewhere], or take it out",
    );
}

#[test]
fn a_job_that_may_be_in_a_file_that_is_missing_is_not_said_to_be_unknown() {
    let text = "[runner]\ninclude = \"gone.toml\"\n[jobs.a]\nafter = \"b\"\ncommand = \"true\"\n";
    let folder = folder(&[("jobs.toml", text)]);
    let loaded = load_path(&folder.path().join("jobs.toml"));
    let codes: Vec<_> = loaded.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [Code::MissingFile]);
}

#[test]
fn a_chain_as_long_as_a_file_is_no_circle_and_one_that_closes_is() {
    let link = |n: usize, after: usize| format!("[jobs.j{n}]\ncommand = \"true\"\nafter = \"j{after}\"\n");
    let chain: String = (1..20_000).map(|n| link(n, n - 1)).collect();
    let open = "[jobs.j0]\nevery = \"1h\"\ncommand = \"true\"\n".to_owned() + &chain;
    assert_eq!(super::load_text(&open, None).plan.map(|plan| plan.jobs.len()), Some(20_000));
    let closed = super::load_text(&(link(0, 19_999) + &chain), None);
    let codes: Vec<_> = closed.faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [Code::AfterCycle]);
}

#[test]
fn a_tangle_is_told_by_circles_that_share_no_job() {
    let all =
        |n: usize| (0..100).filter(|other| *other != n).map(|n| format!("\"j{n}\"")).collect::<Vec<_>>();
    let job = |n: usize| format!("[jobs.j{n}]\ncommand = \"true\"\nafter = [{}]\n", all(n).join(", "));
    let loaded = super::load_text(&(0..100).map(job).collect::<String>(), None);
    assert!((1..=50).contains(&loaded.faults.errors()), "{}", loaded.faults.errors());
}

#[test]
fn all_faults_of_all_files_are_told() {
    let folder = folder(&[
        (
            "jobs.toml",
            "[runner]\ninclude = [\"jobs.d/*.toml\", \"gone.toml\"]\n[jobs.a]\nevery = \"1x\"\ncommand = \"true\"\n",
        ),
        ("jobs.d/one.toml", "[jobs.b]\nevery = 5\ncommand = \"true\"\n"),
        ("jobs.d/two.toml", "[runner]\n[jobs.c]\ncrom = \"@daily\"\ncommand = \"true\"\n"),
    ]);
    let loaded = load_path(&folder.path().join("jobs.toml"));
    let told: Vec<_> = loaded
        .faults
        .iter()
        .map(|fault| {
            (fault.file.file_name().expect("a name").to_string_lossy().into_owned(), fault.code.as_str())
        })
        .collect();
    let told: Vec<_> = told.iter().map(|(file, code)| (&**file, *code)).collect();
    let expected = [
        ("jobs.toml", "missing-file"),
        ("jobs.toml", "bad-duration"),
        ("one.toml", "wrong-type"),
        ("two.toml", "misplaced"),
        ("two.toml", "unknown-key"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_file_that_everybody_can_write_to() {
    let folder = folder(&[("jobs.toml", JOB)]);
    let path = folder.path().join("jobs.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("permissions");
    let host = Some(Host { path: Some("/bin".into()), is_root: true, find_user: |_| Ok(()) });
    let loaded = load(&Source::Path(path), &Options { now: now(), host, seed: "host".into(), tasks: None });
    let codes: Vec<_> = loaded.faults.iter().map(|fault| fault.code.as_str()).collect();
    assert_eq!(codes, ["writable-by-others"]);
    assert!(loaded.plan.is_some());
}

thread_local! {
    static USERS_ASKED_FOR: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[test]
fn the_user_database_is_asked_once_for_each_user() {
    let job =
        |number, user| format!("[jobs.j{number}]\nstartup = true\ncommand = [\"a\"]\nuser = \"{user}\"\n");
    let users = ["app", "none", "app:staff", "app", "none"];
    let text: String = users.into_iter().enumerate().map(|(number, user)| job(number, user)).collect();
    let find_user = |user: &crate::model::User| {
        USERS_ASKED_FOR.with_borrow_mut(|asked| asked.push(user.to_string()));
        if user.name == "app" { Ok(()) } else { Err("there is none".into()) }
    };
    let host = Some(Host { path: None, is_root: true, find_user });
    let options = Options { now: now(), host, seed: "host".into(), tasks: None };
    let loaded = load(&Source::Stdin(text.into_bytes()), &options);
    assert_eq!(USERS_ASKED_FOR.take(), ["app", "none", "app:staff"]);
    let unknown = loaded.faults.iter().filter(|fault| fault.code.as_str() == "unknown-user").count();
    assert_eq!(unknown, 2, "each of its jobs has the fault");
}

#[test]
fn nothing_makes_it_panic_or_hang() {
    let deep = "[".repeat(100_000);
    let nested = format!("a = {}1{}", "[".repeat(2000), "]".repeat(2000));
    let dotted = format!("{}a = 1", "a.".repeat(5000));
    let long = "Europe/".repeat(100_000);
    let job = |rest: &str| format!("[jobs.a]\ncommand = \"true\"\n{rest}");
    // Words that are like none of those that there are.
    let [zone, key, word, event] = [
        job(&format!("timezone = \"{long}\"")),
        job(&format!("\"{long}\" = 1")),
        job(&format!("overlap = \"{long}\"")),
        job(&format!("calendar = \"{long}\"")),
    ];
    let texts = [
        // Found by fuzzing: a mark on a line end that is not shown.
        "\"\r\r",
        &*deep,
        &nested,
        &dotted,
        &zone,
        &key,
        &word,
        &event,
        "\u{feff}",
        "[jobs.\"\"]",
        "[[jobs]]\n[[jobs.a]]",
        "jobs = 1",
        "[jobs]\na = 1",
        "\0",
    ];
    for text in texts {
        let loaded = super::load_text(text, None);
        assert!(loaded.plan.is_none(), "{}", &text[..text.len().min(20)]);
        assert!(loaded.faults.errors() > 0);
        assert!(!loaded.faults.render(true).is_empty());
    }
}
