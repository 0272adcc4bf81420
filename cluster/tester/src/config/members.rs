//! Which members are there?

use std::net::IpAddr;

use super::reader::{Field, Reader};
use super::types::DriverConfig;
use super::values;
use super::yaml::Value;
use crate::agent::remote;
use crate::driver::Member;

/// The most members, by far.
const MOST: u64 = 99;

/// A free port of this machine, to be chosen at the start.
const FREE: &str = "127.0.0.1:0";

/// The members.
pub(super) fn read(
    reader: &mut Reader<'_>,
    field: Option<Field<'_>>,
    driver: Option<&DriverConfig>,
) -> Vec<Member> {
    let peers = !matches!(driver, Some(DriverConfig::Commands(_)));
    // A subject that others have started already has addresses.
    let (started, outside) = match driver {
        Some(DriverConfig::Commands(settings)) => {
            let outside = settings.start.is_none();
            (!outside || settings.calls.contains_key("launch"), outside)
        }
        _ => (true, false),
    };
    let count = if peers { 3 } else { 1 };
    let Some(field) = field else {
        if !started {
            let message = "without `start` or `launch`, `members` must list the addresses of the members: \
                           `- client: HOST:PORT`";
            reader.mistake(super::mistakes::Place::START, message);
        }
        return counted(count, peers, false);
    };
    let members = match &field.node.value {
        Value::List(_) => list(reader, &field, peers, started),
        Value::Map(_) => {
            let section = reader.section(&field, "members");
            let of = |name| section.as_ref().and_then(|section| section.field(name));
            let failpoints = of("failpoints").and_then(|field| reader.truth(&field));
            let read = match of("count") {
                Some(count) => reader.whole(&count, 1..=MOST),
                None => {
                    reader.mistake(field.node.at, "`members` expects `count`, or a list");
                    None
                }
            };
            counted(read.unwrap_or(count), peers, failpoints.unwrap_or(false))
        }
        Value::Whole(_) | Value::Text(_) => {
            counted(reader.whole(&field, 1..=MOST).unwrap_or(count), peers, false)
        }
        _ => {
            let _: Option<()> =
                reader.expected(&field, "a whole number of members, a map, or a list");
            counted(count, peers, false)
        }
    };
    if !started && !field.is_list() {
        let message = "without `start` or `launch`, `members` must list the addresses of the members: \
                       `- client: HOST:PORT`";
        reader.mistake(field.node.at, message);
    }
    twice(reader, &field.key, &members);
    for (index, _) in
        members.iter().enumerate().filter(|(_, member)| outside && member.agent.is_some())
    {
        let at = reader.places.get(&format!("{}[{index}].agent", field.key)).copied();
        let message =
            "an agent runs what `start` names; without `start`, calls do it, such as `ssh`";
        reader.mistake(at.unwrap_or(field.node.at), message);
    }
    members
}

fn counted(count: u64, peers: bool, failpoints: bool) -> Vec<Member> {
    let member = |number| Member {
        name: format!("m{number}"),
        client: FREE.to_owned(),
        peer: if peers { FREE.to_owned() } else { String::new() },
        failpoints: failpoints.then(|| FREE.to_owned()),
        agent: None,
    };
    (1..=count).map(member).collect()
}

fn list(reader: &mut Reader<'_>, field: &Field<'_>, peers: bool, started: bool) -> Vec<Member> {
    let mut members = Vec::new();
    let entries = reader.entries(field);
    if let Some(past) = entries.get(MOST as usize) {
        reader.mistake(past.node.at, format!("there are more than {MOST} members"));
        return members;
    }
    for (index, entry) in entries.iter().enumerate() {
        let Some(section) = reader.section(entry, "members[]") else { continue };
        let name = match section.field("name") {
            Some(field) => name(reader, &field),
            None => None,
        };
        let agent = section.field("agent").and_then(|field| agent(reader, &field));
        let here = agent.is_none();
        let mut address = |name: &str, needed: bool| match section.field(name) {
            Some(field) => {
                let address = reader.address(&field)?;
                if (!here || !started) && is_free(&address) {
                    let why = if started {
                        "the agent of another machine"
                    } else {
                        "neither `start` nor `launch`"
                    };
                    return reader
                        .expected(&field, format!("a port other than 0, because there is {why}"));
                }
                Some(address)
            }
            None if needed && !(here && started) => {
                let why = if started {
                    "an agent on another machine"
                } else {
                    "neither `start` nor `launch`"
                };
                let message = format!("the member needs `{name}: HOST:PORT`, because it has {why}");
                reader.mistake(section.at, message);
                None
            }
            None => Some(if needed { FREE.to_owned() } else { String::new() }),
        };
        let client = address("client", true);
        let peer = if peers {
            address("peer", true)
        } else {
            if let Some(peer) = section.field("peer") {
                let message = "the driver `commands` has no use for `peer`; remove it";
                reader.mistake(peer.node.at, message);
            }
            None
        };
        let failpoints = match section.field("failpoints") {
            None => None,
            Some(field) => match field.flag() {
                Some(false) => None,
                Some(true) if here && started => Some(FREE.to_owned()),
                Some(true) => {
                    reader.expected(&field, "an address, because the member runs elsewhere")
                }
                None => reader.address(&field),
            },
        };
        members.push(Member {
            name: name.unwrap_or_else(|| format!("m{}", index + 1)),
            client: client.unwrap_or_else(|| FREE.to_owned()),
            peer: peer.unwrap_or_default(),
            failpoints,
            agent,
        });
    }
    members
}

