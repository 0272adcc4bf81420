//! What is there to tell of something that happened at a point?

use std::time::SystemTime;

/// Something that happened at a point; see [`subscribe`](crate::subscribe).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// The point.
    pub point: String,
    /// The terms that were armed, as written.
    pub terms: String,
    /// Of which arming.
    pub generation: u64,
    /// The thread that it happened on.
    pub thread: String,
    /// What the site passed as context, for a fire.
    pub context: Vec<(String, String)>,
    /// When.
    pub at: SystemTime,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// The point was armed.
    Armed,
    /// The arming is over: disarmed, armed again or reset.
    Disarmed,
    /// A term acted.
    Fired,
    /// A caller is paused.
    Paused,
    /// A paused caller continues.
    Resumed,
}
