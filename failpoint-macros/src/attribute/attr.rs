//! What is written in `#[failpoint(…)]`?
//!
//! ```text
//! arguments = [ "crate" "=" PATH "," ] ( head | around ) [ "," ] ;
//! head      = [ "in" SCOPE "," ] NAME [ "," "if" CONDITION ] { "," KEY "=" VALUE } [ "," reply ] ;
//! reply     = "err" | CLOSURE ;
//! around    = ( "before" | "after" ) "=" NAME [ "," … the other ] ;
//! ```

use crate::krate;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, Expr, Ident, Path, Result, Token};

pub(crate) struct Arguments {
    /// The path of the crate `failpoint`, if one was given.
    pub(crate) krate: Option<Path>,
    pub(crate) sites: Sites,
}

pub(crate) enum Sites {
    /// One at the head of the function: what the macro is given, but for a reply that is `err`.
    Head { arguments: TokenStream, reply: Reply },
    /// One before the body, one when it has returned. At least one is there.
    Around { before: Option<Named>, after: Option<Named> },
}

/// What a `return` at the head does.
pub(crate) enum Reply {
    /// It cannot be armed. The span is the name's.
    Nothing(Span),
    /// The function returns what the closure gives; it is in the arguments.
    Value(Span),
    /// The function returns the error.
    Error(Ident),
}

/// `before = NAME`
pub(crate) struct Named {
    pub(crate) key: Ident,
    pub(crate) name: Box<Expr>,
}

impl Arguments {
    pub(crate) fn parse(arguments: TokenStream) -> Result<Self> {
        if arguments.is_empty() {
            return Err(Error::new(
                Span::call_site(),
                "expected the name of a point, as in #[failpoint(\"name\")], or \
                 #[failpoint(before = \"name\", after = \"name\")]",
            ));
        }
        Parse::parse.parse2(arguments)
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut path = None;
        if krate::peek(input) {
            path = Some(krate::parse(input)?);
            comma(input)?;
        }
        if input.is_empty() {
            return Err(input.error("expected the name of a point, `before` or `after`"));
        }
        let sites = if peek_key(input) { around(input)? } else { head(input)? };
        Ok(Self { krate: path, sites })
    }
}

fn head(input: ParseStream<'_>) -> Result<Sites> {
    let mut arguments = TokenStream::new();
    if input.peek(Token![in]) {
        input.parse::<Token![in]>()?.to_tokens(&mut arguments);
        input.parse::<Expr>()?.to_tokens(&mut arguments);
        input.parse::<Token![,]>()?.to_tokens(&mut arguments);
    }
    let name: Expr = input.parse()?;
    if matches!(name, Expr::Closure(_)) {
        return Err(Error::new_spanned(name, "expected the name of a point before the closure"));
    }
    name.to_tokens(&mut arguments);
    let at = name.span();
    comma(input)?;

    let mut keys: Vec<Ident> = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![if]) {
            if !keys.is_empty() {
                return Err(input.error("write the condition before the context: `if …, key = …`"));
            }
            let keyword: Token![if] = input.parse()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Err(Error::new(keyword.span, "expected a condition after `if`"));
            }
            let condition: Expr = input.parse()?;
            arguments.extend(quote!(, #keyword #condition));
            comma(input)?;
            if input.peek(Token![if]) {
                return Err(input.error("one condition is enough: join them with `&&`"));
            }
        } else if krate::peek(input) {
            return Err(input.error("write `crate = …` first"));
        } else if peek_key(input) {
            let key = input.call(Ident::parse_any)?;
            check_context(&key, &keys)?;
            let equals: Token![=] = input.parse()?;
            let value: Expr = input.parse()?;
            arguments.extend(quote!(, #key #equals #value));
            keys.push(key);
            comma(input)?;
        } else {
            let reply = reply(input, &mut arguments)?;
            return Ok(Sites::Head { arguments, reply });
        }
    }
    Ok(Sites::Head { arguments, reply: Reply::Nothing(at) })
}

/// The last argument of a head.
fn reply(input: ParseStream<'_>, arguments: &mut TokenStream) -> Result<Reply> {
    let reply: Expr = input.parse()?;
    comma(input)?;
    let is_word = matches!(&reply, Expr::Path(path) if path.path.is_ident("err"));
    if !input.is_empty() {
        return Err(match reply {
            Expr::Closure(_) => input.error("nothing can follow the closure"),
            _ if is_word => input.error("nothing can follow `err`"),
            _ => Error::new_spanned(reply, CONDITION),
        });
    }
    match reply {
        Expr::Lit(_) | Expr::Binary(_) | Expr::Unary(_) => {
            Err(Error::new_spanned(reply, CONDITION))
        }
        Expr::Path(path) if is_word => Ok(Reply::Error(Ident::new("err", path.span()))),
        // A path to a function, or a call that makes a closure: the macro's types judge it.
        closure => {
            arguments.extend(quote!(, #closure));
            Ok(Reply::Value(closure.span()))
        }
    }
}

const CONDITION: &str = "neither a condition nor a closure: for a condition write `if …`, for \
                         context `key = …`, to return a value `|v| …`, to return an error `err`";

fn check_context(key: &Ident, seen: &[Ident]) -> Result<()> {
    let word = key.unraw().to_string();
    let complaint = match word.as_str() {
        "before" | "after" => format!(
            "`{word}` names another point: write either #[failpoint(\"name\", …)] or \
             #[failpoint({word} = \"name\")]; two attributes are fine"
        ),
        "thread" | "scope" => {
            format!("`{word}` is built in: filter with when({word}=…), without passing it")
        }
        _ if seen.contains(key) => format!("the key `{word}` was given already"),
        _ => return Ok(()),
    };
    Err(Error::new(key.span(), complaint))
}

fn around(input: ParseStream<'_>) -> Result<Sites> {
    let (mut before, mut after) = (None, None);
    while !input.is_empty() {
        if krate::peek(input) {
            return Err(input.error("write `crate = …` first"));
        }
        if !peek_key(input) {
            return Err(input.error("expected `before = \"name\"` or `after = \"name\"`"));
        }
        let key = input.call(Ident::parse_any)?;
        let slot = match key.to_string().as_str() {
            "before" => &mut before,
            "after" => &mut after,
            other => {
                return Err(Error::new(
                    key.span(),
                    format!(
                        "unknown key `{other}`: expected `before` or `after`; context goes with a \
                         name, as in #[failpoint(\"name\", {other} = …)]"
                    ),
                ));
            }
        };
        if slot.is_some() {
            return Err(Error::new(key.span(), format!("`{key}` was given already")));
        }
        input.parse::<Token![=]>()?;
        *slot = Some(Named { key, name: Box::new(input.parse()?) });
        comma(input)?;
    }
    Ok(Sites::Around { before, after })
}

/// Whether `key =` comes next, not `key ==`.
fn peek_key(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any)
        && input.peek2(Token![=])
        && !input.peek2(Token![==])
        && !input.peek2(Token![=>])
}

/// A comma, or the end.
fn comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}
