//! No point is evaluated while a request is served.
#![cfg(feature = "failpoints")]

mod common;

use common::Client;
use failpoint::{BadTerm, FromTerm, fail_point, fail_value};

/// Passes by a point when it is asked whether it takes a value.
#[derive(Debug)]
struct Nosy;

impl FromTerm for Nosy {
    fn from_term(_: Option<&str>) -> Result<Self, BadTerm> {
        fail_point!("quiet/in-code-that-control-calls");
        Ok(Nosy)
    }
}

fn pass() -> Option<Nosy> {
    fail_value!("quiet/nosy", Nosy)
}

#[test]
fn code_that_control_calls_is_not_held_up_at_a_point() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let mut client = Client::connect(&control.address().unwrap().to_string());
    let held = "/quiet/in-code-that-control-calls";
    assert_eq!(client.ask("PUT", held, "pause").status, 204);
    assert_eq!(client.ask("PUT", "/quiet/nosy", "return(1)").status, 204);
    let reply = failpoint_http::respond("PUT", "/quiet/nosy", &[], b"return(2)");
    assert_eq!(reply.status, 204);
    assert_eq!(client.ask("GET", &format!("{held}/count"), "").body, "0");

    // Elsewhere that code is evaluated as ever.
    assert_eq!(client.ask("PUT", held, "off").status, 204);
    assert!(pass().is_some());
    assert_eq!(client.ask("GET", &format!("{held}/count"), "").body, "1");
}
