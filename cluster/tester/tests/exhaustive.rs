//! LINEARIZABLE says of small histories what trying every order says.

use failpoint_tester::checks::linearizable::{self, Budget};
use failpoint_tester::history::{History, Operation, Outcome, Request, Response};
use proptest::prelude::*;

/// An operation on the one key; answers are drawn, so most histories are wrong.
fn operation() -> impl Strategy<Value = Operation> {
    let value = || prop::sample::select(vec!["1", "2"]).prop_map(str::to_owned);
    let key = || "a".to_owned();
    let asked = prop_oneof![
        3 => value().prop_map(move |value| (Request::Put { key: key(), value }, Response::Put)),
        3 => prop::option::of(value())
            .prop_map(move |value| (Request::Get { key: key(), stale: false }, Response::Value(value))),
        1 => (0..2_u64).prop_map(move |count| (Request::Delete { key: key() }, Response::Deleted(count))),
    ];
    (asked, 0..12_u64, 0..5_u64, 0..10_u8).prop_map(|((request, response), start, length, luck)| {
        let outcome = match luck {
            0 | 1 => Outcome::Unknown,
            2 => Outcome::Failed,
            _ => Outcome::Done { response, revision: None },
        };
        Operation { client: 0, start, end: start + length, request, outcome }
    })
}

/// Whether some order of what is left explains it.
fn explained(left: &[Operation], state: Option<&str>) -> bool {
    let known = |operation: &&Operation| matches!(operation.outcome, Outcome::Done { .. });
    let Some(first_end) = left.iter().filter(known).map(|operation| operation.end).min() else {
        return true;
    };
    (0..left.len()).filter(|&next| left[next].start <= first_end).any(|next| {
        let (answer, after) = match &left[next].request {
            Request::Put { value, .. } => (Response::Put, Some(value.as_str())),
            Request::Delete { .. } => (Response::Deleted(state.is_some().into()), None),
            _ => (Response::Value(state.map(str::to_owned)), state),
        };
        let mut rest = left.to_vec();
        let fits = match rest.remove(next).outcome {
            Outcome::Done { response, .. } => response == answer,
            Outcome::Unknown => true,
            Outcome::Failed => false,
        };
        fits && explained(&rest, after)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_small_history_is_judged_rightly(operations in prop::collection::vec(operation(), 1..7)) {
        let mut history = History::new(0);
        history.epochs[0].operations = operations.clone();
        let verdict = linearizable::check(&history, Budget::default());
        prop_assert_eq!(verdict.holds(), explained(&operations, None), "{}", verdict);
    }
}
