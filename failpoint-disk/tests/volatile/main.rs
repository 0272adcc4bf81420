//! What a process in volatile mode leaves, against a simulated disk that crashes and against `std::fs`.
//!
//! Each test runs this executable once more as a child, with operations chosen by a seed. The child prints
//! each step before it takes it, and then what it saw.
#![cfg(all(feature = "failpoints", unix))]
#![allow(clippy::unwrap_used)]

mod killed_in_a_sync;

use failpoint::Scope;
use failpoint_disk::{HoldDisk, Keep, SimDisk};
use failpoint_test_support::PATIENCE;
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
    for step in variable("THE_SCRIPT").split(';') {
        println!("step {step}");
        let words: Vec<&str> = step.split(' ').collect();
        match words[..] {
            ["arm", point, terms] => {
                failpoint::arm(point, terms).unwrap().keep();
            }
            ["disarm", point] => {
                failpoint::disarm(point).unwrap();
            }
            _ => println!("came {}", world.step(step)),
        }
    }
    match &*variable("THE_END") {
        "sigkill" => wait_for_the_end(),
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

/// Says that it waits, and does, though not for longer than its parent would.
fn wait_for_the_end() -> ! {
    println!("\nwaits");
    std::thread::sleep(PATIENCE);
    std::process::abort()
}

fn child(base: &Path, script: &[String], end: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = child_of(CHILD, base, variables);
    command.env("THE_SCRIPT", script.join(";")).env("THE_END", end);
    command
}

/// This executable once more, in volatile mode, to run one test.
fn child_of(test: &str, base: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    for (variable, _) in std::env::vars() {
        if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
            command.env_remove(variable);
        }
    }
    command.env("THE_DIRECTORY", base);
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
fn kill(seed: u64) -> Killed {
    let script = script(seed);
    let (_temporary, base) = directory();
    let before = tree(&base);
    let recording = run(&base, &script, "sigkill", &[]);
    assert_eq!(recording.steps.len(), script.len(), "seed {seed}: {}", recording.stderr);
    let all = plainly(&recording.steps);
    let (expected, found) = (simulated(&recording.steps), tree(&base));
    assert_eq!(found, expected, "seed {seed}, after {:#?}", recording.steps);
    let done = recording.steps.iter().filter(|(_, came)| came == "done").count();
    Killed { done, has_lost: all != expected, has_kept: expected != before }
}

#[derive(Debug)]
struct Killed {
    /// How many steps changed something.
    done: usize,
    /// Whether something was not synced.
    has_lost: bool,
    /// Whether something was.
    has_kept: bool,
}

/// Kills with these seeds, most of which must show something.
fn kills(seeds: std::ops::Range<u64>) {
    let all = seeds.end - seeds.start;
    let kills: Vec<Killed> = seeds.map(kill).collect();
    let count = |which: fn(&Killed) -> bool| kills.iter().filter(|kill| which(kill)).count() as u64;
    let (lost, kept) = (count(|kill| kill.has_lost), count(|kill| kill.has_kept));
    let done: usize = kills.iter().map(|kill| kill.done).sum();
    println!("{all} kills after {done} changes: {lost} lost something, {kept} kept something new");
    assert!(lost >= all / 2 && kept >= all / 2 && done as u64 >= all * 10, "{kills:?}");
}

#[test]
fn a_kill_loses_exactly_what_was_not_synced() {
    kills(0..10);
}

#[test]
#[ignore = "slow: cargo test -p failpoint-disk --features failpoints --test volatile -- --ignored --nocapture"]
fn two_hundred_kills_lose_exactly_what_was_not_synced() {
    kills(1000..1200);
}

/// All of it is written back, as if the process had not held anything back.
#[test]
fn a_normal_end_writes_everything_back() {
    for (seed, end) in (50..).zip(["return", "exit", "return", "exit", "exit(7)"]) {
        let script = script(seed);
        let (_temporary, base) = directory();
        let recording = run(&base, &script, end, &[]);
        assert_eq!(recording.steps.len(), script.len(), "{end}: {}", recording.stderr);
        assert_eq!(recording.succeeded, end != "exit(7)", "{end}: {}", recording.stderr);
        assert_eq!(tree(&base), plainly(&recording.steps), "{end}, after {:#?}", recording.steps);
    }
}

#[test]
fn every_other_end_is_a_power_cut() {
    for (seed, end) in (70..).zip(["abort", "panic", "kill", "abort"]) {
        let script = script(seed);
        let (_temporary, base) = directory();
        let recording = run(&base, &script, end, &[]);
        assert_eq!(recording.steps.len(), script.len(), "{end}: {}", recording.stderr);
        assert!(!recording.succeeded, "{end}: {}", recording.stderr);
        let expected = simulated(&recording.steps);
        assert_eq!(tree(&base), expected, "{end}, after {:#?}", recording.steps);
        assert_ne!(expected, plainly(&recording.steps), "{end}: nothing was to be lost");
    }
}

/// Steps as a script.
fn steps(text: &str) -> Vec<String> {
    text.split("; ").map(str::to_owned).collect()
}

/// The contents of a file, and `None` if there is none.
fn contents(path: PathBuf) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn repeated(letter: &str, times: usize) -> Option<String> {
    Some(letter.repeat(times))
}

#[test]
fn files_that_were_there_keep_what_they_had() {
    let (_temporary, base) = directory();
    let script = steps(
        "write old/a 3 1; rename old/deep/kept kept2; write_at old/deep/kept 0 5 2; remove kept; \
         read old/a; exists old/deep/kept; list .; rm_all old; list .",
    );
    let recording = run(&base, &script, "sigkill", &[]);
    let came: Vec<&str> = recording.steps.iter().map(|(_, came)| &**came).collect();
    let listed = "\"kept2\" 30, \"old\" 0";
    let list = "\"kept2\" 30";
    let read = "[66, 66, 66]";
    let done = "done";
    assert_eq!(came, [done, done, "NotFound", done, read, "false", listed, done, list]);
    assert_eq!(contents(base.join("old/a")), repeated("A", 100));
    assert_eq!(contents(base.join("kept")), repeated("A", 100));
    assert_eq!(contents(base.join("old/deep/kept")), repeated("B", 30));
    assert_eq!(contents(base.join("kept2")), None);
}

/// The second rename is durable. Without the first, it would cut both directories off.
#[test]
fn a_directory_never_ends_up_inside_itself() {
    let (_temporary, base) = directory();
    let script = steps("rename old/deep d; rename old d/e; sync d");
    let recording = run(&base, &script, "sigkill", &[]);
    assert_eq!(contents(base.join("d/kept")), repeated("B", 30));
    assert_eq!(contents(base.join("d/e/a")), repeated("A", 100));
    assert_eq!(simulated(&recording.steps), tree(&base));
}

#[test]
fn beyond_the_limit_the_oldest_changes_reach_the_disk() {
    let (_temporary, base) = directory();
    let mut script = steps("write first 600 0; write second 600 1");
    script.extend((0..20).map(|number| format!("write last 100 {number}")));
    let variables = [("FAILPOINT_DISK_LIMIT", "1kB")];
    let recording = run(&base, &script, "sigkill", &variables);
    assert_eq!(contents(base.join("first")), repeated("A", 600));
    assert_eq!(contents(base.join("second")), repeated("B", 600));
    // Less than the limit is held, so that not all of these are lost. The last one is.
    assert_ne!(contents(base.join("last")), repeated("T", 100));
    let warnings = recording.stderr.matches("FAILPOINT_DISK_LIMIT: more than 1000 bytes").count();
    assert_eq!(warnings, 1, "{}", recording.stderr);

    // Below it, nothing does.
    let (_temporary, base) = directory();
    let recording = run(&base, &script, "sigkill", &[("FAILPOINT_DISK_LIMIT", "1MiB")]);
    assert_eq!(contents(base.join("first")), None);
    assert!(!recording.stderr.contains("FAILPOINT_DISK_LIMIT"), "{}", recording.stderr);
    assert_eq!(recording.stderr.matches("volatile mode: ").count(), 1, "{}", recording.stderr);
}

#[test]
fn a_bad_variable_makes_every_operation_fail() {
    for (variable, value, says) in [
        (
            "FAILPOINT_DISK",
            "Volatile",
            "FAILPOINT_DISK: expected volatile or durable, got `Volatile`",
        ),
        ("FAILPOINT_DISK_LIMIT", "much", "FAILPOINT_DISK_LIMIT: expected a number of bytes"),
    ] {
        let (_temporary, base) = directory();
        let script = steps("write new 3 1; read kept; list .");
        let recording = run(&base, &script, "return", &[(variable, value)]);
        let came: Vec<&str> = recording.steps.iter().map(|(_, came)| &**came).collect();
        assert_eq!(came, ["InvalidInput"; 3], "{}", recording.stderr);
        assert_eq!(recording.stderr.matches(says).count(), 1, "{}", recording.stderr);
        assert_eq!(contents(base.join("new")), None);
    }
}

#[test]
fn a_durable_process_holds_nothing_back() {
    for value in ["durable", ""] {
        let (_temporary, base) = directory();
        let script = steps("write new 3 1; write old/a 2 2");
        run(&base, &script, "sigkill", &[("FAILPOINT_DISK", value)]);
        assert_eq!(contents(base.join("new")), repeated("B", 3));
        assert_eq!(contents(base.join("old/a")), repeated("C", 2));
    }
}

#[test]
fn a_torn_write_reaches_the_disk_alone() {
    let (_temporary, base) = directory();
    let script = steps(
        "write old/a 10 1; sync old/a; append old/a 10 2; write new 10 3; \
         arm disk.write return(torn(4)); append old/a 10 4; write late 1 1",
    );
    let recording = run(&base, &script, "return", &[]);
    assert_eq!(recording.steps.len(), 6, "{}", recording.stderr);
    assert!(!recording.succeeded && recording.stderr.contains("a torn write to"), "{recording:?}");
    // Behind the torn write's place, which the lost one had moved, there is nothing.
    let left = contents(base.join("old/a")).unwrap();
    assert_eq!(left, format!("{}{}{}", "B".repeat(10), "\0".repeat(10), "E".repeat(4)));
    assert_eq!((contents(base.join("new")), contents(base.join("late"))), (None, None));
}

#[test]
fn what_a_sync_drops_never_becomes_durable() {
    let (_temporary, base) = directory();
    let script = steps(
        "open 0 old/a; handle 0 write 10 1; arm disk.sync return(drop); sync old/a; disarm disk.sync; \
         handle 0 write 10 2; sync old/a; handle 0 set_len 40; read old/a",
    );
    let recording = run(&base, &script, "exit", &[]);
    let read = format!(
        "[{}]",
        vec!["66"; 10]
            .into_iter()
            .chain(vec!["67"; 10])
            .chain(vec!["65"; 20])
            .collect::<Vec<_>>()
            .join(", ")
    );
    assert_eq!(recording.steps.last().unwrap().1, read, "{recording:?}");
    let left = format!("{}{}{}", "A".repeat(10), "C".repeat(10), "A".repeat(20));
    assert_eq!(contents(base.join("old/a")).unwrap(), left);
}

#[test]
fn what_a_lie_left_out_becomes_durable_with_the_next_sync() {
    for (sync, left) in [("sync kept", repeated("B", 10)), ("read kept", repeated("A", 100))] {
        let (_temporary, base) = directory();
        let script = steps(&format!(
            "arm disk.sync return(lie); write kept 10 1; sync kept; disarm disk.sync; {sync}"
        ));
        run(&base, &script, "sigkill", &[]);
        assert_eq!(contents(base.join("kept")), left, "{sync}");
    }
}

/// With hardly any memory, most changes reach the disk at once.
#[test]
fn beyond_the_limit_the_process_still_sees_its_own_view() {
    for seed in 90..96 {
        let script = script(seed);
        let (_temporary, base) = directory();
        let limit = ["0", "64", "300", "900"][(seed % 4) as usize];
        let recording = run(&base, &script, "return", &[("FAILPOINT_DISK_LIMIT", limit)]);
        assert_eq!(recording.steps.len(), script.len(), "seed {seed}: {}", recording.stderr);
        assert_eq!(tree(&base), plainly(&recording.steps), "seed {seed}: {:#?}", recording.steps);
    }
}

/// Runs `child` in a process of its own in volatile mode, with a directory of its own.
fn in_volatile_mode(name: &str, child: fn(&Path)) -> Option<tempfile::TempDir> {
    if let Some(base) = std::env::var_os("THE_DIRECTORY") {
        child(Path::new(&base));
        wait_for_the_end();
    }
    let (temporary, base) = directory();
    let mut command = child_of(name, &base, &[]);
    let mut child = command.env("THE_SCRIPT", "").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let has_waited = lines.any(|line| line.unwrap() == "waits");
    child.kill().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    child.wait().unwrap();
    assert!(has_waited, "{stderr}");
    Some(temporary)
}

#[test]
fn links_and_relative_paths_lead_where_they_do_without_it() {
    use failpoint_disk::fs;
    let ran = in_volatile_mode("links_and_relative_paths_lead_where_they_do_without_it", |base| {
        std::os::unix::fs::symlink("old", base.join("to_old")).unwrap();
        std::os::unix::fs::symlink("missing", base.join("dangling")).unwrap();
        std::os::unix::fs::symlink(base.join("round"), base.join("round")).unwrap();
        fs::write(base.join("to_old/b"), "through a link").unwrap();
        assert_eq!(fs::read(base.join("old/b")).unwrap(), b"through a link");
        assert_eq!(fs::canonicalize(base.join("to_old/../to_old/b")).unwrap(), base.join("old/b"));
        assert!(fs::symlink_metadata(base.join("to_old")).unwrap().file_type().is_symlink());
        assert!(fs::metadata(base.join("to_old")).unwrap().is_dir());
        assert_eq!(fs::read_link(base.join("to_old")).unwrap(), Path::new("old"));
        assert!(fs::read_link(base.join("old")).is_err());
        assert!(fs::File::open(base.join("round")).is_err());
        fs::write(base.join("dangling"), "made").unwrap();
        assert_eq!(fs::read(base.join("missing")).unwrap(), b"made");
        assert!(fs::File::create_new(base.join("dangling")).is_err());
        // The link, and not what it leads to.
        fs::rename(base.join("to_old"), base.join("moved")).unwrap();
        assert_eq!(fs::read(base.join("moved/b")).unwrap(), b"through a link");
        fs::remove_dir_all(base.join("moved")).unwrap();
        assert!(fs::exists(base.join("old/b")).unwrap());

        // A link that is held back.
        #[allow(deprecated)]
        let link = |target: &str, name| fs::soft_link(target, base.join(name));
        link("old", "new_link").unwrap();
        link("old/deep", "synced/link").unwrap_err();
        fs::create_dir(base.join("synced")).unwrap();
        link("../old/deep", "synced/link").unwrap();
        let held = fs::symlink_metadata(base.join("new_link")).unwrap();
        assert!(held.is_symlink() && !held.is_file() && held.len() == 3);
        assert_eq!(held.mode(), 0o120_777);
        assert_eq!(fs::read_link(base.join("new_link")).unwrap(), Path::new("old"));
        assert!(fs::read_dir(base).unwrap().any(|entry| {
            let entry = entry.unwrap();
            entry.file_name() == "new_link" && entry.file_type().unwrap().is_symlink()
        }));
        assert_eq!(fs::read(base.join("synced/link/kept")).unwrap(), [b'B'; 30]);
        assert!(std::fs::symlink_metadata(base.join("new_link")).is_err());
        assert_eq!(link("x", "new_link").unwrap_err().raw_os_error(), Some(17));
        assert_eq!(link("", "empty").unwrap_err().raw_os_error(), Some(2));
        fs::File::open(base.join("synced")).unwrap().sync_all().unwrap();
        fs::remove_file(base.join("new_link")).unwrap();

        std::env::set_current_dir(base).unwrap();
        fs::write("here", "relative").unwrap();
        assert_eq!(fs::read(base.join("here")).unwrap(), b"relative");
        assert_eq!(fs::read("old/../here").unwrap(), b"relative");
        fs::File::open(".").unwrap().sync_all().unwrap();
        assert!(fs::read_dir("").is_err());

        // What has nothing to hold back.
        assert!(!fs::read("/proc/self/status").unwrap().is_empty());
        fs::write("/dev/null", "gone").unwrap();
    });
    let Some(directory) = ran else { return };
    let base = directory.path();
    assert_eq!(contents(base.join("here")).as_deref(), Some(""), "only its name was synced");
    assert!(!base.join("to_old").exists() && !base.join("moved").exists());
    assert_eq!(std::fs::read_link(base.join("synced/link")).unwrap(), Path::new("../old/deep"));
    assert!(std::fs::symlink_metadata(base.join("new_link")).is_err());
    assert_eq!(contents(base.join("old/b")), None);
}

#[test]
fn all_threads_see_one_view() {
    use failpoint_disk::fs;
    use std::io::Write;
    let ran = in_volatile_mode("all_threads_see_one_view", |base| {
        let log = base.join("log");
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&log).unwrap();
        file.write_all(b"0123").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let mut mine = fs::OpenOptions::new().append(true).open(&log).unwrap();
                        mine.write_all(b"abcd").unwrap();
                        let seen = fs::read(&log).unwrap();
                        assert!(seen.starts_with(b"0123abcd") && seen.len() % 4 == 0);
                    }
                });
            }
        });
        let written = fs::metadata(&log).unwrap().len();
        assert_eq!(written, 4 + 4 * 100 * 4);
        let twin = file.try_clone().unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(twin.metadata().unwrap().len(), written + 4);
        twin.sync_all().unwrap();
        fs::File::open(base).unwrap().sync_all().unwrap();
    });
    let Some(directory) = ran else { return };
    assert_eq!(contents(directory.path().join("log")).unwrap().len(), 4 + 4 * 100 * 4 + 4);
}

