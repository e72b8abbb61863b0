//! The thread that writes: it alone has a connection that may.
//!
//! A batch is one transaction. It is written until it is: a fault is told once ([`super::Ledger::trouble`]),
//! and the batch begun again after a pause that grows. Whether a commit that failed has reached the disk is
//! not known, so each transaction also counts itself in this runner's row: if that count is there, the batch
//! was written, and its claims are our own.

#[cfg(test)]
mod tests;

use super::book::Book;
use super::error::LedgerError;
use super::fault::Fault;
use super::files::FileId;
use super::lock::Lock;
use super::retention::Retention;
use super::{OpenFile, OpenOptions, WallClock, extended, open};
use crate::model::{Answer, Record};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension};
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Between two tries of a batch that could not be written.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Between two steps of deleting: so long while nothing is to be written, else so many batches.
const STEP_PAUSE: Duration = Duration::from_millis(50);
const STEP_BATCHES: i64 = 8;

/// If nothing is written for so long, it is written that the runner lives.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A log that is longer than this is not normal.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// What the thread is asked for.
pub(super) enum Message {
    Write(Vec<Record>, oneshot::Sender<Vec<Answer>>),
    Close(DateTime<Utc>, oneshot::Sender<()>),
}

/// See the module's page.
pub(super) struct Writer {
    path: PathBuf,
    id: FileId,
    /// `None`: it could no longer be used.
    db: Option<Connection>,
    /// The file that commits go to first; known after the first one of a connection.
    wal: Option<FileId>,
    /// People were told that it is very long.
    log_is_long: bool,
    book: Book,
    /// How many batches are known to be written.
    batches: i64,
    /// The answers to a batch that may be written: its commit was begun.
    unconfirmed: Option<Vec<Answer>>,
    clock: WallClock,
    retention: Retention,
    /// So many batches are to be written before old rows are deleted, unless none comes.
    next_step: i64,
    trouble: watch::Sender<Option<Arc<str>>>,
    inbox: Receiver<Message>,
    /// How long another program's lock is waited for.
    busy_max: Duration,
    /// What came while a batch was not yet written.
    backlog: VecDeque<Message>,
    _lock: Lock,
}

impl Writer {
    pub(super) fn new(
        file: OpenFile,
        options: OpenOptions,
        trouble: watch::Sender<Option<Arc<str>>>,
        inbox: Receiver<Message>,
    ) -> Writer {
        Writer {
            path: file.path,
            id: file.id,
            db: Some(file.db),
            wal: None,
            log_is_long: false,
            book: Book::new(file.node, &options.after),
            batches: 0,
            unconfirmed: None,
            clock: options.clock,
            retention: Retention::new(options.keep, options.keep_of),
            next_step: 0,
            trouble,
            inbox,
            busy_max: open::BUSY_MAX,
            backlog: VecDeque::new(),
            _lock: file.lock,
        }
    }

