//! Histories of a correct store are accepted; each single mutation of one is caught, by name.

use failpoint_tester::checks::linearizable::{self, Budget};
use failpoint_tester::checks::watch::Rule;
use failpoint_tester::checks::{order, watch};
use failpoint_tester::history::{Event, History, Operation, Outcome, Request, Response};
use failpoint_tester::simulate::Simulation;
use proptest::prelude::*;

fn simulation() -> impl Strategy<Value = Simulation> {
    let numbers = (any::<u64>(), 30..300_usize, 1..12_usize, 1..6_usize, 0..200_u32);
    numbers.prop_map(|(seed, operations, clients, keys, unknown)| Simulation {
        seed,
        operations,
        clients,
        keys,
        unknown,
        ..Simulation::default()
    })
}

/// One of the items that fit, or none.
fn pick<T>(items: impl Iterator<Item = T>, draw: prop::sample::Index) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    (!items.is_empty()).then(|| items.swap_remove(draw.index(items.len())))
}

fn operations(history: &mut History) -> &mut Vec<Operation> {
    &mut history.epochs[0].operations
}

fn answer(operation: &Operation) -> Option<(&Response, u64)> {
    match &operation.outcome {
        Outcome::Done { response, revision } => Some((response, revision.unwrap_or(0))),
        _ => None,
    }
}

