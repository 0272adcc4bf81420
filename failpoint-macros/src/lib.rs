//! The attributes of the crate `failpoint`: use them from there.

use proc_macro::TokenStream;

mod attribute;

/// Marks the head of a function: see the crate `failpoint`.
#[proc_macro_attribute]
pub fn failpoint(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(arguments.into(), item.into())
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}
