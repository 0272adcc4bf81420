//! A state machine that its owner steps.

use failpoint::Simulation;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A state machine that its owner steps.
///
/// Everything that can happen to a node is an [`Input`]; everything that it does to others is in the
/// [`Outputs`]. What was put there before a panic has happened: if a node crashes in the middle of a
/// step, its owner still delivers what the node had sent by then.
pub trait Node {
    /// What travels between nodes.
    type Message: Clone + fmt::Debug;
    /// What an operator or a client asks of a node.
    type Command;
    /// What it answers to them.
    type Reply;
    /// Why a step failed.
    type Error: std::error::Error;

    /// The number of the node, unique in its group; never 0.
    fn id(&self) -> u64;

    /// Takes one input and does all that it causes.
    ///
    /// # Errors
    /// The step failed. The error says whether the node goes on. If it does not, for example because its disk
    /// refused to save, its owner drops it, and a new node may start from the same disk.
    fn step(
        &mut self,
        input: Input<Self::Message, Self::Command>,
        outputs: &mut Outputs<Self::Message, Self::Reply>,
    ) -> Result<(), Self::Error>;

    /// Whether [`Input::Proceed`] would do something.
    fn is_ready(&self) -> bool;
}

/// What happens to a node.
#[derive(Clone, Debug)]
pub enum Input<M, C> {
    /// One tick of the node's clock.
    Tick,
    /// A message arrives.
    Message(M),
    /// An operator or a client asks for something.
    Command(C),
    /// The owner lets the node do the work that is ready: save, send, apply.
    Proceed,
}

/// How much time has passed in a step. A value is a handle.
///
/// Nothing takes time in a step, unless a failpoint sleeps. An owner gives the clock to the scope of the
/// node with [`failpoint::Scope::simulate`], and to the [`Outputs`] of its steps: then a message leaves
/// as much later as the node has slept before it.
#[derive(Clone, Debug, Default)]
pub struct StepClock {
    nanoseconds: Arc<AtomicU64>,
}

impl StepClock {
    /// The time that has passed since the last [`reset`](StepClock::reset).
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// A new step begins.
    pub fn reset(&self) {
        self.nanoseconds.store(0, Ordering::Relaxed);
    }
}

impl Simulation for StepClock {
    fn sleep(&self, _: &str, length: Duration) {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        let elapsed = self.nanoseconds.load(Ordering::Relaxed);
        self.nanoseconds.store(elapsed.saturating_add(length), Ordering::Relaxed);
    }
}

/// What a node does to others in a step.
#[derive(Clone, Debug)]
pub struct Outputs<M, R> {
    clock: StepClock,
    /// The messages, in the order in which the node sent them.
    pub messages: Vec<Sent<M>>,
    /// The replies to commands.
    pub replies: Vec<R>,
    /// What a person may want to read about the step, one line each.
    pub report: Vec<String>,
    is_quiet: bool,
    sender: Option<Sender<M>>,
}

impl<M, R> Outputs<M, R> {
    /// Nothing yet, in a step whose time `clock` tells.
    pub fn new(clock: &StepClock) -> Self {
        clock.reset();
        Self {
            clock: clock.clone(),
            messages: Vec::new(),
            replies: Vec::new(),
            report: Vec::new(),
            is_quiet: false,
            sender: None,
        }
    }

    /// The same without a report, which is text for every entry and message.
    pub fn quiet(clock: &StepClock) -> Self {
        Self { is_quiet: true, ..Self::new(clock) }
    }

    /// Adds lines to the report, if there is one.
    pub fn tell(&mut self, lines: impl FnOnce() -> Vec<String>) {
        if !self.is_quiet {
            self.report.extend(lines());
        }
    }

    /// The same, but messages leave at once by `sender`, and not when the step has ended. In a process, the
    /// disk and points that sleep take time in the middle of a step.
    #[must_use]
    pub fn sending(self, sender: &Sender<M>) -> Self {
        Self { sender: Some(sender.clone()), ..self }
    }

    /// Sends a message.
    pub fn send(&mut self, to: u64, message: M) {
        let sent = Sent { to, after: self.clock.elapsed(), message };
        match &self.sender {
            Some(sender) => (sender.0)(sent),
            None => self.messages.push(sent),
        }
    }
}

/// Takes messages in the middle of a step. Clones are one sender.
pub struct Sender<M>(Arc<dyn Fn(Sent<M>) + Send + Sync>);

impl<M> Sender<M> {
    /// A sender that gives each message to `send`, which must not wait.
    pub fn new(send: impl Fn(Sent<M>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }
}

impl<M> Clone for Sender<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent<M> {
    /// The number of the node that it is for.
    pub to: u64,
    /// How long after the start of the step it leaves.
    pub after: Duration,
    /// The message.
    pub message: M,
}

/// What a node of the crate `raft` answers to its clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A proposal of this node's is committed and applied: a client may rely on it.
    Acknowledged {
        /// Its index in the log.
        index: u64,
        /// Its term.
        term: u64,
        /// What was proposed.
        data: Vec<u8>,
    },
    /// A read of this node's may be served from the state at this index.
    Readable {
        /// What the reader gave to recognize its answer.
        context: Vec<u8>,
        /// The index.
        index: u64,
    },
}
