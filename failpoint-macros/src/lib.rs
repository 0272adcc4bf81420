//! The attributes of the crate `failpoint`: use them from there.

use proc_macro::TokenStream;
use quote::quote;

mod attribute;
mod derive;
mod function;
mod future;
mod krate;
mod test;

#[proc_macro_attribute]
pub fn failpoint(arguments: TokenStream, item: TokenStream) -> TokenStream {
    on_item(attribute::expand, arguments, item)
}
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    on_item(test::expand, arguments, item)
}
#[proc_macro_derive(FromTerm, attributes(from_term))]
pub fn derive_from_term(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

type Expand = fn(
    proc_macro2::TokenStream,
    proc_macro2::TokenStream,
    bool,
) -> syn::Result<proc_macro2::TokenStream>;

/// What an attribute makes of an item; of one that is refused, the error and the item as it was, so
/// that nothing else fails for want of it.
fn on_item(expand: Expand, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match expand(arguments.into(), item.clone(), cfg!(feature = "failpoints")) {
        Ok(expanded) => expanded.into(),
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#item #error).into()
        }
    }
}
