//! The whole program, seen from outside: arguments and files in, lines and exit codes out.

mod after;
mod audit;
mod case;
mod check;
mod clock;
mod explain;
mod history;
mod init;
mod injected;
mod jobs;
mod layers;
mod ledger;
mod next;
mod orphans;
mod readme;
mod rights;
mod run;
mod shortage;
mod shutdown;
mod slow;
mod start;
mod status;
mod terminal;
mod tree;
mod why;
