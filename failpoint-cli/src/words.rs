//! Rewords errors of the client library for the command line.
//!
//! The library and the servers suggest a method or a request. Here the suggestion is a command.

use failpoint_http::ClientError;

/// How servers begin the suggestion of a request that lists the points.
const REQUEST: &str = "; GET /";

pub(crate) fn message_of(error: &ClientError) -> String {
    match error {
        ClientError::OnlyGofail { address, .. } => format!(
            "{address} has only gofail's routes, which do not support this; list, get, arm, disarm, \
             reset and export work there"
        ),
        ClientError::Several(errors) => {
            errors.iter().map(message_of).collect::<Vec<_>>().join("\n")
        }
        error => error.to_string().lines().map(in_commands).collect::<Vec<_>>().join("\n"),
    }
}

fn in_commands(line: &str) -> String {
    match line.split_once(REQUEST) {
        Some((what, _)) => format!("{what}; `failpoint list` lists all points"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_commands;

    #[test]
    fn a_request_becomes_a_command() {
        for (line, said) in [
            (
                "no failpoint is named `a` in this program; GET / lists all points",
                "no failpoint is named `a` in this program; `failpoint list` lists all points",
            ),
            (
                "no point matches a*; GET /v1/points lists all",
                "no point matches a*; `failpoint list` lists all points",
            ),
            ("expected an action", "expected an action"),
        ] {
            assert_eq!(in_commands(line), said);
        }
    }
}
