//! The command `failpoint-agent`: runs members on this machine for a tester on another one.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(status) = failpoint_tester::process::launch::main_if_asked() {
        return status;
    }
    ExitCode::SUCCESS
}
