//! Is a bad name refused where it stands?

use failpoint::{fail_point, fail_result, fail_value};

const SPACED: &str = "a name";

pub fn names() -> u64 {
    fail_point!(""); //~ both: bad failpoint name
    fail_point!("/a"); //~ both: bad failpoint name
    fail_point!("a/"); //~ both: bad failpoint name
    fail_point!("a b"); //~ both: bad failpoint name
    fail_point!("é"); //~ both: it must be letters, digits and `_ . : / -`
    fail_point!("a=b"); //~ both: bad failpoint name
    fail_point!("a;b", |_| 1); //~ both: bad failpoint name
    fail_point!("a(b)", |v: u64| v); //~ both: bad failpoint name
    fail_point!("wait"); //~ both: bad failpoint name
    fail_point!("a/count"); //~ both: no last segment `count`, `wait` or `resume`
    fail_point!("a/resume", n = 1); //~ both: bad failpoint name
    fail_point!("v1"); //~ both: bad failpoint name
    fail_point!("v1/points"); //~ both: no route of the control plane
    fail_point!("ui"); //~ both: bad failpoint name
    fail_point!("metrics"); //~ both: bad failpoint name
    fail_point!("healthz"); //~ both: bad failpoint name
    fail_point!("openapi.json"); //~ both: bad failpoint name
    fail_point!("FailPoints"); //~ both: bad failpoint name
    fail_point!(SPACED); //~ both: bad failpoint name
    let _ = fail_value!("a?b"); //~ both: bad failpoint name
    let _ = fail_value!("a?b", u64); //~ both: bad failpoint name
    let _ = fail_result!("a\nb"); //~ both: bad failpoint name
    0
}
