//! The names that a context value may have.
//!
//! Any identifier except `thread` and `scope`, which the macros refuse, and each at most once. The
//! key of a raw identifier is its plain word, because a `when` cannot be written with `r#`.

/// The key that an identifier is: `r#type` is `type`.
pub(crate) const fn plain(identifier: &'static str) -> &'static str {
    match identifier.as_bytes() {
        [b'r', b'#', word @ ..] => match core::str::from_utf8(word) {
            Ok(word) => word,
            Err(_) => identifier,
        },
        _ => identifier,
    }
}

/// The const assertion of every site with context.
#[track_caller]
pub(crate) const fn assert_distinct(keys: &[&str]) {
    let mut rest = keys;
    while let [key, after @ ..] = rest {
        let mut others = after;
        while let [other, after @ ..] = others {
            assert!(
                !is_same(key.as_bytes(), other.as_bytes()),
                "a context key is given twice; give each key once"
            );
            others = after;
        }
        rest = after;
    }
}

const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    loop {
        match (one, other) {
            ([], []) => return true,
            ([a, one_rest @ ..], [b, other_rest @ ..]) if *a == *b => {
                (one, other) = (one_rest, other_rest);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{assert_distinct, plain};

    #[test]
    fn a_raw_identifier_is_its_word() {
        for (identifier, key) in [("region", "region"), ("r#type", "type"), ("r", "r"), ("é", "é")]
        {
            assert_eq!(plain(identifier), key);
        }
    }

    #[test]
    fn keys_that_begin_alike_differ() {
        assert_distinct(&[]);
        assert_distinct(&["id", "ids", "i", "di"]);
        assert!(std::panic::catch_unwind(|| assert_distinct(&["a", "id", "b", "id"])).is_err());
    }
}
