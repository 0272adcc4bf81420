//! Which proxies are there? By name, each with a link.

use super::error::ApiError;
use super::wire::{ProxyInput, ProxyOutput, ToxicChange, ToxicInput, ToxicOutput};
use crate::counters::Counters;
use crate::effect::Direction;
use crate::event::Sink;
use crate::link::{Link, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use tokio::net::lookup_host;

/// How many proxies there are at most.
const MAX_PROXIES: usize = 1_024;
/// How long a name or an address is at most, in bytes.
const MAX_TEXT: usize = 255;

/// The proxies.
pub(super) struct Registry {
    seed: u64,
    sink: Option<Sink>,
    proxies: BTreeMap<String, Proxy>,
}

struct Proxy {
    /// As it was given.
    upstream: String,
    link: Link,
}

impl Proxy {
    fn show(&self) -> ProxyOutput {
        ProxyOutput {
            name: self.link.name().to_owned(),
            listen: self.link.listen().to_owned(),
            upstream: self.upstream.clone(),
            enabled: self.link.address().is_some(),
            toxics: self.link.toxics().into_iter().map(ToxicOutput::from).collect(),
        }
    }

    async fn start(&mut self) -> Result<(), ApiError> {
        let started = self.link.start().await;
        let address = || self.link.listen().to_owned();
        started
            .map(drop)
            .map_err(|error| ApiError::Listen { address: address(), error: error.to_string() })
    }

    /// Whether it has other addresses, `localhost:1` and `127.0.0.1:1` being the same.
    async fn differs(&self, listen: &str, upstream: &str) -> bool {
        self.upstream != upstream || !same(self.link.listen(), &with_host(listen, "0.0.0.0")).await
    }
}

/// A proxy to be made.
struct Wanted {
    name: String,
    listen: String,
    upstream: String,
    enabled: bool,
}

impl Wanted {
    /// `place` tells which one it is, in errors.
    fn new(input: ProxyInput, place: &str) -> Result<Self, ApiError> {
        let given = |field: Option<String>, name: &str| match field {
            Some(text) if text.len() > MAX_TEXT => Err(too_long(name)),
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(ApiError::MissingField(format!("{name}{place}"))),
        };
        let listen = input.listen.filter(|listen| !listen.is_empty());
        Ok(Self {
            name: given(input.name, "name")?,
            upstream: given(input.upstream, "upstream")?,
            // Toxiproxy would listen for all machines.
            listen: given(listen.or_else(|| Some("127.0.0.1:0".into())), "listen")?,
            enabled: input.enabled.unwrap_or(true),
        })
    }
}

fn too_long(field: &str) -> ApiError {
    ApiError::BadRequestBody(format!("{field} is longer than {MAX_TEXT} bytes"))
}

impl Registry {
    pub(super) fn new(seed: u64, sink: Option<Sink>) -> Self {
        Self { seed, sink, proxies: BTreeMap::new() }
    }

    fn get(&self, name: &str) -> Result<&Proxy, ApiError> {
        self.proxies.get(name).ok_or(ApiError::ProxyNotFound)
    }

    fn get_mut(&mut self, name: &str) -> Result<&mut Proxy, ApiError> {
        self.proxies.get_mut(name).ok_or(ApiError::ProxyNotFound)
    }

    pub(super) fn list(&self) -> BTreeMap<&str, ProxyOutput> {
        self.proxies.iter().map(|(name, proxy)| (name.as_str(), proxy.show())).collect()
    }

    pub(super) fn show(&self, name: &str) -> Result<ProxyOutput, ApiError> {
        self.get(name).map(Proxy::show)
    }

    pub(super) async fn create(&mut self, input: ProxyInput) -> Result<ProxyOutput, ApiError> {
        let wanted = Wanted::new(input, "")?;
        if self.proxies.contains_key(&wanted.name) {
            return Err(ApiError::ProxyAlreadyExists);
        }
        self.insert(wanted).await
    }

    async fn insert(&mut self, wanted: Wanted) -> Result<ProxyOutput, ApiError> {
        if self.proxies.len() >= MAX_PROXIES {
            return Err(ApiError::TooMany("there are too many proxies; delete one"));
        }
        let Wanted { name, listen, upstream, enabled } = wanted;
        let link = Link::new(Settings {
            listen: with_host(&listen, "0.0.0.0"),
            seed: self.seed,
            sink: self.sink.clone(),
            ..Settings::new(name.clone(), with_host(&upstream, "127.0.0.1"))
        });
        let mut proxy = Proxy { upstream, link };
        if enabled {
            proxy.start().await?;
        }
        let shown = proxy.show();
        self.proxies.insert(name, proxy);
        Ok(shown)
    }

    /// Creates proxies, and replaces those of the same name and another address. Nothing changes if one of
    /// them is wrong; if one cannot listen, those before it are there, and given.
    pub(super) async fn populate(
        &mut self,
        inputs: Vec<ProxyInput>,
    ) -> (Vec<ProxyOutput>, Result<(), ApiError>) {
        let wanted = match all_wanted(inputs) {
            Ok(wanted) => wanted,
            Err(error) => return (Vec::new(), Err(error)),
        };
        let mut shown = Vec::new();
        for wanted in wanted {
            match self.place(wanted).await {
                Ok(proxy) => shown.push(proxy),
                Err(error) => return (shown, Err(error)),
            }
        }
        (shown, Ok(()))
    }

    async fn place(&mut self, wanted: Wanted) -> Result<ProxyOutput, ApiError> {
        if let Some(proxy) = self.proxies.get(&wanted.name)
            && !proxy.differs(&wanted.listen, &wanted.upstream).await
        {
            return Ok(proxy.show());
        }
        if let Some(mut old) = self.proxies.remove(&wanted.name) {
            old.link.stop().await;
        }
        self.insert(wanted).await
    }

    pub(super) async fn update(
        &mut self,
        name: &str,
        input: ProxyInput,
    ) -> Result<ProxyOutput, ApiError> {
        let proxy = self.get_mut(name)?;
        let enabled = input.enabled.unwrap_or(proxy.link.address().is_some());
        let listen = input.listen.unwrap_or_else(|| proxy.link.listen().to_owned());
        let upstream = input.upstream.unwrap_or_else(|| proxy.upstream.clone());
        if listen.len() > MAX_TEXT || upstream.len() > MAX_TEXT {
            return Err(too_long("an address"));
        }
        let differs = proxy.differs(&listen, &upstream).await;
        if differs || !enabled {
            proxy.link.stop().await;
        }
        if differs {
            proxy.link.set_listen(with_host(&listen, "0.0.0.0"));
            proxy.link.set_upstream(with_host(&upstream, "127.0.0.1"));
            proxy.upstream = upstream;
        }
        if enabled {
            proxy.start().await?;
        }
        Ok(proxy.show())
    }

    pub(super) async fn delete(&mut self, name: &str) -> Result<(), ApiError> {
        let mut proxy = self.proxies.remove(name).ok_or(ApiError::ProxyNotFound)?;
        proxy.link.stop().await;
        Ok(())
    }

    /// Enables all proxies, and removes all toxics.
    pub(super) async fn reset(&mut self) -> Result<(), ApiError> {
        for proxy in self.proxies.values_mut() {
            proxy.start().await?;
            proxy.link.heal();
        }
        Ok(())
    }

    pub(super) async fn stop(&mut self) {
        for proxy in self.proxies.values_mut() {
            proxy.link.stop().await;
        }
    }

    pub(super) fn toxics(&self, proxy: &str) -> Result<Vec<ToxicOutput>, ApiError> {
        Ok(self.get(proxy)?.link.toxics().into_iter().map(ToxicOutput::from).collect())
    }

    pub(super) fn toxic(&self, proxy: &str, name: &str) -> Result<ToxicOutput, ApiError> {
        let toxic = self.get(proxy)?.link.toxic(name).ok_or(ApiError::ToxicNotFound)?;
        Ok(toxic.into())
    }

    pub(super) fn add_toxic(
        &self,
        proxy: &str,
        input: ToxicInput,
    ) -> Result<ToxicOutput, ApiError> {
        let link = &self.get(proxy)?.link;
        let toxic = input.toxic(|name| link.toxic(name).is_some())?;
        if toxic.name.len() > MAX_TEXT {
            return Err(too_long("name"));
        }
        link.add(toxic.clone())?;
        Ok(toxic.into())
    }

    pub(super) fn update_toxic(
        &self,
        proxy: &str,
        name: &str,
        change: ToxicChange,
    ) -> Result<ToxicOutput, ApiError> {
        let link = &self.get(proxy)?.link;
        let toxic = change.apply(link.toxic(name).ok_or(ApiError::ToxicNotFound)?)?;
        link.update(toxic.clone())?;
        Ok(toxic.into())
    }

    pub(super) fn remove_toxic(&self, proxy: &str, name: &str) -> Result<(), ApiError> {
        self.get(proxy)?.link.remove(name)?;
        Ok(())
    }

    /// The counts of each proxy: its name, where it listens, its upstream.
    pub(super) fn counts(&self) -> impl Iterator<Item = ([&str; 3], [(Direction, Counters); 2])> {
        self.proxies.values().map(|proxy| {
            let labels = [proxy.link.name(), proxy.link.listen(), &proxy.upstream];
            (labels, Direction::ALL.map(|direction| (direction, proxy.link.counters(direction))))
        })
    }
}

fn all_wanted(inputs: Vec<ProxyInput>) -> Result<Vec<Wanted>, ApiError> {
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(inputs.len());
    for (input, number) in inputs.into_iter().zip(1..) {
        let wanted = Wanted::new(input, &format!(" at proxy {number}"))?;
        if !names.insert(wanted.name.clone()) {
            let why = format!("duplicate proxy name {:?}", wanted.name);
            return Err(ApiError::BadRequestBody(why));
        }
        all.push(wanted);
    }
    Ok(all)
}

/// An address with a host: Go's `:6379` has none.
fn with_host(address: &str, host: &str) -> String {
    if address.starts_with(':') { format!("{host}{address}") } else { address.to_owned() }
}

async fn same(one: &str, other: &str) -> bool {
    one == other || matches!((first(one).await, first(other).await), (Some(a), Some(b)) if a == b)
}

async fn first(address: &str) -> Option<SocketAddr> {
    lookup_host(address).await.ok()?.next()
}
