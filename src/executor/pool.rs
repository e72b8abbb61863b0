//! The threads that start processes.

use super::Launch;
use super::prepare::Preparer;
use super::spawn::{Spawned, spawn};
use super::sys::Stack;
use crate::model::SpawnError;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How many threads spawn. Spawning is short, and the kernel does much of it one at a time.
const THREADS: usize = 2;

type Spawning = Result<Spawned, SpawnError>;

/// See the module's page. Dropping it ends its threads.
pub(super) struct Pool {
    launches: Sender<(Launch, oneshot::Sender<Spawning>)>,
}

impl Pool {
    /// To be called inside a tokio runtime, in which the processes will be followed.
    pub(super) fn new(preparer: Preparer) -> io::Result<Pool> {
        let (launches, asked) = channel();
        let (asked, preparer) = (Arc::new(Mutex::new(asked)), Arc::new(preparer));
        for _ in 0..THREADS {
            let (asked, preparer, runtime) = (Arc::clone(&asked), Arc::clone(&preparer), Handle::current());
            let mut stack = Stack::new()?;
            thread::Builder::new().name("spawn".into()).spawn(move || {
                let _inside = runtime.enter();
                spawn_all(&asked, &preparer, &mut stack);
            })?;
        }
        Ok(Pool { launches })
    }

    /// Starts a process.
    pub(super) async fn start(&self, launch: Launch) -> Spawning {
        let (spawned, answer) = oneshot::channel();
        self.launches.send((launch, spawned)).expect("the threads live as long as the pool");
        answer.await.expect("a thread answers each launch")
    }
}

type Launches = Mutex<Receiver<(Launch, oneshot::Sender<Spawning>)>>;

/// What each thread does until the pool is dropped.
fn spawn_all(launches: &Launches, preparer: &Preparer, stack: &mut Stack) {
    loop {
        let next = launches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((launch, answer)) = next else { return };
        let spawned = preparer.prepare(&launch).and_then(|prepared| spawn(prepared, stack));
        let _ = answer.send(spawned);
    }
}
