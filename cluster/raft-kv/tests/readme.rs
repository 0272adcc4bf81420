//! The README is true: its table is that of `POINTS`, and its walk passes each of them.

use raft_kv::{POINTS, Point};
use std::fs;
use std::path::Path;

const TABLE: &str =
    "| point | on | reached by | a crash there simulates that |\n|---|---|---|---|\n";

/// The table, one row for each point. `REWRITE=1` writes it into the README.
#[test]
fn the_table_has_each_point() {
    let row = |Point { name, simulates, role, trigger }: &Point| {
        let (role, trigger) = (format!("{role:?}"), format!("{trigger:?}"));
        format!(
            "| `{name}` | {} | {} | {simulates} |\n",
            role.to_lowercase(),
            trigger.to_lowercase()
        )
    };
    let rows: String = POINTS.iter().map(row).collect();
    let expected = format!("{TABLE}{rows}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("## The points\n").unwrap();
    let start = rest.find("| point |").unwrap_or_else(|| rest.find("<!-- POINTS -->").unwrap());
    let end = start + rest[start..].find("\n## ").unwrap();
    if std::env::var_os("REWRITE").is_some() {
        let text = format!("{before}## The points\n{}{expected}{}", &rest[..start], &rest[end..]);
        fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(&rest[start..end], expected, "write it again with REWRITE=1");
}

#[test]
fn the_walk_passes_each_point() {
    let text = include_str!("../README.md");
    let start = text.find("## One write on its way").unwrap();
    let end = text.find("## The points").unwrap();
    let walk = &text[start..end];
    let names = POINTS.iter().map(|point| point.name);
    let missing: Vec<_> = names.filter(|name| !walk.contains(&format!("**{name}**"))).collect();
    assert!(missing.is_empty(), "the walk does not name {missing:?}");
}

/// Every point of this package and those below it is in the table, and every point in the table exists.
#[cfg(feature = "failpoints")]
#[test]
fn the_points_are_those_of_the_code() {
    use cluster_node::{Input, LogLines, Node as _, Outputs, StepClock};
    // A point is linked with the code around it.
    let directory = tempfile::tempdir().unwrap();
    let settings = raft_kv::Settings::new(1);
    let node = raft_kv::Node::start(&settings, directory.path(), &LogLines::default());
    node.unwrap().step(Input::Tick, &mut Outputs::new(&StepClock::default())).unwrap();

    let mut linked: Vec<_> = failpoint::points()
        .into_iter()
        .filter(|point| {
            let packages = ["raft-kv", "cluster-node", "cluster-log"];
            point.sites.iter().any(|site| packages.contains(&site.package))
        })
        .map(|point| point.name.to_string())
        .collect();
    linked.sort();
    let mut named: Vec<_> = POINTS.iter().map(|point| point.name.to_owned()).collect();
    named.sort();
    assert_eq!(linked, named);
}

#[test]
fn the_routes_are_those_of_the_code() {
    let code = include_str!("../src/server/http/mod.rs");
    let routes = code.split("//! ```text\n").nth(1).unwrap().split("//! ```").next().unwrap();
    let routes = routes.replace("//! ", "");
    assert!(routes.contains("PUT    /v1/kv/{key}"), "{routes}");
    assert!(include_str!("../README.md").contains(&routes), "the README lists these:\n{routes}");
}
