//! Tests the commands that keep running: wait, resume, events, watch. Each test runs the command
//! against its own server.

mod support;

use failpoint_test_support::{Killed, needs, until};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{Server, command, failpoint, serve};

#[test]
fn serves() {
    serve();
}

#[test]
fn wait_and_resume() {
    let Some(server) = Server::start(&[]) else { return };
    let late = server.ask(&["wait", "raftAfterSave", "--timeout", "1ms"]);
    assert_eq!((late.status, late.out.as_str()), (4, ""));
    assert!(late.err.contains("raftAfterSave was not reached in time: 0 hits"), "{}", late.err);

    server.ask(&["arm", "tick", "1*pause->off"]);
    let paused = server.ask(&["wait", "tick", "--paused", "1"]);
    assert_eq!((paused.status, paused.err.as_str()), (0, ""), "no progress but on a terminal");
    assert_eq!(paused.out, "tick: 1 hit, 1 fire, 1 paused\n");
    assert_eq!(server.ask(&["resume", "tick"]).out, "1 resumed, 0 still paused\n");
    let hits = server.ask(&["wait", "tick", "--hits", "3", "--json"]);
    let hits: Value = serde_json::from_str(&hits.out).unwrap();
    assert!(hits["hits"].as_u64().unwrap() >= 3);

    let generation = hits["generation"].to_string();
    server.ask(&["disarm", "tick"]);
    let over = server.ask(&["wait", "tick", "--since", &generation, "--fires", "1000000"]);
    assert_eq!(over.status, 1, "{over:?}");
    assert!(over.err.contains("the arming of tick has ended"), "{}", over.err);
}

#[test]
fn one_of_several_is_enough_with_any() {
    let (Some(one), Some(other)) = (Server::start(&[]), Server::start(&[])) else { return };
    other.ask(&["arm", "tick", "off"]);
    let both = format!("{},{}", one.address, other.address);
    let any = failpoint(&["--addr", &both, "wait", "tick", "--any"]);
    assert_eq!(any.status, 0, "{any:?}");
    assert!(any.out.starts_with(&format!("{}: tick: ", other.address)), "{}", any.out);
    let all = failpoint(&["--addr", &both, "wait", "tick", "--timeout", "1ms"]);
    assert_eq!(all.status, 4, "{all:?}");
    assert!(all.err.contains(&one.address) && !all.err.contains(&other.address), "{}", all.err);
}

#[test]
fn events_line_by_line() {
    let Some(server) = Server::start(&[]) else { return };
    let mut reading = Killed::spawn(
        command(&["events", "--addr", &server.address, "--kinds", "fired", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let mut lines = BufReader::new(reading.stdout.take().unwrap()).lines();
    // It fires all the time, so whenever the reader comes in it hears of one.
    server.ask(&["arm", "tick", "sleep(1)"]);
    let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&event["kind"], &event["name"]), (&"fired".into(), &"tick".into()));
    let counted = server.ask(&["events", "--count", "2"]);
    assert_eq!((counted.status, counted.out.lines().count()), (0, 2), "{counted:?}");
    assert!(counted.out.contains(" fired    tick sleep(1) on "), "{}", counted.out);

    drop(server);
    let mut said = String::new();
    reading.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("the stream of events has ended"), "{said}");
    assert_eq!(reading.wait().unwrap().code(), Some(3));
}

#[test]
fn progress_on_a_terminal() {
    let (Some(server), Some(tmux)) = (Server::start(&[]), Tmux::start()) else { return };
    tmux.run(&[
        "wait",
        "raftAfterSave",
        "--hits",
        "2",
        "--timeout",
        "9m",
        "--addr",
        &server.address,
    ]);
    tmux.shows("waiting for raftAfterSave: idle; ");
    server.ask(&["arm", "raftAfterSave", "off"]);
    tmux.shows("waiting for raftAfterSave: 0 hits, 0 fires, 0 paused; ");
    server.ask(&["disarm", "raftAfterSave"]);
    tmux.shows("the arming of raftAfterSave has ended");
    tmux.shows("ended with 1");
    assert!(!tmux.screen().contains("waiting for"), "the line is gone: {}", tmux.screen());
}

