//! A network between members: a link for each ordered pair of them.
//!
//! The link from A to B carries the connections that A makes to B: what A sends on them goes upstream, and
//! what B answers goes downstream. B's own connections to A go through another link. A program may send
//! messages either way, so everything that A sends to B is the upstream of one link and the downstream of
//! the other. Partitions and [`Mesh::add`] act on both.

use crate::counters::Counters;
use crate::effect::{Direction, Effect, Toxic, ToxicError};
use crate::event::Sink;
use crate::link::{Link, Settings};
use crate::partition::Partition;
use crate::shared_port::{SharedPort, WhoCalls};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A member of a mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, for events and random choices.
    pub name: String,
    /// Where it listens for its peers: `HOST:PORT`.
    pub address: String,
}

/// How a mesh is made.
#[derive(Clone)]
#[non_exhaustive]
pub struct MeshSettings {
    /// Where its links listen, each at a port that the system chooses.
    pub ip: IpAddr,
    /// What all random choices come from.
    pub seed: u64,
    /// Takes the events of its links. They are named `A->B`.
    pub sink: Option<Sink>,
}

impl MeshSettings {
    /// Links at 127.0.0.1.
    pub fn new(seed: u64) -> Self {
        Self { ip: Ipv4Addr::LOCALHOST.into(), seed, sink: None }
    }
}

/// A network of links between members, which are numbered in the order in which they were given.
///
/// Give each member the [address](Self::address) of its link to each other member, in place of that
/// member's own address.
///
/// ```
/// use failpoint_proxy::{Member, Mesh, MeshSettings, Partition};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let member = |name: &str, address: &str| Member { name: name.into(), address: address.into() };
/// let members = [member("a", "127.0.0.1:2380"), member("b", "127.0.0.1:2480")];
/// let mesh = Mesh::start(&members, MeshSettings::new(42)).await?;
/// println!("a reaches b at {}", mesh.address(0, 1));
///
/// mesh.isolate(1);
/// let before = mesh.traffic(1);
/// // Whatever the members do, no byte passes.
/// assert_eq!(mesh.traffic(1).since(before).passed, 0);
/// mesh.heal();
/// mesh.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(()) })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Mesh {
    members: usize,
    /// The link from `a` to `b` is at `a * members + b`. Those from members to themselves are for callers
    /// that are no members, and listen only if they are needed.
    links: Vec<Link>,
    ip: IpAddr,
    shared_ports: Vec<SharedPort>,
}

