//! Reads the environment variables, and arms what they name.
//!
//! It is read once: by `init_from_env`, or before the first evaluation and any other public call.
//! What is wrong with it is an `Err` of the former; the latter cannot return an error,
//! prints it and ends the process, since a test that believes itself armed proves nothing.

use crate::error::Error;
use crate::injected::Ending;
use crate::runtime::at_exit;
use crate::runtime::exit;
use crate::runtime::log::{self, Level};
use crate::runtime::own_code::OwnCode;
use crate::runtime::plan::random;
use crate::runtime::registry::target::Target;
use crate::runtime::registry::{Request, Unknown, registry};
use crate::runtime::sync::Ordering;
use crate::runtime::sync::lasting::{AtomicBool, Mutex};
use crate::visible::visible;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

/// Both hold a config; where both name a point, the first wins.
const CONFIGS: [&str; 2] = ["GOFAIL_FAILPOINTS", "FAILPOINTS"];

/// Every variable that this project reads: here, in the control plane (`failpoint-http`), and in
/// `failpoint-disk`.
///
/// The sister crates do not register theirs: the first evaluation may read the environment before `main`,
/// and so before any of them has run.
const KNOWN: &[&str] = &[
    "FAILPOINT_DISK",
    "FAILPOINT_DISK_LIMIT",
    "FAILPOINT_FORBID",
    "FAILPOINT_HTTP",
    "FAILPOINT_HTTP_ACTIONS",
    "FAILPOINT_HTTP_ALLOW",
    "FAILPOINT_HTTP_DENY",
    "FAILPOINT_HTTP_HOSTS",
    "FAILPOINT_HTTP_INSECURE",
    "FAILPOINT_HTTP_MAX_TTL",
    "FAILPOINT_HTTP_PORT_FILE",
    "FAILPOINT_HTTP_TOKEN",
    "FAILPOINT_HTTP_TOKEN_FILE",
    "FAILPOINT_HTTP_WAIT",
    "FAILPOINT_PANIC",
    "FAILPOINT_REPORT",
    "FAILPOINT_SEED",
    "FAILPOINTS",
    "GOFAIL_FAILPOINTS",
    "GOFAIL_HTTP",
];

/// A variable that begins so is meant for us.
const PREFIXES: [&str; 2] = ["FAILPOINT_", "GOFAIL_"];

/// A variable that does not begin so is meant for us where it is so near to a known one.
const SLIPS: usize = 2;

/// To how many unknown names the nearest is said.
const SUGGESTED: usize = 5;

static READ: OnceLock<Result<(), Error>> = OnceLock::new();
/// Set once the reading is over: what every public call looks at first.
static DONE: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// This thread is reading: what it calls while it reads must not wait for the reading to end.
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Reads the environment unless it was read; the caller reports an error.
pub(crate) fn read() -> Result<(), Error> {
    once().map_or(Ok(()), |(_, result)| result.clone())
}

/// Reads the environment unless it was read; an error ends the process with status 1.
///
/// A caller that got the error from `init_from_env` may continue: only a first reading
/// that the program did not ask for ends the process.
#[inline]
pub(crate) fn ensure() {
    if !DONE.load(Ordering::Acquire) {
        ensure_now(|error| {
            exit::end(Ending::Exit(1), format_args!("in the environment: {error}"));
        });
    }
}

#[cold]
fn ensure_now(refuse: impl FnOnce(&Error)) {
    match once() {
        Some((true, Err(error))) => refuse(error),
        Some((true, Ok(()))) => announce(None),
        _ => {}
    }
}

/// The same for the crate `fail`, whose programs may mean `FAILPOINTS` for `fail` alone to read, in
/// its own grammar: an error is logged, and ends nothing.
#[inline]
pub(crate) fn ensure_leniently() {
    if !DONE.load(Ordering::Acquire) {
        ensure_now(|error| log::say(Level::Error, format_args!("in the environment: {error}")));
    }
}

/// What the reading gave, and whether this call did it; `None` within the reading itself.
fn once() -> Option<(bool, &'static Result<(), Error>)> {
    if READING.get() {
        return None;
    }
    let mut first = false;
    let result = READ.get_or_init(|| {
        first = true;
        let _own = OwnCode::enter();
        let reading = Reading::begin();
        let result = apply();
        drop(reading);
        DONE.store(true, Ordering::Release);
        result
    });
    Some((first, result))
}

/// This thread reads while the guard lives, also where the user's `FromTerm` panics.
struct Reading;

