//! A process that is killed while a sync is under way: what that sync covers is there as a whole, or the sync
//! was not acknowledged. What earlier syncs covered is there, and nothing else is.
//!
//! Where the end must be at a known place, a limit on the size of files ends the child: the system writes up to
//! the limit and sends `SIGXFSZ`, which no program here handles. Elsewhere the parent kills the child as soon
//! as it says that it syncs, so that the place is not known, and the promise must hold at each.

use super::*;
use failpoint_disk::fs;
use std::os::unix::process::ExitStatusExt;

/// The unit of `ulimit -f`, in bytes.
const BLOCK: usize = 512;

/// What the system sends.
const SIGXFSZ: i32 = 25;

/// Runs a script in a child that dies where it makes a file longer than `blocks`.
fn run_with_limit(base: &Path, script: &[String], blocks: usize) -> Recording {
    let plain = child(base, script, "sigkill", &[]);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    command.arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let steps = recorded(&mut child);
    let _ = child.kill();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(SIGXFSZ), "it was to die in a sync: {steps:#?} {stderr}");
    Recording { steps, stderr, succeeded: false }
}

#[test]
fn a_sync_of_contents_that_dies_was_not_acknowledged() {
    for seed in 0..6 {
        let mut random = Random(seed);
        let (_temporary, base) = directory();
        let blocks = 4 + random.below(12) as usize;
        let limit = blocks * BLOCK;
        // What is acknowledged first fits; what follows does not.
        let first = 1 + random.below(limit as u64 - 1);
        let mut script = vec![
            format!("write kept {first} 3"),
            "sync kept".to_owned(),
            "write other 10 4".to_owned(),
        ];
        let mut expected = fill(first, 3);
        let mut number = 4;
        while expected.len() <= limit {
            number += 1;
            let len = 1 + random.below(900);
            script.push(format!("append kept {len} {number}"));
            expected.extend(fill(len, number));
        }
        script.push("append old/a 10 1".to_owned());
        script.push("sync kept".to_owned());
        script.push("write old/a 10 2".to_owned());
        let recording = run_with_limit(&base, &script, blocks);
        // The last step that began is the sync, and it did not come back.
        let (last, came) = recording.steps.last().unwrap();
        assert_eq!((&**last, &**came), ("sync kept", ""), "seed {seed}");
        assert_eq!(recording.steps.len(), script.len() - 1, "seed {seed}");
        let left = std::fs::read(base.join("kept")).unwrap();
        assert_eq!(left, expected[..limit], "seed {seed}: it died at byte {limit}");
        // `kept` is another name of it.
        assert_eq!(std::fs::read(base.join("old/a")).unwrap(), left, "seed {seed}");
        assert_eq!(contents(base.join("other")), None, "seed {seed}");
    }
}

/// A new file gets its name when its contents are there.
#[test]
fn a_sync_of_a_directory_that_dies_leaves_no_part_of_a_file() {
    let script = |large: &str| {
        steps(&format!(
            "write small 700 1; sync small; mkdir d; write d/b 800 2; sync d/b; sync d; \
             {large}; sync {directory}; sync .",
            directory = if large.contains("d/large") { "d" } else { "." }
        ))
    };
    for (large, died_in) in [
        ("write large 3000 3; sync large", "sync ."),
        ("write d/large 3000 3; sync d/large", "sync ."),
        ("mkdir f; write f/large 3000 3; sync f/large; sync f", "sync ."),
    ] {
        let (_temporary, base) = directory();
        let recording = run_with_limit(&base, &script(large), 4);
        assert_eq!(recording.steps.last().unwrap(), &(died_in.to_owned(), String::new()));
        for (path, len) in [("small", 700), ("d/b", 800), ("large", 3000), ("f/large", 3000)] {
            let Some(left) = contents(base.join(path)) else { continue };
            assert_eq!(left.len(), len, "{path} after {large}");
        }
        assert!(!base.join("large").exists() && !base.join("f").exists(), "{large}");
        assert!(!base.join("d/large").exists(), "{large}");
    }
}

/// Ways of storage code to make one record after the other durable.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// Makes record `number` durable.
    store: fn(&Path, u64),
    /// The last record that is there as a whole, and whether a part of the next one is too.
    find: fn(&Path) -> Found,
}

#[derive(Debug)]
struct Found {
    /// Records from 1 to this one are there.
    whole: u64,
    /// The contents of the next one, if there is a part of it.
    part: bool,
}

const RECORD: usize = 96 << 10;
/// Many calls of the system, so that a kill finds a sync under way.
const WRITES: usize = 48;

fn record(number: u64) -> Vec<u8> {
    vec![b'a' + (number % 26) as u8; RECORD]
}

fn append_record(file: &mut fs::File, number: u64) {
    use std::io::Write;
    for part in record(number).chunks(RECORD / WRITES) {
        file.write_all(part).unwrap();
    }
}

