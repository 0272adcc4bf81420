//! May every form be written, under the strictest lints, without a warning?
#![deny(warnings)]
#![forbid(unsafe_code)]
#![deny(
    let_underscore_drop,
    macro_use_extern_crate,
    meta_variable_misuse,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused_extern_crates,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    future_incompatible,
    keyword_idents,
    nonstandard_style,
    rust_2018_idioms,
    unused
)]

use failpoint::{
    Injected, Scope, fail_point, fail_point_async, fail_result, fail_result_async, fail_value,
    fail_value_async, failpoint,
};
use std::error::Error;
use std::time::Duration;

/// Plain.
pub fn plain() {
    fail_point!("plain");
    fail_point!("plain",);
}

/// With a condition.
pub fn condition(n: u64) {
    fail_point!("condition", if n > 1);
    fail_point!("condition", if n > 1 || n == 0,);
}

/// With context.
pub fn context(region: u64, tenant: &str) {
    fail_point!("context", region = region);
    fail_point!("context", region = region + 1, tenant = tenant.len(), kind = "x",);
    fail_point!("context", if region > 1, tenant = tenant);
    fail_point!("context", r#type = region);
}

/// With a closure of the text.
#[must_use]
pub fn text(n: u64) -> Option<String> {
    fail_point!("text", |text| text);
    fail_point!("text", if n > 1, |text| text);
    fail_point!("text", n = n, |text| text);
    fail_point!("text", if n > 1, n = n, |text| text);
    fail_point!("text", |_| None,);
    None
}

/// With a typed closure.
#[must_use]
pub fn typed(n: u64) -> u64 {
    fail_point!("typed", |v: u64| v + 1);
    fail_point!("typed", if n > 1, |v: u64| v + n);
    fail_point!("typed", n = n, |v: u64| v + n);
    fail_point!("typed", if n > 1, n = n, |v: Duration| v.as_secs());
    fail_point!("typed", |v: Option<u64>| v.unwrap_or(n),);
    n
}

/// As the crate `fail` has it.
#[must_use]
pub fn three_arguments(n: u64) -> u64 {
    fail_point!("three", n > 1, |_| 1);
    fail_point!("three", n == 1, |text| text.map_or(0, |text| text.len() as u64));
    fail_point!("three", n != 1, |v: u64| v);
    n
}

/// Values.
#[must_use]
pub fn values(n: u64) -> Option<u64> {
    if fail_value!("value").is_some() {
        return None;
    }
    let _: Option<()> = fail_value!("value",);
    if fail_value!("value", if n > 1).is_some() || fail_value!("value", n = n).is_some() {
        return None;
    }
    let first = fail_value!("value", u64);
    let second = fail_value!("value", u64, if n > 1, n = n);
    first.or(second).or_else(|| fail_value!("value", u64, n = n,))
}

/// Results.
///
/// # Errors
/// When one is injected.
pub fn results(n: u64) -> Result<(), Box<dyn Error>> {
    fail_result!("result")?;
    fail_result!("result",)?;
    fail_result!("result", if n > 1)?;
    fail_result!("result", if n > 1, n = n)?;
    Ok(fail_result!("result", n = n)?)
}

/// Results in an `io::Result`.
///
/// # Errors
/// When one is injected.
pub fn io_results() -> std::io::Result<()> {
    fail_result!("result")?;
    Ok(())
}

/// In futures.
///
/// # Errors
/// When one is injected.
pub async fn asynchronous(n: u64) -> Result<u64, Injected> {
    fail_point!("async", n = n);
    fail_point!("async", |_| Ok(n));
    std::future::ready(()).await;
    fail_result!("async", n = n)?;
    Ok(fail_value!("async", u64).unwrap_or(n))
}

/// In a scope that was passed along.
///
/// # Errors
/// When one is injected.
pub fn scoped(scope: &Scope, n: u64) -> Result<u64, Box<dyn Error>> {
    fail_point!(in scope, "scope");
    fail_point!(in scope, "scope", if n > 1, n = n, |v: u64| Ok(v));
    fail_result!(in scope, "scope")?;
    Ok(fail_value!(in scope, "scope", u64).unwrap_or(n))
}

/// Awaited.
///
/// # Errors
/// When one is injected.
pub async fn awaited(scope: &Scope, n: u64) -> Result<u64, Box<dyn Error>> {
    fail_point_async!("async");
    fail_point_async!("async", if n > 1, n = n);
    fail_point_async!("async", |text| Ok(text.map_or(n, |_| 1)));
    fail_point_async!(in scope, "async", n = n, |v: u64| Ok(v));
    fail_result_async!("async", n = n)?;
    if fail_value_async!("async").is_some() {
        return Ok(1);
    }
    Ok(fail_value_async!("async", u64).unwrap_or(n))
}

/// By attribute.
#[failpoint("attribute")]
#[must_use]
pub fn attribute(n: u64) -> u64 {
    const FACTOR: u64 = 3;
    n * FACTOR
}

/// By attributes that return.
///
/// # Errors
/// When one is injected.
#[failpoint("attribute", if n > 1, n = n, |v: u64| Ok(v + n))]
#[failpoint(in scope, "attribute", err)]
pub fn attributes(scope: &Scope, n: u64) -> std::io::Result<u64> {
    let _entered = scope.enter();
    Ok(n)
}

/// By attributes, awaited.
///
/// # Errors
/// When one is injected.
#[failpoint("attribute", n = n, |text| Ok(text.map_or(n, |_| 1)))]
#[failpoint("attribute", err)]
pub async fn awaited_attributes(n: u64) -> std::io::Result<u64> {
    Ok(std::future::ready(n).await)
}

/// By an attribute around the body.
#[failpoint(before = "attribute", after = "attribute")]
#[must_use]
pub fn around(n: u64) -> u64 {
    n + 1
}

/// By an attribute around the body of a future.
#[failpoint(before = "attribute", after = "attribute")]
pub async fn awaited_around(n: u64) -> u64 {
    std::future::ready(n + 1).await
}
