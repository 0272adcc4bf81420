//! The attribute, as `statements.rs`: in the off world nothing may differ, not even in a dev build,
//! but `differs`.

// Both builds know the same crates, and find the same instances of generic functions in them.
extern crate failpoint as _;

#[cfg(points)]
use failpoint::failpoint;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Context;

#[inline(never)]
pub fn differs(n: u64) -> u64 {
    #[cfg(points)]
    let n = n ^ 1;
    n + 1
}

#[inline(never)]
#[cfg_attr(points, failpoint("asm/plain"))]
pub fn plain(n: u64) -> u64 {
    n * 3
}

#[inline(never)]
#[cfg_attr(points, failpoint(before = "asm/before", after = "asm/after"))]
pub fn around(name: String) -> usize {
    name.len()
}

#[inline(never)]
#[cfg_attr(points, failpoint("asm/error", if n > 1, n = n, name = name.clone(), err))]
pub fn error(n: u64, name: String) -> io::Result<u64> {
    Ok(n + name.len() as u64)
}

#[inline(never)]
#[cfg_attr(points, failpoint("asm/typed", |v: u64| v * name.len() as u64))]
pub fn typed(name: String) -> u64 {
    7
}

#[inline(never)]
#[cfg_attr(points, failpoint("asm/moved", n = name, |_| name))]
pub fn moved(name: String) -> String {
    name + "!"
}

#[inline(never)]
#[cfg_attr(points, failpoint("asm/stacked", |v: u64| v))]
#[cfg_attr(points, failpoint(before = "asm/stacked", after = "asm/stacked"))]
pub fn stacked(n: u64) -> u64 {
    n * 5
}

#[inline(never)]
pub fn instances(n: u32) -> Option<(u32, String)> {
    Some((generic(&n)?, generic(&String::new())?))
}

#[inline(never)]
#[cfg_attr(points, failpoint("asm/generic", value = value, |_| None))]
fn generic<T: Clone + Display>(value: &T) -> Option<T> {
    Some(value.clone())
}

/// The size of a future is a constant in these functions.
pub fn size_of_futures() -> [usize; 5] {
    [
        std::mem::size_of_val(&future(1, String::new())),
        std::mem::size_of_val(&future_around(1, String::new())),
        std::mem::size_of_val(&future_error(1)),
        std::mem::size_of_val(&small(1)),
        std::mem::size_of_val(&block(String::new())),
    ]
}

#[cfg_attr(points, failpoint("asm/async", if n > 1, name = name.clone(), |_| name.len() as u64))]
pub async fn future(n: u64, name: String) -> u64 {
    std::future::ready(()).await;
    n * 3 + name.len() as u64
}

#[cfg_attr(points, failpoint(before = "asm/async", after = "asm/async"))]
pub async fn future_around(n: u64, name: String) -> u64 {
    std::future::ready(()).await;
    n * 3 + name.len() as u64
}

#[cfg_attr(points, failpoint("asm/async", n = n.to_string(), err))]
pub async fn future_error(n: u64) -> io::Result<u64> {
    std::future::ready(()).await;
    Ok(n * 5)
}

/// Nothing is kept over an await, so that nothing hides what a point would keep.
#[cfg_attr(points, failpoint("asm/small", flag = flag.to_string(), |v: u8| v))]
pub async fn small(flag: u8) -> u8 {
    7
}

/// What is named is captured by the block itself.
#[cfg_attr(points, failpoint("asm/block", name = name, |_| name.len()))]
#[cfg_attr(points, failpoint(after = "asm/block"))]
pub fn block(name: String) -> impl Future<Output = usize> {
    async move {
        std::future::ready(()).await;
        name.len()
    }
}

pub trait Table {
    fn boxed<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = usize> + 'a>>;
}

impl Table for String {
    // What #[async_trait] makes of an async method.
    #[cfg_attr(points, failpoint("asm/boxed", own = self, |n: usize| n + key.len()))]
    #[cfg_attr(points, failpoint(before = "asm/boxed", after = "asm/boxed"))]
    fn boxed<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = usize> + 'a>> {
        Box::pin(async move {
            let (own, key) = (self, key);
            std::future::ready(()).await;
            own.len() + key.len()
        })
    }
}

#[inline(never)]
pub fn poll(context: &mut Context<'_>) -> bool {
    std::pin::pin!(future(1, String::new())).as_mut().poll(context).is_ready()
        && std::pin::pin!(future_around(1, String::new())).as_mut().poll(context).is_ready()
        && std::pin::pin!(future_error(1)).as_mut().poll(context).is_ready()
        && std::pin::pin!(small(1)).as_mut().poll(context).is_ready()
        && std::pin::pin!(block(String::new())).as_mut().poll(context).is_ready()
        && String::new().boxed("key").as_mut().poll(context).is_ready()
}
