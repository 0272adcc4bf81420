//! What does a variable of the environment hold, for the server and for its clients alike?

use std::env;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A variable that holds something else than it should.
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

/// What `name` holds; unset and empty are the same.
pub(crate) fn text(name: &'static str, expected: &'static str) -> Result<Option<String>, Unusable> {
    match env::var(name) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Unusable::Variable { name, expected }),
    }
}

/// The address; gofail's name goes first.
pub(crate) fn address() -> Result<Option<String>, Unusable> {
    Ok(text("GOFAIL_HTTP", ADDRESS)?.or(text("FAILPOINT_HTTP", ADDRESS)?))
}

/// The token, from the variable or from the file; which may be missing, and not both be there.
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

/// How long a file that is a pipe may take to give all that it holds.
const PATIENCE: Duration = Duration::from_secs(10);
/// No secret is longer.
const LONGEST: u64 = 64 << 10;

/// All of a file. Of a pipe too, as shells make one of `<(command)`, if its writer comes to its end.
fn read(path: &Path, patience: Duration) -> io::Result<String> {
    if fs::metadata(path)?.is_file() {
        return read_to_end(path);
    }
    let (path, (send, read)) = (path.to_owned(), mpsc::channel());
    // Without a writer it ends with the process.
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

/// `secret` without what surrounds it, if it can be a token.
pub(crate) fn as_token(name: &'static str, secret: &str) -> Result<String, Unusable> {
    let secret = secret.trim();
    // An empty file is a mistake, not the wish to ask for nothing.
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
        // A pipe of its own, since that reader still waits.
        let written = directory.path().join("written");
        assert!(Command::new("mkfifo").arg(&written).status().unwrap().success());
        let to = written.clone();
        let writer = thread::spawn(move || fs::write(to, "s3cret\n"));
        assert_eq!(read(&written, Duration::MAX).unwrap(), "s3cret\n");
        writer.join().unwrap().unwrap();
    }
}
