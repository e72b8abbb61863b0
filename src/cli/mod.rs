//! The command line: one file a subcommand, arguments and printing and nothing else.
//!
//! Results and run lines go to standard output, what we have to say ourselves to standard error. Only this
//! room prints, colours, reads the environment and chooses exit codes: 0 done; 1 the answer is bad; 2 wrong
//! usage or a faulty job file; 3 cannot work.

mod audit;
mod check;
mod console;
mod explain;
mod faults;
mod file;
mod github;
mod history;
mod init;
mod ledger;
mod limits;
mod logger;
mod logs;
mod next;
mod orphans;
mod patient;
mod printer;
mod quarantine;
mod records;
mod row;
mod run;
mod simulate;
mod start;
mod state;
mod status;
mod strip;
mod style;
mod table;
mod time;
mod why;

use crate::executor;
use crate::trigger::zone_data;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  runner init                      write a small first jobs.toml
  runner check                     find every mistake in it
  runner next -n 3                 when its jobs will run
  runner simulate                  what the coming week would bring
  runner start                     run them until Ctrl-C
  runner explain '0 9 * * MON-FRI' what an expression means
  runner run backup                run one of them now
  runner status                    how every job is
  runner why backup                why it ran, or did not
  runner history                   what has run, and what has not

The job file is the argument, else -f, else RUNNER_FILE, else ./jobs.toml,
$XDG_CONFIG_HOME/runner/jobs.toml or /etc/runner/jobs.toml.";

/// A cron-like task runner: every fire time is accounted for
#[derive(Debug, Parser)]
#[command(name = "runner", version, before_help = EXAMPLES, max_term_width = 100, subcommand_required = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "With every command")]
struct Global {
    /// The job file, or - for standard input
    #[arg(short, long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// When to colour what is printed
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "RUNNER_COLOR",
        hide_env = true
    )]
    color: Colour,
    /// Say more (-vv: even more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Say less (-qq: only errors)
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "verbose")]
    quiet: u8,
}

/// When to colour what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a person
    Text,
    /// One JSON object a line
    #[value(alias = "json")]
    Jsonl,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the jobs until stopped
    Start(start::Start),
    /// Report every fault and warning of a job file
    Check(check::Check),
    Next(next::Next),
    Simulate(simulate::Simulate),
    Explain(explain::Explain),
    /// Run one job now, exactly as the scheduler would
    Run(run::Run),
    /// Say how every job is, the failing ones first
    Status(status::Status),
    /// List what has run, and what has not and why
    History(history::History),
    /// Print what a run printed
    Logs(logs::Logs),
    /// Say why a job ran at a time, or did not
    Why(why::Why),
    /// Compare the ledger with every fire time that there was
    Audit(audit::Audit),
    /// Write a small first job file
    Init(init::Init),
    /// Move a damaged ledger aside, so that a new one is begun
    Quarantine(quarantine::Quarantine),
}

/// A command that could not do its work: what to say, and with which code to exit.
#[derive(Debug)]
struct Failure {
    code: u8,
    error: anyhow::Error,
}

/// What a command ends with: an exit code of its own choice, or a failure.
type Ending = Result<ExitCode, Failure>;

impl Failure {
    /// Wrong usage, or a faulty job file.
    fn usage(error: impl Into<anyhow::Error>) -> Failure {
        Failure { code: 2, error: error.into() }
    }

    /// It cannot work here and now.
    fn cannot_work(error: impl Into<anyhow::Error>) -> Failure {
        Failure { code: 3, error: error.into() }
    }
}

/// Prints a result. A reader that has had enough is no error.
///
/// # Errors
/// When standard output cannot be written to for another reason.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = patient::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::cannot_work(anyhow::anyhow!(error).context("cannot write to standard output")))
        }
        _ => Ok(()),
    }
}

/// What `--version` says; `-V` says the first line.
fn long_version() -> &'static str {
    let data = zone_data();
    let zones = data.version.as_deref().unwrap_or("of unknown version");
    // Once a process, for as long as it lives.
    Box::leak(
        format!("{}\ntime zones: tzdata {zones}, {}", env!("CARGO_PKG_VERSION"), data.source)
            .into_boxed_str(),
    )
}

/// Carries out what the arguments ask for.
pub fn main() -> ExitCode {
    // A thread inherits what is blocked, so that this comes before there is a second one.
    executor::unblock_signals();
    let matches = Cli::command().long_version(long_version()).get_matches();
    let Cli { global, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    logger::init(&global, command.format());
    let code = command.carry_out(&global).unwrap_or_else(|Failure { code, error }| {
        log::error!("{error:#}");
        ExitCode::from(code)
    });
    logger::finish();
    code
}

impl Command {
    fn format(&self) -> Format {
        match self {
            Command::Start(start) => start.format,
            Command::Check(check) => check.format.of_messages(),
            Command::Next(next) => next.format,
            Command::Simulate(simulate) => simulate.format,
            Command::History(history) => history.format,
            Command::Audit(audit) => audit.format,
            Command::Status(status) => status.format,
            Command::Why(why) => why.format,
            Command::Explain(_)
            | Command::Run(_)
            | Command::Logs(_)
            | Command::Init(_)
            | Command::Quarantine(_) => Format::Text,
        }
    }

    fn carry_out(self, global: &Global) -> Ending {
        match self {
            Command::Start(start) => start.carry_out(global),
            Command::Check(check) => check.carry_out(global),
            Command::Next(next) => next.carry_out(global),
            Command::Simulate(simulate) => simulate.carry_out(global),
            Command::History(history) => history.carry_out(global),
            Command::Audit(audit) => audit.carry_out(global),
            Command::Status(status) => status.carry_out(global),
            Command::Logs(logs) => logs.carry_out(global),
            Command::Why(why) => why.carry_out(global),
            Command::Explain(explain) => explain.carry_out(global),
            Command::Run(run) => run.carry_out(global),
            Command::Init(init) => init.carry_out(global),
            Command::Quarantine(quarantine) => quarantine.carry_out(global),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Cli::command().debug_assert();
    }
}
