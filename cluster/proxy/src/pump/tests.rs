use super::{Lane, Wrote, follow, poll_write, pump};
use crate::counters::{Counters, Counts};
use crate::effect::{Direction, Effect, Toxic};
use crate::event::{End, Reason};
use crate::pipeline::Pipeline;
use crate::seed::Seed;
use crate::stage::Piece;
use crate::toxics::Toxics;
use proptest::prelude::*;
use std::future::poll_fn;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::time::Instant;

const MS: Duration = Duration::from_millis(1);
const UP: Direction = Direction::Upstream;

/// A link of one direction.
struct Line {
    toxics: Toxics,
    counts: Counts,
    swallowed: Notify,
    seed: u64,
}

impl Line {
    fn new(effects: impl IntoIterator<Item = Effect>, seed: u64) -> Self {
        let line = Self {
            toxics: Toxics::new(),
            counts: Counts::default(),
            swallowed: Notify::new(),
            seed,
        };
        for (n, effect) in effects.into_iter().enumerate() {
            line.add(&format!("toxic-{n}"), effect);
        }
        line
    }

    fn add(&self, name: &str, effect: Effect) {
        self.toxics.add(Toxic::new(name, UP, effect)).unwrap();
    }

    fn lane(&self) -> Lane<'_> {
        Lane {
            direction: UP,
            toxics: &self.toxics,
            counts: &self.counts,
            seed: Seed::new(self.seed, "line", 0, UP),
            swallowed: &self.swallowed,
        }
    }

    /// Passes what `sender` is given on to the other end of what it gives.
    fn open(&self) -> (DuplexStream, DuplexStream, impl Future<Output = End>) {
        let (sender, source) = duplex(64 << 10);
        let (sink, receiver) = duplex(64 << 10);
        (sender, receiver, pump(source, sink, self.lane()))
    }

    /// Sends `bytes` and the end of the stream; gives what arrived, and how the connection ended.
    async fn send(&self, bytes: &[u8]) -> (Vec<u8>, End) {
        let (mut sender, mut receiver, pump) = self.open();
        let send = async {
            // A connection that is reset takes no more.
            if sender.write_all(bytes).await.is_ok() {
                let _ = sender.shutdown().await;
            }
        };
        let receive = async {
            let mut arrived = Vec::new();
            receiver.read_to_end(&mut arrived).await.unwrap();
            arrived
        };
        let ((), arrived, end) = tokio::join!(send, receive, pump);
        (arrived, end)
    }

    fn counters(&self) -> Counters {
        self.counts.read()
    }
}

/// A test that takes longer hangs: the clock runs when nothing is to be done.
const LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Runs on a clock that stands still while anything is to be done.
fn on_virtual_time<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(LIMIT, test).await.expect("it hangs") })
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[test]
fn passes_a_stream_and_its_end() {
    on_virtual_time(async {
        let line = Line::new([], 0);
        let (arrived, end) = line.send(&text(3 << 20)).await;
        assert!(arrived == text(3 << 20) && matches!(end, End::Finished), "{end:?}");
        let all = 3 << 20;
        assert_eq!(line.counters(), Counters { received: all, passed: all, dropped: 0, lost: 0 });
    });
}

#[test]
fn delays_add_up_on_the_clock() {
    on_virtual_time(async {
        let delay = |ms| Effect::Delay { latency: MS * ms, jitter: Duration::ZERO };
        let line = Line::new([delay(300), delay(1_200)], 0);
        let start = Instant::now();
        let (arrived, _) = line.send(b"hello").await;
        assert_eq!(arrived, b"hello");
        assert_eq!(start.elapsed(), MS * 1_500);
    });
}

#[test]
fn a_bandwidth_takes_as_long_as_its_bytes() {
    on_virtual_time(async {
        let line = Line::new([Effect::Bandwidth { rate: 10_000 }], 0);
        let start = Instant::now();
        let (arrived, _) = line.send(&text(25_000)).await;
        assert_eq!(arrived, text(25_000));
        // Timers tick in milliseconds, and round up.
        let seconds = start.elapsed().as_secs_f64();
        assert!((2.5..2.6).contains(&seconds), "{seconds}");
    });
}

