//! What did a run find out? The model that is written as JSON, and what shows it.

pub mod event;
pub mod model;
