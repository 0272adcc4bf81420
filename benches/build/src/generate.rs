//! Which crates are compared?
//!
//! Each is a program of many small functions, ten to a file, that differ in nothing but the point.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

/// What stands in each function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    None,
    /// One relaxed load of a byte of its own, and a cold call: what an idle point cannot go below.
    Bare,
    /// `fail_point!("…")`, compiled out.
    Off,
    /// `fail_point!("…")`, compiled in.
    On,
    /// `fail_point!("…", |_| 0)`, compiled in.
    Closure,
    /// `fail_point!("…", |v: u64| v)`, compiled in.
    Typed,
    /// `fail_value!("…", u64)`, compiled in.
    Value,
    /// `fail_result!("…")`, compiled in.
    Result,
    /// `fail_point!("…")` of the crate `fail` 0.5, compiled in.
    Fail,
}

const FUNCTIONS_IN_A_FILE: usize = 10;

impl Kind {
    pub const ALL: [Kind; 9] = [
        Kind::None,
        Kind::Bare,
        Kind::Off,
        Kind::On,
        Kind::Closure,
        Kind::Typed,
        Kind::Value,
        Kind::Result,
        Kind::Fail,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::None => "none",
            Kind::Bare => "bare",
            Kind::Off => "off",
            Kind::On => "on",
            Kind::Closure => "closure",
            Kind::Typed => "typed",
            Kind::Value => "value",
            Kind::Result => "result",
            Kind::Fail => "fail",
        }
    }

    /// As a reader of the table knows it.
    pub fn title(self) -> &'static str {
        match self {
            Kind::None => "no points",
            Kind::Bare => "a bare relaxed load and a cold call, by hand",
            Kind::Off => "`fail_point!(\"…\")`, compiled out",
            Kind::On => "`fail_point!(\"…\")`, compiled in",
            Kind::Closure => "`fail_point!(\"…\", \\|_\\| 0)`, compiled in",
            Kind::Typed => "`fail_point!(\"…\", \\|v: u64\\| v)`, compiled in",
            Kind::Value => "`fail_value!(\"…\", u64)`, compiled in",
            Kind::Result => "`fail_result!(\"…\")`, compiled in",
            Kind::Fail => "`fail_point!(\"…\")` of `fail` 0.5, compiled in",
        }
    }

    fn point(self, name: &str) -> String {
        match self {
            Kind::None => String::new(),
            Kind::Bare => "{
        static SWITCH: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
        if SWITCH.load(std::sync::atomic::Ordering::Relaxed) != 0 {
            crate::cold(&SWITCH);
        }
    }"
            .to_owned(),
            Kind::Off | Kind::On => format!("failpoint::fail_point!(\"{name}\");"),
            Kind::Closure => format!("failpoint::fail_point!(\"{name}\", |_| 0);"),
            Kind::Typed => format!("failpoint::fail_point!(\"{name}\", |v: u64| v);"),
            Kind::Value => {
                format!("if let Some(v) = failpoint::fail_value!(\"{name}\", u64) {{ return v; }}")
            }
            Kind::Result => {
                format!("if failpoint::fail_result!(\"{name}\").is_err() {{ return 0; }}")
            }
            Kind::Fail => format!("fail::fail_point!(\"{name}\");"),
        }
    }

    fn dependency(self, root: &Path) -> String {
        let path = root.join("failpoint");
        match self {
            Kind::None | Kind::Bare => String::new(),
            Kind::Off => format!("failpoint = {{ path = {path:?}, default-features = false }}\n"),
            Kind::On | Kind::Closure | Kind::Typed | Kind::Value | Kind::Result => format!(
                "failpoint = {{ path = {path:?}, default-features = false, features = [\"failpoints\"] }}\n"
            ),
            Kind::Fail => "fail = { version = \"0.5\", features = [\"failpoints\"] }\n".to_owned(),
        }
    }
}

/// One crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crate {
    pub kind: Kind,
    /// Whether all functions have a point, or only the first: that one has the library linked, which is
    /// no part of what a point costs.
    pub all: bool,
}

impl Crate {
    /// The name of its directory.
    pub fn name(self) -> String {
        format!("{}{}", self.kind.name(), if self.all { "" } else { "-one" })
    }

    /// The name of its package and of its program.
    pub fn package(self) -> String {
        format!("points-{}", self.name())
    }
}

/// Writes a workspace with two crates for each of `kinds` into `directory`.
pub fn write(directory: &Path, root: &Path, points: usize, kinds: &[Kind]) -> io::Result<()> {
    let crates = kinds.iter().flat_map(|&kind| [true, false].map(|all| Crate { kind, all }));
    let crates: Vec<_> = crates.collect();
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
            one.kind.dependency(root)
        ),
    )?;
    let files = points.div_ceil(FUNCTIONS_IN_A_FILE);
    let mut main = String::new();
    for file in 0..files {
        let first = file * FUNCTIONS_IN_A_FILE;
        let functions = first..points.min(first + FUNCTIONS_IN_A_FILE);
        let kind = |number| if one.all || number == 0 { one.kind } else { Kind::None };
        let module: String = functions.map(|number| function(number, kind(number))).collect();
        fs::write(source.join(format!("module_{file}.rs")), module)?;
        let _ = writeln!(main, "mod module_{file};");
    }
    main.push_str(MAIN);
    main.push_str("\nconst FUNCTIONS: &[fn(u64, u64) -> u64] = &[\n");
    for number in 0..points {
        let file = number / FUNCTIONS_IN_A_FILE;
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
    let first = functions[0](1, 2);
    let time = start.elapsed().as_nanos();
    let start = std::time::Instant::now();
    look();
    let (looked, known) = (start.elapsed().as_nanos(), HELD.load(Ordering::Relaxed));
    let sum = functions.iter().fold(first, |sum, function| function(sum, 1));
    arm_all();
    let armed = HELD.load(Ordering::Relaxed) - known;
    println!("{time} {looked} {} {armed} {sum}", known - before);
}
"#;

fn function(number: usize, kind: Kind) -> String {
    let point = kind.point(&format!("module{}/point{number}", number / FUNCTIONS_IN_A_FILE));
    let factor = 2 * number + 3;
    format!(
        "#[inline(never)]
pub fn function_{number}(a: u64, b: u64) -> u64 {{
    {point}
    a.wrapping_mul({factor}) ^ b
}}

"
    )
}
