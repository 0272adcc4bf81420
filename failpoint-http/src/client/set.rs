//! [`ClientSet`]: several servers, controlled as one.

use super::arming::{Arming, Armings};
use super::client::Client;
use super::error::ClientError;
use super::guard::RemoteArmed;
use super::wait::Wait;
use crate::wire::{Changed, Counts, Outcome, Points, Reset, Waited};
use std::future::Future;
use tokio::task::JoinSet;

/// The reply of each server, in the order of the set.
pub type ByAddress<T> = Vec<(String, Result<T, ClientError>)>;

/// Several servers, such as the members of a cluster. Requests go to all of them in parallel.
///
/// ```no_run
/// use failpoint_http::{ClientSet, Wait};
///
/// # async fn test() -> Result<(), failpoint_http::ClientError> {
/// let cluster = ClientSet::new(["127.0.0.1:22381", "127.0.0.1:22382", "127.0.0.1:22383"])?;
/// let _armed = cluster.arm("raftBeforeSave", "1*panic").await?;
/// let (first, _) = cluster.wait_any("raftBeforeSave", Wait::fires(1)).await?;
/// println!("{first} was the first to fire");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ClientSet {
    clients: Vec<Client>,
}

impl ClientSet {
    /// A set of the servers at these addresses, written as for [`Client::new`].
    ///
    /// # Errors
    /// [`ClientError::BadAddress`].
    pub fn new<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Self, ClientError> {
        addresses.into_iter().map(|address| Client::new(address.as_ref())).collect()
    }

