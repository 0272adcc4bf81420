//! Published clients of toxiproxy in other languages, against `failpoint-proxy`.

mod support;

use std::path::PathBuf;
use std::process::Stdio;
use support::server::Server;
use support::{LIMIT, echo, skipped};
use tokio::process::Command;
use tokio::time::timeout;

/// Runs a script of `tests/clients` that uses a published client. `TOXIPROXY_CLIENTS` is the directory
/// where `.ci/toxiproxy-clients` has installed them; without it, the client must be on the usual path.
/// Gives whether it is there.
async fn client(interpreter: &str, try_it: &[&str], script: &str) -> bool {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(interpreter);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command.env("NO_PROXY", "127.0.0.1");
        if let Some(home) = std::env::var_os("TOXIPROXY_CLIENTS").map(PathBuf::from) {
            command.env("PYTHONPATH", home.join("python"));
            command.env("NODE_PATH", home.join("node/node_modules"));
        }
        command
    };
    let found = command(try_it).stderr(Stdio::null()).status().await;
    if !found.is_ok_and(|status| status.success()) {
        return false;
    }
    let (upstream, _) = echo().await;
    let server = Server::start(&[]).await;
    let script = format!("{}/tests/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let run = command(&[&script, &server.address, &upstream.to_string()]).output();
    let output = timeout(LIMIT, run).await.expect("it does not end").unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.ends_with("all is well\n"), "{text}");
    server.stop().await;
    true
}

#[tokio::test]
async fn the_python_client_works() {
    if !client("python3", &["-c", "import toxiproxy"], "client.py").await {
        skipped("toxiproxy-python");
    }
}

#[tokio::test]
async fn the_node_client_works() {
    if !client("node", &["-e", "require('toxiproxy-node-client')"], "client.cjs").await {
        // Required nowhere: Debian's npm brings hundreds of packages.
        println!("skipped: needs toxiproxy-node-client");
    }
}
