//! What is said, in exactly the words of `fail`.

use fail::{FailScenario, fail_point};
use std::cell::Cell;
use std::panic::catch_unwind;
use std::sync::{Mutex, Once};

/// What was logged by `fail`.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

impl log::Log for Collector {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "fail" {
            assert_eq!(record.level(), log::Level::Info);
            LINES.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The lines since the last time.
fn lines() -> Vec<String> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Collector).unwrap();
        log::set_max_level(log::LevelFilter::Info);
    });
    std::mem::take(&mut *LINES.lock().unwrap())
}

fn site() {
    fail_point!("p11");
}

fn computed() {
    fail_point!(&String::from("p11"));
}

fn message(site: fn()) -> String {
    let payload = catch_unwind(site).unwrap_err();
    payload.downcast_ref::<String>().expect("the payload is text").clone()
}

#[test]
fn a_panic_is_reported_from_the_point() {
    thread_local! {
        static LINE: Cell<u32> = const { Cell::new(0) };
    }
    fn named() {
        LINE.set(line!() + 1);
        fail_point!("p11", |_| ());
    }
    fn by_value() {
        LINE.set(line!() + 1);
        fail_point!(&String::from("p11"), |_| ());
    }
    fn by_function() {
        LINE.set(line!() + 1);
        fail::eval("p11", |_| ());
    }
    static HEARD: Mutex<Vec<(String, u32)>> = Mutex::new(Vec::new());
    let _scenario = FailScenario::setup();
    fail::cfg("p11", "panic(this is heard)").unwrap();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload().downcast_ref::<String>();
        if text.is_some_and(|text| text == "this is heard") {
            let place = info.location().unwrap();
            HEARD.lock().unwrap().push((place.file().to_owned(), place.line()));
        }
    }));
    let sites = [named as fn(), by_value, by_function].map(|site| {
        message(site);
        (file!().to_owned(), LINE.get())
    });
    std::panic::set_hook(before);
    assert_eq!(*HEARD.lock().unwrap(), sites);
}

#[test]
fn print() {
    let _scenario = FailScenario::setup();
    lines();
    fail::cfg("p11", "print").unwrap();
    site();
    computed();
    assert_eq!(lines(), ["failpoint p11 executed."; 2]);
    fail::cfg("p11", "print( still {alive}! )").unwrap();
    site();
    assert_eq!(lines(), [" still {alive}! "]);
    fail::cfg("p11", "print()").unwrap();
    site();
    assert_eq!(lines(), [""]);
}

#[test]
fn panic() {
    let _scenario = FailScenario::setup();
    for site in [site, computed] {
        fail::cfg("p11", "panic").unwrap();
        assert_eq!(message(site), "failpoint p11 panic");
        fail::cfg("p11", "panic(\"sorry\")").unwrap();
        assert_eq!(message(site), "\"sorry\"");
        fail::cfg("p11", "panic()").unwrap();
        assert_eq!(message(site), "");
    }
}

#[test]
fn a_return_where_nothing_can_return() {
    let _scenario = FailScenario::setup();
    for actions in ["return", "return(5)"] {
        fail::cfg("p11", actions).unwrap();
        for site in [site, computed] {
            let expected = "Return is not supported for the fail point \"p11\"";
            assert_eq!(message(site), expected);
        }
    }
}

#[test]
fn the_panic_names_the_site() {
    let _scenario = FailScenario::setup();
    fail::cfg("p11", "return").unwrap();
    static AT: Mutex<Option<String>> = Mutex::new(None);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|info| {
        *AT.lock().unwrap() = info.location().map(|at| at.file().to_owned());
    }));
    let result = catch_unwind(site);
    std::panic::set_hook(before);
    assert!(result.is_err());
    let at = AT.lock().unwrap().take().unwrap();
    assert!(at.ends_with("p11_words.rs"), "{at}");
}
