//! One address of a member for all its callers: who calls decides which link a connection takes.

use crate::connection;
use crate::link::Handover;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet, spawn_blocking};
use tokio::time::sleep;

/// Says which member made a connection, by the caller's address and that at which it was accepted. `None`:
/// no member, or it has gone. It may block.
pub type WhoCalls = Arc<dyn Fn(SocketAddr, SocketAddr) -> Option<usize> + Send + Sync>;

/// How long to wait after a connection could not be accepted.
const REST: Duration = Duration::from_millis(50);
/// How many connections wait for an answer to who made them, at most.
const WAITING: usize = 64;

/// A listener that hands its connections over to links. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct SharedPort {
    task: AbortHandle,
}

impl Drop for SharedPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SharedPort {
    /// Listens for a member. `links` are those from each member to it, by the number of the caller;
    /// `outside` is for callers that are no members.
    pub(crate) async fn start(
        listen: SocketAddr,
        links: Vec<Handover>,
        outside: Handover,
        who: WhoCalls,
    ) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, links.into(), outside, who)).abort_handle();
        Ok((Self { task }, address))
    }
}

async fn serve(listener: TcpListener, links: Arc<[Handover]>, outside: Handover, who: WhoCalls) {
    let mut asking = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = asking.join_next() => {}
            accepted = listener.accept(), if asking.len() < WAITING => match accepted {
                Ok((client, address)) => {
                    let (links, outside) = (Arc::clone(&links), outside.clone());
                    let who = Arc::clone(&who);
                    asking.spawn(async move {
                        let caller = caller(&client, address, who).await;
                        let link = caller.and_then(|member| links.get(member)).unwrap_or(&outside);
                        hand_over(link, client, address);
                    });
                }
                Err(_) => sleep(REST).await,
            },
        }
    }
}

async fn caller(client: &TcpStream, address: SocketAddr, who: WhoCalls) -> Option<usize> {
    let here = client.local_addr().ok()?;
    spawn_blocking(move || who(address, here)).await.ok()?
}

fn hand_over(link: &Handover, client: TcpStream, address: SocketAddr) {
    // The link has stopped, or has too many: then its own listener refuses, too.
    if let Err(refused) = link.try_send((client, address)) {
        connection::reset(refused.into_inner().0);
    }
}
