//! Compiled out, how much longer does the compiler take over a function with a point? Counted in its
//! instructions, by valgrind, so that neither clock nor load matters.
//!
//! The functions are those of `benches/build`, which measures the time. A crate of some and one of
//! twice as many are compiled; the difference is what the functions cost, without the start.

use failpoint_bench_support::functions::{Body, Kind, function};
use failpoint_tests::made::{Ingredients, made};
use failpoint_tests::world::{Profile, World, directory};
use failpoint_tests::{callgrind, parallel, rustc};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Beside functions of 25 lines. With a constant that checks the name it would be 1.05.
const AT_MOST: f64 = 1.03;

const FUNCTIONS: usize = 20;

const SAMPLE: usize = 3;

/// What the compiler is left with after its first half: no constant to evaluate, no block more.
#[test]
fn a_point_that_is_compiled_out_leaves_nothing_for_the_second_half_of_the_compiler() {
    let [none, off] = [Kind::None, Kind::Off].map(|kind| {
        let mut rustc = rustc::rustc(World::Off, Profile::Dev);
        rustc.args(["--edition=2024", "--crate-type=lib", "--emit=mir", "-Awarnings"]);
        let text = source(kind, SAMPLE);
        let ingredients = Ingredients::of(World::Off, Profile::Dev).command(&rustc).text(&text);
        let place = made(&format!("build_cost/{}", kind.name()), &ingredients, |out| {
            // Places stand in what is written, so they are to be the same.
            fs::write(out.join("functions.rs"), &text).expect("it can be written");
            rustc.current_dir(out).args(["functions.rs", "-o", "functions.mir"]);
            rustc::run(&mut rustc);
        });
        fs::read_to_string(place.join("functions.mir")).expect("rustc wrote it")
    });
    assert!(none.contains("fn function_0("), "{none}");
    let differs = none.lines().zip(off.lines()).find(|(none, off)| none != off);
    assert!(differs.is_none() && none.len() == off.len(), "without and with points: {differs:?}");
}

#[test]
#[ignore = "slow suite: cargo test -p failpoint-tests --test build_cost -- --ignored --nocapture"]
fn a_point_that_is_compiled_out_costs_the_compiler_next_to_nothing() {
    if !callgrind::is_here() {
        return;
    }
    let counts = Mutex::new([[0; 2]; 2]);
    let jobs = [(0, 0), (0, 1), (1, 0), (1, 1)];
    let faults = parallel::faults(&jobs, |&(kind, more)| {
        let count = compile([Kind::None, Kind::Off][kind], FUNCTIONS * (1 + more));
        counts.lock().expect("nothing panics with it")[kind][more] = count;
        Ok(())
    });
    assert!(faults.is_empty());
    let [none, off] = counts.into_inner().expect("all are through").map(|[once, twice]| {
        assert!(twice > once, "{twice} for twice the functions, {once} for once");
        (twice - once) as f64
    });
    println!("{none:.0} instructions without points, {:.3} times as many with", off / none);
    assert!(off / none <= AT_MOST, "{:.3} times as many as without points", off / none);
}

/// How many instructions rustc takes over so many functions.
fn compile(kind: Kind, functions: usize) -> u64 {
    let directory = directory().join("build_cost").join(format!("{}-{functions}", kind.name()));
    fs::create_dir_all(&directory).expect("the target directory can be written");
    let file = directory.join("functions.rs");
    fs::write(&file, source(kind, functions)).expect("it can be written");
    let rustc = rustc::rustc(World::Off, Profile::Dev);
    callgrind::count(&compiler(), |valgrind| {
        valgrind
            .args(rustc.get_args())
            .args([
                "--edition=2024",
                "--crate-type=lib",
                "--emit=obj",
                "-Cdebuginfo=2",
                "-Awarnings",
            ])
            .arg("--out-dir")
            .arg(&directory)
            .arg(&file)
    })
}

fn source(kind: Kind, functions: usize) -> String {
    let text = (0..functions).map(|number| function(number, Body::Ordinary, kind));
    Body::Ordinary.shared().to_owned() + &text.collect::<String>()
}

/// The compiler itself; `rustc` may be rustup, which starts it.
fn compiler() -> PathBuf {
    let mut rustc = rustc::rustc(World::Off, Profile::Dev);
    let sysroot = rustc::run(rustc.args(["--print", "sysroot"]));
    Path::new(sysroot.trim()).join("bin/rustc")
}
