//! Who does not hear whom? The partitions of Jepsen, by its names.

use std::collections::BTreeSet;

/// Pairs of members: what the first of a pair sends does not reach the second.
///
/// Members are numbers. The functions take them in an order of your choice: shuffle it for a random
/// partition.
///
/// ```
/// use failpoint_proxy::Partition;
///
/// let halves = Partition::halves(&[0, 1, 2, 3, 4]);
/// assert!(halves.cuts(0, 2) && halves.cuts(2, 0) && !halves.cuts(0, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    cut: BTreeSet<(usize, usize)>,
}

impl Partition {
    /// Cuts what `from` sends to `to`, and not the answers that go with what `to` sends.
    #[must_use]
    pub fn one_way(from: usize, to: usize) -> Self {
        Self { cut: BTreeSet::from([(from, to)]) }
    }

    /// Cuts the members of different groups from each other, both ways.
    #[must_use]
    pub fn groups(groups: &[&[usize]]) -> Self {
        let mut cut = BTreeSet::new();
        for (here, group) in groups.iter().enumerate() {
            for (there, other) in groups.iter().enumerate() {
                if here != there {
                    cut.extend(group.iter().flat_map(|from| other.iter().map(|to| (*from, *to))));
                }
            }
        }
        Self { cut }
    }

    /// One member alone (`partition-node`).
    #[must_use]
    pub fn isolate(member: usize, members: &[usize]) -> Self {
        let others: Vec<_> = members.iter().copied().filter(|other| *other != member).collect();
        Self::groups(&[&[member], &others])
    }

    /// Two halves (`partition-halves`). Of an odd number, the first half is the smaller one.
    #[must_use]
    pub fn halves(members: &[usize]) -> Self {
        let (first, second) = members.split_at(members.len() / 2);
        Self::groups(&[first, second])
    }

    /// Two halves that do not hear each other, and one member between them that both hear (`bridge`).
    #[must_use]
    pub fn bridge(members: &[usize]) -> Self {
        let (first, second) = members.split_at(members.len() / 2);
        Self::groups(&[first, second.get(1..).unwrap_or_default()])
    }

    /// Each member hears a majority, itself included, and no two members the same one
    /// (`majorities-ring`). Each majority is a part of a ring, with its member in the middle.
    #[must_use]
    pub fn majorities_ring(members: &[usize]) -> Self {
        let count = members.len();
        let majority = count / 2 + 1;
        let mut cut = BTreeSet::new();
        for start in 0..count {
            let at = |step: usize| members[(start + step) % count];
            let hears = at(majority / 2);
            cut.extend((majority..count).map(|step| (at(step), hears)));
        }
        Self { cut }
    }

    /// Both partitions at once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.cut.extend(other.cut);
        self
    }

    /// Whether what `from` sends does not reach `to`.
    #[must_use]
    pub fn cuts(&self, from: usize, to: usize) -> bool {
        self.cut.contains(&(from, to))
    }
}

#[cfg(test)]
mod tests {
    use super::Partition;
    use std::collections::BTreeSet;

    const FIVE: [usize; 5] = [0, 1, 2, 3, 4];

    /// Whom `member` hears, itself included.
    fn hears(partition: &Partition, member: usize, members: &[usize]) -> BTreeSet<usize> {
        members.iter().copied().filter(|from| !partition.cuts(*from, member)).collect()
    }

    fn all(partition: &Partition, members: &[usize]) -> Vec<Vec<usize>> {
        let of = |member| hears(partition, member, members).into_iter().collect();
        members.iter().copied().map(of).collect()
    }

    #[test]
    fn isolation_leaves_the_others_together() {
        let heard = all(&Partition::isolate(2, &[0, 1, 2, 3]), &[0, 1, 2, 3]);
        assert_eq!(heard, [vec![0, 1, 3], vec![0, 1, 3], vec![2], vec![0, 1, 3]]);
    }

    #[test]
    fn halves_are_as_equal_as_can_be() {
        let heard = all(&Partition::halves(&FIVE), &FIVE);
        assert_eq!(heard, [vec![0, 1], vec![0, 1], vec![2, 3, 4], vec![2, 3, 4], vec![2, 3, 4]]);
    }

    #[test]
    fn a_bridge_hears_all() {
        let heard = all(&Partition::bridge(&FIVE), &FIVE);
        let (left, right) = (vec![0, 1, 2], vec![2, 3, 4]);
        assert_eq!(heard, [left.clone(), left, FIVE.to_vec(), right.clone(), right]);
        let heard = all(&Partition::bridge(&[0, 1, 2]), &[0, 1, 2]);
        assert_eq!(heard, [vec![0, 1], vec![0, 1, 2], vec![1, 2]]);
    }

    #[test]
    fn in_a_ring_each_hears_another_majority() {
        for count in 3..=9 {
            let members: Vec<_> = (0..count).collect();
            let ring = Partition::majorities_ring(&members);
            let heard: Vec<_> =
                members.iter().map(|member| hears(&ring, *member, &members)).collect();
            for (member, heard) in heard.iter().enumerate() {
                assert_eq!(heard.len(), count / 2 + 1);
                assert!(heard.contains(&member));
            }
            assert_eq!(heard.into_iter().collect::<BTreeSet<_>>().len(), count, "of {count}");
        }
    }

    #[test]
    fn one_way_is_one_way() {
        let cut = Partition::one_way(0, 1).and(Partition::one_way(2, 0));
        assert_eq!(all(&cut, &[0, 1, 2]), [vec![0, 1], vec![1, 2], vec![0, 1, 2]]);
    }

    #[test]
    fn few_members_are_no_error() {
        for members in [&[][..], &[0], &[0, 1]] {
            for make in [Partition::halves, Partition::bridge, Partition::majorities_ring] {
                let partition = make(members);
                assert!(!partition.cuts(0, 0), "{members:?}");
            }
        }
    }
}
