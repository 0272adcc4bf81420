//! The command `failpoint-agent`: runs members on this machine for a tester on another one.

fn main() {}
