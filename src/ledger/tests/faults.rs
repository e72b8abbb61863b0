//! What an SQLite file withstands while it is in use: nothing is answered that was not written, nothing is
//! written twice, and it goes on when it can.

use super::world::{World, again, fire, options, path_again};
use crate::ledger::{Ledger, SqliteLedger};
use crate::model::{Answer, Record};
use rusqlite::Connection;
use std::fs;
use std::process::Command;

fn claimed(number: u64) -> Vec<Answer> {
    vec![Answer::Claimed { number }]
}

#[test]
fn a_lock_of_another_program_is_waited_for() {
    let mut ledger = World::sqlite();
    let other = Connection::open(ledger.path()).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    let (answers, trouble) = ledger.write_in_trouble([Record::Claim(fire("a", 10))]);
    let path = ledger.path();
    let words = format!("the ledger `{}` cannot be written: another program has it locked", path.display());
    assert_eq!(*trouble, *words);
    other.execute_batch("ROLLBACK").expect("no lock");
    assert_eq!(ledger.answers(answers), claimed(1));
}

#[test]
fn a_file_that_was_moved_away_is_written_when_it_is_back() {
    let mut ledger = World::sqlite();
    let (path, away) = (ledger.path(), ledger.path().with_extension("away"));
    fs::rename(&path, &away).expect("a rename");
    let (answers, trouble) = ledger.write_in_trouble([Record::Claim(fire("a", 10))]);
    assert!(trouble.contains("was deleted or moved while it was in use; put it back"), "{trouble}");
    fs::write(&path, "another file").expect("a file");
    fs::remove_file(&path).expect("no file");
    fs::rename(&away, &path).expect("a rename");
    assert_eq!(ledger.answers(answers), claimed(1));
    ledger.reopen();
    assert_eq!(ledger.claim(fire("a", 10)), Answer::Taken);
    assert_eq!(ledger.claim(fire("a", 20)), Answer::Claimed { number: 2 });
}

