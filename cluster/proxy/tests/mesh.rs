//! A mesh of members that call each other all the time.

mod support;

use failpoint_proxy::Direction::{Downstream, Upstream};
use failpoint_proxy::{Effect, Member, Mesh, MeshSettings, ToxicError};
use std::time::Duration;
use support::{echo, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Members that echo, and call each other without an end.
async fn members(count: usize) -> (Mesh, JoinSet<()>) {
    let mut members = Vec::new();
    for n in 0..count {
        let address = echo().await.0.to_string();
        members.push(Member { name: format!("m{n}"), address });
    }
    let mesh = Mesh::start(&members, MeshSettings::new(7)).await.unwrap();
    let mut callers = JoinSet::new();
    for (from, to) in mesh.pairs() {
        let address = mesh.address(from, to);
        callers.spawn(async move {
            loop {
                let Ok(mut stream) = TcpStream::connect(address).await else { return };
                // Until it is reset.
                while stream.write_all(b"question").await.is_ok() {
                    let mut answer = [0; 8];
                    // A lost answer must not stop the questions.
                    tokio::select! {
                        read = stream.read_exact(&mut answer) => match read {
                            Ok(_) => assert_eq!(&answer, b"question", "a torn stream"),
                            Err(_) => break,
                        },
                        () = sleep(Duration::from_millis(20)) => {}
                    }
                }
            }
        });
    }
    (mesh, callers)
}

/// Waits until all that each member sends reaches those that `reaches` says, and until what it sends to
/// the others was dropped. Counts that no byte passed there.
async fn check(mesh: &Mesh, reaches: impl Fn(usize, usize) -> bool) {
    let before: Vec<_> = mesh.pairs().map(|(from, to)| mesh.sent(from, to)).collect();
    let now =
        || mesh.pairs().zip(&before).map(|((a, b), before)| (a, b, mesh.sent(a, b).since(*before)));
    until("bytes pass, or are dropped", || {
        now().all(
            |(from, to, sent)| if reaches(from, to) { sent.passed > 0 } else { sent.dropped > 0 },
        )
    })
    .await;
    for (from, to, sent) in now().filter(|(from, to, _)| !reaches(*from, *to)) {
        assert_eq!(sent.passed, 0, "from {from} to {to}");
    }
}

// With threads, so that bytes are on their way while the link is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn isolating_a_member_passes_no_byte_in_either_direction() {
    let (mesh, _callers) = members(3).await;
    check(&mesh, |_, _| true).await;
    for member in (0..3).cycle().take(30) {
        mesh.isolate(member);
        let before = mesh.traffic(member);
        let lost = || mesh.traffic(member).since(before);
        until("much is dropped", || lost().dropped > 100).await;
        assert_eq!(lost().passed, 0);
        // The others still hear each other.
        let others: Vec<_> = (0..3).filter(|other| *other != member).collect();
        let before = mesh.sent(others[0], others[1]);
        until("others go on", || mesh.sent(others[0], others[1]).since(before).passed > 0).await;
        mesh.heal();
        check(&mesh, |_, _| true).await;
    }
    mesh.stop().await;
}

#[tokio::test]
async fn halves_bridge_and_ring() {
    let (mesh, _callers) = members(5).await;
    mesh.halves();
    until_cut(&mesh, 0, 4).await;
    let half = |member| usize::from(member >= 2);
    reached(&mesh, |a, b| half(a) == half(b)).await;
    mesh.bridge();
    until_cut(&mesh, 0, 4).await;
    reached(&mesh, |a, b| a == 2 || b == 2 || half(a) == half(b)).await;
    mesh.majorities_ring();
    until_cut(&mesh, 0, 2).await;
    // Each hears itself and its two neighbours.
    reached(&mesh, |a, b| [1, 4].contains(&((5 + a - b) % 5))).await;
    mesh.heal();
    check(&mesh, |_, _| true).await;
}

async fn until_cut(mesh: &Mesh, from: usize, to: usize) {
    let before = mesh.sent(from, to).dropped;
    until("something is dropped", || mesh.sent(from, to).dropped > before).await;
}

/// Counts whom each member reaches, and that no byte reaches the others.
async fn reached(mesh: &Mesh, reaches: impl Fn(usize, usize) -> bool) {
    let before: Vec<_> = mesh.pairs().map(|(from, to)| mesh.sent(from, to)).collect();
    let now =
        || mesh.pairs().zip(&before).map(|((a, b), before)| (a, b, mesh.sent(a, b).since(*before)));
    until("bytes pass", || now().all(|(a, b, sent)| !reaches(a, b) || sent.passed > 0)).await;
    let passed: Vec<_> = now()
        .filter(|(a, b, sent)| !reaches(*a, *b) && sent.passed > 0)
        .map(|(a, b, _)| (a, b))
        .collect();
    assert_eq!(passed, []);
}

#[tokio::test]
async fn a_one_way_cut_leaves_the_other_way() {
    let (mesh, _callers) = members(2).await;
    check(&mesh, |_, _| true).await;
    mesh.cut_one_way(0, 1);
    // Questions of 1 reach 0, whose answers do not come back.
    let passed = |from, to, direction| mesh.link(from, to).counters(direction).passed;
    let before = [passed(0, 1, Upstream), passed(1, 0, Downstream), passed(1, 0, Upstream)];
    check(&mesh, |from, _| from == 1).await;
    assert_eq!(before[..2], [passed(0, 1, Upstream), passed(1, 0, Downstream)]);
    until("its questions pass", || before[2] < passed(1, 0, Upstream)).await;
    mesh.heal();
    check(&mesh, |_, _| true).await;
}

#[tokio::test]
async fn effects_are_done_to_both_ways_of_a_pair_and_end_with_heal() {
    let (mesh, _callers) = members(3).await;
    let loss = Effect::Loss { probability: 0.5 };
    mesh.add("loss", mesh.pairs_of(0), &loss).unwrap();
    assert_eq!(mesh.add("loss", mesh.pairs_of(0), &loss), Err(ToxicError::Exists));
    until("chunks are lost both ways", || {
        mesh.sent(0, 1).lost > 0 && mesh.sent(1, 0).lost > 0 && mesh.sent(2, 0).lost > 0
    })
    .await;
    let lost = mesh.sent(1, 2).lost + mesh.sent(2, 1).lost;
    assert_eq!(lost, 0, "the others lose nothing");
    mesh.heal();
    assert!(mesh.pairs().all(|(from, to)| mesh.link(from, to).toxics().is_empty()));
    check(&mesh, |_, _| true).await;
}
