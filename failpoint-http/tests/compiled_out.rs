//! Tests a build without failpoints. Each case needs its own process: this executable runs itself
//! again, with only the test `child`.
#![cfg(not(feature = "failpoints"))]

mod common;

use common::{child, is_child};
use failpoint_http::{respond, serve};

const COMPILED_OUT: &str = "failpoints were compiled out; build with --features failpoints (in Cargo.toml: \
     failpoints = [\"failpoint-http/failpoints\"])";

#[test]
fn child_serves() {
    if is_child() {
        let control = failpoint_http::serve_from_env().unwrap();
        assert!(control.address().is_none());
    }
}

fn said(variables: &[(&str, &str)]) -> String {
    let output = child("child_serves", variables).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn it_says_so_where_the_environment_asks_for_it() {
    // The last two need no control plane; but this feature turns on all that there is.
    for variable in ["GOFAIL_HTTP", "FAILPOINT_HTTP", "GOFAIL_FAILPOINTS", "FAILPOINTS"] {
        let said = said(&[(variable, "127.0.0.1:0")]);
        assert_eq!(said, format!("failpoint: {variable} is set, but {COMPILED_OUT}\n"));
    }
    // Once, whatever asks for it.
    let said_of_both = said(&[("FAILPOINTS", "a=off"), ("GOFAIL_HTTP", "127.0.0.1:0")]);
    let expected = format!("failpoint: GOFAIL_HTTP and FAILPOINTS are set, but {COMPILED_OUT}\n");
    assert_eq!(said_of_both, expected);
    assert_eq!(said(&[]), "");
    assert_eq!(said(&[("GOFAIL_HTTP", "")]), "");
}

#[test]
fn nothing_listens_and_nothing_is_armed() {
    let control = serve("127.0.0.1:0").unwrap();
    assert!(control.address().is_none());
    let reply = respond("PUT", "/any", &[], b"off");
    assert_eq!(
        (reply.status, String::from_utf8(reply.body).unwrap()),
        (501, format!("{COMPILED_OUT}\n"))
    );
}
