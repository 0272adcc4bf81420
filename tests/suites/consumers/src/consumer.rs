//! Which published packages, and how are their failpoint tests run?

use crate::{Rooms, Side, shown};
use toml::{Table, Value};

/// One published package.
pub struct Consumer {
    pub name: &'static str,
    pub version: &'static str,
    /// The version of `fail` that it asks for.
    pub fail: &'static str,
    /// What `cargo test` is given.
    pub cargo: &'static [&'static str],
    /// What the test binaries are given.
    pub harness: &'static [&'static str],
    /// Development dependencies that only what we do not build needs.
    pub unneeded: &'static [&'static str],
    /// What else its manifest needs.
    pub edit: fn(&mut Table, &Rooms),
}

/// No further edit.
fn nothing(_: &mut Table, _: &Rooms) {}

pub const CONSUMERS: &[Consumer] = &[
    Consumer {
        name: "fail",
        version: "0.5.1",
        fail: "0.5.1",
        cargo: &["--tests"],
        harness: &["--test-threads=1"],
        unneeded: &[],
        edit: depend_on_fail,
    },
    Consumer {
        name: "fail",
        version: "0.4.0",
        fail: "0.4.0",
        cargo: &["--tests"],
        harness: &["--test-threads=1"],
        unneeded: &[],
        edit: depend_on_fail,
    },
    Consumer {
        name: "raft-engine",
        version: "0.4.2",
        fail: "0.5.1",
        cargo: &["--test", "failpoints", "--features", "failpoints"],
        // As its own Makefile runs them.
        harness: &["--test-threads=1"],
        unneeded: &["criterion", "rand_distr"],
        edit: raft_engine,
    },
    Consumer {
        name: "tikv-client",
        version: "0.4.0",
        fail: "0.4.0",
        // Those that need no cluster.
        cargo: &["--lib"],
        harness: &["--test-threads=1"],
        unneeded: &["clap", "reqwest"],
        edit: nothing,
    },
    Consumer {
        name: "raft",
        version: "0.7.0",
        fail: "0.4.0",
        // Its failpoint tests are in a harness that was not published, and its unit tests want a
        // package that was not: what is left are the examples in its documentation.
        cargo: &["--doc", "--features", "failpoints"],
        harness: &["--test-threads=1"],
        unneeded: &["anyhow", "criterion", "datadriven", "itertools", "regex"],
        edit: nothing,
    },
    Consumer {
        name: "bashkit",
        version: "0.20.2",
        fail: "0.5.1",
        cargo: &["--test", "security_failpoint_tests", "--features", "failpoints"],
        harness: &["--test-threads=1"],
        unneeded: &["criterion", "insta", "pretty_assertions", "proptest", "tokio-test"],
        edit: nothing,
    },
    Consumer {
        name: "tantivy",
        version: "0.26.0",
        fail: "0.5.1",
        cargo: &["--test", "failpoints", "--features", "failpoints"],
        harness: &["--test-threads=1"],
        unneeded: &[
            "binggan",
            "maplit",
            "matches",
            "more-asserts",
            "postcard",
            "pretty_assertions",
            "proptest",
            "rand_distr",
            "test-log",
        ],
        edit: nothing,
    },
];

impl Consumer {
    /// What it is called on the command line: `fail` is there twice.
    pub fn key(&self) -> String {
        if self.name == "fail" { format!("fail-{}", self.version) } else { self.name.to_owned() }
    }

    /// Makes of its published manifest one that stands alone and builds on `side`.
    pub fn edit_manifest(&self, manifest: &mut Table, rooms: &Rooms, side: Side) {
        manifest.insert("workspace".into(), Table::new().into());
        // What we do not build may want files that were not published.
        manifest.remove("bench");
        manifest.remove("example");
        if let Some(Value::Table(dev)) = manifest.get_mut("dev-dependencies") {
            self.unneeded.iter().for_each(|name| drop(dev.remove(*name)));
        }
        (self.edit)(manifest, rooms);
        if side == Side::Ours {
            let compat = if self.fail == "0.4.0" { "compat/fail-0.4" } else { "compat/fail" };
            let path = shown(&rooms.repository.join(compat));
            let patch = table([("fail", table([("path", path.into())]))]);
            manifest.insert("patch".into(), table([("crates-io", patch)]));
        }
    }
}

/// The tests of `fail` against a library: of its own package only the tests stay, and the library is
/// a dependency. (Its unit tests are of its private parts.)
fn depend_on_fail(manifest: &mut Table, _: &Rooms) {
    let package = manifest["package"].as_table_mut().expect("a package has a table");
    let version = package["version"].clone();
    let version = version.as_str().expect("a version is text");
    package.insert("name".into(), "fails-own-tests".into());
    package.insert("autolib".into(), false.into());
    manifest.remove("lib");
    manifest.remove("features");
    let fail = table([
        ("version", format!("={version}").into()),
        ("features", Value::Array(vec!["failpoints".into()])),
    ]);
    let log = manifest["dependencies"]["log"].clone();
    manifest.insert("dependencies".into(), table([("fail", fail), ("log", log)]));
    // Else they ignore themselves.
    manifest.insert(
        "features".into(),
        table([
            ("default", Value::Array(vec!["failpoints".into()])),
            ("failpoints", Value::Array(Vec::new())),
        ]),
    );
}

/// Its tests take two packages from git. One is published under another name, of the other they use
/// one message.
fn raft_engine(manifest: &mut Table, rooms: &Rooms) {
    let dev = manifest["dev-dependencies"].as_table_mut().expect("it has some");
    let raft = [("package", "raft-proto".into()), ("version", "0.7".into())];
    dev.insert("raft".into(), table(raft));
    let kvproto = shown(&rooms.repository.join("tests/suites/consumers/kvproto"));
    dev.insert("kvproto".into(), table([("path", kvproto.into())]));
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
