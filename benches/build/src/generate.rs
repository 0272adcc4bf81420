//! Which crates are compared?
//!
//! Each is a program of many functions, ten to a file, that differ in nothing but the point.

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
    /// The same in a package that does without default features, as a library is asked to.
    OffBare,
    /// `fail_point!("…")` of the crate `fail` 0.5, compiled out: a macro that gives nothing at all.
    FailOff,
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

/// What a function does beside its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// One line: less than any function that is worth a point. A point weighs most here.
    Line,
    /// Some 25 lines, as a server has them: loops, a `match`, a `Vec`, a `String`, `?`.
    Ordinary,
}

impl Body {
    pub const ALL: [Body; 2] = [Body::Line, Body::Ordinary];

    pub fn name(self) -> &'static str {
        match self {
            Body::Line => "line",
            Body::Ordinary => "ordinary",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Body::Line => "functions of one line",
            Body::Ordinary => "functions of 25 lines",
        }
    }

    /// Which kinds are worth a row: what a form costs beyond another does not depend on the function.
    pub fn compares(self, kind: Kind) -> bool {
        match self {
            Body::Line => true,
            Body::Ordinary => matches!(
                kind,
                Kind::None | Kind::Off | Kind::OffBare | Kind::FailOff | Kind::On | Kind::Fail
            ),
        }
    }

    /// How many of `points` there are: a quarter, where a function takes a compiler so much longer.
    pub fn points(self, points: usize) -> usize {
        match self {
            Body::Line => points,
            Body::Ordinary => points.div_ceil(4),
        }
    }

    /// What all functions of a program share.
    fn shared(self) -> &'static str {
        match self {
            Body::Line => LINE,
            Body::Ordinary => ORDINARY,
        }
    }
}

const FUNCTIONS_IN_A_FILE: usize = 10;

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::None,
        Kind::Bare,
        Kind::FailOff,
        Kind::Off,
        Kind::OffBare,
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
            Kind::OffBare => "off-bare",
            Kind::FailOff => "fail-off",
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
            Kind::OffBare => "`fail_point!(\"…\")`, compiled out, without default features",
            Kind::FailOff => "`fail_point!(\"…\")` of `fail` 0.5, compiled out",
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
            Kind::Off | Kind::OffBare | Kind::On => format!("failpoint::fail_point!(\"{name}\");"),
            Kind::Closure => format!("failpoint::fail_point!(\"{name}\", |_| 0);"),
            Kind::Typed => format!("failpoint::fail_point!(\"{name}\", |v: u64| v);"),
            Kind::Value => {
                format!("if let Some(v) = failpoint::fail_value!(\"{name}\", u64) {{ return v; }}")
            }
            Kind::Result => {
                format!("if failpoint::fail_result!(\"{name}\").is_err() {{ return 0; }}")
            }
            Kind::Fail | Kind::FailOff => format!("fail::fail_point!(\"{name}\");"),
        }
    }

    fn dependency(self, root: &Path) -> String {
        let path = root.join("failpoint");
        match self {
            Kind::None | Kind::Bare => String::new(),
            Kind::Off => format!("failpoint = {{ path = {path:?} }}\n"),
            Kind::OffBare => {
                format!("failpoint = {{ path = {path:?}, default-features = false }}\n")
            }
            Kind::FailOff => "fail = \"0.5\"\n".to_owned(),
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
            one.kind.dependency(root)
        ),
    )?;
    let points = one.body.points(points);
    let files = points.div_ceil(FUNCTIONS_IN_A_FILE);
    let mut main = String::new();
    for file in 0..files {
        let first = file * FUNCTIONS_IN_A_FILE;
        let functions = first..points.min(first + FUNCTIONS_IN_A_FILE);
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

const LINE: &str = "
type Answer = u64;

fn number(answer: Answer) -> u64 {
    answer
}
";

const ORDINARY: &str = "
pub type Answer = Result<u64, Failed>;

#[derive(Debug)]
pub enum Failed {
    Below,
    Empty(u64),
    Long(String),
}

pub enum Part {
    Number(u64),
    Text(String),
    Nothing,
}

impl Part {
    pub fn text(&self) -> Option<&str> {
        match self {
            Part::Text(text) => Some(text),
            Part::Number(_) | Part::Nothing => None,
        }
    }
}

fn number(answer: Answer) -> u64 {
    match answer {
        Ok(number) | Err(Failed::Empty(number)) => number,
        Err(Failed::Below) => 1,
        Err(Failed::Long(text)) => text.len() as u64,
    }
}
";

fn function(number: usize, body: Body, kind: Kind) -> String {
    let point = kind.point(&format!("module{}/point{number}", number / FUNCTIONS_IN_A_FILE));
    let factor = 2 * number + 3;
    match body {
        Body::Line => format!(
            "#[inline(never)]
pub fn function_{number}(a: u64, b: u64) -> u64 {{
    {point}
    a.wrapping_mul({factor}) ^ b
}}

"
        ),
        Body::Ordinary => format!(
            "#[inline(never)]
pub fn function_{number}(a: u64, b: u64) -> crate::Answer {{
    {point}
    let mut parts = Vec::new();
    for step in 0..a % 7 {{
        let part = match (a ^ step) % 5 {{
            0 => crate::Part::Number(step.wrapping_mul({factor})),
            1 => crate::Part::Text(format!(\"{{step}}-{{b}}\")),
            2 if step == b => continue,
            2 => crate::Part::Nothing,
            _ => crate::Part::Number(b.checked_sub(step).ok_or(crate::Failed::Below)?),
        }};
        parts.push(part);
    }}
    if parts.is_empty() {{
        return Err(crate::Failed::Empty({number}));
    }}
    let mut sum = a;
    for part in &parts {{
        sum = sum.wrapping_add(match part {{
            crate::Part::Number(number) => *number,
            crate::Part::Text(text) => text.parse().unwrap_or(text.len() as u64),
            crate::Part::Nothing => 1,
        }});
    }}
    match parts.iter().find_map(crate::Part::text) {{
        Some(text) if text.len() as u64 > b => Err(crate::Failed::Long(text.to_owned())),
        _ => Ok(sum ^ {factor}),
    }}
}}

"
        ),
    }
}
