//! What is `12.5%`, exactly?

use std::fmt;

/// The probability of `p%`, kept as the decimal that was written.
///
/// `50%` and `50.0%` are equal. Digits that no draw could tell apart, those beyond the 17th
/// decimal of the percentage, are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chance {
    /// The percentage in parts of 1e-17: the finest that fits 100% into 64 bits.
    parts: u64,
}

const DECIMALS: usize = 17;
const ONE_PERCENT: u64 = 10_u64.pow(17);
const ALWAYS: u64 = 100 * ONE_PERCENT;

impl Chance {
    /// The probability, from 0.0 to 1.0.
    #[allow(clippy::cast_precision_loss, reason = "both ends and halves are exact")]
    pub(crate) fn probability(&self) -> f64 {
        self.parts as f64 / ALWAYS as f64
    }

    /// From the digits before and after the point of a percentage; `None` above 100.
    pub(crate) fn from_percent(whole: &str, fraction: &str) -> Option<Chance> {
        let mut parts = whole
            .bytes()
            .try_fold(0_u64, |sum, digit| {
                sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
            })?
            .checked_mul(ONE_PERCENT)?;
        let mut weight = ONE_PERCENT;
        for digit in fraction.bytes().take(DECIMALS) {
            weight /= 10;
            parts = parts.checked_add(weight * u64::from(digit - b'0'))?;
        }
        let dropped = fraction.bytes().skip(DECIMALS).any(|digit| digit != b'0');
        let above = parts > ALWAYS || (parts == ALWAYS && dropped);
        (!above).then_some(Chance { parts })
    }
}

/// The percentage without the sign: `12.5`.
impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.parts / ONE_PERCENT)?;
        match self.parts % ONE_PERCENT {
            0 => Ok(()),
            fraction => {
                let digits = format!("{fraction:0DECIMALS$}");
                write!(f, ".{}", digits.trim_end_matches('0'))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn exact() {
        for (whole, fraction, probability, printed) in [
            ("0", "", 0.0, "0"),
            ("100", "000", 1.0, "100"),
            ("50", "0", 0.5, "50"),
            ("", "5", 0.005, "0.5"),
            ("12", "50", 0.125, "12.5"),
            ("0007", "", 0.07, "7"),
            ("33", "333333333333333339", 0.333_333_333_333_333_3, "33.33333333333333333"),
            ("0", "00000000000000001", 1e-19, "0.00000000000000001"),
        ] {
            let chance = Chance::from_percent(whole, fraction).unwrap();
            assert!((chance.probability() - probability).abs() < 1e-16, "{printed}");
            assert_eq!(chance.to_string(), printed);
        }
        for (whole, fraction) in [
            ("101", ""),
            ("100", "00000000000000001"),
            ("100", "000000000000000000000001"),
            ("99999999999999999999999", ""),
            ("18446744073709551615", "9"),
        ] {
            assert_eq!(Chance::from_percent(whole, fraction), None, "{whole}.{fraction}");
        }
    }
}
