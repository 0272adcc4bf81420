//! What does the environment arm? Each case needs a process of its own: this test runs itself anew
//! with the variables set, and only the child evaluates anything.
// Miri starts no process.
#![cfg(all(feature = "failpoints", not(miri)))]

mod common;

use common::{run, stderr, stdout};
use failpoint::{fail_point, fail_value};

fn value() -> Option<u8> {
    fail_value!("env/value", u8)
}

fn other() -> Option<u8> {
    fail_value!("env/other", u8)
}

fn plain() {
    fail_point!("env/plain");
}

#[test]
#[ignore = "the child of the other tests"]
fn child() {
    match std::env::var("CHILD_SCENARIO").unwrap().as_str() {
        // The lazy first reading, by an evaluation.
        "evaluate" => println!("value={:?} other={:?}", value(), other()),
        "init" => match failpoint::init_from_env() {
            Ok(()) => println!("init=ok value={:?}", value()),
            // Told once, the program goes on as it likes, with nothing armed.
            Err(error) => println!("init=refused value={:?}\n{error}", value()),
        },
        "plain" => {
            plain();
            println!("still alive");
        }
        "report" => {
            let _armed = failpoint::arm("env/other", "off").unwrap();
            plain();
        }
        "unwind" => {
            let payload = std::panic::catch_unwind(plain).unwrap_err();
            println!("payload={:?}", failpoint::InjectedPanic::of(&*payload));
        }
        "draws" => {
            let drawn: String =
                (0..64).map(|_| if value().is_some() { 'x' } else { '-' }).collect();
            println!("drawn={drawn}");
        }
        other => panic!("no scenario {other}"),
    }
}

#[test]
fn both_variables_arm_and_the_first_wins_by_name() {
    let output = run(
        "evaluate",
        &[
            ("GOFAIL_FAILPOINTS", "env/value=return(1)"),
            ("FAILPOINTS", "env/value=return(2);env/other=return(3)"),
        ],
    );
    assert!(stdout(&output).contains("value=Some(1) other=Some(3)"), "{output:?}");
    let said = stderr(&output);
    let warning = said.lines().find(|line| line.contains("failpoints are compiled in")).unwrap();
    assert!(warning.contains("armed: env/other, env/value; control plane: off"), "{warning}");
}

#[test]
fn nothing_set_arms_nothing() {
    let output = run("evaluate", &[("GOFAIL_FAILPOINTS", "")]);
    assert!(stdout(&output).contains("value=None other=None"), "{output:?}");
}

#[test]
fn bad_syntax_is_an_error_of_init_and_nothing_is_armed() {
    let output = run("init", &[("GOFAIL_FAILPOINTS", "env/value=return(1);env/other=retrun(2)")]);
    let said = stdout(&output);
    assert!(said.contains("init=refused value=None"), "{said}");
    assert!(said.contains("retrun(2)") && said.contains('^'), "{said}");
}

#[test]
fn a_bad_type_is_an_error_of_init() {
    let output = run("init", &[("FAILPOINTS", "env/value=return(300)")]);
    let said = stdout(&output);
    assert!(said.contains("init=refused value=None"), "{said}");
    assert!(said.contains("an integer from 0 to 255 (u8)"), "{said}");
}

