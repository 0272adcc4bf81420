//! Bytes without a zero, so that a zero on the disk says: this was never written.
//!
//! It is consistent overhead byte stuffing (Cheshire and Baker, SIGCOMM 1997). The bytes, with a zero
//! after them, are cut into groups: a group is a byte `n`, then `n - 1` bytes that are not zero, and it
//! stands for those and a zero. A group with `n` = 255 stands for its 254 bytes without a zero. One byte
//! in 254 is added at most, and one.

/// How many bytes a group holds at most.
const GROUP: usize = 254;

/// How long `bytes` can become at most.
pub(crate) const fn longest(bytes: usize) -> usize {
    bytes + bytes / GROUP + 1
}

/// Appends the stuffed bytes to `out`.
pub(crate) fn stuff(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    loop {
        let window = &rest[..rest.len().min(GROUP)];
        let zero = window.iter().position(|&byte| byte == 0);
        let group = &window[..zero.unwrap_or(window.len())];
        out.push(group.len() as u8 + 1); // at most 255
        out.extend_from_slice(group);
        rest = match zero {
            Some(zero) => &rest[zero + 1..],
            None if group.len() == GROUP => &rest[GROUP..],
            None => return,
        };
    }
}

/// The bytes that were stuffed; `None` if no bytes are stuffed that way.
pub(crate) fn unstuff(stuffed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(stuffed.len());
    let mut rest = stuffed;
    loop {
        let (&number, after) = rest.split_first()?;
        let (group, others) = after.split_at_checked(usize::from(number).checked_sub(1)?)?;
        bytes.extend_from_slice(group);
        rest = others;
        if group.len() == GROUP {
            continue;
        }
        if rest.is_empty() {
            return Some(bytes);
        }
        bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        stuff(bytes, &mut out);
        out
    }

    #[test]
    fn groups_are_as_described() {
        assert_eq!(stuffed(b""), [1]);
        assert_eq!(stuffed(&[0]), [1, 1]);
        assert_eq!(stuffed(&[7, 0, 8]), [2, 7, 2, 8]);
        let full = [9; GROUP];
        assert_eq!(stuffed(&full), [&[255][..], &full, &[1]].concat());
    }

    #[test]
    fn bytes_that_were_not_stuffed_are_refused() {
        for wrong in [&[][..], &[0], &[3, 1], &[1, 0], &[255; 255]] {
            assert_eq!(unstuff(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_stuffed_has_no_zero_and_comes_back(
            bytes in prop::collection::vec(prop_oneof![Just(0), 1..=1_u8, any::<u8>()], 0..1200),
        ) {
            let stuffed = stuffed(&bytes);
            prop_assert!(!stuffed.contains(&0));
            prop_assert!(stuffed.len() <= longest(bytes.len()));
            prop_assert_eq!(unstuff(&stuffed), Some(bytes));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(0..4_u8, 0..600)) {
            let _ = unstuff(&bytes);
        }
    }
}
