//! How long did the subject take to heal? Percentiles in a fixed amount of memory.

use hdrhistogram::Histogram;

use super::model::Healed;

/// No fault takes longer to heal. In milliseconds: a day.
const LONGEST: u64 = 24 * 60 * 60 * 1000;

/// The times of all faults that were healed.
#[derive(Debug)]
pub(super) struct Healing {
    /// In milliseconds.
    times: Histogram<u64>,
    /// The election time-out of the subject, in milliseconds.
    election: Option<u64>,
}

impl Healing {
    pub(super) fn new() -> Self {
        let times = Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order");
        Self { times, election: None }
    }

    pub(super) fn record(&mut self, milliseconds: u64, election: Option<u64>) {
        self.times.saturating_record(milliseconds);
        self.election = election.filter(|election| *election > 0);
    }

    pub(super) fn told(&self) -> Healed {
        let times = &self.times;
        let milliseconds =
            [times.value_at_quantile(0.5), times.value_at_quantile(0.99), times.max()];
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 milliseconds")]
        let elections = self.election.map(|election| {
            // To a tenth: the times are not more exact.
            milliseconds.map(|time| (time as f64 / election as f64 * 10.0).round() / 10.0)
        });
        Healed { faults: times.len(), milliseconds, elections }
    }
}

#[cfg(test)]
mod tests {
    use super::{Healed, Healing};

    #[test]
    fn percentiles_are_told_in_milliseconds_and_in_election_time_outs() {
        let mut healing = Healing::new();
        assert_eq!(healing.told(), Healed::default());
        (1..=100).for_each(|time| healing.record(time * 10, None));
        let expected = Healed { faults: 100, milliseconds: [500, 990, 1000], elections: None };
        assert_eq!(healing.told(), expected);
        healing.record(0, Some(200));
        assert_eq!(healing.told().elections, Some([2.5, 5.0, 5.0]));
    }
}
