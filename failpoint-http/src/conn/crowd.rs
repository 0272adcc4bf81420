//! All connections of one listener, and which of them gives way to a new one.
//!
//! If no place is free, an idle connection is closed: first one that has not sent anything yet, then one
//! that waits between two requests; of each kind, the one that has been idle longest. So clients that
//! connect and stay silent do not delay an operator, and do not disconnect one either.

use super::{Connection, Limits, Shared};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Semaphore;

pub(crate) struct Crowd {
    pub(super) places: Arc<Semaphore>,
    /// Whether a new connection waits for a place. Relaxed: one thread uses it.
    wanted: AtomicBool,
    members: Mutex<Vec<Weak<Shared>>>,
}

impl Crowd {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.connections));
        Arc::new(Self { places, wanted: AtomicBool::new(false), members: Mutex::default() })
    }

    /// Gives a new connection a place, as soon as one is free.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        from: String,
        limits: Limits,
    ) -> io::Result<Connection> {
        let place = if let Ok(place) = self.places.clone().try_acquire_owned() {
            place
        } else {
            self.wanted.store(true, Ordering::Relaxed);
            self.make_room();
            let place = self.places.clone().acquire_owned().await;
            self.wanted.store(false, Ordering::Relaxed);
            place.map_err(io::Error::other)?
        };
        let connection = Connection::new(from, limits, place, self.clone());
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        if members.len() == members.capacity() {
            members.retain(|member| member.strong_count() > 0);
        }
        members.push(Arc::downgrade(&connection.shared));
        Ok(connection)
    }

    pub(super) fn wants_a_place(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Asks an idle connection to give way.
    pub(super) fn make_room(&self) {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = members.iter().filter_map(Weak::upgrade).filter_map(|shared| {
            let connection = Connection { shared };
            connection.idle().map(|idle| (idle, connection))
        });
        if let Some((_, connection)) = idle.min_by_key(|(idle, _)| *idle) {
            connection.shared.asked_to_give_way.notify_one();
        }
    }
}
