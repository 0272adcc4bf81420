//! A log is awaited without polling, within bounded memory.

use std::time::Duration;

use failpoint_tester::agent::Agent;
use failpoint_tester::checks::logs::Patterns;
use failpoint_tester::clock::Clock;
use failpoint_tester::process::logs::Logs;

use crate::support::{One, PATIENCE, first_start};

fn logs() -> Logs {
    Logs::new("m", Clock::start())
}

#[tokio::test]
async fn lines_are_counted_from_the_first_one_on() {
    let logs = logs();
    logs.push("compacted 1");
    logs.push("other");
    logs.push("compacted 2");
    let line = logs.expect("compacted", 2, Duration::ZERO).await.expect("it is there");
    assert_eq!((line.number, line.text.as_str()), (3, "compacted 2"));
    let why = logs.expect("compacted", 3, Duration::ZERO).await.expect_err("only two");
    assert_eq!((why.seen, why.wanted, why.last.len()), (2, 3, 3));

    // The counts go on when the lines are dropped.
    for _ in 0..20_000 {
        logs.push("noise");
    }
    assert!(!logs.lines().iter().any(|line| line.text.contains("compacted")));
    logs.push("compacted 3");
    let line = logs.expect("compacted", 3, Duration::ZERO).await.expect("the third");
    assert_eq!(line.number, 20_004);
}

#[tokio::test]
async fn one_who_waits_is_woken_also_in_a_flood() {
    let logs = logs();
    let after = logs.len();
    let first = logs.expect("needle", 1, PATIENCE);
    let second = logs.expect_after(after, "needle", 2, PATIENCE);
    let flood = async {
        for _ in 0..2 {
            logs.push("needle");
            // More than are kept, before the one who waits runs again.
            for _ in 0..20_000 {
                logs.push("noise");
            }
        }
    };
    let (first, second, ()) = tokio::join!(first, second, flood);
    assert_eq!(first.expect("the first").number, 1);
    assert_eq!(second.expect("the second").number, 20_002);
}

#[tokio::test]
async fn what_was_said_before_does_not_count_after() {
    let logs = logs();
    logs.push("elected");
    let after = logs.len();
    let why = logs.expect_after(after, "elected", 1, Duration::ZERO).await.expect_err("before");
    assert_eq!(why.seen, 0);
    logs.push("elected");
    logs.push("elected");
    let line = logs.expect_after(after, "elected", 1, Duration::ZERO).await.expect("after");
    assert_eq!(line.number, 3);
}

#[tokio::test]
async fn a_time_out_shows_the_last_lines() {
    let logs = logs();
    let why = logs.expect("x", 1, Duration::ZERO).await.expect_err("nothing");
    assert_eq!(why.to_string(), "the log of m has \"x\" in 0 of 1 lines; it is empty");
    for number in 1..=60 {
        logs.push(&number.to_string());
    }
    let why = logs.expect("x", 1, Duration::ZERO).await.expect_err("nothing");
    assert_eq!((why.last.len(), why.last[0].as_str(), why.last[49].as_str()), (50, "11", "60"));
}

#[tokio::test]
async fn older_lines_that_match_are_kept_within_a_bound() {
    let logs = logs();
    for number in 0..30_000 {
        match number {
            1000 => logs.push("panic: index out of range"),
            1001 => logs.push("goroutine 1"),
            _ => logs.push("noise"),
        }
    }
    let lines = logs.lines();
    let texts: Vec<&str> = lines.iter().take(3).map(|line| &*line.text).collect();
    assert_eq!(texts, ["panic: index out of range", "goroutine 1", "noise"]);
    assert_eq!((lines[0].number, lines.len()), (1001, 10_002));
    assert!(lines.windows(2).all(|two| two[0].number < two[1].number));
    assert!(lines.windows(2).all(|two| two[0].time <= two[1].time));

    logs.keep(Patterns::new(&["^n.ise$"]).expect("a pattern"));
    let long = "x".repeat(1000);
    for _ in 0..20_000 {
        logs.push(&long);
    }
    let lines = logs.lines();
    assert!(lines.len() < 2_000 + 5_000, "{}", lines.len());
    assert_eq!(lines.iter().filter(|line| line.text == "noise").count(), 1_999);
}

#[tokio::test]
async fn a_flood_of_output_is_bounded_and_in_order() {
    let one = One::new().await;
    let flood = "seq 1 200000; printf '\\377bad\\033[0m\\n'; \
                 head -c 100000 /dev/zero | tr '\\0' x; echo; echo done; exec sleep 99";
    one.operate(&first_start(flood)).await;
    one.seen("done", 1).await;
    let logs = one.agent.logs("m").expect("a member");
    assert_eq!(logs.len(), 200_003);
    let lines = logs.lines();
    assert!(lines.len() <= 10_000);
    let [.., last, bad, long, _] = &lines[..] else { panic!("the last lines") };
    assert_eq!((last.number, last.text.as_str()), (200_000, "200000"));
    assert_eq!(bad.text, "\\xffbad\\u{1b}[0m");
    assert!(long.text.len() < 9_000 && long.text.ends_with("more bytes)"), "{}", long.text.len());
    let file = std::fs::metadata(one.path("log")).expect("its log").len();
    assert!(file > 1_000_000, "the file has all of it: {file}");
}