#[test]
fn locks_permissions_and_files_of_the_standard_library_work() {
    use failpoint_disk::{fs, lock};
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    let name = "locks_permissions_and_files_of_the_standard_library_work";
    let ran = in_volatile_mode(name, |base| {
        for name in ["kept", "new"] {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create(true).open(base.join(name)).unwrap();
            assert!(lock::try_lock_exclusive(&file).unwrap());
            let other = fs::File::open(base.join(name)).unwrap();
            assert!(!lock::try_lock_shared(&other).unwrap());
            lock::unlock(&file).unwrap();
            assert!(lock::try_lock_shared(&other).unwrap());
            file.set_permissions(fs::Permissions::from_mode(0o640)).unwrap();
            let mode = fs::metadata(base.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o640, "{name}");
        }
        fs::set_permissions(base.join("new"), fs::Permissions::from_mode(0o604)).unwrap();
        fs::File::open(base).unwrap().sync_all().unwrap();

        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true);
        let mut file = options.open(base.join("given")).unwrap();
        file.write_all(b"held").unwrap();
        let mut file = failpoint_disk::into_std(file).expect("it is on a real disk");
        file.write_all(b", and direct").unwrap();
        let mut read = String::new();
        fs::File::open(base.join("given")).unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "held, and direct");
    });
    let Some(directory) = ran else { return };
    let mode = |name| {
        let metadata = std::fs::metadata(directory.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode("kept"), mode("new")), (0o640, 0o604));
    assert_eq!(contents(directory.path().join("given")).unwrap(), "held, and direct");
}