#[test]
fn a_file_that_was_replaced_is_not_touched() {
    let mut ledger = World::sqlite();
    let (path, away) = (ledger.path(), ledger.path().with_extension("away"));
    fs::rename(&path, &away).expect("a rename");
    fs::write(&path, "another file").expect("a file");
    let (answers, trouble) = ledger.write_in_trouble([Record::Claim(fire("a", 10))]);
    assert!(trouble.contains("was replaced by another file while it was in use"), "{trouble}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "another file");
    fs::rename(&away, &path).expect("a rename");
    assert_eq!(ledger.answers(answers), claimed(1));
}

#[test]
fn a_log_that_was_deleted_is_carried_over() {
    let mut ledger = World::sqlite();
    ledger.claim(fire("a", 10));
    fs::remove_file(format!("{}-wal", ledger.path().display())).expect("a log");
    let (answers, trouble) = ledger.write_in_trouble([Record::Claim(fire("a", 20))]);
    assert!(trouble.contains("lost its `-wal` file"), "{trouble}");
    assert_eq!(ledger.answers(answers), claimed(2));
    ledger.crash();
    ledger.open();
    assert_eq!(ledger.past.runs.len(), 2);
}

#[test]
fn one_who_reads_for_long_holds_up_nobody() {
    let mut ledger = World::sqlite();
    ledger.claim(fire("a", 10));
    let other = Connection::open(ledger.path()).expect("a database");
    let runs =
        || other.query_one("SELECT count(*) FROM fire", [], |row| row.get::<_, u32>(0)).expect("a row");
    other.execute_batch("BEGIN").expect("a transaction");
    assert_eq!(runs(), 1);
    assert_eq!(ledger.claim(fire("a", 20)), Answer::Claimed { number: 2 });
    ledger.crash();
    ledger.open();
    assert_eq!(ledger.claim(fire("a", 30)), Answer::Claimed { number: 3 });
    assert_eq!(runs(), 1);
    other.execute_batch("COMMIT").expect("its end");
    assert_eq!(runs(), 3);
}

#[test]
fn a_runner_in_trouble_can_be_closed() {
    let mut ledger = World::sqlite();
    fs::remove_file(ledger.path()).expect("a file");
    let (answers, _) = ledger.write_in_trouble([Record::Claim(fire("a", 10))]);
    drop(answers);
    ledger.close(1000);
}

/// Whether calls can be made to fail here.
fn can_inject() -> bool {
    let probe = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=getppid:retval=1", "true"];
    Command::new("strace").args(probe).status().is_ok_and(|status| status.success())
}

fn inject(how: &str, test: &str) -> (String, World) {
    let mut world = World::sqlite();
    world.close(1000);
    let folder = world.path().parent().and_then(|state| state.parent()).expect("a folder").to_owned();
    let how = format!("inject={how}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &how];
    (again(&strace, &format!("ledger::tests::faults::{test}"), &folder), world)
}

/// strace counts by thread: the first calls are those of opening the ledger, in another one.
#[test]
fn a_flush_that_failed_once_loses_nothing_and_doubles_nothing() {
    if !can_inject() {
        return;
    }
    for call in 5..=9 {
        let how = format!("fsync,fdatasync:error=EIO:when={call}");
        let (said, mut ledger) = inject(&how, "writes_ten_batches");
        let answers: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("answer ")).collect();
        let expected: Vec<_> = (1..=10).map(|number| format!("[Claimed {{ number: {number} }}]")).collect();
        assert_eq!(answers, expected, "call {call}");
        assert!(said.contains("there was trouble"), "call {call}");
        ledger.open();
        assert_eq!(ledger.past.runs.len(), 10, "call {call}");
    }
}

#[test]
#[ignore = "is run by another test"]
fn writes_ten_batches() {
    let Some(path) = path_again() else { return };
    let mut ledger = SqliteLedger::open(&path, options(1000)).expect("a ledger");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut trouble = ledger.trouble().expect("it may have some");
    println!();
    for second in 1..=10 {
        let answers = runtime.block_on(ledger.write(vec![Record::Claim(fire("a", second))]));
        println!("answer {answers:?}");
        if trouble.has_changed().expect("a ledger") {
            println!("there was trouble, and there is: {:?}", *trouble.borrow_and_update());
        }
    }
}

#[test]
fn a_disk_that_fails_is_told_and_nothing_is_answered() {
    if !can_inject() {
        return;
    }
    let (said, mut ledger) = inject("fsync,fdatasync:error=EIO:when=5+", "says_what_the_trouble_is");
    assert!(said.contains("cannot be written: the disk failed"), "{said}");
    let answered = said.matches("answered").count();
    ledger.open();
    // The last one may have reached the disk, and was not answered.
    let there = ledger.past.runs.len();
    assert!(there == answered || there == answered + 1, "{answered} were answered, {there} are there");
}

#[test]
#[ignore = "is run by another test"]
fn says_what_the_trouble_is() {
    let Some(path) = path_again() else { return };
    let mut ledger = SqliteLedger::open(&path, options(1000)).expect("a ledger");
    let mut trouble = ledger.trouble().expect("it may have some");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for second in 0.. {
        let answers = ledger.write(vec![Record::Claim(fire("a", second))]);
        let in_trouble = runtime.block_on(async {
            tokio::select! {
                answers = answers => println!("\nanswered: {answers:?}"),
                told = trouble.wait_for(Option::is_some) => println!("\ntrouble: {told:?}"),
            }
            trouble.borrow().is_some()
        });
        if in_trouble {
            return;
        }
    }
}

/// Root may write what it likes, so this is done as another user where we are root.
#[test]
fn a_folder_that_may_not_be_written_is_refused() {
    let mut ledger = World::sqlite();
    ledger.close(1000);
    let path = ledger.path();
    let state = path.parent().expect("a folder");
    let folder = state.parent().expect("a folder");
    let closed = format!("chmod 0555 '{}'", state.display());
    let shell = if rustix::process::geteuid().is_root() {
        // By its descriptor: the other user may not be able to find this program.
        let other = "exec setpriv --reuid 65534 --clear-groups /proc/self/fd/9 \"$@\"";
        format!("{closed}; chown -R 65534 '{}'; exec 9<\"$1\"; shift; {other}", folder.display())
    } else {
        format!("{closed}; exec \"$@\"")
    };
    let said = again(&["sh", "-c", &shell, "sh"], "ledger::tests::faults::says_why_it_is_refused", folder);
    assert!(said.contains("cannot be written: "), "{said}");
    assert!(said.contains("NoPermission"), "{said}");
}

#[test]
#[ignore = "is run by another test"]
fn says_why_it_is_refused() {
    let Some(path) = path_again() else { return };
    let Err(error) = SqliteLedger::open(&path, options(1000)) else { panic!("it was opened") };
    println!("\n{error} {error:?}");
}
