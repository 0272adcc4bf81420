//! The store `raft-kv` in scripts.

use interaction::interpreter::interpreter;
use interaction::script::{Source, read};
use interaction::{NodeKind, Runner};
use std::path::Path;

/// Each point of a node has a script in which a node crashes there.
#[test]
fn each_point_has_a_crash_script() {
    let missing: Vec<_> = raft_kv::POINTS
        .iter()
        .filter(|point| {
            let path = format!("scripts/raft-kv/crash_at_{}.txt", point.name);
            let text = std::fs::read_to_string(path).unwrap_or_default();
            !text.contains(&format!("crashed: failpoint {} panic", point.name))
        })
        .map(|point| point.name)
        .collect();
    assert!(missing.is_empty(), "no crash in a script of scripts/raft-kv at {missing:?}");
}

/// The scripts with nodes that no store is.
const NOT_FOR_STORES: &[&str] = &[
    // raft panics when its leader is removed. A store steps down before.
    "leader_removed.txt",
];

/// The log of a store starts one entry earlier, at its first members.
const EARLIER: u64 = 1;

/// What is proposed to a store is a key without a value. The scripts over the crate `raft` then come to the
/// same end: the same entries in the logs, and the same ones acknowledged.
#[test]
fn the_scripts_of_raft_end_the_same_over_stores() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for entry in Path::new("scripts").read_dir().unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() || NOT_FOR_STORES.contains(&&*name) {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        let over_stores = over_stores(&script);
        let report = Runner::new(interpreter).run_text(&name, &over_stores);
        if let Some(error) = &report.error {
            // Learners, and logs that start anywhere.
            let is_for_raft_alone = error.to_string().contains("stores have no `");
            if !is_for_raft_alone {
                wrong.push(format!("{name}: {error}"));
            }
            continue;
        }
        let steps = read(&Source::new(&*name, script)).unwrap().steps;
        for (step, output) in steps.iter().zip(&report.outputs) {
            if *step.command == "check" {
                compared += 1;
                // The second line counts answers. A store gives them later, when it has committed.
                let expected = earlier(step.expected.lines().next().unwrap_or_default());
                let got = output.text.lines().next().unwrap_or_default();
                if got != expected {
                    let line = step.line.span.line();
                    wrong.push(format!("{name}:{line}: expected\n{expected}\nand got\n{got}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 20, "{compared} outputs of `check` were compared");
}

/// The script with stores as its nodes.
fn over_stores(script: &str) -> String {
    let mut text = String::new();
    for line in script.lines() {
        let is_node = NodeKind::ALL.iter().any(|(name, _)| line == format!("node {name}"));
        let line = match line.split_once(' ') {
            _ if is_node => "node raft-kv".to_owned(),
            Some(("add-nodes", _)) => line.replace(" index=2", ""),
            Some(("compact", _)) => with_earlier_index(line, ' '),
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The first line of the output of `check`, with the index that it has in the log of a store.
fn earlier(output: &str) -> String {
    with_earlier_index(output, '/')
}

/// The line with an index after its last `mark` as it is in the log of a store.
fn with_earlier_index(line: &str, mark: char) -> String {
    let Some((head, index)) = line.rsplit_once(mark) else { return line.to_owned() };
    index.parse::<u64>().map_or(line.to_owned(), |index| format!("{head}{mark}{}", index - EARLIER))
}
