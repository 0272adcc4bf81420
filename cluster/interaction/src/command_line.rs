//! The command `interaction`, for any interpreter.

use crate::files;
use crate::picture;
use crate::runner::{Interpreter, NodeKind, Report, Runner, rewrite_is_set};
use crate::script::{ScriptError, Spanned};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[cfg(test)]
mod tests;

/// Run scripts that drive a group of raft nodes, and compare what they give with what they expect.
#[derive(Parser, Debug)]
#[command(name = "interaction", arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run scripts and show how their outputs differ from the expected ones
    #[command(after_help = RUN_HELP)]
    Run(Run),
}

#[derive(clap::Args, Debug)]
struct Run {
    /// Scripts, or directories: all `*.txt` in a directory and below it, in the order of their names
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print each command with the output that it gave
    #[arg(long)]
    print: bool,

    /// Draw the run of one script as a space-time diagram and write it to this file, as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

const RUN_HELP: &str = "\
Environment:
  REWRITE=1   Write the outputs into the scripts, in place of the expected ones
  NO_COLOR=1  Print no colours. There are none either if the output is not a terminal

Exit status:
  0  All outputs are as expected, or were written into the scripts
  1  A script gives another output, or cannot be run to its end
  2  The command line is wrong, or names a file that does not exist

Examples:
  interaction run scripts                              Run all scripts in a directory
  interaction run scripts/campaign.txt --print         Show what each command gives
  interaction run scripts/campaign.txt --svg run.svg   Draw what happens
  REWRITE=1 interaction run scripts                    Accept the outputs
  interaction run scripts | patch -p0                  Accept them too, through the diff";

/// Runs the command with the arguments of this process.
pub fn main<F>(make: F) -> ExitCode
where
    F: FnMut(&Spanned<NodeKind>) -> Result<Box<dyn Interpreter>, ScriptError>,
{
    let stdout = io::stdout();
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let coloured = stdout.is_terminal()
        && !is_set("NO_COLOR")
        && env::var_os("TERM").is_none_or(|term| term != "dumb");
    let runner = Runner::new(make).rewrite(rewrite_is_set());
    let mut output = io::BufWriter::new(stdout.lock());
    match run(env::args_os(), runner, coloured, &mut output) {
        Ok(status) => ExitCode::from(status),
        // The reader of the output has gone, as in `interaction run scripts | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("interaction: cannot write the output: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command and returns its exit status.
///
/// # Errors
///
/// The output cannot be written.
fn run<F>(
    arguments: impl IntoIterator<Item = OsString>,
    mut runner: Runner<F>,
    coloured: bool,
    output: &mut dyn Write,
) -> io::Result<u8>
where
    F: FnMut(&Spanned<NodeKind>) -> Result<Box<dyn Interpreter>, ScriptError>,
{
    let (run, scripts) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => {
            let _ = error.print();
            return Ok(2);
        }
        Err(help) => {
            write!(output, "{help}")?;
            output.flush()?;
            return Ok(0);
        }
    };

    let mut failed = 0;
    for script in &scripts {
        let report = runner.run(script);
        let mut ok = report.is_ok();
        if run.print {
            for one in &report.outputs {
                writeln!(output, "{one}")?;
            }
        }
        show(&report, coloured, output)?;
        if let Some(svg) = &run.svg {
            let title = script.display().to_string();
            if let Err(error) = fs::write(svg, picture::draw(&title, &report.events)) {
                writeln!(output, "cannot write {}: {error}", svg.display())?;
                ok = false;
            }
        }
        failed += usize::from(!ok);
        writeln!(output, "{}", verdict(&script.display().to_string(), ok, &report, coloured))?;
        output.flush()?;
    }
    if scripts.len() > 1 {
        let (all, ok) = (scripts.len(), scripts.len() - failed);
        writeln!(output, "{all} scripts: {ok} ok, {failed} failed")?;
    }
    output.flush()?;
    Ok(u8::from(failed > 0))
}

/// The arguments of `run`, and the scripts that they name.
fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<(Run, Vec<PathBuf>), clap::Error> {
    let wrong = |kind, message: String| {
        let mut command = Cli::command();
        command.build();
        match command.find_subcommand_mut("run") {
            Some(run) => run.error(kind, message),
            None => command.error(kind, message),
        }
    };
    let Cli { command: Command::Run(run) } = Cli::try_parse_from(arguments)?;
    let mut scripts = Vec::new();
    for path in &run.files {
        match files::scripts(path) {
            Ok(found) => scripts.extend(found),
            Err(error) => return Err(wrong(ErrorKind::ValueValidation, error.to_string())),
        }
    }
    if run.svg.is_some() && scripts.len() > 1 {
        let message = format!("`--svg` draws one script, and there are {}", scripts.len());
        return Err(wrong(ErrorKind::ArgumentConflict, message));
    }
    if let Some(svg) = &run.svg
        && let Ok(svg) = svg.canonicalize()
        && scripts.iter().any(|script| script.canonicalize().is_ok_and(|script| script == svg))
    {
        let message = "`--svg` would replace the script".to_owned();
        return Err(wrong(ErrorKind::ArgumentConflict, message));
    }
    Ok((run, scripts))
}

fn show(report: &Report, coloured: bool, output: &mut dyn Write) -> io::Result<()> {
    match &report.difference {
        Some(difference) if coloured => write!(output, "{}", difference.coloured())?,
        Some(difference) => write!(output, "{difference}")?,
        None => {}
    }
    match &report.error {
        Some(error) => writeln!(output, "{error}"),
        None => Ok(()),
    }
}

/// One line for one script.
fn verdict(name: &str, ok: bool, report: &Report, coloured: bool) -> String {
    let (word, colour) = if ok { ("ok", 32) } else { ("FAILED", 31) };
    let word = if coloured { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() };
    match (report.rewritten, report.different) {
        (0, 0) => format!("{word} {name}"),
        (0, different) => {
            format!("{word} {name}: {different} of {} outputs differ", report.outputs.len())
        }
        (rewritten, _) => format!("{word} {name}: {} rewritten", counted(rewritten, "output")),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
