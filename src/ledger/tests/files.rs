//! Which files are taken for a ledger, which are refused, and who may read them.

use super::world::{World, again, at, closed, defined, fire, options, path_again};
use crate::ledger::{Holder, Ledger, LedgerError, SqliteLedger, holder, quarantine};
use crate::model::{Outcome, Record};
use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

fn refused(path: &Path) -> LedgerError {
    let Err(error) = SqliteLedger::open(path, options(1000)) else { panic!("it was opened") };
    error
}

/// A closed ledger with some rows in it.
fn with_rows() -> World {
    let mut ledger = World::sqlite();
    ledger.write([defined("a", 0, 0, Some("every = \"1s\""))]);
    for second in 1..500 {
        ledger.write([closed("a", second, Outcome::Skipped), Record::Claim(fire("b", second))]);
    }
    ledger.close(1000);
    ledger
}

#[test]
fn a_second_runner_is_told_of_the_first() {
    let ledger = World::sqlite();
    let LedgerError::Held { pid, since, .. } = refused(&ledger.path()) else { panic!("another error") };
    assert_eq!((pid, since), (Some(std::process::id()), Some(at(1000))));
    let path = ledger.path();
    let expected = format!(
        "the ledger `{}` is held by another runner: process {}, since 1970-01-01T00:16:40Z",
        path.display(),
        std::process::id()
    );
    assert_eq!(refused(&path).to_string(), expected);
}

#[test]
fn a_second_runner_is_refused_also_when_the_lock_file_was_deleted() {
    let mut ledger = World::sqlite();
    fs::remove_file(format!("{}.lock", ledger.path().display())).expect("a lock");
    let LedgerError::Held { pid, since, .. } = refused(&ledger.path()) else { panic!("another error") };
    assert_eq!((pid, since), (None, None), "who it is went with the file");
    let moved = quarantine(&ledger.path(), &options(1000).node, at(0));
    assert!(matches!(moved, Err(LedgerError::Held { .. })), "{moved:?}");
    ledger.claim(fire("a", 10));
    ledger.reopen();
}

#[test]
fn who_only_looks_is_told_who_holds_it() {
    let mut ledger = World::sqlite();
    let expected = Holder { pid: Some(std::process::id()), since: Some(at(1000)), by_hand: false };
    assert_eq!(holder(&ledger.path()).expect("a lock"), Some(expected));
    ledger.crash();
    let mut by_hand = options(1000);
    by_hand.node.by_hand = true;
    ledger.open_with(by_hand);
    assert_eq!(holder(&ledger.path()).expect("a lock"), Some(Holder { by_hand: true, ..expected }));
    ledger.crash();
    assert_eq!(holder(&ledger.path()).expect("a lock"), None);
    assert_eq!(holder(&ledger.path().join("nothing")).ok(), None, "a file is no folder");
    assert_eq!(holder(&ledger.path().with_file_name("nothing")).expect("no lock"), None);
}

#[test]
fn a_lock_that_nobody_who_lives_is_named_in_is_waited_for() {
    let mut ledger = World::sqlite();
    ledger.close(1000);
    let name = format!("{}.lock", ledger.path().display());
    let looks = fs::File::open(&name).expect("a lock");
    rustix::fs::flock(&looks, rustix::fs::FlockOperation::LockShared).expect("a lock");
    let LedgerError::Held { pid, since, .. } = refused(&ledger.path()) else { panic!("another error") };
    assert_eq!((pid, since), (None, None));
    drop(looks);
    ledger.open();
}

#[test]
fn of_two_that_begin_at_once_one_lives() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..20 {
        let path = folder.path().join(format!("{round}/runner.db"));
        let open = || SqliteLedger::open(&path, options(1000));
        let (one, other) = std::thread::scope(|scope| {
            let other = scope.spawn(open);
            (open(), other.join().expect("no panic"))
        });
        match (one, other) {
            (Ok(_), Err(LedgerError::Held { pid, .. })) | (Err(LedgerError::Held { pid, .. }), Ok(_)) => {
                assert_eq!(pid, Some(std::process::id()));
            }
            (one, other) => panic!("{:?} {:?}", one.err(), other.err()),
        }
    }
}

#[test]
fn a_child_does_not_hold_the_lock() {
    let mut ledger = World::sqlite();
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat");
    ledger.crash();
    ledger.open();
    drop(child.stdin.take());
    child.wait().expect("it ends");
}

