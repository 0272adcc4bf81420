//! Where does an error point, and what does it say?

use crate::Expand;
use proc_macro2::TokenStream;

pub(crate) fn tokens(source: &str) -> TokenStream {
    source.parse().expect("Rust tokens")
}

/// Every row: what is written, the token at fault, a part of the message.
#[track_caller]
pub(crate) fn refusals(expand: Expand, table: &[(&str, &str, &str, &str)]) {
    for (arguments, item, at, message) in table {
        let (found_at, found) = refusal(expand, arguments, item);
        assert!(
            found_at == *at && found.contains(message),
            "#[…({arguments})] {item}\n  points to `{found_at}`, not `{at}`:\n  {found}\n  not: {message}"
        );
    }
}

/// Refused in both worlds alike: gives the text of the user's tokens at fault, and the message.
#[track_caller]
fn refusal(expand: Expand, arguments: &str, item: &str) -> (String, String) {
    let refuse = |on| {
        let error = expand(tokens(arguments), tokens(item), on).expect_err("it is wrong");
        (error.span().source_text().unwrap_or_default(), error.to_string())
    };
    assert_eq!(refuse(true), refuse(false));
    refuse(true)
}
