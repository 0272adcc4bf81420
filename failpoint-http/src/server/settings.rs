//! The settings of the listener, read from the environment.

use crate::change::policy::{Policy, duration, list};
use crate::env::{self, TOKEN, text};
use crate::error::ServeError;
use failpoint::__bridge::control;
use std::path::PathBuf;
use std::time::Duration;

/// All settings except the address.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) token: Option<String>,
    pub(crate) insecure: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) port_file: Option<PathBuf>,
}

/// How long to wait for the first arming.
pub(crate) fn wait() -> Result<Option<Duration>, ServeError> {
    duration("FAILPOINT_HTTP_WAIT")
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, ServeError> {
        // The policy is not part of the settings, but a listener reports its errors.
        Policy::from_env()?;
        let token = env::token()?;
        if token.is_none() && std::env::var_os(TOKEN).is_some() {
            control::warn(format_args!("{TOKEN} is empty, so no request needs a token"));
        }
        let names = text("FAILPOINT_HTTP_HOSTS", "host names without ports, separated by commas")?;
        Ok(Self {
            token,
            insecure: insecure()?,
            hosts: list(&names.unwrap_or_default()),
            port_file: std::env::var_os("FAILPOINT_HTTP_PORT_FILE")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        })
    }
}

fn insecure() -> Result<bool, ServeError> {
    let variable = "FAILPOINT_HTTP_INSECURE";
    let expected = "1 to listen without a token on addresses that other machines can reach, or 0";
    match text(variable, expected)?.as_deref().map(str::trim) {
        Some("1") => Ok(true),
        None | Some("0") => Ok(false),
        Some(_) => Err(ServeError::BadVariable { variable, expected }),
    }
}
