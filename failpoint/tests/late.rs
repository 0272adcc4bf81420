//! What of a site that the linker's list lacks: in a `dylib`, on wasm, under Miri? It registers at
//! its first hit. Here such sites are made by hand: a static that no macro listed.
//!
//! What the environment arms, and what is logged, needs a process of its own: this test runs itself
//! anew, and only the child evaluates anything.
#![cfg(feature = "failpoints")]

mod common;

use common::{run, stderr, stdout};
use failpoint::__private::{Accepts, Callsite, Place, Site, Switch, sync};
use failpoint::{BadTerm, Error, FromTerm, arm, arm_unlisted, disarm, point};
use std::sync::{Barrier, mpsc};
use std::thread;

/// The content of what is returned to a site, if anything.
type Returned = Option<Option<String>>;

/// A site of the point `$name` that nobody listed, evaluated as a macro does.
macro_rules! late {
    ($name:literal, $accepts:expr) => {
        late!($name, $accepts, Option<String>)
    };
    ($name:literal, $accepts:expr, $type:ty $(, $key:ident)*) => {{
        static PLACE: Place = Place {
            file: file!(),
            module: module_path!(),
            package: None,
            accepts: &$accepts,
            keys: &[$(stringify!($key)),*],
        };
        static SITE: Site = Site::new($name, &PLACE, line!());
        static SWITCH: Switch = Switch::UNSEEN;
        let callsite = Callsite { switch: &SWITCH, site: &SITE };
        if callsite.armed() { sync::typed::<$type>(callsite, &[$(&$key),*], None) } else { None }
    }};
}

fn returned(text: &str) -> Returned {
    Some(Some(text.to_owned()))
}

fn sites(name: &str) -> usize {
    point(name).unwrap().sites.len()
}

#[test]
fn a_site_is_listed_from_its_first_hit_on() {
    fn site() -> Returned {
        late!("late/listed", Accepts::TEXT)
    }
    assert!(matches!(point("late/listed"), Err(Error::UnknownPoint { .. })));
    assert!(matches!(arm("late/listed", "return"), Err(Error::UnknownPoint { .. })));
    assert_eq!(site(), None);
    let info = point("late/listed").unwrap();
    assert_eq!((info.sites.len(), info.sites[0].reached, info.hits), (1, true, 0));

    let armed = arm("late/listed", "return(x)").unwrap();
    assert_eq!(site(), returned("x"));
    assert_eq!((armed.hits(), armed.fires()), (1, 1));
    assert!(disarm("late/listed").unwrap());
    assert_eq!(site(), None);
    assert_eq!(sites("late/listed"), 1);
}

#[test]
fn what_is_armed_before_a_site_registers_acts_at_its_first_hit() {
    let armed = arm_unlisted("late/armed", "1*return(first)->return(second)").unwrap();
    assert_eq!(sites("late/armed"), 0);
    let site = || late!("late/armed", Accepts::TEXT);
    assert_eq!([site(), site()], [returned("first"), returned("second")]);
    assert_eq!((armed.hits(), armed.fires(), sites("late/armed")), (2, 2, 1));
}

#[test]
fn a_second_site_of_a_name_joins_it() {
    let first = || late!("late/joined", Accepts::TEXT);
    let second = || late!("late/joined", Accepts::NOTHING);
    assert_eq!(first(), None);
    assert_eq!(sites("late/joined"), 1);
    let armed = arm("late/joined", "return(x)").unwrap();
    assert_eq!((first(), second()), (returned("x"), None));
    assert_eq!(sites("late/joined"), 2);
    assert_eq!((armed.hits(), armed.fires()), (2, 1));
    // From now on it is asked like any other.
    assert!(matches!(arm("late/joined", "return(x)"), Err(Error::CannotReturn { .. })));
}

#[test]
fn a_site_that_disagrees_passes_by_until_it_is_armed_anew() {
    let site = || late!("late/disagrees", Accepts::typed::<u64>("value", "u64"), u64);
    let armed = arm_unlisted("late/disagrees", "return(x)").unwrap();
    assert_eq!([site(), site()], [None, None]);
    assert_eq!((armed.hits(), armed.fires()), (2, 0));
    let refusal = arm("late/disagrees", "return(y)").unwrap_err();
    assert!(matches!(refusal, Error::BadValue { .. }), "{refusal}");
    let _again = arm("late/disagrees", "return(7)").unwrap();
    assert_eq!(site(), Some(7));
}

#[test]
fn terms_that_return_nothing_act_at_any_late_site() {
    let armed = arm_unlisted("late/agrees", "skip(1):print(seen)").unwrap();
    let site = || late!("late/agrees", Accepts::NOTHING);
    assert_eq!([site(), site()], [None, None]);
    assert_eq!((armed.hits(), armed.fires()), (2, 1));
}

#[test]
fn threads_that_come_by_at_once_register_a_site_once() {
    const THREADS: usize = 4;
    fn site() -> Returned {
        late!("late/at_once", Accepts::TEXT)
    }
    let armed = arm_unlisted("late/at_once", "return(x)").unwrap();
    let together = Barrier::new(THREADS);
    let enter = || {
        together.wait();
        site()
    };
    thread::scope(|scope| {
        let threads = [(); THREADS].map(|()| scope.spawn(enter));
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), returned("x")));
    });
    assert_eq!((armed.hits(), sites("late/at_once")), (THREADS as u64, 1));
}

