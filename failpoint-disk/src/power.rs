//! The end of a torn write: the process dies, the step of a simulation ends, or a simulated disk has crashed.

use std::io;
use std::path::Path;

/// Cuts the power after the part of a torn write that reached the disk, in the write to `path` that passed
/// `point`.
///
/// In a [simulated](failpoint::Scope::simulate) scope the step ends, on any disk. Else the process ends at
/// once, unless `disk_crashed`, as a simulated one has; replies of the control plane get out first. Returns
/// the error of the write, for code that goes on.
#[track_caller]
pub(crate) fn cut(point: &str, path: &Path, disk_crashed: bool) -> io::Error {
    let path = path.display();
    let is_simulated =
        failpoint::__bridge::kill_simulated(point, format_args!("a torn write to {path}"));
    if !is_simulated && !disk_crashed {
        failpoint::__bridge::end_process(format_args!("a torn write to {path}"));
    }
    io::Error::other(if disk_crashed {
        "the simulated disk has crashed in a torn write"
    } else {
        "the power was cut in a torn write"
    })
}
