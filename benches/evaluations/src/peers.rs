//! What is looped? One function for each crate and each form of a point, the loop inlined.

use arc_swap::ArcSwap;
use fail_parallel::FailPointRegistry;
use std::future::Future;
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

/// Loops so often; gives how many values were returned.
pub type Loop = fn(u64) -> u64;

/// How many evaluations one turn of a loop makes, one behind the other: where the compiler happens
/// to put the one jump of a single one can double its time.
pub const UNROLLED: u64 = 16;

macro_rules! unrolled {
    ($i:ident, $body:block) => {
        unrolled!(@4 $i, { unrolled!(@4 $i, $body) })
    };
    (@4 $i:ident, $body:block) => {{
        black_box($i);
        $body;
        black_box($i);
        $body;
        black_box($i);
        $body;
        black_box($i);
        $body;
    }};
}

/// What stands in the loop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A statement.
    Plain,
    /// One that is handed a number.
    Value,
    /// A statement that tells a tenant.
    Context,
}

/// Whose point it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The loop alone.
    Empty,
    /// A bare relaxed load, tested: the floor of an idle point.
    Load,
    /// One shared addition, one guard, one hash: the floor of an armed point.
    Floor,
    Ours,
    Fail,
    Parallel,
}

pub const PLAIN: &str = "evaluations/plain";
pub const VALUE: &str = "evaluations/value";
pub const CONTEXT: &str = "evaluations/context";
pub const OTHER: &str = "evaluations/other";
pub const ASYNC_PLAIN: &str = "evaluations/asyncPlain";
pub const ASYNC_VALUE: &str = "evaluations/asyncValue";

/// What `fail-parallel` arms points in, and has passed to each.
pub static REGISTRY: LazyLock<Arc<FailPointRegistry>> =
    LazyLock::new(|| Arc::new(FailPointRegistry::new()));

static BYTE: AtomicU8 = AtomicU8::new(0);

/// What a number is drawn with, behind a guard.
struct Drawn {
    base: u64,
    number: AtomicU64,
}

static DRAWN: LazyLock<ArcSwap<Drawn>> =
    LazyLock::new(|| ArcSwap::from_pointee(Drawn { base: 7, number: AtomicU64::new(0) }));