/// A type whose first value is long in reading, until it is told to go on.
struct Slow;

static READING: std::sync::Mutex<Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>> =
    std::sync::Mutex::new(None);

impl FromTerm for Slow {
    fn from_term(_: Option<&str>) -> Result<Self, BadTerm> {
        let first = READING.lock().unwrap().take();
        if let Some((reading, go_on)) = first {
            reading.send(()).unwrap();
            go_on.recv().unwrap();
        }
        Err(BadTerm::expected("nothing that can be written"))
    }
}

#[test]
fn who_comes_by_while_a_site_is_being_asked_is_not_handed_what_it_cannot_take() {
    fn site() -> Returned {
        late!("late/slow", Accepts::typed::<Slow>("value", "Slow"))
    }
    let (reading, is_reading) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    *READING.lock().unwrap() = Some((reading, may_go_on));
    let armed = arm_unlisted("late/slow", "return(x)").unwrap();
    let first = thread::spawn(site);
    is_reading.recv().unwrap();
    let second = site();
    go_on.send(()).unwrap();
    assert_eq!((first.join().unwrap(), second), (None, None));
    assert_eq!((armed.hits(), armed.fires(), sites("late/slow")), (2, 0, 1));
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    let text = || late!("late/text", Accepts::TEXT);
    let plain = || late!("late/plain", Accepts::NOTHING);
    match std::env::var("CHILD_SCENARIO").unwrap().as_str() {
        "text" => {
            failpoint::init_from_env().unwrap();
            println!("known={}", point("late/text").is_ok());
            println!("got={:?},{:?}", text(), text());
            println!("terms={:?}", point("late/text").unwrap().terms);
        }
        "reset" => {
            failpoint::init_from_env().unwrap();
            failpoint::reset();
            println!("got={:?}", text());
        }
        "plain" => println!("got={:?},{:?}", plain(), plain()),
        "key" => {
            let armed = arm_unlisted("late/key", "when(region=7):off").unwrap();
            let (region, regoin) = (7, 7);
            late!("late/key", Accepts::TEXT, Option<String>, regoin);
            println!("hits={}", armed.hits());
            late!("late/key", Accepts::TEXT, Option<String>, region);
            println!("hits={}", armed.hits());
        }
        "pending" => {
            let region = 7;
            failpoint::init_from_env().unwrap();
            late!("late/key", Accepts::TEXT, Option<String>, region);
            println!("terms={:?}", point("late/key").unwrap().terms);
        }
        "unlisted" => {
            let armed = arm_unlisted("late/plain", "return(x)").unwrap();
            println!("got={:?},{:?}", plain(), plain());
            println!("hits={} fires={}", armed.hits(), armed.fires());
        }
        other => panic!("no scenario {other}"),
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn what_the_environment_asked_for_is_armed_when_the_site_registers() {
    let output = run("text", &[("FAILPOINTS", "late/text=1*return(x)")]);
    let said = stdout(&output);
    assert!(said.contains("known=false\n"), "{output:?}");
    assert!(said.contains("got=Some(Some(\"x\")),None\n"), "{output:?}");
    assert!(said.contains("terms=Some(\"1*return(x)\")"), "{output:?}");
    assert!(stderr(&output).contains("no code declares yet: late/text"), "{output:?}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_reset_takes_back_what_the_environment_asked_for() {
    assert!(stdout(&run("reset", &[("FAILPOINTS", "late/text=return(x)")])).contains("got=None\n"));
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_site_that_cannot_take_what_the_environment_asked_for_says_so_once() {
    let output = run("plain", &[("FAILPOINTS", "late/plain=return(x)")]);
    assert!(stdout(&output).contains("got=None,None\n"), "{output:?}");
    let said = stderr(&output);
    assert_eq!(said.matches("ERROR from the environment").count(), 1, "{said}");
    assert!(said.contains("late/plain"), "{said}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_site_that_disagrees_with_what_is_armed_says_so_once() {
    let output = run("unlisted", &[("FAILPOINTS", "")]);
    let said = stdout(&output);
    assert!(said.contains("got=None,None\n") && said.contains("hits=2 fires=0\n"), "{output:?}");
    let said = stderr(&output);
    assert_eq!(said.matches("that site ignores the terms").count(), 1, "{said}");
    assert!(said.contains("late.rs:"), "{said}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn a_key_that_no_site_has_passed_yet_is_said_while_that_is_so() {
    let output = run("key", &[("FAILPOINTS", "")]);
    assert!(stdout(&output).contains("hits=0\nhits=1\n"), "{output:?}");
    let said = stderr(&output);
    assert_eq!(
        said.matches("no site of the failpoint `late/key` passes `region`").count(),
        1,
        "{said}"
    );
    assert!(said.contains("did you mean `regoin`?"), "{said}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri starts no process")]
fn what_the_environment_asked_for_is_armed_also_where_its_key_is_not_passed_yet() {
    let output = run("pending", &[("FAILPOINTS", "late/key=when(regoin=7):off")]);
    assert!(stdout(&output).contains("terms=Some(\"when(regoin=7):off\")\n"), "{output:?}");
    let said = stderr(&output);
    assert_eq!(said.matches("passes `regoin`").count(), 1, "{said}");
}
