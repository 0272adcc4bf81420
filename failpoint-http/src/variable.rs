//! What does a variable of the environment hold, for the server and for its clients alike?

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

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
const SECRET: &str =
    "a secret of visible ASCII characters, without blanks, in it or in FAILPOINT_HTTP_TOKEN_FILE";

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
            expected: "no file where FAILPOINT_HTTP_TOKEN is set as well; unset one of them",
        }),
        (Some(secret), None) => as_token(TOKEN, &secret).map(Some),
        (None, Some(path)) => match fs::read_to_string(&path) {
            Ok(secret) => as_token(TOKEN_FILE, &secret).map(Some),
            Err(source) => Err(Unusable::File { path, source }),
        },
    }
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
