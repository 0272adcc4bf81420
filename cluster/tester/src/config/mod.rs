//! What does a run do? The configuration, after it was checked.
//!
//! A configuration is one YAML file. [`parse`] reads it whole, and tells all mistakes at once, each
//! with its place. [`Config::check_machine`] then looks whether this machine has what it needs. Nothing
//! is started before both have found no mistake. The smallest configuration is `driver: etcd`; the directory
//! `examples` of this crate has commented ones.
//!
//! Durations have a unit (`500ms`, `2s`, `5m`), sizes may have one (`32KiB`). A list of one entry may be
//! written without the list. `${NAME}` is a variable of the environment, `${NAME:-DEFAULT}` has a
//! default, and `$${` stands for `${`. Relative paths start at the current directory, except for those
//! in `start`, `launch` and calls: these are run in the directory of the member.
//!
//! # The calls of the driver `commands`
//!
//! A call is a command line or a list of words, which are run without a shell, or a map with one of
//! `run`, `http` and `tcp`. Its texts have places for values: `{name}`, `{client}` (the address),
//! `{host}` and `{port}` (its parts), `{failpoint}`, `{data}` and `{directory}` everywhere; `{key}`,
//! `{value}`, `{from}`, `{to}` and `{signal}` where a call has them. A text that begins with a place
//! needs quotes, because `{name}` without them is a map.
//!
//! # Keys
//!
//! `[]` is an entry of a list, `*` any name, and `CALL` each of the calls.
//!
//! | key | what it says | default |
//! |---|---|---|
//! | `name` | the name of the subject in reports | the name of the driver |
//! | `driver` | how the subject is run and asked: `etcd`, `raft-kv`, or a map with `etcd:`, `raft-kv:` or `commands:` | required |
//! | `driver.etcd` | settings of the driver `etcd` | the defaults below |
//! | `driver.etcd.binary` | the program, by name or path; one with gofail works | `etcd` |
//! | `driver.etcd.etcdctl` | `etcdctl`, for the restore case | `etcdctl` |
//! | `driver.etcd.flags` | flags that are added | none |
//! | `driver.etcd.env` | variables that are added to its environment | none |
//! | `driver.raft-kv` | settings of the driver `raft-kv` | the defaults below |
//! | `driver.raft-kv.binary` | the program, by name or path | `raft-kv` |
//! | `driver.raft-kv.flags` | flags of `raft-kv serve` that are added | none |
//! | `driver.raft-kv.env` | variables that are added to its environment | none |
//! | `driver.commands` | settings of the driver `commands` | required there |
//! | `driver.commands.start` | the program that runs a member in the foreground: a command line, or a list of words | members run outside of the tester |
//! | `driver.commands.launch` | a call instead of `start`: starts a member in the background, and returns | members run already |
//! | `driver.commands.running` | a call: succeeds as long as the process of a member is there | whether it answers |
//! | `driver.commands.env` | variables that are added to the environment of `start` or `launch` | none |
//! | `driver.commands.stop` | a call: stops a member | SIGTERM with `start` |
//! | `driver.commands.kill` | a call: ends a member at once | SIGKILL with `start` |
//! | `driver.commands.pause` | a call: freezes a member | SIGSTOP with `start` |
//! | `driver.commands.unpause` | a call: lets it go on | SIGCONT with `start` |
//! | `driver.commands.logs` | a call: prints the log of a member, and perhaps follows it | the output of `start` |
//! | `driver.commands.health` | a call: succeeds if the member serves | an answer to `revision`, or to `get` |
//! | `driver.commands.leader` | a call: the name or the address of the leader | no leader |
//! | `driver.commands.put` | a call: writes `{value}` to `{key}` | required |
//! | `driver.commands.get` | a call: reads `{key}` | required |
//! | `driver.commands.range` | a call: reads the keys from `{from}` to `{to}` | no ranges |
//! | `driver.commands.delete` | a call: removes `{key}` | no deletes |
//! | `driver.commands.hash` | a call: the hash of a member's contents | no hashes |
//! | `driver.commands.revision` | a call: the revision of a member | no revisions |
//! | `driver.commands.points` | what is known of its points, by name | nothing |
//! | `driver.commands.points.*.role` | where it fires: `any`, `leader` or `follower` | `any` |
//! | `driver.commands.points.*.trigger` | what makes it reached: `load`, `compaction`, `snapshot`, `restart`, `membership`, `defragmentation`, `lease`, `watch`, or `none` if nothing does | `load` |
//! | `CALL.run` | of a call: a program, as a command line or a list of words | one of `run`, `http`, `tcp` |
//! | `CALL.http` | of a call: `METHOD URL` | one of `run`, `http`, `tcp` |
//! | `CALL.body` | of an HTTP call: the body | none |
//! | `CALL.headers` | of an HTTP call: the headers | none |
//! | `CALL.tcp` | of a call: the address to which a line is sent | one of `run`, `http`, `tcp` |
//! | `CALL.send` | of a TCP call: the line | required with `tcp` |
//! | `CALL.success` | of a call: a regular expression that a good answer matches; its first group is the value | any answer |
//! | `CALL.missing` | of a call: a regular expression for an answer that says that the key does not exist | none |
//! | `CALL.failed` | of a call: a regular expression for an answer that says that nothing was changed | none |
//! | `members` | how many members, a map with `count:`, or a list | 3 for `etcd` and `raft-kv`, 1 for `commands` |
//! | `members.count` | how many | required there |
//! | `members.failpoints` | whether each has a control plane of failpoints | `false` |
//! | `members[].name` | its name | `m1`, `m2`, … |
//! | `members[].client` | where clients connect; port 0 is a free port | `127.0.0.1:0` |
//! | `members[].peer` | where its peers connect | `127.0.0.1:0` |
//! | `members[].failpoints` | where its failpoints are armed (`GOFAIL_HTTP`), or `true` for a free port | `false` |
//! | `members[].agent` | the `failpoint-agent` that runs it: its address, or a map | this process |
//! | `members[].agent.address` | where the agent listens | required there |
//! | `members[].agent.token-file` | the file that has its token | no token |
//! | `directory` | where data, logs and reports go | `failpoint-tester` |
//! | `cases` | the cases of a round: `all`, or a list of names; `SIGTERM_*` is all that begin so and can be run | `all` |
//! | `except` | cases that are left out, as names or with `*` | none |
//! | `shuffle` | whether the seed draws the order of the cases | `true` |
//! | `checks` | the checks: a list of names | all that the subject can serve |
//! | `load` | what clients do in the meantime | the defaults below |
//! | `load.clients` | how many clients ask at once | `8` |
//! | `load.rate` | how many requests a second all clients send together at most | `300` |
//! | `load.minimum-rate` | how many a second must succeed before a fault, while a quorum is left, and after it | `5` |
//! | `load.keys` | how many keys there are | `50` |
//! | `load.kinds` | the kinds of requests: a list, or a map with weights | all that the subject can serve |
//! | `load.runners` | the runners: a list, or a map with how many of each | one of each that the subject can serve |
//! | `load.large-value` | how long the values of KV_WRITE_LARGE are | `32KiB` |
//! | `load.snapshot-entries` | how many writes make a member need a snapshot | `5500`; `300` for `raft-kv` |
//! | `failpoints` | what FAILPOINTS arms | the defaults below |
//! | `failpoints.points` | the points, by the end of their names | all that a member lists |
//! | `failpoints.commands` | the terms that are armed | `panic`, `sleep(1000)` |
//! | `failpoints.targets` | on which members: `one-follower`, `leader`, `quorum`, `all` | all four; `all` without a leader |
//! | `failpoints.sample` | how many combinations a round takes, or `all` | one point for each command and target |
//! | `failpoints.known` | what is known of points, by name, over what the driver knows | nothing |
//! | `failpoints.known.*.role` | where it fires: `any`, `leader` or `follower` | `any` |
//! | `failpoints.known.*.trigger` | what makes it reached: `load`, `compaction`, `snapshot`, `restart`, `membership`, `defragmentation`, `lease`, `watch`, or `none` if nothing does | `load` |
//! | `failpoints.latency` | how long FAILPOINTS_WITH_DISK_IO_LATENCY delays | `200ms` |
//! | `failpoints.latency-point` | the point of FAILPOINTS_WITH_DISK_IO_LATENCY | `raftAfterSave` |
//! | `external` | the program of EXTERNAL; `enable N` and `disable N` are added | none |
//! | `log-patterns` | what LOGS looks for, as regular expressions | panics and data races |
//! | `limits` | how long things may take | the defaults below |
//! | `limits.request` | a request of a client | `2s` |
//! | `limits.stop` | a stop, before it becomes SIGKILL | `5s` |
//! | `limits.fault` | how long a fault lasts at least | `500ms` |
//! | `limits.felt` | until a fault is felt | `10s` |
//! | `limits.heal` | until the cluster is healthy after a fault | `60s` |
//! | `limits.check` | a checker | `60s` |

