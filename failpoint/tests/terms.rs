//! Do armed terms do what the language says? One point a test, so all run side by side.
// Miri has no linker's list, so a point cannot be armed before its first hit: see tests/late.rs.
#![cfg(all(feature = "failpoints", not(miri)))]

use failpoint::{InjectedPanic, arm, fail_point, fail_result, fail_value};
use std::time::{Duration, Instant};

/// What `hits` evaluations of `$name`, armed with `$terms`, hand out: `-` for nothing.
macro_rules! drawn {
    ($name:literal, $terms:expr, $hits:expr) => {{
        fn site() -> Option<String> {
            fail_value!($name, Option<String>).map(|text| text.unwrap_or_else(|| "none".into()))
        }
        let armed = arm($name, $terms).unwrap();
        let drawn: Vec<String> = (0..$hits).map(|_| site().unwrap_or_else(|| "-".into())).collect();
        assert_eq!(armed.hits(), $hits, "every evaluation is a hit");
        (drawn.join(" "), armed.fires())
    }};
}

#[test]
fn the_first_term_that_allows_acts() {
    assert_eq!(drawn!("chain/1", "1*off->2*return(x)->off", 5), ("- x x - -".into(), 5));
    assert_eq!(drawn!("chain/2", "0*return(x)->return(y)", 3), ("y y y".into(), 3));
    assert_eq!(drawn!("chain/3", "0%return(x)->return(y)", 3), ("y y y".into(), 3));
    assert_eq!(drawn!("chain/4", "return->panic", 2), ("none none".into(), 2));
    assert_eq!(drawn!("chain/5", "2*return(x)", 4), ("x x - -".into(), 2));
}

#[test]
fn a_value_is_its_content() {
    assert_eq!(drawn!("content/1", "return(\"hello\")", 1).0, "hello");
    assert_eq!(drawn!("content/2", "return(hello)", 1).0, "hello");
    assert_eq!(drawn!("content/3", "return()", 1).0, "");
    assert_eq!(drawn!("content/4", "return(a(b)c)", 1).0, "a(b)c");
    assert_eq!(drawn!("content/5", "return(\"a->b;c=d)\")", 1).0, "a->b;c=d)");
}

#[test]
fn skip_nth_and_every_count_what_reaches_the_term() {
    assert_eq!(drawn!("pick/1", "nth(3):return(x)", 5), ("- - x - -".into(), 1));
    assert_eq!(drawn!("pick/2", "every(2):return(x)", 5), ("- x - x -".into(), 2));
    assert_eq!(drawn!("pick/3", "skip(2):1*return(x)", 5), ("- - x - -".into(), 1));
    assert_eq!(drawn!("pick/4", "skip(1):every(2):return(x)", 6), ("- - x - x -".into(), 2));
    assert_eq!(drawn!("pick/5", "1*off->nth(2):return(x)", 5), ("- - x - -".into(), 2));
}

#[test]
fn a_count_is_spent_only_when_all_else_allowed() {
    // gofail spends it before the dice fall: then a chance of nothing uses it up.
    let (drawn, fires) = drawn!("spent", "2*50%return(x)", 200);
    assert_eq!((drawn.matches('x').count(), fires), (2, 2));
}

#[test]
fn chances_are_independent() {
    let (drawn, _) = drawn!("chance", "50%return(a)->50%return(b)", 4000);
    let share = |value: char| drawn.matches(value).count() as f64 / 4000.0;
    // Eight standard deviations: it cannot fail by chance.
    assert!((share('a') - 0.5).abs() < 0.07, "{}", share('a'));
    assert!((share('b') - 0.25).abs() < 0.06, "{}", share('b'));
    assert_eq!(drawn!("always", "100%return(x)", 3).0, "x x x");
}

