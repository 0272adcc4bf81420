//! From a request to its reply, independent of the transport.

pub mod compat;
pub(crate) mod response;

#[cfg(feature = "axum")]
pub(crate) mod axum;

#[cfg(feature = "failpoints")]
pub(crate) mod access;
#[cfg(feature = "failpoints")]
pub(crate) mod dispatch;
#[cfg(feature = "failpoints")]
mod gofail;
#[cfg(feature = "failpoints")]
mod page;
#[cfg(feature = "failpoints")]
pub(crate) mod problem;
#[cfg(feature = "failpoints")]
pub(crate) mod request;
#[cfg(feature = "failpoints")]
pub(crate) mod v1;
