//! The whole program, seen from outside: arguments and files in, lines and exit codes out.

mod case;
mod check;
mod init;
mod jobs;
mod layers;
mod next;
mod readme;
mod rights;
mod run;
mod shortage;
mod shutdown;
mod start;
