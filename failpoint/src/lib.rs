//! Failpoints for Rust servers: mark a place, arm it while the server runs, see it happen.
//!
//! ```
//! fn save(entry: &str) -> std::io::Result<()> {
//!     // … append to the log …
//!     failpoint::fail_result!("walSync")?;
//!     failpoint::fail_point!("raftAfterSave");
//!     Ok(())
//! }
//! save("x = 1").unwrap();
//!
//! # #[cfg(feature = "failpoints")] {
//! let armed = failpoint::arm("walSync", "nth(2):return(EIO)")?;
//! assert!(save("x = 2").is_ok());
//! assert!(save("x = 3").is_err());
//! assert_eq!((armed.hits(), armed.fires()), (2, 1));
//! # }
//! # Ok::<(), failpoint::Error>(())
//! ```
//!
//! **Why.** The code that runs when a disk fills, a peer is slow or the power goes is the code that
//! decides whether data is lost, and the code that no test reaches. A failpoint reaches it: from a
//! test in the process with [`arm`], from outside with `curl` through the crate `failpoint-http`,
//! from the environment with `GOFAIL_FAILPOINTS`.
//!
//! **Cost.** Without the feature `failpoints` the macros leave no instruction and the crate has no
//! run-time dependency. With it, an idle point is one load, one test and one branch.
//!
//! **Log.** What the library says goes to `tracing`, with the target `failpoint`, where the
//! subscriber in force takes it, and to stderr where it does not. Why the process ends (an armed
//! `exit`, `abort` or `kill`, a `panic` under `FAILPOINT_PANIC`, a mistake in the environment that
//! is found by the first evaluation) is on stderr in any case, so it is there twice where the log
//! writes to stderr too.
//!
//! **Where points can be.** Anywhere but in signal handlers; in a `#[global_allocator]` too, before
//! `main` as well. What the library allocates, logs or renders for itself passes by all points of
//! that thread. In an allocator, put a point where the allocator holds no lock of its own, and must
//! not be armed with what panics (`panic`, and the limit of a `pause`, `wait` or `barrier` that was
//! armed from code) or with a callback that allocates.
//!
//! **Fork.** A child of `fork` that goes on without `exec` has a copy of all that is armed and
//! counted. It evaluates points, sleeps, and arms and disarms like any process. Two limits remain.
//! A lock of this library that another thread holds at the moment of the `fork` stays locked in the
//! child, as with any library: such locks are held for moments, while something is armed, listed or
//! waited for, so fork before you start threads that do so. And the control plane stays with the
//! parent: see `failpoint_http::serve_from_env`.
//!
//! **Words.** A *site* is a place in the source; a *point* is a name with its sites; *terms* are
//! what is written, such as `3*return(5)->panic`. A *hit* is an evaluation of an armed point, a
//! *fire* is a hit in which a term acted; *paused* is a caller waiting at the point.
//!
//! # Wiring
//!
//! ```toml
//! [dependencies]
//! failpoint = "0.1"
//! failpoint-http = "0.1"    # in the binary, for control over HTTP
//!
//! [features]                # in the binary only
//! failpoints = ["failpoint/failpoints", "failpoint-http/failpoints"]
//! ```
//!
//! Libraries need only the first line, and no feature of their own: failpoints are off unless the
//! final binary turns them on, and then they are on in every library it links. A library that wants
//! no proc macro at build time writes `failpoint = { version = "0.1", default-features = false }`.
//!
//! Cargo unifies features, so one package of the build that asks for `failpoints` turns them on for
//! all. Resolver 1 (edition 2018, or a virtual workspace without a `resolver` line) and
//! `--all-targets` also count `[dev-dependencies]`. Set `FAILPOINT_FORBID=1` where you build what
//! you ship: it makes the feature a compile error that says how to find who asked. More is in
//! [docs/wiring.md](https://github.com/failpoint-rs/failpoint/blob/main/docs/wiring.md).
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `attributes` | yes | `#[failpoint]`, `#[failpoint::test]`, `#[derive(FromTerm)]`: a proc macro, at build time only |
//! | `failpoints` | no | compiles failpoints in. The final binary asks for it |
//! | `tokio` | no | sleeps and time windows follow tokio's clock, paused time included; warns when a blocking point runs on an executor's thread |
//! | `serde` | no | `Json<T>`: values in JSON, as in `return({"code":5})` |
//! | `runtime` | no | internal: the machinery without the macros, for `failpoint-compat` |
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The machinery alone, for the packages named `fail`: what only expansions of our macros call.
#![cfg_attr(
    all(feature = "runtime", not(feature = "failpoints")),
    allow(dead_code, unreachable_pub)
)]

// Read by the compiler, so that cargo builds again when the variable changes. Empty and 0 are no.
#[cfg(feature = "failpoints")]
const _: () = assert!(
    match option_env!("FAILPOINT_FORBID") {
        Some(asked) => matches!(asked.as_bytes(), b"" | b"0"),
        None => true,
    },
    "FAILPOINT_FORBID is set, and the feature `failpoints` of the crate `failpoint` is on. To find \
     who asked for it, run this with the options of your build: \
     cargo tree --workspace -e features -i failpoint\n\
     Two ways are easy to miss: another member of the workspace asks for it, and it counts \
     unless you build with `-p PACKAGE`; [dev-dependencies] ask for it, and they count with \
     --all-targets, and in every build with resolver 1 (edition 2018, or a virtual workspace \
     without `resolver`). More: \
     https://github.com/failpoint-rs/failpoint/blob/main/docs/wiring.md"
);

mod callback;
mod compiled_out;
mod control;
mod error;
mod event;
mod exploration;
mod info;
mod injected;
mod io_error;
mod key;
#[cfg(feature = "runtime")]
mod library;
mod macros;
mod name;
mod scope;
mod simulation;
mod stderr;
mod subscription;
mod visible;
// Off, only durations are read, by `value`.
#[cfg_attr(not(feature = "runtime"), allow(dead_code, unused_imports, unreachable_pub))]
mod terms;
mod value;
mod wait_for;

/// The API of the sister crates.
#[cfg(feature = "runtime")]
#[doc(hidden)]
#[path = "bridge/mod.rs"]
pub mod __bridge;
/// What expansions of the macros name.
#[doc(hidden)]
#[path = "macro_support/mod.rs"]
pub mod __private;

// What stands behind the public face.
#[cfg(not(feature = "runtime"))]
mod off;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(not(feature = "runtime"))]
use off as imp;
#[cfg(feature = "runtime")]
use runtime as imp;

pub use callback::{Action, Hit};
pub use control::{
    Armed, ExitHold, arm, arm_all, arm_unlisted, arm_with, disarm, enabled, explore, hold_exit,
    init_from_env, point, points, report, reset, seed, subscribe,
};
pub use error::{Error, WaitError};
pub use event::{Event, EventKind};
pub use exploration::{Explored, Injection, Run};
pub use info::{PointInfo, Report, SiteInfo};
pub use injected::{Ending, Injected, InjectedPanic};
pub use scope::{DontHoldScopeGuardsAcrossAwaitPoints, Scope};
pub use simulation::Simulation;
pub use subscription::Subscription;
#[cfg(feature = "serde")]
pub use value::Json;
pub use value::{BadTerm, FromTerm};

#[cfg(feature = "attributes")]
pub use failpoint_macros::{FromTerm, failpoint, test};

/// The code of the README compiles.
#[cfg(all(doctest, feature = "attributes"))]
#[doc = include_str!("../README.md")]
struct Readme;
