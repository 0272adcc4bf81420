//! Arbitrary text is refused with a place that can be shown, or prints to text that parses to the
//! same terms.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| failpoint::__bridge::fuzz::terms(text));
