//! What does a function with `#[failpoint::test]` become?
//!
//! The scope is in force on the test's thread while the body runs, so that on a current-thread
//! runtime the tasks it spawns are inside as well; a runtime's other threads are given it when they
//! start. The runtime outlives the scope: what is paused on its threads is let go first.

use super::Test;
use super::attr::Runtime;
use crate::future;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse_quote;

pub(crate) fn on(mut test: Test) -> TokenStream {
    let krate = &test.arguments.krate;
    let name = test.function.signature.ident.unraw().to_string();
    let allow_unfired = test.arguments.allow_unfired;
    let points = match &test.arguments.points {
        Some(points) => quote!(#krate::__private::Some(#points)),
        None => quote!(#krate::__private::None),
    };
    let scope = scope(&test, &quote_spanned!(mixed()=> __test.scope()));
    let (runtime, run) = run(&test);
    // Locals go in reverse: the test's own handle to the scope before the runtime.
    let statements = quote_spanned! {mixed()=>
        let __test = #krate::__private::TestScope::new(
            #krate::__private::concat!(#krate::__private::module_path!(), "::", #name),
            #points,
            #allow_unfired,
        );
        #runtime
        #scope
        #run
    };
    if !test.has_harness {
        test.function.signature.asyncness = None;
    }
    become_test(&mut test);
    test.function.with(statements)
}

/// The runtime, if the test needs one of ours, and what runs the body inside `__test`.
fn run(test: &Test) -> (Option<TokenStream>, TokenStream) {
    let krate = &test.arguments.krate;
    let body = test.function.body();
    if !test.function.is_async() {
        let returned = test.function.returned();
        let run = quote_spanned!(mixed()=> __test.run(move || -> #returned #body));
        return (None, finish(test, &run));
    }
    let hint = future::hint(krate, &test.function);
    let body = quote_spanned! {mixed()=>
        #[allow(unused_braces)]
        let __body = async move { #hint #body };
    };
    let (runtime, run) = if test.has_harness {
        (None, quote_spanned!(mixed()=> __test.run_async(__body).await))
    } else {
        let builder = builder(&test.arguments.runtime);
        let runtime = quote_spanned! {mixed()=>
            let __runtime = #krate::__private::Result::expect(
                #builder.enable_all().on_thread_start(__test.scope().on_thread_start()).build(),
                "#[failpoint::test] cannot start the runtime",
            );
        };
        (Some(runtime), quote_spanned!(mixed()=> __test.run(|| __runtime.block_on(__body))))
    };
    let finished = finish(test, &run);
    (runtime, quote!(#body #finished))
}

/// What looks at the result of the body: its type is known here, and with that whether it has errors.
fn finish(test: &Test, run: &TokenStream) -> TokenStream {
    let krate = &test.arguments.krate;
    let returned = test.function.returned();
    quote_spanned! {mixed()=>
        let (__test, __result): (_, #returned) = #run;
        let __has_failed = {
            #[allow(unused_imports)]
            use #krate::__private::Succeeded as _;
            #krate::__private::Outcome(&__result).is_failure()
        };
        __test.finish(__has_failed);
        __result
    }
}

fn builder(runtime: &Runtime) -> TokenStream {
    let new = match runtime.multi_thread {
        true => quote!(new_multi_thread),
        false => quote!(new_current_thread),
    };
    let worker_threads = runtime.worker_threads.as_ref().map(|n| quote!(.worker_threads(#n)));
    let start_paused = runtime.start_paused.as_ref().map(|paused| quote!(.start_paused(#paused)));
    quote!(::tokio::runtime::Builder::#new() #worker_threads #start_paused)
}

pub(crate) fn off(mut test: Test) -> TokenStream {
    let krate = &test.arguments.krate;
    let scope = scope(&test, &quote!(#krate::Scope::new()));
    let points = test.arguments.points.as_ref();
    let points = points.map(|points| quote!(let _: &#krate::__private::str = #points;));
    let body = test.function.body().stream();
    let statements = if !test.has_harness && test.function.is_async() {
        // Checked and never run: without failpoints a test needs no runtime, nor tokio.
        let hint = future::hint(krate, &test.function);
        test.function.signature.asyncness = None;
        quote! {
            let _ = || async move { #hint #points #scope #body };
            #krate::__private::panic!("needs the feature failpoint/failpoints")
        }
    } else {
        quote!(#points #scope #body)
    };
    become_test(&mut test);
    let attributes = &mut test.function.attributes;
    if !attributes.iter().any(|attribute| attribute.path().is_ident("ignore")) {
        attributes.push(parse_quote!(#[ignore = "needs the feature failpoint/failpoints"]));
    }
    let function = test.function.with(statements);
    quote!(#[allow(clippy::items_after_statements)] #function)
}

/// Makes it a test, unless another attribute does.
fn become_test(test: &mut Test) {
    if !test.has_harness {
        // By the path of which editors know that it makes a test.
        test.function.attributes.insert(0, parse_quote!(#[::core::prelude::v1::test]));
    }
}

/// What the test calls its scope, if it wants it.
fn scope(test: &Test, handle: &TokenStream) -> Option<TokenStream> {
    let argument = test.scope.as_ref()?;
    let (attributes, pattern, ty) = (&argument.attrs, &argument.pat, &argument.ty);
    Some(quote!(#(#attributes)* let #pattern: #ty = #handle;))
}

/// Locals of the expansion are none of the test's.
fn mixed() -> Span {
    Span::mixed_site()
}