    /// One client per server.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Runs `question` with the client of each server, all in parallel.
    ///
    /// ```no_run
    /// # async fn test(cluster: failpoint_http::ClientSet) {
    /// for (address, info) in cluster.each(|server| async move { server.info().await }).await {
    ///     println!("{address} {:?}", info.map(|info| info.pid));
    /// }
    /// # }
    /// ```
    pub async fn each<T, F>(&self, question: impl Fn(Client) -> F) -> ByAddress<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ClientError>> + Send + 'static,
    {
        let mut asked = JoinSet::new();
        for (index, client) in self.clients.iter().enumerate() {
            let response = question(client.clone());
            asked.spawn(async move { (index, response.await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        let address = |index: usize| self.clients[index].address().to_owned();
        answers.into_iter().map(|(index, response)| (address(index), response)).collect()
    }

    /// The points of each server.
    pub async fn list(&self) -> ByAddress<Points> {
        self.each(|client| async move { client.list().await }).await
    }

    /// Disarms a point on every server.
    pub async fn disarm(&self, name: &str) -> ByAddress<Changed> {
        self.each(|client| {
            let name = name.to_owned();
            async move { client.disarm(&name).await }
        })
        .await
    }

    /// Disarms all points on every server, and resumes all paused callers.
    pub async fn reset(&self) -> ByAddress<Reset> {
        self.each(|client| async move { client.reset().await }).await
    }

    /// Arms a point on all servers or on none: if one server refuses or cannot be reached, the point
    /// is disarmed on the others. What was armed there before is not restored.
    ///
    /// # Errors
    /// As [`Client::arm`]; [`ClientError::Several`] if several servers failed.
    pub async fn arm(
        &self,
        name: &str,
        arming: impl Into<Arming>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        let arming = arming.into();
        let arm = |client: Client| {
            let (name, arming) = (name.to_owned(), arming.clone());
            async move { Ok(vec![client.arm(&name, arming).await?]) }
        };
        all_or_none(self.each(arm).await).await
    }

    /// Arms several points on all servers, or none on any, as [`arm`](Self::arm) does.
    ///
    /// # Errors
    /// As [`Client::arm_all`]; [`ClientError::Several`] if several servers failed.
    pub async fn arm_all(
        &self,
        armings: impl Into<Armings>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        let armings = armings.into();
        let arm = |client: Client| {
            let armings = armings.clone();
            async move { client.arm_all(armings).await }
        };
        all_or_none(self.each(arm).await).await
    }

    /// Arms every point whose name matches, on all servers or on none, as [`arm`](Self::arm) does.
    ///
    /// # Errors
    /// As [`Client::arm_matching`]; [`ClientError::Several`] if several servers failed.
    pub async fn arm_matching(
        &self,
        glob: &str,
        arming: impl Into<Arming>,
    ) -> Result<Vec<RemoteArmed>, ClientError> {
        let arming = arming.into();
        let arm = |client: Client| {
            let (glob, arming) = (glob.to_owned(), arming.clone());
            async move { client.arm_matching(&glob, arming).await }
        };
        all_or_none(self.each(arm).await).await
    }

    /// Waits until the first server has reached it, and returns its address.
    ///
    /// # Errors
    /// If no server reaches it: [`ClientError::TimedOut`] if there is one, otherwise the first error;
    /// [`ClientError::Disarmed`] if the arming ended on every server.
    pub async fn wait_any(&self, name: &str, wait: Wait) -> Result<(String, Counts), ClientError> {
        let mut asked = JoinSet::new();
        for client in self.clients.clone() {
            let (name, wait) = (name.to_owned(), wait.clone());
            asked.spawn(async move {
                let address = client.address().to_owned();
                reached(&address, client.wait(&name, wait).await).map(|counts| (address, counts))
            });
        }
        let mut errors = Vec::new();
        while let Some(ended) = asked.join_next().await {
            match ended {
                Ok(Ok(reached)) => return Ok(reached),
                Ok(Err(error)) => errors.push(error),
                Err(_) => {}
            }
        }
        errors.sort_by_key(|error| !matches!(error, ClientError::TimedOut { .. }));
        Err(errors.into_iter().next().unwrap_or(ClientError::NoAddress))
    }

    /// Waits until every server has reached it, and returns the counts by address.
    ///
    /// # Errors
    /// As [`RemoteArmed::wait_hits`]; [`ClientError::Several`] if several servers failed.
    pub async fn wait_all(
        &self,
        name: &str,
        wait: Wait,
    ) -> Result<Vec<(String, Counts)>, ClientError> {
        let waited = self
            .each(|client| {
                let (name, wait) = (name.to_owned(), wait.clone());
                async move { client.wait(&name, wait).await }
            })
            .await;
        let (mut counts, mut errors) = (Vec::new(), Vec::new());
        for (address, waited) in waited {
            match reached(&address, waited) {
                Ok(of_one) => counts.push((address, of_one)),
                Err(error) => errors.push(error),
            }
        }
        one_or_several(errors).map_or(Ok(counts), Err)
    }
}

impl FromIterator<Client> for ClientSet {
    fn from_iter<I: IntoIterator<Item = Client>>(clients: I) -> Self {
        Self { clients: clients.into_iter().collect() }
    }
}

/// All guards; or, after disarming what was armed, all errors.
async fn all_or_none(
    answers: ByAddress<Vec<RemoteArmed>>,
) -> Result<Vec<RemoteArmed>, ClientError> {
    let (mut guards, mut errors) = (Vec::new(), Vec::new());
    for (_, response) in answers {
        match response {
            Ok(of_one) => guards.extend(of_one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        return Ok(guards);
    }
    let undoing: JoinSet<_> = guards.into_iter().map(RemoteArmed::disarm).collect();
    errors.extend(undoing.join_all().await.into_iter().filter_map(Result::err));
    Err(one_or_several(errors).unwrap_or(ClientError::NoAddress))
}

fn reached(address: &str, waited: Result<Waited, ClientError>) -> Result<Counts, ClientError> {
    match waited? {
        Waited { outcome: Outcome::Reached, counts } => Ok(counts),
        Waited { outcome: Outcome::Disarmed, counts } => {
            Err(ClientError::Disarmed { address: address.into(), counts })
        }
    }
}

fn one_or_several(mut errors: Vec<ClientError>) -> Option<ClientError> {
    if errors.len() < 2 { errors.pop() } else { Some(ClientError::Several(errors)) }
}
