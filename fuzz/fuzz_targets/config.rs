//! Arbitrary text is refused with places that can be shown, or is a config that can be written
//! again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| failpoint::__bridge::fuzz::config(text));
