use super::run;
use crate::runner::{Interpreter, NodeKind, Runner};
use crate::script::{ScriptError, Spanned, Step};
use crate::trace::Event;
use std::fs;
use std::path::Path;

/// Knows `echo TEXT…`, `add N…`, `say` for its input, and `panic`.
struct Toy;

impl Interpreter for Toy {
    fn run(&mut self, step: &Step) -> Result<String, ScriptError> {
        let mut arguments = step.arguments();
        let output = match &**step.command {
            "echo" => {
                let mut words = Vec::new();
                while let Some(word) = arguments.optional::<String>()? {
                    words.push(word.value);
                }
                words.join(" ")
            }
            "add" => {
                let mut sum = 0;
                while let Some(number) = arguments.optional::<u64>()? {
                    sum += *number;
                }
                format!("{sum}\n")
            }
            "say" => step.input.iter().map(|line| format!("{}\n", **line)).collect(),
            "panic" => panic!("on {}", arguments.node()?),
            unknown => return Err(step.error(format!("there is no command `{unknown}`"))),
        };
        arguments.finish()?;
        Ok(output)
    }

    fn take_events(&mut self) -> Vec<Event> {
        vec![Event::Leader { node: 1, term: 1 }]
    }
}

fn toy(kind: &Spanned<NodeKind>) -> Result<Box<dyn Interpreter>, ScriptError> {
    match **kind {
        NodeKind::RaftMemory => Ok(Box::new(Toy)),
        _ => Err(kind.error("a toy has only memory")),
    }
}

/// The exit status, and the output with `DIR` for the directory.
fn interaction(
    directory: &Path,
    arguments: &[&str],
    rewrite: bool,
    coloured: bool,
) -> (u8, String) {
    let arguments = ["interaction".into()].into_iter().chain(arguments.iter().map(|argument| {
        match argument.strip_prefix("DIR") {
            Some(rest) => (directory.display().to_string() + rest).into(),
            None => argument.into(),
        }
    }));
    let mut output = Vec::new();
    let status = run(arguments, Runner::new(toy).rewrite(rewrite), coloured, &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    (status, output.replace(&directory.display().to_string(), "DIR"))
}

/// Runs one script and returns the exit status, the output and the text of the script after it.
fn one(text: &str, rewrite: bool) -> (u8, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, text).unwrap();
    let (status, output) = interaction(directory.path(), &["run", "DIR/a.txt"], rewrite, false);
    (status, output, fs::read_to_string(path).unwrap())
}

const WRONG: &str = "\
# sums
node raft-memory

add 1 2
----
3

# wrong
add 1 2 3
----
5
and more

say
a

----

echo  hello   world
----
hello world
";

/// No blank line can be in the input, and this one is.
#[test]
fn a_blank_line_in_the_input_is_a_mistake() {
    let (status, output, text) = one(WRONG, true);
    let message = "DIR/a.txt:14:1: `say` has no line `----` after it\n  say\n  ^^^\n";
    assert_eq!((status, output), (1, format!("{message}FAILED DIR/a.txt\n")));
    assert_eq!(text, WRONG);
}

#[test]
fn a_difference_is_a_diff_that_patch_can_apply() {
    let script = WRONG.replace("say\na\n\n", "say\na\n");
    let (status, output, text) = one(&script, false);
    let expected = "\
--- DIR/a.txt
+++ DIR/a.txt\t(the output)
@@ -8,12 +8,12 @@ DIR/a.txt:9: add 1 2 3
 # wrong
 add 1 2 3
 ----
-5
-and more
+6
 
 say
 a
 ----
+a
 
 echo  hello   world
 ----
FAILED DIR/a.txt: 2 of 4 outputs differ
";
    assert_eq!((status, &*output), (1, expected));
    assert_eq!(text, script);
}

