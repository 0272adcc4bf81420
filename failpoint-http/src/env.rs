//! Reads the environment variables that the server and its clients share.

use std::env;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A variable whose value is not valid.
#[derive(Debug)]
pub(crate) enum Unusable {
    Variable {
        name: &'static str,
        expected: &'static str,
    },
    /// The file that [`TOKEN_FILE`] names.
    File {
        path: PathBuf,
        source: io::Error,
    },
}

pub(crate) const TOKEN: &str = "FAILPOINT_HTTP_TOKEN";
pub(crate) const TOKEN_FILE: &str = "FAILPOINT_HTTP_TOKEN_FILE";

const ADDRESS: &str = "HOST:PORT, or unix:/path?mode=0660, as UTF-8 text";
const SECRET: &str = "a secret of visible ASCII characters without blanks; FAILPOINT_HTTP_TOKEN_FILE, a file with one";

/// The value of `name`; an empty value counts as unset.
pub(crate) fn text(name: &'static str, expected: &'static str) -> Result<Option<String>, Unusable> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Unusable::Variable { name, expected }),
    }
}

/// The address; gofail's variable takes precedence.
pub(crate) fn address() -> Result<Option<String>, Unusable> {
    Ok(text("GOFAIL_HTTP", ADDRESS)?.or(text("FAILPOINT_HTTP", ADDRESS)?))
}

/// The token, from the variable or from the file, if one of them is set. Both are an error.
pub(crate) fn token() -> Result<Option<String>, Unusable> {
    let path = env::var_os(TOKEN_FILE).filter(|path| !path.is_empty()).map(PathBuf::from);
    match (text(TOKEN, SECRET)?, path) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Unusable::Variable {
            name: TOKEN_FILE,
            expected: "a file only if FAILPOINT_HTTP_TOKEN is not set; unset one of them",
        }),
        (Some(secret), None) => as_token(TOKEN, &secret).map(Some),
        (None, Some(path)) => match read(&path, PATIENCE) {
            Ok(secret) => as_token(TOKEN_FILE, &secret).map(Some),
            Err(source) => Err(Unusable::File { path, source }),
        },
    }
}

/// How long reading a pipe to its end may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest token file, in bytes.
const LONGEST: u64 = 64 << 10;

/// Reads a whole file. It may be a pipe, such as a shell's `<(command)`, if its writer closes it.
fn read(path: &Path, patience: Duration) -> io::Result<String> {
    if fs::metadata(path)?.is_file() {
        return read_to_end(path);
    }
    let (path, (send, read)) = (path.to_owned(), mpsc::channel());
    // If no writer ever opens the pipe, the thread ends with the process.
    thread::Builder::new().name("failpoint-token".to_owned()).spawn(move || {
        let _ = send.send(read_to_end(&path));
    })?;
    read.recv_timeout(patience).unwrap_or_else(|_| {
        let why = format!("it is a pipe, and its writer did not close it within {patience:?}");
        Err(io::Error::new(ErrorKind::TimedOut, why))
    })
}

fn read_to_end(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        let why = format!("it holds more than {LONGEST} bytes");
        return Err(io::Error::new(ErrorKind::InvalidData, why));
    }
    Ok(text)
}

/// `secret` without surrounding blanks, if it is a valid token.
pub(crate) fn as_token(name: &'static str, secret: &str) -> Result<String, Unusable> {
    let secret = secret.trim();
    // An empty file is a mistake; it must not turn the check off.
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unusable::Variable { name, expected: SECRET });
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, PATIENCE, read};
    use std::fs;
    #[cfg(unix)]
    use std::time::Duration;

    #[test]
    fn a_file_is_read_up_to_a_bound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let most = "x".repeat(usize::try_from(LONGEST).unwrap());
        fs::write(&path, &most).unwrap();
        assert_eq!(read(&path, PATIENCE).unwrap(), most);
        fs::write(&path, most + "x").unwrap();
        assert!(read(&path, PATIENCE).unwrap_err().to_string().contains("more than 65536 bytes"));
        assert!(read(directory.path(), PATIENCE).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_read_without_end_nor_for_ever() {
        use std::path::Path;
        use std::process::Command;
        use std::thread;

        assert_eq!(read(Path::new("/dev/null"), PATIENCE).unwrap(), "");
        let endless = read(Path::new("/dev/zero"), PATIENCE).unwrap_err();
        assert!(endless.to_string().contains("more than"), "{endless}");

        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        if !Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()) {
            assert!(std::env::var_os("REQUIRE_PROGRAMS").is_none(), "mkfifo makes no pipe");
            println!("skipped: needs mkfifo");
            return;
        }
        // It has no writer.
        let refused = read(&pipe, Duration::from_millis(1)).unwrap_err();
        assert!(refused.to_string().contains("did not close it within"), "{refused}");
        // Another pipe, because the first reader still waits.
        let written = directory.path().join("written");
        assert!(Command::new("mkfifo").arg(&written).status().unwrap().success());
        let to = written.clone();
        let writer = thread::spawn(move || fs::write(to, "s3cret\n"));
        assert_eq!(read(&written, Duration::MAX).unwrap(), "s3cret\n");
        writer.join().unwrap().unwrap();
    }
}
