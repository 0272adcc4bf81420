//! Which programs run a member of raft-kv, and save and restore its contents?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
