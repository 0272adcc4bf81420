//! What a node does with a command.

use super::check::{MAX_WRITE, check};
use super::departures::Departure;
use super::{Node, Out, answer, disk};
use crate::request::{
    Command, KeyRange, Member, Read, Request, RequestError, Response, Revision, Write,
};
use crate::store::{Answered, Membership, Proposal};
use cluster_node::{Input, Node as _, StepError};
use failpoint::fail_point;
use raft::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2};

/// What a request comes to at once; `None`: its answer comes later.
type AtOnce = Result<Option<Response>, RequestError>;

impl Node {
    pub(super) fn command(&mut self, command: Command, outputs: &mut Out) -> Result<(), StepError> {
        match command {
            Command::Request { id, request } => {
                let done = match check(&request) {
                    Ok(()) => self.request(id, request, outputs)?,
                    Err(error) => Err(error),
                };
                if let Some(result) = done.transpose() {
                    answer(outputs, id, result);
                }
                Ok(())
            }
            Command::CancelWatch { id } => {
                self.watches.cancel(id);
                Ok(())
            }
            Command::Raft(cluster_node::Command::SetElectionTimeout(ticks)) => {
                // raft panics at others.
                let shortest = self.settings.election_ticks;
                let ticks = ticks.clamp(shortest, 2 * shortest - 1);
                let set = cluster_node::Command::SetElectionTimeout(ticks);
                self.raft.step_as(Input::Command(set), outputs)
            }
            Command::Raft(command) => self.raft.step_as(Input::Command(command), outputs),
        }
    }

    fn request(
        &mut self,
        id: u64,
        request: Request,
        outputs: &mut Out,
    ) -> Result<AtOnce, StepError> {
        match request {
            Request::Write(write) => self.write(id, write),
            Request::Read { read, stale } => {
                if stale || cfg!(feature = "bug_stale_read") {
                    let response = self.read(&read).map_err(disk("read the state"))?;
                    return Ok(response.map(Some));
                }
                if self.is_full(0) {
                    return Ok(Err(RequestError::TooManyRequests));
                }
                self.reads.add(id, read);
                Ok(Ok(None))
            }
            Request::Watch { keys, first } => Ok(self.open_watch(id, keys, first)),
            Request::Hash { revision } => {
                let machine = self.raft.machine();
                let compacted = machine.head().compacted;
                let hashed = machine.hash(revision).map_err(disk("read the state"))?;
                Ok(hashed
                    .map(|(revision, hash)| Some(Response::Hash { revision, hash, compacted })))
            }
            Request::Status => Ok(Ok(Some(Response::Status(self.status())))),
            Request::Snapshot => {
                let bytes = self.raft.machine().contents().and_then(|all| all.encode());
                let bytes = bytes.map_err(disk("read the state"))?;
                let revision = self.raft.machine().head().revision;
                Ok(Ok(Some(Response::Snapshot { revision, bytes })))
            }
            Request::AddMember(member) => self.add_member(id, member, outputs),
            Request::RemoveMember(member) => self.remove_member(id, member, outputs),
            Request::MoveLeader(to) => {
                if self.members().iter().all(|member| member.id != to) {
                    return Ok(Err(RequestError::MemberNotFound(to)));
                }
                if self.raft.raft().leader_id == 0 {
                    return Ok(Err(RequestError::NoLeader));
                }
                self.transfer(to, outputs)?;
                Ok(Ok(Some(Response::LeaderAsked)))
            }
        }
    }

    /// Whether one more request, with a write of so many bytes, is too much.
    fn is_full(&self, bytes: usize) -> bool {
        self.pending.len() + self.reads.len() >= self.settings.max_requests
            || self.pending.bytes() + bytes > self.settings.max_request_bytes
    }

    fn write(&mut self, id: u64, write: Write) -> Result<AtOnce, StepError> {
        if let Write::KeepAlive(_) = write {
            // A crash of a member that was asked to renew a lease, and has not passed it on.
            fail_point!("beforeCheckpointInLeaseRenew");
        }
        let proposal = Proposal { origin: self.next_origin(), write };
        let data = proposal.encode().map_err(disk("encode an entry"))?;
        let bytes = data.len();
        if bytes > MAX_WRITE {
            return Ok(Err(RequestError::TooLarge { limit: MAX_WRITE, bytes }));
        }
        if self.is_full(bytes) {
            return Ok(Err(RequestError::TooManyRequests));
        }
        match self.raft.propose(data) {
            Ok(()) => {}
            Err(StepError::Refused(_)) => return Ok(Err(RequestError::NoLeader)),
            Err(stopped) => return Err(stopped),
        }
        let deadline = self.now + self.settings.request_ticks;
        self.pending.add(proposal.origin.number, id, bytes, deadline);
        Ok(Ok(None))
    }

    pub(super) fn read(&self, read: &Read) -> Answered<Response> {
        let machine = self.raft.machine();
        match read {
            Read::Range(range) => Ok(machine.range(range)?.map(Response::Range)),
            Read::Nothing => Ok(Ok(Response::Nothing { revision: machine.head().revision })),
            Read::TimeToLive(lease) => {
                // A crash of a member that is asked how long a lease still lives.
                fail_point!("beforeLookupWhenLeaseTimeToLive");
                let lease = *lease;
                Ok(match machine.lease(lease)? {
                    Some((granted, keys)) => Ok(Response::TimeToLive {
                        lease,
                        ttl: granted.ttl,
                        remaining: self.countdowns.remaining(lease),
                        keys,
                    }),
                    None => Err(RequestError::LeaseNotFound(lease)),
                })
            }
        }
    }

