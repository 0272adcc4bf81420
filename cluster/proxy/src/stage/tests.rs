use super::{Piece, Room, Stage, Tally, Timed};
use crate::effect::{Direction, Effect, Toxic};
use crate::seed::Seed;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);

/// A stage that began at `start`.
fn stage(effect: Effect, start: Instant) -> Stage {
    seeded(effect, 0, start)
}

fn seeded(effect: Effect, seed: u64, start: Instant) -> Stage {
    let toxic = Toxic::new("t", Direction::Upstream, effect);
    Stage::new(1, 0, &toxic, Seed::new(seed, "link", 0, Direction::Upstream), start)
}

fn data(text: &str) -> Piece {
    Piece::Data(Bytes::copy_from_slice(text.as_bytes()))
}

/// What leaves of pieces that come at these milliseconds, with the milliseconds when it leaves.
fn passed(
    stage: &mut Stage,
    start: Instant,
    pieces: &[(u32, Piece)],
) -> (Vec<(u128, Piece)>, Tally) {
    let (mut out, mut tally) = (Vec::new(), Tally::default());
    for (at, piece) in pieces {
        stage.pass(Timed { at: start + MS * *at, piece: piece.clone() }, &mut out, &mut tally);
    }
    let left = |timed: Timed| ((timed.at - start).as_millis(), timed.piece);
    (out.into_iter().map(left).collect(), tally)
}

fn check(effect: Effect, pieces: &[(u32, Piece)], expected: &[(u128, Piece)]) -> Tally {
    let start = Instant::now();
    let (out, tally) = passed(&mut stage(effect, start), start, pieces);
    assert_eq!(out, expected);
    tally
}

#[test]
fn delay_moves_data_and_the_end() {
    let effect = Effect::Delay { latency: MS * 100, jitter: Duration::ZERO };
    check(
        effect,
        &[(0, data("a")), (30, data("b")), (40, Piece::Fin)],
        &[(100, data("a")), (130, data("b")), (140, Piece::Fin)],
    );
}

#[test]
fn jitter_varies_within_its_bounds_and_keeps_the_order() {
    let start = Instant::now();
    let effect = Effect::Delay { latency: MS * 100, jitter: MS * 50 };
    // Far apart, so that no piece waits for an earlier one.
    let pieces: Vec<_> = (0..200).map(|n| (n * 1_000, data("x"))).collect();
    let (out, _) = passed(&mut stage(effect.clone(), start), start, &pieces);
    let delays: Vec<u128> = (0..).zip(&out).map(|(n, (at, _))| at - n * 1_000).collect();
    assert!(delays.iter().all(|delay| (50..=150).contains(delay)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay < 70) && delays.iter().any(|delay| *delay > 130));
    // At once: a piece with a short delay waits for the one before it.
    let pieces: Vec<_> = (0..200).map(|_| (0, data("x"))).collect();
    let (out, _) = passed(&mut stage(effect, start), start, &pieces);
    assert!(out.is_sorted_by_key(|(at, _)| *at));
}

#[test]
fn a_lost_chunk_arrives_after_doubling_timeouts() {
    let start = Instant::now();
    let mut seen = [false; 4];
    for seed in 0..200 {
        let mut stage = seeded(Effect::Loss { probability: 0.5 }, seed, start);
        let (out, tally) = passed(&mut stage, start, &[(0, data("a"))]);
        // After n losses: 0, 200, 600, 1400, … ms.
        let expected = 200 * ((1 << tally.lost) - 1);
        assert_eq!(out[0].0, expected, "seed {seed}");
        if let Some(seen) = seen.get_mut(tally.lost as usize) {
            assert_eq!(out, [(expected, data("a"))]);
            *seen = true;
        }
    }
    assert_eq!(seen, [true; 4]);
}

#[test]
fn later_chunks_wait_for_a_lost_one() {
    let start = Instant::now();
    for seed in 0..100 {
        let mut stage = seeded(Effect::Loss { probability: 0.5 }, seed, start);
        let (out, _) =
            passed(&mut stage, start, &[(0, data("a")), (1, data("b")), (2, Piece::Fin)]);
        assert!(out.is_sorted_by_key(|(at, _)| *at), "seed {seed}: {out:?}");
    }
}

#[test]
fn a_chunk_that_is_always_lost_resets_the_connection() {
    let tally = check(
        Effect::Loss { probability: 1.0 },
        &[(0, data("abc")), (5, data("d"))],
        &[(200 * 127, Piece::Reset)],
    );
    assert_eq!(tally, Tally { dropped: 4, lost: 7, swallowed_fin: false });
}

