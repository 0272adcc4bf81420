//! A script with mistakes ends in an error at its place, or in a difference: none panics, none hangs.

mod numbers;

use interaction::interpreter::interpreter;
use interaction::{RunError, Runner};
use numbers::Random;
use std::path::Path;

/// The scripts of the package, without what they expect.
fn scripts() -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for directory in ["scripts", "scripts/raft-kv", "tests/scripts"] {
        let entries = Path::new(directory).read_dir().unwrap();
        paths.extend(entries.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(|path| commands(&std::fs::read_to_string(path).unwrap())).collect()
}

/// The lines that are no output.
fn commands(script: &str) -> Vec<String> {
    let mut is_output = false;
    let mut lines = Vec::new();
    for line in script.lines() {
        match line {
            "----" => {
                is_output = true;
                lines.push(line.to_owned());
            }
            "" => {
                is_output = false;
                lines.push(line.to_owned());
            }
            _ if is_output => {}
            line => lines.push(line.to_owned()),
        }
    }
    lines
}

/// What people and machines mistype.
const TOKENS: &[&str] = &[
    "",
    " ",
    "-1",
    "0",
    "1",
    "4",
    "99",
    "18446744073709551615",
    "1e9",
    "all",
    "*",
    "off",
    "none",
    "|",
    ",",
    "=",
    "(",
    ")",
    "()",
    "(1",
    "(1,)",
    "\"",
    "\"\"",
    "\\",
    "#",
    "----",
    "keep=0",
    "index=2",
    "voters=(1,2)",
    "v1",
    "ü",
    "\u{200d}",
    "\t",
    "\r",
    "\0",
    "panic",
    "1*panic",
    "return(",
    "disk.write=return(torn(3))",
    "1%panic",
    "disk.sync=return(EIO)",
    "raftAfterSave=panic->",
    "node",
    "raft-log",
];

fn mutate(random: &mut Random, lines: &mut Vec<String>, scripts: &[Vec<String>]) {
    let at = random.place(lines.len());
    match random.below(9) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = random.place(lines.len());
            lines.swap(at, other);
        }
        3 => {
            let other = random.one(scripts);
            lines[at] = random.one(&other);
        }
        4 => {
            let mut characters: Vec<char> = lines[at].chars().collect();
            if !characters.is_empty() {
                let place = random.place(characters.len());
                match random.below(3) {
                    0 => drop(characters.remove(place)),
                    1 => {
                        characters[place] =
                            random.one(&['(', ')', '=', '"', ',', '0', 'x', ' ', 'é'])
                    }
                    _ => characters.truncate(place),
                }
            }
            lines[at] = characters.into_iter().collect();
        }
        _ => {
            let mut tokens: Vec<String> = lines[at].split(' ').map(str::to_owned).collect();
            let place = random.place(tokens.len());
            match random.below(4) {
                0 => drop(tokens.remove(place)),
                1 => tokens.insert(place, tokens[place].clone()),
                2 => tokens[place] = random.one(TOKENS).to_owned(),
                _ => {
                    let other = random.one(scripts);
                    let line = random.one(&other);
                    let words: Vec<&str> = line.split(' ').collect();
                    tokens[place] = random.one(&words).to_owned();
                }
            }
            lines[at] = tokens.join(" ");
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
}

/// How many scripts are run; `SEEDS=100000` runs more.
fn seeds() -> u64 {
    std::env::var("SEEDS").map_or(300, |seeds| seeds.parse().expect("SEEDS is a number"))
}

#[test]
fn mistakes_in_scripts_are_errors_with_their_place() {
    let scripts = scripts();
    for seed in 0..seeds() {
        let mut random = Random(seed);
        let mut lines = random.one(&scripts);
        for _ in 0..=random.below(3) {
            mutate(&mut random, &mut lines, &scripts);
        }
        let script = lines.join("\n");
        let report = Runner::new(interpreter).run_text("a.txt", &script);
        match report.error.as_ref() {
            None => {}
            Some(RunError::Script(error)) => {
                let text = error.to_string();
                let (place, marked) = (text.strip_prefix("a.txt:"), text.ends_with('^'));
                let has_line = place
                    .is_some_and(|place| place.starts_with(|digit: char| digit.is_ascii_digit()));
                assert!(has_line && marked, "seed {seed}: {text}\n{script}");
                assert!(!text.contains("this panicked"), "seed {seed}: {text}\n{script}");
            }
            Some(error) => panic!("seed {seed}: {error}\n{script}"),
        }
    }
}
