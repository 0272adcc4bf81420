//! The exit status of the binary.

use std::process::{Command, Output};

fn interaction(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interaction"));
    let Output { status, stdout, stderr } =
        command.args(arguments).env_remove("REWRITE").output().unwrap();
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn usage_errors_exit_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("a.txt");
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(&script, "node raft-memory\n").unwrap();
    let (script, empty) = (script.to_str().unwrap(), empty.to_str().unwrap());
    let missing = format!("{script}x");
    let cases: [(&[&str], &str); 9] = [
        (&[], "Usage: interaction <COMMAND>"),
        (&["run"], "<FILE>..."),
        (&["rum"], "'run'"),
        (&["run", "--prin", script], "'--print'"),
        (&["run", &missing], &format!("error: cannot read {missing}: ")),
        (&["run", empty], "error: there is no script `*.txt` in "),
        (
            &["run", script, script, "--svg", "x.svg"],
            "error: `--svg` draws one script, and there are 2",
        ),
        (&["run", script, "--svg", script], "error: `--svg` would replace the script"),
        (&["run", "--svg"], "--svg <FILE>"),
    ];
    for (arguments, message) in cases {
        let (status, output) = interaction(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {output}");
        assert!(output.contains(message), "{arguments:?}: {output}");
    }
}

#[test]
fn help_exits_with_0() {
    let (status, output) = interaction(&["run", "--help"]);
    assert_eq!(status, Some(0));
    for text in ["Examples:", "REWRITE=1", "--svg <FILE>"] {
        assert!(output.contains(text), "{output}");
    }
}

#[test]
fn a_mistake_exits_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("a.txt");
    for text in [&b"node raft-memroy\n"[..], b"", b"\xff", b"node raft-memory\nx (\n"] {
        std::fs::write(&script, text).unwrap();
        let (status, output) = interaction(&["run", script.to_str().unwrap()]);
        assert_eq!(status, Some(1), "{output}");
        assert!(output.contains("a.txt:") && output.contains("^\nFAILED "), "{output}");
    }
}
