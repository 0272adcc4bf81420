//! How is a program run for its answer? Its standard output is the answer, and exit status 0 a success.
//! And how is one run that starts a server in the background?

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::judge::{Answered, NoAnswer};
use crate::agent::{MemberFiles, Program};
use crate::process::left_out;

/// The longest output that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// Runs a program without a shell and without input, and kills it at the limit.
pub(super) async fn run(
    argv: &[String],
    directory: &std::path::Path,
    limit: Duration,
) -> Result<Answered, NoAnswer> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(NoAnswer::NotSent("no program is named".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    if directory.is_dir() {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let not_run = |error| NoAnswer::NotSent(format!("{program} cannot be run: {error}"));
    let mut child = command.spawn().map_err(not_run)?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        let (output, errors) = tokio::join!(read(output), read(errors));
        (output, errors, child.wait().await)
    };
    let Ok((output, errors, ended)) = timeout(limit, whole).await else {
        return Err(NoAnswer::late(limit));
    };
    let ended = ended.map_err(|error| NoAnswer::Lost(error.to_string()))?;
    let mut text = String::from_utf8_lossy(&output).into_owned();
    // What it says of a failure is a part of the answer.
    if !ended.success() {
        text.push_str(&String::from_utf8_lossy(&errors));
    }
    if text.trim().is_empty() && !ended.success() {
        text = ended.to_string();
    }
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    Ok(Answered::Text { text, success: ended.success() })
}

/// What a program prints, up to the limit. The rest is read and dropped, so that it never blocks.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(LONGEST).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    bytes
}

/// Runs a program that returns once a server runs in the background. What both print goes to the log
/// file: a pipe would end with the tester, and a server that prints to it then would fail.
pub(super) async fn launch(
    program: &Program,
    files: &MemberFiles,
    limit: Duration,
) -> Result<(), String> {
    let [name, arguments @ ..] = program.argv.as_slice() else {
        return Err("no program is named".to_owned());
    };
    let at = |path: &std::path::Path, error: std::io::Error| format!("{}: {error}", path.display());
    for directory in [&files.directory, &files.data] {
        fs::create_dir_all(directory).map_err(|error| at(directory, error))?;
    }
    let log = OpenOptions::new().create(true).read(true).append(true).open(&files.log);
    let mut log = log.map_err(|error| at(&files.log, error))?;
    let before = log.seek(SeekFrom::End(0)).map_err(|error| at(&files.log, error))?;
    let output = || log.try_clone().map(Stdio::from).map_err(|error| at(&files.log, error));
    let mut command = Command::new(name);
    for variable in left_out() {
        command.env_remove(variable);
    }
    command
        .args(arguments)
        .envs(&program.env)
        .current_dir(&files.directory)
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?)
        // Ctrl-C is for the tester.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{name} cannot be run: {error}"))?;
    let why = match timeout(limit, child.wait()).await {
        Ok(Ok(ended)) if ended.success() => return Ok(()),
        Ok(Ok(ended)) => ended.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!(
            "it did not return within {limit:?}; a program that stays in the foreground belongs in \
             `start`"
        ),
    };
    let mut said = Vec::new();
    let _ = log.seek(SeekFrom::Start(before));
    let _ = log.take(1 << 10).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    Err(format!("`{program}`: {why}; it printed: {}", said.trim()))
}
