//! Tables: columns as wide as what is in them, and no wider in all than the terminal.
//!
//! A column in which no row has anything is left out. If there is no room, names are shortened in their middle, as
//! far as they can still be told apart; then the columns that can be spared are left out, the last first; and then the
//! last column that is left is cut.

use super::style::Style;
use rustix::termios::tcgetwinsize;
use std::os::fd::AsFd;

/// Between two columns.
const GAP: &str = "  ";

/// No column is cut to less.
const CUT_MIN: usize = 8;

/// And names not to less than this, as long as something else can give way.
const NAME_MIN: usize = 24;

/// How a column is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) side: Side,
    pub(super) tight: Tight,
}

/// What becomes of a column when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tight {
    Stays,
    /// It is left out.
    Spared,
    /// Its texts are names, whose ends matter as much as their beginnings.
    Shortened,
}

/// To which side of its column a text is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A text, and how it looks with its colours.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    painted: Option<String>,
}

impl Cell {
    pub(super) fn painted(text: &str, paint: impl FnOnce(&str) -> String) -> Cell {
        Cell { text: text.to_owned(), painted: Some(paint(text)) }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// A shorter text, in its colours if those are of the whole.
    fn instead(&self, text: &str) -> String {
        let painted = self.painted.as_ref().filter(|painted| painted.contains(&self.text));
        painted.map_or(text.to_owned(), |painted| painted.replace(&self.text, text))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), painted: None }
    }
}

