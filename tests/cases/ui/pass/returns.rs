//! From which functions may a closure return?
#![allow(clippy::all)]

use failpoint::{fail_point, fail_result, fail_value, Injected};
use std::error::Error;
use std::fmt::{Debug, Display};
use std::future::Future;
use std::pin::Pin;

pub fn unit() {
    fail_point!("return", |_| {});
    fail_point!("return", |_| ());
    fail_point!("return", |_: u64| {});
    fail_point!("return", |_| return);
    fail_point!("return", |_| panic!("injected"));
    fail_point!("return", |text| drop(text))
}

pub fn never() -> ! {
    fail_point!("return");
    fail_point!("return", |_| std::process::exit(1));
    fail_point!("return", |code: i32| std::process::exit(code));
    loop {
        fail_point!("return");
    }
}

pub fn number() -> u64 {
    fail_point!("return", |_| panic!("injected"));
    fail_point!("return", |_| unreachable!());
    fail_point!("return", |_| return 1);
    fail_point!("return", |_| loop {});
    fail_point!("return", |_| 1 << 3);
    0
}

pub fn result() -> Result<String, Box<dyn Error>> {
    fail_point!("return", |text| text.ok_or_else(|| "injected".into()));
    fail_point!("return", |text| Err(text.unwrap_or_default().into()));
    fail_point!("return", |error: std::io::Error| Err(error)?);
    fail_point!("return", |_| -> Result<String, Box<dyn Error>> { Err(Box::new(std::fmt::Error)) });
    fail_result!("return")?;
    Ok(String::new())
}

pub fn boxed() -> Box<dyn Display> {
    fail_point!("return", |_| Box::new(1));
    fail_point!("return", |v: String| Box::new(v));
    fail_point!("return", |_| -> Box<dyn Display> { Box::new(1) });
    Box::new(2)
}

pub fn boxed_future() -> Pin<Box<dyn Future<Output = u64> + Send>> {
    fail_point!("return", |v: u64| Box::pin(async move { v }));
    Box::pin(async { 1 })
}

pub fn opaque() -> impl Iterator<Item = u64> + Debug {
    fail_point!("return", |_| 0..1);
    fail_point!("return", |v: u64| 0..v);
    0..2
}

pub fn slice(bytes: &[u8]) -> &[u8] {
    fail_point!("return", |_| &[]);
    fail_point!("return", |at: usize| &bytes[..at.min(bytes.len())]);
    fail_point!("return", |_| bytes);
    bytes
}

pub fn string() -> &'static str {
    fail_point!("return", |_| "injected");
    ""
}

pub fn generic<T: Default + Clone, const N: usize>(items: &[T; N]) -> Option<T> {
    fail_point!("return");
    fail_point!("return", if N > 1, n = N);
    fail_point!("return", |_| Some(T::default()));
    fail_point!("return", |at: usize| items.get(at).cloned());
    fail_point!("return", |_| { let _: [u8; N] = [0; N]; None });
    items.first().cloned()
}

pub fn function_pointer() -> fn(u64) -> u64 {
    fail_point!("return", |_| |x| x + 1);
    |x| x
}

pub fn tail() -> u64 {
    fn one() {
        fail_point!("tail")
    }
    fn two() -> Option<u64> {
        fail_value!("tail", u64)
    }
    fn three() -> Result<(), Injected> {
        fail_result!("tail")
    }
    one();
    two().map_or(0, |_| u64::from(three().is_ok()))
}

pub fn arms(n: u64) -> u64 {
    match n {
        0 => fail_point!("arm"),
        1 => fail_point!("arm", |_| 1),
        _ => { fail_point!("arm", n = n) }
    }
    let () = fail_point!("let");
    fail_point! { "braces" }
    fail_point! { "braces", |_| 1 }
    fail_point!["brackets"];
    match fail_value!("match", u64) {
        Some(v) => v,
        None => n,
    }
}

pub struct Server<T>(T);

pub trait Serve {
    fn serve(&self) -> u64;

    fn provided(&self) -> u64 {
        fail_point!("provided", |_| self.serve());
        1
    }
}

impl<T: Copy + Into<u64>> Serve for Server<T> {
    fn serve(&self) -> u64 {
        fail_point!("method");
        fail_point!("method", |_| self.0.into());
        fail_point!("method", n = self.0.into(), |v: u64| v + Into::<u64>::into(self.0));
        1
    }
}

impl<T> Server<T> {
    pub fn rebuilt(self, other: T) -> Self {
        fail_point!("rebuilt", |_| Self(other));
        self
    }

    pub fn changed(&mut self, other: T) -> &mut T {
        fail_point!("changed", move |_| &mut self.0);
        self.0 = other;
        &mut self.0
    }
}

pub fn in_closures(n: u64) -> u64 {
    let first = || {
        fail_point!("closure", |_| 1);
        n
    };
    let second = |x: u64| -> Option<u64> {
        fail_point!("closure", |v: u64| Some(v));
        fail_value!("closure", u64).or(Some(x))
    };
    [1, 2].iter().for_each(|_| fail_point!("closure"));
    first() + second(1).unwrap_or(0)
}

pub fn in_items() -> u64 {
    mod inner {
        pub fn point() -> u64 {
            failpoint::fail_point!("inner", |_| 1);
            0
        }
    }
    inner::point()
}
