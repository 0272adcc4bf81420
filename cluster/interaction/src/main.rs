//! The command `interaction`.

use std::process::ExitCode;

fn main() -> ExitCode {
    interaction::command_line::main(interaction::interpreter::interpreter)
}
