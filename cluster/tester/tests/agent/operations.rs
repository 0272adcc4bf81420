//! Each operation does what its name says, and is refused where it makes no sense.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use failpoint_tester::agent::{Agent, Ended, MemberFiles, Operation, Program, Request};

use crate::support::{One, Other, PATIENCE, SERVER, files, first_start, request, sh, start};

/// A program that ignores SIGTERM and SIGQUIT.
const STUBBORN: &str = "trap '' TERM QUIT; echo started; while :; do sleep 1000; done";

pub(crate) async fn a_member_starts_and_stops<A: Agent>(one: One<A>) {
    assert_eq!(one.operate(&request(Operation::NotStarted)).await.starts, 0);
    let state = one.operate(&first_start(SERVER)).await;
    assert_eq!((state.starts, state.ended.as_ref()), (1, None));
    one.seen("started", 1).await;
    assert!(Path::new("/proc").join(state.pid.expect("it runs").to_string()).exists());

    let state = one.operate(&request(Operation::SigtermEtcd)).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(15) }));
    assert_eq!((state.pid, state.killed), (None, false));

    let state = one.operate(&start(Operation::RestartEtcd, SERVER)).await;
    assert_eq!((state.starts, state.ended.as_ref()), (2, None));
    one.seen("started", 2).await;
    let state = one.operate(&request(Operation::SigkillEtcd)).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(9) }));
    let why = one.refused(&request(Operation::SigtermEtcd)).await;
    assert!(why.ends_with("SIGTERM_ETCD: it does not run; its last process was ended by SIGKILL"));
    assert_eq!(one.entries(), ["data", "log"]);
    assert_eq!(fs::read_to_string(one.path("log")).expect("its log"), "started\nstarted\n");
}

pub(crate) async fn data_are_kept_as_backups<A: Agent>(one: One<A>) {
    for number in 1..=5 {
        let script = format!("echo {number} > data/value; {SERVER}");
        one.operate(&first_start(&script)).await;
        one.seen("started", number).await;
        let state = one.operate(&request(Operation::SigquitEtcdAndRemoveData)).await;
        assert_eq!(state.ended, Some(Ended { code: None, signal: Some(3) }));
        assert_eq!(state.kept, Some(one.path(&format!("backup-{number}"))));
    }
    assert_eq!(one.entries(), ["backup-3", "backup-4", "backup-5", "log"]);
    assert_eq!(fs::read_to_string(one.path("backup-5/value")).expect("kept"), "5\n");

    // A restart keeps the data; a first start, and one that gets a snapshot from others, do not.
    one.operate(&start(Operation::RestartEtcd, "echo > data/new; echo first; exec sleep 99")).await;
    one.seen("first", 1).await;
    one.operate(&request(Operation::SigkillEtcd)).await;
    one.operate(&start(Operation::RestartEtcd, "ls data; exec sleep 99")).await;
    one.seen("new", 1).await;
    one.operate(&request(Operation::SigkillEtcd)).await;
    one.operate(&start(Operation::RestartFromSnapshot, "ls -A data; echo empty; exec sleep 99"))
        .await;
    one.seen("empty", 1).await;
    // Five starts, then `first` and `new`: an empty directory has no line.
    let logs = one.agent.logs("m").expect("a member");
    assert_eq!(logs.expect("new", 1, PATIENCE).await.map(|line| line.number), Ok(7));
    one.operate(&request(Operation::SigkillEtcd)).await;
}