#[test]
fn files_are_their_owners_alone_whatever_the_umask() {
    for umask in ["000", "077", "277"] {
        let folder = tempfile::tempdir().expect("a folder");
        let shell = format!("umask {umask}; exec \"$@\"");
        let said = again(&["sh", "-c", &shell, "sh"], "ledger::tests::files::says_the_modes", folder.path());
        let modes: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("mode ")).collect();
        assert_eq!(modes, ["700", "600", "600", "600", "600"], "umask {umask}");
    }
}

#[test]
#[ignore = "is run by another test"]
fn says_the_modes() {
    let Some(path) = path_again() else { return };
    let _ledger = SqliteLedger::open(&path, options(1000)).expect("a ledger");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    println!("\nmode {:o}", mode(path.parent().expect("a folder")));
    for end in ["", "-wal", "-shm", ".lock"] {
        println!("mode {:o}", mode(Path::new(&format!("{}{end}", path.display()))));
    }
}

#[test]
fn what_is_no_ledger_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("folder")).expect("a folder");
    fs::write(place("notes.txt"), "buy milk\n".repeat(1000)).expect("a file");
    fs::write(place("empty"), "").expect("a file");
    let foreign = Connection::open(place("foreign.db")).expect("a database");
    foreign.execute_batch("CREATE TABLE t(x); PRAGMA user_version = 1;").expect("SQL");
    drop(foreign);
    let check = |name: &str, expected: &str| {
        let expected = expected.replace("PATH", &place(name).display().to_string());
        assert_eq!(refused(&place(name)).to_string(), expected);
    };
    check("folder", "expected a ledger at `PATH`, found a folder");
    check("notes.txt", "expected a ledger at `PATH`, found a file that is no SQLite database");
    check("foreign.db", "expected a ledger at `PATH`, found another program's database");
    check("empty", "the ledger `PATH` is damaged: the file is empty");
    check("notes.txt/runner.db", "the ledger `PATH` cannot be found");
    assert_eq!(fs::read_to_string(place("notes.txt")).expect("a file").len(), 9000);
}

#[test]
fn a_newer_format_is_refused() {
    let ledger = with_rows();
    let db = Connection::open(ledger.path()).expect("a database");
    db.pragma_update(None, "user_version", 7).expect("a pragma");
    drop(db);
    let expected = format!(
        "the ledger `{}` has format 7, expected at most 1: it was written by a newer release; start that one, or \
         name another ledger",
        ledger.path().display()
    );
    assert_eq!(refused(&ledger.path()).to_string(), expected);
}

#[test]
fn a_file_that_is_gone_from_beside_its_log_is_not_begun_anew() {
    let mut ledger = with_rows();
    ledger.open();
    ledger.claim(fire("a", 2000));
    let wal = format!("{}-wal", ledger.path().display());
    let kept = fs::read(&wal).expect("a log");
    ledger.crash();
    fs::write(&wal, kept).expect("a log");
    fs::remove_file(ledger.path()).expect("a file");
    let error = refused(&ledger.path());
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
}

#[test]
fn a_page_that_is_damaged_is_found() {
    let ledger = with_rows();
    let path = ledger.path();
    let sound = fs::read(&path).expect("a file");
    let pages = sound.len() / 4096;
    assert!(pages > 20, "{pages}");
    for page in 0..pages {
        fs::write(&path, &sound).expect("a file");
        let file = fs::OpenOptions::new().write(true).open(&path).expect("a file");
        file.write_all_at(&[0xA5; 4096], page as u64 * 4096).expect("a write");
        match SqliteLedger::open(&path, options(2000)) {
            Err(LedgerError::Corrupt { .. } | LedgerError::NotADatabase { .. }) => {}
            Err(error) => panic!("page {page}: {error:?}"),
            Ok(_) => panic!("page {page} was not looked at"),
        }
    }
}

