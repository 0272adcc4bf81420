//! Where is the body of a function that gives a future?

use crate::function::{Function, braces};
use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Block, Expr, ExprAsync, Path, Stmt};

/// Tells an `async` block that holds the function's body what it returns: a block cannot be
/// annotated, and `?` and coercions want to know.
pub(crate) fn hint(krate: &Path, function: &Function) -> TokenStream {
    if function.output().is_none() {
        return TokenStream::new();
    }
    let returned = function.returned();
    quote_spanned! {Span::mixed_site()=>
        if let #krate::__private::Some(__returned) = #krate::__private::None::<#returned> {
            return __returned;
        }
    }
}

/// The body of a function that is not `async` and gives a future which its last expression makes:
/// `async move { … }`, or `Box::pin(async move { … })` as of `#[async_trait]`. Gives the function's
/// statements with the future's body rewritten.
pub(crate) fn rewrite(
    function: &Function,
    body: impl FnOnce(&Group) -> TokenStream,
) -> Option<TokenStream> {
    if !mentions(function.output()?.to_token_stream(), "Future") {
        return None;
    }
    let mut outer: Block = syn::parse2(function.body().to_token_stream()).ok()?;
    let Some(Stmt::Expr(last, None)) = outer.stmts.last_mut() else { return None };
    let future = async_block(last)?;
    let Block { brace_token, stmts } = &future.block;
    let rewritten = body(&braces(quote!(#(#stmts)*), brace_token.span.join()));
    future.block.stmts = vec![Stmt::Expr(Expr::Verbatim(rewritten), None)];
    let statements = outer.stmts;
    Some(quote!(#(#statements)*))
}

fn async_block(expression: &mut Expr) -> Option<&mut ExprAsync> {
    match expression {
        Expr::Async(block) => Some(block),
        Expr::Call(call) => {
            let Expr::Path(callee) = &*call.func else { return None };
            let mut names = callee.path.segments.iter().rev().map(|segment| &segment.ident);
            let is_box_pin = names.next()? == "pin" && names.next()? == "Box";
            if is_box_pin { async_block(call.args.first_mut()?) } else { None }
        }
        _ => None,
    }
}

/// Whether a word is anywhere in the tokens.
fn mentions(tokens: TokenStream, wanted: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == wanted,
        TokenTree::Group(group) => mentions(group.stream(), wanted),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