#[test]
fn filters_see_the_context() {
    fn apply(region: u64, kind: &str) -> Option<String> {
        fail_point!("filtered", region = region, kind = kind, |text| text);
        None
    }
    let armed =
        arm("filtered", "when(region=7,kind~w*):return(a)->when(region!=7):return(b)").unwrap();
    assert_eq!(apply(7, "write").as_deref(), Some("a"));
    assert_eq!(apply(8, "write").as_deref(), Some("b"));
    assert_eq!(apply(7, "read"), None);
    assert_eq!((armed.hits(), armed.fires()), (2, 2), "what no filter admits is no hit");
    fn other() {
        fail_point!("filtered", tenant = 1, |_| ());
    }
    let _ = other as fn();
    let _armed = arm("filtered", "when(tenant=1):return(a)").unwrap();
    assert_eq!(apply(7, "write"), None, "a key that this site does not pass does not match");
}

#[test]
fn a_filter_compares_numbers_exactly() {
    fn site(offset: &dyn std::fmt::Display) -> bool {
        fail_value!("ordered", offset = offset).is_some()
    }
    for (terms, offsets) in [
        ("when(offset<4096):return", [(4095_i128, true), (4096, false), (-1, true)]),
        ("when(offset<=4096):return", [(4096, true), (4097, false), (10, true)]),
        ("when(offset>9):return", [(10, true), (9, false), (-10, false)]),
        ("when(offset>=-9):return", [(-9, true), (-10, false), (0, true)]),
        ("when(offset>=4096,offset<8192):return", [(4095, false), (4096, true), (8192, false)]),
        // All three are one number as a float of 64 bits.
        (
            "when(offset>18446744073709551614):return",
            [(u64::MAX.into(), true), (i128::from(u64::MAX) - 1, false), (i128::MAX, true)],
        ),
        (
            "when(offset<=-170141183460469231731687303715884105728):return",
            [(i128::MIN, true), (i128::MIN + 1, false), (0, false)],
        ),
    ] {
        let _armed = arm("ordered", terms).unwrap();
        for (offset, matches) in offsets {
            assert_eq!(site(&offset), matches, "{terms} {offset}");
        }
    }
    let _armed = arm("ordered", "when(offset<1.5):return").unwrap();
    assert!(site(&1.25) && site(&f64::MIN) && site(&"-.5"));
    assert!(!site(&1.5) && !site(&f64::MAX) && !site(&f64::NAN) && !site(&f64::NEG_INFINITY));
    for no_number in ["", "-", "one", "1s", "0x1", " 1", "+1"] {
        assert!(!site(&no_number), "{no_number}");
    }
    // Names of threads and scopes are texts like any other.
    let _armed = arm("ordered", "when(thread<5):return(x)->when(scope>=5):return").unwrap();
    let threads = ["4", "five"].map(|name| {
        let thread = std::thread::Builder::new().name(name.to_owned());
        thread.spawn(|| site(&0)).unwrap().join().unwrap()
    });
    assert_eq!(threads, [true, false]);
    assert!(failpoint::Scope::named("5").wrap_fn(|| site(&0))());
}

#[test]
fn filters_know_the_thread() {
    fn site() -> bool {
        fail_value!("by-thread").is_some()
    }
    let _armed = arm("by-thread", "when(thread=raft-1):return").unwrap();
    assert!(!site());
    let named = std::thread::Builder::new().name("raft-1".into());
    assert!(named.spawn(site).unwrap().join().unwrap());
}

#[test]
fn windows_open_and_close() {
    fn site() -> bool {
        fail_value!("window").is_some()
    }
    let armed = arm("window", "for(1h):return").unwrap();
    assert!(site());
    drop(armed);
    let armed = arm("window", "after(1h):return").unwrap();
    assert!(!site());
    assert_eq!((armed.hits(), armed.fires()), (1, 0));
}

#[test]
fn steps_run_one_after_the_other() {
    fn save() -> std::io::Result<()> {
        Ok(fail_result!("steps")?)
    }
    let _armed = arm("steps", "sleep(20ms)&return(EIO)").unwrap();
    let start = Instant::now();
    let error = save().unwrap_err();
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(error.raw_os_error(), Some(5));
}

