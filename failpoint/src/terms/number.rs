//! Decimal numbers as text, compared exactly.
//!
//! They are compared digit by digit, so integers of any size are exact, and so are fractions.

use std::cmp::Ordering;

/// How two numbers compare; `None` where one of them is no number.
pub(crate) fn compare(one: &str, other: &str) -> Option<Ordering> {
    Some(Number::read(one)?.cmp(&Number::read(other)?))
}

pub(crate) fn is_number(text: &str) -> bool {
    Number::read(text).is_some()
}

/// Without the zeros that change nothing, so that what is equal is spelled alike.
#[derive(PartialEq, Eq)]
struct Number<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Number<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { is_negative: is_negative && !is_zero, whole, fraction })
    }
}

impl Ord for Number<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = self.whole.len().cmp(&other.whole.len());
        let size = size.then(self.whole.cmp(other.whole)).then(self.fraction.cmp(other.fraction));
        match (self.is_negative, other.is_negative) {
            (false, false) => size,
            (true, true) => size.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::{compare, is_number};
    use proptest::prelude::*;
    use std::cmp::Ordering;

    #[test]
    fn each_is_less_than_the_next() {
        let ascending = [
            "-170141183460469231731687303715884105728",
            "-18446744073709551616",
            "-10",
            "-9.51",
            "-9.5",
            "-9",
            "-.001",
            "0",
            ".001",
            "0.01",
            "0.1",
            "0.11",
            "0.2",
            "1",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.000000000000000001",
            "18446744073709551614",
            "18446744073709551615",
            "18446744073709551616",
            "170141183460469231731687303715884105727",
            "340282366920938463463374607431768211455",
            "999999999999999999999999999999999999999999999999",
        ];
        for (i, one) in ascending.iter().enumerate() {
            for (j, other) in ascending.iter().enumerate() {
                assert_eq!(compare(one, other), Some(i.cmp(&j)), "{one} {other}");
            }
        }
    }

    #[test]
    fn spelling_makes_no_difference() {
        for (one, other) in [
            ("0", "-0"),
            ("0", "-.0"),
            ("007", "7."),
            ("7.0", "7"),
            (".50", "0.5"),
            ("-01.0", "-1"),
        ] {
            assert_eq!(compare(one, other), Some(Ordering::Equal), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "", "-", ".", "-.", "--1", "+1", "1-", " 1", "1 ", "1,0", "1.2.3", "1e3", "0x10",
            "1_000", "4k", "10ms", "inf", "NaN", "-inf", "٣", "½", "true", "=5",
        ] {
            assert!(!is_number(text), "{text:?}");
            assert_eq!(compare(text, "1"), None);
            assert_eq!(compare("1", text), None);
        }
    }

    proptest! {
        #[test]
        #[cfg_attr(miri, ignore = "long")]
        fn integers_compare_as_integers(one: i128, other: i128, near in -2_i128..=2) {
            for other in [other, one.saturating_add(near)] {
                let found = compare(&one.to_string(), &other.to_string());
                prop_assert_eq!(found, Some(one.cmp(&other)));
            }
        }

        /// `Display` of a float is its shortest decimal, which keeps the order.
        #[test]
        #[cfg_attr(miri, ignore = "long")]
        fn floats_compare_as_floats(one: f64, other: f64, small in -1.0..1.0_f64) {
            for other in [other, small, one + small] {
                let expected = if one.is_finite() && other.is_finite() {
                    one.partial_cmp(&other)
                } else {
                    None
                };
                prop_assert_eq!(compare(&one.to_string(), &other.to_string()), expected);
            }
        }
    }
}
