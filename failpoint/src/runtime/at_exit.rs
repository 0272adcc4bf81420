//! The report that a process leaves for `FAILPOINT_REPORT`.
//!
//! One line of JSON, appended when it ends in its own way (`main` returns, `exit`), or at the hand
//! of an armed action. Who is killed from outside leaves none.

use crate::runtime::c;
use crate::runtime::log::{self, Level};
use crate::runtime::registry::registry;
use crate::runtime::sync::Ordering;
use crate::runtime::sync::lasting::{AtomicBool, Mutex};
use crate::visible::is_hidden;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

/// How long something that is no file may hold up the end of the process.
const PATIENCE: Duration = Duration::from_secs(1);

static FILE: Mutex<Option<PathBuf>> = Mutex::new(None);
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// Makes this process leave its line in `file`. A place that cannot be a file is logged now, and not only
/// when the process ends.
pub(crate) fn report_to(file: PathBuf) {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    let why = if file.is_dir() {
        Some("it is a directory")
    } else if directory.is_some_and(|directory| !directory.is_dir()) {
        Some("its directory does not exist")
    } else {
        None
    };
    if let Some(why) = why {
        let file = file.display();
        log::say(
            Level::Warn,
            format_args!("FAILPOINT_REPORT: nothing can be written to {file}: {why}"),
        );
    }
    static HOOKED: Once = Once::new();
    *FILE.lock() = Some(file);
    HOOKED.call_once(|| c::call_at_exit(leave));
}

extern "C" fn leave() {
    // It must not unwind into C.
    let _ = std::panic::catch_unwind(leave_report);
}

/// Leaves the line now. Code that ends the process at once calls this.
pub(crate) fn leave_report() {
    let Some(file) = FILE.lock().clone() else { return };
    if WRITTEN.swap(true, Ordering::SeqCst) {
        return;
    }
    if let Err(error) = append(&file, line()) {
        let file = file.display();
        log::say(Level::Error, format_args!("FAILPOINT_REPORT: cannot append to {file}: {error}"));
    }
}

/// Appends to a file, or writes to a pipe or device if that takes the line within [`PATIENCE`]: a
/// pipe is not even opened before it has a reader.
fn append(file: &Path, line: String) -> io::Result<()> {
    if fs::metadata(file).map_or(true, |there| there.is_file()) {
        return write(file, &line);
    }
    let (file, (send, written)) = (file.to_owned(), mpsc::channel());
    thread::Builder::new().name("failpoint-report".into()).spawn(move || {
        let _ = send.send(write(&file, &line));
    })?;
    let late = |_| Err(io::Error::new(ErrorKind::TimedOut, "it did not take the line in time"));
    written.recv_timeout(PATIENCE).unwrap_or_else(late)
}

/// One write of one line: processes that end together do not mix theirs.
fn write(file: &Path, line: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// `{"pid":1,"points":[{"name":"a","packages":["p"],"reached":true,"armed":true,"fired":false}]}`
fn line() -> String {
    let mut line = format!("{{\"pid\":{},\"points\":[", std::process::id());
    for (index, tried) in registry().tried().into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let packages: Vec<String> = tried.packages.iter().map(|name| quoted(name)).collect();
        let _ = write!(
            line,
            "{comma}{{\"name\":{},\"packages\":[{}],\"reached\":{},\"armed\":{},\"fired\":{}}}",
            quoted(&tried.name),
            packages.join(","),
            tried.reached,
            tried.armed,
            tried.fired
        );
    }
    line.push_str("]}\n");
    line
}

/// A string of JSON. Points of the packages named `fail` may have any name.
fn quoted(name: &str) -> String {
    let mut json = String::with_capacity(name.len() + 2);
    json.push('"');
    for c in name.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            // All of them are below U+10000.
            c if is_hidden(c) => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn any_name_is_a_string_of_json() {
        assert_eq!(quoted("a/b"), r#""a/b""#);
        assert_eq!(quoted("a\"b\\\n\u{202e}é"), r#""a\"b\\\u000a\u202eé""#);
    }
}
