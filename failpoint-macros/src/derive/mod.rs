//! `#[derive(FromTerm)]`: a type of one's own in `return(…)`. `attr` only parses, `expand` only
//! emits.

mod attr;
mod expand;
#[cfg(test)]
mod tests;

use attr::Input;
use proc_macro2::TokenStream;
use syn::Result;

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    Ok(expand::implementation(&Input::parse(item)?))
}