impl Mesh {
    /// Starts a link for each ordered pair of members.
    ///
    /// # Errors
    /// A link cannot listen.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub async fn start(members: &[Member], settings: MeshSettings) -> io::Result<Self> {
        let mut links = Vec::with_capacity(members.len() * members.len());
        for (a, from) in members.iter().enumerate() {
            for (b, to) in members.iter().enumerate() {
                let mut link = Link::new(Settings {
                    listen: SocketAddr::new(settings.ip, 0).to_string(),
                    seed: settings.seed,
                    sink: settings.sink.clone(),
                    ..Settings::new(format!("{}->{}", from.name, to.name), to.address.clone())
                });
                if a != b {
                    link.start().await?;
                }
                links.push(link);
            }
        }
        Ok(Self { members: members.len(), links, ip: settings.ip, shared_ports: Vec::new() })
    }

    /// Listens at one address for all callers of a member, and lets each connection take the link of the
    /// member that made it, as `who` says. Connections of others pass without toxics.
    ///
    /// That is for programs in which a member has one address for all others, such as etcd: give it this
    /// one as its own. If all members run on this machine, [`owner`](crate::owner) tells who calls.
    ///
    /// # Errors
    /// It cannot listen.
    ///
    /// # Panics
    /// There is no such member; outside of a tokio runtime with I/O and time.
    ///
    /// ```
    /// # use failpoint_proxy::{Mesh, owner};
    /// # use std::sync::Arc;
    /// # async fn share(mesh: &mut Mesh, pids: [u32; 3]) -> std::io::Result<()> {
    /// let who = Arc::new(move |caller, callee| {
    ///     let pid = owner(caller, callee, &pids).ok()??;
    ///     pids.iter().position(|other| *other == pid)
    /// });
    /// let advertised = mesh.share(0, who).await?;
    /// # let _ = advertised;
    /// # Ok(()) }
    /// ```
    pub async fn share(&mut self, member: usize, who: WhoCalls) -> io::Result<SocketAddr> {
        assert!(member < self.members, "no member {member}");
        self.links[member * self.members + member].start().await?;
        let handover = |from| self.link(from, member).handover().expect("it was started");
        let links = (0..self.members).map(handover).collect();
        let listen = SocketAddr::new(self.ip, 0);
        let (port, address) = SharedPort::start(listen, links, handover(member), who).await?;
        self.shared_ports.push(port);
        Ok(address)
    }

    /// Closes all its links.
    pub async fn stop(mut self) {
        self.shared_ports.clear();
        for link in &mut self.links {
            link.stop().await;
        }
    }

    /// The link of the connections that `from` makes to `to`.
    ///
    /// # Panics
    /// There is no such member.
    pub fn link(&self, from: usize, to: usize) -> &Link {
        assert!(from < self.members && to < self.members, "no member {from} or {to}");
        &self.links[from * self.members + to]
    }

    /// Where `from` reaches `to`.
    ///
    /// # Panics
    /// There is no such member, or they are the same one.
    pub fn address(&self, from: usize, to: usize) -> SocketAddr {
        self.link(from, to).address().expect("a member has no link to itself")
    }

    /// All ordered pairs of members.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = self.members;
        (0..count).flat_map(move |a| (0..count).map(move |b| (a, b))).filter(|(a, b)| a != b)
    }

    /// The ordered pairs of a member and the others.
    pub fn pairs_of(&self, member: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        self.pairs().filter(move |(from, to)| *from == member || *to == member)
    }

    /// The two places that everything passes which `from` sends to `to`.
    fn ways(&self, from: usize, to: usize) -> [(&Link, Direction); 2] {
        [(self.link(from, to), Direction::Upstream), (self.link(to, from), Direction::Downstream)]
    }

    /// Partitions the members in this way, in place of an earlier partition. When this returned, no byte
    /// passes where it cuts. Links that it does not cut any more reset their connections, and pass.
    pub fn partition(&self, partition: &Partition) {
        for cut in [true, false] {
            for (from, to) in self.pairs().filter(|(from, to)| partition.cuts(*from, *to) == cut) {
                for (link, direction) in self.ways(from, to) {
                    if cut { link.cut(direction) } else { link.mend(direction) }
                }
            }
        }
    }

    fn members(&self) -> Vec<usize> {
        (0..self.members).collect()
    }

    /// Cuts a member from all others, both ways.
    pub fn isolate(&self, member: usize) {
        self.partition(&Partition::isolate(member, &self.members()));
    }

    /// Cuts the first half of the members from the second half.
    pub fn halves(&self) {
        self.partition(&Partition::halves(&self.members()));
    }

    /// Cuts two halves, but for one member that both hear.
    pub fn bridge(&self) {
        self.partition(&Partition::bridge(&self.members()));
    }

    /// Lets each member hear another majority.
    pub fn majorities_ring(&self) {
        self.partition(&Partition::majorities_ring(&self.members()));
    }

    /// Cuts what `from` sends to `to`.
    pub fn cut_one_way(&self, from: usize, to: usize) {
        self.partition(&Partition::one_way(from, to));
    }

    /// Does `effect` to all that the first member of each pair sends to the second, with toxics named
    /// `NAME_upstream` and `NAME_downstream`.
    ///
    /// # Errors
    /// As [`Link::add`]; the pairs before it have the effect.
    ///
    /// ```
    /// # use failpoint_proxy::{Effect, Mesh, MeshSettings, ToxicError};
    /// # use std::time::Duration;
    /// # async fn slow(mesh: &Mesh) -> Result<(), ToxicError> {
    /// let latency = Duration::from_millis(500);
    /// let slow = Effect::Delay { latency, jitter: Duration::from_millis(50) };
    /// mesh.add("slow", mesh.pairs_of(1), &slow)?;
    /// # Ok(()) }
    /// ```
    pub fn add(
        &self,
        name: &str,
        pairs: impl IntoIterator<Item = (usize, usize)>,
        effect: &Effect,
    ) -> Result<(), ToxicError> {
        for (from, to) in pairs {
            for (link, direction) in self.ways(from, to) {
                link.add(Toxic::new(format!("{name}_{direction}"), direction, effect.clone()))?;
            }
        }
        Ok(())
    }

    /// Ends all partitions and effects, on all links at once. Connections that were cut are reset.
    pub fn heal(&self) {
        for link in &self.links {
            link.heal();
        }
    }

    /// What `from` sent to `to`, on connections of both.
    pub fn sent(&self, from: usize, to: usize) -> Counters {
        let [first, second] = self.ways(from, to);
        first.0.counters(first.1) + second.0.counters(second.1)
    }

    /// What a member sent to the others, and they to it.
    pub fn traffic(&self, member: usize) -> Counters {
        let of = |(from, to)| self.sent(from, to);
        self.pairs_of(member).map(of).fold(Counters::default(), |sum, counters| sum + counters)
    }
}
