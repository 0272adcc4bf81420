//! A median, and how sure it is.

use failpoint_bench_support::{median, times};
use std::fmt;

/// The median of paired ratios, and the interval that holds the true median with a confidence of at least
/// 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    /// The least and the greatest value of the interval. Of fewer than six values it has less confidence.
    pub(crate) interval: (f64, f64),
}

impl Spread {
    /// # Panics
    ///
    /// If there is no value.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let cut = cut(values.len());
        let interval = (values[cut], values[values.len() - 1 - cut]);
        Self { median: median(values), interval }
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.interval.0 <= other.interval.1 && other.interval.0 <= self.interval.1
    }
}

/// How many of `count` sorted values are left out at each end. The true median lies below the next value only
/// if at most so many values are below the true median: as rare as so few heads of `count` fair coins.
fn cut(count: usize) -> usize {
    let mut term = 0.5_f64.powi(count as i32);
    let mut below = 0.0;
    for heads in 0..count.div_ceil(2) {
        below += term;
        if below > 0.025 {
            return heads.saturating_sub(1);
        }
        term *= (count - heads) as f64 / (heads + 1) as f64;
    }
    0
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, greatest) = self.interval;
        write!(f, "{} ({}–{})", times(self.median), times(least), times(greatest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_leaves_out_what_tables_of_the_sign_test_do() {
        // The rank of the lower end, counted from 1, in published tables for 95 %.
        for (count, rank) in [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (15, 4), (20, 6), (30, 10)]
        {
            assert_eq!(cut(count) + 1, rank, "{count} values");
        }
        assert_eq!([1, 2, 5].map(cut), [0, 0, 0]);
    }

    #[test]
    fn intervals_that_touch_overlap() {
        let spread = |interval| Spread { median: 1.0, interval };
        assert!(spread((0.9, 1.0)).overlaps(&spread((1.0, 1.1))));
        assert!(!spread((0.9, 1.0)).overlaps(&spread((1.01, 1.1))));
        assert!(spread((0.9, 1.2)).overlaps(&spread((1.0, 1.1))));
    }

    #[test]
    fn a_spread_is_displayed_as_median_and_interval() {
        let values = vec![1.0, 0.5, 2.0];
        assert_eq!(Spread::of(values).to_string(), "1.00 (0.50–2.00)");
    }
}