fn name(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let name = reader.text(field)?;
    let good = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    // It is the name of a directory.
    if name.is_empty() || name.starts_with('.') || name.len() > 64 || !name.chars().all(good) {
        return reader.expected(
            field,
            "at most 64 letters, digits, `-`, `_` and `.`, and no `.` at the beginning",
        );
    }
    Some(name)
}

fn agent(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<remote::Settings> {
    if !field.is_map() {
        return Some(remote::Settings { address: reader.address(field)?, token_file: None });
    }
    let section = reader.section(field, "members[].agent")?;
    let token_file = match section.field("token-file") {
        Some(field) => Some(reader.word(&field, "the path of a file")?.into()),
        None => None,
    };
    let Some(address) = section.field("address") else {
        reader.mistake(section.at, "the agent needs `address: HOST:PORT`");
        return None;
    };
    Some(remote::Settings { address: reader.address(&address)?, token_file })
}

fn is_free(address: &str) -> bool {
    values::address(address).is_ok_and(|(_, port)| port == 0)
}

/// Whether two servers cannot listen at these addresses at once.
fn is_same(one: &str, other: &str) -> bool {
    let (Ok((one, port)), Ok((other, other_port))) = (values::address(one), values::address(other))
    else {
        return false;
    };
    port == other_port && hosts(one).iter().any(|host| hosts(other).contains(host))
}

/// The addresses of this machine for which a host stands. Another name stands for itself.
fn hosts(host: &str) -> Vec<String> {
    let host = host.to_ascii_lowercase();
    let loopback = ["127.0.0.1", "::1"].map(str::to_owned);
    match host.parse::<IpAddr>() {
        // A server that listens at all addresses takes the port of each.
        Ok(address) if address.is_unspecified() => {
            loopback.into_iter().chain([address.to_string()]).collect()
        }
        Ok(address) => vec![address.to_string()],
        Err(_) if host == "localhost" => loopback.to_vec(),
        Err(_) => vec![host],
    }
}

/// Notes names and addresses that are there twice.
fn twice(reader: &mut Reader<'_>, key: &str, members: &[Member]) {
    for (index, member) in members.iter().enumerate() {
        let place = |reader: &Reader<'_>, name: &str| {
            let exact = format!("{key}[{index}].{name}");
            let around = format!("{key}[{index}]");
            let places = &reader.places;
            places.get(&exact).or(places.get(&around)).or(places.get(key)).copied()
        };
        if let Some(first) = members[..index].iter().find(|other| other.name == member.name)
            && let Some(at) = place(reader, "name")
        {
            reader.mistake(at, format!("there are two members with the name `{}`", first.name));
        }
        let own = addresses(member);
        for (position, (name, address)) in own.iter().enumerate() {
            if address.is_empty() || is_free(address) {
                continue;
            }
            let before = members[..index].iter().flat_map(|member| addresses(member));
            let mut others = before.chain(own[..position].iter().copied());
            if let Some((_, other)) = others.find(|(_, other)| is_same(other, address))
                && let Some(at) = place(reader, name)
            {
                let as_what = match other {
                    other if other == *address => String::new(),
                    other => format!(", as `{other}`"),
                };
                let message = format!("the address `{address}` is already taken above{as_what}");
                reader.mistake(at, message);
            }
        }
    }
}

/// The addresses of a member, with their keys.
pub(super) fn addresses(member: &Member) -> [(&'static str, &str); 3] {
    [
        ("client", &member.client),
        ("peer", &member.peer),
        ("failpoints", member.failpoints.as_deref().unwrap_or_default()),
    ]
}
