//! Where does a client go, with which token, and how long does it wait?

use super::error::ClientError;
use super::target::Target;
use hyper::header::HeaderValue;
use std::env;
use std::fs;
use std::time::Duration;

/// What a client was told when it was made.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) target: Target,
    pub(super) token: Option<HeaderValue>,
    /// To be connected.
    pub(super) connect: Duration,
    /// For a whole exchange, beyond what the server itself was asked to wait.
    pub(super) total: Duration,
}

impl Settings {
    pub(super) fn new(address: &str) -> Result<Self, ClientError> {
        Ok(Self {
            target: Target::parse(address)?,
            token: None,
            connect: Duration::from_secs(2),
            total: Duration::from_secs(10),
        })
    }

    /// From the variables that the server reads.
    pub(super) fn from_env() -> Result<Self, ClientError> {
        let address = text("GOFAIL_HTTP")?.or(text("FAILPOINT_HTTP")?);
        let mut settings = Self::new(&address.ok_or(ClientError::NoAddress)?)?;
        settings.take_token_from_env()?;
        Ok(settings)
    }

    pub(super) fn take_token_from_env(&mut self) -> Result<(), ClientError> {
        const FILE: &str = "FAILPOINT_HTTP_TOKEN_FILE";
        let token = match (text("FAILPOINT_HTTP_TOKEN")?, text(FILE)?) {
            (Some(_), Some(_)) => {
                return Err(ClientError::BadVariable {
                    variable: FILE,
                    expected:
                        "no file where FAILPOINT_HTTP_TOKEN is set as well; unset one of them"
                            .into(),
                });
            }
            (Some(token), None) => token,
            (None, Some(path)) => {
                fs::read_to_string(&path).map_err(|source| ClientError::BadVariable {
                    variable: FILE,
                    expected: format!("a file that can be read; `{path}`: {source}"),
                })?
            }
            (None, None) => return Ok(()),
        };
        self.set_token(&token)
    }

    pub(super) fn set_token(&mut self, token: &str) -> Result<(), ClientError> {
        let token = token.trim();
        let header = HeaderValue::from_str(&format!("Bearer {token}")).ok();
        let fit = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let mut header = header.filter(|_| fit).ok_or_else(|| ClientError::BadVariable {
            variable: "FAILPOINT_HTTP_TOKEN",
            expected: "a secret of visible ASCII characters, without blanks".into(),
        })?;
        header.set_sensitive(true);
        self.token = Some(header);
        Ok(())
    }
}

/// What `variable` holds; unset and empty are the same.
fn text(variable: &'static str) -> Result<Option<String>, ClientError> {
    match env::var(variable) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(ClientError::BadVariable { variable, expected: "UTF-8 text".into() })
        }
    }
}
