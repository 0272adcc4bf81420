//! What does a function with `#[failpoint(…)]` become?
//!
//! Its body keeps its meaning: the types expected there, the borrows, `return` and `?`. A site at
//! the head is a statement more. What is evaluated after the body hangs on a guard in sync code,
//! where the compiler itself knows every way out. A guard cannot await, so in async code the body
//! is awaited as a future of its own.
//!
//! With failpoints off, the same sites are at the head, where the macros let nothing of them run;
//! nothing waits for the return, so the body stays as it is.
//!
//! The braces of the body go out as they came in: their place decides the edition, and the edition
//! how long temporaries live.

use super::attr::{Arguments, Named, Reply, Sites};
use crate::function::Function;
use crate::{future, krate};
use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned;

pub(crate) fn function(arguments: &Arguments, function: &Function, on: bool) -> TokenStream {
    let Arguments { krate, sites } = arguments;
    let krate = krate.as_ref();
    let statements = if function.is_async() {
        let emitter = Emitter { on, krate, is_async: true, returned_by: Some(function) };
        emitter.sites(sites, function.body())
    } else {
        // In what gives a future, evaluated when that runs, not when it is made.
        let emitter = |is_async| Emitter { on, krate, is_async, returned_by: None };
        future::rewrite(function, |body| emitter(true).sites(sites, body))
            .unwrap_or_else(|| emitter(false).sites(sites, function.body()))
    };
    let function = function.with(statements);
    quote!(#[allow(clippy::items_after_statements)] #function)
}

struct Emitter<'a> {
    /// Whether failpoints are compiled in.
    on: bool,
    krate: Option<&'a Path>,
    is_async: bool,
    /// The function whose signature says what the body gives as a future of its own.
    returned_by: Option<&'a Function>,
}

impl Emitter<'_> {
    /// The statements of a body with its sites.
    fn sites(&self, sites: &Sites, body: &Group) -> TokenStream {
        let statements = body.stream();
        match sites {
            Sites::Head { arguments, reply: Reply::Error(word) } => {
                let site = self.call("fail_result", arguments, word.span());
                let site = quote_spanned!(at(word.span())=> #site?;);
                // Off, what `?` makes of an `Ok` would stay in a dev build.
                let site = match self.on {
                    true => site,
                    false => {
                        let krate = self.krate(mixed());
                        let off = quote_spanned!(mixed()=> #krate::__private::Off);
                        quote_spanned!(mixed()=> match #off { #off => {} _ => { #site } })
                    }
                };
                quote!(#site #statements)
            }
            Sites::Head { arguments, reply: Reply::Nothing(span) | Reply::Value(span) } => {
                let site = self.call("fail_point", arguments, *span);
                quote_spanned!(mixed()=> #site; #statements)
            }
            Sites::Around { before, after } => {
                let before = before.as_ref().map(|before| self.named(before));
                let body = match after {
                    None => statements,
                    Some(after) if !self.on => {
                        let after = self.named(after);
                        quote!(#after #statements)
                    }
                    Some(after) if self.is_async => self.awaited(body, after),
                    Some(after) => self.guarded(body, after),
                };
                quote_spanned!(mixed()=> #before #body)
            }
        }
    }

    fn guarded(&self, body: &Group, after: &Named) -> TokenStream {
        let site = self.named(after);
        let krate = self.krate(mixed());
        // `return` is a statement, so that the temporaries of the body's last expression go before
        // the guard. (A `match` would do that too, but hides from closures what they are.)
        quote_spanned! {mixed()=>
            let __on_return = #krate::__private::OnReturn::new(|| { #site });
            #[allow(
                unreachable_code,
                unused_braces,
                clippy::diverging_sub_expression,
                clippy::needless_return,
                clippy::unused_unit
            )]
            return #body;
        }
    }

    fn awaited(&self, body: &Group, after: &Named) -> TokenStream {
        let site = self.named(after);
        let hint = self.returned_by.map(|function| future::hint(&self.krate(mixed()), function));
        quote_spanned! {mixed()=>
            #[allow(unused_braces, clippy::let_unit_value)]
            let __returned = async move { #hint #body }.await;
            #site
            // For `clippy::implicit_return`.
            #[allow(clippy::needless_return)]
            return __returned;
        }
    }

    /// The statement of a site that has a name and nothing else.
    fn named(&self, named: &Named) -> TokenStream {
        let site = self.call("fail_point", &named.name.to_token_stream(), named.name.span());
        quote_spanned!(mixed()=> #site;)
    }

    /// A call of the macro; what is wrong with it is shown at `span`.
    fn call(&self, name: &str, arguments: &TokenStream, span: Span) -> TokenStream {
        let span = at(span);
        let krate = self.krate(span);
        let name = if self.is_async { format!("{name}_async") } else { name.to_owned() };
        let name = Ident::new(&name, span);
        quote_spanned!(span=> #krate::#name!(#arguments))
    }

    fn krate(&self, span: Span) -> Path {
        self.krate.cloned().unwrap_or_else(|| krate::default_at(span))
    }
}

/// Locals of the expansion are none of the body's. (But a constant of the user's of such a name
/// would be a pattern: hence the underscores.)
fn mixed() -> Span {
    Span::mixed_site()
}

/// The same, at a place in the user's code.
fn at(span: Span) -> Span {
    span.resolved_at(mixed())
}
