//! How does a connection live and end? Two directions, each with a pump of its own.

use crate::effect::Direction;
use crate::event::{End, Reason};
use crate::link::Shared;
use crate::pump::{Lane, pump};
use crate::seed::Seed;
use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

/// Passes bytes between `client` and `upstream` until one of them, a toxic or the link ends it.
pub(crate) async fn run(
    mut client: TcpStream,
    mut upstream: TcpStream,
    number: u64,
    link: &Shared,
    resets: watch::Receiver<()>,
) -> End {
    // Latency is what the toxics say.
    let _ = client.set_nodelay(true);
    let _ = upstream.set_nodelay(true);
    let end = both(&mut client, &mut upstream, number, link, resets).await;
    if let End::Reset(_) = end {
        reset(client);
        reset(upstream);
    }
    end
}

/// Ends a connection at once: its peer gets an error, not the end of the stream.
pub(crate) fn reset(stream: TcpStream) {
    // It fails only on a socket that is closed already.
    let _ = stream.set_zero_linger();
}

async fn both(
    client: &mut TcpStream,
    upstream: &mut TcpStream,
    number: u64,
    link: &Shared,
    mut resets: watch::Receiver<()>,
) -> End {
    let (client_reader, client_writer) = client.split();
    let (upstream_reader, upstream_writer) = upstream.split();
    let swallowed = [Notify::new(), Notify::new()];
    let lane = |direction: Direction| Lane {
        direction,
        toxics: &link.toxics,
        counts: link.counts.of(direction),
        seed: Seed::new(link.seed, &link.name, number, direction),
        swallowed: &swallowed[direction.index()],
    };
    let mut up = pin!(pump(client_reader, upstream_writer, lane(Direction::Upstream)));
    let mut down = pin!(pump(upstream_reader, client_writer, lane(Direction::Downstream)));
    // Whether the stream of a direction has ended, and whether its receiver knows.
    let mut ended = [false; 2];
    let mut finished = [false; 2];
    while ended != [true; 2] {
        tokio::select! {
            end = &mut up, if !finished[0] => match end {
                End::Finished => (ended[0], finished[0]) = (true, true),
                end => return end,
            },
            end = &mut down, if !finished[1] => match end {
                End::Finished => (ended[1], finished[1]) = (true, true),
                end => return end,
            },
            () = swallowed[0].notified() => ended[0] = true,
            () = swallowed[1].notified() => ended[1] = true,
            _ = resets.changed() => return End::Reset(Reason::Asked),
        }
    }
    if finished == ended { End::Finished } else { End::Reset(Reason::Toxic) }
}

/// Holds a connection that was made while the link is cut both ways: it is not passed on, its bytes are
/// dropped, and it is reset when the link is healed.
pub(crate) async fn hold(
    mut client: TcpStream,
    link: &Shared,
    mut resets: watch::Receiver<()>,
) -> End {
    let mut changed = link.toxics.subscribe();
    let counts = link.counts.of(Direction::Upstream);
    let mut buffer = [0; 1024];
    while link.toxics.is_cut() {
        tokio::select! {
            _ = changed.changed() => {}
            _ = resets.changed() => {
                reset(client);
                return End::Reset(Reason::Asked);
            }
            read = client.read(&mut buffer) => match read {
                Ok(0) => return End::Finished,
                Ok(bytes) => {
                    counts.received.fetch_add(bytes as u64, Relaxed);
                    counts.dropped.fetch_add(bytes as u64, Relaxed);
                }
                Err(error) => return End::Reset(Reason::Read(error)),
            },
        }
    }
    reset(client);
    End::Reset(Reason::Healed)
}
