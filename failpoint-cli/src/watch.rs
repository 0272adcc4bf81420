//! What stands at the points of several servers right now?
//!
//! The table is asked for anew at each event, at most ten times a second, and once a second anyway:
//! hits make no events.

use crate::args;
use crate::ask;
use crate::events::{gather, of};
use crate::output::{Style, cut, may_colour, visible};
use crate::servers::Servers;
use crate::show::{line, style_of, widths};
use crate::status::{Failure, Status};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};
use failpoint_http::wire::{Point, Points};
use failpoint_http::{ByAddress, Filter};
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;
#[cfg(unix)]
use tokio::signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

const AT_LEAST: Duration = Duration::from_secs(1);
const AT_MOST: Duration = Duration::from_millis(100);

pub(crate) async fn watch(servers: &Servers, wish: args::Watch) -> Result<Status, Failure> {
    if servers.json || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let why = "watch draws on a terminal, and this is none; `failpoint events` tells line by \
                   line what happens, `failpoint list --json` what stands";
        return Err(Failure::usage(why));
    }
    let broken = |error: io::Error| Failure::new(Status::Refused, error);
    let mut filter = Filter::new();
    if let Some(glob) = &wish.glob {
        filter = filter.matching(glob.clone());
    }
    let mut ended = ended().map_err(broken)?;
    let mut screen = Screen::open().map_err(broken)?;
    let mut keys = keys();
    let mut changes = changes(servers, &wish).await;
    loop {
        let drawn = Instant::now();
        let points = servers.set.each(|client| {
            let filter = filter.clone();
            async move { ask::list(&client, &filter).await }
        });
        // A server that does not answer keeps nobody from leaving.
        let points = tokio::select! {
            points = points => points,
            () = left(&mut keys) => return Ok(Status::Done),
            status = ended.recv() => return Ok(status),
        };
        screen.draw(&Table::of(servers, &points)).map_err(broken)?;
        let mut next = drawn + AT_LEAST;
        loop {
            tokio::select! {
                key = keys.recv() => match key {
                    Some(Key::Quit) | None => return Ok(Status::Done),
                    Some(Key::Resize) => next = Instant::now(),
                },
                status = ended.recv() => return Ok(status),
                Some(()) = changes.recv() => next = next.min(drawn + AT_MOST),
                () = sleep_until(next) => break,
            }
        }
    }
}

/// Something happened somewhere. A server without events is only asked once a second.
async fn changes(servers: &Servers, wish: &args::Watch) -> mpsc::Receiver<()> {
    let events = of(wish.glob.clone(), Vec::new());
    let streams = servers.set.each(|client| {
        let events = events.clone();
        async move { client.events(&events).await }
    });
    let streams = streams.await.into_iter().filter_map(|(_, stream)| stream.ok()).collect();
    let mut heard = gather(streams);
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while heard.recv().await.is_some() {
            // One that is not taken yet stands for this one too.
            let _ = sender.try_send(());
        }
        sender.closed().await;
    });
    receiver
}

/// Comes back when somebody quits.
async fn left(keys: &mut mpsc::Receiver<Key>) {
    while let Some(Key::Resize) = keys.recv().await {}
}

/// The signals that end a process; while there is this, they do not: the terminal is given back first.
#[cfg(unix)]
struct Ended {
    terminated: signal::unix::Signal,
    hung_up: signal::unix::Signal,
}

#[cfg(unix)]
fn ended() -> io::Result<Ended> {
    use signal::unix::{SignalKind, signal};

    let terminated = signal(SignalKind::terminate())?;
    Ok(Ended { terminated, hung_up: signal(SignalKind::hangup())? })
}

#[cfg(unix)]
impl Ended {
    async fn recv(&mut self) -> Status {
        tokio::select! {
            _ = self.terminated.recv() => Status::Terminated,
            _ = self.hung_up.recv() => Status::HungUp,
        }
    }
}

/// Elsewhere nobody is told.
#[cfg(not(unix))]
struct Ended;

#[cfg(not(unix))]
fn ended() -> io::Result<Ended> {
    Ok(Ended)
}

#[cfg(not(unix))]
impl Ended {
    async fn recv(&mut self) -> Status {
        std::future::pending().await
    }
}

enum Key {
    Quit,
    Resize,
}

