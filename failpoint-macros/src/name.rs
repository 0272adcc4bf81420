//! Checks a name in the proc macro.
//!
//! Without failpoints nothing of a site is left but checks, and there the constant that checks the
//! name is dearer than all else: the compiler interprets it. Most names are a literal that needs no
//! such care. Whatever is not certainly good is left to the constant, which alone knows the rules
//! and has the messages if they are broken.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;

/// Of `CRATE NAME`: the constant that checks the name; nothing where the name is plain.
pub(crate) fn check(input: TokenStream) -> TokenStream {
    let mut input = input.into_iter();
    let krate = input.next();
    let name: Vec<TokenTree> = input.collect();
    match name.as_slice() {
        [one] if is_literal(one) => TokenStream::new(),
        _ => quote! {{
            // It has a name and is used: older compilers call unused what a `const _` alone uses.
            const __FAILPOINT_NAME: () = #krate::__private::check(#(#name)*);
            __FAILPOINT_NAME
        }},
    }
}

fn is_literal(token: &TokenTree) -> bool {
    match token {
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            inner.is_some_and(is_plain)
        }
        // What a macro has matched as an expression comes in invisible brackets.
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let mut inside = group.stream().into_iter();
            matches!((inside.next(), inside.next()), (Some(one), None) if is_literal(&one))
        }
        _ => false,
    }
}

/// Whether the text between the quotes is a name beyond doubt.
fn is_plain(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
    let is_word = |segment: &str| WORDS.iter().any(|word| segment.eq_ignore_ascii_case(word));
    name.bytes().all(is_allowed)
        && name.split('/').all(|segment| !segment.is_empty() && !is_word(segment))
}

/// No name may be one of these, or no segment at one end of it.
const WORDS: [&str; 9] =
    ["count", "wait", "resume", "v1", "ui", "metrics", "healthz", "openapi.json", "failpoints"];

// The test compares with the rules themselves. A proc macro crate cannot be imported elsewhere, and this
// one cannot depend on `failpoint`, which depends on it.
#[cfg(test)]
#[allow(dead_code)]
#[path = "../../failpoint/src/name.rs"]
mod rules;

#[cfg(test)]
mod tests {
    use super::{check, is_plain, rules};
    use quote::quote;

    #[test]
    fn a_plain_name_is_a_good_one() {
        let pieces = [
            "",
            "a",
            "Z9",
            "_",
            "-",
            ".",
            ":",
            "/",
            "//",
            " ",
            "\\",
            "\"",
            "é",
            "count",
            "Count",
            "wait",
            "resume",
            "v1",
            "V1",
            "ui",
            "metrics",
            "healthz",
            "openapi.json",
            "openapi",
            "failpoints",
            "FailPoints",
        ];
        let mut plain = 0;
        for a in pieces {
            for b in pieces {
                for c in pieces {
                    let name = format!("{a}{b}{c}");
                    plain += usize::from(is_plain(&name));
                    assert!(!is_plain(&name) || rules::fault(&name).is_none(), "{name}");
                }
            }
        }
        assert!(plain > 1_000, "{plain}");
    }

    #[test]
    fn names_as_people_write_them_are_plain() {
        for name in ["raftAfterSave", "wal::sync", "store/wal-sync.v2", "discount", "waiting"] {
            assert!(is_plain(name), "{name}");
        }
    }

    #[test]
    fn what_is_not_certain_is_left_to_the_constant() {
        for name in [
            quote!("a/count"),
            quote!("v1"),
            quote!("a b"),
            quote!(""),
            quote!("\x61"),
            quote!(r"a"),
            quote!(b"a"),
            quote!(5),
            quote!(NAME),
            quote!(concat!("a", "b")),
            quote!("a" "b"),
        ] {
            let constant = quote! {{
                const __FAILPOINT_NAME: () = krate::__private::check(#name);
                __FAILPOINT_NAME
            }};
            assert_eq!(check(quote!(krate #name)).to_string(), constant.to_string());
        }
        assert!(check(quote!(krate "a")).is_empty());
    }
}