impl Reading {
    fn begin() -> Self {
        READING.set(true);
        Self
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        READING.set(false);
    }
}

/// Whether [`announce`] has nothing more to say.
static ANNOUNCED: AtomicBool = AtomicBool::new(false);

/// Says once that this build has failpoints in it: how many, what is armed, where control listens.
pub fn announce(control: Option<&str>) {
    if ANNOUNCED.swap(true, Ordering::Relaxed) {
        return;
    }
    let (points, armed) = registry().summary();
    let armed = if armed.is_empty() { "none".to_owned() } else { armed.join(", ") };
    let control = control.map_or_else(|| "off".to_owned(), |at| visible(at).to_string());
    log::say(
        Level::Warn,
        format_args!(
            "failpoints are compiled in: {points} of them; armed: {armed}; control plane: {control}"
        ),
    );
}

/// Leaves [`announce`] out: the program has no points of its own, and serves the control plane for
/// something else.
pub fn do_not_announce() {
    ANNOUNCED.store(true, Ordering::Relaxed);
}

fn apply() -> Result<(), Error> {
    warn_of_unknown_variables();
    let mut errors = Vec::new();

    let mode = variable("FAILPOINT_PANIC", PanicMode::EXPECTED, PanicMode::parse, &mut errors);
    let seed = variable(
        "FAILPOINT_SEED",
        "an integer from 0 to 18446744073709551615",
        |text| text.trim().parse().ok(),
        &mut errors,
    );
    let mut requests: Vec<Request> = Vec::new();
    // The variable of each name.
    let mut variables: HashMap<String, &'static str> = HashMap::new();
    for variable in CONFIGS {
        let Some(text) = text_of(variable, "UTF-8 text", &mut errors) else { continue };
        let (more, faults) = Request::parse_config(&text, Unknown::Pending);
        errors.extend(faults.into_iter().map(|error| in_variable(variable, error)));
        for request in more {
            if !variables.contains_key(&request.name) {
                variables.insert(request.name.clone(), variable);
                requests.push(request);
            }
        }
    }
    let pending = pending(&requests);
    registry().arm_config((requests, errors), Target::Environment).map_err(|errors| {
        let placed = |error: Error| match error.point().and_then(|name| variables.get(name)) {
            Some(variable) => in_variable(variable, error),
            None => error,
        };
        Error::Config(errors.into_iter().map(placed).collect())
    })?;
    if !pending.is_empty() {
        let pending = pending.join(", ");
        log::say(
            Level::Warn,
            format_args!("the environment arms points that no code declares yet: {pending}"),
        );
    }
    if let Some(file) = std::env::var_os("FAILPOINT_REPORT").filter(|file| !file.is_empty()) {
        at_exit::report_to(file.into());
    }
    mode.into_iter().for_each(set_panic_mode);
    seed.into_iter().for_each(random::set_seed);
    Ok(())
}

fn in_variable(variable: &'static str, error: Error) -> Error {
    Error::InVariable { variable, error: Box::new(error) }
}

/// The names that no code declares, the first of them with the nearest that is declared.
fn pending(requests: &[Request]) -> Vec<String> {
    let names = requests.iter().map(|request| &request.name);
    let unknown = names.filter(|name| !registry().is_known(name)).enumerate();
    // To look for the nearest compares all names, so it is not done for each of many.
    let nearest = |name: &str| match registry().point(name) {
        Err(Error::UnknownPoint { nearest, .. }) => nearest.into_iter().next(),
        _ => None,
    };
    let shown = |(index, name): (usize, &String)| match (index < SUGGESTED).then(|| nearest(name)) {
        Some(Some(nearest)) => format!("{name} (did you mean {nearest}?)"),
        _ => name.clone(),
    };
    unknown.map(shown).collect()
}

/// What `name` holds, read by `parse`; a fault goes to `errors`.
fn variable<T>(
    name: &'static str,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
    errors: &mut Vec<Error>,
) -> Option<T> {
    let text = text_of(name, expected, errors)?;
    let parsed = parse(&text);
    if parsed.is_none() {
        errors.push(Error::BadVariable { variable: name, got: text, expected });
    }
    parsed
}

/// What `name` holds; unset and empty are the same.
fn text_of(name: &'static str, expected: &'static str, errors: &mut Vec<Error>) -> Option<String> {
    let value = std::env::var_os(name)?;
    match value.into_string() {
        Ok(text) if text.is_empty() => None,
        Ok(text) => Some(text),
        Err(bytes) => {
            let got = bytes.to_string_lossy().into_owned();
            errors.push(Error::BadVariable { variable: name, got, expected });
            None
        }
    }
}

