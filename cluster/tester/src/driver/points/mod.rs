//! How are the failpoints of a member armed? Over its control plane: ours, or one of gofail.
//!
//! [`Control`] finds out which one answers, and does the same with each:
//!
//! | | [`failpoint-http`](Kind::Failpoint) | [gofail](Kind::Gofail) | [gofail of 2022](Kind::OldGofail) |
//! |---|---|---|---|
//! | list, arm, disarm | `/v1/points` | `GET /`, `PUT`, `DELETE /NAME` | the same |
//! | [`fires`](Control::fires) | in the status of the point | `GET /NAME/count` | not counted: `None` |
//! | [`arm_all`](Control::arm_all) | all or none | `PUT /failpoints` | one after the other |
//! | names | as the code has them | as the code has them | with the path of the package |
//!
//! [`matching`] finds a point by the end of its name, so that `raftAfterSave` names the same point with
//! and without the path of a package.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use failpoint_http::{Arming as Terms, Armings, Client, ClientError};

use super::DriverError;

mod names;

pub use names::{NoMatch, matching};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a reply may take. An older gofail answers a PUT or a DELETE only after the callers that
/// sleep at the point.
const REPLY: Duration = Duration::from_secs(10);

/// Which control plane a member has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// failpoint-http.
    Failpoint,
    /// A gofail that counts and arms several points at once.
    Gofail,
    /// A gofail as of 2022, with neither.
    OldGofail,
}

/// What came of an arming.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arming {
    /// The control plane said that it armed the point.
    Armed,
    /// The control plane answered before the arming, and then no more. The point may have been armed,
    /// and its terms may have ended the process before the answer was sent.
    Unanswered {
        /// What happened to the connection.
        why: String,
    },
}

/// The control plane of one member. Use it from one runtime only.
#[derive(Clone, Debug)]
pub struct Control {
    client: Client,
    kind: OnceLock<Kind>,
}

impl Control {
    /// The control plane at `address`, written as for `GOFAIL_HTTP`: `HOST:PORT`. Nothing is sent.
    /// A token is taken from the environment, as by [`Client::from_env`].
    ///
    /// # Errors
    /// The address is not valid.
    pub fn new(address: &str) -> Result<Self, DriverError> {
        let client = Client::builder(address)
            .token_from_env()
            .connect_timeout(CONNECT)
            .timeout(REPLY)
            .build()
            .map_err(|error| DriverError { whom: address.into(), message: error.to_string() })?;
        Ok(Self { client, kind: OnceLock::new() })
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        self.client.address()
    }

    /// Which control plane answers. It is found out once.
    ///
    /// # Errors
    /// It does not answer, or not as a control plane.
    pub async fn kind(&self) -> Result<Kind, DriverError> {
        if let Some(kind) = self.kind.get() {
            return Ok(*kind);
        }
        match self.find_out().await.map_err(|error| self.error(&error))? {
            Some(kind) => Ok(*self.kind.get_or_init(|| kind)),
            // A Go program listens before it has all its points. Ask again next time.
            None => Ok(Kind::OldGofail),
        }
    }

    /// `None`: a gofail without points, which cannot be told from an older one.
    async fn find_out(&self) -> Result<Option<Kind>, ClientError> {
        match self.client.info().await {
            Ok(_) => return Ok(Some(Kind::Failpoint)),
            Err(ClientError::OnlyGofail { .. }) => {}
            Err(error) => return Err(error),
        }
        // A gofail that counts knows `NAME/count`; for an older one, that is a point that does not exist.
        let gofail = self.client.gofail();
        let Some(name) = gofail.list().await?.into_keys().next() else { return Ok(None) };
        match gofail.count(&name).await {
            Ok(_) => Ok(Some(Kind::Gofail)),
            Err(ClientError::Refused { .. }) => Ok(Some(Kind::OldGofail)),
            Err(error) => Err(error),
        }
    }

    /// Every point with its terms; `None`: it is idle.
    ///
    /// # Errors
    /// The control plane does not answer.
    pub async fn list(&self) -> Result<BTreeMap<String, Option<String>>, DriverError> {
        let listed =
            match self.kind().await? {
                Kind::Failpoint => self.client.list().await.map(|all| {
                    all.points.into_iter().map(|point| (point.name, point.terms)).collect()
                }),
                Kind::Gofail | Kind::OldGofail => self.client.gofail().list().await,
            };
        listed.map_err(|error| self.error(&error))
    }

    /// Arms a point, by its whole name, until it is disarmed or the process ends. A `panic` without a text
    /// gets the name of the point as its text, where gofail would leave it out.
    ///
    /// # Errors
    /// The control plane does not answer at all, or it refused. Then the point is not armed.
    pub async fn arm(&self, name: &str, terms: &str) -> Result<Arming, DriverError> {
        let kind = self.kind().await?;
        self.probe(kind).await?;
        let armed = match kind {
            Kind::Failpoint => {
                self.client.arm(name, Terms::new(terms)).await.map(|armed| armed.keep())
            }
            Kind::Gofail | Kind::OldGofail => {
                self.client.gofail().arm(name, &naming(name, terms)).await
            }
        };
        self.armed(armed)
    }

