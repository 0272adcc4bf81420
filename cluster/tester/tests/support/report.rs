//! Parts of a report.

use std::collections::BTreeMap;

use failpoint_tester::checks::Check;
use failpoint_tester::report::model::{CaseReport, CheckReport, Injection, Outcome, Sample, Span};

/// A case that passed and took a second.
pub(crate) fn case(number: u64) -> CaseReport {
    CaseReport {
        case: "SIGTERM_ONE_FOLLOWER".to_owned(),
        round: 1,
        number,
        seed: number,
        outcome: Outcome::Passed,
        reason: None,
        members: vec!["m1".to_owned()],
        injections: vec![Injection {
            what: "SIGTERM_ETCD".to_owned(),
            member: "m1".to_owned(),
            felt: Some("the process is gone".to_owned()),
        }],
        combinations: 0,
        failures: Vec::new(),
        left_out: BTreeMap::new(),
        start: number * 1000,
        end: number * 1000 + 1000,
        healed_after: Some(300),
        rates: Some([100.0, 80.5, 99.0]),
    }
}

/// A fault on one member.
pub(crate) fn span(number: u64, end: Option<u64>) -> Span {
    Span {
        case: "SIGTERM_ONE_FOLLOWER".to_owned(),
        members: vec!["m1".to_owned()],
        start: number * 1000,
        end,
    }
}

/// A second in which 100 requests were answered and one was not.
pub(crate) fn sample(number: u64) -> Sample {
    Sample {
        time: number * 1000 + 1000,
        milliseconds: 1000,
        succeeded: 100,
        failed: 1,
        latency: [800, 1500, 4000, 20_000],
    }
}

/// What a checker said, with three operations of which two disagree.
pub(crate) fn check(check: Check, outcome: Outcome) -> CheckReport {
    CheckReport {
        check,
        round: 1,
        case: None,
        outcome,
        message: "an operation does not see the past".to_owned(),
        around: [
            r#"  operation 3 (client 3, from 5000000 to 25000000: get "a", failed)"#,
            r#"> operation 1 (client 1, from 10000000 to 20000000: put "a" = "1", answer: written at revision 2)"#,
            r#"  the store: revision 2: put "a" = "1""#,
            r#"> operation 2 (client 2, from 30000000 to 40000000: get "a", answer: no such key at revision 1)"#,
        ]
        .map(str::to_owned)
        .to_vec(),
        milliseconds: 5,
    }
}
