//! How hits and fires are counted without one thread waiting for another.

pub(crate) mod fast_counter;
pub(crate) mod last_fired;
pub(crate) mod striped;
pub(crate) mod unshared;
