//! The async forms, as `statements.rs`: in the off world a release build may not differ, but in
//! `differs`.

// Both builds know the same crates, and find the same instances of generic functions in them.
extern crate failpoint as _;

#[cfg(points)]
use failpoint::{fail_point_async, fail_result_async, fail_value_async};
use std::future::Future;
use std::io;

#[inline(never)]
pub fn differs(n: u64) -> u64 {
    #[cfg(points)]
    let n = n ^ 1;
    n + 1
}

pub fn size_of_future() -> usize {
    std::mem::size_of_val(&future(1, String::new()))
}

pub async fn future(n: u64, name: String) -> io::Result<u64> {
    #[cfg(points)]
    fail_point_async!("asm/async");
    std::future::ready(()).await;
    #[cfg(points)]
    fail_point_async!("asm/async", if n > 1, n = n, name = name.clone());
    #[cfg(points)]
    fail_point_async!("asm/async", |v: u64| Ok(v));
    #[cfg(points)]
    fail_point_async!("asm/async", |_| Ok(name.len() as u64));
    std::future::ready(()).await;
    #[cfg(points)]
    fail_result_async!("asm/async")?;
    #[cfg(points)]
    if let Some(v) = fail_value_async!("asm/async", u64) {
        return Ok(v);
    }
    Ok(n * 3 + name.len() as u64)
}

/// Nothing is kept over an await, so that nothing hides what a point would keep.
pub fn size_of_small_future() -> usize {
    std::mem::size_of_val(&small(1))
}

pub async fn small(flag: u8) -> u8 {
    #[cfg(points)]
    fail_point_async!("asm/small", flag = flag.to_string(), |v: u8| v);
    flag
}

#[inline(never)]
pub fn poll(context: &mut std::task::Context<'_>) -> bool {
    std::pin::pin!(future(1, String::new())).as_mut().poll(context).is_ready()
}
