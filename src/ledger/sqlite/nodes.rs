//! Runners and clock steps of long ago: rows of `node` and `clock_step` that nothing needs any more.
//!
//! A runner's row goes when it is older than all that is kept, if no other row names it and none names the runner after
//! it: of that it is told since when none had run. Rows that name an old runner are found without a look at all of
//! `fire`: those from the `first_fire` of a younger one on are by that one or by later ones, and of the others few are
//! left.
//!
//! Definitions stay: what was deleted is held against them by its number, and there are only as many as there were
//! changes.

use rusqlite::{Connection, Result, params};
use std::collections::BTreeSet;

/// With more rows from before the first young runner than this, nothing is deleted yet.
const LEFT_MAX: u32 = 10_000;

/// Deletes at most so many rows from before that time, but not that of the runner `own`. Returns how many.
pub(super) fn prune(db: &Connection, own: i64, before: i64, rows_max: u32) -> Result<u32> {
    let steps = prune_steps(db, before, rows_max)?;
    let sql = "SELECT id, first_fire FROM node WHERE seen_at >= ?1 OR id = ?2 ORDER BY id LIMIT 1";
    let (young, first_fire) =
        db.prepare_cached(sql)?.query_row([before, own], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut deleted = steps;
    for node in forgettable(db, young, first_fire, rows_max - steps)? {
        db.prepare_cached("DELETE FROM node WHERE id = ?1")?.execute([node])?;
        deleted += 1;
    }
    Ok(deleted)
}

/// The first step back stays: from then on a row may be of a definition that was replaced.
fn prune_steps(db: &Connection, before: i64, rows_max: u32) -> Result<u32> {
    let sql = "DELETE FROM clock_step WHERE id IN
               (SELECT id FROM clock_step WHERE at < ?1
                AND id IS NOT (SELECT id FROM clock_step WHERE by_ms < 0 ORDER BY at LIMIT 1) LIMIT ?2)";
    let deleted = db.prepare_cached(sql)?.execute(params![before, rows_max])?;
    Ok(u32::try_from(deleted).unwrap_or(rows_max))
}

/// Runners before `young` that nothing needs.
fn forgettable(db: &Connection, young: i64, first_fire: i64, rows_max: u32) -> Result<Vec<i64>> {
    let mut nodes = Vec::new();
    let sql = "SELECT id, by_hand FROM node WHERE id < ?1 ORDER BY id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([young])?;
    let Some(named) = named_before(db, first_fire)? else { return Ok(nodes) };
    // The last runner that was met: whether it is needed is known with the next.
    let mut last = None;
    while nodes.len() < rows_max as usize
        && let Some(row) = rows.next()?
    {
        let (node, by_hand): (i64, bool) = (row.get(0)?, row.get(1)?);
        match (named.contains(&node), by_hand) {
            (true, true) => {}
            (true, false) => last = None,
            (false, true) => nodes.push(node),
            (false, false) => nodes.extend(last.replace(node)),
        }
    }
    Ok(nodes)
}

/// The runners that are named by what is open, and by rows before `first_fire`; `None`: those are too many.
fn named_before(db: &Connection, first_fire: i64) -> Result<Option<BTreeSet<i64>>> {
    let sql = "SELECT node FROM fire WHERE id < ?1 LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let nodes = statement.query_map(params![first_fire, LEFT_MAX], |row| row.get(0))?;
    let mut named: Vec<i64> = nodes.collect::<Result<_>>()?;
    if named.len() >= LEFT_MAX as usize {
        return Ok(None);
    }
    let mut statement = db.prepare_cached("SELECT node FROM open")?;
    for node in statement.query_map([], |row| row.get(0))? {
        named.push(node?);
    }
    Ok(Some(named.into_iter().collect()))
}
