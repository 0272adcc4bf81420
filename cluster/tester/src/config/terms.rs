//! Are these terms that the control plane of a member will take?

use std::sync::LazyLock;

use regex::Regex;

/// The actions of gofail.
const ACTIONS: [&str; 6] = ["off", "return", "sleep", "panic", "break", "print"];

/// Terms of the crate `failpoint`.
pub(super) fn ours(text: &str) -> Result<(), String> {
    let shown = text.escape_debug();
    match failpoint::__bridge::control::check_terms(text) {
        Ok(()) => Ok(()),
        Err(failpoint::Error::Parse { offset, expected, .. }) => Err(format!(
            "the terms `{shown}` cannot be read: at byte {offset}, expected {expected}"
        )),
        Err(_) => Err(format!("the terms `{shown}` cannot be read")),
    }
}

/// Terms of gofail: `[CHANCE%|COUNT*]ACTION[(VALUE)]`, joined by `->`.
pub(super) fn gofail(text: &str) -> Result<(), String> {
    static TERMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let term = r#"(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)%|[0-9]+\*)?(off|return|sleep|panic|break|print)(?:\((?:"(?:[^"\\]|\\.)*"|[^()"]*)\))?"#;
        Regex::new(&format!("^{term}(?:->{term})*$")).ok()
    });
    if TERMS.as_ref().is_some_and(|terms| terms.is_match(text)) {
        return Ok(());
    }
    let actions = super::reader::listed(ACTIONS);
    let text = text.escape_debug();
    Err(format!(
        "gofail cannot read the terms `{text}`; they are `[CHANCE%|COUNT*]ACTION[(VALUE)]`, joined by \
         `->`, and the actions are {actions}"
    ))
}

#[cfg(test)]
mod tests {
    use super::{gofail, ours};

    #[test]
    fn terms_of_gofail() {
        for good in [
            "panic",
            "off",
            "sleep(1000)",
            "50.0%panic",
            ".5%off",
            "3*return(true)->panic(\"a->b\")",
            "return(\"a)\\\"b\")",
            "print",
            "break()",
        ] {
            assert_eq!(gofail(good), Ok(()), "{good}");
        }
        for bad in
            ["", "kill", "panic ", "50%3*panic", "sleep(1", "panic->", "exit(1)", "return(\"a)"]
        {
            assert!(gofail(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn terms_of_failpoint() {
        for good in ["kill", "sleep(1s)", "3*return(5)->panic", "wait(other)"] {
            assert_eq!(ours(good), Ok(()), "{good}");
        }
        let refused = ours("slep(10)").expect_err("no such action");
        assert!(refused.starts_with("the terms `slep(10)` cannot be read: at byte 0"), "{refused}");
    }
}
