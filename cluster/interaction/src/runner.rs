//! Runs a script, and tells whether it gives the output that it expects.

use crate::difference::Difference;
use crate::files;
use crate::panic_text::panic_text;
use crate::script::{
    FromWord, ScriptError, Source, Span, Spanned, Step, nearest, read, write_expected,
};
use crate::trace::Event;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Runs the commands of one script.
pub trait Interpreter {
    /// Runs one command and returns its output.
    ///
    /// # Errors
    ///
    /// The script is wrong: there is no such command, or it has other arguments. What goes wrong in
    /// the system under test is output.
    fn run(&mut self, step: &Step) -> Result<String, ScriptError>;

    /// What happened since the last call, for the picture of the run.
    fn take_events(&mut self) -> Vec<Event> {
        Vec::new()
    }
}

/// What a script runs, as its first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `raft-memory`: the crate `raft` with its log in memory.
    RaftMemory,
    /// `raft-log`: the crate `raft` with a log in files.
    RaftLog,
    /// `raft-simdisk`: the same on a simulated disk.
    RaftSimdisk,
    /// `raft-kv`: the store `raft-kv` on a simulated disk.
    RaftKv,
}

impl NodeKind {
    /// All kinds, each with its name.
    pub const ALL: [(&str, NodeKind); 4] = [
        ("raft-memory", NodeKind::RaftMemory),
        ("raft-log", NodeKind::RaftLog),
        ("raft-simdisk", NodeKind::RaftSimdisk),
        ("raft-kv", NodeKind::RaftKv),
    ];
}

impl FromWord for NodeKind {
    fn from_word(word: &str) -> Result<NodeKind, String> {
        let names = NodeKind::ALL.map(|(name, _)| name);
        match NodeKind::ALL.iter().find(|(name, _)| *name == word) {
            Some((_, kind)) => Ok(*kind),
            None => Err(match nearest(word, names) {
                Some(near) => format!("there is no such node; did you mean `{near}`?"),
                None => format!("there is no such node; the nodes are {}", names.join(", ")),
            }),
        }
    }
}

/// Runs scripts with the interpreters that a function makes.
///
/// ```
/// use interaction::{Interpreter, Runner};
/// use interaction::script::{ScriptError, Step};
///
/// struct Echo;
///
/// impl Interpreter for Echo {
///     fn run(&mut self, step: &Step) -> Result<String, ScriptError> {
///         Ok(step.text())
///     }
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("echo.txt");
/// std::fs::write(&path, "node raft-memory\n\nsay hello\n----\nsay hello\n")?;
/// Runner::new(|_| Ok(Box::new(Echo))).check(&path);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runner<F> {
    make: F,
    rewrite: bool,
}

impl<F> Runner<F>
where
    F: FnMut(&Spanned<NodeKind>) -> Result<Box<dyn Interpreter>, ScriptError>,
{
    /// A runner that compares outputs. `make` makes an interpreter for each script.
    pub fn new(make: F) -> Runner<F> {
        Runner { make, rewrite: false }
    }

    /// Whether outputs that differ are written into the script, in place of the expected ones.
    pub fn rewrite(mut self, rewrite: bool) -> Runner<F> {
        self.rewrite = rewrite;
        self
    }

    /// Runs a script, or all scripts in a directory, from a test. With `REWRITE=1` in the
    /// environment, it writes the outputs into them.
    ///
    /// # Panics
    ///
    /// A script gives another output, or cannot be run. The message is the difference, as
    /// `interaction run` prints it.
    #[track_caller]
    pub fn check(self, path: impl AsRef<Path>) {
        let mut runner = self.rewrite(rewrite_is_set());
        let failures: Vec<String> = match files::scripts(path.as_ref()) {
            Ok(scripts) => scripts
                .iter()
                .map(|script| runner.run(script))
                .filter(|report| !report.is_ok())
                .map(|report| report.to_string())
                .collect(),
            Err(error) => vec![error.to_string()],
        };
        assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    }

    /// Runs the script in a file.
    pub fn run(&mut self, path: &Path) -> Report {
        let name = path.display().to_string();
        let source = match files::read(path) {
            Ok(bytes) => Source::from_bytes(name, bytes).map_err(RunError::from),
            Err(error) => Err(RunError::File { file: name, what: "read", error }),
        };
        match source {
            Ok(source) => self.run_source(&source, Some(path)),
            Err(error) => Report { error: Some(error), ..Report::default() },
        }
    }

    /// Runs a script that is not in a file, and compares its outputs. Messages call it `name`.
    pub fn run_text(&mut self, name: &str, text: &str) -> Report {
        self.run_source(&Source::new(name, text), None)
    }

    /// With a `path`, outputs may be written there.
    fn run_source(&mut self, source: &Arc<Source>, path: Option<&Path>) -> Report {
        let mut report = Report::default();
        if let Err(error) = self.run_into(source, path, &mut report) {
            report.error = Some(error);
        }
        report
    }

    fn run_into(
        &mut self,
        source: &Arc<Source>,
        path: Option<&Path>,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let script = read(source)?;
        let kind = match NodeKind::from_word(&script.node) {
            Ok(value) => Spanned { value, span: script.node.span.clone() },
            Err(message) => return Err(script.node.error(message).into()),
        };

        let finished = run_steps(|| (self.make)(&kind), &kind.span, &script.steps, report);
        // What came before an error is compared too.
        let text = with_outputs(source, &script.steps, &report.outputs);
        if text == source.text() {
            return Ok(finished?);
        }
        if let Some(path) = path.filter(|_| self.rewrite) {
            finished?;
            check_rewritten(&text, &script.steps, &report.outputs)?;
            files::replace(path, &text).map_err(|error| {
                let file = source.name().to_owned();
                RunError::File { file, what: "rewrite", error }
            })?;
            report.rewritten = report.different;
        } else {
            report.difference = Some(Difference::new(source, &text, &script.steps));
            finished?;
        }
        Ok(())
    }
}

