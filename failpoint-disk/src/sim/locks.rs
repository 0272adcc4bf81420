//! The advisory locks of files.

use super::image::Ino;
use std::collections::BTreeMap;

/// Holders are numbered by their open file description.
#[derive(Debug, Default)]
pub(crate) struct Locks(BTreeMap<Ino, Lock>);

#[derive(Debug)]
enum Lock {
    Exclusive(u64),
    Shared(Vec<u64>),
}

impl Locks {
    /// Whether `holder` has the lock now. As with `flock`, a shared lock that cannot become exclusive is lost.
    pub(crate) fn try_lock(&mut self, ino: Ino, holder: u64, exclusive: bool) -> bool {
        let others = match self.0.get(&ino) {
            None => false,
            Some(Lock::Exclusive(other)) => *other != holder,
            Some(Lock::Shared(holders)) => {
                exclusive && holders.iter().any(|other| *other != holder)
            }
        };
        if others {
            self.unlock(ino, holder);
            return false;
        }
        let lock = match (exclusive, self.0.remove(&ino)) {
            (true, _) => Lock::Exclusive(holder),
            (false, Some(Lock::Shared(mut holders))) => {
                if !holders.contains(&holder) {
                    holders.push(holder);
                }
                Lock::Shared(holders)
            }
            (false, _) => Lock::Shared(vec![holder]),
        };
        self.0.insert(ino, lock);
        true
    }

    pub(crate) fn unlock(&mut self, ino: Ino, holder: u64) {
        let is_free = match self.0.get_mut(&ino) {
            None => return,
            Some(Lock::Exclusive(other)) => *other == holder,
            Some(Lock::Shared(holders)) => {
                holders.retain(|other| *other != holder);
                holders.is_empty()
            }
        };
        if is_free {
            self.0.remove(&ino);
        }
    }
}
