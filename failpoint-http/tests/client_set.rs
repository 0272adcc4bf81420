//! Tests `ClientSet` with several processes. Each server is this executable again, with only the
//! test `serves`.
#![cfg(all(feature = "client", feature = "failpoints"))]

mod common;

use common::{PATIENCE, child, is_child, line_of};
use failpoint::fail_point;
use failpoint_http::{ClientError, ClientSet, Wait};
use failpoint_test_support::{Killed, closed_address};
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn serves() {
    if !is_child() {
        return;
    }
    let control = failpoint_http::serve("127.0.0.1:0").unwrap();
    println!("\nserver at {}", control.address().unwrap());
    std::thread::spawn(|| {
        loop {
            fail_point!("set/passed");
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    fn never() {
        fail_point!("set/never");
    }
    let _ = never as fn();
    // Until the parent goes away.
    let _ = std::io::stdin().read(&mut [0]);
}

struct Server(#[expect(dead_code, reason = "killed when it is dropped")] Killed, String);

impl Server {
    fn start() -> Self {
        let mut process = Killed::spawn(child("serves", &[]).stdin(Stdio::piped()));
        let address = line_of(&mut process, "server at ");
        Self(process, address)
    }
}

#[tokio::test]
async fn all_of_them_or_none() {
    let servers = [Server::start(), Server::start()];
    let set = ClientSet::new(servers.iter().map(|server| &server.1)).unwrap();
    let armed = set.arm("set/passed", "off").await.unwrap();
    assert_eq!(armed.len(), 2);
    let counts = set.wait_all("set/passed", Wait::hits(3).timeout(PATIENCE)).await.unwrap();
    assert_eq!(
        counts.iter().map(|(address, _)| address).collect::<Vec<_>>(),
        [&servers[0].1, &servers[1].1]
    );
    assert!(counts.iter().all(|(_, counts)| counts.hits >= 3));
    drop(armed);
    let mut are_idle = false;
    let deadline = std::time::Instant::now() + PATIENCE;
    while !are_idle {
        assert!(std::time::Instant::now() < deadline, "the guards disarm");
        let listed = set.list().await;
        are_idle =
            listed.into_iter().all(|(_, all)| all.unwrap().points.iter().all(|one| !one.armed));
    }

    // One has armed it, and undoes it.
    let nowhere = closed_address();
    let with_one_gone = ClientSet::new([&servers[0].1, &nowhere, &servers[1].1]).unwrap();
    let gone = with_one_gone.arm_all([("set/passed", "off"), ("set/never", "off")]).await;
    assert!(matches!(gone, Err(ClientError::NotReachable { .. })), "{gone:?}");
    assert!(set.reset().await.into_iter().all(|(_, reset)| reset.unwrap().disarmed.is_empty()));

    let refused = set.arm("set/nobody", "off").await.unwrap_err();
    assert!(matches!(&refused, ClientError::Several(errors) if errors.len() == 2), "{refused}");
}

#[tokio::test]
async fn the_first_that_comes_by() {
    let servers = [Server::start(), Server::start()];
    let set = ClientSet::new(servers.iter().map(|server| &server.1)).unwrap();
    let armed = set.clients()[1].arm("set/passed", "off").await.unwrap();
    let wait = Wait::hits(1).timeout(PATIENCE);
    let (address, counts) = set.wait_any("set/passed", wait).await.unwrap();
    assert_eq!((&address, counts.generation), (&servers[1].1, armed.generation()));
    let all = set.wait_all("set/passed", Wait::hits(1).timeout(Duration::from_millis(50))).await;
    assert!(matches!(all, Err(ClientError::TimedOut { .. })), "{all:?}");
    let none = set.wait_any("set/never", Wait::hits(1).timeout(Duration::from_millis(1))).await;
    assert!(matches!(none, Err(ClientError::TimedOut { .. })), "{none:?}");
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_is_waited_for() {
    let server = Server::start();
    let set = ClientSet::new([&server.1]).unwrap();
    let client = set.clients()[0].clone();
    let armed = client.arm("set/never", "off").await.unwrap();
    let waiting = tokio::spawn(async move {
        client.wait("set/never", Wait::hits(1).timeout(Duration::from_secs(300))).await
    });
    // The question is out before the server dies: another one has been answered after it.
    tokio::task::yield_now().await;
    set.clients()[0].healthz().await.unwrap();
    drop(server);
    let gone = waiting.await.unwrap().unwrap_err();
    assert!(matches!(gone, ClientError::NotReachable { .. }), "{gone}");
    // A server that is gone has nothing armed: nothing is said, and nothing hangs.
    drop(armed);
}

#[test]
fn asks_by_environment() {
    if !is_child() {
        return;
    }
    let client = failpoint_http::blocking::Client::from_env();
    let count = client.and_then(|client| Ok(client.list()?.points.len()));
    println!("\nasked: {count:?}");
}

#[test]
fn the_environment_says_where_to_ask() {
    let server = Server::start();
    let asked = |variables: &[(&str, &str)]| {
        let mut asking = Killed::spawn(&mut child("asks_by_environment", variables));
        let answer = line_of(&mut asking, "asked: ");
        asking.wait().unwrap();
        answer
    };
    assert_eq!(asked(&[("GOFAIL_HTTP", &server.1)]), "Ok(2)");
    assert_eq!(asked(&[("GOFAIL_HTTP", ""), ("FAILPOINT_HTTP", &server.1)]), "Ok(2)");
    assert!(asked(&[]).contains("set GOFAIL_HTTP"));
    assert!(asked(&[("GOFAIL_HTTP", "here")]).contains("`here` is not a valid"));
    let (address, token) = (("GOFAIL_HTTP", server.1.as_str()), ("FAILPOINT_HTTP_TOKEN", "x"));
    assert_eq!(asked(&[address, token]), "Ok(2)", "it is not asked for");
    assert!(asked(&[address, ("FAILPOINT_HTTP_TOKEN", "a b")]).contains("without blanks"));
    let file = ("FAILPOINT_HTTP_TOKEN_FILE", "/no/such/file");
    assert!(asked(&[address, file]).contains("a readable file"));
    assert!(asked(&[address, token, file]).contains("unset one of them"));
}