#[test]
fn a_receiver_that_does_not_read_stops_the_sender() {
    on_virtual_time(async {
        let line = Line::new([Effect::Delay { latency: MS, jitter: Duration::ZERO }], 0);
        let (mut sender, receiver, pump) = line.open();
        let sent = async {
            let mut sent = 0;
            while sent < 4 << 20
                && let Ok(written) =
                    tokio::time::timeout(Duration::from_secs(60), sender.write(&text(32 << 10)))
                        .await
            {
                sent += written.unwrap();
            }
            sent
        };
        let sent = tokio::select! {
            sent = sent => sent,
            _ = pump => unreachable!("it ends only with its sender"),
        };
        // The two transports, the queue, and one chunk.
        assert!((1 << 20..=(1 << 20) + (144 << 10)).contains(&sent), "{sent}");
        drop(receiver);
    });
}

#[test]
fn a_change_releases_what_waits() {
    on_virtual_time(async {
        let line =
            Line::new([Effect::Delay { latency: MS * 3_600_000, jitter: Duration::ZERO }], 0);
        let (mut sender, mut receiver, pump) = line.open();
        let start = Instant::now();
        let test = async {
            sender.write_all(b"waits").await.unwrap();
            tokio::time::sleep(MS * 10).await;
            line.toxics.remove_all(|_| true);
            let mut arrived = [0; 5];
            receiver.read_exact(&mut arrived).await.unwrap();
            assert_eq!(&arrived, b"waits");
        };
        tokio::select! { () = test => {}, end = pump => panic!("{end:?}") }
        assert_eq!(start.elapsed(), MS * 10);
    });
}

#[test]
fn a_blackhole_drops_what_waits_and_resets_when_it_is_removed() {
    on_virtual_time(async {
        let line = Line::new([Effect::Delay { latency: MS * 100, jitter: Duration::ZERO }], 0);
        let (mut sender, mut receiver, pump) = line.open();
        let test = async {
            sender.write_all(b"waits").await.unwrap();
            tokio::time::sleep(MS * 50).await;
            line.add("cut", Effect::Blackhole);
            tokio::time::sleep(MS * 100).await;
            sender.write_all(b"gone").await.unwrap();
            tokio::time::sleep(MS * 200).await;
            assert_eq!(line.counters(), Counters { received: 9, passed: 0, dropped: 9, lost: 0 });
            line.toxics.remove("cut").unwrap();
            sender
        };
        let (end, _sender) = tokio::join!(pump, test);
        assert!(matches!(end, End::Reset(Reason::Healed)), "{end:?}");
        let mut arrived = Vec::new();
        receiver.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, b"");
    });
}

#[test]
fn nothing_is_written_after_a_change_that_is_not_followed_yet() {
    on_virtual_time(async {
        let line = Line::new([], 0);
        let mut pipeline = Pipeline::new(line.lane().seed, &line.counts);
        assert!(follow(&mut pipeline, line.lane(), Instant::now()).is_none());
        pipeline.push(Piece::Data("late".into()), Instant::now());
        line.add("cut", Effect::Blackhole);
        let (mut sink, _receiver) = duplex(100);
        let wrote = poll_fn(|cx| poll_write(&mut sink, &pipeline, line.lane(), cx)).await;
        assert!(matches!(wrote, Ok(Wrote::Stale)));
        assert_eq!(line.counters().passed, 0);
    });
}

#[test]
fn reset_peer_resets_also_if_it_is_removed_after_it_dropped() {
    on_virtual_time(async {
        let line = Line::new([Effect::Delay { latency: MS * 100, jitter: Duration::ZERO }], 0);
        let (mut sender, _receiver, pump) = line.open();
        let test = async {
            sender.write_all(b"waits").await.unwrap();
            tokio::time::sleep(MS).await;
            line.add("reset", Effect::ResetPeer { after: MS * 10_000 });
            tokio::time::sleep(MS).await;
            line.toxics.remove("reset").unwrap();
            sender
        };
        let (end, _sender) = tokio::join!(pump, test);
        assert!(matches!(end, End::Reset(Reason::Healed)), "{end:?}");
        assert_eq!(line.counters().dropped, 5);
    });
}

#[test]
fn a_timeout_closes_after_its_time() {
    on_virtual_time(async {
        let line = Line::new([Effect::Timeout { after: Some(MS * 700) }], 0);
        let start = Instant::now();
        let (mut sender, _receiver, pump) = line.open();
        sender.write_all(b"gone").await.unwrap();
        let end = pump.await;
        assert!(matches!(end, End::Closed), "{end:?}");
        assert_eq!(start.elapsed(), MS * 700);
    });
}