    fn open_watch(&mut self, id: u64, keys: KeyRange, first: Revision) -> AtOnce {
        let head = self.raft.machine().head();
        let (revision, compacted) = (head.revision, head.compacted);
        if self.watches.is_open(id) {
            return Err(RequestError::BadRequest(format!("{id} is the id of an open watch")));
        }
        if first != 0 && first < compacted {
            return Err(RequestError::Compacted(compacted));
        }
        self.watches.open(id, keys, first, (self.now, revision));
        Ok(Some(Response::Watching { revision }))
    }

    fn add_member(
        &mut self,
        id: u64,
        member: Member,
        outputs: &mut Out,
    ) -> Result<AtOnce, StepError> {
        if self.members().iter().any(|known| known.id == member.id) {
            return Ok(Err(RequestError::MemberExists(member.id)));
        }
        if let Some(known) = self.members().iter().find(|known| known.peer == member.peer) {
            let why = format!("member {} has the address {} already", known.id, known.peer);
            return Ok(Err(RequestError::BadRequest(why)));
        }
        if self.is_full(0) {
            return Ok(Err(RequestError::TooManyRequests));
        }
        let number = self.next_origin().number;
        self.propose_members(number, ConfChangeType::AddNode, member.id, Some(member), outputs)
            .map(|done| self.wait(done, number, id))
    }

    fn remove_member(
        &mut self,
        id: u64,
        member: u64,
        outputs: &mut Out,
    ) -> Result<AtOnce, StepError> {
        let members = self.members();
        if members.iter().all(|known| known.id != member) {
            return Ok(Err(RequestError::MemberNotFound(member)));
        }
        if members.len() == 1 {
            let why = "the last member cannot be removed".to_owned();
            return Ok(Err(RequestError::BadRequest(why)));
        }
        if self.is_full(0) {
            return Ok(Err(RequestError::TooManyRequests));
        }
        let number = self.next_origin().number;
        if member == self.raft.raft().leader_id {
            self.departures.add(number, member);
            self.ask_to_hand_over(outputs)?;
            return Ok(self.wait(Ok(()), number, id));
        }
        self.propose_members(number, ConfChangeType::RemoveNode, member, None, outputs)
            .map(|done| self.wait(done, number, id))
    }

    /// The request waits for its entry, if it was proposed.
    fn wait(&mut self, proposed: Result<(), RequestError>, number: u64, id: u64) -> AtOnce {
        proposed?;
        let deadline = self.now + self.settings.request_ticks;
        self.pending.add(number, id, 0, deadline);
        Ok(None)
    }

    pub(super) fn propose_removal(
        &mut self,
        departure: Departure,
        outputs: &mut Out,
    ) -> Result<(), StepError> {
        let Departure { number, member } = departure;
        let proposed =
            self.propose_members(number, ConfChangeType::RemoveNode, member, None, outputs)?;
        if let Err(error) = proposed
            && let Some(id) = self.pending.take(number)
        {
            answer(outputs, id, Err(error));
        }
        Ok(())
    }

    fn propose_members(
        &mut self,
        number: u64,
        kind: ConfChangeType,
        id: u64,
        member: Option<Member>,
        outputs: &mut Out,
    ) -> Result<Result<(), RequestError>, StepError> {
        let raft = self.raft.raft();
        if self.leads() && raft.has_pending_conf() {
            let why = "another change of the members is under way".to_owned();
            return Ok(Err(RequestError::Failed(why)));
        }
        let membership = Membership { origin: self.origin(number), member };
        let context = membership.encode().map_err(disk("encode an entry"))?;
        let mut change = ConfChangeV2::default();
        change.set_context(context.into());
        let mut single = ConfChangeSingle::default();
        single.set_change_type(kind);
        single.node_id = id;
        change.mut_changes().push(single);
        let propose = cluster_node::Command::ProposeConfChange(change);
        match self.raft.step_as(Input::Command(propose), outputs) {
            Ok(()) => Ok(Ok(())),
            Err(StepError::Refused(_)) => Ok(Err(RequestError::NoLeader)),
            Err(stopped) => Err(stopped),
        }
    }

    /// Asks the leader to hand over if its removal waits for that.
    pub(super) fn ask_to_hand_over(&mut self, outputs: &mut Out) -> Result<(), StepError> {
        let raft = self.raft.raft();
        let (id, leader) = (self.id(), raft.leader_id);
        if leader == 0 || !self.departures.is_waiting_for(leader) {
            return Ok(());
        }
        let to = if leader == id {
            // The one that is furthest; of those, the one with the lowest id.
            let voters = raft.prs().conf().voters().ids();
            let others = raft.prs().iter().filter(|(other, progress)| {
                **other != id && voters.contains(**other) && progress.recent_active
            });
            others
                .max_by_key(|(other, progress)| (progress.matched, std::cmp::Reverse(**other)))
                .map(|(other, _)| *other)
        } else {
            Some(id)
        };
        to.map_or(Ok(()), |to| self.transfer(to, outputs))
    }

    fn transfer(&mut self, to: u64, outputs: &mut Out) -> Result<(), StepError> {
        let transfer = cluster_node::Command::TransferLeader(to);
        self.raft.step_as(Input::Command(transfer), outputs)
    }
}