/// The finisher of SplitMix64.
fn hash(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A point that no loop passes by.
pub fn other() {
    failpoint::fail_point!(OTHER);
}

/// What the loop of `peer` is, where it has such a form.
pub fn looped(peer: Peer, form: Form, is_async: bool) -> Option<Loop> {
    let looped: Loop = match (peer, form, is_async) {
        (Peer::Empty, Form::Plain, false) => sync::empty,
        (Peer::Load, Form::Plain, false) => sync::load,
        (Peer::Floor, Form::Plain, false) => sync::floor,
        (Peer::Ours, Form::Plain, false) => sync::ours,
        (Peer::Ours, Form::Value, false) => sync::our_value,
        (Peer::Ours, Form::Context, false) => sync::our_context,
        (Peer::Fail, Form::Plain, false) => sync::fail,
        (Peer::Fail, Form::Value, false) => sync::fail_value,
        (Peer::Parallel, Form::Plain, false) => sync::parallel,
        (Peer::Parallel, Form::Value, false) => sync::parallel_value,
        (Peer::Empty, Form::Plain, true) => |n| at_once(tasks::empty(n)),
        (Peer::Load, Form::Plain, true) => |n| at_once(tasks::load(n)),
        (Peer::Ours, Form::Plain, true) => |n| at_once(tasks::ours(n)),
        (Peer::Ours, Form::Value, true) => |n| at_once(tasks::our_value(n)),
        (Peer::Fail, Form::Plain, true) => |n| at_once(tasks::fail(n)),
        (Peer::Fail, Form::Value, true) => |n| at_once(tasks::fail_value(n)),
        (Peer::Parallel, Form::Plain, true) => |n| at_once(tasks::parallel(n)),
        (Peer::Parallel, Form::Value, true) => |n| at_once(tasks::parallel_value(n)),
        _ => return None,
    };
    Some(looped)
}

/// What a future gives that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

#[cold]
#[inline(never)]
fn never() {
    black_box(());
}

/// Reads the number as every user of a text has to.
fn parse(text: Option<String>) -> Option<u64> {
    text?.parse().ok()
}

mod sync {
    use super::*;

    pub fn empty(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {});
        }
        0
    }

    pub fn load(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                if BYTE.load(Ordering::Relaxed) != 0 {
                    never();
                }
            });
        }
        0
    }

    pub fn floor(n: u64) -> u64 {
        let drawn = &*DRAWN;
        for i in 0..n {
            unrolled!(i, {
                let now = drawn.load();
                black_box(hash(now.base ^ now.number.fetch_add(1, Ordering::SeqCst)));
            });
        }
        0
    }

    pub fn ours(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                failpoint::fail_point!(PLAIN);
            });
        }
        0
    }

    pub fn our_value(n: u64) -> u64 {
        let mut returned = 0;
        for i in 0..n {
            unrolled!(i, {
                returned += u64::from(black_box(failpoint::fail_value!(VALUE, u64)).is_some());
            });
        }
        returned
    }

    pub fn our_context(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                failpoint::fail_point!(CONTEXT, tenant = black_box("this"));
            });
        }
        0
    }

    pub fn fail(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                fail::fail_point!(PLAIN);
            });
        }
        0
    }

    pub fn fail_value(n: u64) -> u64 {
        fn value() -> Option<u64> {
            fail::fail_point!(VALUE, parse);
            None
        }
        let mut returned = 0;
        for i in 0..n {
            unrolled!(i, {
                returned += u64::from(black_box(value()).is_some());
            });
        }
        returned
    }

    pub fn parallel(n: u64) -> u64 {
        let registry = &*REGISTRY;
        for i in 0..n {
            unrolled!(i, {
                fail_parallel::fail_point!(registry.clone(), PLAIN);
            });
        }
        0
    }

    pub fn parallel_value(n: u64) -> u64 {
        fn value(registry: &Arc<FailPointRegistry>) -> Option<u64> {
            fail_parallel::fail_point!(registry.clone(), VALUE, parse);
            None
        }
        let (registry, mut returned) = (&*REGISTRY, 0);
        for i in 0..n {
            unrolled!(i, {
                returned += u64::from(black_box(value(registry)).is_some());
            });
        }
        returned
    }
}

/// The same in async functions. `fail` has no points that await; its plain ones stand for them.
mod tasks {
    use super::*;

    pub async fn empty(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {});
        }
        0
    }

    pub async fn load(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                if BYTE.load(Ordering::Relaxed) != 0 {
                    never();
                }
            });
        }
        0
    }

    pub async fn ours(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                failpoint::fail_point_async!(ASYNC_PLAIN);
            });
        }
        0
    }

    pub async fn our_value(n: u64) -> u64 {
        let mut returned = 0;
        for i in 0..n {
            unrolled!(i, {
                let value = failpoint::fail_value_async!(ASYNC_VALUE, u64);
                returned += u64::from(black_box(value).is_some());
            });
        }
        returned
    }

    pub async fn fail(n: u64) -> u64 {
        for i in 0..n {
            unrolled!(i, {
                fail::fail_point!(ASYNC_PLAIN);
            });
        }
        0
    }

    pub async fn fail_value(n: u64) -> u64 {
        async fn value() -> Option<u64> {
            fail::fail_point!(ASYNC_VALUE, parse);
            None
        }
        let mut returned = 0;
        for i in 0..n {
            unrolled!(i, {
                returned += u64::from(black_box(value().await).is_some());
            });
        }
        returned
    }

    pub async fn parallel(n: u64) -> u64 {
        let registry = &*REGISTRY;
        for i in 0..n {
            unrolled!(i, {
                fail_parallel::fail_point_async!(registry.clone(), ASYNC_PLAIN);
            });
        }
        0
    }

    pub async fn parallel_value(n: u64) -> u64 {
        async fn value(registry: &Arc<FailPointRegistry>) -> Option<u64> {
            fail_parallel::fail_point_async!(registry.clone(), ASYNC_VALUE, parse);
            None
        }
        let (registry, mut returned) = (&*REGISTRY, 0);
        for i in 0..n {
            unrolled!(i, {
                returned += u64::from(black_box(value(registry).await).is_some());
            });
        }
        returned
    }
}