    /// Arms several points. With failpoint-http, all or none; with gofail, those that were armed
    /// before one was refused are disarmed again.
    ///
    /// # Errors
    /// As [`arm`](Self::arm).
    pub async fn arm_all(&self, points: &BTreeMap<String, String>) -> Result<Arming, DriverError> {
        let kind = self.kind().await?;
        self.probe(kind).await?;
        // gofail splits at each `;` and `=`, also inside quotes.
        let plain = |text: &String| !text.contains([';', '=']);
        let together = points.iter().all(|(name, terms)| plain(name) && plain(terms));
        let armed = match kind {
            Kind::Failpoint => {
                let armed = self.client.arm_all(Armings::from(points.clone())).await;
                armed.map(|armed| armed.into_iter().for_each(|armed| armed.keep()))
            }
            Kind::Gofail if together => {
                let config: Vec<String> = points
                    .iter()
                    .map(|(name, terms)| format!("{name}={}", naming(name, terms)))
                    .collect();
                self.client.gofail().arm_all(&config.join(";")).await
            }
            Kind::Gofail | Kind::OldGofail => self.arm_each(points).await,
        };
        if kind != Kind::Failpoint && matches!(armed, Err(ClientError::Refused { .. })) {
            for name in points.keys() {
                // It may be idle, or not exist.
                let _ = self.client.gofail().disarm(name).await;
            }
        }
        self.armed(armed)
    }

    async fn arm_each(&self, points: &BTreeMap<String, String>) -> Result<(), ClientError> {
        for (name, terms) in points {
            self.client.gofail().arm(name, &naming(name, terms)).await?;
        }
        Ok(())
    }

    /// Disarms a point. Returns whether it was armed.
    ///
    /// # Errors
    /// The control plane does not answer, or it does not know the point.
    pub async fn disarm(&self, name: &str) -> Result<bool, DriverError> {
        let disarmed = match self.kind().await? {
            Kind::Failpoint => self.client.disarm(name).await.map(|changed| changed.was.is_some()),
            Kind::Gofail | Kind::OldGofail => self.client.gofail().disarm(name).await,
        };
        disarmed.map_err(|error| self.error(&error))
    }

    /// Disarms all points.
    ///
    /// # Errors
    /// The control plane does not answer.
    pub async fn disarm_all(&self) -> Result<(), DriverError> {
        if self.kind().await? == Kind::Failpoint {
            return self.client.reset().await.map(drop).map_err(|error| self.error(&error));
        }
        for (name, terms) in self.list().await? {
            if terms.is_some() {
                self.disarm(&name).await?;
            }
        }
        Ok(())
    }

    /// How often a point fired since it was armed; 0 if it is idle. `None`: this control plane does not
    /// count.
    ///
    /// # Errors
    /// The control plane does not answer, or it does not know the point.
    pub async fn fires(&self, name: &str) -> Result<Option<u64>, DriverError> {
        let fires = match self.kind().await? {
            Kind::Failpoint => self.client.get(name).await.map(|point| point.fires),
            Kind::Gofail => self.client.gofail().count(name).await.map(Option::unwrap_or_default),
            Kind::OldGofail => return Ok(None),
        };
        fires.map(Some).map_err(|error| self.error(&error))
    }

    /// Asks for something that changes nothing: a request that fails after this one had a member that
    /// answered.
    async fn probe(&self, kind: Kind) -> Result<(), DriverError> {
        let answered = match kind {
            Kind::Failpoint => self.client.info().await.map(drop),
            Kind::Gofail | Kind::OldGofail => self.client.gofail().list().await.map(drop),
        };
        answered.map_err(|error| self.error(&error))
    }

    fn armed(&self, armed: Result<(), ClientError>) -> Result<Arming, DriverError> {
        match armed {
            Ok(()) => Ok(Arming::Armed),
            Err(ClientError::NotReachable { why, .. }) => Ok(Arming::Unanswered { why }),
            Err(error) => Err(self.error(&error)),
        }
    }

    fn error(&self, error: &ClientError) -> DriverError {
        DriverError { whom: self.address().to_owned(), message: error.to_string() }
    }
}

/// The terms with the name of the point in each `panic` without a text: gofail prints `failpoint panic:
/// {}` for that, and the log would not say which point it was.
fn naming(name: &str, terms: &str) -> String {
    if terms.contains('"') || name.contains(['"', '\\']) {
        return terms.to_owned();
    }
    let named = |term: &str| match term.trim_end().strip_suffix("panic()") {
        Some(before) => format!("{before}panic(\"{name}\")"),
        None if term.trim_end().ends_with("panic") => format!("{}(\"{name}\")", term.trim_end()),
        None => term.to_owned(),
    };
    terms.split("->").map(named).collect::<Vec<_>>().join("->")
}
