//! Which of the words that would have been right did they mean?

use std::cmp::Reverse;

/// The candidate nearest to `word`, if one is near enough to be what was meant.
///
/// Near enough: one slip (a letter wrong, missing, too many, or two swapped) in three letters, at
/// most three slips; or the beginning of the candidate, from three letters on. Upper and lower
/// case are one.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.chars().map(|c| c.to_ascii_lowercase()).collect();
    let limit = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let letters: Vec<char> = candidate.chars().map(|c| c.to_ascii_lowercase()).collect();
            let slips = if word.len() >= 3 && letters.starts_with(&word) {
                0
            } else if word.len().abs_diff(letters.len()) <= limit {
                slips(&word, &letters)
            } else {
                return None;
            };
            (slips <= limit && slips < word.len()).then_some((slips, candidate))
        })
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, candidate)| candidate)
}

/// The candidate with the fewest slips, however many those are: for when there must be one, among
/// words that are alike anyway. Of several, the one that begins most like it.
pub(crate) fn most_alike<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.chars().collect();
    candidates.into_iter().min_by_key(|candidate| {
        let letters: Vec<char> = candidate.chars().collect();
        let alike = word.iter().zip(&letters).take_while(|(a, b)| a == b).count();
        (slips(&word, &letters), Reverse(alike))
    })
}

/// The edit distance in which two swapped neighbours are one edit.
fn slips(a: &[char], b: &[char]) -> usize {
    // Three rows of the usual table: the one before the last, the last, the new one.
    let mut older = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut least =
                (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(older[j - 1] + 1);
            }
            row.push(least);
        }
        older = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_enough() {
        let words = ["return", "sleep", "panic", "pause", "off", "nth"];
        for (word, meant) in [
            ("retrun", Some("return")),
            ("Return", Some("return")),
            ("ret", Some("return")),
            ("slep", Some("sleep")),
            ("sleeep", Some("sleep")),
            ("pnaic", Some("panic")),
            ("puase", Some("pause")),
            ("of", Some("off")),
            ("NaN", None),
            ("p", None),
            ("", None),
            ("something", None),
        ] {
            assert_eq!(nearest(word, words), meant, "{word}");
        }
        let long = if cfg!(miri) { 1 << 8 } else { 1 << 20 };
        assert_eq!(nearest(&"r".repeat(long), words), None);
    }
}
