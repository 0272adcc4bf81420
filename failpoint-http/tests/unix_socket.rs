//! Tests a listener on a Unix socket.
#![cfg(all(feature = "failpoints", unix))]

mod common;

use common::Client;
use failpoint::fail_point;
use failpoint_test_support::{PATIENCE, needs};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_made_with_its_mode_and_removed() {
    fail_point!("unix/point");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fail");
    for (query, bits) in [("", 0o600), ("?mode=0660", 0o660), ("?mode=666", 0o666)] {
        let control = failpoint_http::serve(&format!("unix:{}{query}", path.display())).unwrap();
        assert_eq!(control.address().unwrap().to_string(), format!("unix:{}", path.display()));
        assert_eq!(mode(&path), bits);
        let stream = UnixStream::connect(&path).unwrap();
        // Browsers cannot connect to a Unix socket, so any host is accepted.
        let mut client = Client::over(stream, "whatever.test".to_owned());
        assert_eq!(client.ask("GET", "/", "").body, "unix/point=\n");
        assert_eq!(client.ask("PUT", "/unix/point", "off").status, 204);
        assert_eq!(client.ask("DELETE", "/unix/point", "").status, 204);
        drop(control);
        assert!(!path.exists());
    }
}

#[test]
fn a_file_without_a_listener_is_replaced_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fail");
    let address = format!("unix:{}", path.display());

    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "what a killed process leaves");
    let control = failpoint_http::serve(&address).unwrap();

    let refused = failpoint_http::serve(&address).unwrap_err();
    assert!(matches!(refused, failpoint_http::ServeError::InUse { .. }), "{refused}");
    assert!(UnixStream::connect(&path).is_ok(), "the first one still listens");

    // Another process may have put its own there since.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    drop(control);
    assert!(path.exists());
    drop(other);

    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    let refused = failpoint_http::serve(&address).unwrap_err();
    assert!(refused.to_string().contains("not a socket"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn an_owner_with_a_full_queue_is_an_owner() {
    use std::io::ErrorKind;
    use std::sync::mpsc;
    use std::thread;
    use tokio::net::{UnixSocket, UnixStream};

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fail");
    let address = format!("unix:{}", path.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // It listens, and accepts no connection.
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        let _owner = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        let full = loop {
            assert!(waiting.len() < 100, "the queue never fills");
            match UnixStream::connect(&path).await {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        let tells = full.kind() == ErrorKind::WouldBlock;
        if !needs::machine("a system that tells a full queue from none", tells) {
            return;
        }
        let (started, start) = mpsc::channel();
        thread::spawn(move || started.send(failpoint_http::serve(&address).map(drop)));
        let refused = start.recv_timeout(PATIENCE).expect("it starts or it fails").unwrap_err();
        assert!(matches!(refused, failpoint_http::ServeError::InUse { .. }), "{refused}");
        assert!(path.exists());
    });
}

#[test]
fn a_path_that_is_too_long_is_refused_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x".repeat(200));
    let refused = failpoint_http::serve(&format!("unix:{}", path.display())).unwrap_err();
    assert!(refused.to_string().contains("SUN_LEN"), "{refused}");
}

/// The probe for another owner runs on a runtime of its own, also inside one of the program.
#[tokio::test]
async fn a_stale_file_is_replaced_inside_a_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fail");
    drop(UnixListener::bind(&path).unwrap());
    let _control = failpoint_http::serve(&format!("unix:{}", path.display())).unwrap();
    assert!(UnixStream::connect(&path).is_ok());
}
