//! What does a member say in its log?
//!
//! [`Logs`] has the lines of all processes of a member, numbered from 1 on. Its memory is bounded: it
//! keeps the last lines, and of older ones those that match a pattern. The counts of a text go on when
//! lines are dropped.

use std::collections::VecDeque;
use std::fmt::{self, Debug, Display, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::checks::logs::{LogLine, Patterns};
use crate::clock::Clock;

/// How many of the last lines are kept, and how many bytes.
const LINES: usize = 10_000;
const BYTES: usize = 4 << 20;
/// How many older lines are kept because they match a pattern, or follow one that does.
const MATCHING: usize = 2_000;
/// How many texts are counted. The one that was not asked for longest is dropped.
const TEXTS: usize = 64;
/// How many lines an error shows.
const SHOWN: usize = 50;

/// The log of one member, while it is being written. Clones share it.
#[derive(Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

struct Shared {
    member: String,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    /// How many lines there were.
    lines: usize,
    /// The last ones.
    last: VecDeque<LogLine>,
    /// The bytes of their texts.
    bytes: usize,
    patterns: Patterns,
    /// Lines that were dropped from `last` and match a pattern, or follow such a line.
    matching: VecDeque<LogLine>,
    /// Whether the line that was dropped last matches.
    matched: bool,
    /// Texts that were asked for, the latest last.
    counts: VecDeque<Search>,
    waiters: Vec<Waiter>,
    /// The id of the next waiter.
    next: u64,
}

/// How often a text was seen.
#[derive(Clone)]
struct Search {
    text: String,
    /// The line after which it counts.
    after: usize,
    seen: usize,
    last: Option<LogLine>,
}

/// A caller that waits for a text.
struct Waiter {
    id: u64,
    search: Search,
    wanted: usize,
    tell: oneshot::Sender<LogLine>,
}

/// A text was not found in a log in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSeen {
    /// The member.
    pub member: String,
    /// The text.
    pub text: String,
    /// How often it was seen.
    pub seen: usize,
    /// How often it should have been seen.
    pub wanted: usize,
    /// The last lines of the log, at most 50.
    pub last: Vec<String>,
}

impl Display for NotSeen {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { member, text, seen, wanted, last } = self;
        write!(f, "the log of {member} has {text:?} in {seen} of {wanted} lines; ")?;
        if last.is_empty() {
            return f.write_str("it is empty");
        }
        write!(f, "its last lines are:\n{}", last.join("\n"))
    }
}

impl std::error::Error for NotSeen {}

impl Default for Logs {
    fn default() -> Self {
        Self::new("", Clock::start())
    }
}

impl Debug for Logs {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs")
            .field("member", &self.shared.member)
            .field("lines", &self.len())
            .finish()
    }
}

impl Logs {
    /// An empty log. `clock` gives lines their time.
    #[must_use]
    pub fn new(member: &str, clock: Clock) -> Self {
        let state = State {
            lines: 0,
            last: VecDeque::new(),
            bytes: 0,
            patterns: Patterns::default(),
            matching: VecDeque::new(),
            matched: false,
            counts: VecDeque::new(),
            waiters: Vec::new(),
            next: 0,
        };
        let shared = Shared { member: member.to_owned(), clock, state: Mutex::new(state) };
        Self { shared: Arc::new(shared) }
    }

    /// Changes which lines are kept after they are no longer among the last. By default that is
    /// [`PATTERNS`](crate::checks::logs::PATTERNS).
    pub fn keep(&self, patterns: Patterns) {
        self.state().patterns = patterns;
    }

    /// Adds a line.
    pub fn push(&self, text: &str) {
        self.push_all([text.to_owned()]);
    }

    /// Adds lines that were read at once.
    pub(crate) fn push_all(&self, texts: impl IntoIterator<Item = String>) {
        let time = self.shared.clock.now();
        let mut state = self.state();
        for text in texts {
            let number = state.lines + 1;
            state.add(LogLine { member: self.shared.member.clone(), number, time, text });
        }
    }

