//! Blocking requests to a server that has only gofail's routes.

use crate::client::{self, ClientError};
use std::collections::BTreeMap;

/// gofail's routes; the blocking version of [`Gofail`](crate::Gofail).
#[derive(Clone)]
pub struct Gofail {
    gofail: client::Gofail,
}

#[expect(clippy::missing_errors_doc, reason = "documented at the async versions")]
impl Gofail {
    /// As [`Gofail::list`](crate::Gofail::list).
    pub fn list(&self) -> Result<BTreeMap<String, Option<String>>, ClientError> {
        blocking!(gofail = self.gofail.clone() => gofail.list())
    }

    /// As [`Gofail::get`](crate::Gofail::get).
    pub fn get(&self, name: &str) -> Result<Option<String>, ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned() => gofail.get(&name))
    }

    /// As [`Gofail::count`](crate::Gofail::count).
    pub fn count(&self, name: &str) -> Result<Option<u64>, ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned() => gofail.count(&name))
    }

    /// As [`Gofail::arm`](crate::Gofail::arm).
    pub fn arm(&self, name: &str, terms: &str) -> Result<(), ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned(), terms = terms.to_owned()
            => gofail.arm(&name, &terms))
    }

    /// As [`Gofail::arm_all`](crate::Gofail::arm_all).
    pub fn arm_all(&self, config: &str) -> Result<(), ClientError> {
        blocking!(gofail = self.gofail.clone(), config = config.to_owned()
            => gofail.arm_all(&config))
    }

    /// As [`Gofail::disarm`](crate::Gofail::disarm).
    pub fn disarm(&self, name: &str) -> Result<bool, ClientError> {
        blocking!(gofail = self.gofail.clone(), name = name.to_owned() => gofail.disarm(&name))
    }
}

impl From<client::Gofail> for Gofail {
    fn from(gofail: client::Gofail) -> Self {
        Self { gofail }
    }
}
