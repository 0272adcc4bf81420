use super::draw;
use super::layout::Layout;
use crate::trace::Event;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn command(line: usize, text: &str) -> Event {
    Event::Command { line, text: text.into() }
}

fn send(id: u64, from: u64, to: u64, label: &str) -> Event {
    Event::Send { id, from, to, label: label.into() }
}

fn receive(id: u64) -> Event {
    Event::Receive { id }
}

/// Everything that a picture can show.
fn crash() -> Vec<Event> {
    vec![
        command(3, "add-nodes 3 voters=(1,2,3) index=10"),
        command(6, "campaign 1"),
        command(9, "stabilize"),
        send(1, 1, 2, "RequestVote 1"),
        send(2, 1, 3, "RequestVote 1"),
        receive(1),
        receive(2),
        send(3, 2, 1, "VoteResponse 1"),
        send(4, 3, 1, "VoteResponse 1"),
        receive(3),
        Event::Leader { node: 1, term: 1 },
        receive(4),
        send(5, 1, 2, "Append 10/1 +1"),
        send(6, 1, 3, "Append 10/1 +1"),
        receive(5),
        receive(6),
        send(7, 2, 1, "AppendResponse 11"),
        send(8, 3, 1, "AppendResponse 11"),
        receive(7),
        Event::Commit { node: 1, index: 11 },
        Event::Apply { node: 1, index: 11 },
        receive(8),
        send(9, 1, 2, "Append commit 11"),
        send(10, 1, 3, "Append commit 11"),
        receive(9),
        receive(10),
        Event::Commit { node: 2, index: 11 },
        Event::Commit { node: 3, index: 11 },
        Event::Apply { node: 2, index: 11 },
        Event::Apply { node: 3, index: 11 },
        command(14, "failpoint 2 raftAfterSave=panic"),
        command(17, "propose 1 \"a value\""),
        command(20, "stabilize"),
        send(11, 1, 2, "Append 11/1 +1"),
        send(12, 1, 3, "Append 11/1 +1"),
        receive(11),
        Event::Note { node: 2, text: "raftAfterSave".into() },
        Event::Crash { node: 2 },
        receive(12),
        send(13, 3, 1, "AppendResponse 12"),
        receive(13),
        Event::Commit { node: 1, index: 12 },
        Event::Apply { node: 1, index: 12 },
        send(14, 1, 2, "Heartbeat"),
        send(15, 1, 3, "Heartbeat"),
        Event::Drop { id: 14 },
        receive(15),
        command(28, "partition 1 | 2,3"),
        Event::Partition { groups: vec![vec![1], vec![2, 3]] },
        command(30, "restart 2"),
        Event::Restart { node: 2 },
        command(34, "tick-election 3"),
        send(16, 3, 1, "RequestVote 2"),
        send(17, 3, 2, "RequestVote 2"),
        Event::Drop { id: 16 },
        receive(17),
        send(18, 2, 3, "VoteResponse 2"),
        receive(18),
        Event::Leader { node: 3, term: 2 },
        send(19, 1, 2, "Heartbeat"),
        send(20, 1, 3, "Heartbeat"),
        Event::Drop { id: 19 },
        Event::Drop { id: 20 },
        command(40, "heal"),
        Event::Heal,
        send(21, 3, 1, "Append 12/1 +1 with a long label that is cut"),
        send(22, 3, 2, "Append 12/1 +1"),
        receive(21),
        Event::StepDown { node: 1 },
        receive(22),
        send(23, 2, 3, "AppendResponse 13"),
        receive(23),
        Event::Commit { node: 3, index: 13 },
        send(24, 3, 1, "Snapshot 13"),
        send(25, 3, 2, "Append commit 13"),
        command(44, "status 1"),
        command(47, "raft-log 1\nlong"),
        command(50, "status 2 <&>"),
        command(52, "deliver-msgs"),
        receive(25),
        Event::Commit { node: 2, index: 13 },
        receive(24),
        send(26, 1, 3, "AppendResponse 13"),
        Event::Crash { node: 3 },
    ]
}

/// Events that only a broken interpreter records, and texts that XML cannot hold.
fn odd() -> Vec<Event> {
    vec![
        Event::Heal,
        Event::Start { node: 2 },
        receive(99),
        send(1, 1, 1, "to <itself> & \"co\"\u{1b}[2J\u{202e}\u{ffff}"),
        receive(1),
        receive(1),
        Event::Drop { id: 1 },
        Event::Start { node: 3 },
        send(2, 3, 1, ""),
        receive(2),
        send(2, 3, 1, "the same number"),
        Event::Restart { node: 3 },
        Event::Crash { node: 3 },
        Event::Crash { node: 3 },
        Event::StepDown { node: 1 },
        Event::Partition { groups: vec![vec![1]] },
        Event::Partition { groups: vec![] },
        Event::Note { node: u64::MAX, text: "\0".repeat(100) },
        command(1, ""),
        command(2, &"long ".repeat(100)),
        Event::Leader { node: 3, term: u64::MAX },
    ]
}