#[test]
fn colours_are_added() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.txt"), "node raft-memory\nadd 1\n----\n2").unwrap();
    let (status, output) = interaction(directory.path(), &["run", "DIR/a.txt"], false, true);
    let expected = "\
\u{1b}[1m--- DIR/a.txt\u{1b}[0m
\u{1b}[1m+++ DIR/a.txt\t(the output)\u{1b}[0m
\u{1b}[36m@@ -1,4 +1,4 @@ DIR/a.txt:2: add 1\u{1b}[0m
 node raft-memory
 add 1
 ----
\u{1b}[31m-2\u{1b}[0m
\\ No newline at end of file
\u{1b}[32m+1\u{1b}[0m
\u{1b}[31mFAILED\u{1b}[0m DIR/a.txt: 1 of 1 outputs differ
";
    assert_eq!((status, &*output), (1, expected));
}

#[test]
fn a_rewrite_keeps_all_other_bytes() {
    let script = WRONG.replace("say\na\n\n", "say\na\n");
    let (status, output, text) = one(&script, true);
    assert_eq!((status, &*output), (0, "ok DIR/a.txt: 2 outputs rewritten\n"));
    assert_eq!(text, script.replace("5\nand more\n", "6\n").replace("a\n----\n", "a\n----\na\n"));
    let (status, output, again) = one(&text, true);
    assert_eq!((status, &*output), (0, "ok DIR/a.txt\n"));
    assert_eq!(again, text);

    // Line ends of Windows, output with blank lines, and no line end at the end of the file.
    let script =
        "node raft-memory\r\n\r\n echo \"a\\n\\nb\"  \r\n----\r\nx\r\n \r\n\r\n# c\r\nadd\r\n----";
    let (status, _, text) = one(script, true);
    assert_eq!(status, 0);
    let enclosed = "----\r\n----\r\na\r\n\r\nb\r\n----\r\n----\r\n \r\n\r\n# c\r\nadd\r\n----\n0\n";
    assert_eq!(text, script.split("----").next().unwrap().to_owned() + enclosed);
    assert_eq!(one(&text, false).0, 0);
}

#[test]
fn output_that_no_script_can_hold_is_refused() {
    for output in ["\\n----\\n----\\n\\n", "a\\r", "\\n----\\n----\\n----\\n \\n"] {
        let script = format!("node raft-memory\n\necho \"{output}\"\n----\n");
        let (status, output, text) = one(&script, true);
        assert_eq!(status, 1, "{output}");
        assert!(
            output.starts_with("DIR/a.txt:3:1: the output of this command cannot stand"),
            "{output}"
        );
        assert_eq!(text, script);
    }
}

#[cfg(unix)]
#[test]
fn a_rewrite_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("a.txt"));
    fs::write(&file, "node raft-memory\nadd 1\n----\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    let (status, _) = interaction(directory.path(), &["run", "DIR/a.txt"], true, false);
    assert_eq!(status, 0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(&file).unwrap(), "node raft-memory\nadd 1\n----\n1\n");
    // Nothing else was left behind.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn an_error_stops_the_script_and_shows_its_place() {
    let before = "node raft-memory\n\nadd 1\n----\n2\n\n";
    let after = "\n----\n\nadd 1\n----\n2\n";
    let difference = "--- DIR/a.txt\n+++ DIR/a.txt\t(the output)\n@@ -2,7 +2,7 @@ DIR/a.txt:3: add 1\n \n add 1\n ----\n-2\n+1\n";
    let cases = [
        ("sum 1", "there is no command `sum`\n  sum 1\n  ^^^\n"),
        (
            "add 1 2 x",
            "this must be a number from 0 to 18446744073709551615\n  add 1 2 x\n          ^\n",
        ),
        ("panic 3", "this panicked: on 3\n  panic 3\n  ^^^^^\n"),
    ];
    for (command, message) in cases {
        for rewrite in [false, true] {
            let script = format!("{before}{command}{after}");
            let (status, output, text) = one(&script, rewrite);
            let error = &output[output.find("DIR/a.txt:7:").expect(&output)..];
            let (_, error) = error.split_once(": ").unwrap();
            assert_eq!(status, 1);
            assert_eq!(error, format!("{message}FAILED DIR/a.txt: 1 of 1 outputs differ\n"));
            assert_eq!(output.starts_with(difference), !rewrite, "{output}");
            assert_eq!(text, script);
        }
    }
}

#[test]
fn an_unknown_node_is_refused() {
    let message = |kind: &str| {
        let (status, output, _) = one(&format!("node {kind}\n"), false);
        assert_eq!(status, 1);
        output
    };
    assert_eq!(
        message("raft-memroy"),
        "DIR/a.txt:1:6: there is no such node; did you mean `raft-memory`?\n  node raft-memroy\n       ^^^^^^^^^^^\nFAILED DIR/a.txt\n"
    );
    assert_eq!(
        message("x"),
        "DIR/a.txt:1:6: there is no such node; the nodes are raft-memory, raft-log, raft-simdisk, raft-kv\n  node x\n       ^\nFAILED DIR/a.txt\n"
    );
    assert_eq!(
        message("raft-log"),
        "DIR/a.txt:1:6: a toy has only memory\n  node raft-log\n       ^^^^^^^^\nFAILED DIR/a.txt\n"
    );
}

#[test]
fn directories_are_run_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("s/b.txt", "node raft-memory\nadd 1\n----\n1");
    write("s/a.txt", "node raft-memory\nadd 1\n----\n2");
    write("s/c/d.txt", "node raft-memory\n");
    write("s/c/README.md", "no script");
    write("last.txt", "node raft-memory\nsay\nx\n\n");
    let (status, output) =
        interaction(directory.path(), &["run", "DIR/s", "DIR/last.txt"], false, false);
    let verdicts: Vec<_> =
        output.lines().filter(|line| !line.starts_with([' ', '-', '+', '@', '\\'])).collect();
    assert_eq!(
        verdicts,
        [
            "FAILED DIR/s/a.txt: 1 of 1 outputs differ",
            "ok DIR/s/b.txt",
            "ok DIR/s/c/d.txt",
            "DIR/last.txt:2:1: `say` has no line `----` after it",
            "FAILED DIR/last.txt",
            "4 scripts: 2 ok, 2 failed",
        ]
    );
    assert_eq!(status, 1);
    assert_eq!(
        interaction(directory.path(), &["run", "DIR/s/b.txt", "DIR/s/c"], false, false).0,
        0
    );
}

#[test]
fn print_shows_what_each_command_gave() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("a.txt"),
        "node raft-memory\nsay\nx y\n----\nx y\n\necho \"\\n\"\n----\n----\n\n----\n----\n",
    )
    .unwrap();
    let (status, output) =
        interaction(directory.path(), &["run", "--print", "DIR/a.txt"], false, false);
    assert_eq!(status, 0);
    assert_eq!(
        output,
        "say\nx y\n----\nx y\n\necho \"\\n\"\n----\n----\n\n----\n----\n\nok DIR/a.txt\n"
    );
}

#[test]
fn the_picture_is_written_also_of_a_script_that_fails() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("a.txt"),
        "node raft-memory\nadd 1\n----\n2\n\npanic 1\n----\n",
    )
    .unwrap();
    let (status, _) =
        interaction(directory.path(), &["run", "DIR/a.txt", "--svg", "DIR/a.svg"], false, false);
    assert_eq!(status, 1);
    let svg = fs::read_to_string(directory.path().join("a.svg")).unwrap();
    assert!(svg.contains("add 1") && svg.contains("panic 1"), "{svg}");

    let (status, output) =
        interaction(directory.path(), &["run", "DIR/a.txt", "--svg", "DIR/no/a.svg"], false, false);
    assert!(status == 1 && output.contains("cannot write DIR/no/a.svg: "), "{output}");
}

#[test]
fn the_checker_for_tests_panics_with_the_difference() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.txt");
    fs::write(&path, "node raft-memory\nadd 1\n----\n1\n").unwrap();
    // With `REWRITE` set, the runner would write the output.
    if !super::rewrite_is_set() {
        Runner::new(toy).check(directory.path());
        fs::write(&path, "node raft-memory\nadd 1\n----\n2\n").unwrap();
        let panicked = std::panic::catch_unwind(|| Runner::new(toy).check(&path)).unwrap_err();
        let message = panicked.downcast_ref::<String>().unwrap();
        assert!(
            message.contains("a.txt:2: add 1\n") && message.contains("\n-2\n+1\n"),
            "{message}"
        );
    }
}
