//! What a library user's code is to those that only hand it on.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Code of an embedding program. Only the driver knows what is in it; equal to its clones alone.
#[derive(Clone)]
pub struct Closure(Arc<dyn Any + Send + Sync>);

impl Closure {
    /// Wraps what [`Closure::get`] finds again.
    pub fn new(content: impl Any + Send + Sync) -> Closure {
        Closure(Arc::new(content))
    }

    /// Returns the content, if it is a `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl PartialEq for Closure {
    fn eq(&self, other: &Closure) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Closure {}

impl Hash for Closure {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).cast::<()>().hash(state);
    }
}

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closure")
    }
}
