//! The terminal of `failpoint watch`: taking it over, drawing, restoring it, reading keys.

use crate::output::{Style, cut, may_colour};
use crate::status::Status;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};
use std::io::{self, Write};
use std::thread;
#[cfg(unix)]
use tokio::signal;
use tokio::sync::mpsc;

/// Lines to be drawn.
pub(crate) struct Table {
    pub(crate) head: String,
    pub(crate) columns: String,
    pub(crate) rows: Vec<(String, Style)>,
}

/// The whole terminal. Dropping it restores the terminal.
pub(crate) struct Screen {
    coloured: bool,
}

impl Screen {
    pub(crate) fn open() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        // From here on, dropping `screen` restores the terminal.
        let screen = Self { coloured: may_colour(true) };
        execute!(
            io::stdout(),
            terminal::EnterAlternateScreen,
            terminal::DisableLineWrap,
            cursor::Hide
        )?;
        Ok(screen)
    }

    pub(crate) fn draw(&mut self, table: &Table) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        // Leave room for the head, the column names and the last line.
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

/// Returns when the user quits.
pub(crate) async fn quit(keys: &mut mpsc::Receiver<Key>) {
    while let Some(Key::Resize) = keys.recv().await {}
}

/// The signals that end a process. While this value exists they do not, so that the terminal can be
/// restored first.
#[cfg(unix)]
pub(crate) struct Ended {
    terminated: signal::unix::Signal,
    hung_up: signal::unix::Signal,
}

#[cfg(unix)]
pub(crate) fn ended() -> io::Result<Ended> {
    use signal::unix::{SignalKind, signal};

    let terminated = signal(SignalKind::terminate())?;
    Ok(Ended { terminated, hung_up: signal(SignalKind::hangup())? })
}

#[cfg(unix)]
impl Ended {
    pub(crate) async fn recv(&mut self) -> Status {
        tokio::select! {
            _ = self.terminated.recv() => Status::Terminated,
            _ = self.hung_up.recv() => Status::HungUp,
        }
    }
}

/// Only Unix has these signals.
#[cfg(not(unix))]
pub(crate) struct Ended;

#[cfg(not(unix))]
pub(crate) fn ended() -> io::Result<Ended> {
    Ok(Ended)
}

#[cfg(not(unix))]
impl Ended {
    pub(crate) async fn recv(&mut self) -> Status {
        std::future::pending().await
    }
}

pub(crate) enum Key {
    Quit,
    Resize,
}

/// A thread that reads keys; it ends with the process.
pub(crate) fn keys() -> mpsc::Receiver<Key> {
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