#[test]
fn a_live_table() {
    let (Some(server), Some(tmux)) = (Server::start(&[]), Tmux::start()) else { return };
    tmux.run(&["watch", "--addr", &server.address]);
    tmux.shows(&format!("{}: 5 points, 0 armed", server.address));
    server.ask(&["arm", "tick", "1*pause->off"]);
    tmux.shows("5 points, 1 armed");
    let screen = tmux.shows("tick               1      1       1  1*pause->off");
    let armed_first = screen.lines().nth(2).unwrap();
    assert!(armed_first.starts_with("tick "), "{screen}");
    server.ask(&["reset"]);
    tmux.shows("5 points, 0 armed");
    drop(server);
    tmux.shows("no control plane answers");
    tmux.keys("q");
    let screen = tmux.shows("ended with 0");
    assert!(!screen.contains("no control plane"), "the terminal is as it was: {screen}");

    let Some(server) = Server::start(&[]) else { return };
    tmux.run(&["watch", "--match", "raft*", "--addr", &server.address]);
    tmux.shows("2 points, 0 armed");
    tmux.keys("C-c");
    tmux.shows("ended with 0");
}

#[cfg(unix)]
#[test]
fn a_live_table_that_is_terminated_gives_the_terminal_back() {
    let (Some(server), Some(tmux)) = (Server::start(&[]), Tmux::start()) else { return };
    let file = tmux.socket.path().join("pid");
    let (file, program) = (file.to_str().unwrap(), env!("CARGO_BIN_EXE_failpoint"));
    let watch = format!("echo $$ >{file}; exec {program} watch --addr {}", server.address);
    let modes = "stty -a | tr \" \" \"\\n\" | grep icanon";
    tmux.keys(&format!("clear; sh -c '{watch}'; echo ended with $?; {modes}"));
    tmux.keys("Enter");
    tmux.shows("5 points, 0 armed");
    let pid = std::fs::read_to_string(file).unwrap();
    assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
    // As the shell says it of SIGTERM; the screen is the old one, and lines are edited again.
    let screen = tmux.shows("ended with 143\nicanon");
    assert!(!screen.contains("5 points"), "{screen}");
}

/// A terminal in a tmux of its own, ended with its server when dropped.
struct Tmux {
    socket: tempfile::TempDir,
}

impl Tmux {
    /// `None` where there is no tmux.
    fn start() -> Option<Self> {
        if !needs::program("tmux") {
            return None;
        }
        let tmux = Self { socket: tempfile::tempdir().unwrap() };
        tmux.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "20",
            "env PS1='$ ' sh",
        ]);
        // Its server does not end with this test where that is killed.
        let (test, socket) = (std::process::id(), tmux.socket.path().join("tmux"));
        let (server, wait) = (socket.display(), "do sleep 1; done");
        tmux.tmux(&[
            "run-shell",
            "-b",
            &format!("while kill -0 {test}; {wait}; tmux -S '{server}' kill-server"),
        ]);
        Some(tmux)
    }

    /// Types a command, and what tells how it ended.
    fn run(&self, arguments: &[&str]) {
        let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
        let program = env!("CARGO_BIN_EXE_failpoint");
        self.keys(&format!("clear; {program} {}; echo ended with $?", words.join(" ")));
        self.keys("Enter");
    }

    fn keys(&self, keys: &str) {
        self.tmux(&["send-keys", keys]);
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Looks until the screen shows it; gives the screen.
    #[track_caller]
    fn shows(&self, text: &str) -> String {
        let mut screen = String::new();
        until(&format!("`{text}` on the screen"), || {
            // A terminal cannot be awaited.
            std::thread::sleep(Duration::from_millis(20));
            screen = self.screen();
            screen.contains(text)
        });
        screen
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.socket.path().join("tmux");
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(socket).args(arguments).env_remove("TMUX");
        let output = tmux.output().unwrap();
        assert!(output.status.success(), "tmux: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.socket.path().join("tmux");
        let _ = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}