/// Whether the environment asks to write outputs into the scripts.
pub(crate) fn rewrite_is_set() -> bool {
    std::env::var_os("REWRITE").is_some_and(|value| !value.is_empty() && value != "0")
}

fn run_steps(
    make: impl FnOnce() -> Result<Box<dyn Interpreter>, ScriptError>,
    node: &Span,
    steps: &[Step],
    report: &mut Report,
) -> Result<(), ScriptError> {
    // After a panic, the interpreter is only asked what happened, and dropped.
    let mut interpreter = caught(node, make)??;
    let finished = steps.iter().try_for_each(|step| {
        report.events.push(Event::Command { line: step.line.span.line(), text: step.text() });
        let output = caught(&step.command.span, || interpreter.run(step)).and_then(|ran| ran);
        report.events.extend(caught(&step.command.span, || interpreter.take_events())?);
        let output = Output::new(step, &output?);
        report.different += usize::from(output.text != step.expected);
        report.outputs.push(output);
        Ok(())
    });
    let end = steps.last().map_or(node, |step| &step.command.span);
    let dropped = caught(end, || drop(interpreter));
    finished.and(dropped)
}

/// Makes a panic an error at `place`.
fn caught<T>(place: &Span, run: impl FnOnce() -> T) -> Result<T, ScriptError> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let message = panic_text(&*payload).unwrap_or("it gave no message").to_owned();
        // The payload may itself panic when it is dropped.
        std::mem::forget(payload);
        place.error(format!("this panicked: {message}"))
    })
}

/// The text of the script with these outputs. What is expected already keeps its bytes.
fn with_outputs(source: &Source, steps: &[Step], outputs: &[Output]) -> String {
    let mut text = String::with_capacity(source.text().len());
    let mut copied = 0;
    for (step, output) in steps.iter().zip(outputs) {
        if output.text == step.expected {
            continue;
        }
        text.push_str(&source.text()[copied..step.block.start]);
        let newline = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
        if !text.ends_with('\n') && !output.text.is_empty() {
            text.push_str(newline);
        }
        text.push_str(&write_expected(&output.text, newline));
        copied = step.block.end;
    }
    text.push_str(&source.text()[copied..]);
    text
}

/// Refuses output that would be read as something else.
fn check_rewritten(text: &str, steps: &[Step], outputs: &[Output]) -> Result<(), ScriptError> {
    let reread = read(&Source::new("", text)).map(|script| script.steps).unwrap_or_default();
    let mut pairs = steps.iter().zip(outputs).enumerate();
    match pairs
        .find(|(at, (_, output))| reread.get(*at).is_none_or(|step| step.expected != output.text))
    {
        Some((_, (step, _))) => Err(step.error(
            "the output of this command cannot stand in a script: it holds lines `----` and a \
             blank line one after the other, or a carriage return at the end of a line",
        )),
        None => Ok(()),
    }
}

/// What one command gave.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command as it is written, with its input.
    pub command: String,
    /// The output: lines that each end with `\n`.
    pub text: String,
}

impl Output {
    fn new(step: &Step, text: &str) -> Output {
        let text = text.lines().flat_map(|line| [line, "\n"]).collect();
        Output { command: step.text(), text }
    }
}

/// As the command stands in a script.
impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n----\n{}", self.command, write_expected(&self.text, "\n"))
    }
}

/// How one script ran. Its `Display` is the difference and the error.
#[derive(Debug, Default)]
pub struct Report {
    /// What the commands gave, in order, up to an error.
    pub outputs: Vec<Output>,
    /// How many outputs are not the expected ones.
    pub different: usize,
    /// How many outputs were written into the script.
    pub rewritten: usize,
    /// The difference between the script and the outputs. A rewrite leaves no difference.
    pub difference: Option<Difference>,
    /// What happened in the run.
    pub events: Vec<Event>,
    /// Why the script could not be run, or not to its end.
    pub error: Option<RunError>,
}

impl Report {
    /// Whether all commands ran and gave what was expected, or their output was written into the
    /// script.
    pub fn is_ok(&self) -> bool {
        self.difference.is_none() && self.error.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(difference) = &self.difference {
            writeln!(f, "{difference}")?;
        }
        match &self.error {
            Some(error) => writeln!(f, "{error}"),
            None => Ok(()),
        }
    }
}

/// Why a script could not be run.
#[derive(Debug)]
pub enum RunError {
    /// The script is wrong, or a command panicked.
    Script(ScriptError),
    /// A file cannot be read or written.
    File {
        /// The name of the file.
        file: String,
        /// What was tried, as a verb.
        what: &'static str,
        /// Why it failed.
        error: io::Error,
    },
}

impl From<ScriptError> for RunError {
    fn from(error: ScriptError) -> RunError {
        RunError::Script(error)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Script(error) => error.fmt(f),
            RunError::File { file, what, error } => write!(f, "cannot {what} {file}: {error}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Script(_) => None,
            RunError::File { error, .. } => Some(error),
        }
    }
}
