//! How are durations, sizes, addresses and commands written?

use std::time::Duration;

/// `500ms`, `2s`, `1.5m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "a duration with its unit, such as `500ms`, `2s`, `5m` or `1h`";
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return Err(EXPECTED),
    };
    let number = plain_number(digits).ok_or(EXPECTED)?;
    // A year is longer than any run.
    let milliseconds = number * milliseconds;
    if milliseconds > 366.0 * 24.0 * 3_600_000.0 {
        return Err("a duration of at most a year");
    }
    Ok(Duration::from_micros((milliseconds * 1_000.0).round() as u64))
}

/// `32KiB`, `1MiB`, or a number of bytes.
pub(super) fn size(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "a size, such as `512`, `32KiB` or `1MiB`";
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let bytes = match &text[digits.len()..] {
        "" | "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        _ => return Err(EXPECTED),
    };
    let number = plain_number(digits).ok_or(EXPECTED)? * bytes;
    if number > 1e12 { Err(EXPECTED) } else { Ok(number.round() as u64) }
}

/// Digits, and perhaps a point and digits.
fn plain_number(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    text.parse().ok()
}

/// `HOST:PORT`: the host and the port.
pub(super) fn address(text: &str) -> Result<(&str, u16), &'static str> {
    const EXPECTED: &str = "an address `HOST:PORT`, such as `127.0.0.1:2379` or `[::1]:2379`";
    let (host, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
    let name = |host: &str| {
        !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good = match bracketed {
        Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name(host),
    };
    if !good || port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EXPECTED);
    }
    let port = port.parse().map_err(|_| "an address whose port is at most 65535")?;
    Ok((bracketed.unwrap_or(host), port))
}

/// The words of a command line. Quotes keep blanks in a word; nothing is expanded.
pub(super) fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if quote.is_some() { Err("a command whose quotes are closed") } else { Ok(words) }
}
