//! The two builds of the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the builds are.
pub(crate) struct Servers {
    /// With failpoints.
    pub(crate) compiled_in: PathBuf,
    /// Without.
    pub(crate) compiled_out: PathBuf,
}

/// Builds both, with the same profile.
///
/// # Panics
///
/// If one does not build.
pub(crate) fn build() -> Servers {
    Servers {
        compiled_out: build_one("compiled-out", &["--no-default-features", "--features", "server"]),
        compiled_in: build_one("compiled-in", &[]),
    }
}

fn build_one(name: &str, features: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = here.join("target/servers");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--package", "raft-kv", "--bin", "raft-kv", "--manifest-path"])
        .arg(here.join("../../cluster/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .args(features)
        .status();
    assert!(built.expect("cargo runs").success(), "the server {name} does not build");
    // The next build overwrites it.
    let server = target.join(name);
    fs::copy(target.join("release/raft-kv"), &server).expect("the server was built");
    server
}
