//! What a process in volatile mode leaves, against a simulated disk that crashes and against `std::fs`.
//!
//! Each test runs this executable once more as a child, with operations chosen by a seed. The child prints
//! each step before it takes it, and then what it saw.
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const CHILD: &str = "a_child_runs_its_script";

/// Runs steps as text on one kind of file system; the results are text too.
macro_rules! world {
    ($name:ident, $fs:path) => {
        mod $name {
            use super::fill;
            use std::io::{self, Read, Seek, SeekFrom, Write};
            use std::os::unix::fs::{FileExt, MetadataExt};
            use std::path::{Path, PathBuf};
            use $fs as fs;

            pub(crate) struct World {
                base: PathBuf,
                handles: [Option<fs::File>; 3],
            }

            impl World {
                pub(crate) fn new(base: &Path) -> Self {
                    Self { base: base.to_owned(), handles: [None, None, None] }
                }

                /// Takes one step; what came of it.
                pub(crate) fn step(&mut self, step: &str) -> String {
                    self.try_step(step).unwrap_or_else(|error| format!("{:?}", error.kind()))
                }

                fn try_step(&mut self, step: &str) -> io::Result<String> {
                    let words: Vec<&str> = step.split(' ').collect();
                    let path = |place: usize| self.base.join(words[place]);
                    let number = |place: usize| words[place].parse::<u64>().unwrap();
                    let done = |()| "done".to_owned();
                    match words[0] {
                        "write" => fs::write(path(1), fill(number(2), number(3))).map(done),
                        "append" => {
                            let mut file = fs::OpenOptions::new().append(true).open(path(1))?;
                            file.write_all(&fill(number(2), number(3))).map(done)
                        }
                        "write_at" => {
                            let file = fs::OpenOptions::new().write(true).open(path(1))?;
                            file.write_all_at(&fill(number(3), number(4)), number(2)).map(done)
                        }
                        "set_len" => {
                            let file = fs::OpenOptions::new().write(true).open(path(1))?;
                            file.set_len(number(2)).map(done)
                        }
                        "create_new" => fs::File::create_new(path(1)).map(|_| done(())),
                        "sync" => fs::File::open(path(1))?.sync_all().map(done),
                        "open" => {
                            let mut options = fs::OpenOptions::new();
                            let file = options.read(true).write(true).create(true).open(path(2))?;
                            self.handles[number(1) as usize] = Some(file);
                            Ok(done(()))
                        }
                        "close" => {
                            self.handles[number(1) as usize] = None;
                            Ok(done(()))
                        }
                        "handle" => {
                            let Some(file) = &mut self.handles[number(1) as usize] else {
                                return Ok("not open".to_owned());
                            };
                            match words[2] {
                                "write" => file.write_all(&fill(number(3), number(4))).map(done),
                                "seek" => Ok(file.seek(SeekFrom::Start(number(3)))?.to_string()),
                                "end" => Ok(file.seek(SeekFrom::End(0))?.to_string()),
                                "set_len" => file.set_len(number(3)).map(done),
                                "sync" => file.sync_data().map(done),
                                "read" => {
                                    let mut buffer = vec![0; number(3) as usize];
                                    let read = file.read(&mut buffer)?;
                                    Ok(format!("{:?}", &buffer[..read]))
                                }
                                "metadata" => {
                                    let metadata = file.metadata()?;
                                    Ok(format!("{} {}", metadata.len(), metadata.nlink()))
                                }
                                other => panic!("{other}"),
                            }
                        }
                        "read" => Ok(format!("{:?}", fs::read(path(1))?)),
                        "list" => {
                            let mut names = Vec::new();
                            for entry in fs::read_dir(path(1))? {
                                let entry = entry?;
                                let metadata = entry.metadata()?;
                                let len = if metadata.is_dir() { 0 } else { metadata.len() };
                                names.push(format!("{:?} {len}", entry.file_name()));
                            }
                            names.sort();
                            Ok(names.join(", "))
                        }
                        "metadata" => {
                            let metadata = fs::metadata(path(1))?;
                            Ok(if metadata.is_dir() {
                                "a directory".to_owned()
                            } else {
                                format!("{} bytes, {} names", metadata.len(), metadata.nlink())
                            })
                        }
                        "exists" => Ok(fs::exists(path(1))?.to_string()),
                        "canonicalize" => {
                            let there = fs::canonicalize(path(1))?;
                            Ok(format!("{:?}", there.strip_prefix(&self.base).unwrap()))
                        }
                        "rename" => fs::rename(path(1), path(2)).map(done),
                        "link" => fs::hard_link(path(1), path(2)).map(done),
                        "copy" => Ok(fs::copy(path(1), path(2))?.to_string()),
                        "remove" => fs::remove_file(path(1)).map(done),
                        "mkdir" => fs::create_dir(path(1)).map(done),
                        "rmdir" => fs::remove_dir(path(1)).map(done),
                        "rm_all" => fs::remove_dir_all(path(1)).map(done),
                        other => panic!("{other}"),
                    }
                }
            }
        }
    };
}

