//! A run on a terminal: a bar with the time that is left, the step of the case, colours.
//!
//! The test starts itself again in a pseudo terminal of tmux.

use std::path::Path;
use std::process::Command;

use failpoint_tester::checks::Check;
use failpoint_tester::clock::Clock;
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::event::{Event, Observer};
use failpoint_tester::report::model::Outcome;
use failpoint_tester::report::terminal::{Terminal, tell};

mod support;

use support::report::{case, check, sample};

/// Set for the process in the terminal: the file for which it waits before it ends.
const GO: &str = "REPORT_TERMINAL_GO";

#[test]
fn the_process_in_the_terminal() {
    let Some(go) = std::env::var_os(GO) else { return };
    let mut collector = Collector::new(Clock::start(), "failpoint-tester run x.yaml".to_owned());
    let mut terminal =
        Terminal::new(Some("reports/7-1/report.html".into()), Box::new(std::io::stdout()));
    let mut on = |event: &Event<'_>| {
        collector.on(event);
        terminal.on(event);
    };
    on(&Event::Started { subject: "etcd", seed: 7, cases: Some(4), limit: None });
    on(&Event::Round(1));
    on(&Event::CaseEnded(&case(1)));
    on(&Event::Sample(&sample(1)));
    on(&Event::Case { name: "SIGTERM_LEADER", number: 2 });
    on(&Event::Step("waiting until the cluster is healthy"));
    tell("cannot write report.json: no space");
    support::until("the test has looked", || Path::new(&go).exists().then_some(()));
    on(&Event::Checked(&check(Check::Order, Outcome::Failed)));
    terminal.on(&Event::Ended(&collector.finish(false)));
}

struct Tmux {
    directory: tempfile::TempDir,
}

impl Tmux {
    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(self.directory.path().join("tmux"))
            .args(["-f", "/dev/null"])
            .args(arguments)
            .output()
            .expect("tmux runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts the process of this test in a terminal, with variables of its environment.
    fn start(variables: &[&str]) -> Option<Self> {
        let found = Command::new("tmux").arg("-V").output().is_ok();
        if !found {
            support::skipped("tmux");
            return None;
        }
        let tmux = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        let go = format!("{GO}={}", tmux.go().display());
        let program = std::env::current_exe().expect("this is a program");
        let program = program.to_str().expect("its path is text");
        let mut arguments = vec!["new-session", "-d", "-x", "180", "-y", "40", "env", &go];
        arguments.extend(variables);
        let shell = "\"$0\" --exact the_process_in_the_terminal --nocapture; echo; exec sleep 60";
        arguments.extend(["sh", "-c", shell, program]);
        tmux.tmux(&arguments);
        Some(tmux)
    }

    fn go(&self) -> std::path::PathBuf {
        self.directory.path().join("go")
    }

    /// The screen, with its colours, as soon as it has all of these.
    fn shows(&self, parts: &[&str]) -> String {
        let mut screen = String::new();
        let found = support::awaited(|| {
            screen = self.tmux(&["capture-pane", "-p", "-e"]);
            parts.iter().all(|part| screen.contains(part)).then_some(())
        });
        assert!(found.is_some(), "{parts:?} are not on the screen:\n{screen}");
        screen
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn a_terminal_shows_the_progress_the_step_and_the_time_left() {
    let Some(tmux) = Tmux::start(&["TERM=screen-256color"]) else { return };
    tmux.shows(&[
        "\u{1b}[32mpassed\u{1b}[39m SIGTERM_ONE_FOLLOWER in 1.0 s",
        "round 1: 1 fault, 101 requests, 0 failed; ",
        " left",
        "] 1/4",
        "SIGTERM_LEADER: waiting until the cluster is healthy",
        "\ncannot write report.json: no space\n",
    ]);
    std::fs::write(tmux.go(), "").expect("it is written");
    let screen = tmux.shows(&["replay: failpoint-tester run x.yaml", "\"verdict\":\"failed\""]);
    assert!(screen.contains("\u{1b}[31mfailed\u{1b}[39m"), "{screen}");
    assert!(screen.contains("> operation 1 (client 1"), "{screen}");
    assert!(!screen.contains("] 1/4"), "the bar is gone:\n{screen}");
}

#[test]
fn a_terminal_without_colours_has_none() {
    let Some(tmux) = Tmux::start(&["TERM=screen-256color", "NO_COLOR=1"]) else { return };
    std::fs::write(tmux.go(), "").expect("it is written");
    let screen = tmux.shows(&["passed SIGTERM_ONE_FOLLOWER in 1.0 s", "\"verdict\":\"failed\""]);
    assert!(!screen.contains("\u{1b}[3"), "{screen}");
}

#[test]
fn a_terminal_that_moves_no_cursor_has_plain_lines() {
    let Some(tmux) = Tmux::start(&["TERM=dumb"]) else { return };
    std::fs::write(tmux.go(), "").expect("it is written");
    let screen = tmux.shows(&["passed SIGTERM_ONE_FOLLOWER in 1.0 s", "\"verdict\":\"failed\""]);
    assert!(!screen.contains('\u{1b}') && !screen.contains("] 1/4"), "{screen}");
}
