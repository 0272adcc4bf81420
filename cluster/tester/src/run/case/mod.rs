//! How is a case injected, felt and healed? One module for each kind of fault.

use super::failure::Failure;
use super::scene::Scene;
use crate::cases::{Case, Fault};

mod external;
mod failpoints;
mod no_fault;
mod pause;
mod recover;
mod restore;
mod snapshot;
mod stop;

use failpoints::disarm_all;
pub(super) use recover::recovered;
use stop::rejoin;

/// Runs a case: injects its fault, proves that it was felt, heals it, and proves that it is healed.
pub(super) async fn run(scene: &mut Scene<'_>, case: &Case, number: u64) -> Result<(), Failure> {
    match case.fault {
        Fault::Sigterm | Fault::Sigkill | Fault::SigquitAndRemove => stop::run(scene, case).await,
        Fault::RemoveQuorumAndRestore => restore::run(scene).await,
        Fault::Pause => pause::run(scene, case).await,
        Fault::NoFaultWithStress => no_fault::with_load(scene).await,
        Fault::NoFaultWithoutStress => no_fault::without_load(scene).await,
        Fault::Failpoints => failpoints::run(scene).await,
        Fault::FailpointsDiskLatency => failpoints::disk_latency(scene).await,
        Fault::External => external::run(scene, number).await,
    }
}