const WAYS: [Way; 3] = [
    Way {
        name: "a log",
        store: |base, number| {
            let mut options = fs::OpenOptions::new();
            let mut log = options.create(true).append(true).open(base.join("log")).unwrap();
            if number == 1 {
                fs::File::open(base).unwrap().sync_all().unwrap();
            }
            append_record(&mut log, number);
            log.sync_data().unwrap();
        },
        find: |base| {
            let log = std::fs::read(base.join("log")).unwrap_or_default();
            let whole = (log.len() / RECORD) as u64;
            for (place, found) in log.chunks(RECORD).enumerate() {
                assert!(*found == record(place as u64 + 1)[..found.len()], "record {place}");
            }
            Found { whole, part: log.len() % RECORD > 0 }
        },
    },
    Way {
        name: "a file that is replaced",
        store: |base, number| {
            let (new, current) = (base.join("new"), base.join("current"));
            let mut file = fs::File::create(&new).unwrap();
            append_record(&mut file, number);
            file.sync_all().unwrap();
            fs::rename(new, current).unwrap();
            fs::File::open(base).unwrap().sync_all().unwrap();
        },
        find: |base| {
            let Ok(current) = std::fs::read(base.join("current")) else {
                return Found { whole: 0, part: false };
            };
            assert_eq!(current.len(), RECORD, "a file is replaced as a whole");
            let whole = (1..=26).find(|number| current == record(*number));
            Found { whole: whole.expect("one record"), part: false }
        },
    },
    Way {
        name: "directories of files",
        store: |base, number| {
            let directory = base.join(format!("part-{number}"));
            fs::create_dir(&directory).unwrap();
            for place in 0..6 {
                fs::write(directory.join(place.to_string()), record(number)).unwrap();
                fs::File::open(directory.join(place.to_string())).unwrap().sync_all().unwrap();
            }
            fs::File::open(&directory).unwrap().sync_all().unwrap();
            fs::File::open(base).unwrap().sync_all().unwrap();
        },
        find: |base| {
            let mut whole = 0;
            while base.join(format!("part-{}", whole + 1)).exists() {
                whole += 1;
                for place in 0..6 {
                    let path = base.join(format!("part-{whole}/{place}"));
                    assert!(std::fs::read(&path).unwrap() == record(whole), "{}", path.display());
                }
            }
            assert!(!base.join(format!("part-{}", whole + 2)).exists(), "there is a gap");
            Found { whole, part: false }
        },
    },
];

/// The child: it says what it does, and goes on until it is killed.
fn store_records(base: &Path) {
    let way = WAYS[std::env::var("THE_SCRIPT").unwrap().parse::<usize>().unwrap()];
    println!();
    for number in 1..=26 {
        println!("stores {number}");
        (way.store)(base, number);
        println!("acknowledged {number}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment_of_a_sync() {
    const NAME: &str =
        "killed_in_a_sync::what_was_acknowledged_survives_a_kill_at_any_moment_of_a_sync";
    if let Some(base) = std::env::var_os("THE_DIRECTORY") {
        store_records(Path::new(&base));
        wait_for_the_end();
    }
    let seeds =
        std::env::var("KILL_SEED").map_or((0..8).collect(), |seed| vec![seed.parse().unwrap()]);
    for (place, way) in WAYS.iter().enumerate() {
        let mut cut = 0;
        for &seed in &seeds {
            let mut random = Random(seed);
            let (_temporary, base) = directory();
            let mut command = child_of(NAME, &base, &[]);
            let mut child = command.env("THE_SCRIPT", place.to_string()).spawn().unwrap();
            let last = format!("stores {}", 1 + random.below(6));
            // A moment that no one knows, in what it does then.
            let wait = random.below(40) * 500;
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut acknowledged = 0;
            let mut note = |line: &str| {
                if let Some(number) = line.strip_prefix("acknowledged ") {
                    acknowledged = number.parse().unwrap();
                }
            };
            for line in lines.by_ref() {
                let line = line.unwrap();
                note(&line);
                if line == last {
                    break;
                }
            }
            for _ in 0..wait {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            // What it had said before it died.
            lines.for_each(|line| note(&line.unwrap()));
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            child.wait().unwrap();
            let found = (way.find)(&base);
            println!("{}, KILL_SEED={seed}: {acknowledged} acknowledged, {found:?}", way.name);
            assert!(!stderr.contains("panicked"), "{stderr}");
            let may = [acknowledged, acknowledged + 1];
            assert!(may.contains(&found.whole), "{}, seed {seed}: {found:?}", way.name);
            assert!(!found.part || found.whole == acknowledged, "seed {seed}: {found:?}");
            cut += u32::from(found.part || found.whole != acknowledged);
        }
        println!("{}: {cut} of {} kills hit a sync", way.name, seeds.len());
    }
}
