//! Which crates are compared?
//!
//! Each is a program of many functions, ten to a file.

use failpoint_bench_support::functions::{Body, IN_A_FILE, Kind, function};
use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

/// One crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crate {
    pub body: Body,
    pub kind: Kind,
    /// Whether all functions have a point, or only the first: that one has the library linked, which is
    /// no part of what a point costs.
    pub all: bool,
}

impl Crate {
    /// The name of its directory.
    pub fn name(self) -> String {
        format!("{}-{}{}", self.body.name(), self.kind.name(), if self.all { "" } else { "-one" })
    }

    /// The name of its package and of its program.
    pub fn package(self) -> String {
        format!("points-{}", self.name())
    }
}

/// Writes a workspace of `crates` into `directory`.
pub fn write(directory: &Path, root: &Path, points: usize, crates: &[Crate]) -> io::Result<()> {
    let members: Vec<_> = crates.iter().map(|one| one.name()).collect();
    fs::create_dir_all(directory)?;
    fs::write(
        directory.join("Cargo.toml"),
        format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"),
    )?;
    crates.iter().try_for_each(|&one| write_crate(&directory.join(one.name()), root, points, one))
}

fn write_crate(directory: &Path, root: &Path, points: usize, one: Crate) -> io::Result<()> {
    let source = directory.join("src");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    fs::create_dir_all(&source)?;
    fs::write(
        directory.join("Cargo.toml"),
        format!(
            "[package]\nname = {:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{}",
            one.package(),
            dependency(one.kind, root)
        ),
    )?;
    let points = one.body.points(points);
    let files = points.div_ceil(IN_A_FILE);
    let mut main = String::new();
    for file in 0..files {
        let first = file * IN_A_FILE;
        let functions = first..points.min(first + IN_A_FILE);
        let kind = |number| if one.all || number == 0 { one.kind } else { Kind::None };
        let module: String =
            functions.map(|number| function(number, one.body, kind(number))).collect();
        fs::write(source.join(format!("module_{file}.rs")), module)?;
        let _ = writeln!(main, "mod module_{file};");
    }
    main.push_str(MAIN);
    main.push_str(one.body.shared());
    main.push_str("\nconst FUNCTIONS: &[fn(u64, u64) -> Answer] = &[\n");
    for number in 0..points {
        let file = number / IN_A_FILE;
        let _ = writeln!(main, "    module_{file}::function_{number},");
    }
    main.push_str("];\n\nfn arm_all() {");
    if one.kind == Kind::On {
        main.push_str(
            "
    for point in failpoint::points() {
        failpoint::arm(&point.name, \"off\").unwrap().keep();
    }
",
        );
    }
    main.push_str("}\n\nfn look() {");
    if one.kind == Kind::On {
        main.push_str(
            "\n    assert!(failpoint::point(\"module0/point0\").unwrap().sites[0].reached);\n",
        );
    }
    main.push_str("}\n");
    fs::write(source.join("main.rs"), main)
}

/// What all programs do: say how long their first function took, how long it took to ask for a point for
/// the first time, how many bytes of heap these two left, and how many arming all points left.
const MAIN: &str = r#"
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, AtomicU8, Ordering};

#[cold]
#[inline(never)]
pub fn cold(switch: &AtomicU8) {
    switch.store(0, Ordering::Relaxed);
}

struct Counted;

static HELD: AtomicIsize = AtomicIsize::new(0);

unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn main() {
    cold(&AtomicU8::new(0));
    let functions = std::hint::black_box(FUNCTIONS);
    let (before, start) = (HELD.load(Ordering::Relaxed), std::time::Instant::now());
    let first = number(functions[0](1, 2));
    let time = start.elapsed().as_nanos();
    let start = std::time::Instant::now();
    look();
    let (looked, known) = (start.elapsed().as_nanos(), HELD.load(Ordering::Relaxed));
    let sum = functions.iter().fold(first, |sum, function| number(function(sum, 1)));
    arm_all();
    let armed = HELD.load(Ordering::Relaxed) - known;
    println!("{time} {looked} {} {armed} {sum}", known - before);
}
"#;

fn dependency(kind: Kind, root: &Path) -> String {
    let path = root.join("failpoint");
    match kind {
        Kind::None | Kind::Bare => String::new(),
        Kind::Off => format!("failpoint = {{ path = {path:?} }}\n"),
        Kind::OffBare => {
            format!("failpoint = {{ path = {path:?}, default-features = false }}\n")
        }
        Kind::FailOff => "fail = \"0.5\"\n".to_owned(),
        Kind::On | Kind::Closure | Kind::Typed | Kind::Value | Kind::Result => format!(
            "failpoint = {{ path = {path:?}, default-features = false, features = [\"failpoints\"] }}\n"
        ),
        Kind::Fail | Kind::FailClosure | Kind::FailTyped => "fail = { version = \"0.5\", features = [\"failpoints\"] }\n".to_owned(),
    }
}
