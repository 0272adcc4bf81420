//! Which programs run a member of raft-kv, and save and restore its contents?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use raft_kv::server;

use super::RaftKv;
use crate::agent::{MemberFiles, Program};
use crate::driver::Start;

/// What tells this cluster from others.
const CLUSTER: &str = "failpoint-tester";

impl RaftKv {
    pub(super) fn member_files(&self, member: usize) -> MemberFiles {
        let name = self.members[member].name.clone();
        let directory = self.directory.join(&name);
        MemberFiles { data: directory.join("data"), log: directory.join("log"), name, directory }
    }

    pub(super) fn start_program(&self, member: usize, start: &Start) -> Program {
        let all: Vec<usize> = (0..self.members.len()).collect();
        let cluster = match start {
            Start::New | Start::Again => &all[..],
            Start::Restored => &[member][..],
            Start::Joining(members) => &members[..],
        };
        let mut ids = self.ids();
        ids.started(member);
        let address = |&member: &usize| format!("{}={}", ids.of(member), self.members[member].peer);
        let cluster: Vec<String> = cluster.iter().map(address).collect();
        let mut argv = vec![
            text(&self.settings.binary),
            "serve".to_owned(),
            format!("--id={}", ids.of(member)),
            format!("--name={}", self.members[member].name),
            format!("--data-dir={}", text(&self.member_files(member).data)),
            format!("--client={}", self.members[member].client),
            format!("--peer={}", self.members[member].peer),
            format!("--cluster={}", cluster.join(",")),
            format!("--cluster-name={CLUSTER}"),
        ];
        // A member that has lost its data, or never had some, must not make a cluster of its own.
        if *start != Start::New {
            argv.push("--join".to_owned());
        }
        argv.extend_from_slice(&self.settings.flags);
        let mut env = self.settings.env.clone();
        if let Some(address) = &self.members[member].failpoints {
            env.insert("GOFAIL_HTTP".to_owned(), address.clone());
        }
        Program { argv, env }
    }

    pub(super) fn save_program(&self, member: usize) -> Program {
        self.command(&[
            "snapshot",
            &text(&self.snapshot(member)),
            &format!("--endpoints={}", self.members[member].client),
        ])
    }

    pub(super) fn restore_program(&self, member: usize) -> Program {
        self.command(&[
            "restore",
            &text(&self.snapshot(member)),
            &format!("--data-dir={}", text(&self.member_files(member).data)),
            &format!("--id={}", self.ids().of(member)),
            &format!("--name={}", self.members[member].name),
            &format!("--peer={}", self.members[member].peer),
            &format!("--client={}", self.members[member].client),
        ])
    }

    fn command(&self, arguments: &[&str]) -> Program {
        let mut argv = vec![text(&self.settings.binary)];
        argv.extend(arguments.iter().map(|&argument| argument.to_owned()));
        Program { argv, env: BTreeMap::new() }
    }

    fn snapshot(&self, member: usize) -> PathBuf {
        self.member_files(member).directory.join("snapshot.kv")
    }
}

/// What members are started with. `None`: it is not written as a time.
pub(super) fn election_timeout(flags: &[String]) -> Option<Duration> {
    match flags.iter().rev().find_map(|flag| flag.strip_prefix("--election=")) {
        None => Some(server::Settings::new(1, "").election),
        Some(time) => {
            let units = [("ms", 1), ("s", 1_000), ("m", 60_000)];
            let read = |(unit, milliseconds): (&str, u64)| {
                time.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(milliseconds)
            };
            units.into_iter().find_map(read).map(Duration::from_millis)
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_flag_says_the_election_time_out() {
        let of = |flags: &[&str]| {
            let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
            election_timeout(&flags)
        };
        assert_eq!(of(&["--snapshot-count=50"]), Some(Duration::from_millis(200)));
        assert_eq!(of(&["--election=5s", "--election=300ms"]), Some(Duration::from_millis(300)));
        assert_eq!(
            (of(&["--election=5s"]), of(&["--election=soon"])),
            (Some(Duration::from_secs(5)), None)
        );
    }
}
