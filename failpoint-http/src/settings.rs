//! What does the environment say about the control plane?

use crate::error::ServeError;
use crate::rails::Rails;
use failpoint::__private::control;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Everything but the address.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) token: Option<String>,
    pub(crate) insecure: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) port_file: Option<PathBuf>,
}

/// The address; gofail's name goes first.
pub(crate) fn address() -> Result<Option<String>, ServeError> {
    let expected = "HOST:PORT, or unix:/path?mode=0660, as UTF-8 text";
    Ok(text("GOFAIL_HTTP", expected)?.or(text("FAILPOINT_HTTP", expected)?))
}

/// How long to hold the program until the first arming has come in.
pub(crate) fn wait() -> Result<Option<Duration>, ServeError> {
    duration("FAILPOINT_HTTP_WAIT")
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, ServeError> {
        // They are the same for all who carry requests; whoever listens is told what is wrong.
        Rails::from_env()?;
        let names = text("FAILPOINT_HTTP_HOSTS", "host names with commas between, no ports")?;
        Ok(Self {
            token: token()?,
            insecure: insecure()?,
            hosts: list(&names.unwrap_or_default()),
            port_file: env::var_os("FAILPOINT_HTTP_PORT_FILE")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        })
    }
}

fn token() -> Result<Option<String>, ServeError> {
    const EXPECTED: &str = "a secret of visible ASCII characters, without blanks, in it or in FAILPOINT_HTTP_TOKEN_FILE";
    let from_file = match env::var_os("FAILPOINT_HTTP_TOKEN_FILE").filter(|path| !path.is_empty()) {
        None => None,
        Some(path) => {
            let path = PathBuf::from(path);
            match fs::read_to_string(&path) {
                Ok(token) => Some(token),
                Err(source) => return Err(ServeError::TokenFile { path, source }),
            }
        }
    };
    let variable = match from_file {
        Some(_) => "FAILPOINT_HTTP_TOKEN_FILE",
        None => "FAILPOINT_HTTP_TOKEN",
    };
    let from_variable = text("FAILPOINT_HTTP_TOKEN", EXPECTED)?;
    if from_file.is_some() && from_variable.is_some() {
        let expected = "no file where FAILPOINT_HTTP_TOKEN is set as well; unset one of them";
        return Err(ServeError::BadVariable { variable, expected });
    }
    let Some(token) = from_file.or(from_variable) else { return Ok(None) };
    let token = token.trim();
    // An empty file is a mistake, not the wish to ask for nothing.
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ServeError::BadVariable { variable, expected: EXPECTED });
    }
    Ok(Some(token.to_owned()))
}

fn insecure() -> Result<bool, ServeError> {
    let variable = "FAILPOINT_HTTP_INSECURE";
    let expected = "1 to listen without a token where other machines reach it, or 0";
    match text(variable, expected)?.as_deref().map(str::trim) {
        Some("1") => Ok(true),
        None | Some("0") => Ok(false),
        Some(_) => Err(ServeError::BadVariable { variable, expected }),
    }
}

/// A length of time, longer than nothing.
pub(crate) fn duration(variable: &'static str) -> Result<Option<Duration>, ServeError> {
    let expected = "a duration longer than nothing, such as 30s, 15m or 1h30m";
    let Some(text) = text(variable, expected)? else { return Ok(None) };
    match control::parse_duration(text.trim()) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(ServeError::BadVariable { variable, expected }),
    }
}

/// What stands between commas.
pub(crate) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// What `variable` holds; unset and empty are the same.
pub(crate) fn text(
    variable: &'static str,
    expected: &'static str,
) -> Result<Option<String>, ServeError> {
    match env::var(variable) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(ServeError::BadVariable { variable, expected }),
    }
}
