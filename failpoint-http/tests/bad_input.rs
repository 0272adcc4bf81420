//! Tests that invalid input is refused with a reason, and that what was armed does not change. Each
//! test uses its own names of points.
#![cfg(feature = "failpoints")]

use failpoint::{BadTerm, FromTerm, fail_point, fail_result, fail_value};
use failpoint_http::respond;

const SET: &str = "fail to set failpoint: failpoint: ";
const PARSE: &str = "fail to set failpoint: failpoint: could not parse terms: ";
const UNFIT: &str = "fail to set failpoint: failpoint: the failpoint `";
const UNKNOWN: &str = "fail to set failpoint: failpoint: failpoint does not exist: ";

/// Asks `PUT`, which must be refused, and gives the text.
#[track_caller]
fn refused(path: &str, body: &[u8], prefix: &str) -> String {
    let reply = respond("PUT", path, &[], body);
    let text = String::from_utf8(reply.body).expect("UTF-8");
    assert_eq!(reply.status, 400, "{text}");
    assert_eq!(reply.headers[0], ("content-type", "text/plain; charset=utf-8".to_owned()));
    assert!(text.starts_with(prefix), "{text}");
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
    text
}

fn terms(name: &str) -> Option<String> {
    failpoint::point(name).expect("it is declared").terms
}

fn points() -> (Option<u64>, Option<Picky>) {
    fail_point!("bad/statement");
    let _ = fail_result!("bad/result");
    (fail_value!("bad/number", u64), fail_value!("bad/picky", Picky))
}

/// A value that only some text makes, and that some text makes panic.
struct Picky;

impl FromTerm for Picky {
    fn from_term(term: Option<&str>) -> Result<Self, BadTerm> {
        match term {
            Some("picky") => Ok(Picky),
            Some("boom") => panic!("asked for"),
            _ => Err(BadTerm::expected("the word picky")),
        }
    }
}

#[test]
fn every_refusal_says_what_was_expected_and_changes_nothing() {
    let _ = points();
    let armed = "bad/statement=off;bad/number=return(7);bad/picky=return(picky)";
    assert_eq!(respond("PUT", "/failpoints", &[], armed.as_bytes()).status, 204);
    let generation = || {
        let ours = ["bad/statement", "bad/number", "bad/picky"];
        ours.map(|name| failpoint::point(name).expect("it is declared").generation)
    };
    let before = generation();

    for (path, body, prefix, reason) in [
        ("/bad/statement", "", PARSE, "expected"),
        ("/bad/statement", "\n", PARSE, "expected"),
        ("/bad/statement", "slep(1)", PARSE, "^ at byte 0"),
        ("/bad/statement", "sleep(1", PARSE, "^ at byte"),
        ("/bad/statement", "sleep(1)->", PARSE, "^ at byte"),
        ("/bad/statement", "off;off", PARSE, "^ at byte 3"),
        ("/bad/statement", "return(1)", UNFIT, "bad_input.rs:"),
        ("/bad/statement", "1*off->return", UNFIT, "cannot return"),
        ("/bad/number", "return(seven)", UNFIT, "bad_input.rs:"),
        ("/bad/number", "return", UNFIT, "bad/number"),
        ("/bad/picky", "return(other)", UNFIT, "bad/picky"),
        ("/bad/statement", "wait(bad/statement)", SET, "would wait for itself"),
        ("/bad/statement", "when(id=7):off", SET, "passes `id`"),
        ("/bad/result", "return(EIOO)", UNFIT, "the nearest is EIO"),
        ("/bad/statement", "wait(bad/nobody)", UNKNOWN, "bad/nobody"),
        ("/bad/statment", "off", UNKNOWN, "the nearest are `bad/statement`"),
        ("/bad/nobody", "slep(1)", UNKNOWN, "bad/nobody"),
        ("/", "off", UNKNOWN, "``"),
        ("/v1%2Fpoints", "off", UNKNOWN, "v1/points"),
        ("/bad/statement/count", "off", UNKNOWN, "bad/statement/count"),
        ("/bad/statement?ttl=", "panic", "fail to set failpoint: ttl: ", "a duration"),
        ("/bad/statement?ttl=soon", "panic", "fail to set failpoint: ttl: ", "a duration"),
        ("/bad/statement?ttl=0", "panic", "fail to set failpoint: ttl: ", "greater than"),
        ("/bad/statement?ttl=-1s", "panic", "fail to set failpoint: ttl: ", "a duration"),
        ("/bad/nobody?unlisted=maybe", "off", "fail to set failpoint: unlisted: ", "1 or 0"),
        ("/failpoints", "bad/statement", PARSE, "`=`"),
        ("/failpoints", "bad/statement=panic;bad/number=return(x)", UNFIT, "bad/number"),
        ("/failpoints", "bad/statement=panic;bad/statement=off", PARSE, "at most once"),
        ("/failpoints", "bad/statement=panic;bad/nobody=off", UNKNOWN, "bad/nobody"),
        ("/failpoints", "bad/statement=panic;=off", PARSE, "name"),
    ] {
        let text = refused(path, body.as_bytes(), prefix);
        assert!(text.contains(reason), "PUT {path} {body:?}: {text}");
    }
    let text = refused("/bad/statement", b"off\xff", PARSE);
    assert!(text.contains("byte 3"), "{text}");
    refused("/failpoints", b"bad/statement=\xc3\x28", PARSE);

    assert_eq!(generation(), before, "nothing was armed or disarmed");
    assert_eq!(terms("bad/statement").as_deref(), Some("off"));
    assert_eq!(terms("bad/number").as_deref(), Some("return(7)"));
    assert_eq!(terms("bad/picky").as_deref(), Some("return(picky)"));
}

#[test]
fn code_of_the_program_that_panics_is_answered_for() {
    let reply = respond("PUT", "/bad/picky", &[], b"return(boom)");
    assert_eq!(reply.status, 500);
    assert_eq!(respond("GET", "/", &[], b"").status, 200, "and the control plane goes on");
}

#[test]
fn a_thousand_faults_make_a_readable_answer() {
    let config = "x=y;".repeat(1000);
    let reply = respond("PUT", "/failpoints", &[], config.as_bytes());
    assert_eq!(reply.status, 400);
    assert!(reply.body.len() < 512 * 1024, "{}", reply.body.len());
}