#[test]
fn bandwidth_takes_its_time_and_takes_no_more_than_it_can_pass() {
    let start = Instant::now();
    let mut limited = stage(Effect::Bandwidth { rate: 1_000 }, start);
    assert_eq!(limited.room(), Some(Room::At(start - MS * 100, 100)));
    let (out, _) = passed(&mut limited, start, &[(0, data(&"x".repeat(25))), (0, Piece::Fin)]);
    let left: Vec<_> = out.iter().map(|(at, piece)| (*at, super::length(piece))).collect();
    assert_eq!(left, [(10, 10), (20, 10), (25, 5), (25, 0)]);
    passed(&mut limited, start, &[(0, data(&"x".repeat(175)))]);
    // It is behind by 200 ms: the sender waits for half of that.
    assert_eq!(limited.room(), Some(Room::At(start + MS * 100, 100)));
}

#[test]
fn a_bandwidth_of_nothing_takes_nothing() {
    assert_eq!(stage(Effect::Bandwidth { rate: 0 }, Instant::now()).room(), Some(Room::Never));
}

#[test]
fn slicer_cuts_and_spaces() {
    let effect = Effect::Slicer { average_size: 2, size_variation: 0, delay: MS * 5 };
    check(
        effect,
        &[(0, data("abcde")), (1, Piece::Fin)],
        &[(0, data("ab")), (5, data("cd")), (10, data("e")), (15, Piece::Fin)],
    );
}

#[test]
fn slices_vary_in_size() {
    let start = Instant::now();
    let effect = Effect::Slicer { average_size: 3, size_variation: 2, delay: Duration::ZERO };
    let (mut out, _) = passed(&mut stage(effect, start), start, &[(0, data(&"x".repeat(999)))]);
    // What was left over.
    out.pop();
    let sizes: Vec<_> = out.iter().map(|(_, piece)| super::length(piece)).collect();
    assert!((1..=5).all(|size| sizes.contains(&size)), "{sizes:?}");
    assert!(sizes.iter().all(|size| (1..=5).contains(size)), "{sizes:?}");
}

#[test]
fn limit_data_closes_after_its_bytes() {
    let tally = check(
        Effect::LimitData { bytes: 5 },
        &[(0, data("abc")), (1, data("defg")), (2, data("h"))],
        &[(0, data("abc")), (1, data("de")), (1, Piece::Close)],
    );
    assert_eq!(tally.dropped, 3);
}

#[test]
fn slow_close_delays_the_end_alone() {
    let effect = Effect::SlowClose { delay: MS * 300 };
    check(effect, &[(0, data("a")), (1, Piece::Fin)], &[(0, data("a")), (301, Piece::Fin)]);
}

#[test]
fn timeout_drops_and_then_closes() {
    let start = Instant::now();
    let mut stage = stage(Effect::Timeout { after: Some(MS * 50) }, start);
    let (out, tally) = passed(&mut stage, start, &[(0, data("abc"))]);
    assert_eq!((out.len(), tally.dropped), (0, 3));
    assert_eq!(stage.deadline(), Some(Timed { at: start + MS * 50, piece: Piece::Close }));
    assert_eq!(stage.removed(), Some(Piece::Close));
}

#[test]
fn reset_peer_waits_for_the_first_byte() {
    let start = Instant::now();
    let mut stage = stage(Effect::ResetPeer { after: MS * 50 }, start);
    assert_eq!((stage.deadline(), stage.removed()), (None, None));
    let (out, tally) = passed(&mut stage, start, &[(7, data("abc")), (20, data("d"))]);
    assert_eq!((out.len(), tally.dropped), (0, 4));
    assert_eq!(stage.deadline(), Some(Timed { at: start + MS * 57, piece: Piece::Reset }));
    // The stream has a hole.
    assert_eq!(stage.removed(), Some(Piece::Reset));
}

#[test]
fn blackhole_drops_the_end_too() {
    let tally = check(Effect::Blackhole, &[(0, data("abc")), (1, Piece::Fin)], &[]);
    assert_eq!(tally, Tally { dropped: 3, lost: 0, swallowed_fin: true });
}

#[test]
fn toxicity_is_drawn_for_each_connection() {
    let start = Instant::now();
    let acting = |toxicity| {
        let toxic = Toxic { toxicity, ..Toxic::new("t", Direction::Upstream, Effect::Blackhole) };
        let drops = |connection| {
            let seed = Seed::new(7, "link", connection, Direction::Upstream);
            Stage::new(1, 0, &toxic, seed, start).drops()
        };
        (0..1_000).filter(|connection| drops(*connection)).count()
    };
    assert_eq!((acting(0.0), acting(1.0)), (0, 1_000));
    let some = acting(0.3);
    assert!((200..400).contains(&some), "{some}");
    assert_eq!(some, acting(0.3), "the seed decides");
}
