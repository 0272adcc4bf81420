//! Tests that each manifest in `kubernetes/` allows exactly the clients that it names.
//!
//! The tests start `wal_server` processes with the environment of the manifests.
#![cfg(all(feature = "failpoints", unix))]
#![allow(missing_docs)]

use failpoint_examples::wal_server::process::{CONTROL, LISTENING};
use failpoint_test_support::{Killed, PATIENCE};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::{TempDir, tempdir};
use yaml_rust2::{Yaml, YamlLoader};

const KUBELET: &str = "User-Agent: kube-probe/1.30\r\nAccept: */*\r\nConnection: close\r\n";

/// The containers of the pod, in one network.
#[test]
fn loopback() {
    let pod = Pod::start("loopback.yaml");
    assert_eq!(pod.ask("GET", "/", "127.0.0.1:22381", "", ""), 200);
    assert_eq!(pod.ask("PUT", "/raftAfterSave", "127.0.0.1:22381", "", "off"), 204);
    assert_eq!(pod.ask("PUT", "/raftAfterSave", "localhost:22381", "", "off"), 204);
    // A web page behind a port-forward, whose author made the name resolve to that address.
    assert_eq!(pod.ask("PUT", "/raftAfterSave", "evil.test:22381", "", "off"), 403);
    assert!(pod.control.starts_with("127.0.0.1:"), "{}", pod.control);
    assert_eq!(pod.probe(), None, "kubelet does not reach it");
}

/// A container that mounts the volume and is in its group.
#[test]
fn socket() {
    let pod = Pod::start("socket.yaml");
    assert_eq!(pod.ask("GET", "/", "localhost", "", ""), 200);
    assert_eq!(pod.ask("PUT", "/raftAfterSave", "localhost", "", "off"), 204);
    let file = fs::metadata(pod.control.strip_prefix("unix:").unwrap()).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o660);
    assert_eq!(pod.probe(), None);
}

/// Clients with the token; and kubelet, which has none.
#[test]
fn token() {
    let pod = Pod::start("token.yaml");
    let token = pod.secret.clone().unwrap();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let service = "wal-control.chaos.svc.cluster.local:22381";
    assert_eq!(pod.probe(), Some(("/healthz".to_owned(), 204)));
    for (path, method) in [("/", "GET"), ("/raftAfterSave", "PUT"), ("/v1/points", "DELETE")] {
        assert_eq!(pod.ask(method, path, service, "", "off"), 401, "{method} {path}");
    }
    assert_eq!(pod.ask("GET", "/", service, "Authorization: Bearer guessed\r\n", ""), 401);
    assert_eq!(pod.ask("GET", "/", service, &bearer, ""), 200);
    assert_eq!(pod.ask("PUT", "/raftAfterSave", service, &bearer, "sleep(1)"), 204);
    assert_eq!(pod.ask("PUT", "/raftAfterSave", "10.1.2.3:22381", &bearer, "off"), 204);
    // FAILPOINT_HTTP_ACTIONS does not allow actions that end the process.
    for terms in ["kill", "panic", "sleep(1)&exit"] {
        assert_eq!(pod.ask("PUT", "/raftAfterSave", service, &bearer, terms), 403, "{terms}");
    }
    // A web page is refused even with the token.
    let page = format!("{bearer}Origin: http://evil.test\r\n");
    assert_eq!(pod.ask("PUT", "/raftAfterSave", service, &page, "off"), 403);
}

/// Clients that the network allows, by a name that is listed.
#[test]
fn names() {
    let pod = Pod::start("names.yaml");
    assert_eq!(pod.probe(), Some(("/healthz".to_owned(), 204)));
    for host in ["wal-control:22381", "wal-control.chaos.svc.cluster.local:22381", "10.1.2.3:22381"]
    {
        assert_eq!(pod.ask("PUT", "/raftAfterSave", host, "", "off"), 204, "{host}");
    }
    for host in ["wal-control.other.svc:22381", "evil.test:22381"] {
        assert_eq!(pod.ask("PUT", "/raftAfterSave", host, "", "off"), 403, "{host}");
    }
    let file = manifest("names.yaml");
    let policy = file.iter().find(|one| one["kind"].as_str() == Some("NetworkPolicy")).unwrap();
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"]["app"].as_str(), Some("wal-server"));
}

