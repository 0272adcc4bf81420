//! Writes names and parameters into a URL.

use crate::percent::encode;
use std::fmt::Write;

/// `/v1/points/NAME`.
pub(super) fn point(name: &str) -> String {
    format!("/v1/points/{}", encode(name))
}

/// A path with its query. Parameters without a value are omitted.
pub(super) fn with_query<'a>(
    path: &str,
    parameters: impl IntoIterator<Item = (&'a str, Option<String>)>,
) -> String {
    let mut text = path.to_owned();
    let mut before = '?';
    for (name, value) in parameters {
        if let Some(value) = value {
            let _ = write!(text, "{before}{name}={}", encode(&value));
            before = '&';
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{point, with_query};

    #[test]
    fn what_must_be_is_encoded() {
        assert_eq!(point("pkg/a::b-c.d_e"), "/v1/points/pkg/a::b-c.d_e");
        assert_eq!(point("a b?é%\r\n#"), "/v1/points/a%20b%3F%C3%A9%25%0D%0A%23");
        let parameters = [("a", Some("*&=+".to_owned())), ("b", None), ("c", Some("1".to_owned()))];
        assert_eq!(with_query("/x", parameters), "/x?a=%2A%26%3D%2B&c=1");
    }
}
