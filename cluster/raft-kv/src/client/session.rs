//! How does a program keep a lease while it lives?

use super::{Client, ClientError};
use crate::LeaseId;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// A lease that is renewed in the background, until the value is dropped or the program ends.
///
/// After that, the lease and all its keys are gone when its time to live has passed; [`Session::end`]
/// removes them at once.
#[derive(Debug)]
pub struct Session {
    client: Client,
    lease: LeaseId,
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<()>,
}

impl Session {
    /// Grants a lease, and starts to renew it, three times in its time to live.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn start(client: &Client, ttl: Duration) -> Result<Self, ClientError> {
        let granted = Instant::now();
        let lease = client.grant(ttl).await?;
        let (tell, lost) = watch::channel(false);
        let ttl = Duration::from_secs(lease.ttl);
        let keeper = client.clone().limit(ttl / 3);
        let keeper = tokio::spawn(async move {
            let mut renewed = granted;
            while renewed.elapsed() < ttl {
                sleep(ttl / 3).await;
                let started = Instant::now();
                match keeper.keep_alive(lease.id).await {
                    Ok(_) => renewed = started,
                    Err(ClientError::Refused { .. }) => break,
                    Err(_) => {}
                }
            }
            let _ = tell.send(true);
        });
        Ok(Self { client: client.clone(), lease: lease.id, lost, keeper })
    }

    /// The lease.
    pub fn lease(&self) -> LeaseId {
        self.lease
    }

    /// The client that it was started with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until the lease is lost: it was revoked, or could not be renewed for its time to live.
    /// From then on, another client may hold what stood on it.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // An error means that the task has ended.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Ends the lease, and removes its keys.
    ///
    /// # Errors
    /// [`ClientError`]. Then the lease ends when its time to live has passed.
    pub async fn end(self) -> Result<(), ClientError> {
        self.keeper.abort();
        self.client.revoke(self.lease).await.map(drop)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}
