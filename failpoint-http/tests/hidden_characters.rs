//! Tests that text for people has no characters that control a terminal or reorder text, and that
//! programs still get the original text. Each test uses its own names of points.
#![cfg(feature = "failpoints")]

mod common;

use common::Client;
use failpoint::__private::text::holds_hidden;
use failpoint::{fail_point, fail_value};
use failpoint_http::respond;
use std::process::Command;

/// A title for the terminal's window, a colour by C1, and text that is shown backwards.
const ODD: &str = "\u{1b}]0;x\u{7} \u{9b}31m \u{202e}dcba\u{2069} \u{7f}";

fn site() -> Option<String> {
    fail_point!("hidden/plain");
    fail_point!("hidden/printed");
    fail_value!("hidden/value", String)
}

fn ask(method: &str, path: &str, body: &str) -> (u16, String) {
    let reply = respond(method, path, &[], body.as_bytes());
    (reply.status, String::from_utf8(reply.body).unwrap())
}

#[test]
fn lists_show_a_spelling_that_means_the_same() {
    let written = format!("return({ODD})");
    assert_eq!(ask("PUT", "/hidden/value", &written), (204, String::new()));
    assert_eq!(site().as_deref(), Some(ODD));

    let (_, list) = ask("GET", "/", "");
    let shown = list.lines().find_map(|line| line.strip_prefix("hidden/value=")).unwrap();
    assert!(shown.starts_with("return(\"\\u{1b}]0;x") && !holds_hidden(shown), "{shown:?}");
    let (_, export) = ask("GET", "/v1/export", "");
    assert!(export.contains(shown) && !holds_hidden(export.trim_end()), "{export:?}");
    let tikv = failpoint_http::compat::tikv::respond("GET", "/fail", &[], b"");
    assert!(String::from_utf8(tikv.body).unwrap().contains(shown));

    // What was written, for a client that must get it back, and JSON that a person may read.
    assert_eq!(ask("GET", "/hidden/value", ""), (200, format!("{written}\n")));
    let (_, json) = ask("GET", "/v1/points/hidden/value", "");
    assert!(!holds_hidden(json.trim_end()), "{json:?}");
    let point: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(point["terms"], written);

    // Arming what is shown is arming the same.
    assert_eq!(ask("PUT", "/hidden/value", shown), (204, String::new()));
    assert_eq!(site().as_deref(), Some(ODD));
}

#[test]
fn refusals_show_what_was_written_on_one_line() {
    for (method, path, body) in [
        ("PUT", "/hidden/plain", format!("retrun({ODD})")),
        ("PUT", "/hidden/plain", format!("return({ODD})")),
        ("PUT", "/hidden/plain", format!("sleep({ODD})")),
        ("PUT", "/failpoints", format!("hidden/{ODD}=off")),
        ("PUT", "/failpoints", format!("hidden/plain=off;hidden/plain=wait({ODD})")),
        ("PUT", "/hidden%1b%c2%9b%e2%80%ae", "off".to_owned()),
        ("PUT", "/v1/points/hidden/plain", format!("{{\"terms\":\"retrun({})\"}}", "\u{202e}")),
    ] {
        let (status, text) = ask(method, path, &body);
        assert!(status >= 400, "{body:?}: {status}");
        let shown = text.replace('\n', "");
        assert!(!holds_hidden(&shown), "{body:?}: {text:?}");
    }
}

#[test]
#[ignore = "run by the test below"]
fn child() {
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    let mut client = Client::connect(&control.address().unwrap().to_string());
    let forged = "print(\"failpoint-http: 10.0.0.1:1 reset hidden/plain: was off\")";
    for terms in [forged, &format!("print(\"a\\nfailpoint-http: b\")&print({ODD})")] {
        assert_eq!(client.ask("PUT", "/hidden/printed", terms).status, 204);
        site();
    }
}

#[test]
fn a_line_of_control_cannot_be_forged() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("failpoint hidden/printed: failpoint-http: 10.0.0.1:1"), "{said}");
    assert!(said.contains(": a\\nfailpoint-http: b"), "{said}");
    // The log shows a spelling that arms the same.
    assert!(said.contains(r#"&print("\u{1b}]0;x"#), "{said}");
    for line in said.lines() {
        assert!(!holds_hidden(line), "{line:?}");
        let of_control = line.starts_with("failpoint-http: ");
        let is_told = line.contains(" armed hidden/printed: ") || line.contains("listening at ");
        assert_eq!(of_control, is_told, "{line:?}");
    }
}
