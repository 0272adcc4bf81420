use super::expand;
use crate::testing::{refusals, tokens};

#[test]
fn refusals_point_to_what_is_wrong() {
    refusals(
        |_, item, _| expand(item),
        &[
            ("", "union U { a: u8 }", "union U { a: u8 }", "an enum, or a struct of one field"),
            ("", "struct S { a: u8 }", "S", "a struct of one unnamed field"),
            ("", "struct S(u8, u8);", "S", "a struct of one unnamed field"),
            ("", "enum Never {}", "Never", "has no values"),
            ("", "enum E { A { b: u8 } }", "{ b: u8 }", "`return(word:VALUE)`"),
            ("", "enum E { A, B(u8, u8) }", "(u8, u8)", "one without a name"),
            (
                "",
                "enum E { A, #[from_term(rename = \"a\")] B }",
                "\"a\"",
                "`A` is called so already",
            ),
            ("", "enum E { DropAll, Drop_all }", "Drop_all", "`DropAll` is called so already"),
            ("", "enum E { #[from_term(rename = \"\")] A }", "\"\"", "expected a word"),
            ("", "enum E { #[from_term(rename = \"a:b\")] A(u8) }", "\"a:b\"", "the colon"),
            ("", "enum E { #[from_term(name = \"a\")] A }", "name", "unknown option `name`"),
            ("", "#[from_term(rename = \"a\")] enum E { A }", "\"a\"", "`rename` is for variants"),
            ("", "enum E { #[from_term(crate = a)] A }", "a", "for the whole enum"),
            (
                "",
                "enum E { #[from_term(rename = \"a\", rename = \"b\")] A }",
                "rename",
                "given already",
            ),
        ],
    );
}

#[test]
fn words_are_in_snake_case_and_as_written() {
    for (variant, listed) in [
        ("Drop", "\"drop\"|\"Drop\""),
        ("DropAll", "\"drop_all\"|\"DropAll\""),
        ("EIO", "\"eio\"|\"EIO\""),
        ("IOError", "\"io_error\"|\"IOError\""),
        ("Retry3Times", "\"retry3_times\"|\"Retry3Times\""),
        ("r#type", "\"type\""),
    ] {
        let expanded = expand(tokens(&format!("enum E {{ {variant} }}"))).expect("it is right");
        let expanded = expanded.to_string().replace(' ', "");
        assert!(expanded.contains(&format!("Some({listed})")), "{expanded}");
    }
}
