//! Which programs run a member of etcd, and save and restore its contents?

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Etcd, TOKEN};
use crate::agent::{MemberFiles, Program};
use crate::driver::Start;
use crate::process::path::find;

/// Frequent snapshots and quick elections. A flag of the user that has the same name wins, because
/// it comes later.
///
/// With 300 ms, a new leader is there soon after the old one is killed, also on two cores that are
/// busy with something else, and no election comes without a reason. Without the strict check,
/// members can be changed at once: with it, etcd refuses that until all others have been connected
/// for five seconds.
const FLAGS: [&str; 6] = [
    "--snapshot-count=100",
    "--logger=zap",
    "--log-outputs=stderr",
    "--heartbeat-interval=50",
    "--election-timeout=300",
    "--strict-reconfig-check=false",
];

/// What members are started with.
pub(super) fn election_timeout(flags: &[String]) -> Option<Duration> {
    let all = FLAGS.into_iter().chain(flags.iter().map(String::as_str));
    let last = all.rev().find_map(|flag| flag.strip_prefix("--election-timeout="));
    last?.parse().ok().map(Duration::from_millis)
}

impl Etcd {
    pub(super) fn member_files(&self, member: usize) -> MemberFiles {
        let name = self.members[member].name.clone();
        let directory = self.directory.join(&name);
        MemberFiles { data: directory.join("data"), log: directory.join("log"), name, directory }
    }

    pub(super) fn start_program(&self, member: usize, start: &Start) -> Program {
        let all: Vec<usize> = (0..self.members.len()).collect();
        let (state, cluster) = match start {
            Start::New => ("new", &all[..]),
            Start::Again => ("existing", &all[..]),
            Start::Restored => ("existing", &[member][..]),
            Start::Joining(members) => ("existing", &members[..]),
        };
        let client = format!("http://{}", self.members[member].client);
        let peer = self.peer_url(member);
        let mut argv = vec![
            text(&self.settings.binary),
            format!("--name={}", self.members[member].name),
            format!("--data-dir={}", text(&self.member_files(member).data)),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={}", self.cluster(cluster)),
            format!("--initial-cluster-state={state}"),
            format!("--initial-cluster-token={TOKEN}"),
        ];
        argv.extend(FLAGS.map(str::to_owned));
        argv.extend_from_slice(&self.settings.flags);
        let mut env = self.settings.env.clone();
        if let Some(address) = &self.members[member].failpoints {
            env.insert("GOFAIL_HTTP".to_owned(), address.clone());
        }
        Program { argv, env }
    }

    pub(super) fn save_program(&self, member: usize) -> Option<Program> {
        self.etcdctl(member, |argv| {
            argv.push(format!("--endpoints=http://{}", self.members[member].client));
            argv.extend(["snapshot", "save"].map(str::to_owned));
            argv.push(text(&self.snapshot(member)));
        })
    }

    pub(super) fn restore_program(&self, member: usize) -> Option<Program> {
        self.etcdctl(member, |argv| {
            argv.extend(["snapshot", "restore"].map(str::to_owned));
            argv.push(text(&self.snapshot(member)));
            argv.extend([
                format!("--name={}", self.members[member].name),
                format!("--data-dir={}", text(&self.member_files(member).data)),
                format!("--initial-cluster={}", self.cluster(&[member])),
                format!("--initial-cluster-token={TOKEN}"),
                format!("--initial-advertise-peer-urls={}", self.peer_url(member)),
            ]);
        })
    }

    /// `etcdctl` with arguments; `None`: there is no such program.
    fn etcdctl(&self, member: usize, arguments: impl FnOnce(&mut Vec<String>)) -> Option<Program> {
        let program = &self.settings.etcdctl;
        // What another machine has is not known here.
        if self.members[member].agent.is_none() && find(program).is_none() {
            return None;
        }
        let mut argv = vec![text(program)];
        arguments(&mut argv);
        Some(Program { argv, env: [("ETCDCTL_API".to_owned(), "3".to_owned())].into() })
    }

    fn snapshot(&self, member: usize) -> PathBuf {
        self.member_files(member).directory.join("snapshot.db")
    }

    pub(super) fn peer_url(&self, member: usize) -> String {
        format!("http://{}", self.members[member].peer)
    }

    fn cluster(&self, members: &[usize]) -> String {
        let members = members
            .iter()
            .map(|&member| format!("{}={}", self.members[member].name, self.peer_url(member)));
        members.collect::<Vec<_>>().join(",")
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
