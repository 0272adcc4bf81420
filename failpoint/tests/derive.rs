//! Which words does a derived type take, and what does it say of others? The same in both worlds.
#![cfg(feature = "attributes")]
#![deny(warnings, clippy::all, clippy::pedantic)]

use failpoint::{BadTerm, FromTerm, fail_value};
use std::time::Duration;

#[derive(Debug, PartialEq, FromTerm)]
enum Fate {
    Drop,
    Duplicate,
}

#[derive(Debug, PartialEq, FromTerm)]
enum Disk {
    Full,
    #[from_term(rename = "EIO")]
    Broken,
    Slow(Duration),
    Torn(Option<u64>),
}

#[derive(Debug, PartialEq, FromTerm)]
#[from_term(crate = ::failpoint)]
struct Millis(Duration);

#[derive(Debug, PartialEq, FromTerm)]
enum Either<A, B: Copy = u8>
where
    A: Clone,
{
    Left(A),
    Right(B),
}

#[derive(Debug, PartialEq, FromTerm)]
struct Wrapped<T>(T);

fn read<T: FromTerm>(text: &str) -> Result<T, String> {
    T::from_term(Some(text)).map_err(|bad: BadTerm| bad.to_string())
}

#[test]
fn variants_go_by_their_words() {
    assert_eq!(read("drop"), Ok(Fate::Drop));
    assert_eq!(read("Duplicate"), Ok(Fate::Duplicate));
    assert_eq!(read::<Fate>("dropp"), Err("`drop` or `duplicate`".to_owned()));
    assert!(Fate::from_term(None).is_err());
}

#[test]
fn a_field_comes_after_a_colon() {
    assert_eq!(read("full"), Ok(Disk::Full));
    assert_eq!(read("EIO"), Ok(Disk::Broken));
    assert!(read::<Disk>("broken").is_err(), "renamed");
    assert_eq!(read("slow:20ms"), Ok(Disk::Slow(Duration::from_millis(20))));
    assert_eq!((read("torn:512"), read("torn")), (Ok(Disk::Torn(Some(512))), Ok(Disk::Torn(None))));
    let expected = "`full`, `EIO`, `slow:VALUE` or `torn:VALUE`";
    assert_eq!(read::<Disk>("sloww:1"), Err(expected.to_owned()));
    assert_eq!(read::<Disk>("full:1"), Err(expected.to_owned()));
    let Err(refusal) = read::<Disk>("slow:soon") else { panic!("soon is no duration") };
    assert!(refusal.starts_with("after `slow:` a duration"), "{refusal}");
}

#[test]
fn a_newtype_reads_what_its_field_reads() {
    assert_eq!(read("5"), Ok(Millis(Duration::from_millis(5))));
    assert_eq!(read("5"), Ok(Wrapped(5_u8)));
    assert_eq!(read("left:a"), Ok(Either::<String, u8>::Left("a".to_owned())));
    assert_eq!(read("right:7"), Ok(Either::<String, u8>::Right(7)));
}

#[derive(Debug, FromTerm)]
#[allow(dead_code)]
enum Answer {
    Error(std::io::Error),
    Retry,
}

#[derive(Debug, FromTerm)]
#[allow(dead_code)]
struct Refused(Option<std::io::Error>);

#[test]
fn a_field_is_asked_what_it_thinks_of_a_word() {
    fn word<T: FromTerm>(word: &str) -> Result<(), String> {
        T::from_word(word).map(drop).map_err(|bad: BadTerm| bad.to_string())
    }
    for good in ["retry", "error:EIO", "error:out of paper"] {
        assert_eq!(word::<Answer>(good), Ok(()), "{good}");
    }
    let refusal = word::<Answer>("error:EIOO").expect_err("no errno");
    assert!(refusal.starts_with("after `error:` the name of an errno"), "{refusal}");
    assert!(word::<Refused>("EIOO").is_err() && word::<Refused>("EIO").is_ok());
    assert!(read::<Answer>("error:EIOO").is_ok(), "in quotes it is a message");
    assert_eq!(word::<Answer>("error"), read::<Answer>("error").map(drop));
    assert_eq!(word::<Answer>("retry:1"), read::<Answer>("retry:1").map(drop));
}

fn fate() -> Option<Fate> {
    fail_value!("derive/fate", Fate)
}

#[failpoint::test(points = "derive/fate=return(duplicate)")]
fn a_site_takes_it(scope: failpoint::Scope) {
    assert_eq!(fate(), Some(Fate::Duplicate));
    let refusal = scope.arm("derive/fate", "return(keep)").expect_err("not a word");
    assert!(refusal.to_string().contains("`drop` or `duplicate`"), "{refusal}");
}

mod no_prelude {
    #![no_implicit_prelude]
    #![allow(dead_code)]

    mod core {}
    mod std {}
    struct Result;
    struct Option;

    #[derive(::failpoint::FromTerm)]
    enum Choice {
        None,
        Some(u8),
        Ok,
        Err(::std::string::String),
    }
}
