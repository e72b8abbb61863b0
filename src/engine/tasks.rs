//! Tasks: code that a program registers under a name, to be run with arguments that can be written down.
//!
//! A job of a closure is there as long as the program that added it. A job of a task is a name and a text, so it can
//! stand in a job file ([`Scheduler::from_file`](super::Scheduler::from_file)), and a ledger that lasts stores it
//! ([`Builder::ledger_file`](super::Builder::ledger_file)). Whether the arguments fit is known
//! when the job is added, before anything runs.

use super::RunContext;
use super::work::{self, IntoResult};
use crate::model::{InvalidName, Name, Tasks};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Why a task was not registered. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// Its name is none.
    #[error("`{name}` is no task's name: {source}")]
    InvalidName {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        source: InvalidName,
    },
    /// There is a task of that name, and jobs mean that one by it.
    #[error("there is a task `{task}` already; choose another name")]
    NameTaken {
        /// The name.
        task: Name,
    },
}

/// Registering. A name is made of the same characters as a job's, and stands for one task as long as the scheduler is
/// there.
///
/// ```
/// use runner::{Job, Scheduler, Tasks};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Mail { user: u64 }
///
/// let tasks = Tasks::new()
///     .add("send_mail", |_, mail: Mail| async move { println!("to {}", mail.user) })?
///     .add_blocking("pack", |context, folder: String| println!("{} packs {folder}", context.run))?;
/// let mut scheduler = Scheduler::builder().tasks(tasks).build();
/// scheduler.add(Job::task("digest-42", (), "send_mail", Mail { user: 42 }))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Tasks {
    /// Returns a registry with no task.
    pub fn new() -> Tasks {
        Tasks::default()
    }

    /// Registers async code. It is called for each attempt, with the arguments of the job, and is otherwise as that of
    /// [`Job::new`](super::Job::new). A task without arguments takes `()`.
    ///
    /// # Errors
    /// [`TaskError`]: the name is none, or taken.
    pub fn add<A, F, Fut>(self, name: impl Into<String>, work: F) -> Result<Tasks, TaskError>
    where
        A: DeserializeOwned + 'static,
        F: Fn(RunContext, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoResult> + Send + 'static,
    {
        let work = Arc::new(work);
        let bind = move |args: Arc<Value>| {
            A::deserialize(&*args)?;
            let work = Arc::clone(&work);
            Ok(work::of_async(move |context| {
                let begun = A::deserialize(&*args).map(|args| work(context, args));
                async move { begun?.await.into_result() }
            }))
        };
        self.with(name.into(), Arc::new(bind))
    }

    /// Registers code that blocks, as that of [`Job::blocking`](super::Job::blocking).
    ///
    /// # Errors
    /// [`TaskError`]: the name is none, or taken.
    pub fn add_blocking<A, F, R>(self, name: impl Into<String>, work: F) -> Result<Tasks, TaskError>
    where
        A: DeserializeOwned + 'static,
        F: Fn(RunContext, A) -> R + Send + Sync + 'static,
        R: IntoResult,
    {
        let work = Arc::new(work);
        let bind = move |args: Arc<Value>| {
            A::deserialize(&*args)?;
            let work = Arc::clone(&work);
            Ok(work::of_blocking(move |context| work(context, A::deserialize(&*args)?).into_result()))
        };
        self.with(name.into(), Arc::new(bind))
    }

    fn with(mut self, name: String, bind: crate::model::Bind) -> Result<Tasks, TaskError> {
        let name = Name::parse(&name).map_err(|source| TaskError::InvalidName { name, source })?;
        if self.contains(name.as_str()) {
            return Err(TaskError::NameTaken { task: name });
        }
        self.insert(name, bind);
        Ok(self)
    }
}