    /// Works until it is closed or nobody is there to ask.
    pub(super) fn run(mut self) {
        while let Ok(message) = self.next() {
            match message {
                Message::Write(batch, reply) => {
                    if let Some(answers) = self.write(&batch) {
                        let _ = reply.send(answers);
                    }
                }
                Message::Close(at, done) => {
                    self.close(at);
                    drop(self);
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// What is asked for next. While nothing is, old rows are deleted, and it is written that the runner lives.
    fn next(&mut self) -> Result<Message, RecvError> {
        if let Some(message) = self.backlog.pop_front() {
            return Ok(message);
        }
        loop {
            let due = self.retention.is_due((self.clock)());
            if due && self.batches >= self.next_step {
                match self.inbox.try_recv() {
                    Ok(message) => return Ok(message),
                    Err(TryRecvError::Disconnected) => return Err(RecvError),
                    Err(TryRecvError::Empty) => self.prune(),
                }
            }
            match self.inbox.recv_timeout(if due { STEP_PAUSE } else { IDLE_MAX }) {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Disconnected) => return Err(RecvError),
                Err(RecvTimeoutError::Timeout) if due => self.next_step = self.batches,
                Err(RecvTimeoutError::Timeout) => drop(self.write(&[])),
            }
            if let Some(message) = self.backlog.pop_front() {
                return Ok(message);
            }
        }
    }

    /// Deletes some old rows, if the ledger can be written.
    fn prune(&mut self) {
        self.next_step = self.batches + STEP_BATCHES;
        if let Err(fault) = self.prune_once() {
            log::warn!("old runs are not deleted: {}", fault.words(&self.path));
            self.recover(&fault);
        }
    }

    fn prune_once(&mut self) -> Result<(), Fault> {
        let Some(db) = &self.db else { return Ok(()) };
        let now = (self.clock)();
        db.execute_batch("BEGIN IMMEDIATE")?;
        self.retention.step(db, &mut self.book, now)?;
        self.book.flush(db)?;
        db.execute_batch("COMMIT")?;
        Ok(())
    }

    /// Writes a batch, however long it takes; `None`: it was closed before it could.
    fn write(&mut self, batch: &[Record]) -> Option<Vec<Answer>> {
        let mut pause = PAUSE_MIN;
        loop {
            match self.attempt(batch) {
                Ok(answers) => {
                    self.say(None);
                    return Some(answers);
                }
                Err(fault) => self.give_up(&fault),
            }
            if self.is_closing() {
                self.hurry();
                let path = self.path.display();
                log::error!("{} records could not be written to the ledger `{path}`", batch.len());
                return None;
            }
            self.wait(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Whether it is to be closed, which is known as soon as it is asked for.
    fn is_closing(&mut self) -> bool {
        self.backlog.extend(self.inbox.try_iter());
        self.backlog.iter().any(|message| matches!(message, Message::Close(..)))
    }

    /// From now on nothing is waited for: a stop has its own time.
    fn hurry(&mut self) {
        self.busy_max = Duration::ZERO;
        if let Some(Err(error)) = self.db.as_ref().map(|db| db.busy_timeout(self.busy_max)) {
            log::debug!("another program's lock is waited for: {error}");
        }
    }

    fn wait(&mut self, pause: Duration) {
        match self.inbox.recv_timeout(pause) {
            Ok(message) => self.backlog.push_back(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let (done, _) = oneshot::channel();
                self.backlog.push_back(Message::Close((self.clock)(), done));
            }
        }
    }

    /// Writes a batch, or finds that it was written.
    fn attempt(&mut self, batch: &[Record]) -> Result<Vec<Answer>, Fault> {
        let db = match self.db.take() {
            Some(db) => db,
            None => self.connect()?,
        };
        let db = self.db.insert(db);
        let answers = match self.unconfirmed.take() {
            Some(answers) if counted(db, self.book.node)? == Some(self.batches + 1) => answers,
            _ => {
                let answers = begin(db, &mut self.book, batch, self.batches + 1, (self.clock)())?;
                self.unconfirmed = Some(answers.clone());
                db.execute_batch("COMMIT")?;
                answers
            }
        };
        self.unconfirmed = Some(answers);
        self.is_in_place()?;
        self.batches += 1;
        Ok(self.unconfirmed.take().expect("it was put there above"))
    }

    /// What was committed is only kept if the files that it went to have their names.
    fn is_in_place(&mut self) -> Result<(), Fault> {
        match FileId::of(&self.path) {
            Some(id) if id == self.id => {}
            Some(_) => return Err(Fault::Moved("was replaced by another file")),
            None => return Err(Fault::Moved("was deleted or moved")),
        }
        let log = extended(&self.path, "-wal");
        let found = FileId::of(&log);
        if found.is_some() && (self.wal.is_none() || found == self.wal) {
            self.wal = found;
            self.warn_of_a_long_log(&log);
            return Ok(());
        }
        // What went to it is carried over to the ledger itself; then another one can be begun.
        if self.db.as_ref().map_or(Ok(true), open::empty_log)? {
            self.disconnect();
        }
        Err(Fault::Moved("lost its `-wal` file"))
    }

    /// The log is carried over to the ledger as it grows, unless somebody reads for long.
    fn warn_of_a_long_log(&mut self, log: &Path) {
        let bytes = fs::metadata(log).map_or(0, |log| log.len());
        if bytes > LOG_BYTES_MAX && !self.log_is_long {
            let log = log.display();
            log::warn!("`{log}` has grown to {} MiB: another program has been reading for long", bytes >> 20);
        }
        self.log_is_long = bytes > LOG_BYTES_MAX;
    }

    fn connect(&mut self) -> Result<Connection, Fault> {
        if FileId::of(&self.path) != Some(self.id) {
            return Err(Fault::Moved("was deleted, moved or replaced"));
        }
        let db = open::reconnect(&self.path, self.busy_max).map_err(Fault::Reopen)?;
        // What the system has dropped after a failed flush is written once more.
        if !open::carry_over(&db)? {
            return Err(Fault::Reopen(LedgerError::Locked { path: self.path.clone() }));
        }
        Ok(db)
    }

    fn disconnect(&mut self) {
        self.book.forget();
        self.wal = None;
        if let Some(Err((_, error))) = self.db.take().map(Connection::close) {
            log::debug!("closing the ledger: {error}");
        }
    }

    /// A try has failed: nothing of it is left, and people are told.
    fn give_up(&mut self, fault: &Fault) {
        self.say(Some(fault.words(&self.path)));
        self.recover(fault);
    }

    fn recover(&mut self, fault: &Fault) {
        self.book.forget();
        let open = self.db.as_ref().filter(|db| !db.is_autocommit());
        let rolled_back = open.is_none_or(|db| db.execute_batch("ROLLBACK").is_ok());
        if !rolled_back || !fault.keeps_the_connection() {
            self.disconnect();
        }
    }

    /// Tells people what the trouble is, when that has changed.
    fn say(&self, trouble: Option<String>) {
        let trouble: Option<Arc<str>> = trouble.map(Into::into);
        let changed = self.trouble.send_if_modified(|said| {
            let before = std::mem::replace(said, trouble.clone());
            before != trouble
        });
        match trouble {
            Some(words) if changed => log::error!("{words}"),
            None if changed => log::info!("the ledger `{}` can be written again", self.path.display()),
            _ => {}
        }
    }

    fn close(&mut self, at: DateTime<Utc>) {
        let Some(db) = &self.db else { return };
        let sql = "UPDATE node SET stopped_at = ?2, seen_at = ?2 WHERE id = ?1";
        let stopped =
            db.execute(sql, [self.book.node, at.timestamp_micros()]).and_then(|_| open::empty_log(db));
        if let Err(error) = stopped {
            let path = self.path.display();
            log::error!("the ledger `{path}` does not know that the runner has stopped: {error}");
        }
        self.disconnect();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if thread::panicking() {
            let path = self.path.display();
            self.say(Some(format!(
                "nothing is written to the ledger `{path}` any more: its thread has failed"
            )));
        }
    }
}

/// How many batches of this runner are written.
fn counted(db: &Connection, node: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT batches FROM node WHERE id = ?1";
    db.prepare_cached(sql)?.query_row([node], |row| row.get(0)).optional()
}

/// Writes a batch, all but the commit.
fn begin(
    db: &Connection,
    book: &mut Book,
    batch: &[Record],
    number: i64,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<Answer>> {
    db.execute_batch("BEGIN IMMEDIATE")?;
    let answers = batch.iter().map(|record| book.write(db, record)).collect::<rusqlite::Result<_>>()?;
    book.flush(db)?;
    let sql = "UPDATE node SET batches = ?2, seen_at = ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute([book.node, number, now.timestamp_micros()])?;
    Ok(answers)
}
