//! Who reaches whom.

use crate::Draws;
use std::collections::BTreeSet;

/// The directed links that are cut.
#[derive(Debug, Default)]
pub(crate) struct Links {
    cut: BTreeSet<(u64, u64)>,
    /// How often they were cut: a heal is for the last cut only.
    pub(crate) cuts: u64,
}

impl Links {
    pub(crate) fn reaches(&self, from: u64, to: u64) -> bool {
        !self.cut.contains(&(from, to))
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Two groups of at least one member each, which do not reach each other. Gives the first one.
    pub(crate) fn split(&mut self, members: u64, draws: &mut Draws) -> Vec<u64> {
        let all: Vec<u64> = (1..=members).collect();
        let mut group = draws.some(&all);
        if group.is_empty() || group.len() == all.len() {
            group = vec![*draws.one(&all)];
        }
        let is_in = |id: &u64| group.contains(id);
        self.cut(
            all.iter()
                .flat_map(|&from| all.iter().map(move |&to| (from, to)))
                .filter(|(from, to)| is_in(from) != is_in(to)),
        );
        group
    }

    /// One member does not reach the others (`is_out`), or they do not reach it.
    pub(crate) fn one_way(&mut self, members: u64, member: u64, is_out: bool) {
        let others = (1..=members).filter(|other| *other != member);
        self.cut(others.map(|other| if is_out { (member, other) } else { (other, member) }));
    }

    fn cut(&mut self, links: impl Iterator<Item = (u64, u64)>) {
        self.cut = links.collect();
        self.cuts += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_has_two_sides() {
        for seed in 0..100 {
            let mut links = Links::default();
            let group = links.split(3, &mut Draws::new(seed));
            assert!((1..3).contains(&group.len()), "seed {seed}");
            for (from, to) in [(1, 2), (2, 3), (3, 1)] {
                let is_cut = group.contains(&from) != group.contains(&to);
                assert_eq!(links.reaches(from, to), !is_cut, "seed {seed}");
                assert_eq!(links.reaches(to, from), !is_cut, "seed {seed}");
            }
        }
    }

    #[test]
    fn one_way_cuts_one_direction() {
        let mut links = Links::default();
        links.one_way(3, 2, true);
        assert!(!links.reaches(2, 1) && !links.reaches(2, 3));
        assert!(links.reaches(1, 2) && links.reaches(3, 2) && links.reaches(1, 3));
        links.heal();
        assert!(links.reaches(2, 1));
    }
}
