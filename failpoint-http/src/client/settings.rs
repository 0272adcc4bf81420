//! The settings of a client: its server, its token, its time limits.

use super::error::ClientError;
use super::target::Target;
use crate::env;
use hyper::header::HeaderValue;
use std::time::Duration;

/// The settings that a client was built with.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) target: Target,
    pub(super) token: Option<HeaderValue>,
    /// Limit for connecting.
    pub(super) connect: Duration,
    /// Limit for a request and its reply, in addition to the time that the server was asked to wait.
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
        let mut settings = Self::new(&env::address()?.ok_or(ClientError::NoAddress)?)?;
        settings.take_token_from_env()?;
        Ok(settings)
    }

    pub(super) fn take_token_from_env(&mut self) -> Result<(), ClientError> {
        if let Some(token) = env::token()? {
            self.set_token(&token)?;
        }
        Ok(())
    }

    pub(super) fn set_token(&mut self, token: &str) -> Result<(), ClientError> {
        let token = env::as_token(env::TOKEN, token)?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .expect("visible ASCII characters are a header's");
        header.set_sensitive(true);
        self.token = Some(header);
        Ok(())
    }
}
