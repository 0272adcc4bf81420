//! Did a member that was away for long get a snapshot? Its log says so.

use super::super::failure::Failure;
use super::super::scene::Scene;

/// The snapshots that members are about to receive.
pub(super) struct Snapshots {
    /// The members, with how many lines their logs had before.
    before: Vec<(usize, usize)>,
    text: String,
}

impl Snapshots {
    /// From now on, each of these members has to receive one. Nothing is expected unless `wanted`.
    pub(super) fn expect(
        scene: &Scene<'_>,
        members: &[usize],
        wanted: bool,
    ) -> Result<Self, Failure> {
        let driver = scene.cluster.driver();
        let Some(text) = driver.received_snapshot().filter(|_| wanted) else {
            return Ok(Self { before: Vec::new(), text: String::new() });
        };
        let lines = |member: &usize| Ok((*member, scene.cluster.logs(*member)?.len()));
        let before = members.iter().map(lines).collect::<Result<_, Failure>>()?;
        Ok(Self { before, text: text.to_owned() })
    }

    /// Waits until all members received theirs.
    pub(super) async fn received(self, scene: &Scene<'_>) -> Result<(), Failure> {
        for (member, before) in self.before {
            let logs = scene.cluster.logs(member)?;
            let limit = scene.cluster.limits.heal;
            let seen = logs.expect_after(before, &self.text, 1, limit).await;
            seen.map_err(|_| {
                let name = scene.cluster.name(member);
                let text = &self.text;
                Failure::Subject(format!(
                    "the log of {name} does not say that it received a snapshot ({text:?})"
                ))
            })?;
        }
        Ok(())
    }
}
