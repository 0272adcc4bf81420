//! How is an error of the client said to a shell?
//!
//! The library and the servers say what to do next in their own words: a method, or a request. Who
//! typed a command is told of a command.

use failpoint_http::ClientError;

/// How a server begins the request that shows what there is.
const REQUEST: &str = "; GET /";

pub(crate) fn said(error: &ClientError) -> String {
    match error {
        ClientError::OnlyGofail { address, .. } => format!(
            "{address} knows gofail's routes alone, which cannot do this; the commands list, get, \
             arm, disarm, reset and export work there"
        ),
        ClientError::Several(errors) => errors.iter().map(said).collect::<Vec<_>>().join("\n"),
        error => error.to_string().lines().map(in_commands).collect::<Vec<_>>().join("\n"),
    }
}

fn in_commands(line: &str) -> String {
    match line.split_once(REQUEST) {
        Some((what, _)) => format!("{what}; `failpoint list` shows all there are"),
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
                "no failpoint is named `a` in this program; GET / lists those there are",
                "no failpoint is named `a` in this program; `failpoint list` shows all there are",
            ),
            (
                "no point matches a*; GET /v1/points lists all",
                "no point matches a*; `failpoint list` shows all there are",
            ),
            ("expected an action", "expected an action"),
        ] {
            assert_eq!(in_commands(line), said);
        }
    }
}
