//! Which keys are there? The one list: readers refuse what is not in it, and a test compares it with the
//! table in the module docs.

/// A key: its path, what it says, and its default.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Where it stands. `[]` is an entry of a list, and `*` any name.
    pub path: &'static str,
    /// What it says.
    pub what: &'static str,
    /// What it is when it is left out.
    pub default: &'static str,
}

const fn key(path: &'static str, what: &'static str, default: &'static str) -> Key {
    Key { path, what, default }
}

/// All keys, in the order of the table.
pub const KEYS: &[Key] = &[
    key("name", "the name of the subject in reports", "the name of the driver"),
    key(
        "driver",
        "how the subject is run and asked: `etcd`, `raft-kv`, or a map with `etcd:`, `raft-kv:` or `commands:`",
        "required",
    ),
    key("driver.etcd", "settings of the driver `etcd`", "the defaults below"),
    key("driver.etcd.binary", "the program, by name or path; one with gofail works", "`etcd`"),
    key("driver.etcd.etcdctl", "`etcdctl`, for the restore case", "`etcdctl`"),
    key("driver.etcd.flags", "flags that are added", "none"),
    key("driver.etcd.env", "variables that are added to its environment", "none"),
    key("driver.raft-kv", "settings of the driver `raft-kv`", "the defaults below"),
    key("driver.raft-kv.binary", "the program, by name or path", "`raft-kv`"),
    key("driver.raft-kv.flags", "flags of `raft-kv serve` that are added", "none"),
    key("driver.raft-kv.env", "variables that are added to its environment", "none"),
    key("driver.commands", "settings of the driver `commands`", "required there"),
    key(
        "driver.commands.start",
        "the program that runs a member in the foreground: a command line, or a list of words",
        "members run outside of the tester",
    ),
    key(
        "driver.commands.launch",
        "a call instead of `start`: starts a member in the background, and returns",
        "members run already",
    ),
    key(
        "driver.commands.running",
        "a call: succeeds as long as the process of a member is there",
        "whether it answers",
    ),
    key(
        "driver.commands.env",
        "variables that are added to the environment of `start` or `launch`",
        "none",
    ),
    key("driver.commands.stop", "a call: stops a member", "SIGTERM with `start`"),
    key("driver.commands.kill", "a call: ends a member at once", "SIGKILL with `start`"),
    key("driver.commands.pause", "a call: freezes a member", "SIGSTOP with `start`"),
    key("driver.commands.unpause", "a call: lets it go on", "SIGCONT with `start`"),
    key(
        "driver.commands.logs",
        "a call: prints the log of a member, and perhaps follows it",
        "the output of `start`",
    ),
    key(
        "driver.commands.health",
        "a call: succeeds if the member serves",
        "an answer to `revision`, or to `get`",
    ),
    key("driver.commands.leader", "a call: the name or the address of the leader", "no leader"),
    key("driver.commands.put", "a call: writes `{value}` to `{key}`", "required"),
    key("driver.commands.get", "a call: reads `{key}`", "required"),
    key("driver.commands.range", "a call: reads the keys from `{from}` to `{to}`", "no ranges"),
    key("driver.commands.delete", "a call: removes `{key}`", "no deletes"),
    key("driver.commands.hash", "a call: the hash of a member's contents", "no hashes"),
    key("driver.commands.revision", "a call: the revision of a member", "no revisions"),
    key("driver.commands.points", "what is known of its points, by name", "nothing"),
    key("driver.commands.points.*.role", "where it fires: `any`, `leader` or `follower`", "`any`"),
    key(
        "driver.commands.points.*.trigger",
        "what makes it reached: `load`, `compaction`, `snapshot`, `restart`, `membership`, `defragmentation`, `lease`, `watch`, or `none` if nothing does",
        "`load`",
    ),
    key(
        "CALL.run",
        "of a call: a program, as a command line or a list of words",
        "one of `run`, `http`, `tcp`",
    ),
    key("CALL.http", "of a call: `METHOD URL`", "one of `run`, `http`, `tcp`"),
    key("CALL.body", "of an HTTP call: the body", "none"),
    key("CALL.headers", "of an HTTP call: the headers", "none"),
    key(
        "CALL.tcp",
        "of a call: the address to which a line is sent",
        "one of `run`, `http`, `tcp`",
    ),
    key("CALL.send", "of a TCP call: the line", "required with `tcp`"),
    key(
        "CALL.success",
        "of a call: a regular expression that a good answer matches; its first group is the value",
        "any answer",
    ),
    key(
        "CALL.missing",
        "of a call: a regular expression for an answer that says that the key does not exist",
        "none",
    ),
    key(
        "CALL.failed",
        "of a call: a regular expression for an answer that says that nothing was changed",
        "none",
    ),
    key(
        "members",
        "how many members, a map with `count:`, or a list",
        "3 for `etcd` and `raft-kv`, 1 for `commands`",
    ),
    key("members.count", "how many", "required there"),
    key("members.failpoints", "whether each has a control plane of failpoints", "`false`"),
    key("members[].name", "its name", "`m1`, `m2`, …"),
    key("members[].client", "where clients connect; port 0 is a free port", "`127.0.0.1:0`"),
    key("members[].peer", "where its peers connect", "`127.0.0.1:0`"),
    key(
        "members[].failpoints",
        "where its failpoints are armed (`GOFAIL_HTTP`), or `true` for a free port",
        "`false`",
    ),
    key(
        "members[].agent",
        "the `failpoint-agent` that runs it: its address, or a map",
        "this process",
    ),
    key("members[].agent.address", "where the agent listens", "required there"),
    key("members[].agent.token-file", "the file that has its token", "no token"),
    key("directory", "where data, logs and reports go", "`failpoint-tester`"),
    key(
        "cases",
        "the cases of a round: `all`, or a list of names; `SIGTERM_*` is all that begin so and can be run",
        "`all`",
    ),
    key("except", "cases that are left out, as names or with `*`", "none"),
    key("shuffle", "whether the seed draws the order of the cases", "`true`"),
    key("checks", "the checks: a list of names", "all that the subject can serve"),
    key("load", "what clients do in the meantime", "the defaults below"),
    key("load.clients", "how many clients ask at once", "`8`"),
    key("load.rate", "how many requests a second all clients send together at most", "`300`"),
    key(
        "load.minimum-rate",
        "how many a second must succeed before a fault, while a quorum is left, and after it",
        "`5`",
    ),
    key("load.keys", "how many keys there are", "`50`"),
    key(
        "load.kinds",
        "the kinds of requests: a list, or a map with weights",
        "all that the subject can serve",
    ),
    key(
        "load.runners",
        "the runners: a list, or a map with how many of each",
        "one of each that the subject can serve",
    ),
    key("load.large-value", "how long the values of KV_WRITE_LARGE are", "`32KiB`"),
    key(
        "load.snapshot-entries",
        "how many writes make a member need a snapshot",
        "`5500`; `300` for `raft-kv`",
    ),
    key("failpoints", "what FAILPOINTS arms", "the defaults below"),
    key("failpoints.points", "the points, by the end of their names", "all that a member lists"),
    key("failpoints.commands", "the terms that are armed", "`panic`, `sleep(1000)`"),
    key(
        "failpoints.targets",
        "on which members: `one-follower`, `leader`, `quorum`, `all`",
        "all four; `all` without a leader",
    ),
    key(
        "failpoints.sample",
        "how many combinations a round takes, or `all`",
        "one point for each command and target",
    ),
    key(
        "failpoints.known",
        "what is known of points, by name, over what the driver knows",
        "nothing",
    ),
    key("failpoints.known.*.role", "where it fires: `any`, `leader` or `follower`", "`any`"),
    key(
        "failpoints.known.*.trigger",
        "what makes it reached: `load`, `compaction`, `snapshot`, `restart`, `membership`, `defragmentation`, `lease`, `watch`, or `none` if nothing does",
        "`load`",
    ),
    key("failpoints.latency", "how long FAILPOINTS_WITH_DISK_IO_LATENCY delays", "`200ms`"),
    key(
        "failpoints.latency-point",
        "the point of FAILPOINTS_WITH_DISK_IO_LATENCY",
        "`raftAfterSave`",
    ),
    key("external", "the program of EXTERNAL; `enable N` and `disable N` are added", "none"),
    key("log-patterns", "what LOGS looks for, as regular expressions", "panics and data races"),
    key("limits", "how long things may take", "the defaults below"),
    key("limits.request", "a request of a client", "`2s`"),
    key("limits.stop", "a stop, before it becomes SIGKILL", "`5s`"),
    key("limits.fault", "how long a fault lasts at least", "`500ms`"),
    key("limits.felt", "until a fault is felt", "`10s`"),
    key("limits.heal", "until the cluster is healthy after a fault", "`60s`"),
    key("limits.check", "a checker", "`60s`"),
];