/// A large file is neither loaded nor copied: only what was changed is in memory.
#[test]
fn a_large_file_takes_no_memory() {
    use failpoint_disk::fs;
    use std::os::unix::fs::FileExt;
    const LEN: u64 = 1 << 40;
    let ran = in_volatile_mode("a_large_file_takes_no_memory", |base| {
        let path = base.join("large");
        // It has a hole.
        std::fs::File::create(&path).unwrap().set_len(LEN).unwrap();
        let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.write_all_at(b"lost", LEN / 2).unwrap();
        fs::rename(&path, base.join("renamed")).unwrap();
        let mut read = [1; 8];
        file.read_exact_at(&mut read, LEN / 2 - 2).unwrap();
        assert_eq!(&read, b"\0\0lost\0\0");
        file.sync_all().unwrap();
        file.write_all_at(b"LOST", LEN / 2).unwrap();
    });
    let Some(directory) = ran else { return };
    let file = std::fs::File::open(directory.path().join("large")).unwrap();
    let mut read = [1; 8];
    file.read_exact_at(&mut read, LEN / 2 - 2).unwrap();
    assert_eq!(&read, b"\0\0lost\0\0");
    assert_eq!(file.metadata().unwrap().len(), LEN);
}

#[cfg(feature = "http")]
mod control {
    use super::*;
    use failpoint_disk::fs;

