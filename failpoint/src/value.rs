//! Turns the text in `return(…)` into a value of the site's type.
//!
//! [`FromTerm`] is asked twice: when the point is armed, so that a wrong value is refused there and
//! then, and when it fires.

use crate::io_error;
use crate::terms::duration;
use std::fmt;
use std::io;
use std::time::Duration;

/// A type that a `return(…)` can hand to a site: `|v: T|` in [`fail_point!`](crate::fail_point) and
/// the type of [`fail_value!`](crate::fail_value).
///
/// ```
/// use failpoint::{BadTerm, FromTerm};
///
/// #[derive(Debug, PartialEq)]
/// enum Fate { Drop, Duplicate }
///
/// impl FromTerm for Fate {
///     fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
///         match text {
///             Some("drop") => Ok(Fate::Drop),
///             Some("duplicate") => Ok(Fate::Duplicate),
///             _ => Err(BadTerm::expected("`drop` or `duplicate`")),
///         }
///     }
/// }
/// assert_eq!(Fate::from_term(Some("drop")).ok(), Some(Fate::Drop));
/// assert_eq!(Option::<u8>::from_term(None).ok(), Some(None));
/// ```
#[diagnostic::on_unimplemented(
    message = "a failpoint cannot hand a value of type `{Self}` to this site",
    label = "`{Self}` does not implement `failpoint::FromTerm`",
    note = "use a type that does (String, bool, a number, Duration, char, std::io::Error, Option of \
            one), implement it, or write `|v|` for the text as an `Option<String>`"
)]
pub trait FromTerm: Sized {
    /// Reads the content of `return(TEXT)`, unquoted; `None` is a bare `return`, which only
    /// `()` and `Option` take.
    ///
    /// # Errors
    /// Says what would have been right.
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm>;

    /// Reads the content of a `return(TEXT)` that is written without quotes. Only whether it can be
    /// read is asked, when the point is armed; what fires is read by
    /// [`from_term`](Self::from_term).
    ///
    /// A type for which any text is right can refuse a word here that looks like a slip, and leave
    /// the quotes for those who mean it: `std::io::Error` refuses `ENOSPCC`, and takes `"ENOSPCC"`.
    /// A type that reads another one asks that one, as `Option` does.
    ///
    /// # Errors
    /// Says what would have been right.
    fn from_word(word: &str) -> Result<Self, BadTerm> {
        Self::from_term(Some(word))
    }
}

/// What is written in a `return`.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "runtime"), allow(dead_code))]
pub(crate) enum Written<'a> {
    /// A bare `return`.
    Nothing,
    /// Without quotes.
    Word(&'a str),
    /// In quotes, or given by code.
    Text(&'a str),
}

#[cfg_attr(not(feature = "runtime"), allow(dead_code))]
impl<'a> Written<'a> {
    /// What code gives, where a bare `return` has nothing.
    pub(crate) fn by_code(text: Option<&'a str>) -> Self {
        text.map_or(Written::Nothing, Written::Text)
    }

    pub(crate) fn content(self) -> Option<&'a str> {
        match self {
            Written::Nothing => None,
            Written::Word(text) | Written::Text(text) => Some(text),
        }
    }

    /// Whether it is a `T`.
    pub(crate) fn check<T: FromTerm>(self) -> Result<(), BadTerm> {
        match self {
            Written::Word(word) => T::from_word(word),
            Written::Nothing | Written::Text(_) => T::from_term(self.content()),
        }
        .map(drop)
    }
}

/// Why a value does not fit: says what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTerm {
    expected: String,
}

impl BadTerm {
    /// `expected` completes the sentence «the site expects …».
    pub fn expected(expected: impl Into<String>) -> Self {
        Self { expected: expected.into() }
    }
}

impl fmt::Display for BadTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected)
    }
}

impl std::error::Error for BadTerm {}

impl FromTerm for () {
    fn from_term(_: Option<&str>) -> Result<Self, BadTerm> {
        Ok(())
    }
}

impl<T: FromTerm> FromTerm for Option<T> {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        match text {
            None => Ok(None),
            Some(_) => T::from_term(text).map(Some),
        }
    }

    fn from_word(word: &str) -> Result<Self, BadTerm> {
        T::from_word(word).map(Some)
    }
}

impl FromTerm for String {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        text.map(str::to_owned).ok_or_else(|| BadTerm::expected("a text, as in return(hello)"))
    }
}

impl FromTerm for char {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        let text = text.unwrap_or_default();
        // Rust's and Go's notation, `'a'`, means the same character.
        let bare = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        bare.filter(|bare| !bare.is_empty())
            .unwrap_or(text)
            .parse()
            .map_err(|_| BadTerm::expected("one character"))
    }
}

impl FromTerm for Duration {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        text.and_then(|text| duration::parse(text).ok()).ok_or_else(|| {
            BadTerm::expected(
                "a duration, as in 100, 100ms or 1m0s (a bare number is milliseconds)",
            )
        })
    }
}

impl FromTerm for io::Error {
    /// An errno's name, an error kind's, or any other text, which becomes the message.
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| {
            BadTerm::expected("an errno such as EIO or ENOSPC, an error kind, or a message")
        })?;
        Ok(io_error::by_name(text).unwrap_or_else(|| io::Error::other(text.to_owned())))
    }

    fn from_word(word: &str) -> Result<Self, BadTerm> {
        not_a_slip(word)?;
        Self::from_term(Some(word))
    }
}