/// The names that may stand directly below a path. The path of the file itself is empty.
pub(super) fn below(section: &str) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(move |key| {
        let rest = match section {
            "" => key.path,
            _ => key.path.strip_prefix(section)?.strip_prefix('.')?,
        };
        // Settings of a call are not at the top.
        (!rest.contains('.') && !rest.contains("[]")).then_some(rest)
    })
}

/// Where a word of etcd's functional tester has gone.
pub(super) fn of_etcd(word: &str) -> Option<&'static str> {
    Some(match word {
        "agent-configs" => "`members`",
        "tester-config" => "the top of the file",
        "case-shuffle" => "`shuffle`",
        "checkers" => "`checks`",
        "stressers" => "`load: {kinds: …, runners: …}`",
        "stress-clients" => "`load: {clients: …}`",
        "stress-qps" => "`load: {rate: …}`",
        "stress-key-size-large" => "`load: {large-value: …}`",
        "stress-key-suffix-range" => "`load: {keys: …}`",
        "failpoint-commands" => "`failpoints: {commands: …}`",
        "external-exec-path" => "`external`",
        "data-dir" => "`directory`",
        "round-limit" => "the option `--rounds`",
        "etcd-exec" => "`driver: {etcd: {binary: …}}`",
        "agent-addr" => "`agent`",
        "failpoint-http-addr" => "`failpoints`",
        "etcd-client-endpoint" | "etcd-client-addr" => "`client`",
        _ => return None,
    })
}
