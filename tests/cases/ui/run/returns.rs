//! Does every form do what its terms say when compiled in, and nothing when compiled out?
#![allow(clippy::assertions_on_constants)]

use failpoint::{fail_point, fail_result, fail_value};

fn plain() {
    fail_point!("plain");
}

fn text(n: u64) -> String {
    fail_point!("text", if n > 1, n = n, |text| text.unwrap_or_default());
    "ran".to_owned()
}

fn typed() -> u64 {
    fail_point!("typed", |v: u64| v + 1);
    0
}

fn three(n: u64) -> u64 {
    fail_point!("three", n > 1, |_| 7);
    0
}

fn untyped() -> Option<String> {
    fail_point!("untyped", |v: _| v);
    None
}

fn value() -> (Option<()>, Option<u64>) {
    (fail_value!("unit"), fail_value!("value", u64))
}

fn result() -> std::io::Result<()> {
    fail_result!("result")?;
    Ok(())
}

fn moved(name: String) -> String {
    fail_point!("moved", name = name, move |_| name + "!");
    name
}

fn main() {
    let all = "plain=off;text=return(injected);typed=return(41);three=return;untyped=return(x);\
               unit=return;value=return(5);result=return(ENOSPC);moved=return";
    match failpoint::arm_all(all) {
        Ok(armed) => {
            assert!(cfg!(on));
            plain();
            assert_eq!((text(1), text(2)), ("ran".to_owned(), "injected".to_owned()));
            assert_eq!(typed(), 42);
            assert_eq!((three(1), three(2)), (0, 7));
            assert_eq!(untyped(), Some("x".to_owned()));
            assert_eq!(value(), (Some(()), Some(5)));
            assert_eq!(result().map_err(|error| error.kind()), Err(std::io::ErrorKind::StorageFull));
            assert_eq!(moved("name".to_owned()), "name!");
            assert!(armed.iter().all(|armed| armed.hits() == 1), "{:?}", failpoint::points());
            drop(armed);
        }
        Err(_) => assert!(!cfg!(on)),
    }
    plain();
    assert_eq!(text(2), "ran");
    assert_eq!((typed(), three(2), untyped(), value()), (0, 0, None, (None, None)));
    assert!(result().is_ok());
    assert_eq!(moved("name".to_owned()), "name");
}
