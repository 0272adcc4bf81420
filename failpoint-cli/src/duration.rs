//! Times on the command line, written as in terms: `30s`, `1.5m`, `1m30s`; a bare number is
//! milliseconds.

use std::time::Duration;

const UNITS: [(&str, f64); 6] =
    [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)];

pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let expected = "expected a time greater than zero, such as 30s, 1.5m or 250ms";
    seconds(text)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| expected.to_owned())
}

fn seconds(text: &str) -> Option<f64> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<f64>().ok().map(|milliseconds| milliseconds / 1e3);
    }
    let mut sum = 0.0;
    let mut rest = text;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        sum += number.parse::<f64>().ok()? * size;
        if after.is_empty() {
            return Some(sum);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn times() {
        for (text, milliseconds) in
            [("30s", 30_000), ("1.5m", 90_000), ("1m30s", 90_000), ("250", 250), ("250ms", 250)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "1x", "0", "0s", "-1s", "1.2.3s", "1e3s", "1 s", "99999999999999999h"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
