//! `#[failpoint::test]`: a test in a scope of its own. `attr` only parses, `expand` only emits.

mod attr;
mod expand;
#[cfg(test)]
mod tests;

use crate::function::Function;
use attr::Arguments;
use proc_macro2::TokenStream;
use syn::{Attribute, Error, FnArg, PatType, Result, Type};

/// The test in its scope; with failpoints `off` the test, ignored.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream, on: bool) -> Result<TokenStream> {
    let arguments = syn::parse2::<Arguments>(arguments)?;
    let mut function =
        Function::parse(item, "#[failpoint::test] applies to functions, sync or async")?;
    let test = Test {
        scope: take_scope(&mut function),
        has_harness: function.attributes.iter().any(is_test),
        arguments,
        function,
    };
    check(&test)?;
    Ok(if on { expand::on(test) } else { expand::off(test) })
}

/// A test function, taken apart.
struct Test {
    arguments: Arguments,
    function: Function,
    /// The argument for which the test wants its scope; no longer in the signature.
    scope: Option<PatType>,
    /// Another attribute makes it a test: only the scope is added.
    has_harness: bool,
}

/// Whether an attribute makes a test of a function: `#[test]`, `#[tokio::test]`, `#[rstest]`, ….
fn is_test(attribute: &Attribute) -> bool {
    const NAMES: [&str; 9] = [
        "test",
        "rstest",
        "case",
        "test_case",
        "test_matrix",
        "gtest",
        "quickcheck",
        "property_test",
        "wasm_bindgen_test",
    ];
    let last = attribute.path().segments.last();
    last.is_some_and(|last| NAMES.iter().any(|name| last.ident == name))
}

/// Takes the first argument whose type's path ends in `Scope`.
fn take_scope(function: &mut Function) -> Option<PatType> {
    let is_scope = |argument: &FnArg| {
        let FnArg::Typed(argument) = argument else { return false };
        let Type::Path(path) = &*argument.ty else { return false };
        path.path.segments.last().is_some_and(|last| last.ident == "Scope")
    };
    let arguments = std::mem::take(&mut function.signature.inputs);
    let mut scope = None;
    for argument in arguments {
        match argument {
            FnArg::Typed(argument)
                if scope.is_none() && is_scope(&FnArg::Typed(argument.clone())) =>
            {
                scope = Some(argument);
            }
            other => function.signature.inputs.push(other),
        }
    }
    scope
}

fn check(test: &Test) -> Result<()> {
    let Test { arguments, function, has_harness, .. } = test;
    let signature = &function.signature;
    if let Some(constness) = signature.constness {
        return Err(Error::new(constness.span, "a test cannot be a const fn"));
    }
    if let Some(receiver) = signature.receiver() {
        return Err(Error::new(receiver.self_token.span, "a test is a function, not a method"));
    }
    if let (false, Some(argument)) = (has_harness, signature.inputs.first()) {
        return Err(Error::new_spanned(
            argument,
            "a test takes no argument but its scope, by value: `scope: failpoint::Scope`",
        ));
    }
    if let Some(key) = &arguments.runtime.key {
        if *has_harness {
            return Err(Error::new(
                key.span(),
                format!("`{key}` is for the runtime, which the other test attribute builds"),
            ));
        }
        if !function.is_async() {
            let name = &signature.ident;
            return Err(Error::new(
                key.span(),
                format!("`{key}` is for a runtime, and `{name}` is not async"),
            ));
        }
    }
    Ok(())
}
