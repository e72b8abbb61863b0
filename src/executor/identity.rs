//! Whom a job runs as: looked up in the user database at each start, before there is a process.

use super::fault::describe;
use super::sys::{self, Ids, Key};
use crate::model::User;
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use thiserror::Error;

/// A user with all that comes with being one.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    groups: Vec<Gid>,
    name: OsString,
    home: OsString,
    shell: OsString,
}

/// Why nobody can be found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IdentityError {
    /// The user database has no such user.
    #[error("there is no user `{0}`")]
    NoUser(String),
    /// It has no such group.
    #[error("there is no group `{0}`")]
    NoGroup(String),
    /// An id that it does not have has no group of its own.
    #[error("there is no user with the id {0}, and so no group of theirs; expected one, as in `{0}:{0}`")]
    NoGroupOfId(u32),
    /// It cannot be asked.
    #[error("cannot look up `{name}` in the user database: {}", describe(*errno))]
    Unreadable {
        /// What was looked up.
        name: String,
        /// The system's error number.
        errno: i32,
    },
}

impl Identity {
    /// As in chown(1), what looks like an id may be a name, and is one if somebody has it.
    pub(super) fn find(user: &User) -> Result<Identity, IdentityError> {
        let unreadable = |errno| unreadable(&user.name, errno);
        let no_user = || IdentityError::NoUser(user.name.clone());
        let name = CString::new(&*user.name).map_err(|_| no_user())?;
        let id = id(&user.name);
        let account = match (sys::account(Key::Name(&name)).map_err(unreadable)?, id) {
            (None, Some(id)) => sys::account(Key::Id(id)).map_err(unreadable)?,
            (account, _) => account,
        };
        let group = user.group.as_deref().map(find_group).transpose()?;
        let Some(account) = account else {
            let id = id.ok_or_else(no_user)?;
            return Ok(Identity::stranger(id, group.ok_or(IdentityError::NoGroupOfId(id))?));
        };
        let gid = group.unwrap_or(account.gid);
        let groups = sys::groups(&account.name, gid);
        let text = |text: CString| OsString::from_vec(text.into_bytes());
        let (name, home, shell) = (text(account.name), text(account.home), text(account.shell));
        Ok(Identity { uid: account.uid, gid, groups, name, home, shell })
    }

    /// An id that the database does not have.
    fn stranger(id: u32, gid: Gid) -> Identity {
        let (name, home, shell) = (id.to_string().into(), "/".into(), OsString::new());
        Identity { uid: Uid::from_raw(id), gid, groups: vec![gid], name, home, shell }
    }

    pub(super) fn ids(&self) -> Ids {
        Ids::new(self.uid, self.gid, self.groups.clone())
    }

    /// The variables that tell who one is.
    pub(super) fn environment(&self) -> [(OsString, OsString); 4] {
        let shell = if self.shell.is_empty() { "/bin/sh".into() } else { self.shell.clone() };
        [
            ("HOME".into(), self.home.clone()),
            ("USER".into(), self.name.clone()),
            ("LOGNAME".into(), self.name.clone()),
            ("SHELL".into(), shell),
        ]
    }
}

/// Says whether a user and their group are there.
///
/// # Errors
/// What is not.
pub fn find_user(user: &User) -> Result<(), IdentityError> {
    Identity::find(user).map(drop)
}

fn find_group(group: &str) -> Result<Gid, IdentityError> {
    let no_group = || IdentityError::NoGroup(group.to_owned());
    let name = CString::new(group).map_err(|_| no_group())?;
    let found = sys::group(&name).map_err(|errno| unreadable(group, errno))?;
    found.or(id(group).map(Gid::from_raw)).ok_or_else(no_group)
}

fn unreadable(name: &str, errno: Errno) -> IdentityError {
    IdentityError::Unreadable { name: name.to_owned(), errno: errno.raw_os_error() }
}

/// The highest number is no id: to the system calls it means "unchanged".
fn id(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id != u32::MAX)
}
