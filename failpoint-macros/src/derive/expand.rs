//! What does `#[derive(FromTerm)]` add?
//!
//! The underscores are for constants of the user's, which else were patterns.

use super::attr::{Input, Shape, Variant};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Path, Type, WherePredicate, parse_quote};

pub(crate) fn implementation(input: &Input) -> TokenStream {
    let Input { krate, name, generics, shape } = input;
    let mut generics = generics.clone();
    let (body, of_word) = match shape {
        Shape::Newtype(field) => {
            require(&mut generics, krate, field);
            (
                quote!(<#field as #krate::FromTerm>::from_term(__text).map(Self)),
                Some(quote!(<#field as #krate::FromTerm>::from_word(__word).map(Self))),
            )
        }
        Shape::Enum(variants) => {
            let mut has_field = false;
            for field in variants.iter().filter_map(|variant| variant.field.as_ref()) {
                require(&mut generics, krate, field);
                has_field = true;
            }
            let of_word = has_field.then(|| choose_by_word(krate, variants));
            (choose(krate, variants), of_word)
        }
    };
    let of_word = of_word.map(|body| {
        quote! {
            fn from_word(
                __word: &#krate::__private::str,
            ) -> #krate::__private::Result<Self, #krate::BadTerm> {
                #body
            }
        }
    });
    let (parameters, arguments, conditions) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::FromTerm for #name #arguments #conditions {
            fn from_term(
                __text: #krate::__private::Option<&#krate::__private::str>,
            ) -> #krate::__private::Result<Self, #krate::BadTerm> {
                #body
            }

            #of_word
        }
    }
}

/// A field that depends on a parameter must be readable; of others the compiler knows.
fn require(generics: &mut Generics, krate: &Path, field: &Type) {
    if generics.type_params().next().is_some() {
        let predicate: WherePredicate = parse_quote!(#field: #krate::FromTerm);
        generics.make_where_clause().predicates.push(predicate);
    }
}

fn choose(krate: &Path, variants: &[Variant]) -> TokenStream {
    let expected = expected(variants);
    let words = variants.iter().filter(|variant| variant.field.is_none()).map(|variant| {
        let Variant { name, words, .. } = variant;
        quote!(#krate::__private::Some(#(#words)|*) => #krate::__private::Ok(Self::#name),)
    });
    let with_value: Vec<_> =
        variants.iter().filter_map(|variant| with_value(krate, variant)).collect();
    let refusal = quote! {
        #krate::__private::Err(<#krate::BadTerm>::expected(#expected))
    };
    if with_value.is_empty() {
        return quote!(match __text { #(#words)* _ => #refusal });
    }
    quote! {
        match __text {
            #(#words)*
            #krate::__private::Some(__text) => {
                let (__word, __value) = #krate::__private::word_and_value(__text);
                match __word { #(#with_value)* _ => #refusal }
            }
            #krate::__private::None => #refusal,
        }
    }
}

fn with_value(krate: &Path, variant: &Variant) -> Option<TokenStream> {
    let Variant { name, words, field } = variant;
    let field = field.as_ref()?;
    let shown = &words[0];
    Some(quote! {
        #(#words)|* => match <#field as #krate::FromTerm>::from_term(__value) {
            #krate::__private::Ok(__value) => #krate::__private::Ok(Self::#name(__value)),
            #krate::__private::Err(__bad) => {
                #krate::__private::Err(#krate::__private::bad_value(#shown, &__bad))
            }
        },
    })
}

/// A field that has a value is asked what it thinks of a word; all else is as in `from_term`.
fn choose_by_word(krate: &Path, variants: &[Variant]) -> TokenStream {
    let with_value = variants.iter().filter_map(|Variant { name, words, field }| {
        let field = field.as_ref()?;
        let shown = &words[0];
        Some(quote! {
            (#(#words)|*, #krate::__private::Some(__value)) => {
                match <#field as #krate::FromTerm>::from_word(__value) {
                    #krate::__private::Ok(__value) => #krate::__private::Ok(Self::#name(__value)),
                    #krate::__private::Err(__bad) => {
                        #krate::__private::Err(#krate::__private::bad_value(#shown, &__bad))
                    }
                }
            }
        })
    });
    quote! {
        match #krate::__private::word_and_value(__word) {
            #(#with_value)*
            _ => <Self as #krate::FromTerm>::from_term(#krate::__private::Some(__word)),
        }
    }
}

/// "`drop`, `duplicate` or `delay:VALUE`"
fn expected(variants: &[Variant]) -> String {
    let words: Vec<String> = variants
        .iter()
        .map(|variant| match variant.field {
            None => format!("`{}`", variant.words[0]),
            Some(_) => format!("`{}:VALUE`", variant.words[0]),
        })
        .collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
