//! The statement forms, each in a function that is compiled with its points and without them
//! (`--cfg points`). In the off world nothing may differ, not even in a dev build, but `differs`.

// Both builds know the same crates, and find the same instances of generic functions in them.
extern crate failpoint as _;

#[cfg(points)]
use failpoint::fail_point;
use std::collections::BTreeMap;
use std::future::Future;

#[inline(never)]
pub fn differs(n: u64) -> u64 {
    #[cfg(points)]
    let n = n ^ 1;
    n + 1
}

#[inline(never)]
pub fn plain(n: u64) -> u64 {
    #[cfg(points)]
    fail_point!("asm/plain");
    n * 3
}

#[inline(never)]
pub fn only_plain() {
    #[cfg(points)]
    fail_point!("asm/only-plain")
}

#[inline(never)]
pub fn condition(n: u64, names: &[String]) -> u64 {
    #[cfg(points)]
    fail_point!("asm/condition", if names.iter().any(|name| name.len() as u64 == n));
    n * 5 + names.len() as u64
}

#[inline(never)]
pub fn context(n: u64, name: &str) -> u64 {
    #[cfg(points)]
    fail_point!("asm/context", n = n, name = name, both = format!("asm/{name}/{n}"));
    n * 7 + name.len() as u64
}

#[inline(never)]
pub fn condition_and_context(n: u64, name: String) -> String {
    #[cfg(points)]
    fail_point!("asm/both", if name.len() > 9, n = n + 1, name = name);
    name
}

#[inline(never)]
pub fn closure(n: u64) -> u64 {
    #[cfg(points)]
    fail_point!("asm/closure", |text| text.map_or(n, |text| text.len() as u64));
    n * 11
}

#[inline(never)]
pub fn closure_typed(n: u64) -> u64 {
    #[cfg(points)]
    fail_point!("asm/typed", if n > 1, n = n, |v: u64| v + n);
    n * 13
}

#[inline(never)]
pub fn closure_moves(name: String, mut map: BTreeMap<u64, String>) -> BTreeMap<u64, String> {
    #[cfg(points)]
    fail_point!("asm/moves", name = name, move |_| {
        drop(name);
        map
    });
    map.insert(1, name);
    map
}

#[inline(never)]
pub fn closure_borrows(list: &mut Vec<u64>) -> u64 {
    #[cfg(points)]
    fail_point!("asm/borrows", |v: u64| {
        list.push(v);
        v
    });
    list.len() as u64 * 17
}

#[inline(never)]
pub fn callable(n: u64) -> u64 {
    #[cfg(points)]
    fail_point!("asm/callable", respond);
    n * 19
}

#[cfg(points)]
fn respond(text: Option<String>) -> u64 {
    text.map_or(0, |text| text.len() as u64)
}

#[inline(never)]
pub fn three_arguments(n: u64) -> u64 {
    #[cfg(points)]
    fail_point!("asm/three", n > 1, |_| 1);
    n * 23
}

#[inline(never)]
pub fn in_a_loop(messages: &[u64]) -> u64 {
    let mut sum = 0;
    for &message in messages {
        #[cfg(points)]
        fail_point!("asm/loop", if sum > 1, message = message, |v: u64| v);
        sum += message;
    }
    sum
}

#[inline(never)]
pub fn instances(n: u32) -> (u32, String) {
    (generic(&n), generic(&String::new()))
}

#[inline(never)]
fn generic<T: Clone + std::fmt::Display>(value: &T) -> T {
    #[cfg(points)]
    fail_point!("asm/generic", value = value, |_| value.clone());
    value.clone()
}

/// The size of a future is a constant in these functions.
pub fn size_of_future() -> usize {
    std::mem::size_of_val(&future(1, String::new()))
}

pub async fn future(n: u64, name: String) -> u64 {
    #[cfg(points)]
    fail_point!("asm/future", n = n, name = name.clone());
    std::future::ready(()).await;
    #[cfg(points)]
    fail_point!("asm/future", if name.len() > 3, move |_: u64| name.len() as u64);
    std::future::ready(()).await;
    n * 29
}

/// Nothing is kept over an await, so that nothing hides what a point would keep.
pub fn size_of_small_future() -> usize {
    std::mem::size_of_val(&small(1))
}

pub async fn small(flag: u8) -> u8 {
    #[cfg(points)]
    fail_point!("asm/small", flag = flag.to_string(), |v: u8| v);
    flag
}

#[inline(never)]
pub fn poll(context: &mut std::task::Context<'_>) -> bool {
    std::pin::pin!(future(1, String::new())).as_mut().poll(context).is_ready()
}
