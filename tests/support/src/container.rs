//! How does a test run a program as the first process of a container?

use crate::needs;
use std::process::{Command, Stdio};

/// `command` as the first process of a PID namespace, with its arguments, its variables and pipes for
/// what it writes. `None` where the test is to skip, since no namespace can be made.
///
/// # Panics
/// Where there is no `unshare`, under `REQUIRE_PROGRAMS=1`.
#[must_use]
pub fn first_process(command: &Command) -> Option<Command> {
    let namespace = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    // Without the second, only root may.
    let ways = [&[][..], &["--user", "--map-root-user"]].map(|user| [user, &namespace].concat());
    let works = |way: &&Vec<&str>| {
        let mut tried = Command::new("unshare");
        tried.args(*way).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
        tried.status().is_ok_and(|status| status.success())
    };
    if !needs::program("unshare") {
        return None;
    }
    let way = ways.iter().find(works);
    if !needs::machine("the right to make a PID namespace", way.is_some()) {
        return None;
    }
    let mut inside = Command::new("unshare");
    inside.args(way?).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(inside)
}