#[test]
fn a_file_that_was_cut_short_is_found() {
    let ledger = with_rows();
    let path = ledger.path();
    let sound = fs::read(&path).expect("a file");
    for bytes in [0, 1, 100, 512, 4096, 8192, sound.len() / 2, sound.len() - 4096, sound.len() - 1] {
        fs::write(&path, &sound[..bytes]).expect("a file");
        let error = refused(&path);
        let named = matches!(error, LedgerError::Corrupt { .. } | LedgerError::NotADatabase { .. });
        assert!(named, "{bytes}: {error:?}");
    }
    let zeros = [&[0; 100], &sound[100..]].concat();
    fs::write(&path, zeros).expect("a file");
    let error = refused(&path);
    assert!(matches!(error, LedgerError::NotADatabase { .. }), "{error:?}");
}

#[test]
fn a_damaged_ledger_is_set_aside_with_all_that_belongs_to_it() {
    let ledger = with_rows();
    let path = ledger.path();
    for end in ["-wal", "-shm"] {
        fs::write(format!("{}{end}", path.display()), end).expect("a file");
    }
    let node = options(1000).node;
    let aside = quarantine(&path, &node, at(1_800_000_000)).expect("it is moved");
    assert_eq!(aside.display().to_string(), format!("{}.corrupt-20270115T080000Z", path.display()));
    assert_eq!(fs::read_to_string(format!("{}-wal", aside.display())).expect("a file"), "-wal");
    assert_eq!(fs::read_to_string(format!("{}-shm", aside.display())).expect("a file"), "-shm");
    drop(SqliteLedger::open(&path, options(1000)).expect("a new one"));
    let second = quarantine(&path, &node, at(1_800_000_000)).expect("it is moved");
    assert_eq!(second.display().to_string(), format!("{}-2", aside.display()));
    assert!(matches!(quarantine(&path, &node, at(0)), Err(LedgerError::Io { what: "set aside", .. })));
}

#[test]
fn a_ledger_in_use_is_not_set_aside() {
    let ledger = World::sqlite();
    let moved = quarantine(&ledger.path(), &options(1000).node, at(0));
    assert!(matches!(moved, Err(LedgerError::Held { .. })), "{moved:?}");
}

#[test]
fn a_link_leads_to_the_ledger_and_its_lock() {
    let mut ledger = World::sqlite();
    let link = ledger.path().with_file_name("link.db");
    symlink(ledger.path(), &link).expect("a link");
    assert!(matches!(refused(&link), LedgerError::Held { .. }));
    ledger.claim(fire("a", 10));
    ledger.close(1000);
    let mut linked = SqliteLedger::open(&link, options(1000)).expect("a ledger");
    assert_eq!(linked.past().expect("a past").runs.len(), 1);
}

#[test]
fn what_everybody_may_write_is_refused() {
    let mut ledger = World::sqlite();
    ledger.close(1000);
    let path = ledger.path();
    let folder = path.parent().expect("a folder");
    let check = |what: &Path, mode: u32, refuses: bool| {
        let before = fs::metadata(what).expect("it is there").permissions();
        fs::set_permissions(what, PermissionsExt::from_mode(mode)).expect("its mode");
        let found = SqliteLedger::open(&path, options(1000)).err().map(|error| error.to_string());
        fs::set_permissions(what, before).expect("its mode");
        let shown = format!("`{}` can be written by everybody", what.display());
        let expected = refuses.then(|| format!("the ledger `{}` is not safe: {shown}", path.display()));
        assert_eq!(found, expected, "{mode:o}");
    };
    check(&path, 0o600, false);
    check(&path, 0o660, false);
    check(&path, 0o606, true);
    check(&path, 0o666, true);
    check(folder, 0o775, false);
    check(folder, 0o777, true);
    check(folder, 0o1777, false);
}

#[test]
fn a_link_of_another_user_is_not_followed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let mut ledger = World::sqlite();
    ledger.close(1000);
    let link = ledger.path().with_file_name("link.db");
    symlink(ledger.path(), &link).expect("a link");
    std::os::unix::fs::lchown(&link, Some(65_534), None).expect("root may give it away");
    let expected = format!("expected a ledger at `{}`, found a link of another user", link.display());
    assert_eq!(refused(&link).to_string(), expected);
}

#[test]
fn what_is_damaged_is_said_in_one_line() {
    let ledger = with_rows();
    let file = fs::OpenOptions::new().write(true).open(ledger.path()).expect("a file");
    file.write_all_at(&[0xA5; 4096], 4096 * 4).expect("a write");
    let said = refused(&ledger.path()).to_string();
    assert!(said.contains("is damaged: ") && !said.contains(['\n', '*']), "{said}");
}
