//! There is a configuration with a mistake in each key, and what is said about it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use failpoint_tester::config::KEYS;

use super::parse;

#[test]
fn a_mistake_in_each_key_is_told_with_its_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config/mistakes.txt");
    let expected = std::fs::read_to_string(&path).expect("the file of mistakes");
    let mut found = String::new();
    let mut covered = BTreeSet::new();
    let mut lines = expected.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(found, "{line}").unwrap();
        let Some(key) = line.strip_prefix("## ") else { continue };
        covered.insert(key.to_owned());
        let mut text = String::new();
        for line in lines.by_ref() {
            writeln!(found, "{line}").unwrap();
            if line == "----" {
                break;
            }
            writeln!(text, "{line}").unwrap();
        }
        while lines.next_if(|line| !line.is_empty()).is_some() {}
        match parse(&text) {
            Ok(_) => writeln!(found, "NO MISTAKE").unwrap(),
            Err(mistakes) => writeln!(found, "{mistakes}").unwrap(),
        }
    }
    let keys: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(covered, keys, "each key has a mistake");
    assert!(!found.contains("NO MISTAKE"), "a mistake is not found:\n{found}");
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(&path, found).expect("the file can be written");
    } else {
        assert!(found == expected, "REWRITE=1 writes what is said now, which is:\n{found}");
    }
}