    fn ask(method: &str, path: &str, body: &str) -> (u16, String) {
        let reply = failpoint_http::respond(method, path, &[], body.as_bytes());
        (reply.status, String::from_utf8(reply.body).unwrap())
    }

    #[test]
    fn modes_are_switched_over_http() {
        let ran = in_volatile_mode("control::modes_are_switched_over_http", |base| {
            failpoint_disk::extend_control().unwrap();
            assert_eq!(ask("GET", "/v1/ext/disk/mode", ""), (200, "volatile\n".into()));
            fs::write(base.join("new"), "held").unwrap();
            let path = base.join("new");
            let changes = format!(
                r#"{{"kind":"create","path":{path:?}}},{{"kind":"write","path":{path:?},"offset":0,"len":4}}"#
            );
            let told = format!(r#"{{"mode":"volatile","bytes":4,"changes":[{changes}]}}"#);
            assert_eq!(ask("GET", "/v1/ext/disk/unsynced", ""), (200, told + "\n"));
            assert!(!base.join("new").exists());

            assert_eq!(ask("PUT", "/v1/ext/disk/mode", "durable").0, 204);
            assert_eq!(std::fs::read(base.join("new")).unwrap(), b"held");
            fs::write(base.join("direct"), "not held").unwrap();
            assert_eq!(std::fs::read(base.join("direct")).unwrap(), b"not held");
            assert_eq!(ask("POST", "/v1/ext/disk/crash", "").0, 409);
            assert_eq!(ask("PUT", "/v1/ext/disk/mode", "solid").0, 422);

            assert_eq!(ask("PUT", "/v1/ext/disk/mode", "volatile\n").0, 204);
            fs::write(base.join("late"), "lost").unwrap();
            assert_eq!(ask("POST", "/v1/ext/disk/crash?keep=some", "").0, 422);
        });
        let Some(directory) = ran else { return };
        assert_eq!(contents(directory.path().join("new")).as_deref(), Some("held"));
        assert_eq!(contents(directory.path().join("late")), None);
    }

    /// What is removed with its directory leaves nothing behind, although no one ever syncs that directory.
    #[test]
    fn changes_in_removed_directories_are_forgotten() {
        let name = "control::changes_in_removed_directories_are_forgotten";
        let ran = in_volatile_mode(name, |base| {
            failpoint_disk::extend_control().unwrap();
            let sync = |path: &Path| fs::File::open(path).unwrap().sync_all().unwrap();
            for number in 0..20 {
                fs::create_dir_all(base.join("d/e")).unwrap();
                fs::write(base.join("d/e/file"), "held").unwrap();
                let old = base.join("old/deep");
                fs::write(old.join(number.to_string()), "held").unwrap();
                if number == 10 {
                    sync(&base.join("d/e"));
                    sync(&base.join("d"));
                    sync(&old);
                }
                fs::remove_file(old.join(number.to_string())).unwrap();
                fs::remove_dir_all(base.join("d")).unwrap();
                if number == 19 {
                    fs::remove_dir_all(&old).unwrap();
                    sync(&base.join("old"));
                }
                sync(base);
            }
            let nothing = r#"{"mode":"volatile","bytes":0,"changes":[]}"#;
            assert_eq!(ask("GET", "/v1/ext/disk/unsynced", ""), (200, format!("{nothing}\n")));
        });
        let Some(directory) = ran else { return };
        assert!(!directory.path().join("old/deep").exists());
        assert!(directory.path().join("old").exists());
    }

    /// Begins as a durable process.
    #[test]
    fn a_durable_process_becomes_volatile() {
        let name = "control::a_durable_process_becomes_volatile";
        if let Some(base) = std::env::var_os("THE_DIRECTORY") {
            let base = Path::new(&base);
            fs::write(base.join("direct"), "not held").unwrap();
            failpoint_disk::extend_control().unwrap();
            assert_eq!(ask("PUT", "/v1/ext/disk/mode", "volatile").0, 204);
            fs::write(base.join("held"), "held").unwrap();
            assert!(!base.join("held").exists());
            std::process::abort();
        }
        let (_temporary, base) = directory();
        let mut command = child_of(name, &base, &[("FAILPOINT_DISK", "durable")]);
        assert!(!command.output().unwrap().status.success());
        assert_eq!(contents(base.join("direct")).as_deref(), Some("not held"));
        assert_eq!(contents(base.join("held")), None);
    }

    #[test]
    fn a_crash_over_http_keeps_what_it_is_told_to() {
        let name = "control::a_crash_over_http_keeps_what_it_is_told_to";
        if let Some(base) = std::env::var_os("THE_DIRECTORY") {
            failpoint_disk::extend_control().unwrap();
            let base = Path::new(&base);
            fs::write(base.join("kept"), "new").unwrap();
            fs::write(base.join("more"), "new").unwrap();
            let (status, reply) = ask("POST", &std::env::var("THE_SCRIPT").unwrap(), "");
            assert_eq!(status, 200, "{reply}");
            // Nothing is written any more, whether the process has ended or not.
            assert!(fs::write(base.join("late"), "x").is_err());
            wait_for_the_end();
        }
        let run = |keep: &str| {
            let (_temporary, base) = directory();
            let mut command = child_of(name, &base, &[]);
            command.env("THE_SCRIPT", format!("/v1/ext/disk/crash{keep}"));
            let output = command.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(stderr.contains("the disk was crashed over HTTP"), "{stderr}");
            assert!(!base.join("late").exists());
            tree(&base)
        };
        let get = |tree: &Tree, name: &str| {
            let (contents, _) = tree.get(Path::new(name))?.as_ref()?;
            Some(String::from_utf8(contents.clone()).unwrap())
        };
        for keep in ["", "?keep=synced"] {
            let left = run(keep);
            assert_eq!((get(&left, "kept"), get(&left, "more")), (repeated("A", 100), None));
        }
        let left = run("?keep=all");
        let new = Some("new".to_owned());
        assert_eq!((get(&left, "kept"), get(&left, "more")), (new.clone(), new));
        // A seed keeps the same each time.
        assert_eq!(run("?keep=7"), run("?keep=7"));
    }
}

#[cfg(feature = "tokio")]
#[test]
fn files_of_tokio_are_held_back_too() {
    use failpoint_disk::tokio::fs;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ran = in_volatile_mode("files_of_tokio_are_held_back_too", |base| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut log = fs::File::create(base.join("log")).await.unwrap();
            log.write_all(b"synced").await.unwrap();
            log.sync_all().await.unwrap();
            fs::File::open(base).await.unwrap().sync_all().await.unwrap();
            log.write_all(b", lost").await.unwrap();
            log.flush().await.unwrap();
            let mut read = String::new();
            let mut again = fs::File::open(base.join("log")).await.unwrap();
            again.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, "synced, lost");
            assert_eq!(log.metadata().await.unwrap().len(), 12);

            fs::rename(base.join("kept"), base.join("renamed")).await.unwrap();
            fs::write(base.join("late"), "lost").await.unwrap();
            fs::create_dir(base.join("d")).await.unwrap();
            let mut names = Vec::new();
            let mut entries = fs::read_dir(base).await.unwrap();
            while let Some(entry) = entries.next_entry().await.unwrap() {
                names.push(entry.file_name());
            }
            names.sort();
            assert_eq!(names, ["d", "late", "log", "old", "renamed"]);
        });
    });
    let Some(directory) = ran else { return };
    let base = directory.path();
    assert_eq!(contents(base.join("log")).as_deref(), Some("synced"));
    assert_eq!(contents(base.join("kept")), repeated("A", 100));
    assert!(!base.join("late").exists() && !base.join("d").exists());
}
