//! Raft as a script: a group of nodes in one thread, driven by text files.
//!
//! A script names its kind of node, and then has commands, each with the output that is expected of
//! it. [`script`] has the grammar. [`check`] runs scripts in a test, and the binary `interaction`
//! runs them from a shell.
//!
//! ```text
//! node raft-simdisk
//!
//! add-nodes 3 voters=(1,2,3) index=2
//! ----
//! ok
//!
//! failpoint 1 raftBeforeSave=panic
//! ----
//! ok
//!
//! campaign 1
//! ----
//! ok
//!
//! process-ready 1
//! ----
//! Ready MustSync=true:
//! Lead:0 State:Candidate
//! HardState Term:1 Vote:1 Commit:2
//! Messages after it saved:
//! 1->2 MsgRequestVote Term:1 Log:1/2 Commit:2
//! 1->3 MsgRequestVote Term:1 Log:1/2 Commit:2
//! node 1 crashed: failpoint raftBeforeSave panic
//! ```
//!
//! # Commands
//!
//! `[…]` may be left out, and `…` may be repeated. A command that prints nothing else says `ok`.
//! Commands to a node that is down are an error, unless the table says otherwise.
//!
//! | command | what it does |
//! |---|---|
//! | **nodes** | |
//! | `add-nodes COUNT [voters=(ID,…)] [learners=(ID,…)] [index=N] [content=TEXT] [inflight=N] [prevote] [checkquorum] [read-only=safe\|lease] [max-committed-size-per-ready=BYTES] [snapshot-count=N] [catch-up-entries=N]` | Adds nodes, numbered on from those that are there, and starts them. With `voters`, their log starts at `index` (2 or more), where the state machine holds `content`. Without, they wait until a leader adds them. `read-only=lease` needs `checkquorum`. Stores take `voters`, `prevote` and `checkquorum` of these; their log starts at index 1, and they make a snapshot of their own after `snapshot-count` entries, of which `catch-up-entries` stay in the log |
//! | `crash NODE [keep=synced\|all\|SEED]` | Crashes a node. Its disk keeps what was synced, or all that was written, or what the number `SEED` chooses. On `raft-memory` and `raft-log` a crash keeps all, and what cannot be is refused |
//! | `restart NODE` | Starts a node that is down, from what its disk holds |
//! | `fsync NODE` | Makes all durable that the node has written. Also for a node that is down |
//! | `lie-sync NODE [off]` | The syncs of a simulated disk say that they are done, and make nothing durable; `off` ends that |
//! | `tick NODE [COUNT]` | The node's clock ticks once, or `COUNT` times |
//! | `tick-election NODE` | As many ticks as an election time-out has, which are 3 |
//! | `tick-heartbeat NODE` | As many ticks as there are between two heartbeats, which is 1 |
//! | `set-randomized-election-timeout NODE timeout=TICKS` | From now on the node campaigns after 3, 4 or 5 ticks without a leader. It is 3 until this is set |
//! | **raft** | |
//! | `campaign NODE` | Starts an election |
//! | `propose NODE DATA` | Proposes a value; to a store, a key without a value. When it is applied there, the output says `acknowledged` |
//! | `propose-conf-change NODE [v1] [transition=auto\|implicit\|explicit]` | Proposes the changes that stand in the lines below: `v3` adds a voter, `l3` a learner, `r3` removes a node. Without a change it leaves a joint configuration. `v1` takes one change and uses the older form |
//! | `read NODE CONTEXT` | Asks from which index on a read sees all that was acknowledged. The output says `may read` when that is known |
//! | `transfer-leadership from=NODE to=NODE` | Hands leadership over |
//! | `compact NODE INDEX` | Makes a snapshot of what was applied, and forgets the log up to `INDEX` |
//! | `send-snapshot FROM TO` | A leader sends its last snapshot |
//! | `report-unreachable NODE OTHER` | Tells a leader that its messages to `OTHER` do not arrive |
//! | **stores** | for `node raft-kv`; the output has the answer when it comes |
//! | `put NODE KEY VALUE [lease=ID]` | Writes a key |
//! | `get NODE KEY [TO] [stale] [revision=N] [limit=N]` | Reads a key, or the keys from `KEY` to `TO`; `*` is all keys. `stale` reads what this node has |
//! | `delete NODE KEY [TO]` | Deletes a key, or the keys from `KEY` to `TO`; `*` is all keys |
//! | `txn NODE` | A transaction, whose lines stand below: `if KEY value=V` (or `version=N`, `create-revision=N`, `mod-revision=N`), `then put KEY VALUE`, `then delete KEY`, `then get KEY`, and the same with `else` |
//! | `watch NODE NAME KEY [TO] [revision=N]` | Opens a watch, from a revision on or from now on. Its events are output as they come |
//! | `cancel-watch NODE NAME` | Closes it |
//! | `lease-grant NODE TICKS`, `lease-keep-alive NODE ID`, `lease-revoke NODE ID`, `lease-time-to-live NODE ID` | Leases. The number of a lease is the index of the entry that granted it |
//! | `compact-revisions NODE REVISION` | Forgets the revisions before this one |
//! | `member-add NODE ID`, `member-remove NODE ID` | Changes the members |
//! | `hash NODE [revision=N]` | The hash of what a node has |
//! | `store-status NODE` | How a node is |
//! | **steps** | |
//! | `process-ready NODE…` | Lets nodes do the work that is ready: save, send, apply |
//! | `deliver-msgs [NODE…] [drop=(NODE,…)] [type=TYPE]` | Delivers the messages to some nodes that have arrived, and drops all those to others. `type` takes only those of a type, such as `MsgAppend` |
//! | `stabilize [NODE…] [log-level=LEVEL]` | Lets nodes work and messages arrive until there is nothing left to do. When messages are on their way and nothing else is left, it lets time pass and says so. An error after 1,000 rounds. Without nodes: all of them, and the messages to those that are down are lost |
//! | **network** | |
//! | `partition NODE,… \| NODE,…` | From now on, only nodes of one group reach each other; a node in no group is alone. Messages between groups are lost, those on their way too |
//! | `heal` | All nodes reach each other again |
//! | **points** | |
//! | `failpoint NODE\|all NAME=TERMS…` | Arms points of one node, or of each that is there (`*` is `all`); `NAME=off` disarms. Terms with a blank outside of parentheses stand in quotes. An armed point stays armed when its node crashes |
//! | `failpoints [NODE]` | Lists the points of the Ready loop, the log, the disk and the crate `raft`; with a node, those that are armed there, with their hits and fires |
//! | **to look** | |
//! | `raft-state` | The role, term and leader of each node, and its configuration as long as that is a joint one |
//! | `status NODE` | What a leader knows of the members |
//! | `raft-log NODE` | The entries of a log |
//! | `raft-logs` | All logs as a table of `(term,index)`: a row for each node that runs, a column for each index |
//! | `show NODE` | What the state machine holds, a value or a key a line |
//! | `check` | Whether the logs of the nodes that run are equal, and have all that was acknowledged |
//! | `log-level none\|error\|warn\|info\|debug` | The least important lines of raft's log that are printed; `warn` at the beginning. `none` prints only what goes wrong, and what the commands to look are asked for |
//! | `expect-broken` | From now on, a broken promise is output; see below |
//! | `_breakpoint` | Nothing: a place for a breakpoint of a debugger |
//!
//! The arguments are those of etcd's scripted tests where it has the command.
//!
//! # Points
//!
//! Each node has a [scope](failpoint::Scope) of its own, and its points are armed there. The owner of the
//! nodes is the script, so [some actions](failpoint::Scope::simulate) do something else than in a server:
//!
//! - `panic`, `exit`, `abort` and `kill` crash the node, as `crash NODE` does. The rest of the step does
//!   not happen. Messages that were sent before are on their way.
//! - `sleep` and `delay` take virtual time. What the node sends after them arrives so much later, and so
//!   does what it sends in later steps. A command `crash` loses what has not left by then.
//! - `pause`, `wait`, `barrier`, `for` and `after` are refused, with what to do instead.
//!
//! Chances (`50%…`, `sleep(1ms..9ms)`) are drawn from one seed, and fall the same way in each run.
//!
//! A node that panics otherwise is down, and so is one whose disk refuses: the output says why. `restart`
//! starts it.
//!
//! # Time
//!
//! Nothing takes time but ticks, points that sleep, and `stabilize` when it waits for messages. With each
//! tick of any node, 20 ms pass. Messages arrive in the order in which they were sent, at once unless a
//! point sleeps.
//!
//! # Promises
//!
//! After each step, the promises of raft are checked: at most one leader in a term, logs match, committed
//! entries never change, no acknowledged entry is lost, and a restart keeps the term, the vote and the
//! entries that a node told others of ([`cluster_node::Promise`] has all of them). A broken promise is an
//! error, which no expected output can accept. A script that shows one on purpose says `expect-broken`
//! first. Then it is output, once for each: `broken: …`.

pub mod command_line;
mod difference;
mod files;
mod group;
pub mod interpreter;
mod panic_text;
pub mod picture;
mod runner;
pub mod script;
mod suite;
pub mod trace;

pub use difference::Difference;
pub use group::{Disk, GroupNode, NodeSettings, Panicked, caught};
pub use runner::{Interpreter, NodeKind, Output, Report, RunError, Runner};
pub use suite::storage_suite;

use std::path::Path;

/// Runs a script, or all scripts in a directory, from a test. With `REWRITE=1` in the environment,
/// it writes the outputs into them.
///
/// # Panics
///
/// A script gives another output, or cannot be run. The message is the difference, as
/// `interaction run` prints it.
#[track_caller]
pub fn check(path: impl AsRef<Path>) {
    Runner::new(interpreter::interpreter).check(path);
}
