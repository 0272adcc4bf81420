//! Where does a client go, with which token, and how long does it wait?

use super::error::ClientError;
use super::target::Target;
use crate::env;
use hyper::header::HeaderValue;
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
