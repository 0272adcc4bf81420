//! What the environment says. Each case needs its own process: this executable runs itself once
//! more, its test `child` alone.
#![cfg(feature = "failpoints")]

mod common;

use common::{Client, child, is_child, line_of};
use failpoint::fail_point;
use std::net::TcpListener;
use std::process::{Child, Output};

#[test]
fn child_serves() {
    if !is_child() {
        return;
    }
    // Not evaluated before: the first evaluation would read the environment.
    let _declared = || fail_point!("env/declared");
    match failpoint_http::serve_from_env() {
        Ok(control) => {
            let address = control.address().map_or("nowhere".to_owned(), |at| at.to_string());
            println!("\nlistening at {address}");
            if control.address().is_some() {
                // Ends when the parent kills it.
                loop {
                    std::thread::park();
                }
            }
        }
        Err(error) => println!("\nrefused: {error:?}"),
    }
}

/// A child that is to refuse, and what it says.
fn refusal(variables: &[(&str, &str)]) -> String {
    let Output { stdout, stderr, .. } = child("child_serves", variables).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let Some((_, refusal)) = text.split_once("\nrefused: ") else {
        panic!("{variables:?}: {text}{}", String::from_utf8_lossy(&stderr))
    };
    assert!(refusal.starts_with("the control plane of failpoints does not listen: "), "{refusal}");
    refusal.to_owned()
}

/// A child that serves; killed when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut child = child("child_serves", variables).spawn().unwrap();
        let address = line_of(&mut child, "listening at ");
        Self { child, address }
    }

    /// Kills it; gives what it wrote to stderr.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut().unwrap(), &mut log).unwrap();
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn without_the_variable_nothing_listens() {
    assert_eq!(Server::start(&[]).address, "nowhere");
    assert_eq!(Server::start(&[("GOFAIL_HTTP", "")]).address, "nowhere");
}

#[test]
fn either_name_is_taken_and_gofails_goes_first() {
    for variables in [
        &[("GOFAIL_HTTP", "127.0.0.1:0")] as &[_],
        &[("FAILPOINT_HTTP", "127.0.0.1:0")],
        &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP", "nonsense")],
    ] {
        let server = Server::start(variables);
        assert_eq!(Client::connect(&server.address).ask("GET", "/", "").body, "env/declared=\n");
        let log = format!("control listens at {}", server.address);
        let said = server.end();
        assert!(said.contains(&log), "{said}");
    }
}

#[test]
fn what_is_wrong_is_returned_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (variables, reasons) in [
        (
            &[("GOFAIL_HTTP", "nonsense")] as &[(&str, &str)],
            &["`nonsense`", "HOST:PORT"] as &[&str],
        ),
        (&[("FAILPOINT_HTTP", "127.0.0.1:99999")], &["65535", "127.0.0.1:22381"]),
        (&[("GOFAIL_HTTP", &taken)], &[&taken, "in use", "port 0"]),
        (&[("GOFAIL_HTTP", ":22381")], &["127.0.0.1:22381", "FAILPOINT_HTTP_TOKEN", "INSECURE=1"]),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("GOFAIL_FAILPOINTS", "env/declared=slep(1)")],
            &["in the environment: ", "did you mean \"sleep\"", "^ at byte 13"],
        ),
        (&[("GOFAIL_FAILPOINTS", "env/declared=return(1)")], &["cannot return", "environment.rs"]),
        (&[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_SEED", "x")], &["FAILPOINT_SEED"]),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_INSECURE", "yes")],
            &["FAILPOINT_HTTP_INSECURE", "1"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_TOKEN", "a b")],
            &["FAILPOINT_HTTP_TOKEN ", "visible"],
        ),
        (
            &[("GOFAIL_HTTP", ":0"), ("FAILPOINT_HTTP_TOKEN_FILE", "/dev/null")],
            &["FAILPOINT_HTTP_TOKEN_FILE "],
        ),
        (
            &[("GOFAIL_HTTP", ":0"), ("FAILPOINT_HTTP_TOKEN_FILE", "/no/such/file")],
            &["/no/such/file", "cannot be read"],
        ),
        (
            &[
                ("GOFAIL_HTTP", ":0"),
                ("FAILPOINT_HTTP_TOKEN_FILE", "/dev/null"),
                ("FAILPOINT_HTTP_TOKEN", "x"),
            ],
            &["unset one"],
        ),
        (
            &[("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_PORT_FILE", "/no/such/directory/x")],
            &["/no/such/directory/x", "cannot be written"],
        ),
    ] {
        let refusal = refusal(variables);
        for reason in reasons {
            assert!(refusal.contains(reason), "{variables:?}: {refusal}");
        }
    }
}