mod calls;
mod cases;
mod checks;
mod document;
mod driver;
mod failpoints;
mod keys;
mod load;
mod machine;
mod members;
mod mistakes;
mod nearest;
mod plan;
mod points;
mod ports;
mod reader;
mod substitute;
mod terms;
mod types;
mod values;
mod yaml;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

pub use keys::{KEYS, Key};
pub use mistakes::{Mistake, Mistakes, Place};
pub use plan::Plan;
pub use types::{Config, DriverConfig, FailpointsConfig, Limits};

/// Reads the configuration in a file. Nothing is started.
///
/// # Errors
/// All mistakes, with their places; or that the file cannot be read.
pub fn load(path: &Path) -> Result<Config, Mistakes> {
    let text = read(path).map_err(|error| {
        let message = format!("the file cannot be read: {error}");
        Mistakes { path: path.to_owned(), list: vec![Mistake { at: Place::START, message }] }
    })?;
    parse(&text, path)
}

/// A file, which may be a device that never ends.
fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(yaml::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let invalid = |message: String| io::Error::new(ErrorKind::InvalidData, message);
    if bytes.len() > yaml::MAX_BYTES {
        return Err(invalid(format!("it is longer than {} bytes", yaml::MAX_BYTES)));
    }
    String::from_utf8(bytes).map_err(|error| invalid(format!("it is not UTF-8: {error}")))
}

/// Reads a configuration. Nothing is started, and no file is looked at. The path is for messages.
/// Variables are those of the environment.
///
/// # Errors
/// All mistakes, with their places.
///
/// ```
/// let config = failpoint_tester::config::parse("driver: etcd", "etcd.yaml".as_ref())?;
/// assert_eq!(config.members.len(), 3);
///
/// let mistakes = failpoint_tester::config::parse("driver: etcd\nloda: {}", "etcd.yaml".as_ref());
/// assert_eq!(
///     mistakes.unwrap_err().to_string(),
///     "etcd.yaml:2:1: unknown key `loda`; did you mean `load`?"
/// );
/// # Ok::<(), failpoint_tester::config::Mistakes>(())
/// ```
pub fn parse(text: &str, path: &Path) -> Result<Config, Mistakes> {
    parse_with(text, path, &|name| std::env::var(name).ok())
}

/// Reads a configuration, with these variables instead of those of the environment.
///
/// # Errors
/// All mistakes, with their places.
pub fn parse_with(
    text: &str,
    path: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Mistakes> {
    document::read(text, path, variables)
}
