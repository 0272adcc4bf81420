//! Where may a name come from?

use failpoint::{fail_point, fail_result, fail_value};

pub const SITE: &str = "const/SITE";
#[allow(non_upper_case_globals)]
pub const site: &str = "const/site";
#[allow(non_upper_case_globals)]
pub const value: &str = "const/value";

pub mod points {
    pub const SYNC: &str = concat!("wal", "/", "sync");
}

pub struct Log;

impl Log {
    pub const NAME: &'static str = "const/associated";
}

const fn second() -> &'static str {
    "const/second"
}

pub fn statements(n: u64) -> u64 {
    const LOCAL: &str = "const/local";
    fail_point!(LOCAL);
    fail_point!(SITE);
    fail_point!(site);
    fail_point!(value, n = n);
    fail_point!(points::SYNC);
    fail_point!(Log::NAME);
    fail_point!(second());
    fail_point!({ "block" });
    fail_point!(if cfg!(debug_assertions) { "dev" } else { "release" });
    fail_point!(concat!("mod", "/", "path"));
    fail_point!(module_path!());
    fail_point!(SITE, |_| 1);
    fail_point!(site, |v: u64| v);
    if fail_value!(SITE).is_some() || fail_result!(site).is_err() {
        return 0;
    }
    fail_value!(value, u64).unwrap_or(n)
}

pub fn letters() {
    fail_point!("raftAfterSave");
    fail_point!("wal::sync");
    fail_point!("a/b-c.d_e:0");
    fail_point!("0");
    fail_point!("count/x");
    fail_point!("counts");
    fail_point!("v1x/y");
}
