//! What happened in a run: the events, in order, as [`picture`](crate::picture) draws them.

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command of the script begins. The runner records it.
    Command {
        /// Its line in the script.
        line: usize,
        /// The command as it is written.
        text: String,
    },
    /// A node becomes a member. A node without this event is there from the beginning.
    Start {
        /// The node.
        node: u64,
    },
    /// A node sends a message.
    Send {
        /// A number that no other message of the run has.
        id: u64,
        /// The sender.
        from: u64,
        /// The receiver.
        to: u64,
        /// What the message is, in a few words.
        label: String,
    },
    /// A message arrives. It may arrive twice.
    Receive {
        /// The message.
        id: u64,
    },
    /// A message is lost.
    Drop {
        /// The message.
        id: u64,
    },
    /// A node crashes.
    Crash {
        /// The node.
        node: u64,
    },
    /// A node starts again after a crash.
    Restart {
        /// The node.
        node: u64,
    },
    /// A node becomes the leader.
    Leader {
        /// The node.
        node: u64,
        /// The term that it leads.
        term: u64,
    },
    /// A leader becomes a follower. A crash says the same.
    StepDown {
        /// The node.
        node: u64,
    },
    /// A node learns that entries are committed.
    Commit {
        /// The node.
        node: u64,
        /// The index of the last of them.
        index: u64,
    },
    /// A node applies entries.
    Apply {
        /// The node.
        node: u64,
        /// The index of the last of them.
        index: u64,
    },
    /// Something else happens on a node, such as a point that fires.
    Note {
        /// The node.
        node: u64,
        /// What happens, in a few words.
        text: String,
    },
    /// From now on, only nodes of one group reach each other.
    Partition {
        /// The groups. A node that is in none of them is alone.
        groups: Vec<Vec<u64>>,
    },
    /// All nodes reach each other again.
    Heal,
}
