use super::{Script, Source, Value, nearest, read, read_arguments, write_expected};

fn script(text: &str) -> Script {
    read(&Source::new("a.txt", text)).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn error(text: &str) -> String {
    let source = Source::from_bytes("a.txt", text.into());
    source.and_then(|source| read(&source)).expect_err(text).to_string()
}

/// The arguments, one a line, as they were understood.
fn understood(command: &str) -> String {
    let script = script(&format!("node x\n\n{command}\n----\n"));
    let mut text = String::new();
    for argument in &script.steps[0].arguments {
        if let Some(key) = &argument.key {
            text += &format!("{} = ", **key);
        }
        text += &match &argument.value {
            Value::Word(word) => format!("{:?}\n", **word),
            Value::List(items) => {
                format!("{:?}\n", items.iter().map(|item| &**item).collect::<Vec<_>>())
            }
        };
    }
    text
}

#[test]
fn a_script_has_a_node_and_steps() {
    let script = script(
        "# what it shows\nnode raft-memory\n\n# first\nadd-nodes 3 voters=(1,2,3) index=10\n----\n\
         ok\n# a line of output\n\nconf 1\nv1 l2\n# a line of input\n----\n\n\n  last\n----",
    );
    assert_eq!(*script.node, "raft-memory");
    let [add, conf, last] = &script.steps[..] else { panic!("{script:?}") };
    assert_eq!((&**add.command, add.arguments.len()), ("add-nodes", 3));
    assert_eq!(add.expected, "ok\n# a line of output\n");
    assert_eq!(
        conf.input.iter().map(|line| &**line).collect::<Vec<_>>(),
        ["v1 l2", "# a line of input"]
    );
    assert_eq!(conf.text(), "conf 1\nv1 l2\n# a line of input");
    assert_eq!(conf.expected, "");
    assert_eq!((&**last.command, &*last.expected), ("last", ""));

    let index = &add.arguments[2];
    assert_eq!((index.span.line(), index.span.column(), index.span.length()), (5, 28, 8));
    assert_eq!(index.span.text(), "index=10");
}

#[test]
fn arguments_keep_their_order() {
    let cases = [
        ("c a k=1 b k=2", "\"a\"\nk = \"1\"\n\"b\"\nk = \"2\"\n"),
        ("c k=(a, \"b c\" ,d) ()", "k = [\"a\", \"b c\", \"d\"]\n[]\n"),
        ("c log=((1,1),(4,4))", "log = [\"(1,1)\", \"(4,4)\"]\n"),
        ("c 1,2 | 3", "\"1,2\"\n\"|\"\n\"3\"\n"),
        ("c 2 p=1*return(\"a ) b\")->off", "\"2\"\np = \"1*return(\\\"a ) b\\\")->off\"\n"),
        ("c a::b/c=sleep(5) k=", "a::b/c = \"sleep(5)\"\nk = \"\"\n"),
        ("c f(a=b) k=a=b", "\"f(a=b)\"\nk = \"a=b\"\n"),
        ("c \"a b\" k=\"\\\"\\\\\\n\\r\\t\"", "\"a b\"\nk = \"\\\"\\\\\\n\\r\\t\"\n"),
        ("c\ta \tß=ü\t", "\"a\"\nß = \"ü\"\n"),
    ];
    for (command, expected) in cases {
        assert_eq!(understood(command), expected, "{command}");
    }
}

#[test]
fn input_can_be_read_as_arguments() {
    let script = script("node x\nc\n  1 log=((1,1),(4,4))\n2 (\n----\n");
    let [first, second] = &script.steps[0].input[..] else { panic!("{script:?}") };
    let arguments = read_arguments(&first.span).unwrap();
    assert_eq!(arguments.len(), 2);
    assert_eq!(arguments[1].span.column(), 5);
    assert_eq!(
        read_arguments(&second.span).unwrap_err().to_string(),
        "a.txt:4:3: there is no `)` for this `(`\n  2 (\n    ^"
    );
}

#[test]
fn mistakes_have_a_place() {
    let first = "the first line of a script names its node, as in `node raft-memory`";
    let cases = [
        ("", format!("a.txt:1:1: {first}\n  \n  ^")),
        ("# c\n\n", format!("a.txt:3:1: {first}\n  \n  ^")),
        ("\nadd 3\n----\n", format!("a.txt:2:1: {first}\n  add 3\n  ^^^")),
        ("node", "a.txt:1:1: `node` needs a kind, as in `node raft-memory`\n  node\n  ^^^^".into()),
        ("node a b", "a.txt:1:8: `node` takes one kind and nothing else\n  node a b\n         ^".into()),
        ("node k=a", "a.txt:1:6: `node` takes one kind, as in `node raft-memory`\n  node k=a\n       ^^^".into()),
        ("node x\nadd\n\nb\n----\n", "a.txt:2:1: `add` has no line `----` after it\n  add\n  ^^^".into()),
        ("node x\nadd", "a.txt:2:1: `add` has no line `----` after it\n  add\n  ^^^".into()),
        ("node x\n\n----\n", "a.txt:3:1: there is no command before `----`; output with blank lines or with lines `----` is enclosed in two lines `----` on each side\n  ----\n  ^^^^".into()),
        ("node x\n=a\n----\n", "a.txt:2:1: a command begins with its name: letters, digits, `-` and `_`\n  =a\n  ^".into()),
        ("node x\nc k=(1,2\n----\n", "a.txt:2:5: there is no `)` for this `(`\n  c k=(1,2\n      ^".into()),
        ("node x\nc a(b((c)\n----\n", "a.txt:2:4: there is no `)` for this `(`\n  c a(b((c)\n     ^".into()),
        ("node x\nc a)\n----\n", "a.txt:2:4: there is no `(` for this `)`\n  c a)\n     ^".into()),
        ("node x\nc (a,,b)\n----\n", "a.txt:2:6: an item must stand before this\n  c (a,,b)\n       ^".into()),
        ("node x\nc (a b)\n----\n", "a.txt:2:6: `,` or `)` must stand before this\n  c (a b)\n       ^".into()),
        ("node x\nc (a)b\n----\n", "a.txt:2:6: a blank must stand before this\n  c (a)b\n       ^".into()),
        ("node x\nc =a\n----\n", "a.txt:2:3: a key must stand before `=`\n  c =a\n    ^".into()),
        ("node x\nc \"a\n----\n", "a.txt:2:3: there is no `\"` at the end of this string\n  c \"a\n    ^".into()),
        ("node x\nc \"\\q\"\n----\n", "a.txt:2:4: the escapes are `\\\"`, `\\\\`, `\\n`, `\\r` and `\\t`\n  c \"\\q\"\n     ^".into()),
        ("node x\nc\n----\n----\na\n----\n\n", "a.txt:4:1: two lines `----` after this output are missing\n  ----\n  ^^^^".into()),
        ("node x\nc\n----\n----\na\n----\n----\nb\n", "a.txt:8:1: a blank line must stand before this\n  b\n  ^".into()),
        ("node x\n\té\u{1b} a)\n", "a.txt:2:3: a command begins with its name: letters, digits, `-` and `_`\n   é\\u{1b} a)\n    ^^^^^^".into()),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), expected, "{text:?}");
    }

    let bytes = Source::from_bytes("a.txt", b"node x\n\nadd \xff3\n".to_vec()).unwrap_err();
    assert_eq!(
        bytes.to_string(),
        "a.txt:3:5: a script is UTF-8 text, and this is not\n  add \u{fffd}3\n      ^"
    );
}