#[test]
fn a_first_reading_that_nobody_asked_for_ends_the_process() {
    let output = run(
        "evaluate",
        &[("FAILPOINTS", "env/value=retrun(1);env/other=return(x)"), ("FAILPOINT_PANIC", "loudly")],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = stderr(&output);
    assert!(said.contains('^') && said.contains("FAILPOINT_PANIC is `loudly`"), "{said}");
}

#[test]
fn unknown_names_are_pending_with_one_warning() {
    let output = run("init", &[("FAILPOINTS", "nobody/here=panic;env/value=return(1)")]);
    assert!(stdout(&output).contains("init=ok value=Some(1)"), "{output:?}");
    assert_eq!(stderr(&output).matches("nobody/here").count(), 1, "{output:?}");
    assert!(stdout(&run("init", &[("FAILPOINTS", "zzzz=off")])).contains("init=ok"));

    let output = run("init", &[("GOFAIL_FAILPOINTS", "env/plane=panic")]);
    assert!(stderr(&output).contains("env/plane (did you mean env/plain?)"), "{output:?}");
}

#[test]
fn an_error_names_the_variable_that_it_is_in() {
    for (variable, holds, reason) in [
        ("GOFAIL_FAILPOINTS", "env/value=retrun(1)", "expected an action"),
        ("FAILPOINTS", "env/value=return(x)", "does not take return(x)"),
        ("FAILPOINTS", "env/plain=when(id=1):off", "passes `id`"),
    ] {
        let others = [("GOFAIL_FAILPOINTS", "env/other=off"), ("FAILPOINTS", "env/other=off")];
        let others = others.into_iter().filter(|(other, _)| *other != variable);
        let variables: Vec<_> = others.chain([(variable, holds)]).collect();
        let said = stdout(&run("init", &variables));
        let line = said.lines().find(|line| line.contains(reason)).unwrap_or_default();
        assert!(line.starts_with(&format!("{variable}: ")), "{said}");
    }
}

#[test]
fn an_unknown_variable_is_warned_of_with_the_nearest() {
    for (variable, meant) in [
        ("FAILPOINT_PANNIC", "FAILPOINT_PANIC"),
        ("GOFAIL_HTP", "GOFAIL_HTTP"),
        ("GOFAIL_FAILPOINT", "GOFAIL_FAILPOINTS"),
        ("FAILPOINT", "FAILPOINTS"),
    ] {
        let output = run("init", &[(variable, "x")]);
        let warning = format!(
            "WARN the environment variable {variable} is not known; did you mean {meant}?\n"
        );
        assert!(stderr(&output).contains(&warning), "{output:?}");
    }
}

#[test]
fn the_seed_replays_the_draws() {
    let draws = |seed| {
        let variables = [("FAILPOINTS", "env/value=50%return(1)"), ("FAILPOINT_SEED", seed)];
        let output = run("draws", &variables);
        assert!(stderr(&output).contains(&format!("FAILPOINT_SEED={seed}")), "{output:?}");
        stdout(&output).lines().find(|line| line.contains("drawn=")).unwrap().to_owned()
    };
    assert_eq!(draws("42"), draws("42"));
    assert_ne!(draws("42"), draws("43"));
    assert!(stdout(&run("init", &[("FAILPOINT_SEED", "-1")])).contains("init=refused"));
}

#[test]
fn panic_ends_what_failpoint_panic_says() {
    let armed = ("FAILPOINTS", "env/plain=panic(sorry)");
    let unwound = run("unwind", &[armed]);
    assert!(stdout(&unwound).contains("failpoint env/plain panic: sorry"), "{unwound:?}");
    assert!(stderr(&unwound).contains("failpoint env/plain panic: sorry"), "{unwound:?}");

    let exited = run("plain", &[armed, ("FAILPOINT_PANIC", "exit:2")]);
    assert_eq!(exited.status.code(), Some(2));
    let said = stderr(&exited);
    assert!(
        said.contains("failpoint env/plain panic: sorry, at failpoint/tests/env.rs:"),
        "{said}"
    );

    let aborted = run("plain", &[armed, ("FAILPOINT_PANIC", "abort")]);
    assert!(!stdout(&aborted).contains("still alive"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&aborted.status), Some(6));
}

#[test]
fn actions_that_end_the_process_end_it() {
    assert_eq!(run("plain", &[("FAILPOINTS", "env/plain=exit(7)")]).status.code(), Some(7));
    assert_eq!(run("plain", &[("FAILPOINTS", "env/plain=exit")]).status.code(), Some(1));
    #[cfg(unix)]
    for (terms, signal) in [("env/plain=abort", 6), ("env/plain=print(last)&kill", 9)] {
        let output = run("plain", &[("FAILPOINTS", terms)]);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(signal));
    }
}

#[test]
fn a_limit_that_runs_out_is_logged_where_nobody_could_catch_a_panic() {
    let output = run("plain", &[("FAILPOINTS", "env/plain=pause(1ms)")]);
    assert!(stdout(&output).contains("still alive"), "{output:?}");
    assert!(stderr(&output).contains("the limit of 1ms ran out"), "{output:?}");
}

#[test]
fn a_process_leaves_its_report_also_where_an_action_ends_it() {
    let file = std::env::temp_dir().join(format!("failpoint-report-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let report = ("FAILPOINT_REPORT", file.to_str().unwrap());
    assert!(run("report", &[report]).status.success());
    assert!(!run("report", &[report, ("FAILPOINTS", "env/plain=kill")]).status.success());
    let lines = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let [ended, killed] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    let point = |name: &str, tried: &str| {
        format!("{{\"name\":\"{name}\",\"packages\":[\"failpoint\"],{tried}}}")
    };
    for (line, fired) in [(ended, false), (killed, true)] {
        let plain = format!("\"reached\":true,\"armed\":{fired},\"fired\":{fired}");
        assert!(line.contains(&point("env/plain", &plain)), "{line}");
        let other = "\"reached\":false,\"armed\":true,\"fired\":false";
        assert!(line.contains(&point("env/other", other)), "{line}");
    }
}
