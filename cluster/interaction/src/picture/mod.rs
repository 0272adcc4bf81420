//! To come.
use crate::trace::Event;

/// To come.
pub fn draw(_title: &str, _events: &[Event]) -> String {
    String::new()
}
