//! What does `#[derive(FromTerm)]` add?

use super::attr::{Input, Shape, Variant};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Path, Type, WherePredicate, parse_quote};

pub(crate) fn implementation(input: &Input) -> TokenStream {
    let Input { krate, name, generics, shape } = input;
    let mut generics = generics.clone();
    let body = match shape {
        Shape::Newtype(field) => {
            require(&mut generics, krate, field);
            quote!(<#field as #krate::FromTerm>::from_term(text).map(Self))
        }
        Shape::Enum(variants) => {
            for field in variants.iter().filter_map(|variant| variant.field.as_ref()) {
                require(&mut generics, krate, field);
            }
            choose(krate, variants)
        }
    };
    let (parameters, arguments, conditions) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #krate::FromTerm for #name #arguments #conditions {
            fn from_term(
                text: ::core::option::Option<&str>,
            ) -> ::core::result::Result<Self, #krate::BadTerm> {
                #body
            }
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
        quote!(::core::option::Option::Some(#(#words)|*) => ::core::result::Result::Ok(Self::#name),)
    });
    let with_value: Vec<_> =
        variants.iter().filter_map(|variant| with_value(krate, variant)).collect();
    let refusal = quote! {
        ::core::result::Result::Err(<#krate::BadTerm>::expected(#expected))
    };
    if with_value.is_empty() {
        return quote!(match text { #(#words)* _ => #refusal });
    }
    quote! {
        match text {
            #(#words)*
            ::core::option::Option::Some(text) => {
                let (word, value) = match text.split_once(':') {
                    ::core::option::Option::Some((word, value)) => {
                        (word, ::core::option::Option::Some(value))
                    }
                    ::core::option::Option::None => (text, ::core::option::Option::None),
                };
                match word { #(#with_value)* _ => #refusal }
            }
            ::core::option::Option::None => #refusal,
        }
    }
}

fn with_value(krate: &Path, variant: &Variant) -> Option<TokenStream> {
    let Variant { name, words, field } = variant;
    let field = field.as_ref()?;
    let after = format!("after `{}:` ", words[0]);
    Some(quote! {
        #(#words)|* => match <#field as #krate::FromTerm>::from_term(value) {
            ::core::result::Result::Ok(value) => ::core::result::Result::Ok(Self::#name(value)),
            ::core::result::Result::Err(bad) => ::core::result::Result::Err(
                <#krate::BadTerm>::expected(::std::format!("{}{}", #after, bad)),
            ),
        },
    })
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
