//! Trouble in a log counts, unless the tester caused it.

use failpoint_tester::checks::logs::{Cause, LogLine, PATTERNS, check};

fn line(member: &str, time: u64, text: &str) -> LogLine {
    LogLine { member: member.to_owned(), number: 1, time, text: text.to_owned() }
}

fn armed(member: &str, start: u64, end: u64) -> Cause {
    Cause { member: member.to_owned(), start, end, trace: "raftAfterSave".to_owned() }
}

#[test]
fn a_panic_is_excused_only_where_it_was_caused() {
    let panic = line("m1", 15, "panic: failpoint panic: raftAfterSave");
    assert_eq!(check([&panic], &PATTERNS, &[armed("m1", 10, 20)]), Ok(()));
    for other in [armed("m2", 10, 20), armed("m1", 16, 20), armed("m1", 10, 14)] {
        let trouble = check([&panic], &PATTERNS, &[other]).expect_err("not caused by this");
        assert_eq!(trouble.line, panic);
    }
    let second = line("m1", 15, "thread 'main' panicked at src/main.rs:1:1:");
    let trouble =
        check([&panic, &second], &PATTERNS, &[armed("m1", 10, 20)]).expect_err("a second panic");
    assert_eq!((trouble.line, trouble.pattern.as_str()), (second, "panicked at"));
}

#[test]
fn the_line_after_the_place_is_the_message_of_a_panic() {
    let place = line("m1", 15, "thread 'main' panicked at src/main.rs:1:1:");
    let (between, message) = (line("m2", 15, "elected"), line("m1", 15, "failpoint raftAfterSave"));
    let causes = [armed("m1", 10, 20)];
    assert_eq!(check([&place, &between, &message], &PATTERNS, &causes), Ok(()));
    // The next line is a panic of its own.
    let ours = line("m1", 15, "panic: raftAfterSave");
    let trouble = check([&place, &ours], &PATTERNS, &causes).expect_err("the first is not ours");
    assert_eq!(trouble.line, place);
}

#[test]
fn lines_without_a_pattern_are_no_trouble() {
    assert_eq!(check([&line("m1", 1, "elected leader")], &PATTERNS, &[]), Ok(()));
}