world!(plain, std::fs);
world!(disk, failpoint_disk::fs);

/// `len` bytes that tell which write they are of.
fn fill(len: u64, number: u64) -> Vec<u8> {
    vec![b'A' + (number % 26) as u8; len as usize]
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

const DIRECTORIES: [&str; 6] = [".", "old", "old/deep", "d", "d/e", "f"];
const NAMES: [&str; 4] = ["a", "b", "c", "kept"];

/// Steps of which most can be taken, as a trial on a directory of its own shows.
fn script(seed: u64) -> Vec<String> {
    let mut random = Random(seed);
    let (_temporary, base) = directory();
    let mut world = plain::World::new(&base);
    let mut script = Vec::new();
    for number in 0..20 + random.below(60) {
        for _ in 0..4 {
            let step = step(&mut random, number);
            let came = world.step(&step);
            let is_refused = came.starts_with(|c: char| c.is_uppercase()) || came == "not open";
            script.push(step);
            if !is_refused {
                break;
            }
            if random.below(4) > 0 {
                script.pop();
            }
        }
    }
    script
}

fn step(random: &mut Random, number: u64) -> String {
    let mut file = || format!("{}/{}", random.one(&DIRECTORIES), random.one(&NAMES));
    let (one, other) = (file(), file());
    let mut dir = || random.one(&DIRECTORIES);
    let (dir, other_dir) = (dir(), dir());
    let (len, at, handle) = (random.below(40), random.below(60), random.below(3));
    match random.below(36) {
        0..3 => format!("write {one} {len} {number}"),
        3 => format!("append {one} {len} {number}"),
        4..6 => format!("write_at {one} {at} {len} {number}"),
        6 => format!("set_len {one} {at}"),
        7 => format!("create_new {one}"),
        8..11 => format!("sync {one}"),
        11..15 => format!("sync {dir}"),
        15 => format!("open {handle} {one}"),
        16 => format!("close {handle}"),
        17..19 => format!("handle {handle} write {len} {number}"),
        19 => {
            let what = random.one(&["seek", "set_len", "read"]);
            format!("handle {handle} {what} {at}")
        }
        20 => {
            let what = random.one(&["end", "sync", "metadata"]);
            format!("handle {handle} {what}")
        }
        21..23 => format!("read {one}"),
        23 => format!("list {dir}"),
        24 => {
            let what = random.one(&["metadata", "exists", "canonicalize"]);
            format!("{what} {one}")
        }
        25..28 => format!("rename {one} {other}"),
        28 => format!("rename {dir} {other_dir}"),
        29 => format!("link {one} {other}"),
        30 => format!("copy {one} {other}"),
        31 => format!("remove {one}"),
        32..34 => format!("mkdir {dir}"),
        34 => format!("rmdir {dir}"),
        _ if random.below(3) == 0 => format!("rm_all {dir}"),
        _ => format!("metadata {dir}"),
    }
}

/// What is there before a child starts.
const BEFORE: [&str; 5] = [
    "mkdir old",
    "mkdir old/deep",
    "write old/a 100 0",
    "write old/deep/kept 30 1",
    "link old/a kept",
];

/// The script itself, in the child.
#[test]
fn a_child_runs_its_script() {
    let Some(base) = std::env::var_os("THE_DIRECTORY") else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let mut world = disk::World::new(Path::new(&base));
    println!();
    for step in variable("THE_SCRIPT").split(';').filter(|step| !step.is_empty()) {
        println!("step {step}");
        println!("came {}", world.step(step));
    }
    match &*variable("THE_END") {
        "sigkill" => {
            println!("waits");
            loop {
                std::thread::park();
            }
        }
        "return" => {}
        "exit" => std::process::exit(0),
        "abort" => std::process::abort(),
        "panic" => std::thread::spawn(|| {
            struct Aborts;
            impl Drop for Aborts {
                fn drop(&mut self) {
                    panic!("a panic during a panic aborts");
                }
            }
            let _aborts = Aborts;
            panic!("the first");
        })
        .join()
        .unwrap(),
        armed => {
            let _armed = failpoint::arm("disk.read_dir", armed).unwrap();
            let _ = failpoint_disk::fs::read_dir(base);
        }
    }
}

fn child(base: &Path, script: &[String], end: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", CHILD, "--nocapture", "--test-threads=1"]);
    for (variable, _) in std::env::vars() {
        if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
            command.env_remove(variable);
        }
    }
    command.env("THE_DIRECTORY", base).env("THE_SCRIPT", script.join(";")).env("THE_END", end);
    command.env("FAILPOINT_DISK", "volatile").envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a child said: each step, and what came of it.
#[derive(Debug)]
struct Recording {
    steps: Vec<(String, String)>,
    stderr: String,
    succeeded: bool,
}

/// Runs a child to its end.
fn run(base: &Path, script: &[String], end: &str, variables: &[(&str, &str)]) -> Recording {
    let mut child = child(base, script, end, variables).spawn().unwrap();
    let steps = recorded(&mut child);
    if end == "sigkill" {
        child.kill().unwrap();
    }
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let succeeded = child.wait().unwrap().success();
    Recording { steps, stderr, succeeded }
}

fn recorded(child: &mut Child) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(step) = line.strip_prefix("step ") {
            steps.push((step.to_owned(), String::new()));
        } else if let Some(came) = line.strip_prefix("came ") {
            steps.last_mut().unwrap().1 = came.to_owned();
        } else if line == "waits" {
            break;
        }
    }
    steps
}