/// How many columns the terminal at the other end of `stream` has; `None` if it is none.
pub(super) fn width_of(stream: impl AsFd) -> Option<usize> {
    tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// Returns the table as text; empty if there are no rows.
pub(super) fn render(columns: &[Column], rows: &[Vec<Cell>], width: Option<usize>, style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let (shown, widths) = fit(columns, rows, width.unwrap_or(usize::MAX));
    let mut text = String::new();
    let heads: Vec<Cell> = columns.iter().map(|column| column.head.into()).collect();
    let head = line(columns, &heads, &shown, &widths);
    text += &style.dim(head.trim_end());
    text.push('\n');
    for row in rows {
        text += line(columns, row, &shown, &widths).trim_end();
        text.push('\n');
    }
    text
}

/// Which columns are shown, and how wide each is.
fn fit(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> (Vec<usize>, Vec<usize>) {
    let widest = |index: usize| rows.iter().map(|row| row[index].width()).max().unwrap_or(0);
    let mut widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    let mut shown: Vec<usize> = (0..columns.len()).filter(|index| widths[*index] > 0).collect();
    for index in &shown {
        widths[*index] = widths[*index].max(columns[*index].head.len());
    }
    let total = |shown: &[usize], widths: &[usize]| {
        shown.iter().map(|index| widths[*index]).sum::<usize>() + GAP.len() * shown.len().saturating_sub(1)
    };
    let is = |index: usize, tight| columns[index].tight == tight;
    let names_cut: Vec<usize> = widths
        .iter()
        .enumerate()
        .map(|(index, width)| if is(index, Tight::Shortened) { NAME_MIN.min(*width) } else { *width })
        .collect();
    while total(&shown, &names_cut) > width {
        let Some(spared) = shown.iter().rposition(|index| is(*index, Tight::Spared)) else { break };
        shown.remove(spared);
    }
    let names = || shown.iter().copied().filter(|index| is(*index, Tight::Shortened));
    let first = names().map(|index| (index, NAME_MIN));
    let then = shown.last().map(|last| (*last, CUT_MIN)).into_iter();
    for (index, least) in first.chain(then).chain(names().map(|index| (index, CUT_MIN))) {
        let excess = total(&shown, &widths).saturating_sub(width);
        widths[index] = widths[index].saturating_sub(excess).max(least.min(widths[index]));
    }
    (shown, widths)
}

fn line(columns: &[Column], row: &[Cell], shown: &[usize], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, index) in shown.iter().enumerate() {
        let cell = &row[*index];
        let room = widths[*index];
        let padding = " ".repeat(room.saturating_sub(cell.width()));
        let text = if cell.width() > room {
            let is_name = columns[*index].tight == Tight::Shortened;
            &cell.instead(&if is_name { shortened(&cell.text, room) } else { cut(&cell.text, room) })
        } else {
            cell.painted.as_ref().unwrap_or(&cell.text)
        };
        line += if at > 0 { GAP } else { "" };
        match columns[*index].side {
            Side::Left => line.extend([text.as_str(), &padding]),
            Side::Right => line.extend([padding.as_str(), text]),
        }
    }
    line
}

/// The beginning of a text, and that it is one.
fn cut(text: &str, width: usize) -> String {
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.trim_end().to_owned() + "…"
}

/// The beginning and the end of a text, and that there was more between.
fn shortened(text: &str, width: usize) -> String {
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let end = text.chars().count() - tail;
    let kept = |from, until| text.chars().skip(from).take(until).collect::<String>();
    kept(0, head) + "…" + &kept(end, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column { head: "job", side: Side::Left, tight: Tight::Shortened },
        Column { head: "n", side: Side::Right, tight: Tight::Spared },
        Column { head: "nothing", side: Side::Right, tight: Tight::Spared },
        Column { head: "why", side: Side::Left, tight: Tight::Stays },
    ];

    #[track_caller]
    fn check(width: Option<usize>, expected: &str) {
        let plain = Style { colour: false, terminal: false, can_redraw: false };
        let row = |job: &str, n: &str, why: &str| vec![job.into(), n.into(), Cell::default(), why.into()];
        let rows = [row("backup", "7", "it was late by far"), row("a", "1234", "")];
        assert_eq!(render(&COLUMNS, &rows, width, plain), expected);
    }

    #[test]
    fn columns_are_as_wide_as_they_need_and_can_be() {
        check(None, "job        n  why\nbackup     7  it was late by far\na       1234\n");
        check(Some(32), "job        n  why\nbackup     7  it was late by far\na       1234\n");
        check(Some(30), "job     why\nbackup  it was late by far\na\n");
        check(Some(20), "job     why\nbackup  it was late…\na\n");
        check(Some(1), "job     why\nbackup  it was…\na\n");
    }

    #[test]
    fn names_are_shortened_in_their_middle_before_anything_is_left_out() {
        let colour = Style { colour: true, terminal: true, can_redraw: true };
        let name = "nightly-backup-of-the-database-in-berlin#17";
        let bold = |text: &str| format!("\x1b[1m{text}\x1b[0m");
        let check = |width, expected: &str| {
            let row =
                vec![Cell::painted(name, bold), "7".into(), Cell::default(), "it was late by far".into()];
            let text = render(&COLUMNS, &[row], Some(width), colour);
            assert_eq!(text.lines().nth(1), Some(expected));
        };
        check(66, &format!("{}  7  it was late by far", bold(name)));
        check(65, &format!("{}  7  it was late by far", bold("nightly-backup-of-the…atabase-in-berlin#17")));
        check(47, &format!("{}  7  it was late by far", bold("nightly-back…n-berlin#17")));
        check(46, &format!("{}  it was late by far", bold("nightly-backu…in-berlin#17")));
        check(40, &format!("{}  it was late b…", bold("nightly-back…n-berlin#17")));
        check(20, &format!("{}  it was…", bold("night…n#17")));
    }

    #[test]
    fn what_is_painted_takes_no_more_room() {
        let colour = Style { colour: true, terminal: true, can_redraw: true };
        let red = |text: &str| format!("\x1b[31m{text}\x1b[0m");
        let rows = [vec![Cell::painted("a", red), "1".into(), Cell::default(), "x".into()]];
        assert_eq!(
            render(&COLUMNS, &rows, None, colour),
            "\x1b[2mjob  n  why\x1b[0m\n\x1b[31ma\x1b[0m    1  x\n"
        );
    }
}
