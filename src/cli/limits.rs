//! The runner's own limit on open files. Every run needs three, and the usual soft limit of 1024 is there only
//! for programs that call select(2); so it is raised as far as that is allowed, and jobs get it as it was.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of this process to its hard one. Returns what it was, or `None` if it is as it was.
pub(super) fn raise_open_files() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return None;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => current,
        Err(error) => {
            log::warn!("cannot raise the limit on open files: {error}");
            None
        }
    }
}
