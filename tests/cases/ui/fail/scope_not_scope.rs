//! Must a scope be one?

use failpoint::{fail_point, fail_result, fail_value};

pub fn scopes(n: u64) -> u64 {
    fail_point!(in n, "scope"); //~ both: expected `&Scope`, found `&u64`
    fail_point!(in "name", "scope", |_| n); //~ both: expected `&Scope`, found `&&str`
    let _ = fail_value!(in n, "scope", u64); //~ both: expected `&Scope`, found `&u64`
    let _ = fail_result!(in missing, "scope"); //~ both: cannot find value `missing`
    n
}
