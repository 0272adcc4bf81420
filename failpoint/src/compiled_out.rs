//! What does a build without failpoints say when something asks for them?

use crate::stderr;
use std::env;
use std::fmt;
use std::sync::Once;

/// How to have it: with the feature of the program, which turns on `FEATURE`.
#[derive(Clone, Copy, Debug)]
pub struct BuildWith(pub &'static str);

impl fmt::Display for BuildWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let feature = self.0;
        write!(f, "build with --features failpoints (in Cargo.toml: failpoints = [\"{feature}\"])")
    }
}

/// Says on stderr, once in a process, which of `variables` are set although `what` was compiled out.
pub fn say_of(variables: &[&str], what: &str, hint: BuildWith) {
    static SAID: Once = Once::new();
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let set: Vec<&str> = variables.iter().copied().filter(is_set).collect();
    if set.is_empty() {
        return;
    }
    SAID.call_once(|| {
        let are = if set.len() == 1 { "is" } else { "are" };
        let set = set.join(" and ");
        stderr::line(format_args!("failpoint: {set} {are} set, but {what} compiled out; {hint}"));
    });
}
