//! What is at the bottom of an error?

use std::error::Error;

/// The innermost cause. What wraps it, in errors of an HTTP client, says nothing more.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
