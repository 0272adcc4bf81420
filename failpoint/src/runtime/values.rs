//! The values that a scope holds, one of each type.

use crate::runtime::sync::{Arc, Mutex};
use std::any::{Any, TypeId};

/// A value whose type is known by its id.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

#[derive(Debug, Default)]
pub(crate) struct Values {
    /// A scope holds few, so searching a list is fast.
    held: Mutex<Vec<(TypeId, Value)>>,
}

impl Values {
    /// Puts `value` in the place of the one of its type, and returns that one.
    pub(crate) fn insert(&self, value: Value) -> Option<Value> {
        // Of the value: the `Arc` around it is `Any` too.
        let id = (*value).type_id();
        let mut held = self.held.lock();
        match held.iter_mut().find(|(of, _)| *of == id) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                held.push((id, value));
                None
            }
        }
    }

    pub(crate) fn get(&self, id: TypeId) -> Option<Value> {
        let held = self.held.lock();
        held.iter().find(|(of, _)| *of == id).map(|(_, value)| value.clone())
    }

    /// Takes all of them out, for the caller to drop with no lock held: dropping runs user code.
    pub(crate) fn take(&self) -> impl Sized + use<> {
        std::mem::take(&mut *self.held.lock())
    }
}
