//! A configuration is read whole, and each mistake is told with its place.

use failpoint_tester::config::{Config, KEYS, Mistakes, parse_with};

fn parse(text: &str) -> Result<Config, Mistakes> {
    parse_with(text, "c.yaml".as_ref(), &|name| match name {
        "PROGRAM" => Some("/bin/program".into()),
        "EMPTY" => Some(String::new()),
        "FIVE" => Some("5".into()),
        _ => None,
    })
}

fn mistakes(text: &str) -> String {
    match parse(text) {
        Ok(config) => panic!("no mistake in {text:?}: {config:?}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn the_table_of_keys_is_that_of_the_code() {
    let table: String = KEYS
        .iter()
        .map(|key| format!("//! | `{}` | {} | {} |\n", key.path, key.what, key.default))
        .collect();
    let docs = include_str!("../src/config/mod.rs");
    let rows = docs.lines().filter(|line| line.starts_with("//! | `"));
    let rows: String = rows.map(|row| format!("{row}\n")).collect();
    assert_eq!(rows, table, "the table should be:\n{table}");
}

#[test]
fn the_smallest_configuration() {
    let config = parse("driver: etcd").expect("it is complete");
    assert_eq!(config.name, "etcd");
    let names: Vec<&str> = config.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["m1", "m2", "m3"]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "\
driver: etcd
cases:
- SIGTERM_LEDER
- FAILPOINTS
chekcs: []
load: {rate: 5, minimum-rate: 7, kinds: {LEASE: 0}}
limits: {stop: 5}
";
    assert_eq!(
        mistakes(text),
        "\
c.yaml:3:3: unknown case `SIGTERM_LEDER`; did you mean `SIGTERM_LEADER`?
c.yaml:4:3: the case `FAILPOINTS` cannot be run here: the subject has no failpoints
c.yaml:5:1: unknown key `chekcs`; did you mean `checks`?
c.yaml:6:31: `load.minimum-rate` is 7, and `load.rate` lets at most 5 requests a second through
c.yaml:6:49: `load.kinds.LEASE` expects a whole number from 1 to 1000000, and this is `0`
c.yaml:7:16: `limits.stop` expects a duration with its unit, such as `500ms`, `2s`, `5m` or `1h`, and this is `5`"
    );
}
