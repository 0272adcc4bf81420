//! What a disk remembers is bounded by what is on it, and by what waits for a sync.

use crate::keep::Keep;
use crate::sim::{HoldDisk, Random, SimDisk};
use crate::{fs, prefixed_fs};
use failpoint::Scope;
use std::io::Write;

/// How many files and directories have a number, and how many changes wait.
fn remembered(disk: &SimDisk) -> (usize, usize) {
    let state = disk.state();
    let attributes = state.attributes.len();
    assert_eq!((state.view.len(), state.medium.durable.len()), (attributes, attributes));
    assert!(state.unreachable.len() + state.vacant.len() <= attributes);
    (attributes, state.medium.pending.len())
}

fn inside(disk: &SimDisk, act: impl FnOnce()) {
    let scope = Scope::new();
    scope.hold(disk.at("/numbers"));
    let _in = scope.enter();
    act();
}

fn sync(path: &str) {
    fs::File::open(path).unwrap().sync_all().unwrap();
}

#[test]
fn numbers_of_removed_files_are_used_again() {
    // Each creates something and removes all of it; the last one says what is synced.
    type Way = (&'static str, fn(u32));
    let ways: [Way; 6] = [
        ("a file that is never synced itself", |number| {
            fs::write("/numbers/file", number.to_string()).unwrap();
            fs::remove_file("/numbers/file").unwrap();
            sync("/numbers");
        }),
        ("a file that is removed while it is open", |_| {
            let mut file = fs::File::create("/numbers/open").unwrap();
            fs::remove_file("/numbers/open").unwrap();
            sync("/numbers");
            file.write_all(b"lost").unwrap();
        }),
        ("a directory that no one syncs", |number| {
            fs::create_dir("/numbers/d").unwrap();
            fs::create_dir("/numbers/d/e").unwrap();
            fs::write(format!("/numbers/d/e/{number}"), "x").unwrap();
            fs::remove_dir_all("/numbers/d").unwrap();
            sync("/numbers");
        }),
        ("a directory that was synced", |_| {
            fs::create_dir("/numbers/d").unwrap();
            fs::write("/numbers/d/file", "x").unwrap();
            sync("/numbers/d/file");
            sync("/numbers/d");
            sync("/numbers");
            fs::remove_dir_all("/numbers/d").unwrap();
            sync("/numbers");
        }),
        ("a file that is replaced", |number| {
            fs::write("/numbers/new", number.to_string()).unwrap();
            sync("/numbers/new");
            fs::rename("/numbers/new", "/numbers/current").unwrap();
            sync("/numbers");
        }),
        ("files that are moved between directories", |_| {
            fs::create_dir("/numbers/d").unwrap();
            fs::write("/numbers/a", "x").unwrap();
            fs::rename("/numbers/a", "/numbers/d/a").unwrap();
            fs::hard_link("/numbers/d/a", "/numbers/a").unwrap();
            fs::remove_dir_all("/numbers/d").unwrap();
            fs::remove_file("/numbers/a").unwrap();
            sync("/numbers");
        }),
    ];
    for (way, act) in ways {
        let disk = SimDisk::new();
        inside(&disk, || (0..1000).for_each(act));
        let (numbers, pending) = remembered(&disk);
        assert!(numbers < 500 && pending < 1000, "{way}: {numbers} numbers, {pending} changes");
        let left = if way.ends_with("replaced") { 1 } else { 0 };
        for keep in [Keep::Synced, Keep::All, Keep::Random(7)] {
            inside(&disk.crash(keep), || {
                assert_eq!(fs::read_dir("/numbers").unwrap().count(), left, "{way}");
            });
        }
    }
}

#[test]
fn what_a_crash_lost_is_used_again() {
    let mut disk = SimDisk::new();
    for number in 0..1000 {
        inside(&disk, || {
            fs::create_dir("/numbers/lost").unwrap();
            fs::write("/numbers/lost/file", "x").unwrap();
            sync("/numbers/lost/file");
            sync("/numbers/lost");
            fs::write("/numbers/kept", number.to_string()).unwrap();
            sync("/numbers/kept");
            if number == 0 {
                // The name of the other file is durable from then on. That of the directory never is.
                fs::remove_dir_all("/numbers/lost").unwrap();
                sync("/numbers");
            }
        });
        disk = disk.crash(Keep::Synced);
    }
    let (numbers, _) = remembered(&disk);
    assert!(numbers < 500, "{numbers} numbers");
    inside(&disk, || {
        assert_eq!(fs::read("/numbers/kept").unwrap(), b"999");
        assert!(!fs::exists("/numbers/lost").unwrap());
    });
}

#[test]
fn what_may_come_back_keeps_its_number() {
    let disk = SimDisk::new();
    inside(&disk, || {
        // Nothing is synced, so a crash may keep each name and lose its removal.
        for number in 0..500 {
            fs::write(format!("/numbers/{number}"), number.to_string()).unwrap();
            fs::remove_file(format!("/numbers/{number}")).unwrap();
        }
    });
    let (numbers, pending) = remembered(&disk);
    assert_eq!((numbers, pending), (501, 1500));
    // The creation and the write of the tenth.
    inside(&disk.crash(Keep::These([27, 28].into())), || {
        assert_eq!(fs::read("/numbers/9").unwrap(), b"9");
        assert_eq!(fs::read_dir("/numbers").unwrap().count(), 1);
    });
}

#[test]
fn a_bad_sector_goes_with_its_file() {
    prefixed_fs!(mod bad_fs, "numbers_bad");
    let disk = SimDisk::new();
    inside(&disk, || {
        let scope = Scope::current().unwrap();
        fs::write("/numbers/bad", "x").unwrap();
        scope.arm("numbers_bad.read", "return(bad_sector)").unwrap();
        assert!(bad_fs::read("/numbers/bad").is_err());
        assert!(fs::read("/numbers/bad").is_err());
        for number in 0..300 {
            fs::remove_file("/numbers/bad").unwrap();
            fs::write("/numbers/bad", number.to_string()).unwrap();
            sync("/numbers");
            assert_eq!(fs::read("/numbers/bad").unwrap(), number.to_string().as_bytes());
        }
    });
    assert!(disk.state().bad.is_empty());
}

/// Changes that wait are bounded too, and what makes room for them does not look at each of them again.
#[test]
fn the_oldest_changes_become_durable() {
    let disk = SimDisk::with_capacity(1 << 20);
    inside(&disk, || {
        let mut file = fs::File::create("/numbers/log").unwrap();
        for _ in 0..3 {
            file.set_len(0).unwrap();
            file = fs::File::create("/numbers/log").unwrap();
            for _ in 0..(1 << 14) {
                file.write_all(&[7; 60]).unwrap();
            }
        }
    });
    let state = disk.state();
    assert!(state.unsynced <= 1 << 20, "{}", state.unsynced);
    assert_eq!(state.unsynced, state.medium.unsynced());
}

/// One disk uses each number again as soon as it can, and one never does.
#[test]
fn what_a_crash_leaves_does_not_depend_on_numbers() {
    for seed in 0..150 {
        let mut random = Random(seed);
        let (reusing, other) = (SimDisk::new(), SimDisk::new());
        other.state().most_unreachable = usize::MAX;
        let scope = Scope::new();
        scope.hold(reusing.at("/numbers-again"));
        scope.hold(other.at("/numbers-once"));
        let _in = scope.enter();
        let mut open: [Vec<fs::File>; 2] = [Vec::new(), Vec::new()];
        let mut done = Vec::new();
        for _ in 0..80 {
            let mut path = || {
                let names: Vec<&str> =
                    (0..=random.below(2)).map(|_| ["a", "b", "d", "e"][random.below(4)]).collect();
                names.join("/")
            };
            let (one, to) = (path(), path());
            let kind = random.below(12);
            done.push((kind, one.clone(), to.clone()));
            let act = |root: &str, open: &mut Vec<fs::File>| {
                let (path, other) = (format!("{root}/{one}"), format!("{root}/{to}"));
                let sync = |path: &str| fs::File::open(path)?.sync_all();
                match kind {
                    0 | 1 => fs::write(path, &to),
                    2 | 3 => fs::create_dir(path),
                    4 => fs::remove_file(path),
                    5 => fs::remove_dir_all(path),
                    6 => fs::rename(path, other),
                    7 => fs::hard_link(path, other),
                    8 => sync(&path),
                    9 => sync(root),
                    10 => fs::File::create(path).map(|file| open.push(file)),
                    _ => {
                        let written = open.iter_mut().try_for_each(|file| file.write_all(b"open"));
                        open.clear();
                        written
                    }
                }
                .is_ok()
            };
            reusing.state().most_unreachable = 0;
            let [one, two] = &mut open;
            assert_eq!(act("/numbers-again", one), act("/numbers-once", two), "{seed}: {done:?}");
            for keep in [Keep::Synced, Keep::All] {
                let hash = |disk: &SimDisk| {
                    let image = disk.crash(keep.clone()).state().view.clone();
                    image.hash(&mut Vec::new())
                };
                assert_eq!(hash(&reusing), hash(&other), "{keep:?}, seed {seed}: {done:?}");
            }
        }
        let (again, once) = (remembered(&reusing).0, remembered(&other).0);
        assert!(again <= once, "{again} numbers, and {once} without using them again");
    }
}
