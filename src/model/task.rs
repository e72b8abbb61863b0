//! Code of an embedding program that has a name, and so can be meant by a text.

use super::{Closure, Name, nearest};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A registered task with the arguments that a job gives it. Unlike a [`Closure`] it can be written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Under which it is registered.
    pub name: Name,
    /// What it is called with; they fit.
    pub args: Arc<Value>,
    /// The code with these arguments.
    pub closure: Closure,
    /// The whole job as text, if a ledger that lasts is to store it.
    pub stored: Option<Arc<str>>,
}

/// Returns the code with these arguments, or why they do not fit.
pub(crate) type Bind = Arc<dyn Fn(Arc<Value>) -> Result<Closure, serde_json::Error> + Send + Sync>;

/// The tasks that a program has, by name.
#[derive(Clone, Default)]
pub struct Tasks(BTreeMap<Name, Bind>);

/// Why there is no such task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskMisfit {
    /// None is registered under this name.
    #[error("there is no task `{task}`{}", did_you_mean(.nearest.as_ref()))]
    Unknown {
        /// As it was given.
        task: String,
        /// The one that may have been meant.
        nearest: Option<Name>,
    },
    /// Its arguments are others.
    #[error("the arguments do not fit the task `{task}`: {message}")]
    Args {
        /// Its name.
        task: Name,
        /// What was expected and found.
        message: String,
    },
    /// Its arguments cannot be written down.
    #[error("the arguments of the task `{task}` cannot be written as JSON: {message}")]
    Unwritable {
        /// As it was given.
        task: String,
        /// Why not.
        message: String,
    },
}

fn did_you_mean(nearest: Option<&Name>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Tasks {
    /// Whether one is registered under this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }

    pub(crate) fn insert(&mut self, name: Name, bind: Bind) {
        self.0.insert(name, bind);
    }

    /// Takes all of the others in, or none and returns the name of one that is taken.
    pub(crate) fn extend(&mut self, others: Tasks) -> Result<(), Name> {
        if let Some(taken) = others.names().find(|name| self.contains(name.as_str())) {
            return Err(taken.clone());
        }
        self.0.extend(others.0);
        Ok(())
    }

    /// Returns the task of that name with these arguments.
    ///
    /// # Errors
    /// [`TaskMisfit`] says whether the name or the arguments are at fault.
    pub fn bind(&self, name: &str, args: Arc<Value>) -> Result<Task, TaskMisfit> {
        let Some((name, bind)) = self.0.get_key_value(name) else {
            return Err(TaskMisfit::Unknown { task: name.to_owned(), nearest: self.nearest(name) });
        };
        let misfit =
            |error: serde_json::Error| TaskMisfit::Args { task: name.clone(), message: error.to_string() };
        let closure = bind(Arc::clone(&args)).map_err(misfit)?;
        Ok(Task { name: name.clone(), args, closure, stored: None })
    }

    fn nearest(&self, name: &str) -> Option<Name> {
        let near = nearest(name, self.names().map(Name::as_str))?;
        self.names().find(|known| known.as_str() == near).cloned()
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