#[test]
fn a_range_is_drawn_for_each_hit() {
    fn site() {
        fail_point!("range");
    }
    let _armed = arm("range", "delay(1ms..3ms)").unwrap();
    let start = Instant::now();
    (0..10).for_each(|_| site());
    assert!(start.elapsed() >= Duration::from_millis(10));
}

#[test]
fn a_panic_names_the_point() {
    fn site() {
        fail_point!("panics");
    }
    let message = |terms: &str| {
        let _armed = arm("panics", terms).unwrap();
        let payload = std::panic::catch_unwind(site).unwrap_err();
        InjectedPanic::of(&*payload).map(|injected| injected.to_string())
    };
    assert_eq!(message("panic").as_deref(), Some("failpoint panics panic"));
    assert_eq!(message("panic(\"sorry!\")").as_deref(), Some("failpoint panics panic: sorry!"));
}

#[test]
fn a_panic_while_unwinding_is_only_logged() {
    struct Cleanup;
    impl Drop for Cleanup {
        fn drop(&mut self) {
            fail_point!("in-drop");
        }
    }
    let armed = arm("in-drop", "panic(again)").unwrap();
    let payload = std::panic::catch_unwind(|| {
        let _cleanup = Cleanup;
        panic!("first");
    });
    assert_eq!(payload.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
    assert_eq!(armed.fires(), 1);
}

#[test]
fn off_never_runs_the_closure() {
    fn site() -> u8 {
        fail_point!("off", |_| panic!("the closure ran"));
        1
    }
    let armed = arm("off", "off").unwrap();
    assert_eq!(site(), 1);
    assert_eq!((armed.hits(), armed.fires()), (1, 1));
}

#[test]
fn break_passes_by_without_a_debugger_and_yield_goes_on() {
    fn site() {
        fail_point!("passes-by");
    }
    let armed = arm("passes-by", "yield&print(here)&break").unwrap();
    site();
    assert_eq!(armed.fires(), 1);
}

#[test]
fn forms_of_the_macro() {
    #[derive(Debug, PartialEq)]
    struct Own(u8);
    fn path(text: Option<String>) -> Own {
        Own(text.map_or(0, |text| text.len() as u8))
    }
    fn fails_three_arguments(condition: bool) -> Own {
        fail_point!("form/three", condition, path);
        Own(255)
    }
    fn typed(list: &mut Vec<u64>) -> usize {
        fail_point!("form/typed", |n: u64| {
            list.push(n);
            list.len()
        });
        0
    }
    fn conditioned(asked: &mut u32, answer: bool) -> Own {
        fail_point!(
            "form/if",
            if {
                *asked += 1;
                answer
            },
            |_| Own(1)
        );
        Own(0)
    }
    let armed = arm("form/three", "return(abc)").unwrap();
    assert_eq!(fails_three_arguments(true), Own(3));
    assert_eq!(fails_three_arguments(false), Own(255));
    assert_eq!(armed.hits(), 1, "a false condition is no hit");
    let _armed = arm("form/typed", "return(7)").unwrap();
    assert_eq!(typed(&mut vec![1, 2]), 3);

    let mut asked = 0;
    assert_eq!(conditioned(&mut asked, true), Own(0));
    assert_eq!(asked, 0, "a condition is evaluated only when armed");
    let _armed = arm("form/if", "return").unwrap();
    assert_eq!(conditioned(&mut asked, false), Own(0));
    assert_eq!(conditioned(&mut asked, true), Own(1));
    assert_eq!(asked, 2);
}

#[test]
fn a_sequence_without_return_lets_value_forms_pass() {
    fn value() -> Option<u8> {
        fail_value!("value-form", u8)
    }
    fn result() -> Result<(), failpoint::Injected> {
        fail_result!("result-form")
    }
    let _value = arm("value-form", "print(value)").unwrap();
    let _result = arm("result-form", "1*print(result)->return(x)").unwrap();
    assert_eq!(value(), None);
    assert!(result().is_ok());
    let injected = result().unwrap_err();
    assert_eq!((injected.point(), injected.value()), ("result-form", Some("x")));
}
