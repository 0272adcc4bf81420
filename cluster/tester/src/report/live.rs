//! How are `report.json` and `report.html` kept up to date while a run goes on?
//!
//! A thread of its own writes them, so that a slow disk does not slow the run down: at most once in
//! two seconds, and for at most about a twentieth of the time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::collect::Collector;
use super::event::{Event, Observer};
use super::files::{Directory, FileError, HTML, JSON, write_json};
use super::html;
use super::model::Report;
use super::terminal::tell;

const RHYTHM: Duration = Duration::from_secs(2);

/// Writes the files of a report. Put it behind the [`Collector`] among the observers.
///
/// A file that cannot be written is told of once on the standard error. The run goes on, and each
/// next time the file is tried again.
#[derive(Debug)]
pub struct Live {
    directory: Directory,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts to write.
    #[must_use]
    pub fn start(collector: Collector, directory: Directory) -> Self {
        let (wake, woken) = sync_channel(1);
        let files = directory.clone();
        let thread = thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || write_while_woken(&collector, &files, &woken))
            .ok();
        Self { directory, wake: Some(wake), thread }
    }

    fn stop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Observer for Live {
    fn on(&mut self, event: &Event<'_>) {
        if let Event::Ended(report) = event {
            self.stop();
            for error in write(&self.directory, report) {
                tell(&error.to_string());
            }
            return;
        }
        if let Some(wake) = &self.wake {
            // Full: the thread is told already. Without the thread, the last report is still written.
            if let Err(TrySendError::Disconnected(())) = wake.try_send(()) {
                self.wake = None;
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes all files of a report. Returns what could not be written.
#[must_use]
pub fn write(directory: &Directory, report: &Report) -> Vec<FileError> {
    let json = directory.write(JSON, |file| write_json(report, file));
    let html = directory.write(HTML, |file| file.write_all(html::page(report).as_bytes()));
    [json, html].into_iter().filter_map(Result::err).collect()
}

fn write_while_woken(collector: &Collector, directory: &Directory, woken: &Receiver<()>) {
    let mut told = false;
    let mut changed = false;
    while changed || woken.recv().is_ok() {
        let start = Instant::now();
        let errors = write(directory, &collector.report());
        if let (Some(error), false) = (errors.first(), told) {
            told = true;
            tell(&format!("{error}; the run goes on"));
        }
        changed = false;
        let until = start + RHYTHM.max(start.elapsed() * 20);
        loop {
            match woken.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => break,
                Ok(()) => changed = true,
            }
        }
    }
}
