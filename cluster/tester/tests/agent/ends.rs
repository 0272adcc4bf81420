//! No process outlives the one who started it, and none ends before.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use failpoint_tester::agent::{Agent, Operation};

use crate::support::{One, Other, SERVER, first_start, request};

/// A server with a child in its group, and with a daemon that has left the group.
const FAMILY: &str = "sleep 1000 & echo child $!; setsid sh -c 'echo daemon $$; exec sleep 1000' & \
                      echo server $$; exec sleep 1000";

async fn family<A: Agent>(one: &One<A>) -> [Other; 3] {
    one.operate(&first_start(FAMILY)).await;
    [
        Other::of(&one.seen("child ", 1).await),
        Other::of(&one.seen("daemon ", 1).await),
        Other::of(&one.seen("server ", 1).await),
    ]
}

async fn all_gone(family: &[Other]) {
    for process in family {
        process.gone().await;
    }
}

#[tokio::test]
async fn a_stop_ends_the_whole_family() {
    let one = One::new().await;
    let family = family(&one).await;
    one.operate(&request(Operation::SigtermEtcd)).await;
    all_gone(&family).await;
}

#[tokio::test]
async fn the_end_of_the_agent_ends_the_whole_family() {
    let one = One::new().await;
    let family = family(&one).await;
    drop(one.agent);
    all_gone(&family).await;
}

/// Not a test of its own: a tester that is killed by the next one.
#[tokio::test]
#[ignore = "it is run by a_killed_tester_leaves_nothing"]
async fn tester() {
    if std::env::var_os("AGENT_TEST_IS_TESTER").is_none() {
        return;
    }
    let one = One::new().await;
    one.operate(&first_start(FAMILY)).await;
    for text in ["child ", "daemon ", "server "] {
        println!("\n{text}{}", one.seen(text, 1).await);
    }
    println!("\nready");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_tester_leaves_nothing() {
    let mut tester = Command::new(std::env::current_exe().expect("this program"))
        .args(["ends::tester", "--exact", "--ignored", "--nocapture"])
        .env("AGENT_TEST_IS_TESTER", "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program again");
    let mut family = Vec::new();
    for line in BufReader::new(tester.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("a line");
        if line == "ready" {
            break;
        }
        for text in ["child ", "daemon ", "server "] {
            family.extend(line.strip_prefix(text).map(Other::of));
        }
    }
    tester.kill().expect("SIGKILL");
    tester.wait().expect("it ends");
    assert_eq!(family.len(), 3);
    all_gone(&family).await;
}

#[tokio::test]
async fn a_killed_agent_leaves_nothing() {
    let (mut agent, remote) = crate::remote::start().await;
    let directory = tempfile::tempdir_in(agent.directory()).expect("a directory");
    let one = One::with(remote, directory).await;
    let family = family(&one).await;
    agent.kill();
    all_gone(&family).await;
    let why = one.refused(&request(Operation::SigtermEtcd)).await;
    assert!(why.contains("cannot be reached: "), "{why}");
}

/// The parent-death signal belongs to the thread that started the process.
#[tokio::test]
async fn a_member_outlives_the_thread_that_asked_for_it() {
    let one = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let one = One::new().await;
            one.operate(&first_start("echo started; read line; echo $line; exec sleep 99")).await;
            one.seen("started", 1).await;
            one
        })
        // All threads of this runtime end here.
    })
    .join()
    .expect("a member");
    one.seen("started", 1).await;
    let state = one.state().await;
    assert!(state.pid.is_some() && state.ended.is_none(), "{state:?}");
    // It answers: it is no process that is about to end.
    one.operate(&request(Operation::Pause)).await;
    one.operate(&request(Operation::Unpause)).await;
    let state = one.operate(&request(Operation::SigtermEtcd)).await;
    assert_eq!(state.ended.expect("it ended").signal, Some(15));
}

#[tokio::test]
#[ignore = "it takes 30 s"]
async fn idle_members_stay_alive() {
    let one = One::new().await;
    let state = one.operate(&first_start(SERVER)).await;
    let ended = one.agent.ended("m", state.starts, Duration::from_secs(30)).await;
    assert_eq!(ended.expect("a member"), one.state().await);
    assert_eq!(one.state().await.pid, state.pid);
}

/// As in the background of a shell without job control, below `nohup`.
#[test]
fn a_member_ignores_no_signal_that_the_tester_ignores() {
    let launch = format!(
        "trap '' HUP INT QUIT; exec '{}' launch {} -- grep SigIgn /proc/self/status",
        env!("CARGO_BIN_EXE_failpoint-agent"),
        std::process::id(),
    );
    let output = Command::new("sh").args(["-c", &launch]).stdin(Stdio::piped()).output();
    let output = output.expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let mask = said.trim().strip_prefix("SigIgn:").expect("grep finds the line").trim();
    let mask = u64::from_str_radix(mask, 16).expect("a mask");
    assert_eq!(mask & 0b111, 0, "{said}");
}
