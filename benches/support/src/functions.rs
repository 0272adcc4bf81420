//! The functions that are compared, with a point of each kind and with none.
//!
//! They differ in nothing but the point.

/// What is in each function.
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
    /// `fail_point!("…", |_| 0)` of the crate `fail` 0.5, compiled in.
    FailClosure,
    /// A closure that reads a number, as `fail` has it, compiled in.
    FailTyped,
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
    /// Every body.
    pub const ALL: [Body; 2] = [Body::Line, Body::Ordinary];

    /// As an option of the bench names it.
    pub fn name(self) -> &'static str {
        match self {
            Body::Line => "line",
            Body::Ordinary => "ordinary",
        }
    }

    /// As a table names it.
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
    pub fn shared(self) -> &'static str {
        match self {
            Body::Line => LINE,
            Body::Ordinary => ORDINARY,
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 13] = [
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
        Kind::FailClosure,
        Kind::FailTyped,
    ];

    /// As an option of the bench names it.
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
            Kind::FailClosure => "fail-closure",
            Kind::FailTyped => "fail-typed",
        }
    }

    /// The form of `fail` that does the same, of a kind that is compiled in. `fail` has no points that are
    /// values: a closure that returns does what is written around them here.
    pub fn same_of_fail(self) -> Option<Kind> {
        match self {
            Kind::On | Kind::Fail => Some(Kind::Fail),
            Kind::Closure | Kind::Result | Kind::FailClosure => Some(Kind::FailClosure),
            Kind::Typed | Kind::Value | Kind::FailTyped => Some(Kind::FailTyped),
            Kind::None | Kind::Bare | Kind::Off | Kind::OffBare | Kind::FailOff => None,
        }
    }

    /// As a table names it.
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
            Kind::FailClosure => "`fail_point!(\"…\", \\|_\\| 0)` of `fail` 0.5, compiled in",
            Kind::FailTyped => {
                "`fail_point!(\"…\", \\|v\\| v.unwrap().parse::<u64>().unwrap())` of `fail` 0.5, compiled in"
            }
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
            Kind::FailClosure => format!("fail::fail_point!(\"{name}\", |_| 0);"),
            Kind::FailTyped => {
                format!("fail::fail_point!(\"{name}\", |v| v.unwrap().parse::<u64>().unwrap());")
            }
        }
    }
}

/// How many functions a file has.
pub const IN_A_FILE: usize = 10;

/// The text of one function. Those of a file share the first part of their points' names.
pub fn function(number: usize, body: Body, kind: Kind) -> String {
    let point = kind.point(&format!("module{}/point{number}", number / IN_A_FILE));
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
