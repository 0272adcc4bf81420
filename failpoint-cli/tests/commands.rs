//! Tests the output and the exit status of the commands. Each test runs the command, most of them
//! against their own server.

mod support;

use failpoint_test_support::closed_address;
use serde_json::Value;
use support::{Server, command, failpoint, serve};

#[test]
fn serves() {
    serve();
}

#[test]
fn a_point_from_idle_to_armed_to_idle() {
    let Some(server) = Server::start(&[]) else { return };
    let listed = server.ask(&["list", "--match", "raft*"]);
    assert_eq!((listed.status, listed.err.as_str()), (0, ""));
    assert_eq!(
        listed.out,
        "NAME            TERMS  HITS  FIRES  PAUSED\nraftAfterSave   -\nraftBeforeSave  -\n"
    );

    let armed = server.ask(&["arm", "raftAfterSave", "3*sleep(100)->off", "--ttl", "90s"]);
    assert_eq!((armed.status, armed.err.as_str()), (0, ""));
    let line = "armed raftAfterSave: 3*sleep(100)->off for 90s (generation 1)\n";
    assert_eq!(armed.out, line);
    assert_eq!(
        server.ask(&["ls", "--armed"]).out,
        "NAME           TERMS              HITS  FIRES  PAUSED\n\
         raftAfterSave  3*sleep(100)->off     0      0       0\n"
    );
    let idle = server.ask(&["list", "--idle", "--json"]);
    let idle: Value = serde_json::from_str(&idle.out).unwrap();
    assert_eq!(idle["points"].as_array().unwrap().len(), 4);
    assert_eq!(server.ask(&["export"]).out, "raftAfterSave=3*sleep(100)->off\n");

    let got = server.ask(&["get", "raftAfterSave", "walSize"]);
    assert!(got.out.starts_with("raftAfterSave: 3*sleep(100)->off\n  0 hits, 0 fires, 0 paused\n"));
    assert!(got.out.contains("walSize: idle\n  takes u64\n"), "{}", got.out);
    assert!(got.out.contains("support/mod.rs:") && got.out.contains("value, not reached"));
    assert!(got.out.contains("not reached, passes segment, store\n"), "{}", got.out);
    let got: Value = serde_json::from_str(&server.ask(&["get", "walSize", "--json"]).out).unwrap();
    assert_eq!(got["name"], "walSize");

    let disarmed = server.ask(&["disarm", "raftAfterSave", "walSize"]);
    assert_eq!(disarmed.status, 0);
    assert_eq!(disarmed.out, "disarmed raftAfterSave: was 3*sleep(100)->off\nwalSize was idle\n");
}

#[test]
fn terms_are_shown_in_a_spelling_that_arms_the_same() {
    let Some(server) = Server::start(&[]) else { return };
    let shown = r#"print("\u{1b}]0;x\u{202e}")"#;
    let armed = server.ask(&["arm", "raftAfterSave", "print(\u{1b}]0;x\u{202e})"]);
    assert_eq!(armed.out, format!("armed raftAfterSave: {shown} (generation 1)\n"));
    assert_eq!(server.ask(&["export"]).out, format!("raftAfterSave={shown}\n"));
    let listed = server.ask(&["list", "--armed"]).out;
    assert!(listed.contains(&format!("raftAfterSave  {shown}  ")), "{listed}");
    let got = server.ask(&["get", "raftAfterSave"]).out;
    assert!(got.starts_with(&format!("raftAfterSave: {shown}\n")), "{got}");
    let disarmed = server.ask(&["disarm", "raftAfterSave"]).out;
    assert_eq!(disarmed, format!("disarmed raftAfterSave: was {shown}\n"));
}

