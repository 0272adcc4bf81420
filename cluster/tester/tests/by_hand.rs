//! Each kind of violation in a history that was made by hand, and the message that names it.

use std::time::Duration;

use failpoint_tester::checks::linearizable::{self, Budget};
use failpoint_tester::checks::{order, watch};
use failpoint_tester::history::{History, ReadError};

fn read(lines: &str) -> History {
    History::read(lines.as_bytes()).expect("a history")
}

/// An answered operation; `request` and `response` are JSON.
fn done(client: u64, start: u64, end: u64, request: &str, response: &str, revision: u64) -> String {
    let revision = if revision == 0 { String::new() } else { format!(r#","revision":{revision}"#) };
    let outcome = format!(r#"{{"done":{{"response":{response}{revision}}}}}"#);
    operation(client, start, end, request, &outcome)
}

fn operation(client: u64, start: u64, end: u64, request: &str, outcome: &str) -> String {
    format!(
        "{{\"operation\":{{\"client\":{client},\"start\":{start},\"end\":{end},\"request\":{request},\"outcome\":{outcome}}}}}\n"
    )
}

fn put(key: &str, value: &str) -> String {
    format!(r#"{{"put":{{"key":"{key}","value":"{value}"}}}}"#)
}

fn get(key: &str) -> String {
    format!(r#"{{"get":{{"key":"{key}"}}}}"#)
}

fn stale_get(key: &str) -> String {
    format!(r#"{{"get":{{"key":"{key}","stale":true}}}}"#)
}

fn delete(key: &str) -> String {
    format!(r#"{{"delete":{{"key":"{key}"}}}}"#)
}

fn value(value: &str) -> String {
    format!(r#"{{"value":"{value}"}}"#)
}

const ABSENT: &str = r#"{"value":null}"#;
const WRITTEN: &str = r#""put""#;

fn change(revision: u64, events: &[String]) -> String {
    format!("{{\"change\":{{\"revision\":{revision},\"events\":[{}]}}}}\n", events.join(","))
}

fn watching(watcher: u64, messages: &[&[(u64, String)]]) -> String {
    let mut lines = format!("{{\"watch\":{{\"watcher\":{watcher},\"first\":2,\"from\":\"\"}}}}\n");
    for message in messages {
        let changes: Vec<String> = message
            .iter()
            .map(|(revision, event)| format!(r#"{{"revision":{revision},"events":[{event}]}}"#))
            .collect();
        lines += &format!(
            "{{\"delivery\":{{\"watcher\":{watcher},\"changes\":[{}]}}}}\n",
            changes.join(",")
        );
    }
    lines
}

/// What ORDER says.
fn order(lines: &[String]) -> String {
    order::check(&read(&lines.concat())).verdict.to_string()
}

/// What LINEARIZABLE says.
fn linear(lines: &[String]) -> String {
    linearizable::check(&read(&lines.concat()), Budget::default()).to_string()
}

/// What WATCH says.
fn watch(lines: &[String]) -> String {
    watch::check(&read(&lines.concat())).to_string()
}

#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{said:?} does not contain {part:?}");
    }
}

#[test]
fn order_holds() {
    let lines = [
        done(1, 1, 3, &put("a", "1"), WRITTEN, 2),
        done(2, 2, 5, &get("a"), ABSENT, 1),
        done(2, 6, 7, &get("a"), &value("1"), 2),
        done(1, 8, 9, &delete("a"), r#"{"deleted":1}"#, 3),
        done(1, 10, 11, &delete("a"), r#"{"deleted":0}"#, 3),
        done(1, 12, 13, &stale_get("a"), &value("1"), 2),
        change(2, &[put("a", "1")]),
        change(3, &[delete("a")]),
    ];
    assert_eq!(order(&lines), "holds");
}

#[test]
fn order_names_a_read_from_the_past() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(2, 3, 4, &get("a"), ABSENT, 1),
        change(2, &[put("a", "1")]),
    ];
    says(
        &order(&lines),
        &["violated", "does not see the past", "operation 2", "after operation 1"],
    );
}

#[test]
fn order_names_a_write_that_is_ordered_before_what_it_follows() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 3),
        done(2, 3, 4, &put("a", "2"), WRITTEN, 2),
        change(2, &[put("a", "2")]),
        change(3, &[put("a", "1")]),
    ];
    says(&order(&lines), &["does not see the past", "operation 2", "after operation 1"]);
}

#[test]
fn order_names_a_read_that_saw_a_later_write() {
    let lines = [
        done(1, 1, 2, &get("a"), &value("1"), 2),
        done(2, 3, 4, &put("a", "1"), WRITTEN, 2),
        change(2, &[put("a", "1")]),
    ];
    says(&order(&lines), &["does not see the past", "operation 2", "after operation 1"]);
}

#[test]
fn order_names_a_lost_write() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        operation(2, 1, 9, &put("a", "2"), r#""unknown""#),
        change(2, &[put("a", "2")]),
    ];
    says(&order(&lines), &["an acknowledged write is lost: operation 1", r#"put "a" = "2""#]);
}

#[test]
fn order_names_a_shared_revision() {
    let lines = [
        done(1, 1, 9, &put("a", "1"), WRITTEN, 2),
        done(2, 1, 9, &put("a", "2"), WRITTEN, 2),
        change(2, &[put("a", "2")]),
    ];
    says(&order(&lines), &["same revision", "operation 1", "operation 2"]);
}

#[test]
fn order_names_a_wrong_answer_and_the_write_that_it_misses() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(2, 3, 4, &stale_get("a"), &value("7"), 2),
        change(2, &[put("a", "1")]),
    ];
    says(
        &order(&lines),
        &["wrong answer: operation 2", r#"the answer is "1""#, "because of operation 1"],
    );

    let range = r#"{"range":{"from":"a","to":"c"}}"#;
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(1, 3, 4, &put("b", "1"), WRITTEN, 3),
        done(2, 5, 6, range, r#"{"values":[["a","1"]]}"#, 3),
        change(2, &[put("a", "1")]),
        change(3, &[put("b", "1")]),
    ];
    says(&order(&lines), &["wrong answer: operation 3", "because of operation 2"]);
}

#[test]
fn order_names_a_wrong_count_of_deleted_keys() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(1, 3, 4, r#"{"delete-range":{"from":"a","to":"z"}}"#, r#"{"deleted":2}"#, 3),
        change(2, &[put("a", "1")]),
        change(3, &[delete("a")]),
    ];
    says(&order(&lines), &["wrong answer: operation 2", "the answer is 1 deleted"]);
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(1, 3, 4, &delete("a"), r#"{"deleted":0}"#, 2),
        change(2, &[put("a", "1")]),
    ];
    says(&order(&lines), &["wrong answer: operation 2", "the answer is 1 deleted"]);
}

#[test]
fn order_names_a_wrong_branch() {
    let txn = r#"{"txn":{"compare":[{"mod-revision":{"key":"a","equals":0}}],"then":[{"put":{"key":"a","value":"2"}}],"otherwise":[{"get":{"key":"a"}}]}}"#;
    let right = r#"{"txn":{"succeeded":false,"responses":[{"value":"1"}]}}"#;
    let wrong = r#"{"txn":{"succeeded":true,"responses":["put"]}}"#;
    let first = done(1, 1, 2, &put("a", "1"), WRITTEN, 2);
    let seen = change(2, &[put("a", "1")]);
    let lines = [first.clone(), done(1, 3, 4, txn, right, 2), seen.clone()];
    assert_eq!(order(&lines), "holds");
    let lines = [first, done(1, 3, 4, txn, wrong, 3), seen, change(3, &[put("a", "2")])];
    says(&order(&lines), &["violated", "operation 2"]);
}

#[test]
fn order_names_a_failed_write_that_took_effect() {
    let lines = [operation(1, 1, 2, &put("a", "1"), r#""failed""#), change(2, &[put("a", "1")])];
    says(&order(&lines), &["failed", "operation 1"]);
}

#[test]
fn order_names_a_write_that_took_effect_twice() {
    let unknown = operation(1, 1, 2, &put("a", "1"), r#""unknown""#);
    let lines = [unknown.clone(), change(2, &[put("a", "1")])];
    assert_eq!(order(&lines), "holds");
    let lines = [unknown, change(2, &[put("a", "1")]), change(3, &[put("a", "1")])];
    says(&order(&lines), &["revision 3", "had taken effect already", "operation 1"]);
}

#[test]
fn order_names_a_write_that_took_effect_before_it_was_sent() {
    let lines = [
        done(1, 1, 2, &put("b", "1"), WRITTEN, 3),
        operation(2, 5, 6, &put("a", "1"), r#""unknown""#),
        change(2, &[put("a", "1")]),
        change(3, &[put("b", "1")]),
    ];
    says(&order(&lines), &["revision 2", "was sent later", "operation 2"]);
}

#[test]
fn order_names_a_value_that_no_operation_wrote() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        change(2, &[put("a", "1")]),
        change(3, &[put("a", "9")]),
    ];
    says(&order(&lines), &["no operation asked for", "revision 3"]);
    // Keys of others, and what a lease deletes, are none of our business.
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        change(2, &[put("a", "1")]),
        change(3, &[put("lock", "9")]),
        change(4, &[delete("a")]),
        done(1, 8, 9, &get("a"), ABSENT, 4),
    ];
    assert_eq!(order(&lines), "holds");
}

fn leased(keys: &str) -> String {
    format!("{{\"leased\":{{\"keys\":[{keys}]}}}}\n")
}

#[test]
fn order_names_a_key_that_vanished_without_a_lease() {
    let written = [done(1, 1, 2, &put("a", "1"), WRITTEN, 2), change(2, &[put("a", "1")])].concat();
    let gone = change(3, &[delete("a")]);
    let order_of =
        |lines: &[&str]| order(&lines.iter().map(|line| line.to_string()).collect::<Vec<_>>());
    assert_eq!(order_of(&[&leased(r#""a""#), &written, &gone]), "holds");
    let says_why = "no operation asked for what the watch shows at revision 3: delete \"a\", \
                    and the key had no lease";
    says(&order_of(&[&leased(""), &written, &gone]), &[says_why]);
    says(&order_of(&[&leased(r#""b""#), &written, &gone]), &[says_why]);

    // A delete of unknown outcome explains it, if it was sent before.
    let range = r#"{"delete-range":{"from":"a","to":"b"}}"#;
    let in_txn = format!(r#"{{"txn":{{"compare":[],"then":[{}]}}}}"#, delete("a"));
    for request in [delete("a").as_str(), range, &in_txn] {
        let unknown = operation(2, 3, 4, request, r#""unknown""#);
        assert_eq!(order_of(&[&leased(""), &written, &unknown, &gone]), "holds", "{request}");
        let failed = operation(2, 3, 4, request, r#""failed""#);
        let said = order_of(&[&leased(""), &written, &failed, &gone]);
        says(&said, &["delete \"a\" at revision 3", "failed", "operation 2"]);
    }
    let later = [
        done(3, 5, 6, &put("b", "1"), WRITTEN, 4),
        operation(2, 7, 8, &delete("a"), r#""unknown""#),
        change(4, &[put("b", "1")]),
    ]
    .concat();
    let said = order_of(&[&leased(""), &written, &later, &gone]);
    says(&said, &["was sent later", "operation 3"]);
    let other = operation(2, 3, 4, &delete("b"), r#""unknown""#);
    says(&order_of(&[&leased(""), &written, &other, &gone]), &[says_why]);

    // The lease of a key outlives the restore from a snapshot.
    let restored = "{\"epoch\":{\"revision\":2}}\n";
    let lines = [&leased(r#""a""#), &written, restored, &leased(""), &gone];
    assert_eq!(order_of(&lines), "holds");
}

#[test]
fn order_names_changes_that_contradict() {
    let lines = [change(2, &[put("a", "1")]), change(2, &[put("a", "2")])];
    says(&order(&lines), &["two changes with one revision", "revision 2"]);
}

#[test]
fn order_is_not_decided_with_a_gap() {
    let first = done(1, 1, 2, &put("a", "1"), WRITTEN, 2);
    let lines = [first.clone(), change(2, &[put("a", "1")]), change(4, &[put("a", "2")])];
    // The value at revision 4 was not asked for, which a gap before it does not excuse.
    says(&order(&lines), &["no operation asked for"]);
    let unknown = operation(1, 3, 4, &put("a", "2"), r#""unknown""#);
    let lines = [first.clone(), unknown, change(2, &[put("a", "1")]), change(4, &[put("a", "2")])];
    assert_eq!(
        order(&lines),
        "not decided: the watch has a gap: revision 3 is missing, the next one is 4"
    );
    says(&order(&[first]), &["not decided: the watch ends at revision 1, before operation 1"]);
    let lines = [done(1, 1, 2, &put("a", "1"), WRITTEN, 0)];
    says(&order(&lines), &["not decided: the answer has no revision: operation 1"]);
}

#[test]
fn order_is_checked_per_epoch() {
    let lines = [
        "{\"epoch\":{\"revision\":1}}\n".to_owned(),
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(1, 3, 4, &put("a", "2"), WRITTEN, 3),
        change(2, &[put("a", "1")]),
        change(3, &[put("a", "2")]),
        "{\"epoch\":{\"revision\":2}}\n".to_owned(),
        done(1, 5, 6, &get("a"), &value("1"), 2),
        done(1, 7, 8, &put("a", "3"), WRITTEN, 3),
        change(3, &[put("a", "3")]),
    ];
    let order = order::check(&read(&lines.concat()));
    assert_eq!((order.verdict.to_string().as_str(), order.discarded), ("holds", 1));

    let mut lost = lines.clone();
    lost[6] = done(1, 5, 6, &get("a"), ABSENT, 2);
    says(&self::order(&lost), &["wrong answer: operation 3", r#"the answer is "1""#]);

    let mut before = lines;
    before[6] = done(1, 5, 6, &get("a"), ABSENT, 1);
    says(&self::order(&before), &["before the epoch", "operation 3"]);
}

#[test]
fn linearizable_holds_where_an_order_exists() {
    let lines = [
        done(1, 1, 9, &put("a", "1"), WRITTEN, 0),
        done(2, 1, 9, &put("a", "2"), WRITTEN, 0),
        done(3, 2, 4, &get("a"), &value("2"), 0),
        done(3, 5, 7, &get("a"), &value("1"), 0),
        done(3, 10, 11, &delete("a"), r#"{"deleted":1}"#, 0),
        done(3, 12, 13, &get("a"), ABSENT, 0),
    ];
    assert_eq!(linear(&lines), "holds");
}

#[test]
fn linearizable_names_a_read_from_the_past() {
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 0),
        done(1, 3, 4, &put("a", "2"), WRITTEN, 0),
        done(2, 5, 6, &get("a"), &value("1"), 0),
    ];
    says(
        &linear(&lines),
        &[
            "no order explains operation 3",
            r#"possible answers at its end: "2";"#,
            "last write before it is operation 2",
        ],
    );
}

#[test]
fn linearizable_names_reads_that_disagree() {
    let lines = [
        done(1, 1, 9, &put("a", "1"), WRITTEN, 0),
        done(2, 2, 3, &get("a"), &value("1"), 0),
        done(3, 4, 5, &get("a"), ABSENT, 0),
    ];
    says(&linear(&lines), &["no order explains operation 3"]);
}

#[test]
fn an_unknown_outcome_may_take_effect_late_or_never_but_not_twice() {
    let unknown = operation(1, 1, 2, &put("a", "1"), r#""unknown""#);
    let write = done(2, 3, 4, &put("a", "2"), WRITTEN, 0);
    let read = |start, answer: &str| done(3, start, start + 1, &get("a"), &value(answer), 0);
    let late = [unknown.clone(), write.clone(), read(5, "2"), read(7, "1")];
    assert_eq!(linear(&late), "holds");
    let never = [unknown.clone(), write.clone(), read(5, "2")];
    assert_eq!(linear(&never), "holds");
    let twice = [
        unknown,
        read(3, "1"),
        done(2, 5, 6, &put("a", "2"), WRITTEN, 0),
        read(7, "2"),
        read(9, "1"),
    ];
    says(&linear(&twice), &["no order explains operation 5"]);
    let failed = [operation(1, 1, 2, &put("a", "1"), r#""failed""#), read(3, "1")];
    says(&linear(&failed), &["no order explains operation 2"]);
}

#[test]
fn an_unknown_transaction_may_need_what_is_about_to_be_overwritten() {
    let txn = r#"{"txn":{"compare":[{"value":{"key":"a","equals":"1"}}],"then":[{"put":{"key":"b","value":"x"}}]}}"#;
    let lines = [
        operation(1, 1, 2, txn, r#""unknown""#),
        operation(1, 1, 2, &put("a", "1"), r#""unknown""#),
        done(2, 3, 4, &put("a", "2"), WRITTEN, 0),
        done(2, 5, 6, &get("a"), &value("2"), 0),
        done(2, 7, 8, &get("b"), &value("x"), 0),
        done(2, 9, 10, &get("a"), &value("2"), 0),
    ];
    assert_eq!(linear(&lines), "holds");
}

#[test]
fn operations_on_several_keys_are_checked_together() {
    let range = r#"{"range":{"from":"a","to":"z"}}"#;
    let lines = [
        done(1, 1, 2, &put("a", "1"), WRITTEN, 0),
        done(1, 3, 4, &put("b", "1"), WRITTEN, 0),
        // Each value alone was right at some time during the read; together they never were.
        done(2, 2, 9, range, r#"{"values":[["b","1"]]}"#, 0),
    ];
    says(&linear(&lines), &["no order explains operation 3"]);
}

#[test]
fn the_budget_is_kept() {
    // A hundred writes at once, then a read that contradicts: there are many orders to try.
    let mut lines: Vec<String> =
        (0..100).map(|n| done(n, 1, 100, &put("a", &n.to_string()), WRITTEN, 0)).collect();
    lines.push(done(200, 150, 151, &get("a"), ABSENT, 0));
    let history = read(&lines.concat());
    let few = Budget { time: Duration::from_secs(600), configurations: 10_000 };
    assert_eq!(
        linearizable::check(&history, few).to_string(),
        "not decided: the memory ran out for the 101 operations of key \"a\""
    );
    let short = Budget { time: Duration::ZERO, configurations: usize::MAX };
    assert_eq!(
        linearizable::check(&history, short).to_string(),
        "not decided: the time ran out for the 101 operations of key \"a\""
    );
    lines.extend((0..30).map(|n| done(300 + n, 1, 200, &put("a", "x"), WRITTEN, 0)));
    says(&linear(&lines), &["not decided: more than 128 operations were in flight at once"]);
    // A violation of another key is found all the same.
    lines.push(done(1, 1, 2, &get("b"), &value("9"), 0));
    says(&linear(&lines), &["violated: no order explains operation 132"]);
}

#[test]
fn revisions_cannot_be_compared_without_any() {
    let txn = r#"{"txn":{"compare":[{"mod-revision":{"key":"a","equals":0}}],"then":[]}}"#;
    let lines = [done(1, 1, 2, txn, r#"{"txn":{"succeeded":true,"responses":[]}}"#, 0)];
    says(&linear(&lines), &["not decided: a comparison of revisions", "operation 1"]);
}

fn two_changes() -> String {
    change(2, &[put("a", "1"), put("b", "1")]) + &change(3, &[put("a", "2")])
}

#[test]
fn watch_holds() {
    let message: &[(u64, String)] = &[(2, put("a", "1")), (2, put("b", "1"))];
    let all = [two_changes(), watching(7, &[message, &[(3, put("a", "2"))]])];
    assert_eq!(watch(&all), "holds");
    // The end of a watch may be missing: it was closed.
    assert_eq!(watch(&[two_changes(), watching(7, &[message])]), "holds");
}

#[test]
fn watch_names_each_rule() {
    let (a, b, c) = ((2, put("a", "1")), (2, put("b", "1")), (3, put("a", "2")));
    let found = |messages: &[&[(u64, String)]]| watch(&[two_changes(), watching(7, messages)]);
    let clone = |event: &(u64, String)| event.clone();
    says(
        &found(&[&[clone(&a), clone(&b)], &[clone(&c)], &[clone(&c)]]),
        &["violated: unique: watch 7, message 3", "came twice"],
    );
    says(&found(&[&[clone(&c)], &[clone(&a)]]), &["ordered: watch 7, message 2", "of revision 3"]);
    says(&found(&[&[clone(&a)], &[clone(&b)]]), &["atomic: watch 7, message 2"]);
    says(&found(&[&[clone(&c)]]), &["reliable: watch 7", r#"put "a" = "1" of revision 2"#]);
    says(&found(&[&[clone(&a)]]), &["reliable: watch 7", r#"put "b" = "1""#]);
    says(
        &found(&[&[clone(&a), (2, put("b", "9"))]]),
        &["reliable", r#"the history has put "b" = "1""#],
    );
    says(&found(&[&[(1, put("a", "0"))]]), &["filter: watch 7, message 1", "was not asked for"]);
    let gap = [change(3, &[put("a", "2")]), watching(7, &[&[c]])];
    says(&watch(&gap), &["not decided: the history lacks revision 2, which watch 7 went past"]);
}

#[test]
fn a_wrong_line_is_named() {
    let error = |text: &str| match History::read(text.as_bytes()) {
        Err(ReadError::Line(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let good = change(2, &[put("a", "1")]);
    assert!(error(&format!("{good}\n{{\"chnage\":{{}}}}\n")).starts_with(
        "line 3, column 9: this is no line of a history of this version: unknown variant `chnage`"
    ));
    assert!(error("{\"change\":{\"revision\":1,\"evnts\":[]}}").starts_with(
        "line 1, column 31: this is no line of a history of this version: unknown field `evnts`"
    ));
    assert!(
        error(&format!("{good}{{\"change\""))
            .starts_with("line 2, column 9: the line is cut off: EOF")
    );
    assert_eq!(
        error(&done(1, 5, 4, &get("a"), ABSENT, 1)),
        "line 1: the operation ends at 4, before its start at 5"
    );
    assert_eq!(
        error("{\"delivery\":{\"watcher\":1,\"changes\":[]}}"),
        "line 1: watch 1 was not opened in this epoch"
    );
    let watch = "{\"watch\":{\"watcher\":1,\"first\":1,\"from\":\"\"}}\n";
    assert_eq!(error(&watch.repeat(2)), "line 2: watch 1 is open already");
}

#[test]
fn order_starts_at_any_revision() {
    let lines = [
        "{\"epoch\":{\"revision\":500}}\n".to_owned(),
        // A member that lags behind answers from before; there were no keys of this round.
        done(1, 1, 2, &stale_get("a"), ABSENT, 300),
        done(1, 3, 4, &get("a"), ABSENT, 500),
        done(1, 5, 6, &put("a", "1"), WRITTEN, 501),
        // What others did before, and do now: leases that expire, locks.
        change(499, &[put("old", "1")]),
        change(501, &[put("a", "1")]),
        change(502, &[put("lock/1", "x")]),
        change(503, &[delete("a"), delete("lock/1")]),
        done(2, 7, 8, &get("a"), ABSENT, 503),
    ];
    assert_eq!(order(&lines), "holds");
    let mut wrong = lines.clone();
    wrong[1] = done(1, 1, 2, &stale_get("a"), &value("1"), 300);
    says(&order(&wrong), &["wrong answer: operation 1", "the answer is no such key"]);
    let mut past = lines;
    past[2] = done(1, 3, 4, &get("a"), ABSENT, 300);
    says(&order(&past), &["operation 2", "before the epoch"]);
}

#[test]
fn order_lets_a_stale_read_see_the_epoch_before() {
    let lines = [
        "{\"epoch\":{\"revision\":1}}\n".to_owned(),
        done(1, 1, 2, &put("a", "1"), WRITTEN, 2),
        done(1, 3, 4, &put("a", "2"), WRITTEN, 3),
        change(2, &[put("a", "1")]),
        change(3, &[put("a", "2")]),
        "{\"epoch\":{\"revision\":3}}\n".to_owned(),
        done(1, 5, 6, &stale_get("a"), &value("1"), 2),
        // A member that has just joined, and has nothing yet.
        done(1, 7, 8, &stale_get("a"), ABSENT, 1),
    ];
    assert_eq!(order(&lines), "holds");
    let mut wrong = lines;
    wrong[6] = done(1, 5, 6, &stale_get("a"), &value("2"), 2);
    says(&order(&wrong), &["wrong answer: operation 3", r#"the answer is "1""#]);
}

#[test]
fn order_lets_an_unknown_write_take_effect_once_in_any_epoch() {
    let unknown = operation(1, 1, 9, &put("a", "1"), r#""unknown""#);
    let first = "{\"epoch\":{\"revision\":1}}\n".to_owned();
    let second = "{\"epoch\":{\"revision\":2}}\n".to_owned();
    let other = [done(2, 1, 2, &put("b", "1"), WRITTEN, 2), change(2, &[put("b", "1")])].concat();
    let took = |revision| change(revision, &[put("a", "1")]);
    // The client gave up before the restore, or after it.
    for in_second in [false, true] {
        let (early, late) = if in_second { ("", &*unknown) } else { (&*unknown, "") };
        for effect_in_second in [false, true] {
            let (one, two) =
                if effect_in_second { (String::new(), took(3)) } else { (took(3), String::new()) };
            let lines = [&*first, early, &other, &one, &*second, late, &two].map(str::to_owned);
            assert_eq!(order(&lines), "holds", "{lines:#?}");
        }
    }
    let twice = [first, unknown, other, took(3), second, took(3)];
    says(&order(&twice), &["had taken effect already", "operation 1"]);
}
