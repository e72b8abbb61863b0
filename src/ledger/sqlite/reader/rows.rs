//! What has ended, newest first.
//!
//! Newest is what became known last, and not what has the latest fire time: so it stays in order when a clock was set
//! back. Which rows those are is found by the index that fits the question; then each is read by itself, so that
//! a ledger of any size is listed in little memory.

use super::super::codes;
use super::{JobRow, LedgerError, Reader, jobs};
use crate::model::{CauseClass, Name, Outcome, Row as Figures, RunId, RunKey};
use crate::trigger::Zone;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use std::collections::BTreeMap;

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of these jobs; empty: of all.
    pub jobs: Vec<Name>,
    /// With a fire time at or after this.
    pub since: Option<DateTime<Utc>>,
    /// With a fire time at or before this.
    pub until: Option<DateTime<Utc>>,
    /// With one of these; empty: with any.
    pub outcomes: Vec<Outcome>,
    /// So many, the newest.
    pub count: Option<usize>,
}

/// Rows, read one by one.
pub struct Rows<'a> {
    reader: &'a Reader,
    ids: std::vec::IntoIter<i64>,
    jobs: BTreeMap<i64, JobRow>,
    nodes: BTreeMap<i64, String>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

impl Reader {
    /// Returns what has ended, newest first. With [`Wanted::jobs`] or times, [`Wanted::count`] takes of each job
    /// those with the latest fire times.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn rows(&self, wanted: &Wanted) -> Result<Rows<'_>, LedgerError> {
        let mut jobs = self.said(jobs(&self.db))?;
        let nodes = self.said(nodes(&self.db))?;
        let mut ids = self.said(ids(&self.db, wanted, &jobs))?;
        ids.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        ids.dedup();
        let count = wanted.count.unwrap_or(usize::MAX);
        let more = ids.len() > count;
        ids.truncate(count);
        let jobs = std::mem::take(&mut jobs).into_values().map(|job| (job.id, job)).collect();
        Ok(Rows { reader: self, ids: ids.into_iter(), jobs, nodes, more })
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Figures, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let id = self.ids.next()?;
            match self.reader.said(figures(&self.reader.db, id, &self.jobs, &self.nodes)) {
                // It was deleted meanwhile.
                Ok(None) => {}
                Ok(Some(row)) => return Some(Ok(row)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn nodes(db: &Connection) -> Result<BTreeMap<i64, String>> {
    db.prepare_cached("SELECT id, host FROM node")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The ids of what is wanted, and at least one more if there are more; in no order.
fn ids(db: &Connection, wanted: &Wanted, jobs: &BTreeMap<Name, JobRow>) -> Result<Vec<i64>> {
    let Wanted { since, until, .. } = wanted;
    let has_times = since.is_some() || until.is_some();
    let of_outcomes = !wanted.outcomes.is_empty();
    let did_not_succeed = of_outcomes && !wanted.outcomes.contains(&Outcome::Succeeded);
    if !wanted.jobs.is_empty() {
        let mut ids = Vec::new();
        for job in wanted.jobs.iter().filter_map(|name| jobs.get(name)) {
            of_job(db, wanted, job, &mut ids)?;
        }
        return Ok(ids);
    }
    if has_times && !did_not_succeed {
        let mut ids = Vec::new();
        for job in jobs.values() {
            of_job(db, wanted, job, &mut ids)?;
        }
        return Ok(ids);
    }
    let within = "coalesce(fire_time, instant) <= ?2 AND coalesce(fire_time, last_instant, instant) >= ?1";
    let values = params![micros(*since, i64::MIN), micros(*until, i64::MAX), limit(wanted)];
    if !of_outcomes {
        let sql =
            format!("SELECT id FROM fire WHERE outcome IS NOT NULL AND {within} ORDER BY id DESC LIMIT ?3");
        return db.prepare_cached(&sql)?.query_map(values, |row| row.get(0))?.collect();
    }
    let mut ids = Vec::new();
    for outcome in &wanted.outcomes {
        let code = codes::outcome(*outcome);
        // What the index of all that did not succeed needs to see, to be used.
        let beyond = if *outcome == Outcome::Succeeded { "" } else { "AND outcome > 0" };
        let sql = format!(
            "SELECT id FROM fire WHERE outcome = {code} {beyond} AND {within} ORDER BY id DESC LIMIT ?3"
        );
        let mut statement = db.prepare_cached(&sql)?;
        for id in statement.query_map(values, |row| row.get(0))? {
            ids.push(id?);
        }
    }
    Ok(ids)
}

/// Adds those of one job, by its own index: of any outcome, without a look at the rows themselves.
fn of_job(db: &Connection, wanted: &Wanted, job: &JobRow, ids: &mut Vec<i64>) -> Result<()> {
    let (since, until) = (micros(wanted.since, i64::MIN), micros(wanted.until, i64::MAX));
    let codes: Vec<String> =
        wanted.outcomes.iter().map(|outcome| codes::outcome(*outcome).to_string()).collect();
    let has_ended = match codes.join(", ") {
        any if any.is_empty() => "id NOT IN (SELECT fire FROM open)".to_owned(),
        these => format!("+outcome IN ({these})"),
    };
    // Few have their fire time at another instant than that of their key, and they have an index of their own.
    let apart = "SELECT id FROM fire WHERE job = ?1 AND fire_time IS NOT NULL";
    for sql in [
        format!(
            "SELECT id FROM fire WHERE job = ?1 AND instant BETWEEN ?2 AND ?3 AND id NOT IN ({apart})
             AND {has_ended} ORDER BY instant DESC, series DESC LIMIT ?4"
        ),
        format!("{apart} AND fire_time BETWEEN ?2 AND ?3 AND {has_ended} ORDER BY fire_time DESC LIMIT ?4"),
    ] {
        let mut statement = db.prepare_cached(&sql)?;
        for id in statement.query_map(params![job.id, since, until, limit(wanted)], |row| row.get(0))? {
            ids.push(id?);
        }
    }
    if wanted.since.is_some() {
        // A stretch that began before: of those of an epoch, which do not overlap, the last.
        let sql = format!(
            "SELECT id FROM (SELECT id, last_instant, outcome FROM fire
                             WHERE job = ?1 AND series = ?2 AND instant < ?3 AND count IS NOT NULL
                             ORDER BY instant DESC LIMIT 1)
             WHERE last_instant >= ?3 AND {has_ended}"
        );
        let mut statement = db.prepare_cached(&sql)?;
        for epoch in 0..=job.clock_epoch {
            let values = [job.id, codes::series(epoch, CauseClass::Calendar), since];
            ids.extend(statement.query_row(values, |row| row.get::<_, i64>(0)).optional()?);
        }
    }
    Ok(())
}

fn micros(at: Option<DateTime<Utc>>, default: i64) -> i64 {
    at.map_or(default, |at| at.timestamp_micros())
}

/// One more, to know whether there are more; -1: no limit.
fn limit(wanted: &Wanted) -> i64 {
    wanted.count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1))
}

/// The row of `fire` with that id, if it is there and has ended.
fn figures(
    db: &Connection,
    id: i64,
    jobs: &BTreeMap<i64, JobRow>,
    nodes: &BTreeMap<i64, String>,
) -> Result<Option<Figures>> {
    let sql = "SELECT job, instant, number, cause, outcome, late_ms, attempts, started_at, finished_at, duration_ms,
               exit_code, signal, user_ms, system_ms, max_rss_kib, output_bytes, output_dropped_bytes, node, reason,
               into_instant, count, last_instant, series, coalesce(fire_time, instant)
               FROM fire WHERE id = ?1 AND outcome IS NOT NULL";
    let read = |row: &Row<'_>| {
        let Some(job) = jobs.get(&row.get(0)?) else { return Ok(None) };
        read(row, &job.name, &job.zone, nodes).map(Some)
    };
    Ok(db.prepare_cached(sql)?.query_row([id], read).optional()?.flatten())
}

