//! A directory that `failpoint-disk` mounts, and its control plane.

use failpoint_test_support::{Killed, PATIENCE, needs, until};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tempfile::TempDir;

/// Whether this machine can mount. Elsewhere the tests skip.
pub(crate) fn can_mount() -> bool {
    // No package brings the device.
    needs::machine(
        "/dev/fuse",
        fs::File::options().read(true).write(true).open("/dev/fuse").is_ok(),
    ) && needs::given("root, or fusermount3", is_root() || needs::program("fusermount3"))
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

const COMMAND: &str = env!("CARGO_BIN_EXE_failpoint-disk");

pub(crate) struct Mounted {
    directory: TempDir,
    process: Killed,
    /// Dropping it tells the guard that the test is over.
    _over: Sender<()>,
}

impl Mounted {
    pub(crate) fn new() -> Self {
        Self::with(&[], &[])
    }

    pub(crate) fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::again(Self::directories(), arguments, variables)
    }

    fn directories() -> TempDir {
        let directory = TempDir::new().unwrap();
        for name in ["disk", "data"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        directory
    }

    /// Mounts the directories of an earlier mount.
    pub(crate) fn again(
        directory: TempDir,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::at("disk", directory, arguments, variables)
    }

    /// `at` leads to the directory `disk`.
    pub(crate) fn at(
        at: &str,
        directory: TempDir,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = command(directory.path());
        command.args(["mount", at, "--on", "data"]).args(arguments);
        Self::start(command, directory, variables)
    }

    /// With so many descriptors at most.
    pub(crate) fn with_descriptors(most: usize) -> Self {
        let directory = Self::directories();
        let mut limited = without_variables("sh", directory.path());
        limited.args([
            "-c",
            &format!("ulimit -n {most} && exec \"$0\" mount disk --on data"),
            COMMAND,
        ]);
        Self::start(limited, directory, &[])
    }

    fn start(mut command: Command, directory: TempDir, variables: &[(&str, &str)]) -> Self {
        let _ = fs::remove_file(directory.path().join("port"));
        command
            .env("GOFAIL_HTTP", "127.0.0.1:0")
            .env("FAILPOINT_HTTP_PORT_FILE", "port")
            .envs(variables.iter().copied())
            .stdout(fs::File::create(directory.path().join("out")).unwrap());
        let process = Killed::spawn(&mut command);
        let over = end_if_the_test_hangs(&process);
        let mut mounted = Self { directory, process, _over: over };
        until("it is mounted", || {
            let ended = mounted.process.try_wait().unwrap();
            assert_eq!(ended, None, "{}", mounted.log());
            mounted.read("out").contains("control plane: ")
        });
        mounted
    }

    /// A path on the disk.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("disk").join(name)
    }

    /// A path in the directory that is served.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.directory.path().join("data").join(name)
    }

    pub(crate) fn log(&self) -> String {
        self.read("err")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// Sends a request to the control plane: the status, and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let address = self.read("port");
        let mut stream = TcpStream::connect(address.trim()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    pub(crate) fn arm(&self, point: &str, terms: &str) {
        let (status, body) = self.ask("PUT", &format!("/{point}"), terms);
        assert_eq!(status, 204, "{body}");
    }

    pub(crate) fn disarm(&self, point: &str) {
        let (status, body) = self.ask("DELETE", &format!("/{point}"), "");
        assert_eq!(status, 204, "{body}");
    }

    pub(crate) fn crash(&self, keep: &str) -> String {
        let (status, body) = self.ask("POST", &format!("/v1/ext/disk/crash?keep={keep}"), "");
        assert_eq!(status, 200, "{body}");
        assert!(body.contains("\"forgotten_by_kernel\":true"), "{body}");
        body
    }

    pub(crate) fn unsynced(&self) -> String {
        let (status, body) = self.ask("GET", "/v1/ext/disk/unsynced", "");
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Ends it as a user does: what it exits with, and the directories.
    pub(crate) fn end(mut self) -> (ExitStatus, TempDir) {
        signal(&self.process, rustix::process::Signal::TERM);
        let status = self.process.wait().unwrap();
        (status, self.take_directory())
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> (ExitStatus, TempDir) {
        let status = self.process.wait().unwrap();
        (status, self.take_directory())
    }

    /// Kills it, which leaves a dead mount.
    pub(crate) fn kill(mut self) -> TempDir {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.take_directory()
    }

    fn take_directory(&mut self) -> TempDir {
        std::mem::replace(&mut self.directory, TempDir::new().unwrap())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        detach(self.directory.path());
    }
}

/// Ends the mount of a test that failed.
pub(crate) fn detach(directory: &Path) {
    let at = directory.join("disk");
    if rustix::mount::unmount(&at, rustix::mount::UnmountFlags::DETACH).is_err() && !is_root() {
        let _ = Command::new("fusermount3").args(["-u", "-z"]).arg(&at).output();
    }
}

/// The command, in this directory, with its messages in the file `err`.
pub(crate) fn command(directory: &Path) -> Command {
    without_variables(COMMAND, directory)
}

fn without_variables(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(directory)
        .stdin(Stdio::null())
        .stderr(fs::File::create(directory.join("err")).unwrap());
    for (name, _) in std::env::vars_os() {
        let is_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with("GOFAIL_") || name.starts_with("FAILPOINT_"));
        if is_ours {
            command.env_remove(name);
        }
    }
    command
}

fn signal(process: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(process), signal).unwrap();
}

/// A test that waits for a mount can only go on when the process of the mount ends.
fn end_if_the_test_hangs(process: &Child) -> Sender<()> {
    let (over, is_over) = channel::<()>();
    let process = rustix::process::Pid::from_child(process);
    std::thread::spawn(move || {
        use std::sync::mpsc::RecvTimeoutError::Timeout;
        if is_over.recv_timeout(PATIENCE + Duration::from_secs(30)) == Err(Timeout) {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
        }
    });
    over
}
