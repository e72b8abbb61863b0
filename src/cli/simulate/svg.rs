//! What was simulated, as a drawing: the load hour by hour, and what each job did. One file that needs no other, can be
//! read in light and in dark surroundings, and without colour: what is more is also larger, and trouble has a shape.

use super::super::time::show_duration;
use super::super::{Failure, print};
use super::Simulated;
use super::chart::{Chart, figure};
use crate::model::Job;
use crate::simulation::{JobReport, Slice};
use anyhow::anyhow;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

/// More jobs than this are no drawing: those with troubles are drawn, and the busiest.
const JOBS_MAX: usize = 60;

const MARGIN: usize = 16;
const LINE: usize = 18;
/// A cell of the chart, and of the timeline.
const CELL: usize = 22;
const SLICE: usize = 8;
const ROW: usize = 14;
/// A character takes about so much.
const CHARACTER: usize = 7;
const NAME_CHARS_MAX: usize = 40;

const STYLE: &str = "\
svg{color-scheme:light dark;font:12px system-ui,sans-serif}\
.paper{fill:#fff}text{fill:#222}.dim{fill:#666}.grid{fill:#eef0f2}\
.load{fill:#1b6ca8}.runs{fill:#1b6ca8}.trouble{fill:#c2410c}\
@media(prefers-color-scheme:dark){.paper{fill:#16181c}text{fill:#e6e6e6}.dim{fill:#9aa0a6}\
.grid{fill:#262a30}.load{fill:#6cb6f0}.runs{fill:#6cb6f0}.trouble{fill:#ff9d5c}}";

/// Writes the drawing, the whole of it or nothing.
///
/// # Errors
/// When it cannot be written there.
pub(super) fn write(simulated: &Simulated<'_>, path: &Path) -> Result<(), Failure> {
    let drawing = draw(simulated);
    if path == Path::new("-") {
        return print(&drawing);
    }
    replace(path, drawing.as_bytes()).map_err(|error| {
        Failure::cannot_work(anyhow!(error).context(format!("cannot write `{}`", path.display())))
    })
}

/// Writes a file beside the one of that name, and gives it the name once it is there.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let beside = path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A drawing that grows downwards.
struct Drawing {
    body: String,
    y: usize,
    width: usize,
}

fn draw(simulated: &Simulated<'_>) -> String {
    let mut drawing = Drawing { body: String::new(), y: MARGIN, width: 0 };
    drawing.chart(simulated);
    drawing.timeline(simulated);
    let (width, height) = (drawing.width + MARGIN, drawing.y + MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title desc\" \
         viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
        escaped(&title(simulated)),
        escaped(&description(simulated)),
        drawing.body
    )
}

fn title(simulated: &Simulated<'_>) -> String {
    let plan = simulated.plan;
    let time = |at| plan.settings.zone.at(at).format("%Y-%m-%d %H:%M");
    format!(
        "{} simulated from {} until {}",
        plan.settings.file.display(),
        time(simulated.from),
        time(simulated.until)
    )
}

fn description(simulated: &Simulated<'_>) -> String {
    let report = &simulated.report;
    let runs: u64 = report.jobs.iter().map(|job| job.runs).sum();
    let troubles: u64 = report.jobs.iter().map(JobReport::troubles).sum();
    let peak = report.load.peak;
    let time = simulated.plan.settings.zone.at(peak.at).format("%Y-%m-%d %H:%M:%S");
    format!(
        "{runs} runs of {} jobs; {troubles} fire times do not run or do not succeed. At most {} run at once, first at \
         {time}, and {} on average. Above, how many run at once by day and hour; below, when each job runs.",
        report.jobs.len(),
        peak.running,
        figure(simulated.mean_running())
    )
}

impl Drawing {
    fn text(&mut self, x: usize, class: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(self.body, "<text x=\"{x}\" y=\"{}\" class=\"{class}\">{text}</text>", self.y);
    }

    fn reach(&mut self, x: usize) {
        self.width = self.width.max(x);
    }

