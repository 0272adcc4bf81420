//! The forms that are expressions, as `statements.rs`: in the off world a release build may not
//! differ, but in `differs`.

// Both builds know the same crates, and find the same instances of generic functions in them.
extern crate failpoint as _;

#[cfg(points)]
use failpoint::{fail_result, fail_value};
use std::future::Future;
use std::io;

#[inline(never)]
pub fn differs(n: u64) -> u64 {
    #[cfg(points)]
    let n = n ^ 1;
    n + 1
}

#[inline(never)]
pub fn unit_value(messages: &[u64]) -> u64 {
    let mut sum = 0;
    for &message in messages {
        #[cfg(points)]
        if fail_value!("asm/unit", message = message).is_some() {
            continue;
        }
        sum += message;
    }
    sum
}

#[inline(never)]
pub fn value(n: u64) -> u64 {
    #[cfg(points)]
    let n = fail_value!("asm/value", u64, if n > 1, n = n).unwrap_or(n);
    n * 3
}

#[inline(never)]
pub fn value_that_drops(name: String) -> String {
    #[cfg(points)]
    if let Some(other) = fail_value!("asm/text", String) {
        return name + &other;
    }
    name
}

#[inline(never)]
pub fn result(n: u64) -> io::Result<u64> {
    #[cfg(points)]
    fail_result!("asm/result")?;
    #[cfg(points)]
    fail_result!("asm/result", if n > 1, n = n)?;
    Ok(n * 5)
}

#[inline(never)]
pub fn result_looked_at(n: u64) -> Result<u64, String> {
    #[cfg(points)]
    fail_result!("asm/looked").map_err(|injected| injected.to_string())?;
    Ok(n * 7)
}

#[inline(never)]
pub fn instances(n: u32) -> Result<(u32, String), Box<dyn std::error::Error>> {
    Ok((generic(&n)?, generic(&String::new())?))
}

#[inline(never)]
fn generic<T: Clone + std::fmt::Display>(value: &T) -> io::Result<T> {
    #[cfg(points)]
    fail_result!("asm/generic", value = value)?;
    Ok(value.clone())
}

/// The size of a future is a constant in these functions.
pub fn size_of_future() -> usize {
    std::mem::size_of_val(&future(1))
}

pub async fn future(n: u64) -> io::Result<u64> {
    #[cfg(points)]
    fail_result!("asm/future", n = n)?;
    std::future::ready(()).await;
    #[cfg(points)]
    if let Some(v) = fail_value!("asm/future", u64, n = n) {
        return Ok(v);
    }
    std::future::ready(()).await;
    Ok(n * 11)
}

#[inline(never)]
pub fn poll(context: &mut std::task::Context<'_>) -> bool {
    std::pin::pin!(future(1)).as_mut().poll(context).is_ready()
}
