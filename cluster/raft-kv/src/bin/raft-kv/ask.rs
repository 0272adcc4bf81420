//! The commands that ask members: `put`, `get`, `watch` and the others.

use crate::Done;
use clap::{Args, Subcommand};
use raft_kv::client::{Client, ClientError, ReadOptions};
use raft_kv::{
    Event, EventKind, KeyValue, LeaseId, Member, OperationResponse, Revision, Status, Txn,
};
use serde::Serialize;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write a key.
    Put {
        key: String,
        /// Standard input if it is left out.
        value: Option<String>,
        /// Remove the key when this lease ends.
        #[arg(long, default_value_t = 0)]
        lease: LeaseId,
        #[command(flatten)]
        to: To,
    },
    /// Print the value of a key. The exit status is 1 if the key does not exist.
    Get {
        key: String,
        #[command(flatten)]
        how: How,
        #[command(flatten)]
        to: To,
    },
    /// Print keys and their values.
    Range {
        #[command(flatten)]
        keys: Keys,
        #[command(flatten)]
        how: How,
        /// The most keys to print; 0: all.
        #[arg(long, default_value_t = 0)]
        limit: u64,
        #[command(flatten)]
        to: To,
    },
    /// Remove a key, or with END or --prefix all keys of a range.
    Delete {
        #[command(flatten)]
        keys: Keys,
        #[command(flatten)]
        to: To,
    },
    /// Do a transaction, such as {"compare":[{"key":"a","is":"equal","target":{"value":"1"}}],"then":[{"put":{"key":"a","value":"2"}}],"otherwise":[{"range":{"keys":{"from":"a","to":"b"}}}]}.
    Txn {
        /// JSON; standard input if it is left out.
        txn: Option<String>,
        #[command(flatten)]
        to: To,
    },
    /// Print what happens to keys, as it happens.
    Watch {
        #[command(flatten)]
        keys: Keys,
        /// The first revision, in the past or in the future; now if it is left out.
        #[arg(long)]
        revision: Option<Revision>,
        #[command(flatten)]
        to: To,
    },
    /// Grant, renew, show and revoke leases.
    #[command(subcommand)]
    Lease(Lease),
    /// List, add and remove members.
    #[command(subcommand)]
    Member(MemberCommand),
    /// Print how each member is.
    Status {
        #[command(flatten)]
        to: To,
    },
    /// Hand leadership to a member.
    MoveLeader {
        id: u64,
        #[command(flatten)]
        to: To,
    },
    /// Forget the revisions before this one.
    Compact {
        revision: Revision,
        #[command(flatten)]
        to: To,
    },
    /// Print the hash of the state of each member.
    Hash {
        /// At this revision; at the last one of each member if it is left out.
        #[arg(long)]
        revision: Option<Revision>,
        #[command(flatten)]
        to: To,
    },
    /// Save a snapshot of a member to a file, for `raft-kv restore`.
    Snapshot {
        file: PathBuf,
        #[command(flatten)]
        to: To,
    },
}

#[derive(Subcommand)]
pub(crate) enum Lease {
    /// Grant a lease.
    Grant {
        /// The time after which it ends, unless it is renewed: whole seconds.
        #[arg(value_name = "TIME", value_parser = humantime::parse_duration)]
        ttl: Duration,
        #[command(flatten)]
        to: To,
    },
    /// Renew a lease.
    KeepAlive {
        id: LeaseId,
        #[command(flatten)]
        to: To,
    },
    /// Print what is left of a lease, and its keys.
    Show {
        id: LeaseId,
        #[command(flatten)]
        to: To,
    },
    /// End a lease, and remove its keys.
    Revoke {
        id: LeaseId,
        #[command(flatten)]
        to: To,
    },
}

#[derive(Subcommand)]
pub(crate) enum MemberCommand {
    /// Print the members.
    List {
        #[command(flatten)]
        to: To,
    },
    /// Add a member. Start it then, with `raft-kv serve --join`.
    Add {
        /// A number that no member has or had.
        id: u64,
        /// Where its peers connect: HOST:PORT.
        peer: String,
        /// Its name; `m` and its number if it is left out.
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        to: To,
    },
    /// Remove a member.
    Remove {
        id: u64,
        #[command(flatten)]
        to: To,
    },
}

/// Whom a command asks, and how it prints what it is told.
#[derive(Args)]
pub(crate) struct To {
    /// Where the members listen for clients. They are asked in turn until one answers.
    #[arg(
        long,
        value_name = "HOST:PORT,…",
        value_delimiter = ',',
        env = "RAFT_KV_ENDPOINTS",
        default_value = "127.0.0.1:2379"
    )]
    endpoints: Vec<String>,
    /// How long to try.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which keys.