/// Refuses a word that looks like an errno and is not one.
pub(crate) fn not_a_slip(word: &str) -> Result<(), BadTerm> {
    let Some(nearest) = io_error::slip(word) else { return Ok(()) };
    Err(BadTerm::expected(format!(
        "the name of an errno (the nearest is {nearest}), or a message in quotes, as in \
         return(\"{word}\")"
    )))
}

/// A value that is written as JSON, with the feature `serde`.
///
/// ```
/// use failpoint::{FromTerm, Json};
///
/// #[derive(serde::Deserialize, Debug, PartialEq)]
/// struct Reply { code: u16 }
///
/// let Json(reply) = Json::<Reply>::from_term(Some(r#"{"code":503}"#))?;
/// assert_eq!(reply, Reply { code: 503 });
/// assert!(Json::<Reply>::from_term(Some("503")).is_err());
/// # Ok::<(), failpoint::BadTerm>(())
/// ```
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

#[cfg(feature = "serde")]
impl<T: serde::de::DeserializeOwned> FromTerm for Json<T> {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        serde_json::from_str(text.unwrap_or_default())
            .map(Json)
            .map_err(|error| BadTerm::expected(format!("JSON that fits ({error})")))
    }
}

/// Types whose `FromStr` is the whole story.
macro_rules! from_str {
    ($($type:ty: $expected:literal),+ $(,)?) => {$(
        impl FromTerm for $type {
            fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
                text.and_then(|text| text.parse().ok()).ok_or_else(|| BadTerm::expected($expected))
            }
        }
    )+};
}

from_str! {
    bool: "true or false",
    f32: "a number (f32)",
    f64: "a number (f64)",
}

/// A number of few digits and nothing else, as most are. Read at each fire, and so without what the
/// general way has to look out for.
#[inline]
fn small(text: &str) -> Option<u32> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |number: u32, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u32::from(digit))
    })
}

/// Integers, with their range in the refusal.
macro_rules! integers {
    ($($type:ty),+) => {$(
        impl FromTerm for $type {
            fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
                text.and_then(|text| match small(text) {
                    Some(small) => small.try_into().ok(),
                    None => text.parse().ok(),
                })
                .ok_or_else(|| {
                    BadTerm::expected(format!(
                        "an integer from {} to {} ({})",
                        <$type>::MIN,
                        <$type>::MAX,
                        stringify!($type)
                    ))
                })
            }
        }
    )+};
}

integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromTerm>(text: &str) -> Result<T, String> {
        T::from_term(Some(text)).map_err(|bad| bad.to_string())
    }

    #[test]
    fn each_type_reads_its_own_and_refuses_the_rest() {
        assert_eq!(read::<u8>("255"), Ok(255));
        assert_eq!(read::<u8>("256"), Err("an integer from 0 to 255 (u8)".into()));
        assert_eq!(read::<i64>("-5"), Ok(-5));
        assert_eq!(read::<bool>("true"), Ok(true));
        assert!(read::<bool>("1").is_err());
        assert_eq!(read::<f64>("1.5"), Ok(1.5));
        assert_eq!(read::<char>("'a'"), Ok('a'));
        assert_eq!(read::<char>("é"), Ok('é'));
        assert_eq!(read::<char>("'"), Ok('\''));
        assert!(read::<char>("ab").is_err());
        assert_eq!(read::<Duration>("1m0s"), Ok(Duration::from_secs(60)));
        assert!(read::<Duration>("soon").is_err());
        assert_eq!(read::<String>(""), Ok(String::new()));
    }

    #[test]
    fn only_unit_and_option_take_a_bare_return() {
        assert!(<()>::from_term(None).is_ok());
        assert_eq!(Option::<u8>::from_term(None), Ok(None));
        assert!(String::from_term(None).is_err());
        assert!(u8::from_term(None).is_err());
        assert!(io::Error::from_term(None).is_err());
        assert!(Option::<u8>::from_term(Some("x")).is_err());
    }

    #[test]
    fn io_errors_by_errno_kind_or_message() {
        let kind = |text| io::Error::from_term(Some(text)).map(|error| error.kind());
        assert_eq!(kind("ENOSPC"), Ok(io::ErrorKind::StorageFull));
        assert_eq!(kind("permission denied"), Ok(io::ErrorKind::PermissionDenied));
        assert_eq!(kind("the disk is on fire"), Ok(io::ErrorKind::Other));
        assert_eq!(kind("ENOSPCC"), Ok(io::ErrorKind::Other), "in quotes it is a message");
    }

    #[test]
    fn a_word_that_looks_like_an_errno_is_one_or_a_slip() {
        fn refused<T: FromTerm>(word: &str) -> Option<String> {
            Written::Word(word).check::<T>().err().map(|bad| bad.to_string())
        }
        for word in
            ["EIO", "E2BIG", "ENOTSOCK", "EHWPOISON", "the disk is on fire", "Eio", "E", "EX"]
        {
            assert_eq!(refused::<io::Error>(word), None, "{word}");
        }
        let long = "E".repeat(1 << 20);
        assert_eq!(refused::<io::Error>(&long), None);
        for (word, nearest) in [("ENOSPCC", "ENOSPC"), ("EXYZ", "EXDEV"), ("EPERMM", "EPERM")] {
            let refusal = refused::<io::Error>(word).unwrap_or_default();
            assert!(refusal.contains(&format!("the nearest is {nearest}")), "{refusal}");
            assert_eq!(refused::<Option<io::Error>>(word), Some(refusal));
            assert!(Written::Text(word).check::<io::Error>().is_ok(), "in quotes it is a message");
            assert_eq!(refused::<String>(word), None);
        }
    }
}