pub(crate) async fn a_snapshot_is_saved_and_restored<A: Agent>(one: One<A>) {
    let with = |operation, snapshot: &[&str], start: Option<Program>| {
        let argv = snapshot.iter().map(|&word| word.to_owned()).collect();
        let snapshot = Some(Program { argv, ..Program::default() });
        Request { snapshot, start, ..request(operation) }
    };
    one.operate(&first_start(&format!("echo 1 > data/value; {SERVER}"))).await;
    one.seen("started", 1).await;
    let save = with(Operation::SaveSnapshot, &["cp", "data/value", "snapshot"], None);
    let state = one.operate(&save).await;
    assert_eq!(state.kept, Some(one.path("snapshot")));
    let restore = ["sh", "-c", "mkdir data && cp snapshot data/value"];
    let restore =
        with(Operation::RestoreRestartFromSnapshot, &restore, sh("cat data/value; exec sleep 99"));
    assert!(one.refused(&restore).await.contains("stop it first"));
    one.operate(&request(Operation::SigkillEtcd)).await;
    let state = one.operate(&restore).await;
    assert_eq!((state.starts, state.ended), (2, None));
    one.seen("1", 1).await;
    assert_eq!(one.entries(), ["backup-1", "data", "log", "snapshot"]);

    let fails = ["sh", "-c", "echo no space; exit 4"];
    let why = one.refused(&with(Operation::SaveSnapshot, &fails, None)).await;
    assert!(why.ends_with("exited with status 4; it printed:\nno space"), "{why}");
    let hangs = Request { limit_ms: 20, ..with(Operation::SaveSnapshot, &["sleep", "1000"], None) };
    let why = one.refused(&hangs).await;
    assert!(why.contains("did not end within 20ms, and was killed"), "{why}");
    let why = one.refused(&request(Operation::SaveSnapshot)).await;
    assert!(why.ends_with("SAVE_SNAPSHOT needs a program in `snapshot`"), "{why}");
    one.agent.stop_all().await.expect("all members");
}

pub(crate) async fn data_and_log_are_archived<A: Agent>(one: One<A>) {
    one.operate(&first_start(&format!("echo 1 > data/value; {SERVER}"))).await;
    one.seen("started", 1).await;
    let state = one.operate(&request(Operation::SigquitEtcdAndArchiveData)).await;
    assert_eq!(state.kept, Some(one.path("archive-1")));
    assert_eq!(one.entries(), ["archive-1"]);
    assert_eq!(fs::read_to_string(one.path("archive-1/log")).expect("kept"), "started\n");
    assert_eq!(fs::read_to_string(one.path("archive-1/data/value")).expect("kept"), "1\n");
    // It is a clean-up, so it takes a member that does not run.
    one.operate(&request(Operation::SigquitEtcdAndArchiveData)).await;
    one.operate(&first_start(SERVER)).await;
    one.seen("started", 2).await;
    one.operate(&request(Operation::SigkillEtcd)).await;
    assert_eq!(one.entries(), ["archive-1", "archive-2", "data", "log"]);
}

pub(crate) async fn a_member_is_paused<A: Agent>(one: One<A>) {
    let state = one.operate(&first_start(SERVER)).await;
    let stat = format!("/proc/{}/stat", state.pid.expect("it runs"));
    let stopped = || fs::read_to_string(&stat).expect("it runs").contains(") T ");
    one.seen("started", 1).await;
    for _ in 0..3 {
        assert!(one.operate(&request(Operation::Pause)).await.paused);
        assert!(stopped());
        assert!(one.refused(&request(Operation::Pause)).await.contains("it is paused already"));
        assert!(!one.operate(&request(Operation::Unpause)).await.paused);
        assert!(!stopped());
        assert!(one.refused(&request(Operation::Unpause)).await.contains("it is not paused"));
    }
    // A paused member gets the signal, too.
    one.operate(&request(Operation::Pause)).await;
    let state = one.operate(&request(Operation::SigtermEtcd)).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(15) }));
    assert!(!state.paused);
    assert!(one.refused(&request(Operation::Pause)).await.contains("it does not run"));
    assert!(one.refused(&request(Operation::Unpause)).await.contains("it does not run"));
}

pub(crate) async fn a_stop_that_takes_too_long_becomes_a_kill<A: Agent>(one: One<A>) {
    for (starts, operation) in
        [(1, Operation::SigtermEtcd), (2, Operation::SigquitEtcdAndRemoveData)]
    {
        one.operate(&first_start(STUBBORN)).await;
        one.seen("started", starts).await;
        let state = one.operate(&Request { limit_ms: 20, ..request(operation) }).await;
        assert_eq!(state.ended, Some(Ended { code: None, signal: Some(9) }));
        assert!(state.killed);
    }
}

pub(crate) async fn the_agent_of_a_member_is_stopped<A: Agent>(one: One<A>) {
    one.operate(&first_start(&format!("echo 1 > data/value; {SERVER}"))).await;
    one.seen("started", 1).await;
    let stop = request(Operation::SigquitEtcdAndRemoveDataAndStopAgent);
    let state = one.operate(&stop).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(3) }));
    assert_eq!(one.entries(), ["log"]);
}

