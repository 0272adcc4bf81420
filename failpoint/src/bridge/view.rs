//! The state of a point, as lists over HTTP show it.
//!
//! Nothing is copied before it is written: a list may be of ten thousand points, and the lock that
//! orders all changes is held while it is made.

use crate::info::PointInfo;
use crate::runtime::registry::point::InForce;
use crate::visible::visible;
use std::borrow::Cow;

/// The global state of a point at one moment; its counts are of when they are asked for.
#[derive(Clone, Debug)]
pub struct PointView {
    of: Of,
}

#[derive(Clone, Debug)]
enum Of {
    Ours(InForce),
    /// A point of another library. In a box, since there are few.
    Another(Box<PointInfo>),
}

impl PointView {
    pub(super) fn ours(now: InForce) -> Self {
        Self { of: Of::Ours(now) }
    }

    /// A point of another library, for the lists.
    pub fn of_another(info: PointInfo) -> Self {
        Self { of: Of::Another(Box::new(info)) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match &self.of {
            Of::Ours(now) => now.point.name(),
            Of::Another(info) => &info.name,
        }
    }

    /// As in [`PointInfo::terms`].
    pub fn terms(&self) -> Option<&str> {
        match &self.of {
            Of::Ours(now) => now.plan.as_deref().map(|plan| &*plan.text),
            Of::Another(info) => info.terms.as_deref(),
        }
    }

    /// The terms for a person to read, on one line without hidden characters; of ours, they parse
    /// to what is armed.
    pub fn shown(&self) -> Option<Cow<'_, str>> {
        match &self.of {
            Of::Ours(now) => now.plan.as_deref().map(|plan| plan.shown()),
            Of::Another(info) => {
                info.terms.as_deref().map(|terms| visible(terms).to_string().into())
            }
        }
    }

    /// As in [`PointInfo::generation`].
    pub fn generation(&self) -> u64 {
        match &self.of {
            Of::Ours(now) => now.generation,
            Of::Another(info) => info.generation,
        }
    }

    /// Whether code declares it.
    pub fn is_declared(&self) -> bool {
        matches!(&self.of, Of::Ours(now) if now.point.is_declared())
    }

    /// All that can be asked of it.
    pub fn info(&self) -> PointInfo {
        match &self.of {
            Of::Ours(now) => now.info(),
            Of::Another(info) => PointInfo::clone(info),
        }
    }
}
