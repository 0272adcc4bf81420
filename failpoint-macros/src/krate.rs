//! Where is the crate `failpoint`? At `::failpoint`, unless `crate = path` says otherwise.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Path, Result, Token, parse_quote_spanned};

pub(crate) fn default() -> Path {
    default_at(Span::call_site())
}

/// The default, for an error that must point to something of the user's.
pub(crate) fn default_at(span: Span) -> Path {
    parse_quote_spanned!(span=> ::failpoint)
}

/// Whether `crate = …` comes next; `crate::names::POINT` is a name.
pub(crate) fn peek(input: ParseStream<'_>) -> bool {
    input.peek(Token![crate]) && input.peek2(Token![=])
}

/// Reads `crate = path`.
pub(crate) fn parse(input: ParseStream<'_>) -> Result<Path> {
    input.parse::<Token![crate]>()?;
    input.parse::<Token![=]>()?;
    input.call(Path::parse_mod_style)
}