fn read(row: &Row<'_>, job: &Name, zone: &Zone, nodes: &BTreeMap<i64, String>) -> Result<Figures> {
    let shown = |micros: i64| codes::to_time(micros).map(|at| zone.at(at));
    let time = |column: usize| row.get::<_, Option<i64>>(column)?.map(shown).transpose();
    let figure =
        |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs));
    let number: Option<i64> = row.get(2)?;
    let attempts: u32 = row.get(6)?;
    let (clock_epoch, class) = codes::to_series(row.get(22)?)?;
    Ok(Figures {
        key: RunKey { job: job.clone(), clock_epoch, class, instant: codes::to_time(row.get(1)?)? },
        run: number.map(|number| RunId { job: job.clone(), number: number.unsigned_abs() }.to_string()),
        job: job.to_string(),
        fire_time: shown(row.get(23)?)?,
        cause: codes::to_cause(row.get(3)?)?.as_str(),
        outcome: codes::to_outcome(row.get(4)?)?,
        reason: row.get(18)?,
        attempt: (attempts > 0).then_some(attempts),
        attempts,
        late_ms: row.get(5)?,
        started_at: time(7)?,
        finished_at: time(8)?,
        exit_code: row.get(10)?,
        signal: row.get(11)?,
        duration_ms: figure(9)?,
        user_ms: figure(12)?,
        system_ms: figure(13)?,
        max_rss_kib: figure(14)?,
        output_bytes: figure(15)?,
        output_dropped_bytes: figure(16)?,
        coalesced_into: time(19)?,
        count: figure(20)?.unwrap_or(1),
        fire_time_last: time(21)?,
        node: nodes.get(&row.get(17)?).cloned().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::world::{World, at, closed, defined, ended, fire, name, stretch};
    use crate::model::{Claim, Record, RunKey};
    use std::sync::Arc;

    fn world() -> World {
        let mut world = World::sqlite();
        world.write([
            defined("a", 0, 0, None),
            Record::Claim(fire("a", 10)),
            ended("a", 1, Outcome::Succeeded),
            closed("b", 10, Outcome::Skipped),
            stretch("a", 20, 50, 4),
            Record::Claim(fire("b", 20)),
            ended("b", 1, Outcome::Failed),
            Record::Claim(fire("a", 60)),
        ]);
        world
    }

    #[track_caller]
    fn check(wanted: &Wanted, expected: &[&str], more: bool) {
        let reader = Reader::open(&world().path()).map(|reader| {
            let rows = reader.rows(wanted).expect("rows");
            let found_more = rows.more;
            let shown = |row: Figures| {
                let last =
                    row.fire_time_last.map(|last| format!("-{}", last.timestamp())).unwrap_or_default();
                let name = row.run.unwrap_or(row.job);
                format!("{name} {}{last} {}", row.fire_time.timestamp(), row.outcome.as_str())
            };
            (rows.map(|row| shown(row.expect("a row"))).collect::<Vec<_>>(), found_more)
        });
        let (found, found_more) = reader.expect("a ledger");
        assert_eq!((found, found_more), (expected.iter().map(|row| (*row).to_owned()).collect(), more));
    }

    const ALL: [&str; 4] = ["b#1 20 failed", "a 20-50 missed", "b 10 skipped", "a#1 10 succeeded"];

    #[test]
    fn what_has_ended_is_listed_newest_first() {
        check(&Wanted::default(), &ALL, false);
        check(&Wanted { count: Some(3), ..Wanted::default() }, &ALL[..3], true);
        check(&Wanted { count: Some(4), ..Wanted::default() }, &ALL, false);
    }

    #[test]
    fn it_is_chosen_by_job_time_and_outcome() {
        let jobs = |names: &[&str]| Wanted {
            jobs: names.iter().map(|job| name(job)).collect(),
            ..Wanted::default()
        };
        check(&jobs(&["a"]), &[ALL[1], ALL[3]], false);
        check(&Wanted { count: Some(1), ..jobs(&["a"]) }, &[ALL[1]], true);
        check(&jobs(&["none", "b"]), &[ALL[0], ALL[2]], false);
        let since = |second| Wanted { since: Some(at(second)), ..Wanted::default() };
        check(&since(11), &ALL[..2], false);
        check(&since(30), &[ALL[1]], false);
        check(&Wanted { until: Some(at(19)), ..since(10) }, &ALL[2..], false);
        let outcomes = |outcomes: &[Outcome]| Wanted { outcomes: outcomes.to_vec(), ..Wanted::default() };
        check(&outcomes(&[Outcome::Failed, Outcome::Succeeded]), &[ALL[0], ALL[3]], false);
        check(
            &Wanted { since: Some(at(30)), ..outcomes(&[Outcome::Failed, Outcome::Missed]) },
            &[ALL[1]],
            false,
        );
        check(&Wanted { since: Some(at(0)), ..outcomes(&[Outcome::Succeeded]) }, &[ALL[3]], false);
        check(&Wanted { outcomes: vec![Outcome::Skipped], ..jobs(&["b"]) }, &[ALL[2]], false);
    }

    #[test]
    fn a_stretch_of_any_epoch_is_found_by_a_time_within_it() {
        let mut world = World::sqlite();
        let in_epoch = |epoch, record| match record {
            Record::Closed { key, row } => Record::Closed { key: RunKey { clock_epoch: epoch, ..key }, row },
            other => other,
        };
        world.write([defined("a", 0, 0, None), stretch("a", 10, 30, 3), stretch("a", 40, 70, 4)]);
        world.write([defined("a", 1, 35, None), in_epoch(1, stretch("a", 36, 66, 4))]);
        let since = |second| {
            let wanted = Wanted { since: Some(at(second)), ..Wanted::default() };
            let reader = Reader::open(&world.path()).expect("a ledger");
            let rows = reader.rows(&wanted).expect("rows");
            rows.map(|row| row.expect("a row").fire_time.timestamp()).collect::<Vec<_>>()
        };
        assert_eq!(since(50), [36, 40]);
        assert_eq!(since(67), [40]);
        assert_eq!(since(20), [36, 40, 10]);
        assert_eq!(since(71), [] as [i64; 0]);
    }

    #[test]
    fn a_fire_time_at_another_instant_than_that_of_its_key_is_found_where_it_is() {
        let mut world = World::sqlite();
        let apart = |second, fire_time| Claim {
            key: RunKey { class: CauseClass::Delay, ..fire("a", second).key },
            fire_time: at(fire_time),
            ..fire("a", second)
        };
        let row = |second, fire_time| crate::model::Row {
            key: apart(second, fire_time).key,
            ..crate::ledger::tests::world::row("a", fire_time, Outcome::Skipped)
        };
        world.write([
            defined("a", 0, 0, None),
            Record::Claim(fire("a", 10)),
            ended("a", 1, Outcome::Succeeded),
            Record::Claim(apart(100, 20)),
            ended("a", 2, Outcome::Succeeded),
            Record::Closed { key: row(101, 30).key, row: Arc::new(row(101, 30)) },
        ]);
        let reader = Reader::open(&world.path()).expect("a ledger");
        let found = |since, until, jobs: &[&str]| {
            let (since, until) = (Some(at(since)), Some(at(until)));
            let jobs = jobs.iter().map(|job| name(job)).collect();
            let rows = reader.rows(&Wanted { jobs, since, until, ..Wanted::default() }).expect("rows");
            rows.map(|row| row.expect("a row").fire_time.timestamp()).collect::<Vec<_>>()
        };
        for jobs in [&["a"][..], &[]] {
            assert_eq!(found(0, 1000, jobs), [30, 20, 10]);
            assert_eq!(found(15, 25, jobs), [20]);
            assert_eq!(found(90, 110, jobs), [] as [i64; 0]);
        }
        assert_eq!(reader.job(&name("a")).expect("facts").expect("the job").latest, Some(at(30)));
        assert_eq!(reader.around(&name("a"), at(20)).expect("times"), [Some(at(20)), Some(at(30))]);
        assert_eq!(reader.lately(9).expect("rows")[0].ended[1].fire_time, at(20));
    }
}
