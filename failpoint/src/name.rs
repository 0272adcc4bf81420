//! The names that a point may have.
//!
//! A name is part of a URL path and of a config, and some last segments and some first ones
//! belong to the control plane. The check is a `const fn`, so that a site asks it while it is
//! being compiled, and the other callers use the same function at run time.

/// Says what is wrong with `name`, in one sentence; `None` means that nothing is.
///
/// The compiler interprets this once for every site, and its interpreter is slow, above all in
/// calls: hence one pass over the name, several letters at a time, and patterns instead of
/// comparisons.
pub(crate) const fn fault(name: &str) -> Option<&'static str> {
    let name = name.as_bytes();
    let mut rest = name;
    loop {
        let all_allowed;
        (all_allowed, rest) = match rest {
            [a, b, c, d, after @ ..] => (
                ALLOWED[*a as usize]
                    & ALLOWED[*b as usize]
                    & ALLOWED[*c as usize]
                    & ALLOWED[*d as usize],
                after,
            ),
            [a, after @ ..] => (ALLOWED[*a as usize], after),
            [] => break,
        };
        if !all_allowed {
            return Some("a name holds only letters, digits and `_` `.` `:` `/` `-`");
        }
    }
    match name {
        [] => Some("a name must not be empty"),
        [b'/', ..] | [.., b'/'] => Some("a name neither begins nor ends with `/`"),
        b"count"
        | b"wait"
        | b"resume"
        | [.., b'/', b'c', b'o', b'u', b'n', b't']
        | [.., b'/', b'w', b'a', b'i', b't']
        | [.., b'/', b'r', b'e', b's', b'u', b'm', b'e'] => {
            Some("the last segment of a name must not be `count`, `wait` or `resume`")
        }
        b"v1" | [b'v', b'1', b'/', ..] => Some("`v1` and all names below `v1/` are reserved"),
        b"ui"
        | b"metrics"
        | b"healthz"
        | b"openapi.json"
        | [
            b'f' | b'F',
            b'a' | b'A',
            b'i' | b'I',
            b'l' | b'L',
            b'p' | b'P',
            b'o' | b'O',
            b'i' | b'I',
            b'n' | b'N',
            b't' | b'T',
            b's' | b'S',
        ] => Some("`ui`, `metrics`, `healthz`, `openapi.json` and `failpoints` are reserved names"),
        _ => None,
    }
}

/// The const assertion of every site.
///
/// It and those that call it track their caller, so that the compiler shows the site and none of
/// them.
#[track_caller]
pub(crate) const fn assert_good(name: &str) {
    assert!(
        fault(name).is_none(),
        "bad failpoint name: it must be letters, digits and `_ . : / -`, with no `/` at either \
         end, no last segment `count`, `wait` or `resume`, and no route of the control plane \
         (`v1/…`, `ui`, `metrics`, `healthz`, `openapi.json`, `failpoints`)"
    );
}

/// Which bytes a name may hold. A static, which is not copied where it is indexed.
static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < allowed.len() {
        let is = (byte as u8).is_ascii_alphanumeric();
        allowed[byte] = is || matches!(byte as u8, b'_' | b'.' | b':' | b'/' | b'-');
        byte += 1;
    }
    allowed
};

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
