//! What is simulated: nodes of some kind, their clients, and what they promise.

use crate::{Draws, Plan, Point, Violation};
use cluster_node::{LogLines, Node};
use std::path::Path;
use std::time::Duration;

/// The message of a subject's nodes.
pub type Message<S> = <<S as Subject>::Node as Node>::Message;
/// The command that they take.
pub type Command<S> = <<S as Subject>::Node as Node>::Command;
/// The reply that they give.
pub type Reply<S> = <<S as Subject>::Node as Node>::Reply;
/// The error of a step.
pub type Error<S> = <<S as Subject>::Node as Node>::Error;

/// What a check says.
pub type Checked = Result<(), Violation>;

/// Nodes of some kind, their clients, and what they promise.
///
/// The simulator owns time, network, disks and faults. A subject starts the nodes, asks what clients ask, and
/// judges what it sees. Whatever it draws, it draws from the [`Draws`] that it is given.
pub trait Subject: Sized {
    /// The nodes.
    type Node: Node;

    /// The failpoints that a node passes.
    fn points() -> Vec<Point>;

    /// Draws what the plan does not say, such as settings of the nodes.
    fn new(plan: &Plan, draws: &mut Draws) -> Self;

    /// What was drawn, for the report of a run.
    fn drawn(&self) -> String;

    /// Starts the member from what is in `directory`, or as a new one if that is empty.
    ///
    /// # Errors
    /// It cannot start.
    fn start(&self, id: u64, directory: &Path, log: &LogLines) -> Result<Self::Node, Error<Self>>;

    /// Whether a node goes on after this error.
    fn goes_on(error: &Error<Self>) -> bool;

    /// A number for the message, for the trace: different messages have different ones.
    fn digest(message: &Message<Self>) -> u64;

    /// Whether the message may arrive twice. One that asks for something to be done again must not, unless the
    /// nodes recognize it.
    fn may_double(message: &Message<Self>) -> bool;

    /// A member has started, for the first time or again.
    ///
    /// # Errors
    /// It broke a promise.
    fn started(&mut self, node: &Self::Node) -> Checked;

    /// A message has left a node.
    fn sent(&mut self, message: &Message<Self>);

    /// A member has replied.
    ///
    /// # Errors
    /// It broke a promise.
    fn replied(&mut self, id: u64, reply: Reply<Self>, now: Duration) -> Checked;

    /// A member has saved, sent and applied what was ready, or crashed while it did.
    ///
    /// # Errors
    /// It broke a promise.
    fn proceeded(&mut self, node: &Self::Node) -> Checked;

    /// What the owner of the node asks of it after a step, such as another election time-out.
    fn order(&mut self, node: &Self::Node, draws: &mut Draws) -> Option<Command<Self>>;

    /// A member is down, and so are the connections of its clients.
    fn went_down(&mut self, id: u64, now: Duration);

    /// A client may ask one of the members that are up.
    fn ask(
        &mut self,
        client: u64,
        up: &[u64],
        now: Duration,
        draws: &mut Draws,
    ) -> Option<(u64, Command<Self>)>;

    /// Whether no client waits for an answer.
    fn is_idle(&self) -> bool;

    /// Whether the members agree, without requests and without faults.
    ///
    /// # Errors
    /// What they do not agree on, in words.
    fn converged(&self, nodes: &[&Self::Node]) -> Result<(), String>;

    /// What is asked of a member at the end, when all agree: the first, second … question, until there are
    /// no more. The members agree again before the next one.
    fn last_question(&mut self, number: u64, now: Duration) -> Option<(u64, Command<Self>)>;

    /// The verdict when all last questions were answered.
    ///
    /// # Errors
    /// A promise was broken.
    fn verdict(&mut self) -> Checked;
}