#[test]
fn several_points_at_once() {
    let Some(server) = Server::start(&[]) else { return };
    let armed = server.ask(&["arm", "raftBeforeSave=panic", "walSize=return(7)"]);
    assert_eq!(
        armed.out,
        "armed raftBeforeSave: panic (generation 1)\narmed walSize: return(7) (generation 2)\n"
    );
    let armed = server.ask(&["arm", "--match", "raft*", "off", "--json"]);
    let armed: Value = serde_json::from_str(&armed.out).unwrap();
    assert_eq!(armed[0]["terms"], "off");
    let refused = server.ask(&["arm", "raftBeforeSave=panic", "walSize=return(x)", "wal=off"]);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("wal") && refused.err.contains("walSize"), "{}", refused.err);

    let reset = server.ask(&["reset"]);
    assert_eq!(
        reset.out,
        "disarmed raftAfterSave: was off, 0 hits, 0 fires\n\
         disarmed raftBeforeSave: was off, 0 hits, 0 fires\n\
         disarmed walSize: was return(7), 0 hits, 0 fires\n"
    );
    assert_eq!(server.ask(&["reset"]).out, "nothing was armed\n");
    let report = server.ask(&["report"]);
    assert!(report.out.starts_with("never reached: 4\n  applySnapshot\n"), "{}", report.out);
    assert!(report.out.contains("armed and never fired: 3\n"), "{}", report.out);
}

#[test]
fn what_is_refused() {
    let Some(server) = Server::start(&[]) else { return };
    let refused = server.ask(&["arm", "raftAfterSave", "off->slep(1)"]);
    assert_eq!((refused.status, refused.out.as_str()), (1, ""));
    let caret = "\n  off->slep(1)\n       ^ at byte 5";
    assert!(refused.err.contains(caret), "{}", refused.err);

    let refused = server.ask(&["arm", "raftAfterSav", "off"]);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("the nearest are `raftAfterSave`"), "{}", refused.err);
    assert_eq!(server.ask(&["get", "raftAfterSav"]).status, 1);
    for arguments in
        [&["arm", "QQQQ", "off"][..], &["get", "QQQQ"], &["arm", "--match", "Q*", "off"]]
    {
        let refused = server.ask(arguments);
        assert_eq!(refused.status, 1, "{arguments:?}");
        let line = refused.err.trim_end();
        assert!(line.ends_with("; `failpoint list` lists all points"), "{line}");
        assert!(!line.contains("GET /"), "{line}");
    }
    let refused = server.ask(&["arm", "QQQQ=off", "tick=slep"]);
    assert!(refused.err.contains("2 problems, so nothing was changed:\n"), "{}", refused.err);
    assert!(!refused.err.contains("GET /"), "{}", refused.err);
    assert_eq!(server.ask(&["arm", "raftAfterSav", "off", "--unlisted"]).status, 0);

    assert_eq!(server.ask(&["arm", "tick", "off", "--if-match", "0"]).status, 0);
    let stale = server.ask(&["disarm", "tick", "--if-match", "0"]);
    assert_eq!(stale.status, 1);
    assert!(stale.err.contains("If-Match"), "{}", stale.err);
}

#[test]
fn a_token() {
    let Some(server) = Server::start(&[("FAILPOINT_HTTP_TOKEN", "s3cret")]) else { return };
    let refused = server.ask(&["list"]);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("FAILPOINT_HTTP_TOKEN"), "{}", refused.err);
    assert_eq!(server.ask(&["list", "--token", "s3cret"]).status, 0);
    let with_variable = |variable: &str, value: &str| {
        let mut command = command(&["list", "--addr", &server.address]);
        command.env(variable, value).output().unwrap().status.code()
    };
    assert_eq!(with_variable("FAILPOINT_HTTP_TOKEN", "s3cret"), Some(0));
    assert_eq!(with_variable("FAILPOINT_HTTP_TOKEN", "other"), Some(1));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    assert_eq!(with_variable("FAILPOINT_HTTP_TOKEN_FILE", file.to_str().unwrap()), Some(0));
    assert_eq!(with_variable("FAILPOINT_HTTP_TOKEN_FILE", "/no/such/file"), Some(2));
}