#[test]
fn the_port_file_holds_the_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("port");
    std::fs::write(&path, "of an earlier run").unwrap();
    let variables =
        [("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_PORT_FILE", path.to_str().unwrap())];
    let server = Server::start(&variables);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", server.address));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_token_opens_other_addresses_and_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    for (variable, value) in
        [("FAILPOINT_HTTP_TOKEN", "s3cret"), ("FAILPOINT_HTTP_TOKEN_FILE", file.to_str().unwrap())]
    {
        let server = Server::start(&[("GOFAIL_HTTP", "0.0.0.0:0"), (variable, value)]);
        let address = server.address.replace("0.0.0.0", "127.0.0.1");
        for (headers, status) in [
            (&[] as &[(&str, &str)], 401),
            (&[("Authorization", "Bearer wrong1")], 401),
            (&[("Authorization", "Bearer s3cret")], 204),
            (&[("Authorization", "Bearer s3cret"), ("Host", "evil.test")], 204),
            (&[("Authorization", "Bearer s3cret"), ("Origin", "http://evil.test")], 403),
            (&[("Origin", "http://evil.test")], 403),
        ] {
            // What is refused may end the connection: its body was not read.
            let mut client = Client::connect(&address);
            let answer = client.ask_with("PUT", "/env/declared", headers, "off");
            assert_eq!(answer.status, status, "{headers:?}");
            let asks = answer.header("www-authenticate");
            assert_eq!(asks.is_some(), status == 401, "{asks:?}");
        }
        let log = server.end();
        assert!(!log.contains("s3cret"), "{log}");
    }
}

#[test]
fn insecure_is_a_way_out_with_a_warning() {
    let server = Server::start(&[("GOFAIL_HTTP", ":0"), ("FAILPOINT_HTTP_INSECURE", "1")]);
    let (_, port) = server.address.rsplit_once(':').unwrap();
    let answer = Client::connect(&format!("127.0.0.1:{port}")).ask("GET", "/", "");
    assert_eq!(answer.status, 200);
    assert!(server.end().contains("WARN FAILPOINT_HTTP_INSECURE"));
}

#[test]
fn a_host_that_is_not_ours_is_refused() {
    let variables =
        [("GOFAIL_HTTP", "127.0.0.1:0"), ("FAILPOINT_HTTP_HOSTS", "pod-1.test, other.test")];
    let server = Server::start(&variables);
    for (host, status) in [
        ("localhost:22381", 204),
        ("10.0.0.1", 204),
        ("pod-1.test:80", 204),
        ("OTHER.test", 204),
        ("evil.test", 403),
        ("127.0.0.1.evil.test", 403),
    ] {
        let mut client = Client::connect(&server.address);
        let answer = client.ask_with("PUT", "/env/declared", &[("Host", host)], "off");
        assert_eq!(answer.status, status, "{host}");
    }
}

#[test]
fn every_change_is_a_line_of_the_log() {
    let server = Server::start(&[("GOFAIL_HTTP", "127.0.0.1:0")]);
    let mut client = Client::connect(&server.address);
    for (method, path, body) in [
        ("PUT", "/env/declared", "sleep(1)"),
        ("PUT", "/env/declared", "bad"),
        ("PUT", "/failpoints?ttl=5m", "env/declared=off"),
        ("DELETE", "/env/declared", ""),
        ("DELETE", "/env/declared", ""),
        ("GET", "/", ""),
    ] {
        client.ask(method, path, body);
    }
    let log = server.end();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("env/declared")).collect();
    let [arm, again, disarm] = lines.as_slice() else { panic!("{log}") };
    assert!(arm.starts_with("failpoint-http: 127.0.0.1:"), "{arm}");
    assert!(arm.ends_with(" armed env/declared: was idle, now sleep(1)"), "{arm}");
    assert!(again.ends_with(" armed env/declared: was sleep(1), now off, for 300s"), "{again}");
    assert!(disarm.ends_with(" disarmed env/declared: was off"), "{disarm}");
}
