//! Who a job's processes are, and what they may use.

use std::collections::BTreeMap;
use std::fmt;

/// What is changed of the runner's own for a job's processes; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// `None`: the runner's own user and groups.
    pub user: Option<User>,
    /// The permissions that new files do not get, as in umask(2); at most `0o777`.
    pub umask: Option<u32>,
    /// How readily it yields the processor, from -20 (least) to 19, whatever the runner's own is.
    pub nice: Option<i8>,
    /// Each sets the soft and the hard limit.
    pub limits: BTreeMap<Resource, Limit>,
}

impl Rights {
    /// Whether nothing is changed.
    pub fn are_the_runners(&self) -> bool {
        *self == Rights::default()
    }
}

/// A user as it is named in a job file: `app`, `app:staff`, or ids in place of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// A name, or an id when nobody has that name.
    pub name: String,
    /// Likewise; `None`: the user's own group.
    pub group: Option<String>,
}

impl User {
    /// Returns the user that `text` names, or `None` when a part of it is empty or there are more than two.
    pub fn parse(text: &str) -> Option<User> {
        let is_part = |part: &str| !part.is_empty() && !part.contains([':', ' ', '\t', '\n']);
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        let sound = is_part(name) && group.is_none_or(is_part);
        sound.then(|| User { name: name.into(), group: group.map(Into::into) })
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.group.iter().try_for_each(|group| write!(f, ":{group}"))
    }
}

/// What a limit is of: those of setrlimit(2), by the names of limits.conf(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Open files: one more than the highest descriptor.
    Nofile,
    /// The size of a core file, in bytes; 0: none is written.
    Core,
    /// Processes and threads of the same user.
    Nproc,
    /// The size of a file that is written, in bytes.
    Fsize,
    /// Processor time, in seconds.
    Cpu,
    /// The address space, in bytes.
    As,
}

impl Resource {
    /// All, as they are listed.
    pub const ALL: [Resource; 6] =
        [Resource::Nofile, Resource::Core, Resource::Nproc, Resource::Fsize, Resource::Cpu, Resource::As];

    /// The key in `ulimits`.
    pub fn as_str(self) -> &'static str {
        match self {
            Resource::Nofile => "nofile",
            Resource::Core => "core",
            Resource::Nproc => "nproc",
            Resource::Fsize => "fsize",
            Resource::Cpu => "cpu",
            Resource::As => "as",
        }
    }
}

/// How much of a [`Resource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// At most this much, in the resource's own unit.
    AtMost(u64),
    /// As much as there is.
    Unlimited,
}

#[cfg(test)]
mod tests {
    use super::User;

    #[test]
    fn a_user_has_a_name_and_perhaps_a_group() {
        let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
            let user = User::parse(text);
            assert_eq!(user.as_ref().map(|user| (&*user.name, user.group.as_deref())), expected, "{text}");
            if let Some(user) = user {
                assert_eq!(user.to_string(), text);
            }
        };
        check("app", Some(("app", None)));
        check("app:staff", Some(("app", Some("staff"))));
        check("1000:1000", Some(("1000", Some("1000"))));
        for bad in ["", ":", "app:", ":staff", "a:b:c", "an app", "app: staff"] {
            check(bad, None);
        }
    }
}