#[test]
fn every_service_leads_to_the_control_plane_of_the_pod() {
    for name in ["token.yaml", "names.yaml"] {
        let file = manifest(name);
        let of_kind = |kind| file.iter().find(|one| one["kind"].as_str() == Some(kind)).unwrap();
        let (pod, service) = (of_kind("Pod"), &of_kind("Service")["spec"]);
        assert_eq!(service["selector"]["app"], pod["metadata"]["labels"]["app"], "{name}");
        let target = service["ports"][0]["targetPort"].as_str().unwrap();
        let container = &pod["spec"]["containers"][0];
        let ports = container["ports"].as_vec().unwrap();
        let port = ports.iter().find(|port| port["name"].as_str() == Some(target)).unwrap();
        let address = format!(":{}", port["containerPort"].as_i64().unwrap());
        assert!(variables(container).contains(&("GOFAIL_HTTP".to_owned(), address)), "{name}");
    }
}

/// A server as the manifest starts it; killed when dropped.
struct Pod {
    _child: Killed,
    control: String,
    secret: Option<String>,
    container: Yaml,
    _disk: TempDir,
}

impl Pod {
    fn start(name: &str) -> Self {
        let file = manifest(name);
        let pod = file.iter().find(|one| one["kind"].as_str() == Some("Pod")).unwrap();
        let container = pod["spec"]["containers"][0].clone();
        let disk = tempdir().unwrap();
        let mut secret = None;
        let secrets = file.iter().filter(|one| one["kind"].as_str() == Some("Secret"));
        for (key, value) in secrets.filter_map(|one| one["stringData"].as_hash()).flatten() {
            let value = value.as_str().unwrap().to_owned();
            fs::write(disk.path().join(key.as_str().unwrap()), &value).unwrap();
            secret = Some(value);
        }

        let mut server = Command::new(env!("CARGO_BIN_EXE_wal_server"));
        server.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--data"]);
        server.arg(disk.path().join("data")).stdin(Stdio::null()).stdout(Stdio::piped());
        for (name, value) in variables(&container) {
            server.env(name, here(&value, disk.path()));
        }
        let mut child = Killed::spawn(&mut server);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut rest_of = |mark| {
            let rest = |line: String| line.strip_prefix(mark).map(str::to_owned);
            lines.by_ref().map(Result::unwrap).find_map(rest).expect("the server says it")
        };
        let control = rest_of(CONTROL);
        // This is the last line, so do not read on.
        rest_of(LISTENING);
        Self { _child: child, control, secret, container, _disk: disk }
    }

    /// Sends a request; returns the status.
    fn ask(&self, method: &str, path: &str, host: &str, headers: &str, body: &str) -> u16 {
        let length = body.len();
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        ))
    }

    /// Sends kubelet's probe, if the manifest has one; returns the path and the status.
    fn probe(&self) -> Option<(String, u16)> {
        let path = self.container["startupProbe"]["httpGet"]["path"].as_str()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: 10.1.2.3:22381\r\n{KUBELET}\r\n");
        Some((path.to_owned(), self.send(&request)))
    }

    fn send(&self, request: &str) -> u16 {
        let patience = Some(PATIENCE);
        let mut answer = String::new();
        if let Some(file) = self.control.strip_prefix("unix:") {
            let mut stream = UnixStream::connect(file).unwrap();
            stream.set_read_timeout(patience).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
        } else {
            // A listener on the pod's address is a listener on all interfaces.
            let address = self.control.replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1");
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(patience).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
        }
        answer.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap()
    }
}

/// Adapts a value to this machine: a free port, a temporary directory; other values are unchanged.
fn here(value: &str, disk: &Path) -> String {
    let disk = disk.display().to_string();
    match value {
        ":22381" => ":0".to_owned(),
        "127.0.0.1:22381" => "127.0.0.1:0".to_owned(),
        _ => value.replace("/run/failpoint", &disk).replace("/etc/failpoint", &disk),
    }
}

fn variables(container: &Yaml) -> Vec<(String, String)> {
    let text = |yaml: &Yaml| yaml.as_str().expect("Kubernetes takes strings alone").to_owned();
    let env = container["env"].as_vec().unwrap();
    env.iter().map(|one| (text(&one["name"]), text(&one["value"]))).collect()
}

fn manifest(name: &str) -> Vec<Yaml> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes").join(name);
    YamlLoader::load_from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
