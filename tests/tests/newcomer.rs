//! Does the README work for a newcomer who follows it in an empty directory?

use failpoint_tests::rustc::run;
use failpoint_tests::world::{cargo, directory, without_settings, workspace};
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
#[ignore = "slow: it builds the control plane once more"]
fn the_readme_can_be_followed() {
    let readme = fs::read_to_string(workspace().join("README.md")).expect("the README");
    // Outside of the project, where cargo would make it a member of the workspace.
    let place = Place(env::temp_dir().join(format!("failpoint-newcomer-{}", process::id())));
    fs::create_dir_all(&place.0).expect("there is a directory for such things");
    let package = place.0.join("newcomer");
    let new = |name: &str| {
        let mut cargo = cargo();
        cargo.arg(name).current_dir(if name == "new" { &place.0 } else { &package });
        cargo
    };
    run(new("new").args(["--quiet", "--vcs=none", "newcomer"]));
    // Its versions are then those of this checkout, and nothing is fetched.
    let locked = fs::read(workspace().join("Cargo.lock")).expect("the lock file");
    fs::write(package.join("Cargo.lock"), locked).expect("it can be written");
    // As of a checkout; `--git` asks the network.
    for (name, place) in [("failpoint", "failpoint"), ("failpoint-http", "failpoint-http")] {
        let named = format!("--path ../failpoint/{place}");
        assert!(readme.contains(&named), "the README does not say {named}");
        run(new("add").args(["--quiet", name, "--path"]).arg(workspace().join(place)));
    }
    let manifest = fs::read_to_string(package.join("Cargo.toml")).expect("the manifest");
    let (_, features) = block(&readme, "toml", 0).split_once("[features]").expect("features");
    fs::write(package.join("Cargo.toml"), format!("{manifest}\n[features]{features}")).unwrap();
    fs::write(package.join("src/main.rs"), block(&readme, "rust", 0)).unwrap();

    run(new("build").args(["--quiet", "--features=failpoints"]));
    let port_file = package.join("address");
    let mut program = Command::new(
        directory().join("target/debug/newcomer").with_extension(env::consts::EXE_EXTENSION),
    );
    without_settings(&mut program);
    program.env("GOFAIL_HTTP", "127.0.0.1:0").env("FAILPOINT_HTTP_PORT_FILE", &port_file);
    let program = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut program = Running(program.expect("the program can be run"));
    let address = until(|| fs::read_to_string(&port_file).ok().filter(|text| !text.is_empty()));
    let address = address.trim();

    assert!(ask(address, "GET", "/", "").ends_with("\r\n\r\nraftBeforeSave=\nwalSync=\n"));
    let refused = ask(address, "PUT", "/walSnyc", "return(ENOSPC)");
    assert!(refused.contains("walSync"), "the nearest name is not told: {refused}");
    let armed = ask(address, "PUT", "/walSync", "3*return(ENOSPC)");
    assert!(armed.starts_with("HTTP/1.1 204"), "{armed}");
    // The program goes around twice a second.
    until(|| ask(address, "GET", "/walSync/count", "").trim_end().ends_with("\n3").then_some(()));

    program.0.kill().expect("it can be ended");
    let mut said = String::new();
    let stderr = program.0.stderr.take();
    stderr.expect("a pipe").read_to_string(&mut said).expect("it speaks UTF-8");
    assert_eq!(said.matches("is not saved: No space left on device").count(), 3, "{said}");
}

/// The n-th block of a language.
fn block<'a>(text: &'a str, language: &str, n: usize) -> &'a str {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .nth(1 + n)
        .and_then(|rest| rest.split("```").next())
        .expect("there is such a block")
}

/// What `curl -i -X METHOD -d BODY http://ADDRESS/PATH` prints.
fn ask(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Asks until there is something; a minute at most.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("not within a minute");
}

/// Ended at the latest when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory that is gone when the test ends.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