/// The same for the embedded agent and over HTTP.
macro_rules! both {
    ($($test:ident)*) => {
        mod embedded_does {
            $(#[tokio::test]
            async fn $test() {
                super::$test(crate::support::One::new().await).await;
            })*
        }
        mod remote_does {
            $(#[tokio::test]
            async fn $test() {
                let (agent, remote) = crate::remote::start().await;
                let directory = tempfile::tempdir_in(agent.directory()).expect("a directory");
                super::$test(crate::support::One::with(remote, directory).await).await;
                agent.end().await;
            })*
        }
    };
}
both! {
    a_member_starts_and_stops
    data_are_kept_as_backups
    a_snapshot_is_saved_and_restored
    data_and_log_are_archived
    a_member_is_paused
    a_stop_that_takes_too_long_becomes_a_kill
    the_agent_of_a_member_is_stopped
    a_member_that_does_not_start_is_noticed
    what_makes_no_sense_is_refused
}

pub(crate) async fn a_member_that_does_not_start_is_noticed<A: Agent>(one: One<A>) {
    let state = one.operate(&first_start("echo the port is in use; exit 3")).await;
    assert_eq!(state.starts, 1);
    let state = one.agent.ended("m", 1, PATIENCE).await.expect("a member");
    assert_eq!(state.ended, Some(Ended { code: Some(3), signal: None }));
    assert_eq!(state.ended.expect("it ended").to_string(), "exited with status 3");
    one.seen("the port is in use", 1).await;
    let logs = one.agent.logs("m").expect("a member");
    let why = logs.expect("ready", 1, Duration::from_millis(10)).await.expect_err("not ready");
    assert_eq!(
        why.to_string(),
        "the log of m has \"ready\" in 0 of 1 lines; its last lines are:\nthe port is in use"
    );

    // A path that is not absolute is told with the directory in which it starts.
    let directory = one.directory.path().join("m").canonicalize().expect("it is there");
    for (program, place) in [
        ("no-such-program", String::new()),
        ("./no-such-program", format!(" in {}", directory.display())),
    ] {
        let nothing = Program { argv: vec![program.to_owned()], ..Program::default() };
        let why =
            one.refused(&Request { start: Some(nothing), ..request(Operation::RestartEtcd) }).await;
        assert!(why.contains(&format!("{program} cannot be run{place}: No such file")), "{why}");
    }
    assert_eq!(one.state().await.starts, 1);
}

pub(crate) async fn what_makes_no_sense_is_refused<A: Agent>(one: One<A>) {
    let why = one.refused(&request(Operation::InitialStartEtcd)).await;
    assert!(why.ends_with("INITIAL_START_ETCD needs a program in `start`"), "{why}");
    let why = one.refused(&request(Operation::SigkillEtcd)).await;
    assert!(why.ends_with("SIGKILL_ETCD: it does not run; it was never started"), "{why}");
    one.operate(&first_start(SERVER)).await;
    for operation in
        [Operation::InitialStartEtcd, Operation::RestartEtcd, Operation::RestartFromSnapshot]
    {
        let why = one.refused(&start(operation, SERVER)).await;
        assert!(why.contains("it runs as process"), "{why}");
    }
    assert_eq!(one.state().await.starts, 1);
    let unknown = one.agent.operate("other", &request(Operation::SigtermEtcd)).await;
    assert!(unknown.expect_err("unknown").message.contains("does not know this member"));

    let good = files(one.directory.path(), "x");
    let outside = PathBuf::from("/etc");
    let bad = [
        MemberFiles { name: "..".into(), ..good.clone() },
        MemberFiles { name: "a/b".into(), ..good.clone() },
        MemberFiles { name: String::new(), ..good.clone() },
        MemberFiles { name: "a\nb".into(), ..good.clone() },
        MemberFiles { data: good.directory.clone(), ..good.clone() },
        MemberFiles { data: good.directory.join("../m"), ..good.clone() },
        MemberFiles { data: outside.clone(), ..good.clone() },
        MemberFiles { log: outside.join("log"), ..good.clone() },
        MemberFiles { log: good.data.join("log"), ..good.clone() },
        MemberFiles { directory: "relative".into(), ..good.clone() },
        MemberFiles { name: "m".into(), ..good.clone() },
    ];
    for files in bad {
        one.agent.add(&files).await.expect_err(&format!("{files:?}"));
    }
    one.agent.add(&good).await.expect("a second member");
    one.agent.stop_all().await.expect("all members");
}

