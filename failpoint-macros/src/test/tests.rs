use super::expand;
use crate::testing::{refusals, tokens};

#[test]
fn refusals_point_to_what_is_wrong() {
    let sync = "fn f() {}";
    let on_tokio = "#[tokio::test] async fn f() {}";
    refusals(
        expand,
        &[
            ("", "mod m {}", "mod", "applies to functions"),
            ("", "const fn f() {}", "const", "a const fn"),
            ("", "fn f(&self) {}", "self", "not a method"),
            ("", "fn f(n: u8) {}", "n: u8", "`scope: failpoint::Scope`"),
            ("", "fn f(a: Scope, b: Scope) {}", "b: Scope", "`scope: failpoint::Scope`"),
            ("", "async fn f(scope: &Scope) {}", "scope: &Scope", "by value"),
            ("point = \"a=off\"", sync, "point", "unknown argument `point`: expected `points`"),
            ("points", sync, "points", "expected `points = …`"),
            ("points = A, points = B", sync, "points", "`points` was given already"),
            ("allow_unfired, allow_unfired", sync, "allow_unfired", "given already"),
            ("flavor = \"multi_thread\"", sync, "flavor", "`f` is not async"),
            ("start_paused = true", on_tokio, "start_paused", "the other test attribute builds"),
            ("flavor = \"many\"", on_tokio, "\"many\"", "expected \"current_thread\" or"),
            (
                "worker_threads = 2",
                "async fn f() {}",
                "worker_threads",
                "flavor = \"multi_thread\"",
            ),
            (
                "flavor = \"multi_thread\", start_paused = true",
                "async fn f() {}",
                "start_paused",
                "flavor = \"current_thread\"",
            ),
            ("start_paused = 1", "async fn f() {}", "1", "boolean"),
        ],
    );
}

fn expanded(arguments: &str, item: &str, on: bool) -> String {
    expand(tokens(arguments), tokens(item), on).expect("it is right").to_string().replace(' ', "")
}

#[test]
fn a_test_attribute_is_added_where_none_is() {
    for (item, is_added) in [
        ("fn f() {}", true),
        ("#[should_panic] async fn f() {}", true),
        ("#[test] fn f() {}", false),
        ("#[tokio::test(flavor = \"multi_thread\")] async fn f() {}", false),
        ("#[sqlx::test] async fn f(pool: PgPool, scope: failpoint::Scope) {}", false),
        ("#[rstest] #[case(1)] fn f(#[case] n: u8) {}", false),
        ("#[test_case(1; \"one\")] fn f(n: u8) {}", false),
    ] {
        for on in [true, false] {
            let found = expanded("", item, on);
            assert_eq!(found.contains("#[::core::prelude::v1::test]"), is_added, "{found}");
            assert_eq!(found.contains("#[ignore=\"needsthefeature"), !on, "{found}");
        }
    }
}

#[test]
fn other_arguments_and_the_async_stay_beside_another_attribute() {
    let item = "#[sqlx::test] async fn f(#[a] mut p: Pool, s: a::Scope) -> Result<()> { g() }";
    for on in [true, false] {
        let found = expanded("", item, on);
        assert!(found.contains("asyncfnf(#[a]mutp:Pool)->Result<()>{"), "{found}");
        assert!(found.contains("lets:a::Scope="), "{found}");
    }
}

#[test]
fn the_scope_has_the_path_of_the_test() {
    let found = expanded("points = P, allow_unfired, crate = c", "fn r#type() {}", true);
    let new = "c::__private::TestScope::new(c::__private::concat!(c::__private::module_path!(),\
               \"::\",\"type\"),c::__private::Some(P),true,)";
    assert!(found.contains(new), "{found}");
}