fn warn_of_unknown_variables() {
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if let Some(meant) = misspelled(&name) {
            log::say(
                Level::Warn,
                format_args!(
                    "the environment variable {} is not known; did you mean {meant}?",
                    visible(&name)
                ),
            );
        }
    }
}

/// Which variable was meant by `name`, if one was that it is not.
fn misspelled(name: &str) -> Option<&'static str> {
    if KNOWN.contains(&name) {
        return None;
    }
    if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        let likeness = |known: &&str| strsim::jaro_winkler(name, known);
        return KNOWN.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    }
    // Nearly all variables are left out by their beginning or their length.
    let begins_alike = matches!(name.as_bytes(), [b'F' | b'f' | b'G' | b'g', ..]);
    let may_be = |known: &&str| begins_alike && known.len().abs_diff(name.len()) <= SLIPS;
    let slips = |known: &str| strsim::osa_distance(&name.to_ascii_uppercase(), known);
    let near = KNOWN.iter().copied().filter(may_be).map(|known| (slips(known), known));
    near.filter(|(slips, _)| *slips <= SLIPS).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::misspelled;

    #[test]
    fn what_is_near_to_a_variable_is_a_slip() {
        for (name, meant) in [
            ("GOFAIL_HTP", "GOFAIL_HTTP"),
            ("GOFAIL_FAILPOINT", "GOFAIL_FAILPOINTS"),
            ("GOFAIL_HTTP_ADDR", "GOFAIL_HTTP"),
            ("FAILPOINT_SED", "FAILPOINT_SEED"),
            ("FAILPOINT_HTTP_TOKN", "FAILPOINT_HTTP_TOKEN"),
            ("FAILPOINT_DISC", "FAILPOINT_DISK"),
            ("FAILPOINT_DISK_LIMT", "FAILPOINT_DISK_LIMIT"),
            ("FAILPOINT", "FAILPOINTS"),
            ("FAIL_POINTS", "FAILPOINTS"),
            ("failpoints", "FAILPOINTS"),
            ("FAILPOINTS_HTTP", "FAILPOINT_HTTP"),
            ("GO_FAIL_HTTP", "GOFAIL_HTTP"),
            ("GOFAILHTTP", "GOFAIL_HTTP"),
        ] {
            assert_eq!(misspelled(name), Some(meant), "{name}");
        }
    }

    #[test]
    fn what_is_not_is_left_alone() {
        for name in [
            "",
            "FAILPOINTS",
            "GOFAIL_HTTP",
            "FAILPOINT_DISK",
            "FAILPOINT_DISK_LIMIT",
            "PATH",
            "FAIL",
            "GOPATH",
            "ENDPOINTS",
            "FAILOVER",
            "FPOINTS",
        ] {
            assert_eq!(misspelled(name), None, "{name}");
        }
    }
}

/// `FAILPOINT_PANIC`: what an armed `panic` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PanicMode {
    /// The thread, by unwinding.
    Unwind,
    /// The process, by `abort`.
    Abort,
    /// The process, with this status, as a Go panic would with 2.
    Exit(u8),
}

impl PanicMode {
    pub(crate) const EXPECTED: &'static str = "`unwind`, `abort` or `exit:CODE` with CODE 0 to 255";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "unwind" => Some(PanicMode::Unwind),
            "abort" => Some(PanicMode::Abort),
            other => other.strip_prefix("exit:")?.parse().ok().map(PanicMode::Exit),
        }
    }

    /// Whether an armed `panic` ends the whole process.
    pub(crate) fn ends_the_process(self) -> bool {
        cfg!(panic = "abort") || self != PanicMode::Unwind
    }
}

impl fmt::Display for PanicMode {
    /// What happens in this build, as the variable would say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PanicMode::Exit(status) => write!(f, "exit:{status}"),
            mode if mode.ends_the_process() => f.write_str("abort"),
            _ => f.write_str("unwind"),
        }
    }
}

static PANIC_MODE: Mutex<PanicMode> = Mutex::new(PanicMode::Unwind);

pub(crate) fn panic_mode() -> PanicMode {
    *PANIC_MODE.lock()
}

pub(crate) fn set_panic_mode(mode: PanicMode) {
    *PANIC_MODE.lock() = mode;
}
