//! Are the points of a third party, which knows only `fail`, listed and armed over HTTP?
//!
//! A program on top of raft-engine is patched, built and started; all that its library marks is
//! listed before any of it is hit, and one request makes a real write of it fail.

use crate::curl::{Curl, Request};
use crate::{Failure, Rooms, progress};
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// It stands behind the write to the file, and returns an error from it.
const POINT: &str = "log_file::write::err";

pub fn run(rooms: &Rooms) -> Result<(), Failure> {
    println!();
    progress("server: building a program on top of raft-engine");
    let manifest = rooms.repository.join("tests/suites/consumers/server/Cargo.toml");
    let build = rooms.work.join("build");
    let status = Command::new("cargo")
        .args(["build", "--quiet", "-j2", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&build)
        .status()?;
    if !status.success() {
        return Err("the program on top of raft-engine does not build".into());
    }
    let marked = marked(&source_of_raft_engine(&manifest)?)?;
    let directory = rooms.work.join("server-data");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }

    let mut server = Server::start(&build.join("debug/consumer-server"))?;
    let curl = Curl::new(&server.address);
    println!("{}", server.hello);
    check(server.hello.ends_with(", 0 reached"), "nothing is hit yet")?;

    let listed = send(curl.list())?;
    let listed: BTreeSet<&str> =
        listed.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    println!("{} points listed before any is hit", listed.len());
    let missing: Vec<&String> =
        marked.iter().filter(|name| !listed.contains(name.as_str())).collect();
    check(missing.is_empty() && !marked.is_empty(), &format!("all are listed, not {missing:?}"))?;

    server.ask(&format!("open {}", directory.display()), "open")?;
    server.ask("write hello", "wrote ")?;
    send(curl.put(POINT, "1*return"))?;
    let twice = send(curl.list())?.lines().filter(|line| line.contains(POINT)).count();
    check(twice == 1, "an armed point is listed once, and not as a point of `fail` too")?;
    server.ask("write hello", "error: ")?;
    let count = format!("{POINT}/count");
    check(send(curl.get(&count))?.trim() == "1", "one fire is counted")?;
    server.ask("write hello", "wrote ")?;
    send(curl.put(POINT, "nth(2):return"))?;
    server.ask("write hello", "wrote ")?;
    server.ask("write hello", "error: ")?;
    send(curl.delete(POINT))?;
    server.ask("write hello", "wrote ")?;
    server.stop()
}

/// Sends a request and shows it as the line of `curl` that does the same.
fn send(request: Request<'_>) -> Result<String, Failure> {
    println!("$ {request}");
    let answer = request.send()?;
    check((200..300).contains(&answer.status), &format!("it is accepted: {answer:?}"))?;
    Ok(answer.body)
}

fn check(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(format!("server: it does not hold that {what}").into()) }
}

/// Every literal that the sources hand to the macro, but where another feature compiles them.
fn marked(source: &Path) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    let mut todo = vec![source.join("src")];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(path)? {
                todo.push(entry?.path());
            }
        } else if !path.ends_with("swappy_allocator.rs") {
            let text = fs::read_to_string(path)?;
            let behind = text.split("fail_point!(").skip(1).map(str::trim_start);
            let literals = behind.filter_map(|text| text.strip_prefix('"')?.split('"').next());
            names.extend(literals.map(str::to_owned));
        }
    }
    Ok(names)
}

fn source_of_raft_engine(manifest: &Path) -> Result<std::path::PathBuf, Failure> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--manifest-path"])
        .arg(manifest)
        .output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == "raft-engine");
    let path = package.and_then(|package| package["manifest_path"].as_str());
    let path = Path::new(path.ok_or("raft-engine is not in the tree")?);
    Ok(path.parent().ok_or("a manifest stands in a directory")?.to_owned())
}

/// The program, ended with its owner.
struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    address: String,
    hello: String,
}

impl Server {
    fn start(program: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(program)
            .env("GOFAIL_HTTP", "127.0.0.1:0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("its output is piped")?).lines();
        let mut server =
            Self { child, input, output, address: String::new(), hello: String::new() };
        server.hello = server.line()?;
        let address =
            server.hello.strip_prefix("control on ").and_then(|rest| rest.split(';').next());
        server.address = address.ok_or("it says where its control is")?.to_owned();
        Ok(server)
    }

    fn line(&mut self) -> Result<String, Failure> {
        Ok(self.output.next().ok_or("the program ended")??)
    }

    /// Gives it a line, and takes one that begins as expected.
    fn ask(&mut self, line: &str, expected: &str) -> Result<(), Failure> {
        println!("> {line}");
        let input = self.input.as_mut().ok_or("its input is open")?;
        writeln!(input, "{line}")?;
        let answer = self.line()?;
        println!("< {answer}");
        check(answer.starts_with(expected), &format!("`{line}` is answered by {expected:?}"))
    }

    /// Lets it end by itself.
    fn stop(mut self) -> Result<(), Failure> {
        self.input = None;
        let status = self.child.wait()?;
        check(status.success(), "it ends well")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
