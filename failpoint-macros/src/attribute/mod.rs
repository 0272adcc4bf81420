//! `#[failpoint(…)]`: sites around a function. `attr` only parses, `expand` only emits.

mod attr;
mod expand;
#[cfg(test)]
mod tests;

use crate::function::Function;
use attr::{Arguments, Reply, Sites};
use proc_macro2::{Span, TokenStream};
use syn::{Error, Result, Type};

/// The function with its sites.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, on: bool) -> Result<TokenStream> {
    let arguments = Arguments::parse(arguments)?;
    let function = Function::parse(
        item,
        "#[failpoint] applies to functions; for a place inside of one write fail_point!(\"name\")",
    )?;
    check(&arguments, &function)?;
    Ok(expand::function(&arguments, &function, on))
}

/// What this function cannot have.
fn check(arguments: &Arguments, function: &Function) -> Result<()> {
    if let Some(constness) = function.signature.constness {
        return Err(Error::new(
            constness.span,
            "a const fn cannot have a failpoint: a failpoint cannot be evaluated in a const context",
        ));
    }
    let Some((span, what)) = needs_return(&arguments.sites) else { return Ok(()) };
    match function.output() {
        Some(Type::Never(_)) => {
            Err(Error::new(span, format!("{what}, and this function never does")))
        }
        None if matches!(arguments.sites, Sites::Head { reply: Reply::Error(_), .. }) => {
            Err(Error::new(
                span,
                "`err` returns an Err, and this function returns nothing: it needs \
                 `-> Result<_, E>` with `E: From<failpoint::Injected>`",
            ))
        }
        _ => Ok(()),
    }
}

/// The token that lives on the function's return, and why.
fn needs_return(sites: &Sites) -> Option<(Span, &'static str)> {
    match sites {
        Sites::Head { reply: Reply::Nothing(_), .. } | Sites::Around { after: None, .. } => None,
        Sites::Head { reply: Reply::Value(span), .. } => {
            Some((*span, "a closure gives what the function is to return"))
        }
        Sites::Head { reply: Reply::Error(word), .. } => {
            Some((word.span(), "`err` makes the function return"))
        }
        Sites::Around { after: Some(after), .. } => {
            Some((after.key.span(), "`after` is evaluated when the function returns"))
        }
    }
}
