//! The closure is any `FnOnce(Option<String>) -> R`.

use fail::{FailScenario, fail_point};
use std::num::ParseIntError;

fn untyped(on: bool) -> u64 {
    fail_point!("p03", on, |s| s.map_or(2, |s| s.parse().unwrap()));
    0
}

fn typed() -> u64 {
    fail_point!("p03", |s: Option<String>| s.map_or(2, |s| s.parse().unwrap()));
    0
}

fn with_a_return_type() -> Result<u64, ParseIntError> {
    fail_point!("p03", |s| -> Result<u64, ParseIntError> {
        let s = s.unwrap_or_default();
        if s.is_empty() {
            return Ok(3);
        }
        Ok(s.parse::<u64>()? + 1)
    });
    Ok(0)
}

fn double(text: Option<String>) -> u64 {
    2 * text.map_or(1, |text| text.parse().unwrap())
}

fn function_path() -> u64 {
    fail_point!("p03", double);
    0
}

fn constructor() -> Option<Option<String>> {
    fail_point!("p03", Some);
    None
}

fn mutates(seen: &mut Vec<String>) {
    let mut count = 0;
    fail_point!("p03", |s| {
        count += 1;
        seen.push(format!("{count}:{}", s.unwrap_or_default()));
    });
    assert_eq!(count, 0);
}

fn moves(owned: String) -> String {
    fail_point!("p03", move |s| owned + &s.unwrap_or_default());
    "idle".to_owned()
}

fn diverges() -> u64 {
    fail_point!("p03", |_| panic!("on purpose"));
    0
}

fn generic<T: Default + From<u8>>() -> T {
    fail_point!("p03", |_| T::from(7));
    T::default()
}

async fn in_async() -> u64 {
    fail_point!("p03", |_| 5);
    std::future::ready(0).await
}

#[test]
fn of_every_shape() {
    let _scenario = FailScenario::setup();
    let mut seen = Vec::new();
    mutates(&mut seen);
    let idle = (untyped(true), typed(), with_a_return_type(), function_path(), constructor());
    assert_eq!(idle, (0, 0, Ok(0), 0, None));
    assert_eq!((moves("a".into()), diverges(), generic::<u32>()), ("idle".into(), 0, 0));

    fail::cfg("p03", "return(41)").unwrap();
    mutates(&mut seen);
    assert_eq!(seen, ["1:41"]);
    assert_eq!((untyped(true), untyped(false), typed()), (41, 0, 41));
    assert_eq!(with_a_return_type(), Ok(42));
    assert_eq!(function_path(), 82);
    assert_eq!(constructor(), Some(Some("41".into())));
    assert_eq!(moves("a".into()), "a41");
    assert_eq!(generic::<u32>(), 7);
    assert!(std::panic::catch_unwind(diverges).is_err());
    let mut future = std::pin::pin!(in_async());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(future.as_mut().poll(&mut context), std::task::Poll::Ready(5));

    fail::cfg("p03", "return(x)").unwrap();
    assert!(with_a_return_type().is_err());
    fail::cfg("p03", "return").unwrap();
    assert_eq!((untyped(true), with_a_return_type()), (2, Ok(3)));
}

#[test]
fn a_condition_is_asked_whatever_is_armed() {
    let _scenario = FailScenario::setup();
    let mut asked = 0;
    let mut site = || {
        fail_point!(
            "p03",
            {
                asked += 1;
                asked > 2
            },
            |_| true
        );
        false
    };
    assert!(!site() && !site());
    fail::cfg("p03", "return").unwrap();
    assert!(site());
}
