//! What may a point be called?
//!
//! Names are `[A-Za-z0-9_.:/-]+` with no `/` at either end. Two kinds of name are kept for the
//! control plane: its own routes, and a last segment that it reads as a verb. The check is
//! `const`, so that a bad name in the source is a compile error at the site, in both worlds.

/// What is wrong with `name`, as a sentence; `None` if it may be used.
pub const fn fault(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Some("a name must not be empty");
    }
    if bytes[0] == b'/' || bytes[bytes.len() - 1] == b'/' {
        return Some("a name must not begin or end with `/`");
    }
    let mut last_segment = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b':' | b'-' => {}
            b'/' => last_segment = at + 1,
            _ => return Some("a name is made of letters, digits and `_ . : / -`"),
        }
        at += 1;
    }
    if ends_with(bytes, last_segment, b"count")
        || ends_with(bytes, last_segment, b"wait")
        || ends_with(bytes, last_segment, b"resume")
    {
        return Some("the last segment of a name must not be `count`, `wait` or `resume`");
    }
    if is_reserved(bytes) {
        return Some(
            "`v1`, `v1/…`, `ui`, `metrics`, `healthz`, `openapi.json` and `failpoints` are \
             routes of the control plane",
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

const fn is_reserved(name: &[u8]) -> bool {
    ends_with(name, 0, b"v1")
        || (name.len() > 2 && name[0] == b'v' && name[1] == b'1' && name[2] == b'/')
        || ends_with(name, 0, b"ui")
        || ends_with(name, 0, b"metrics")
        || ends_with(name, 0, b"healthz")
        || ends_with(name, 0, b"openapi.json")
        // gofail's bulk route is taken in any case of letters.
        || name.eq_ignore_ascii_case(b"failpoints")
}

/// Whether `name[from..]` is exactly `word`.
const fn ends_with(name: &[u8], from: usize, word: &[u8]) -> bool {
    if name.len() - from != word.len() {
        return false;
    }
    let mut at = 0;
    while at < word.len() {
        if name[from + at] != word[at] {
            return false;
        }
        at += 1;
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
            "", "/a", "a/", "a b", "é", "a=b", "a/count", "wait", "x/resume", "v1", "v1/a", "ui",
            "metrics", "healthz", "openapi.json", "failpoints", "FailPoints", "a;b", "a?b",
        ] {
            assert!(fault(name).is_some(), "{name}");
        }
    }
}
