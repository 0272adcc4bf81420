//! Which members does the cluster have, and how are they changed?

use raft_kv::Member as Listed;

use super::{CHANGE, RaftKv, STATUS};
use crate::driver::DriverError;

/// The numbers of the members. A number is never used again after its member is removed, so a member
/// that comes back has another one than before.
#[derive(Debug)]
pub(super) struct Ids {
    /// By index. Of a member that is to join, the one that it will have.
    current: Vec<u64>,
    /// Whether the number is new, and the member was not started with it yet.
    joins: Vec<bool>,
    /// The highest one that was ever used.
    last: u64,
}

impl Ids {
    /// Those of a new cluster.
    pub(super) fn new(members: usize) -> Self {
        let last = members as u64;
        Self { current: (1..=last).collect(), joins: vec![false; members], last }
    }

    pub(super) fn of(&self, member: usize) -> u64 {
        self.current[member]
    }

    pub(super) fn member(&self, id: u64) -> Option<usize> {
        self.current.iter().position(|&other| other == id)
    }

    pub(super) fn started(&mut self, member: usize) {
        self.joins[member] = false;
    }

    /// The number to join with, which stays the same until the member is started.
    fn joining(&mut self, member: usize) -> u64 {
        if !self.joins[member] {
            self.last += 1;
            self.current[member] = self.last;
            self.joins[member] = true;
        }
        self.current[member]
    }

    fn is_joining(&self, member: usize, id: u64) -> bool {
        self.joins[member] && self.current[member] == id
    }
}

impl RaftKv {
    pub(super) async fn remove(&self, via: usize, member: usize) -> Result<(), DriverError> {
        let Some(listed) = self.listed(via, member).await? else { return Ok(()) };
        match self.client_within(via, CHANGE).remove_member(listed.id).await {
            Err(error) if error.code() != Some("member-not-found") => Err(self.error(via, &error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn add(&self, via: usize, member: usize) -> Result<(), DriverError> {
        match self.listed(via, member).await? {
            Some(listed) if self.ids().is_joining(member, listed.id) => return Ok(()),
            Some(Listed { id, .. }) => {
                let Self { members, .. } = self;
                let message = format!("{} is a member already, with id {id}", members[member].name);
                return Err(DriverError { whom: members[via].name.clone(), message });
            }
            None => {}
        }
        let (id, known) = (self.ids().joining(member), &self.members[member]);
        let (name, peer, client) = (known.name.clone(), known.peer.clone(), known.client.clone());
        let added = Listed { id, name, peer, client };
        match self.client_within(via, CHANGE).add_member(&added).await {
            // The attempt before had an effect.
            Err(error) if error.code() != Some("member-exists") => Err(self.error(via, &error)),
            _ => Ok(()),
        }
    }

    /// The member with this address, if the cluster has it.
    async fn listed(&self, via: usize, member: usize) -> Result<Option<Listed>, DriverError> {
        let listed = self.client_within(via, STATUS).members().await;
        let listed = listed.map_err(|error| self.error(via, &error))?;
        Ok(listed.into_iter().find(|listed| listed.peer == self.members[member].peer))
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn a_member_that_comes_back_has_a_number_that_no_member_had() {
        let mut ids = Ids::new(3);
        assert_eq!((ids.of(1), ids.member(3), ids.member(4)), (2, Some(2), None));
        // The second attempt to add it.
        assert_eq!((ids.joining(1), ids.joining(1)), (4, 4));
        ids.started(1);
        assert_eq!((ids.joining(1), ids.member(2), ids.member(5)), (5, None, Some(1)));
    }
}
