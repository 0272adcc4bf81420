//! The end of a torn write: the process dies, or the simulated disk has crashed.

use std::io;
use std::path::Path;

/// Ends the process at once, as a power cut would. Replies of the control plane get out first.
pub(crate) fn end_process(path: &Path) -> ! {
    failpoint::__bridge::end_process(format_args!("a torn write to {}", path.display()))
}

/// What a torn write to a simulated disk returns.
pub(crate) fn cut() -> io::Error {
    io::Error::other("the simulated disk has crashed in a torn write")
}
