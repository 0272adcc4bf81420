//! Only the argument of `control` is unused here. A point uses every other variable.

use failpoint::*;

pub fn control(unused: u32) {}

pub fn context(n: u32) {
    fail_point!("ra/context", n = n);
}

pub fn local() -> u32 {
    let n = 3;
    fail_point!("ra/local", n = n, |_| 2);
    1
}

pub fn condition(n: u32) -> u32 {
    fail_point!("ra/condition", if n > 1, |_| 2);
    1
}

pub fn three_arguments(n: u32) -> u32 {
    fail_point!("ra/three_arguments", n > 1, |_| 2);
    1
}

pub fn closure(n: u32) -> u32 {
    fail_point!("ra/closure", |_| n);
    1
}

pub fn changed(mut n: u32) -> u32 {
    fail_point!("ra/changed", |_| {
        n += 1;
        n
    });
    1
}

pub fn typed(n: u32) -> u32 {
    fail_point!("ra/typed", k = n, |v: u32| v);
    1
}

pub fn callable(f: fn(Option<String>) -> u32) -> u32 {
    fail_point!("ra/callable", f);
    1
}

pub fn scope(s: &Scope) {
    fail_point!(in s, "ra/scope");
}

pub fn result(n: u32) -> Result<u32, Injected> {
    fail_result!("ra/result", k = n)?;
    Ok(1)
}

pub fn value(n: u32) -> u32 {
    if fail_value!("ra/value", k = n).is_some() { 3 } else { 1 }
}

pub fn typed_value(n: u32) -> u32 {
    fail_value!("ra/typed_value", u32, if n > 1).unwrap_or(1)
}

pub async fn asynchronous(n: u32) -> u32 {
    fail_point_async!("ra/asynchronous", k = n, |v: u32| v);
    1
}

#[failpoint("ra/attribute", k = n, |v: u32| v)]
pub fn attribute(n: u32) -> u32 {
    1
}

#[failpoint("ra/attribute_err", k = n, err)]
pub fn attribute_err(n: u32) -> Result<u32, Injected> {
    Ok(1)
}
