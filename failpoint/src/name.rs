//! What may a point be called?
//!
//! A name is part of a URL path and of a config, and some last segments and some first ones
//! belong to the control plane. The check is a `const fn`, so that a site asks it while it is
//! being compiled, and everybody else asks the very same one at run time.

/// Says what is wrong with `name`, in one sentence; `None` means that nothing is.
pub(crate) const fn fault(name: &str) -> Option<&'static str> {
    let name = name.as_bytes();
    if name.is_empty() {
        return Some("a name must not be empty");
    }
    let mut at = 0;
    while at < name.len() {
        if !is_allowed(name[at]) {
            return Some("a name holds only letters, digits and `_` `.` `:` `/` `-`");
        }
        at += 1;
    }
    if name[0] == b'/' || name[name.len() - 1] == b'/' {
        return Some("a name neither begins nor ends with `/`");
    }
    if last_segment_is(name, b"count")
        || last_segment_is(name, b"wait")
        || last_segment_is(name, b"resume")
    {
        return Some("the last segment of a name must not be `count`, `wait` or `resume`");
    }
    if is(name, b"v1") || begins_with(name, b"v1/") {
        return Some("`v1` and all names below `v1/` are reserved");
    }
    if is(name, b"ui")
        || is(name, b"metrics")
        || is(name, b"healthz")
        || is(name, b"openapi.json")
        || is_in_any_case(name, b"failpoints")
    {
        return Some(
            "`ui`, `metrics`, `healthz`, `openapi.json` and `failpoints` are reserved names",
        );
    }
    None
}

/// The const assertion that stands at every site.
pub const fn assert_good(name: &str) {
    assert!(
        fault(name).is_none(),
        "bad failpoint name: it must be letters, digits and `_ . : / -`, with no `/` at either \
         end, no last segment `count`, `wait` or `resume`, and no route of the control plane \
         (`v1/…`, `ui`, `metrics`, `healthz`, `openapi.json`, `failpoints`)"
    );
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'-')
}

const fn is(name: &[u8], word: &[u8]) -> bool {
    name.len() == word.len() && stands_at(name, 0, word)
}

/// The same for a `word` in lower case. The standard library's is const only from 1.89 on.
const fn is_in_any_case(name: &[u8], word: &[u8]) -> bool {
    if name.len() != word.len() {
        return false;
    }
    let mut i = 0;
    while i < word.len() {
        if name[i].to_ascii_lowercase() != word[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn begins_with(name: &[u8], word: &[u8]) -> bool {
    name.len() >= word.len() && stands_at(name, 0, word)
}

const fn last_segment_is(name: &[u8], word: &[u8]) -> bool {
    if name.len() < word.len() {
        return false;
    }
    let at = name.len() - word.len();
    (at == 0 || name[at - 1] == b'/') && stands_at(name, at, word)
}

/// Whether `word` stands in `name` from `at` on. `==` on slices is not yet const.
const fn stands_at(name: &[u8], at: usize, word: &[u8]) -> bool {
    let mut i = 0;
    while i < word.len() {
        if name[at + i] != word[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn names_that_may_be_used() {
        for name in ["a", "raftAfterSave", "wal::sync", "a/b-c.d_e", "discount", "v1x", "counts"] {
            assert_eq!(fault(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_may_not() {
        for name in [
            "",
            "/a",
            "a/",
            "a b",
            "é",
            "a=b",
            "a/count",
            "wait",
            "x/resume",
            "v1",
            "v1/a",
            "ui",
            "metrics",
            "healthz",
            "openapi.json",
            "failpoints",
            "FailPoints",
            "a;b",
            "a?b",
        ] {
            assert!(fault(name).is_some(), "{name}");
        }
    }
}
