//! Which closures may stand at a site?
#![allow(clippy::all)]

use failpoint::fail_point;
use std::collections::BTreeMap;
use std::io;

pub fn patterns(n: u64) -> u64 {
    fail_point!("pattern", |_| n);
    fail_point!("pattern", |_text| n);
    fail_point!("pattern", |mut text| text.take().map_or(n, |text| text.len() as u64));
    fail_point!("pattern", |ref text| text.as_deref().map_or(n, |text| text.len() as u64));
    fail_point!("pattern", |text @ _| text.map_or(n, |text| text.len() as u64));
    fail_point!("pattern", |(Some(_) | None)| n);
    fail_point!("pattern", |_: u64| n);
    fail_point!("pattern", |mut v: u64| {
        v += 1;
        v
    });
    fail_point!("pattern", |#[allow(unused_variables)] v: u64| n);
    fail_point!("pattern", |v: u64,| v);
    fail_point!("pattern", |text,| text.map_or(n, |text| text.len() as u64));
    n
}

pub struct Wrapper {
    pub inner: u64,
}

impl failpoint::FromTerm for Wrapper {
    fn from_term(text: Option<&str>) -> Result<Self, failpoint::BadTerm> {
        u64::from_term(text).map(|inner| Wrapper { inner })
    }
}

pub fn destructured() -> u64 {
    fail_point!("pattern", |Wrapper { inner }: Wrapper| inner);
    fail_point!("pattern", |Wrapper { inner: x }: self::Wrapper| x);
    fail_point!("pattern", |self::Wrapper { inner, .. }: crate::Wrapper| inner);
    0
}

pub fn with_return_types(n: u64) -> u64 {
    fail_point!("arrow", |_| -> u64 { n });
    fail_point!("arrow", |v: u64| -> u64 { v | n });
    fail_point!("arrow", move |v: u64| -> u64 { v });
    fail_point!("arrow", move |_| -> u64 { n });
    fail_point!("arrow", |v: Option<u64>| -> u64 { v.unwrap_or(n) });
    n
}

/// `|v: _|` is a closure of the text.
pub fn untyped() -> usize {
    fail_point!("untyped", |v: _| v.map_or(0, |text| text.len()));
    fail_point!("untyped", move |mut v: _| v.take().map_or(0, |text| text.len()));
    0
}

pub fn bodies(n: u64) -> u64 {
    fail_point!("body", |v: u64| if v > 1 { v } else { n });
    fail_point!("body", |v: u64| match v { 1 | 2 => n, _ => v });
    fail_point!("body", |v: u64| v | n);
    fail_point!("body", |v: u64| { let f = |x: u64| x | n; f(v) });
    fail_point!("body", |v: u64| [v, n].iter().map(|x| x | 1).sum());
    n
}

fn respond(text: Option<String>) -> u64 {
    text.map_or(0, |text| text.len() as u64)
}

pub fn callables(n: u64) -> u64 {
    let closure = move |text: Option<String>| text.map_or(n, |text| text.len() as u64);
    let boxed: Box<dyn FnOnce(Option<String>) -> u64> = Box::new(respond);
    let pointer: fn(Option<String>) -> u64 = respond;
    fail_point!("callable", respond);
    fail_point!("callable", self::respond,);
    fail_point!("callable", if n > 1, n = n, respond);
    fail_point!("callable", n > 1, respond);
    fail_point!("callable", pointer);
    fail_point!("callable", closure);
    fail_point!("callable", boxed);
    n
}

pub fn types() -> u64 {
    fail_point!("type", |(): ()| 1);
    fail_point!("type", |v: String| v.len() as u64);
    fail_point!("type", |v: std::string::String| v.len() as u64);
    fail_point!("type", |v: ::std::option::Option<::std::primitive::u8>| v.map_or(0, u64::from));
    fail_point!("type", |v: Option<Option<u8>>| v.flatten().map_or(0, u64::from));
    fail_point!("type", |v: bool| u64::from(v));
    fail_point!("type", |v: char| u64::from(v));
    fail_point!("type", |v: f64| v as u64);
    fail_point!("type", |v: i128| v as u64);
    fail_point!("type", |v: std::time::Duration| v.as_secs());
    type Alias = u64;
    fail_point!("type", |v: Alias| v);
    0
}

pub fn io_error() -> io::Result<()> {
    fail_point!("io", |error: io::Error| Err(error));
    fail_point!("io", |error: io::Error| -> io::Result<()> { Err(error) });
    Ok(())
}

/// What the closure takes is there after the point, as the closure is made where it returns.
pub fn captures(mut map: BTreeMap<String, u64>, name: String, slot: &mut u64) -> (String, u64) {
    fail_point!("capture", |_| (name, *slot));
    fail_point!("capture", move |_| (name, *slot));
    fail_point!("capture", |text| {
        map.insert(text.unwrap_or_default(), 1);
        *slot += 1;
        (name, map.len() as u64)
    });
    fail_point!("capture", n = name, slot = slot, move |v: u64| {
        drop(map);
        *slot = v;
        (name, v)
    });
    map.clear();
    *slot += map.len() as u64;
    (name, *slot)
}

/// A guard in the context is gone before the closure takes what it borrowed.
pub struct Shown<'a>(&'a str);

impl Drop for Shown<'_> {
    fn drop(&mut self) {}
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

pub fn borrowed_by_the_context(name: String) -> String {
    fail_point!("context", name = Shown(&name), move |_| name);
    fail_point!("context", name = Shown(&name), move |_: u64| name);
    name
}

/// Only the closure changes it.
pub fn only_there() -> u64 {
    let mut count = 0;
    let unread = 1;
    fail_point!("only", |_| {
        count += unread;
        count
    });
    0
}

fn only_called_there() -> u64 {
    1
}

pub fn only_calls() -> u64 {
    fail_point!("only", |_| only_called_there());
    0
}
