//! A member of the store, stepped by its owner.

use crate::request::{Command, Member, Reply, Status};
use crate::settings::Settings;
use cluster_node::{Input, LogLines, Outputs, StepError};
use raft::eraftpb::Message;
use std::io;
use std::path::Path;

/// A member of the store, stepped by its owner.
#[derive(Debug)]
pub struct Node {
    id: u64,
}

impl Node {
    /// Starts a node from what `directory` holds, or as `settings` say if it is empty.
    ///
    /// # Errors
    /// The disk refused, what it holds is damaged, or the settings contradict each other.
    pub fn start(settings: &Settings, _: &Path, _: &LogLines) -> Result<Self, StepError> {
        Ok(Self { id: settings.id })
    }

    /// How the node is.
    pub fn status(&self) -> Status {
        Status { id: self.id, ..Status::default() }
    }

    /// The members, in the order of their ids, as of what the node has applied. The owner connects to
    /// them.
    pub fn members(&self) -> &[Member] {
        &[]
    }

    /// Whether the node was removed from the cluster. It then does nothing that matters any more.
    pub fn is_removed(&self) -> bool {
        false
    }
}

impl cluster_node::Node for Node {
    type Message = Message;
    type Command = Command;
    type Reply = Reply;
    type Error = StepError;

    fn id(&self) -> u64 {
        self.id
    }

    fn step(
        &mut self,
        _: Input<Message, Command>,
        _: &mut Outputs<Message, Reply>,
    ) -> Result<(), StepError> {
        Err(StepError::Disk { doing: "step", error: io::Error::other("not there yet") })
    }

    fn is_ready(&self) -> bool {
        false
    }
}