/// The pictures are in `src/picture/tests`. `REWRITE=1` writes them.
#[test]
fn pictures_are_as_they_were() {
    for (name, events) in [("crash", crash()), ("odd", odd()), ("empty", vec![])] {
        let svg = draw(&format!("scripts/{name}.txt"), &events);
        check_form(&svg);
        assert_eq!(svg, draw(&format!("scripts/{name}.txt"), &events));

        let file =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/picture/tests/{name}.svg"));
        if crate::runner::rewrite_is_set() {
            fs::write(&file, &svg).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap();
        // The whole texts would be too long to read.
        let different = svg.lines().zip(golden.lines()).find(|(new, old)| new != old);
        assert_eq!(different, None, "{name}");
        assert!(svg == golden, "{name} has another length");
    }
}

#[test]
fn any_events_give_a_picture_without_overlaps() {
    let mut state = 1_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) % below
    };
    for length in (0..300).step_by(7) {
        let mut events = Vec::new();
        for _ in 0..length {
            let (node, id) = (random(5), random(40));
            events.push(match random(16) {
                0 => command(id as usize, "a command"),
                1 => Event::Start { node },
                2 => Event::Crash { node },
                3 => Event::Restart { node },
                4 => Event::Leader { node, term: random(9) },
                5 => Event::StepDown { node },
                6 => Event::Commit { node, index: id },
                7 => Event::Apply { node, index: id },
                8 => Event::Note { node, text: "a point".into() },
                9 => Event::Partition { groups: vec![vec![node, random(5)], vec![random(5)]] },
                10 => Event::Heal,
                11 => Event::Drop { id },
                12 | 13 => receive(id),
                _ => send(id, node, random(5), "message"),
            });
        }
        check_form(&draw("random", &events));

        let layout = Layout::new(&events);
        let mut taken = BTreeSet::new();
        for mark in &layout.marks {
            assert!(taken.insert((mark.lane, mark.row)), "{mark:?}");
        }
        for message in &layout.messages {
            for end in &message.ends {
                assert!(end.row > message.row && end.row < layout.rows, "{message:?}");
                assert!(taken.insert((message.to, end.row)), "{message:?}");
            }
        }
        for message in &layout.messages {
            assert!(!taken.contains(&(message.from, message.row)), "{message:?}");
        }
    }
}

/// Five nodes and a thousand events: linear, and every message has its arrow.
#[test]
fn a_long_run_has_all_its_messages() {
    let mut events = Vec::new();
    for id in 0..1000 {
        let (from, to) = (1 + id % 5, 1 + (id + 1 + id % 4) % 5);
        events.extend([send(id, from, to, "Append"), receive(id)]);
    }
    let svg = draw("long", &events);
    check_form(&svg);
    assert_eq!(svg.matches("<g class=\"message append\"><title>").count(), 1000);
}

/// XML as we write it: all elements are closed in their order, attributes are quoted, and text holds
/// no markup.
fn check_form(svg: &str) {
    let allowed = |c: char| !c.is_control() || c == '\n';
    assert!(svg.chars().all(allowed), "{svg}");
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(start) = rest.find('<') {
        check_text(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let (tag, closed) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_lowercase()), "{tag}");
        let parts: Vec<&str> = attributes.split('"').collect();
        assert!(parts.len() % 2 == 1 && parts.last().unwrap().trim().is_empty(), "{tag}");
        for pair in parts.chunks_exact(2) {
            let name = pair[0].trim();
            assert!(name.ends_with('=') && !name.contains(' '), "{tag}");
            check_text(pair[1]);
            assert!(!pair[1].contains("NaN") && !pair[1].contains("inf"), "{tag}");
            if matches!(name, "width=" | "height=" | "r=") && !pair[1].ends_with('%') {
                assert!(pair[1].parse::<f64>().is_ok_and(|size| size >= 0.0), "{tag}");
            }
        }
        if !closed {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest == "\n", "{open:?} {rest:?}");
}

fn check_text(text: &str) {
    assert!(!text.contains('>'), "{text}");
    for reference in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;"];
        assert!(known.iter().any(|known| reference.starts_with(known)), "{text}");
    }
}
