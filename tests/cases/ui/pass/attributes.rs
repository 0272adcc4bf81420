//! Is what only an attribute names used, in both worlds, without a warning?
//!
//! Nothing here is public but what is marked, so that the compiler looks for each use.
#![deny(warnings)]

use failpoint::{Scope, failpoint};
use std::fmt::{self, Display};
use std::future::Future;
use std::io;
use std::pin::Pin;

mod names {
    pub(crate) const HEAD: &str = "attributes/head";
    pub(crate) const BEFORE: &str = "attributes/before";
    pub(crate) const AFTER: &str = "attributes/after";
    pub(crate) const AFTER_ASYNC: &str = "attributes/after-async";
    pub(crate) const ERROR: &str = "attributes/error";
}

#[failpoint(names::HEAD)]
pub fn head() {}

#[failpoint(before = names::BEFORE, after = names::AFTER)]
pub fn around() -> u64 {
    1
}

#[failpoint(after = names::AFTER_ASYNC)]
pub async fn around_async(text: String) -> usize {
    text.len()
}

#[failpoint(names::ERROR, err)]
pub fn error() -> io::Result<()> {
    Ok(())
}

struct Own(String);

impl From<failpoint::Injected> for Own {
    fn from(injected: failpoint::Injected) -> Self {
        Self(injected.to_string())
    }
}

impl From<Own> for String {
    fn from(own: Own) -> Self {
        own.0
    }
}

#[failpoint("attributes/own", err)]
fn own() -> Result<u64, Own> {
    Ok(1)
}

pub fn calls_own() -> Result<u64, String> {
    Ok(own()?)
}

struct Fate(u64);

impl failpoint::FromTerm for Fate {
    fn from_term(text: Option<&str>) -> Result<Self, failpoint::BadTerm> {
        u64::from_term(text).map(Self)
    }
}

fn answer(fate: Fate, factor: u64) -> u64 {
    fate.0 * factor
}

#[failpoint("attributes/typed", |fate: Fate| answer(fate, factor))]
pub fn typed(factor: u64) -> u64 {
    1
}

fn respond(text: Option<String>) -> Option<usize> {
    text.map(|text| text.len())
}

#[failpoint("attributes/callable", respond)]
pub fn callable() -> Option<usize> {
    None
}

fn is_wanted(n: u64) -> bool {
    n > LEAST
}

const LEAST: u64 = 7;

struct Shown(u64);

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[failpoint("attributes/context", if is_wanted(n), n = Shown(n), text = text, |_| ())]
pub fn context(n: u64, text: &str) {}

#[failpoint(in scope, "attributes/scope", n = Shown(n), |_| Box::new("injected"))]
pub async fn scope(scope: &Scope, n: u64) -> Box<dyn Display> {
    Box::new("body")
}

#[failpoint("attributes/moved", |_| text)]
pub fn moved(text: String) -> String {
    text + "!"
}

#[failpoint("attributes/moved", |_| text)]
pub async fn moved_async(text: String) -> String {
    text + "!"
}

#[failpoint("attributes/stacked", |n: u64| n)]
#[failpoint(before = "attributes/stacked", after = "attributes/stacked")]
pub fn stacked() -> u64 {
    1
}

#[failpoint("attributes/never")]
pub fn never() -> ! {
    panic!("as asked")
}

#[failpoint("attributes/hidden", |n: usize| "other".repeat(n))]
pub fn hidden(text: &str) -> impl Display {
    text.to_owned()
}

#[failpoint("attributes/hidden", key = key, |_| None)]
#[failpoint(after = "attributes/hidden")]
pub fn future<'a, K: Display>(key: &'a K) -> impl Future<Output = Option<String>> + 'a {
    let is_odd = key.to_string().len() % 2 == 1;
    async move { is_odd.then(String::new) }
}

macro_rules! make {
    ($visibility:vis $name:ident, $site:expr, $type:ty, $body:block) => {
        #[failpoint(before = $site, after = $site)]
        #[failpoint($site, |v: $type| v)]
        $visibility fn $name() -> $type $body
    };
}

const MADE: &str = "attributes/made";

make!(pub made, MADE, u8, { 7 });

pub struct Store<T>(T);

pub trait Table {
    #[failpoint("attributes/default", |n: u64| n + self.base())]
    fn default(&mut self) -> u64 {
        1
    }

    fn base(&self) -> u64;

    fn boxed<'a>(&'a mut self, key: &'a str) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>>
    where
        Self: 'a;
}

impl<T: Display + Send> Table for Store<T> {
    #[failpoint("attributes/method", own = self.0, |n| n.map_or(0, |n| n.len() as u64))]
    fn base(&self) -> u64 {
        1
    }

    // What #[async_trait] makes of an async method.
    #[failpoint("attributes/boxed", own = self.0, key = key, |n: u64| n + key.len() as u64)]
    #[failpoint(before = "attributes/before-boxed", after = "attributes/after-boxed")]
    fn boxed<'a>(&'a mut self, key: &'a str) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>>
    where
        Self: 'a,
    {
        Box::pin(async move {
            let store = self;
            store.base()
        })
    }
}

impl<T: Display> Store<T> {
    #[failpoint("attributes/inner", own = self.0)]
    #[failpoint(after = "attributes/inner")]
    pub async fn inner(&mut self) -> Option<&mut T> {
        #![allow(clippy::needless_return)]
        const ITEM: u64 = 1;
        if ITEM == 2 {
            return None;
        }
        return Some(&mut self.0);
    }

    #[failpoint(OWN, own = OWN)]
    pub extern "C" fn name_of_the_body(&self) {
        const OWN: &str = "attributes/own-name";
    }
}
