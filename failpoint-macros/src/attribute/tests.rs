use super::expand;
use crate::testing::{refusals, tokens};

#[test]
fn refusals_point_to_what_is_wrong() {
    let f = "fn f() -> u8 { 0 }";
    refusals(
        expand,
        &[
            (r#""n""#, "struct S;", "struct", "applies to functions"),
            (r#""n""#, "pub(crate) const N: u8 = 0;", "const", "applies to functions"),
            (r#""n""#, "impl S { fn f() {} }", "impl", "applies to functions"),
            (r#""n""#, "extern \"C\" { fn f(); }", "extern", "applies to functions"),
            (r#""n""#, "fn required(&self);", "required", "without a body"),
            (r#""n""#, "pub const fn f() {}", "const", "const context"),
            (r#"before = "n""#, "const unsafe fn f() {}", "const", "const context"),
            (r#""n", |v| v"#, "fn f() -> ! { loop {} }", "|v| v", "this function never does"),
            (r#""n", err"#, "fn f() -> ! { loop {} }", "err", "this function never does"),
            (r#"after = "n""#, "fn f() -> ! { loop {} }", "after", "this function never does"),
            (r#""n", err"#, "async fn f() {}", "err", "`-> Result<_, E>`"),
            (r#"befor = "n""#, f, "befor", "unknown key `befor`: expected `before` or `after`"),
            (r#"region = 1, "n""#, f, "region", "context goes with a name"),
            (r#"before = "n", region = 1"#, f, "region", "#[failpoint(\"name\", region = …)]"),
            (r#"before = "n", before = "m""#, f, "before", "`before` was given already"),
            (r#"before = "n", "m""#, f, "\"m\"", "expected `before = \"name\"`"),
            (r#""n", after = "m""#, f, "after", "names another point"),
            (r#""n", k = 1, k = 2"#, f, "k", "the key `k` was given already"),
            (r#""n", thread = 1"#, f, "thread", "when(thread=…)"),
            (r#""n", k = 1, if true"#, f, "if", "before the context"),
            (r#""n", if true, if false"#, f, "if", "join them with `&&`"),
            (r#""n", if"#, f, "if", "expected a condition"),
            (r#""n", a == b"#, f, "a == b", "for a condition write `if …`"),
            (r#""n", !a"#, f, "!a", "for a condition write `if …`"),
            (r#""n", "m""#, f, "\"m\"", "neither a condition nor a closure"),
            (r#""n", cond, |v| v"#, f, "cond", "for a condition write `if …`"),
            (r#""n", |v| v, k = 1"#, f, "k", "nothing can follow the closure"),
            (r#""n", err, |v| v"#, f, "|", "nothing can follow `err`"),
            (r"|v| v", f, "|v| v", "the name of a point before the closure"),
            (r#""n", crate = a"#, f, "crate", "first"),
            (r#"after = "n", crate = a"#, f, "crate", "first"),
            (r#""n" "m""#, f, "\"m\"", "expected `,`"),
        ],
    );
}

#[test]
fn an_empty_attribute_says_what_it_wants() {
    for arguments in ["", "crate = a::b", "crate = a::b,"] {
        let error = expand(tokens(arguments), tokens("fn f() {}"), true).expect_err("empty");
        assert!(error.to_string().contains("the name of a point"), "{error}");
    }
}

const ITEMS: [&str; 4] = [
    "/// doc\n#[must_use] pub(in a::b) async unsafe fn f<'a, T>(mut x: &'a T) -> &'a T \
     where T: Copy { #![allow(dead_code)] /* … */ x }",
    "extern \"C\" fn f(_: u8, (a | a): u8) {}",
    "default fn f(self: Pin<&mut Self>) -> impl Fn(&str) -> usize { |s| s.len() }",
    "fn f() -> Result<(), E> { return Ok(g()?) }",
];

#[test]
fn all_but_the_body_is_the_users_token_for_token() {
    for item in ITEMS {
        let body = item.find('{').expect("a body");
        for arguments in [r#"crate = c, "n", err"#, r#"before = N, after = a::N"#] {
            if item.contains("{}") && arguments.contains("err") {
                continue;
            }
            for on in [true, false] {
                let expanded = expand(tokens(arguments), tokens(item), on).expect("it is right");
                let expanded = expanded.to_string().replace(' ', "");
                let head = tokens(&item[..body]).to_string().replace(' ', "");
                assert!(expanded.contains(&head), "{head}\nis not in\n{expanded}");
            }
        }
    }
}

#[test]
fn without_failpoints_the_body_is_too_and_comes_last() {
    for item in ITEMS {
        let statements =
            item[item.find('{').expect("a body") + 1..].replace("#![allow(dead_code)]", "");
        let statements = tokens(&format!("{{ {statements}")).to_string().replace(' ', "");
        for arguments in [r#""n""#, r#""n", if c, k = v, |v: u64| Ok(v)"#, r#"after = N"#] {
            let expanded = expand(tokens(arguments), tokens(item), false).expect("it is right");
            let expanded = expanded.to_string().replace(' ', "");
            assert!(expanded.ends_with(&statements[1..]), "{expanded}\nends otherwise");
        }
    }
}

#[test]
fn arguments_go_to_the_macro_as_written() {
    let expanded = |arguments, item, on| {
        let expanded = expand(tokens(arguments), tokens(item), on).expect("it is right");
        expanded.to_string().replace(' ', "")
    };
    for (arguments, item, site) in [
        (r#""n""#, "fn f() {}", r#"{::failpoint::fail_point!("n");}"#),
        (r#"crate::N,"#, "fn f() {}", "::failpoint::fail_point!(crate::N);"),
        (r#"crate = a::b, N"#, "fn f() {}", "{a::b::fail_point!(N);}"),
        (
            r#"in s, N, if a == b, k = v, move |(v): T| v,"#,
            "fn f() {}",
            "fail_point!(ins,N,ifa==b,k=v,move|(v):T|v);",
        ),
        ("N, g", "async fn f() {}", "fail_point_async!(N,g);"),
        ("N, k = v, err", "fn f() -> R {}", "::failpoint::fail_result!(N,k=v)?;"),
        ("N, err", "async fn f() -> R {}", "::failpoint::fail_result_async!(N)?;"),
        (
            "N",
            "fn f() -> Pin<Box<dyn Future<Output = ()>>> { g(); Box::pin(async move { h() }) }",
            "{g();Box::pin(asyncmove{::failpoint::fail_point_async!(N);h()})}",
        ),
        ("N", "fn f() { #![allow(a)] use b; }", "{#![allow(a)]::failpoint::fail_point!(N);useb;}"),
    ] {
        for on in [true, false] {
            // Off, a question mark is asked in an arm of its own.
            let found = expanded(arguments, item, on);
            assert!(found.contains(site), "{site}\nis not in\n{found}");
        }
    }
}