fn violation(history: &History) -> Option<order::Violation> {
    order::check(history).verdict.violation().cloned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn correct_histories_are_accepted(simulation in simulation()) {
        let history = simulation.run();
        prop_assert_eq!(order::check(&history).verdict.to_string(), "holds");
        prop_assert_eq!(watch::check(&history).to_string(), "holds");
        let mut lines = Vec::new();
        history.write(&mut lines).expect("a vector takes everything");
        prop_assert_eq!(History::read(&lines[..]).expect("what was written"), history);
    }

    #[test]
    fn correct_histories_without_revisions_are_accepted(simulation in simulation()) {
        for joined in [false, true] {
            let (unknown, clients) = (simulation.unknown / 4, simulation.clients.min(5));
            let history = Simulation { joined, unknown, clients, revisions: false, ..simulation }.run();
            prop_assert_eq!(linearizable::check(&history, Budget::default()).to_string(), "holds");
        }
    }

    #[test]
    fn a_read_of_another_value_is_caught(simulation in simulation(), draw: prop::sample::Index) {
        let mut history = simulation.run();
        let reads = operations(&mut history).iter_mut().enumerate();
        let Some((index, operation)) = pick(reads.filter(|(_, operation)| {
            matches!((&operation.request, answer(operation)), (Request::Get { .. }, Some(_)))
        }), draw) else { return Ok(()) };
        if let Outcome::Done { response, .. } = &mut operation.outcome {
            *response = Response::Value(Some("never written".to_owned()));
        }
        let found = violation(&history);
        prop_assert!(
            matches!(&found, Some(order::Violation::WrongAnswer { operation, .. }) if operation.number == index + 1),
            "{found:?}"
        );
    }

    #[test]
    fn a_read_from_the_past_is_caught(simulation in simulation(), draw: prop::sample::Index) {
        let mut history = simulation.run();
        let all = operations(&mut history).clone();
        // A read that started after an acknowledged write ended is given what was there before it.
        let late = all.iter().enumerate().filter_map(|(index, read)| {
            let (_, _) = answer(read)?;
            matches!(read.request, Request::Get { stale: false, .. }).then_some(())?;
            let ended = all.iter().filter(|write| write.end < read.start);
            let latest = ended.filter_map(|write| {
                let (response, revision) = answer(write)?;
                (response.changed()).then_some(revision)
            }).max()?;
            Some((index, latest))
        });
        let Some((index, latest)) = pick(late, draw) else { return Ok(()) };
        let key = match &all[index].request { Request::Get { key, .. } => key, _ => unreachable!() };
        let mut past = None;
        for event in history.epochs[0].changes.iter().filter(|change| change.revision < latest).flat_map(|change| &change.events) {
            match event {
                Event::Put { key: other, value } if other == key => past = Some(value.clone()),
                Event::Delete { key: other } if other == key => past = None,
                _ => {}
            }
        }
        operations(&mut history)[index].outcome =
            Outcome::Done { response: Response::Value(past), revision: Some(latest - 1) };
        let found = violation(&history);
        prop_assert!(matches!(&found, Some(order::Violation::RealTime { .. })), "{found:?}");
    }

    #[test]
    fn a_lost_acknowledged_write_is_caught(simulation in simulation(), draw: prop::sample::Index) {
        let mut history = simulation.run();
        let writes = history.epochs[0].operations.iter().enumerate().filter_map(|(index, operation)| {
            let (_, revision) = answer(operation)?;
            matches!(operation.request, Request::Put { .. }).then_some((index, revision))
        });
        let Some((index, revision)) = pick(writes, draw) else { return Ok(()) };
        // Another write has its place in the store.
        let epoch = &mut history.epochs[0];
        let change = epoch.changes.iter_mut().find(|change| change.revision == revision).expect("the change");
        change.events = vec![Event::Put { key: "of another".to_owned(), value: "x".to_owned() }];
        let found = violation(&history);
        prop_assert!(
            matches!(&found, Some(order::Violation::LostWrite { write, .. }) if write.number == index + 1),
            "{found:?}"
        );
    }

    #[test]
    fn a_revision_that_two_writes_have_is_caught(simulation in simulation(), a: prop::sample::Index, b: prop::sample::Index) {
        let mut history = simulation.run();
        let writes = |history: &History| history.epochs[0].operations.iter().enumerate().filter_map(|(index, operation)| {
            let (response, revision) = answer(operation)?;
            response.changed().then_some((index, revision))
        }).collect::<Vec<_>>();
        let writes = writes(&history);
        let (Some((a, _)), Some((b, taken))) = (pick(writes.iter().copied(), a), pick(writes.iter().copied(), b))
            else { return Ok(()) };
        if a == b { return Ok(()) }
        if let Outcome::Done { revision, .. } = &mut operations(&mut history)[a].outcome {
            *revision = Some(taken);
        }
        let found = violation(&history);
        prop_assert!(matches!(&found, Some(order::Violation::SharedRevision { .. })), "{found:?}");
    }

    #[test]
    fn a_failed_write_that_took_effect_is_caught(simulation in simulation(), draw: prop::sample::Index) {
        let mut history = simulation.run();
        let puts = operations(&mut history).iter_mut().filter(|operation| {
            matches!(operation.request, Request::Put { .. }) && answer(operation).is_some()
        });
        let Some(operation) = pick(puts, draw) else { return Ok(()) };
        operation.outcome = Outcome::Failed;
        let found = violation(&history);
        prop_assert!(matches!(&found, Some(order::Violation::Unrequested { candidate: Some(_), .. })), "{found:?}");
    }

    #[test]
    fn a_missing_change_is_no_pass(simulation in simulation(), draw: prop::sample::Index) {
        let mut history = simulation.run();
        let changes = &mut history.epochs[0].changes;
        if changes.len() < 2 { return Ok(()) }
        changes.remove(draw.index(changes.len() - 1));
        let said = order::check(&history).verdict.to_string();
        prop_assert!(said.starts_with("not decided: the watch has a gap"), "{}", said);
    }

    #[test]
    fn without_revisions_a_wrong_read_is_caught(simulation in simulation(), draw: prop::sample::Index) {
        let (unknown, clients) = (simulation.unknown / 4, simulation.clients.min(5));
        let mut history = Simulation { unknown, clients, joined: false, revisions: false, ..simulation }.run();
        let reads = operations(&mut history).iter_mut().enumerate().filter(|(_, operation)| {
            matches!((&operation.request, answer(operation)), (Request::Get { .. }, Some(_)))
        });
        let Some((index, operation)) = pick(reads, draw) else { return Ok(()) };
        if let Outcome::Done { response, .. } = &mut operation.outcome {
            *response = Response::Value(Some("never written".to_owned()));
        }
        let verdict = linearizable::check(&history, Budget::default());
        prop_assert_eq!(verdict.violation().map(|found| found.operation.number), Some(index + 1));
    }

    #[test]
    fn a_wrong_watch_is_caught(simulation in simulation(), kind in 0..4_u8, draw: prop::sample::Index) {
        let mut history = simulation.run();
        let deliveries = &mut history.epochs[0].watches.get_mut(&0).expect("the watch of all keys").deliveries;
        if deliveries.len() < 3 { return Ok(()) }
        // Not the last: a watch may end at any time.
        let place = draw.index(deliveries.len() - 1);
        let rule = match kind {
            0 => {
                let twice = deliveries[place].clone();
                deliveries.insert(place, twice);
                Rule::Unique
            }
            1 => {
                deliveries.swap(place, place + 1);
                Rule::Ordered
            }
            2 => {
                deliveries.remove(place);
                Rule::Reliable
            }
            _ => {
                deliveries[place][0].events[0] = Event::Put { key: "k0".to_owned(), value: "never written".to_owned() };
                Rule::Reliable
            }
        };
        let found = watch::check(&history).violation().map(|found| found.rule);
        prop_assert_eq!(found, Some(rule));
    }
}
