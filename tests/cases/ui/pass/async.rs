//! Do the forms stand in futures, and do these stay `Send`?
#![allow(clippy::all)]

use failpoint::{fail_point, fail_result, fail_value, Injected};
use std::future::Future;

async fn other() -> u64 {
    1
}

pub async fn every_form(n: u64, name: String, slot: &mut u64) -> Result<u64, Injected> {
    fail_point!("async");
    fail_point!("async", if n > 1, n = n, name = name);
    other().await;
    fail_point!("async", |_| Ok(*slot));
    fail_point!("async", move |v: u64| { drop(name); Ok(v) });
    *slot += other().await;
    fail_result!("async", n = n)?;
    if fail_value!("async", u64).is_some() {
        return Ok(other().await);
    }
    fail_point!("async", if other().await > 1);
    fail_point!("async", n = other().await);
    Ok(name.len() as u64)
}

pub fn blocks(n: u64) -> impl Future<Output = u64> + Send {
    async move {
        fail_point!("async", |v: u64| v);
        let inner = async {
            fail_point!("async", |_| "injected");
            "value"
        };
        inner.await.len() as u64 + n
    }
}

pub trait Serve {
    fn serve(&self) -> impl Future<Output = u64> + Send;
}

impl Serve for u64 {
    async fn serve(&self) -> u64 {
        fail_point!("async", n = self, |_| *self);
        fail_point!("async", |v: u64| v + *self);
        other().await
    }
}

fn send<T: Send>(_: T) {}

pub fn all_are_send() {
    let mut slot = 1;
    send(every_form(1, String::new(), &mut slot));
    send(blocks(1));
    send(1u64.serve());
}