#[test]
fn long_lines_are_cut_around_the_mistake() {
    let long = "x".repeat(200);
    let shown = error(&format!("node x\nc {long} ) {long}\n----\n"));
    let around = "x".repeat(59);
    assert_eq!(
        shown,
        format!(
            "a.txt:2:204: there is no `(` for this `)`\n  …{around} ) {around}…\n  {}^",
            " ".repeat(61)
        )
    );
    let shown = error(&format!("node x\n{long}\n"));
    assert!(shown.ends_with(&format!("\n  {}…\n  {}", "x".repeat(60), "^".repeat(60))), "{shown}");
}

#[test]
fn line_ends_may_be_of_windows() {
    let script = script(
        "\u{feff}node x\r\n\r\nc a\r\n----\r\nout\r\n\r\nd\r\n----  \r\n----\r\n\r\na\r\n----\r\n----\r\n",
    );
    let [c, d] = &script.steps[..] else { panic!("{script:?}") };
    assert_eq!(c.arguments[0].span.text(), "a");
    assert_eq!(c.expected, "out\n");
    assert_eq!(d.expected, "\na\n");
}

#[test]
fn output_is_read_as_it_was_written() {
    let outputs = [
        "",
        "a\n",
        "\n",
        "\n\n",
        "a\n\nb\n",
        "a\n \nb\n",
        "----\n",
        "----\n----\n",
        "----\na\n",
        "a\n----\n",
        "\n----\n",
        "\n----\n----\n",
        "a\n----\n----\nb\n",
        "# a\n",
        "a\n\n",
    ];
    for newline in ["\n", "\r\n"] {
        for output in outputs {
            let written = write_expected(output, newline);
            let text = format!(
                "node x{newline}c{newline}----{newline}{written}{newline}d{newline}----{newline}e"
            );
            let script = script(&text);
            let [c, d] = &script.steps[..] else { panic!("{text:?}: {script:?}") };
            assert_eq!(c.expected, output, "{text:?}");
            assert_eq!(text[c.block.clone()], written);
            assert_eq!(d.expected, "e\n");
        }
    }
}