/// A thread that reads keys; it ends with the process.
fn keys() -> mpsc::Receiver<Key> {
    let (sender, receiver) = mpsc::channel(8);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            let key = match event {
                Event::Key(key) if key.kind == KeyEventKind::Release => continue,
                Event::Key(key) => match (key.code, key.modifiers) {
                    (KeyCode::Char('q') | KeyCode::Esc, _) => Key::Quit,
                    (KeyCode::Char('c' | 'd'), KeyModifiers::CONTROL) => Key::Quit,
                    _ => continue,
                },
                Event::Resize(..) => Key::Resize,
                _ => continue,
            };
            if sender.blocking_send(key).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Lines to be drawn.
struct Table {
    head: String,
    columns: String,
    rows: Vec<(String, Style)>,
}

impl Table {
    fn of(servers: &Servers, answers: &ByAddress<Points>) -> Self {
        let mut points: Vec<(&str, &Point)> = Vec::new();
        let mut troubles = Vec::new();
        for (address, answer) in answers {
            match answer {
                Ok(answer) => points.extend(answer.points.iter().map(|p| (address.as_str(), p))),
                Err(error) => troubles.push((visible(&error.to_string()), Style::Paused)),
            }
        }
        // Those that are armed first, of them the ones where somebody stands.
        points.sort_by_key(|(_, point)| (!point.armed, point.paused == 0));
        let several = servers.are_several();
        let cells: Vec<[String; 7]> =
            points.iter().map(|(address, point)| cells(address, point, several)).collect();
        let at = if several { "SERVER" } else { "" };
        let columns =
            ["NAME", "HITS", "FIRES", "PAUSED", "TERMS", "LAST FIRE", at].map(str::to_owned);
        let widths = widths(cells.iter().chain([&columns]));
        let rows = cells.iter().zip(&points);
        let rows = rows.map(|(cells, (_, point))| (line(cells, &widths), style_of(point)));
        let armed = points.iter().filter(|(_, point)| point.armed).count();
        let addresses: Vec<&str> = answers.iter().map(|(address, _)| address.as_str()).collect();
        Self {
            head: format!("{}: {} points, {armed} armed", addresses.join(", "), points.len()),
            columns: line(&columns, &widths),
            rows: troubles.into_iter().chain(rows).collect(),
        }
    }
}

fn cells(address: &str, point: &Point, several: bool) -> [String; 7] {
    let count = |count: u64| if point.armed { count.to_string() } else { String::new() };
    let [hits, fires, paused] = [point.hits, point.fires, point.paused].map(count);
    let terms = point.terms.as_deref().map_or("-".to_owned(), visible);
    let last_fire = point.last_fire.as_deref().map(visible).unwrap_or_default();
    let address = if several { address.to_owned() } else { String::new() };
    [visible(&point.name), hits, fires, paused, terms, last_fire, address]
}

/// The whole terminal. Dropping it gives the terminal back as it was.
struct Screen {
    coloured: bool,
}

impl Screen {
    fn open() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on dropping it undoes what has been done.
        let screen = Self { coloured: may_colour(true) };
        execute!(
            io::stdout(),
            terminal::EnterAlternateScreen,
            terminal::DisableLineWrap,
            cursor::Hide
        )?;
        Ok(screen)
    }

    fn draw(&mut self, table: &Table) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        // Head, columns, and the last line.
        let room = usize::from(height).saturating_sub(3);
        let mut out = io::stdout();
        queue!(out, terminal::BeginSynchronizedUpdate, cursor::MoveTo(0, 0))?;
        let mut put = |text: &str, style: Style| {
            let cut = cut(text, width.into());
            if self.coloured {
                queue!(out, Print(style.apply(cut)))?;
            } else {
                queue!(out, Print(cut))?;
            }
            queue!(out, Clear(ClearType::UntilNewLine), Print("\r\n"))
        };
        put(&table.head, Style::Head)?;
        put(&table.columns, Style::Head)?;
        table.rows.iter().take(room).try_for_each(|(row, style)| put(row, *style))?;
        let hidden = table.rows.len().saturating_sub(room);
        let more = if hidden > 0 { format!("{hidden} more; ") } else { String::new() };
        queue!(out, Print(format!("{more}q quits")), Clear(ClearType::FromCursorDown))?;
        queue!(out, terminal::EndSynchronizedUpdate)?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(
            io::stdout(),
            cursor::Show,
            terminal::EnableLineWrap,
            terminal::LeaveAlternateScreen
        );
        let _ = terminal::disable_raw_mode();
    }
}