#[derive(Args)]
pub(crate) struct Keys {
    /// The first key.
    key: String,
    /// The key after the last one.
    #[arg(conflicts_with = "prefix")]
    end: Option<String>,
    /// All keys that begin with KEY.
    #[arg(long)]
    prefix: bool,
}

/// Which state of the store.
#[derive(Args)]
pub(crate) struct How {
    /// Take what the member has, which may be old.
    #[arg(long)]
    stale: bool,
    /// The state at this revision.
    #[arg(long)]
    revision: Option<Revision>,
}

pub(crate) fn main(command: &Command) -> Done<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(command))
}

async fn ask(command: &Command) -> Done<ExitCode> {
    match command {
        Command::Put { key, value, lease, to } => {
            let value = value.clone().map_or_else(standard_input, Ok)?;
            let revision = to.client()?.put_with_lease(key, &value, *lease).await?;
            to.print(&raft_kv::wire::At { revision }, || format!("revision {revision}"))?;
        }
        Command::Get { key, how, to } => {
            let got = to.client()?.get_with(key, how.options(0)).await?;
            let Some(kv) = &got.kv else {
                eprintln!("raft-kv: there is no key `{key}`");
                return Ok(ExitCode::FAILURE);
            };
            to.print(&got, || kv.value.clone())?;
        }
        Command::Range { keys, how, limit, to } => {
            let end = keys.end_or(None);
            let found = to.client()?.range(&keys.key, end.as_deref(), how.options(*limit)).await?;
            let lines: Vec<_> = found.kvs.iter().map(pair).collect();
            to.print(&found, || lines.join("\n"))?;
        }
        Command::Delete { keys, to } => {
            let client = to.client()?;
            let end = keys.end_or(Some(format!("{}\0", keys.key)));
            let done = client.delete_range(&keys.key, end.as_deref()).await?;
            to.print(&done, || format!("{} deleted", done.deleted))?;
        }
        Command::Txn { txn, to } => {
            let text = txn.clone().map_or_else(standard_input, Ok)?;
            let txn = transaction(&text)?;
            let done = to.client()?.txn(&txn).await?;
            let mut lines = vec![format!(
                "{} revision {}",
                if done.succeeded { "then" } else { "otherwise" },
                done.revision
            )];
            for response in &done.responses {
                match response {
                    OperationResponse::Put => lines.push("put".to_owned()),
                    OperationResponse::Delete { deleted } => {
                        lines.push(format!("{deleted} deleted"))
                    }
                    OperationResponse::Range(found) => lines.extend(found.kvs.iter().map(pair)),
                }
            }
            to.print(&done, || lines.join("\n"))?;
        }
        Command::Watch { keys, revision, to } => watch(keys, *revision, to).await?,
        Command::Lease(lease) => ask_lease(lease).await?,
        Command::Member(member) => ask_member(member).await?,
        Command::Status { to } => return status(to).await,
        Command::MoveLeader { id, to } => {
            to.client()?.transfer_leadership(*id).await?;
            println!("asked to hand over to member {id}");
        }
        Command::Compact { revision, to } => {
            to.client()?.compact(*revision).await?;
            println!("revisions before {revision} are forgotten");
        }
        Command::Hash { revision, to } => {
            for (endpoint, client) in to.clients()? {
                let hash = client.hash(*revision).await?;
                to.print(&hash, || {
                    let raft_kv::wire::Hash { revision, hash, compacted } = hash;
                    format!("{endpoint} revision {revision} compacted {compacted} hash {hash:016x}")
                })?;
            }
        }
        Command::Snapshot { file, to } => {
            let bytes = to.client()?.snapshot().await?;
            fs::write(file, &bytes)
                .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            println!("{} bytes in {}", bytes.len(), file.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn watch(keys: &Keys, revision: Option<Revision>, to: &To) -> Done {
    let end = keys.end_or(Some(format!("{}\0", keys.key)));
    let mut watch = to.client()?.watch(&keys.key, end.as_deref(), revision).await?;
    loop {
        let message = match watch.next().await {
            // It goes on when a member serves again.
            Err(error @ (ClientError::Failed { .. } | ClientError::Unknown { .. })) => {
                eprintln!("raft-kv: {error}");
                continue;
            }
            message => message?,
        };
        let lines: Vec<_> = message.events.iter().map(event).collect();
        to.print(&message, || lines.join("\n"))?;
    }
}

async fn ask_lease(lease: &Lease) -> Done {
    match lease {
        Lease::Grant { ttl, to } => {
            let granted = to.client()?.grant(*ttl).await?;
            to.print(&granted, || format!("lease {} for {} s", granted.id, granted.ttl))
        }
        Lease::KeepAlive { id, to } => {
            let granted = to.client()?.keep_alive(*id).await?;
            to.print(&granted, || format!("lease {} for {} s", granted.id, granted.ttl))
        }
        Lease::Show { id, to } => {
            let lease = to.client()?.lease(*id).await?;
            to.print(&lease, || {
                let keys = lease.keys.join(" ");
                format!(
                    "lease {} has {} of {} s; keys: {keys}",
                    lease.id, lease.remaining, lease.ttl
                )
            })
        }
        Lease::Revoke { id, to } => {
            let done = to.client()?.revoke(*id).await?;
            to.print(&done, || format!("{} keys deleted", done.deleted))
        }
    }
}

async fn ask_member(command: &MemberCommand) -> Done {
    let (to, members) = match command {
        MemberCommand::List { to } => (to, to.client()?.members().await?),
        MemberCommand::Add { id, peer, name, to } => {
            let name = name.clone().unwrap_or_else(|| format!("m{id}"));
            let member = Member { id: *id, name, peer: peer.clone(), client: String::new() };
            (to, to.client()?.add_member(&member).await?)
        }
        MemberCommand::Remove { id, to } => (to, to.client()?.remove_member(*id).await?),
    };
    let lines =
        members.iter().map(|member| format!("{} {} {}", member.id, member.name, member.peer));
    let lines: Vec<_> = lines.collect();
    to.print(&raft_kv::wire::Members { members }, || lines.join("\n"))
}

/// The exit status says whether all members answered.
async fn status(to: &To) -> Done<ExitCode> {
    let mut all_answered = true;
    for (endpoint, client) in to.clients()? {
        match client.status().await {
            Ok(status) => to.print(&status, || {
                let Status { id, name, role, term, leader, applied, revision, .. } = &status;
                format!(
                    "{endpoint} member {id} {name} {role} term {term} leader {leader} applied {applied} revision {revision}"
                )
            })?,
            Err(error) => {
                all_answered = false;
                eprintln!("raft-kv: {error}");
            }
        }
    }
    Ok(if all_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl To {
    fn client(&self) -> Result<Client, ClientError> {
        Ok(Client::new(self.endpoints.iter().cloned())?.limit(self.timeout))
    }

    /// A client for each member alone.
    fn clients(&self) -> Result<Vec<(&str, Client)>, ClientError> {
        let one = |endpoint: &String| Client::new([endpoint.clone()]);
        let all = self.endpoints.iter();
        all.map(|endpoint| Ok((endpoint.as_str(), one(endpoint)?.limit(self.timeout)))).collect()
    }

    /// Prints a line of JSON, or the text. Nothing to say is no line.
    fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Done {
        let line = if self.json { serde_json::to_string(value)? } else { text() };
        if !line.is_empty() || !self.json {
            writeln!(io::stdout(), "{line}")?;
        }
        Ok(())
    }
}

/// Reads a transaction, which is an object. A list of its fields would be read as one, too.
fn transaction(text: &str) -> Done<Txn> {
    let expected = r#"expected a transaction {"compare":[…],"then":[…],"otherwise":[…]}"#;
    if !text.trim_start().starts_with('{') {
        return Err(format!("{expected}, found no JSON object").into());
    }
    Ok(serde_json::from_str(text).map_err(|error| format!("{expected}: {error}"))?)
}

impl Keys {
    /// The key after the last one; without END and --prefix, `one`.
    fn end_or(&self, one: Option<String>) -> Option<String> {
        if self.prefix { after(&self.key) } else { self.end.clone().or(one) }
    }
}

impl How {
    fn options(&self, limit: u64) -> ReadOptions {
        ReadOptions { stale: self.stale, revision: self.revision, limit }
    }
}

/// The first text behind all that begin with `prefix`; `None`: there is no text behind them.
fn after(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The next character that there is: surrogates are none.
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

fn standard_input() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

fn pair(kv: &KeyValue) -> String {
    format!("{}\t{}", kv.key, kv.value)
}

fn event(event: &Event) -> String {
    let KeyValue { key, value, mod_revision, .. } = &event.kv;
    match event.kind {
        EventKind::Put => format!("{mod_revision} put {key} {value}"),
        EventKind::Delete => format!("{mod_revision} delete {key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn a_prefix_ends_before_the_next_text_that_does_not_begin_with_it() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(after("\u{10FFFF}"), None);
        assert_eq!(after(""), None);
    }
}
