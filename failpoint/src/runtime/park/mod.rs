//! Where callers wait: gates that hold them, timers that wake them, and the clocks and executors that
//! they wait on.

pub(crate) mod clock;
pub(crate) mod executor;
pub(crate) mod gate;
pub(crate) mod timer;
