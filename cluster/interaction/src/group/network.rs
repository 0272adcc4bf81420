//! The messages that are on their way, and when they arrive.

use raft::eraftpb::Message;
use std::time::Duration;

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// Its number in the trace.
    pub(crate) id: u64,
    /// The node that sent it. The message itself may name the one that it is passed on for.
    pub(crate) from: u64,
    /// When it arrives.
    pub(crate) due: Duration,
    pub(crate) message: Message,
}

/// The messages of a group and its time.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// How much time has passed since the start of the script.
    pub(crate) now: Duration,
    /// In the order in which they were sent.
    flights: Vec<Flight>,
    /// Who reaches whom; all reach all without groups.
    groups: Option<Vec<Vec<u64>>>,
    sent: u64,
}

impl Network {
    /// A number for the next message.
    pub(crate) fn number(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    pub(crate) fn reaches(&self, from: u64, to: u64) -> bool {
        self.groups.as_ref().is_none_or(|groups| {
            groups.iter().any(|group| group.contains(&from) && group.contains(&to))
        })
    }

    pub(crate) fn send(&mut self, flight: Flight) {
        self.flights.push(flight);
    }

    /// The message that was sent first, of those that are on their way.
    pub(crate) fn first(&self) -> Option<&Flight> {
        self.flights.first()
    }

    /// Takes the messages that fit, in the order in which they were sent.
    pub(crate) fn take(&mut self, fits: impl Fn(&Flight) -> bool) -> Vec<Flight> {
        self.flights.extract_if(.., |flight| fits(flight)).collect()
    }

    /// When the next of the messages that fit arrives.
    pub(crate) fn next_due(&self, fits: impl Fn(&Flight) -> bool) -> Option<Duration> {
        self.flights.iter().filter(|flight| fits(flight)).map(|flight| flight.due).min()
    }

    /// From now on, only nodes of one group reach each other. Gives the messages that this loses.
    pub(crate) fn partition(&mut self, groups: Vec<Vec<u64>>) -> Vec<Flight> {
        self.groups = Some(groups);
        let (kept, lost) = std::mem::take(&mut self.flights)
            .into_iter()
            .partition(|flight| self.reaches(flight.from, flight.message.to));
        self.flights = kept;
        lost
    }

    /// All nodes reach each other again.
    pub(crate) fn heal(&mut self) {
        self.groups = None;
    }
}
