//! The servers that tests build: `wal_server` of the main workspace, and `raft-kv`.
#![allow(dead_code, reason = "each test uses a part")]

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The program `wal_server`.
pub(crate) fn wal_server() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("../..", "failpoint-examples", "wal_server"))
}

/// The command `raft-kv`.
pub(crate) fn raft_kv() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("..", "raft-kv", "raft-kv"))
}

/// Builds a program with failpoints, in the target directory of its workspace. Cargo's lock makes other
/// tests wait, and then it is built already.
fn build(workspace: &str, package: &str, program: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join(workspace);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(&workspace)
        .args(["build", "-q", "-p", package, "--bin", program])
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{program} cannot be built: {}", built.status);
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    executable.expect("cargo says where it is")
}

/// An address on loopback that is free now, with a port below those that the system hands out.
pub(crate) fn free_address() -> String {
    loop {
        let draw = RandomState::new().hash_one(0);
        let port = 10_000 + u16::try_from(draw % 20_000).expect("below 20,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}
