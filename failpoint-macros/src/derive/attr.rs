//! Which types can be derived, and under which words are their variants known?

use crate::krate;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{
    Attribute, Error, Field, Fields, Generics, Ident, Item, LitStr, Path, Result, Token, Type,
    Variant as Written,
};

pub(crate) struct Input {
    /// The path of the crate `failpoint`.
    pub(crate) krate: Path,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    /// `struct Millis(u64);`
    Newtype(Box<Type>),
    Enum(Vec<Variant>),
}

pub(crate) struct Variant {
    pub(crate) name: Ident,
    /// What it is called in a term; the first is the one that is shown.
    pub(crate) words: Vec<String>,
    /// What comes after the word and a colon.
    pub(crate) field: Option<Type>,
}

impl Input {
    pub(crate) fn parse(item: proc_macro2::TokenStream) -> Result<Self> {
        let item: Item = syn::parse2(item)?;
        let (attributes, name, generics) = match &item {
            Item::Struct(item) => (&item.attrs, &item.ident, &item.generics),
            Item::Enum(item) => (&item.attrs, &item.ident, &item.generics),
            _ => {
                return Err(Error::new_spanned(item, "expected an enum, or a struct of one field"));
            }
        };
        let shape = match &item {
            Item::Enum(item) if item.variants.is_empty() => {
                return Err(Error::new(name.span(), "an enum without variants has no values"));
            }
            Item::Enum(item) => Shape::Enum(variants(item.variants.iter())?),
            Item::Struct(item) => match one_field(&item.fields) {
                Some(field) => Shape::Newtype(Box::new(field.ty.clone())),
                None => {
                    return Err(Error::new(
                        name.span(),
                        "expected an enum, or a struct of one unnamed field",
                    ));
                }
            },
            _ => unreachable!("refused above"),
        };
        let (name, generics) = (name.clone(), generics.clone());
        let options = Options::parse(attributes)?;
        if let Some(rename) = options.rename {
            return Err(Error::new(rename.span(), "`rename` is for variants"));
        }
        let krate = options.krate.unwrap_or_else(krate::default);
        Ok(Self { krate, name, generics, shape })
    }
}

fn variants<'a>(written: impl Iterator<Item = &'a Written>) -> Result<Vec<Variant>> {
    let mut variants: Vec<Variant> = Vec::new();
    for written in written {
        let field = match (&written.fields, one_field(&written.fields)) {
            (Fields::Unit, _) => None,
            (_, Some(field)) => Some(field.ty.clone()),
            (fields, None) => {
                return Err(Error::new_spanned(
                    fields,
                    "a variant has no field, or one without a name: `return(word)`, \
                     `return(word:VALUE)`",
                ));
            }
        };
        let options = Options::parse(&written.attrs)?;
        if let Some(path) = options.krate {
            return Err(Error::new_spanned(path, "`crate` is for the whole enum"));
        }
        let (words, span) = match &options.rename {
            Some(word) => (vec![renamed(word, field.is_some())?], word.span()),
            None => (words(&written.ident), written.ident.span()),
        };
        let taken =
            variants.iter().find(|variant| variant.words.iter().any(|word| words.contains(word)));
        if let Some(variant) = taken {
            return Err(Error::new(
                span,
                format!(
                    "the variant `{}` is called so already: #[from_term(rename = \"…\")]",
                    variant.name
                ),
            ));
        }
        variants.push(Variant { name: written.ident.clone(), words, field });
    }
    Ok(variants)
}

/// The field of `(T)`.
fn one_field(fields: &Fields) -> Option<&Field> {
    match fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
        _ => None,
    }
}

/// In `snake_case` and as written.
fn words(variant: &Ident) -> Vec<String> {
    let written = variant.unraw().to_string();
    let snake = snake_case(&written);
    if snake == written { vec![snake] } else { vec![snake, written] }
}

fn renamed(word: &LitStr, has_field: bool) -> Result<String> {
    let text = word.value();
    if text.is_empty() || text.trim() != text {
        return Err(Error::new(word.span(), "expected a word, without blanks around it"));
    }
    if has_field && text.contains(':') {
        return Err(Error::new(word.span(), "the colon separates the word from the value"));
    }
    Ok(text)
}

/// `DropAll` is `drop_all`, `IOError` is `io_error`.
fn snake_case(written: &str) -> String {
    let letters: Vec<char> = written.chars().collect();
    let mut snake = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|before| letters[before]);
        let begins_word = before.is_some_and(|before| {
            before.is_lowercase()
                || before.is_numeric()
                || before.is_uppercase()
                    && letters.get(i + 1).is_some_and(|next| next.is_lowercase())
        });
        if letter.is_uppercase() && begins_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// The content of `#[from_term(…)]`.
#[derive(Default)]
struct Options {
    krate: Option<Path>,
    rename: Option<LitStr>,
}

impl Options {
    fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|one| one.path().is_ident("from_term")) {
            attribute.parse_args_with(|input: ParseStream<'_>| {
                while !input.is_empty() {
                    options.option(input)?;
                    if !input.is_empty() {
                        input.parse::<Token![,]>()?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(options)
    }

    fn option(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key = input.fork().call(Ident::parse_any)?;
        let is_new = match key.to_string().as_str() {
            "crate" => self.krate.replace(krate::parse(input)?).is_none(),
            "rename" => {
                input.parse::<Ident>()?;
                input.parse::<Token![=]>()?;
                self.rename.replace(input.parse()?).is_none()
            }
            _ => {
                return Err(Error::new(
                    key.span(),
                    format!(
                        "unknown option `{key}`: expected `rename = \"word\"` or `crate = path`"
                    ),
                ));
            }
        };
        if is_new {
            return Ok(());
        }
        Err(Error::new(key.span(), format!("`{key}` was given already")))
    }
}
