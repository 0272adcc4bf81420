//! What do the checks of this package share?
//!
//! The checks build little programs in both worlds, with the cargo and rustc of the run, and look at
//! what came out: at a diagnostic, at an instruction, at a list of points. Cargo builds `failpoint`
//! once per world and profile ([`world`]); each little program is then one call of rustc ([`rustc`]),
//! which takes a fraction of a second where cargo would take several. What it gave is kept until
//! something that it was made of changes ([`made`]).
//!
//! ```sh
//! cargo test -p failpoint-tests                             # all of them
//! UI_CASE=moves cargo test -p failpoint-tests --test ui     # the UI cases whose path contains `moves`
//! cargo test -p failpoint-tests -- --ignored                # the slow ones
//! ```
#![forbid(unsafe_code)]

pub mod assembly;
pub mod callgrind;
pub mod diagnostics;
pub mod made;
pub mod parallel;
pub mod program;
pub mod rustc;
pub mod world;

/// The code of the guides compiles.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../docs/from-a-handwritten-endpoint.md")]
    struct FromAHandwrittenEndpoint;
    #[doc = include_str!("../../docs/from-fail.md")]
    struct FromFail;
    #[doc = include_str!("../../docs/from-fail-parallel.md")]
    struct FromFailParallel;
    #[doc = include_str!("../../docs/from-gofail.md")]
    struct FromGofail;
}