#[test]
fn updates_keep_what_a_toxic_has_counted() {
    on_virtual_time(async {
        let line = Line::new([Effect::LimitData { bytes: 8 }], 0);
        let (mut sender, mut receiver, pump) = line.open();
        let test = async {
            sender.write_all(b"12345").await.unwrap();
            receiver.read_exact(&mut [0; 5]).await.unwrap();
            line.toxics.update(Toxic::new("toxic-0", UP, Effect::LimitData { bytes: 6 })).unwrap();
            sender.write_all(b"6789").await.unwrap();
            let mut rest = Vec::new();
            receiver.read_to_end(&mut rest).await.unwrap();
            rest
        };
        let (end, rest) = tokio::join!(pump, test);
        assert!(matches!(end, End::Closed), "{end:?}");
        assert_eq!(rest, b"6");
    });
}

/// A frame tells whether it is whole.
fn frame(number: u32) -> Vec<u8> {
    let body: Vec<u8> = number.to_le_bytes().repeat(1 + number as usize % 700);
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.extend(crc32fast::hash(&body).to_le_bytes());
    frame.extend(body);
    frame
}

/// The numbers of the frames in `bytes`; a last one may be cut off.
fn frames(mut bytes: &[u8]) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let length = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let Some(body) = rest.get(..length) else { break };
        assert_eq!(crc32fast::hash(body).to_le_bytes(), head[4..], "a corrupted frame");
        numbers.push(u32::from_le_bytes(body[..4].try_into().unwrap()));
        bytes = &rest[length..];
    }
    numbers
}

#[test]
fn with_half_of_the_chunks_dropped_no_corrupted_frame_arrives() {
    let sent: Vec<u8> = (0..400).flat_map(frame).collect();
    let (mut lost, mut resets, mut finished) = (0, 0, 0);
    for seed in 0..40 {
        let line = Line::new([Effect::Loss { probability: 0.5 }], seed);
        let (arrived, end) = on_virtual_time(line.send(&sent));
        let numbers = frames(&arrived);
        assert!(numbers.iter().copied().eq(0..numbers.len() as u32), "seed {seed}: {numbers:?}");
        lost += line.counters().lost;
        match end {
            End::Finished => {
                assert_eq!(numbers.len(), 400, "seed {seed}");
                finished += 1;
            }
            End::Reset(Reason::Toxic) => resets += 1,
            end => panic!("seed {seed}: {end:?}"),
        }
    }
    // About one in 128 chunks is lost seven times.
    assert!(lost > 500 && resets > 0 && finished > 0, "{lost} lost, {resets} resets, {finished}");
}

/// Effects that keep a stream whole.
fn keeps_the_stream() -> impl Strategy<Value = Effect> {
    let ms = |most: u64| (0..most).prop_map(Duration::from_millis);
    prop_oneof![
        (ms(500), ms(200)).prop_map(|(latency, jitter)| Effect::Delay { latency, jitter }),
        (0.0..0.6).prop_map(|probability| Effect::Loss { probability }),
        (500..10_000_000_u64).prop_map(|rate| Effect::Bandwidth { rate }),
        (1..3_000_usize, 0..3_000_usize, ms(20)).prop_map(
            |(average_size, size_variation, delay)| {
                Effect::Slicer { average_size, size_variation, delay }
            }
        ),
        ms(500).prop_map(|delay| Effect::SlowClose { delay }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_stays_whole_through_any_mix(
        effects in prop::collection::vec(keeps_the_stream(), 0..5),
        changed in keeps_the_stream(),
        when in 0..2_000_u64,
        length in 0..60_000_usize,
        seed: u64,
    ) {
        let lossy = effects.iter().chain([&changed]).any(|effect| matches!(effect, Effect::Loss { .. }));
        let line = Line::new(effects, seed);
        let sent = text(length);
        let (arrived, end) = on_virtual_time(async {
            let change = async {
                tokio::time::sleep(Duration::from_millis(when)).await;
                line.add("changed", changed);
                tokio::time::sleep(Duration::from_millis(when)).await;
                line.toxics.remove_all(|name| name == "toxic-0");
            };
            tokio::join!(line.send(&sent), change).0
        });
        match end {
            End::Finished => prop_assert!(arrived == sent),
            // What arrived before the reset is the beginning of what was sent.
            End::Reset(Reason::Toxic) if lossy => prop_assert!(sent.starts_with(&arrived)),
            end => prop_assert!(false, "{end:?}"),
        }
        let counters = line.counters();
        prop_assert_eq!(counters.passed, arrived.len() as u64);
        prop_assert_eq!(counters.received, counters.passed + counters.dropped);
    }
}
