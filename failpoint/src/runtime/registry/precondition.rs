//! What must hold for a change to be made?

/// Asked under the lock that the change is made under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// Every point to be changed is there.
    Known,
    /// Every point to be changed is there, at one of these generations.
    Generation(Vec<u64>),
    /// The count of all changes is one of these.
    Revision(Vec<u64>),
}

/// Another change came first: the generation or revision that there is; `None` for no such point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale(pub Option<u64>);

impl Precondition {
    /// Whether it holds, where the points to be changed are at these `generations`: `None` for one
    /// that is not there.
    pub(super) fn check(
        &self,
        revision: u64,
        generations: impl IntoIterator<Item = Option<u64>>,
    ) -> Result<(), Stale> {
        let every = |holds: &dyn Fn(u64) -> bool| {
            let fails = |now: &Option<u64>| !now.is_some_and(holds);
            generations.into_iter().find(fails).map_or(Ok(()), |now| Err(Stale(now)))
        };
        match self {
            Self::None => Ok(()),
            Self::Revision(allowed) if allowed.contains(&revision) => Ok(()),
            Self::Revision(_) => Err(Stale(Some(revision))),
            Self::Known => every(&|_| true),
            Self::Generation(allowed) => every(&|now| allowed.contains(&now)),
        }
    }
}
