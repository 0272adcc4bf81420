//! What did a run find out? The model that is written as JSON, and what shows it.
//!
//! | module | question |
//! |---|---|
//! | [`model`] | what is in a report? |
//! | [`event`] | what happens in a run, for those who show it while it runs? |
//! | [`collect`] | what is the report of a run that has not ended? |
//! | [`files`], [`live`] | where are the files of a report, and how are they kept up to date? |
//! | [`html`] | what does a report look like in a browser? |
//! | [`terminal`] | what does a run look like on a terminal? |
//! | [`output`] | what happens where a command cannot print? |
//! | [`metrics`], [`junit`] | how does a monitoring system see it, and a CI system? |
//! | [`archive`] | what is kept of a run that failed? |
//! | [`recheck`] | what can be judged again? |

pub mod archive;
pub mod collect;
pub mod event;
pub mod files;
mod healing;
pub mod html;
pub mod junit;
pub mod live;
pub mod metrics;
pub mod model;
pub mod output;
pub mod recheck;
pub mod terminal;
mod text;