#[test]
fn arguments_are_asked_for_and_the_rest_is_refused() {
    let script =
        script("node x\n\nadd 3 quiet voters=(1,2) learners=4 indx=10 index=7 index=8\n----\n");
    let step = &script.steps[0];
    let mut arguments = step.arguments();
    assert!(arguments.flag("quiet").unwrap());
    assert!(!arguments.flag("loud").unwrap());
    assert_eq!(arguments.node().unwrap(), 3);
    assert_eq!(arguments.list::<u64>("voters").unwrap(), [1, 2]);
    assert_eq!(arguments.list::<u64>("learners").unwrap(), [4]);
    assert_eq!(arguments.list::<u64>("nothing").unwrap(), Vec::<u64>::new());
    assert_eq!(arguments.node().unwrap_err().message(), "`add` needs a node");
    assert_eq!(
        arguments.clone().key::<u64>("index").unwrap_err().to_string(),
        "a.txt:3:53: `index` is given twice\n  add 3 quiet voters=(1,2) learners=4 indx=10 index=7 index=8\n                                                      ^^^^^^^"
    );
    arguments.key::<u64>("index").unwrap_err();
    assert_eq!(
        arguments.finish().unwrap_err().to_string(),
        "a.txt:3:37: `add` has no argument `indx`; did you mean `index`?\n  add 3 quiet voters=(1,2) learners=4 indx=10 index=7 index=8\n                                      ^^^^"
    );

    let message = |ask: &dyn Fn(super::Arguments<'_>) -> Result<(), super::ScriptError>| {
        ask(step.arguments()).unwrap_err().message().to_owned()
    };
    assert_eq!(
        message(&|mut a| a.key::<u8>("voters").map(drop)),
        "`voters` takes one value without parentheses"
    );
    assert_eq!(
        message(&|mut a| a.key::<bool>("learners").map(drop)),
        "`learners` must be true or false"
    );
    assert_eq!(
        message(&|mut a| {
            a.number("a number")?;
            a.spanned::<u8>("a number").map(drop)
        }),
        "this must be a number from 0 to 255"
    );
    assert_eq!(message(&|a| a.finish()), "`add` does not take this");
    let rest = step.arguments().rest();
    assert_eq!(rest.len(), step.arguments.len());
}

#[test]
fn the_nearest_name_is_meant() {
    let known = ["campaign", "compact", "crash"];
    assert_eq!(nearest("campain", known), Some("campaign"));
    assert_eq!(nearest("crahs", known), Some("crash"));
    assert_eq!(nearest("stabilize", known), None);
    assert_eq!(nearest("", known), None);
}

/// No text makes the reader panic: cut and repeated pieces of scripts.
#[test]
fn any_text_is_read_or_refused() {
    let pieces = [
        "node x",
        "\n",
        "\r\n",
        "\r",
        "----",
        "\n----\n",
        "----\n----\n",
        " ",
        "\t",
        "c",
        "k=",
        "(",
        ")",
        ",",
        "\"",
        "\\",
        "é",
        "\u{1f980}",
        "\u{2028}",
        "\0",
        "#",
        "=",
        "\u{feff}",
        "a",
    ];
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..5_000 {
        let mut text = if random(4) > 0 { "node x\nc ".to_owned() } else { String::new() };
        for _ in 0..random(20) {
            text += pieces[random(pieces.len())];
        }
        let source = Source::new("a.txt", &*text);
        match read(&source) {
            Ok(script) => {
                for step in script.steps {
                    let _ = step.error("an error").to_string();
                    assert!(source.text().get(step.block.clone()).is_some());
                }
            }
            Err(error) => _ = error.to_string(),
        }
    }
    for piece in pieces {
        let huge = format!("node x\nc {}", piece.repeat(100_000));
        let _ = read(&Source::new("a.txt", huge)).map_err(|error| error.to_string());
    }
}