#[tokio::test]
async fn the_end_of_a_process_is_noticed() {
    let one = One::new().await;
    let state = one.operate(&first_start(SERVER)).await;
    let pid = state.pid.expect("it runs").to_string();
    let waits = one.agent.ended("m", 1, PATIENCE);
    let kill = async {
        assert!(std::process::Command::new("kill").arg(&pid).status().expect("kill").success());
    };
    let (state, ()) = tokio::join!(waits, kill);
    let ended = state.expect("a member").ended.expect("it ended");
    assert_eq!(ended.to_string(), "was ended by SIGTERM");
    let state = one.agent.ended("m", 2, PATIENCE).await;
    assert!(state.expect_err("no second start").message.contains("not started 2 times"));
}

#[tokio::test]
async fn a_member_whose_directory_was_removed_starts_again() {
    let one = One::new().await;
    one.operate(&first_start(SERVER)).await;
    one.seen("started", 1).await;
    fs::remove_dir_all(one.path("")).expect("its directory");
    one.operate(&request(Operation::SigquitEtcdAndArchiveData)).await;
    one.operate(&first_start(SERVER)).await;
    one.seen("started", 2).await;
}

#[tokio::test]
async fn a_program_can_stop_a_member() {
    let one = One::new().await;
    let state = one.operate(&first_start(SERVER)).await;
    let pid = state.pid.expect("it runs");
    let stop = |script: &str| Request { stop: sh(script), ..request(Operation::SigtermEtcd) };
    let why = one.refused(&stop("echo no such unit; exit 5")).await;
    assert!(why.ends_with("exited with status 5; it printed:\nno such unit"), "{why}");
    let state = one.operate(&stop(&format!("kill -INT {pid}"))).await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(2) }));
    // One that does nothing: the member is killed.
    one.operate(&start(Operation::RestartEtcd, SERVER)).await;
    let state = one.operate(&Request { limit_ms: 500, ..stop("exit 0") }).await;
    assert!(state.killed);
}

#[tokio::test]
async fn an_operation_goes_on_without_its_caller() {
    let one = One::new().await;
    one.operate(&first_start(STUBBORN)).await;
    one.seen("started", 1).await;
    let slow = request(Operation::SigquitEtcdAndRemoveData);
    {
        let stop = one.agent.operate("m", &slow);
        tokio::select! {
            biased;
            _ = stop => panic!("it ignores the signal"),
            () = tokio::task::yield_now() => {}
        }
    }
    one.agent.stop_all().await.expect("all members");
    let state = one.state().await;
    assert_eq!(state.ended, Some(Ended { code: None, signal: Some(9) }));
    assert_eq!(state.kept, None, "there were no data");
    one.operate(&request(Operation::SigquitEtcdAndArchiveData)).await;
}

#[tokio::test]
async fn members_get_no_variable_of_the_agent() {
    let one = One::new().await;
    let program = Program {
        env: [("GOFAIL_HTTP".to_owned(), "127.0.0.1:1".to_owned())].into(),
        ..sh("env; echo complete; exec sleep 99").expect("a program")
    };
    one.operate(&Request { start: Some(program), ..request(Operation::InitialStartEtcd) }).await;
    one.seen("complete", 1).await;
    let lines = one.agent.logs("m").expect("a member").last(1000);
    assert!(lines.contains(&"GOFAIL_HTTP=127.0.0.1:1".to_owned()));
    assert!(!lines.iter().any(|line| line.starts_with("FAILPOINT")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_may_race() {
    let one = One::new().await;
    let agent = std::sync::Arc::new(one.agent);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let agent = agent.clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    let asked = match (task + round) % 4 {
                        0 | 1 => start(Operation::RestartEtcd, SERVER),
                        2 => request(Operation::SigkillEtcd),
                        _ => request(Operation::SigquitEtcdAndRemoveData),
                    };
                    // It may be refused. What it returns is consistent.
                    let _ = agent.operate("m", &asked).await;
                    let state = agent.state("m").await.expect("a member");
                    assert!(state.pid.is_none() || state.ended.is_none(), "{state:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    let pid = agent.state("m").await.expect("a member").pid;
    let last = pid.map(|pid| Other::of(&pid.to_string()));
    agent.stop_all().await.expect("all members");
    assert_eq!(agent.state("m").await.expect("a member").pid, None);
    if let Some(last) = last {
        last.gone().await;
    }
}
