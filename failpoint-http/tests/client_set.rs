//! Several processes as one. Each server is this executable once more, its test `serves` alone.
#![cfg(all(feature = "client", feature = "failpoints"))]

mod common;

use common::{PATIENCE, child, is_child, line_of};
use failpoint::fail_point;
use failpoint_http::{ClientError, ClientSet, Wait};
use std::io::Read;
use std::process::{Child, Stdio};
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

struct Server(Child, String);

impl Server {
    fn start() -> Self {
        let mut process = child("serves", &[]).stdin(Stdio::piped()).spawn().unwrap();
        let address = line_of(&mut process, "server at ");
        Self(process, address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    for (_, points) in set.list().await {
        assert!(points.unwrap().points.iter().all(|point| !point.armed));
    }

    // One has armed it, and undoes it.
    let nowhere = "127.0.0.1:1".to_owned();
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