    /// The hours: each a square that is as large as the load was high.
    fn chart(&mut self, simulated: &Simulated<'_>) {
        let chart = Chart::of(simulated);
        let left = MARGIN + 10 * CHARACTER;
        self.y += LINE;
        let zone = simulated.plan.settings.zone.name();
        self.text(MARGIN, "", &format!("{} ({zone})", title(simulated)));
        self.reach(MARGIN + title(simulated).chars().count() * CHARACTER);
        self.y += LINE;
        self.text(MARGIN, "dim", "running at once on average, hour by hour");
        self.y += LINE;
        for hour in (0..24).step_by(3) {
            self.text(left + hour * CELL, "dim", &format!("{hour:02}"));
        }
        self.y += LINE / 3;
        for row in &chart.rows {
            for (hour, cell) in row.cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                let (x, y) = (left + hour * CELL, self.y);
                let told = format!(
                    "{} {hour:02}:00: {} at once on average, at most {}; {} starts",
                    row.label,
                    figure(cell.mean),
                    cell.peak,
                    cell.starts
                );
                let _ = write!(self.body, "<g><title>{}</title>", escaped(&told));
                let side = CELL - 2;
                let _ = write!(
                    self.body,
                    "<rect class=\"grid\" x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\"/>"
                );
                let level = cell.level(chart.most);
                if level > 0 {
                    let filled = 2 + level * 3;
                    let inset = (side - filled) / 2;
                    let _ = write!(
                        self.body,
                        "<rect class=\"load\" x=\"{}\" y=\"{}\" width=\"{filled}\" height=\"{filled}\"/>",
                        x + inset,
                        y + inset
                    );
                }
                self.body += "</g>\n";
            }
            self.y += CELL - 7;
            self.text(MARGIN, "dim", &row.label);
            self.y += 7;
        }
        self.reach(left + 24 * CELL);
        self.y += LINE;
        let legend = format!(
            "the largest square is {} at once, the smallest up to {}",
            figure(chart.most),
            figure(chart.most / 6.0)
        );
        self.text(left, "dim", &legend);
        self.y += LINE;
    }

    /// The jobs: a line each, in it a bar where it ran, as high as it was busy, and a triangle where something was wrong.
    fn timeline(&mut self, simulated: &Simulated<'_>) {
        let (jobs, left_out) = simulated.first_jobs(JOBS_MAX);
        let shown = |job: &Job| job.name.as_str().chars().take(NAME_CHARS_MAX).collect::<String>();
        let widest = jobs.iter().map(|(job, ..)| shown(job).len()).max().unwrap_or(0);
        let left = MARGIN + (widest + 2) * CHARACTER;
        let length = show_duration(simulated.report.slice);
        self.y += LINE;
        let told = format!(
            "each bar is {length}, as high as the job was busy in it; a triangle: something did not run, or did not succeed"
        );
        self.text(MARGIN, "dim", &told);
        self.reach(MARGIN + told.chars().count() * 6);
        self.y += LINE;
        self.days(left, simulated);
        self.y += LINE / 3;
        for (job, _, report) in jobs {
            self.job(&shown(job), left, report, simulated);
        }
        if left_out > 0 {
            self.y += LINE;
            self.text(MARGIN, "dim", &format!("and {left_out} more jobs with less to tell"));
        }
    }

    /// Where days begin, as far as there is room to name them.
    fn days(&mut self, left: usize, simulated: &Simulated<'_>) {
        let report = &simulated.report;
        let slices = report.jobs.first().map_or(0, |job| job.slices.len());
        let (mut last, mut free_from) = (None, left);
        for slice in 0..slices {
            let into = report.slice * u32::try_from(slice).unwrap_or(u32::MAX);
            let at = simulated.plan.settings.zone.at(report.load.begins + into);
            let x = left + slice * SLICE;
            if last.replace(at.date_naive()) != Some(at.date_naive()) && x >= free_from {
                self.text(x, "dim", &at.format("%a %m-%d").to_string());
                free_from = x + 10 * CHARACTER;
            }
        }
    }

    fn job(&mut self, name: &str, left: usize, report: &JobReport, simulated: &Simulated<'_>) {
        let width = report.slices.len() * SLICE;
        let _ = write!(
            self.body,
            "<g><title>{}: {} runs, {} troubles</title><rect class=\"grid\" x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"{}\"/>",
            escaped(name),
            report.runs,
            report.troubles(),
            self.y,
            ROW - 2
        );
        for (index, slice) in report.slices.iter().enumerate() {
            self.slice(left + index * SLICE, slice, simulated);
        }
        self.body += "</g>\n";
        self.y += ROW - 4;
        self.text(MARGIN, "", name);
        self.y += 4;
        self.reach(left + width);
    }

    fn slice(&mut self, x: usize, slice: &Slice, simulated: &Simulated<'_>) {
        let (bottom, full) = (self.y + ROW - 2, ROW - 2);
        if slice.starts > 0 || !slice.busy.is_zero() {
            let share = (slice.busy.as_secs_f64() / simulated.report.slice.as_secs_f64()).min(1.0);
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let height = (share * full as f64).max(2.0);
            #[expect(clippy::cast_precision_loss, reason = "a drawing is not that large")]
            let top = bottom as f64 - height;
            let _ = write!(
                self.body,
                "<rect class=\"runs\" x=\"{x}\" y=\"{top:.1}\" width=\"{}\" height=\"{height:.1}\"/>",
                SLICE - 1
            );
        }
        if slice.troubles > 0 {
            let (right, middle, top) = (x + SLICE - 1, x + SLICE / 2, self.y);
            let _ = write!(
                self.body,
                "<path class=\"trouble\" d=\"M{x} {top}L{right} {top}L{middle} {}Z\"/>",
                top + ROW / 2
            );
        }
    }
}

/// What text may be within a drawing: marks of the language are written out, and what no text may hold is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_language_are_written_out() {
        assert_eq!(escaped("<a b='1'>&\"\u{1}</a>"), "&lt;a b=&#39;1&#39;&gt;&amp;&quot;\u{fffd}&lt;/a&gt;");
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("load.svg");
        fs::write(&path, "before").expect("a file");
        replace(&path, b"after").expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "after");
        assert!(replace(&folder.path().join("none/load.svg"), b"after").is_err());
        assert!(replace(folder.path(), b"after").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