#[test]
fn usage() {
    for arguments in [
        &["list"][..],
        &["list", "--addr", "nowhere"],
        &["list", "--addr", "127.0.0.1:1", "--armed", "--idle"],
        &["arm", "--addr", "127.0.0.1:1"],
        &["arm", "--addr", "127.0.0.1:1", "a=off", "b"],
        &["arm", "--addr", "127.0.0.1:1", "a=off", "a=panic"],
        &["arm", "--addr", "127.0.0.1:1", "--match", "a*", "a", "off"],
        &["arm", "--addr", "127.0.0.1:1", "a", "off", "--ttl", "never"],
        &["wait", "--addr", "127.0.0.1:1", "a", "--hits", "1", "--fires", "1"],
        &["wait", "--addr", "127.0.0.1:1", "a", "--hits", "0"],
        &["watch", "--addr", "127.0.0.1:1"],
        &["no-such-command"],
    ] {
        let asked = failpoint(arguments);
        assert_eq!((asked.status, asked.out.as_str()), (2, ""), "{arguments:?}");
        assert!(!asked.err.is_empty(), "{arguments:?}");
    }
    let told = failpoint(&["arm", "--addr", "127.0.0.1:1", "walSync", "sleep", "100"]).err;
    assert!(told.contains("in quotes, as one argument: arm walSync 'sleep 100'"), "{told}");
    let told = failpoint(&["watch", "--addr", "127.0.0.1:1"]).err;
    assert!(told.contains("failpoint events"), "{told}");
    let told = failpoint(&["list"]).err;
    assert!(told.contains("GOFAIL_HTTP"), "{told}");
}

#[test]
fn nothing_listens() {
    let free = closed_address();
    for arguments in [&["list"][..], &["arm", "a", "off"], &["wait", "a"], &["events"], &["reset"]]
    {
        let mut command = command(arguments);
        let asked: support::Asked = command.env("GOFAIL_HTTP", &free).output().unwrap().into();
        assert_eq!((asked.status, asked.out.as_str()), (3, ""), "{arguments:?}");
        assert!(asked.err.contains(&free), "{}", asked.err);
    }
    let Some(server) = Server::start(&[]) else { return };
    let both = format!("{free},{}", server.address);
    let listed = failpoint(&["--addr", &both, "list", "--match", "tick"]);
    assert_eq!(listed.status, 3);
    assert!(listed.err.contains(&free), "{}", listed.err);
    let expected = format!("{}\n  NAME  TERMS  HITS  FIRES  PAUSED\n  tick  -\n", server.address);
    assert_eq!(listed.out, expected, "the other one is shown all the same");
    let listed = failpoint(&["--addr", &both, "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert!(listed[&free]["error"].is_string() && listed[&server.address]["points"].is_array());

    let armed = failpoint(&["--addr", &both, "arm", "tick", "off"]);
    assert_eq!(armed.status, 3);
    assert_eq!(server.ask(&["export"]).out, "\n", "all or none");
}

#[test]
fn several_servers() {
    let (Some(one), Some(other)) = (Server::start(&[]), Server::start(&[])) else { return };
    let both = ["--addr", &one.address, "--addr", &other.address];
    let ask = |arguments: &[&str]| failpoint(&[&both, arguments].concat());
    let armed = ask(&["arm", "tick", "off"]);
    assert_eq!(armed.status, 0);
    let lines: Vec<String> = [&one, &other]
        .iter()
        .map(|server| format!("{}: armed tick: off (generation 1)\n", server.address))
        .collect();
    assert_eq!(armed.out, lines.concat());
    assert_eq!(ask(&["disarm", "tick"]).out.matches("disarmed tick: was off").count(), 2);
}

#[test]
fn completions_and_help() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = failpoint(&["completions", shell]);
        assert_eq!(script.status, 0);
        assert!(script.out.contains("failpoint") && script.out.contains("resume"));
    }
    let help = failpoint(&["--help"]);
    assert_eq!(help.status, 0);
    assert!(help.out.contains("Examples:") && help.out.contains("Exit status"), "{}", help.out);
}

/// A full disk must not pass for a saved file.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = command(&["completions", "bash"]);
    let output = command.stdout(full).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("cannot write the output: No space left on device"), "{err}");
}