/// A directory with what is there before.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let base = temporary.path().canonicalize().unwrap();
    let mut world = plain::World::new(&base);
    for step in BEFORE {
        assert_eq!(world.step(step), "done", "{step}");
    }
    (temporary, base)
}

/// What `std::fs` makes of the same steps: what came of them, and the tree.
fn plainly(steps: &[(String, String)]) -> Tree {
    let (_temporary, base) = directory();
    let mut world = plain::World::new(&base);
    for (place, (step, came)) in steps.iter().enumerate() {
        assert_eq!(*came, world.step(step), "step {place}, {step}, of {steps:#?}");
    }
    tree(&base)
}

/// What a restart finds on a simulated disk after the same steps.
fn simulated(steps: &[(String, String)]) -> Tree {
    let base = Path::new("/sim-volatile");
    let run = |disk: &SimDisk, steps: &mut dyn Iterator<Item = &str>| {
        let scope = Scope::new();
        scope.hold(disk.at(base));
        let _in = scope.enter();
        let mut world = disk::World::new(base);
        steps.for_each(|step| drop(world.step(step)));
    };
    let disk = SimDisk::new();
    run(&disk, &mut BEFORE.into_iter());
    let disk = disk.crash(Keep::All);
    run(&disk, &mut steps.iter().map(|(step, _)| &**step));
    let scope = Scope::new();
    scope.hold(disk.crash(Keep::Synced).at(base));
    let _in = scope.enter();
    sim_tree(base)
}

/// Each path, with its contents and the first other name of the same file; `None` for a directory.
type Tree = BTreeMap<PathBuf, Option<(Vec<u8>, PathBuf)>>;

macro_rules! tree {
    ($name:ident, $fs:path) => {
        fn $name(base: &Path) -> Tree {
            use $fs as fs;
            let (mut tree, mut files) = (Tree::new(), BTreeMap::new());
            let mut todo = vec![base.to_owned()];
            while let Some(directory) = todo.pop() {
                for entry in fs::read_dir(&directory).unwrap() {
                    let path = entry.unwrap().path();
                    let metadata = fs::metadata(&path).unwrap();
                    let content = if metadata.is_dir() {
                        todo.push(path.clone());
                        None
                    } else {
                        files.insert(path.clone(), metadata.ino());
                        Some((fs::read(&path).unwrap(), PathBuf::new()))
                    };
                    tree.insert(path.strip_prefix(base).unwrap().to_owned(), content);
                }
            }
            for (path, content) in &mut tree {
                let Some((_, first)) = content else { continue };
                let number = files[&base.join(path)];
                let same = files.iter().find(|(_, other)| **other == number).unwrap().0;
                *first = same.strip_prefix(base).unwrap().to_owned();
            }
            tree
        }
    };
}

tree!(tree, std::fs);
tree!(sim_tree, failpoint_disk::fs);

/// One seeded kill: what is left is what a crash leaves on a simulated disk.
fn kill(seed: u64) -> (usize, bool) {
    let script = script(seed);
    let (_temporary, base) = directory();
    let recording = run(&base, &script, "sigkill", &[]);
    assert_eq!(recording.steps.len(), script.len(), "seed {seed}: {}", recording.stderr);
    let (all, expected, found) =
        (plainly(&recording.steps), simulated(&recording.steps), tree(&base));
    assert_eq!(found, expected, "seed {seed}, after {:#?}", recording.steps);
    let done = recording.steps.iter().filter(|(_, came)| came == "done").count();
    (done, all != expected)
}

#[test]
fn a_kill_loses_exactly_what_was_not_synced() {
    let kills: Vec<(usize, bool)> = (0..10).map(kill).collect();
    // Or the test shows nothing.
    assert!(kills.iter().filter(|(_, has_lost)| *has_lost).count() >= 8, "{kills:?}");
    assert!(kills.iter().map(|(done, _)| done).sum::<usize>() >= 100, "{kills:?}");
}

#[test]
#[ignore = "slow: cargo test -p failpoint-disk --features failpoints --test volatile -- --ignored"]
fn two_hundred_kills_lose_exactly_what_was_not_synced() {
    let lost = (1000..1200).filter(|seed| kill(*seed).1).count();
    println!("200 kills, {lost} of which lost something");
}
