//! The function that an attribute is on: all but the body is parsed, which stays tokens.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Error, Result, ReturnType, Signature, Token, Type, TypeInfer, Visibility};

/// A function, or a method, with a body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    visibility: Visibility,
    defaultness: Option<Token![default]>,
    pub(crate) signature: Signature,
    /// `#![…]` at the head of the body.
    inner_attributes: TokenStream,
    /// The body as it was written, without the inner attributes.
    body: Group,
}

impl Function {
    /// Reads a function; `otherwise` is said of everything else, on its first token of note.
    pub(crate) fn parse(item: TokenStream, otherwise: &str) -> Result<Self> {
        let parser = |input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            let visibility = input.parse()?;
            let defaultness = input.parse()?;
            if !is_function(input) {
                return Err(input.error(otherwise));
            }
            let signature: Signature = input.parse()?;
            if input.peek(Token![;]) {
                return Err(Error::new(
                    signature.ident.span(),
                    "a function without a body: put the attribute where the body is",
                ));
            }
            let statements;
            let brace = syn::braced!(statements in input);
            let inner_attributes = statements.call(Attribute::parse_inner)?;
            let inner_attributes = inner_attributes.iter().map(ToTokens::to_token_stream).collect();
            let body = braces(statements.parse()?, brace.span.join());
            Ok(Self { attributes, visibility, defaultness, signature, inner_attributes, body })
        };
        parser.parse2(item)
    }

    /// The body as it was written: a block, to be put inside another.
    pub(crate) fn body(&self) -> &Group {
        &self.body
    }

    pub(crate) fn is_async(&self) -> bool {
        self.signature.asyncness.is_some()
    }

    /// The type that is written after `->`, if any.
    pub(crate) fn output(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, output) => Some(output),
        }
    }

    /// What is returned, as it can be written inside the body: with `_` for every `impl Trait`.
    pub(crate) fn returned(&self) -> Type {
        struct Holes;
        impl VisitMut for Holes {
            fn visit_type_mut(&mut self, node: &mut Type) {
                if let Type::ImplTrait(hidden) = node {
                    let underscore_token = Token![_](hidden.span());
                    *node = Type::Infer(TypeInfer { attrs: Vec::new(), underscore_token });
                }
                visit_mut::visit_type_mut(self, node);
            }
        }
        let mut returned = self.output().cloned().unwrap_or_else(|| syn::parse_quote!(()));
        Holes.visit_type_mut(&mut returned);
        returned
    }

    /// The function with other statements for a body.
    pub(crate) fn with(&self, statements: TokenStream) -> TokenStream {
        let Self { attributes, visibility, defaultness, signature, inner_attributes, body } = self;
        let body = braces(quote!(#inner_attributes #statements), body.span());
        quote!(#(#attributes)* #visibility #defaultness #signature #body)
    }
}

/// `{ statements }`, with braces at `span`.
pub(crate) fn braces(statements: TokenStream, span: Span) -> Group {
    let mut group = Group::new(Delimiter::Brace, statements);
    group.set_span(span);
    group
}

/// Whether `fn` comes after the words that are allowed before it.
fn is_function(input: ParseStream<'_>) -> bool {
    let Ok(ahead) = input.fork().parse::<TokenStream>() else { return false };
    let is_qualifier = |token: &TokenTree| match token {
        TokenTree::Ident(word) => {
            ["const", "async", "unsafe", "safe", "extern"].iter().any(|known| word == known)
        }
        TokenTree::Literal(_) => true, // the ABI
        TokenTree::Group(_) | TokenTree::Punct(_) => false,
    };
    let first = ahead.into_iter().find(|token| !is_qualifier(token));
    matches!(first, Some(TokenTree::Ident(word)) if word == "fn")
}