    /// How many lines there were so far, so also the number of the last one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().lines
    }

    /// Whether there was no line yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines that are kept, in their order: older ones that match a pattern, each with the line
    /// after it; then the last 10,000, or the last 4 MiB.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        self.lines_after(0)
    }

    /// The lines that are kept, with a number above `after`.
    #[must_use]
    pub fn lines_after(&self, after: usize) -> Vec<LogLine> {
        self.state().kept().filter(|line| line.number > after).cloned().collect()
    }

    /// The texts of the last lines, at most `count`.
    #[must_use]
    pub fn last(&self, count: usize) -> Vec<String> {
        self.state().texts(count)
    }

    /// Waits until `count` lines contain `text`, counted from the first line of the log on. The line
    /// wakes it, so it misses none. Returns the last of these lines.
    ///
    /// Lines that were dropped before the text was asked for the first time do not count.
    ///
    /// # Errors
    /// The last 50 lines, after `limit`.
    pub async fn expect(
        &self,
        text: &str,
        count: usize,
        limit: Duration,
    ) -> Result<LogLine, NotSeen> {
        let waiting = self.register(count, |state| state.count(text).clone());
        self.wait(waiting, limit).await
    }

    /// Waits until `count` lines with a number above `after` contain `text`. Take `after` from
    /// [`len`](Self::len) before the injection whose trace is awaited.
    ///
    /// # Errors
    /// The last 50 lines, after `limit`.
    pub async fn expect_after(
        &self,
        after: usize,
        text: &str,
        count: usize,
        limit: Duration,
    ) -> Result<LogLine, NotSeen> {
        let waiting = self.register(count, |state| state.search(text, after));
        self.wait(waiting, limit).await
    }

    /// Adds a waiter, unless its lines are there.
    fn register(
        &self,
        wanted: usize,
        search: impl FnOnce(&mut State) -> Search,
    ) -> Result<LogLine, Waiting<'_>> {
        let mut state = self.state();
        let search = search(&mut state);
        if search.seen >= wanted
            && let Some(line) = search.last
        {
            return Ok(line);
        }
        let id = state.next;
        state.next += 1;
        let (tell, told) = oneshot::channel();
        state.waiters.push(Waiter { id, search, wanted, tell });
        Err(Waiting { logs: self, id, told })
    }

    async fn wait(
        &self,
        registered: Result<LogLine, Waiting<'_>>,
        limit: Duration,
    ) -> Result<LogLine, NotSeen> {
        let mut waiting = match registered {
            Ok(line) => return Ok(line),
            Err(waiting) => waiting,
        };
        if let Ok(Ok(line)) = tokio::time::timeout(limit, &mut waiting.told).await {
            return Ok(line);
        }
        let mut state = self.state();
        match state.take_waiter(waiting.id) {
            Some(Waiter { search, wanted, .. }) => Err(NotSeen {
                member: self.shared.member.clone(),
                text: search.text,
                seen: search.seen,
                wanted,
                last: state.texts(SHOWN),
            }),
            // The line came at the last moment.
            None => {
                drop(state);
                Ok(waiting
                    .told
                    .try_recv()
                    .expect("a waiter is removed only after its line was sent"))
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the waiter when its caller gives up.
struct Waiting<'a> {
    logs: &'a Logs,
    id: u64,
    told: oneshot::Receiver<LogLine>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.logs.state().take_waiter(self.id);
    }
}

impl State {
    fn add(&mut self, line: LogLine) {
        self.lines = line.number;
        for search in &mut self.counts {
            search.see(&line);
        }
        for waiter in &mut self.waiters {
            waiter.search.see(&line);
        }
        let done = |waiter: &mut Waiter| waiter.search.seen >= waiter.wanted.max(1);
        for waiter in self.waiters.extract_if(.., done) {
            let _ = waiter.tell.send(line.clone());
        }
        self.bytes += line.text.len();
        self.last.push_back(line);
        while self.last.len() > LINES || self.bytes > BYTES {
            let Some(dropped) = self.last.pop_front() else { break };
            self.bytes -= dropped.text.len();
            self.keep_if_matching(dropped);
        }
    }

    fn keep_if_matching(&mut self, dropped: LogLine) {
        let matches = self.patterns.matching(&dropped.text).is_some();
        if matches || self.matched {
            self.matching.push_back(dropped);
            if self.matching.len() > MATCHING {
                self.matching.pop_front();
            }
        }
        self.matched = matches;
    }

    fn kept(&self) -> impl Iterator<Item = &LogLine> {
        self.matching.iter().chain(&self.last)
    }

    fn texts(&self, count: usize) -> Vec<String> {
        let from = self.last.len().saturating_sub(count);
        self.last.range(from..).map(|line| line.text.clone()).collect()
    }

    /// What was seen of a text in the lines that are kept.
    fn search(&self, text: &str, after: usize) -> Search {
        let mut search = Search { text: text.to_owned(), after, seen: 0, last: None };
        self.kept().for_each(|line| search.see(line));
        search
    }

    /// What was seen of a text from the first line on. From now on it is counted.
    fn count(&mut self, text: &str) -> &Search {
        let search = match self.counts.iter().position(|search| search.text == text) {
            Some(at) => self.counts.remove(at),
            None => None,
        };
        let search = search.unwrap_or_else(|| self.search(text, 0));
        if self.counts.len() == TEXTS {
            self.counts.pop_front();
        }
        self.counts.push_back(search);
        &self.counts[self.counts.len() - 1]
    }

    fn take_waiter(&mut self, id: u64) -> Option<Waiter> {
        let at = self.waiters.iter().position(|waiter| waiter.id == id)?;
        Some(self.waiters.swap_remove(at))
    }
}

impl Search {
    fn see(&mut self, line: &LogLine) {
        if line.number > self.after && line.text.contains(&self.text) {
            self.seen += 1;
            self.last = Some(line.clone());
        }
    }
}
