//! Charts of characters that differ without colour: the load hour by hour, and what a job did slice by slice.

use super::Simulated;
use crate::simulation::{Hour, Slice};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Timelike};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Of a longer time than so many days, the days of the week are shown, each the average of all of them.
const DAYS_MAX: usize = 15;

/// From little to the most; what is nothing has a character of its own.
const LEVELS: [char; 6] = ['-', '=', '+', '*', '#', '@'];
const NOTHING: char = '·';

/// What the characters of a timeline stand for.
pub(super) const TIMELINE_LEGEND: &str =
    "· nothing  - runs  # runs half of the time or more  ! something did not run, or did not succeed";

/// A chart of hours: a row for each day, or each day of the week.
pub(super) struct Chart {
    pub(super) rows: Vec<Row>,
    /// The highest mean of a cell.
    pub(super) most: f64,
}

/// A row of a [`Chart`].
pub(super) struct Row {
    pub(super) label: String,
    pub(super) cells: [Option<Cell>; 24],
}

/// An hour of a day, or the average of several; an hour that comes twice is one too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cell {
    /// How many ran at once, on average.
    pub(super) mean: f64,
    /// And at most.
    pub(super) peak: u64,
    /// How many began.
    pub(super) starts: u64,
    hours: u32,
}

impl Cell {
    fn add(&mut self, hour: &Hour) {
        self.mean = (self.mean * f64::from(self.hours) + hour.mean()) / f64::from(self.hours + 1);
        self.hours += 1;
        self.peak = self.peak.max(hour.peak);
        self.starts += hour.starts;
    }

    /// From 0, nothing, to 6, the most.
    pub(super) fn level(&self, most: f64) -> usize {
        if self.mean <= 0.0 {
            return 0;
        }
        let levels = LEVELS.len();
        (1..levels).find(|level| self.mean <= bound(*level, most)).unwrap_or(levels)
    }
}

/// The highest mean of a level.
fn bound(level: usize, most: f64) -> f64 {
    let share = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    most * share(level) / share(LEVELS.len())
}

impl Chart {
    pub(super) fn of(simulated: &Simulated<'_>) -> Chart {
        let hours: Vec<(DateTime<FixedOffset>, &Hour)> = local_hours(simulated).collect();
        let mut days: BTreeMap<NaiveDate, [Option<Cell>; 24]> = BTreeMap::new();
        let monday =
            |date: NaiveDate| date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday()));
        let first = hours.first().map(|(at, _)| at.date_naive()).unwrap_or_default();
        let last = hours.last().map(|(at, _)| at.date_naive()).unwrap_or_default();
        let by_weekday = (last - first).num_days() >= i64::try_from(DAYS_MAX).unwrap_or(i64::MAX);
        for (at, hour) in hours {
            let date = at.date_naive();
            let key = if by_weekday { monday(first) + (date - monday(date)) } else { date };
            let cells = days.entry(key).or_default();
            cells[at.hour() as usize].get_or_insert_default().add(hour);
        }
        let format = if by_weekday { "%a" } else { "%a %m-%d" };
        let row = |(date, cells): (NaiveDate, _)| Row { label: date.format(format).to_string(), cells };
        let rows: Vec<Row> = days.into_iter().map(row).collect();
        let means = rows.iter().flat_map(|row| row.cells.iter().flatten().map(|cell| cell.mean));
        let most = means.fold(0.0, f64::max);
        Chart { rows, most }
    }

    /// As lines, two characters an hour.
    pub(super) fn text(&self, zone: &str) -> String {
        let width = self.rows.iter().map(|row| row.label.len()).max().unwrap_or(0);
        let mut text = format!("running at once on average, hour by hour ({zone})\n");
        let hours: String = (0..24).step_by(3).map(|hour| format!("{hour:<6}")).collect();
        let _ = writeln!(text, "{:width$}  {}", "", hours.trim_end());
        for row in &self.rows {
            let character = |cell: &Option<Cell>| cell.map_or(' ', |cell| character(cell.level(self.most)));
            let cells: String = row.cells.iter().map(|cell| character(cell).to_string().repeat(2)).collect();
            let _ = writeln!(text, "{}", format!("{:width$}  {cells}", row.label).trim_end());
        }
        let _ = writeln!(text, "{:width$}  {}", "", self.legend());
        text
    }

    fn legend(&self) -> String {
        let levels = (1..=LEVELS.len()).map(|level| {
            let to = if level == 1 { "up to " } else { "" };
            format!("  {} {to}{}", character(level), figure(bound(level, self.most)))
        });
        format!("{NOTHING} nothing{}", levels.collect::<String>())
    }
}

fn character(level: usize) -> char {
    level.checked_sub(1).map_or(NOTHING, |level| LEVELS[level])
}

/// A figure as people read it: `0.004`, `0.31`, `4.2`, `120`.
pub(super) fn figure(number: f64) -> String {
    match number {
        n if n >= 100.0 || n == 0.0 => format!("{n:.0}"),
        n if n >= 1.0 => format!("{n:.1}"),
        n if n >= 0.1 => format!("{n:.2}"),
        n => format!("{n:.3}"),
    }
}

/// Each hour with its beginning by the clocks of the job file's zone.
pub(super) fn local_hours<'a>(
    simulated: &'a Simulated<'_>,
) -> impl Iterator<Item = (DateTime<FixedOffset>, &'a Hour)> {
    let (load, zone) = (&simulated.report.load, &simulated.plan.settings.zone);
    (0..).zip(&load.hours).map(|(hour, content)| (zone.at(load.begins + TimeDelta::hours(hour)), content))
}

/// What a job did, a character a slice.
pub(super) fn timeline(slices: &[Slice], length: Duration) -> String {
    let character = |slice: &Slice| match slice {
        Slice { troubles: 1.., .. } => '!',
        Slice { busy, .. } if *busy * 2 >= length => '#',
        Slice { busy, starts, .. } if *starts > 0 || !busy.is_zero() => '-',
        _ => NOTHING,
    };
    slices.iter().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_go_from_nothing_to_the_most() {
        let level = |mean| Cell { mean, ..Cell::default() }.level(6.0);
        assert_eq!([0.0, 0.001, 1.0, 1.1, 5.0, 5.1, 6.0].map(level), [0, 1, 1, 2, 5, 6, 6]);
    }

    #[test]
    fn figures_have_few_digits() {
        assert_eq!([0.0, 0.004, 0.314, 4.25, 123.4].map(figure), ["0", "0.004", "0.31", "4.2", "123"]);
    }

    #[test]
    fn a_slice_is_one_character() {
        let slice = |starts, troubles, minutes: u64| Slice {
            starts,
            troubles,
            busy: Duration::from_secs(60 * minutes),
        };
        let slices = [slice(0, 0, 0), slice(1, 0, 0), slice(0, 0, 29), slice(0, 0, 30), slice(9, 1, 0)];
        assert_eq!(timeline(&slices, Duration::from_secs(3600)), "·--#!");
    }
}
