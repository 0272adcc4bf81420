//! A dynamic library that holds `failpoint`, and a point.

pub use failpoint;

pub fn pass() {
    failpoint::fail_point!("dylib/library");
}
