//! A job's own row: its watermark, its numbers, and how much there is of it.

use super::rows::FIRE_BYTES;
use crate::model::{CauseClass, Name, RunKey};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::BTreeMap;

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Job {
    pub(super) id: i64,
    pub(super) last_number: i64,
    /// How many runs for its fire times were claimed since it was added.
    claims: i64,
    /// The watermark: clock epoch and instant.
    pub(super) accounted: Option<(u32, i64)>,
    is_fire_time: bool,
    last_fire_time: Option<i64>,
    /// The newest key that no trigger names: clock epoch and instant.
    asked: Option<(u32, i64)>,
    pub(super) fires: i64,
    pub(super) bytes: i64,
    pub(super) newest_ended: Option<i64>,
    /// Through which instant of a series rows were deleted.
    pruned: BTreeMap<i64, i64>,
    changed: bool,
}

impl Job {
    /// Reads the row of that name; inserts a new one if there is none.
    pub(super) fn read(db: &Connection, name: &Name) -> Result<Job> {
        let sql = "SELECT id, last_number, clock_epoch, accounted, accounted_is_fire_time, last_fire_time,
                   asked_epoch, asked, fires, bytes, newest_ended, claims FROM job WHERE name = ?1";
        let found = db
            .prepare_cached(sql)?
            .query_row([name.as_str()], |row| {
                Ok(Job {
                    id: row.get(0)?,
                    last_number: row.get(1)?,
                    accounted: row.get::<_, Option<u32>>(2)?.zip(row.get(3)?),
                    is_fire_time: row.get::<_, Option<bool>>(4)?.unwrap_or_default(),
                    last_fire_time: row.get(5)?,
                    asked: row.get::<_, Option<u32>>(6)?.zip(row.get(7)?),
                    fires: row.get(8)?,
                    bytes: row.get(9)?,
                    newest_ended: row.get(10)?,
                    claims: row.get(11)?,
                    ..Job::default()
                })
            })
            .optional()?;
        let Some(mut job) = found else { return Job::insert(db, name) };
        let sql = "SELECT series, max(through) FROM pruned WHERE job = ?1 GROUP BY series";
        let mut statement = db.prepare_cached(sql)?;
        let pruned = statement.query_map([job.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        job.pruned = pruned.collect::<Result<_>>()?;
        Ok(job)
    }

    fn insert(db: &Connection, name: &Name) -> Result<Job> {
        let sql = "INSERT INTO job(name, last_number, claims, fires, bytes) VALUES (?1, 0, 0, 0, 0)";
        db.prepare_cached(sql)?.execute([name.as_str()])?;
        Ok(Job { id: db.last_insert_rowid(), ..Job::default() })
    }

    /// Writes the row if it has changed.
    pub(super) fn flush(&mut self, db: &Connection) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let sql = "UPDATE job SET last_number = ?2, clock_epoch = ?3, accounted = ?4,
                   accounted_is_fire_time = ?5, last_fire_time = ?6, asked_epoch = ?7, asked = ?8, fires = ?9,
                   bytes = ?10, newest_ended = ?11, claims = ?12 WHERE id = ?1";
        db.prepare_cached(sql)?.execute(params![
            self.id,
            self.last_number,
            self.accounted.map(|(epoch, _)| epoch),
            self.accounted.map(|(_, at)| at),
            self.accounted.map(|_| self.is_fire_time),
            self.last_fire_time,
            self.asked.map(|(epoch, _)| epoch),
            self.asked.map(|(_, at)| at),
            self.fires,
            self.bytes,
            self.newest_ended,
            self.claims,
        ])?;
        self.changed = false;
        Ok(())
    }

    /// A definition came into force. Within an epoch no fire time that is accounted for becomes one to come; and one
    /// of an older epoch changes nothing.
    pub(super) fn begin_anew(&mut self, clock_epoch: u32, from: i64) {
        let before = (clock_epoch, from);
        if self.accounted.is_none_or(|now| now < before || (now.0 == clock_epoch && !self.is_fire_time)) {
            self.is_fire_time &= self.accounted.is_some_and(|(epoch, _)| epoch == clock_epoch);
            self.accounted = Some(before);
            self.changed = true;
        }
    }

    /// A record accounts for `key`, and if that begins a stretch, for all up to `last`.
    pub(super) fn account(&mut self, key: &RunKey, last: DateTime<Utc>) {
        let mark = Some((key.clock_epoch, last.timestamp_micros()));
        if key.class != CauseClass::Calendar {
            self.asked = self.asked.max(mark);
        } else if mark > self.accounted || (mark == self.accounted && !self.is_fire_time) {
            self.accounted = mark;
            self.is_fire_time = true;
            self.last_fire_time = mark.map(|(_, at)| at);
        }
        self.changed = true;
    }

    /// So many runs for its fire times were claimed by now.
    pub(super) fn begin_with(&mut self, claims: i64) {
        self.claims = claims;
        self.changed = true;
    }

    /// The run of that number was claimed.
    pub(super) fn claimed(&mut self, number: i64, class: CauseClass) {
        self.last_number = number;
        self.claims += i64::from(class.is_of_fire_times());
        self.changed = true;
    }

    /// That row of `fire` has ended.
    pub(super) fn ended(&mut self, fire: i64) {
        self.newest_ended = Some(fire);
        self.changed = true;
    }

    /// There is one more row in `fire`.
    pub(super) fn grow_by_fire(&mut self) {
        self.fires += 1;
        self.grow(FIRE_BYTES);
    }

    /// There are so many bytes more.
    pub(super) fn grow(&mut self, bytes: i64) {
        self.bytes += bytes;
        self.changed = true;
    }

    /// Whether all keys of that series up to `instant` are taken, because their rows were deleted.
    pub(super) fn was_pruned(&self, series: i64, instant: i64) -> bool {
        self.pruned.get(&series).is_some_and(|through| instant <= *through)
    }

    /// A row was deleted: all of its series up to `through` is taken.
    pub(super) fn prune(&mut self, series: i64, through: i64, bytes: i64) {
        let pruned = self.pruned.entry(series).or_insert(through);
        *pruned = through.max(*pruned);
        self.fires -= 1;
        self.grow(-bytes);
    }
}
