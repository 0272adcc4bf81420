//! `failpoint watch`: a live table of the points of all servers.
//!
//! It is refreshed at each event, at most ten times a second, and at least once a second because
//! hits make no events.

use crate::args;
use crate::ask;
use crate::events::{gather, of};
use crate::output::{Style, visible, visible_terms};
use crate::screen::{Ended, Key, Screen, Table, ended, keys, quit};
use crate::servers::Servers;
use crate::show::{line, style_of, widths};
use crate::status::{Failure, Status};
use crate::words::message_of;
use failpoint_http::wire::{Point, Points};
use failpoint_http::{ByAddress, Filter};
use std::future::Future;
use std::io::{self, IsTerminal};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

const AT_LEAST: Duration = Duration::from_secs(1);
const AT_MOST: Duration = Duration::from_millis(100);

pub(crate) async fn watch(servers: &Servers, request: args::Watch) -> Result<Status, Failure> {
    if servers.json || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let why = "watch needs a terminal; use `failpoint events` for one line per event, or \
                   `failpoint list --json` for the current state";
        return Err(Failure::usage(why));
    }
    let broken = |error: io::Error| Failure::new(Status::Refused, error);
    let mut filter = Filter::new();
    if let Some(glob) = &request.glob {
        filter = filter.matching(glob.clone());
    }
    let mut ended = ended().map_err(broken)?;
    let mut screen = Screen::open().map_err(broken)?;
    let mut keys = keys();
    let mut changes = match unless_over(changes(servers, &request), &mut keys, &mut ended).await {
        Ok(changes) => changes,
        Err(status) => return Ok(status),
    };
    loop {
        let drawn = Instant::now();
        let points = servers.set.each(|client| {
            let filter = filter.clone();
            async move { ask::list(&client, &filter).await }
        });
        let points = match unless_over(points, &mut keys, &mut ended).await {
            Ok(points) => points,
            Err(status) => return Ok(status),
        };
        screen.draw(&table(servers, &points)).map_err(broken)?;
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

/// Does the work until the user quits or a signal arrives, also if a server does not answer.
async fn unless_over<T>(
    work: impl Future<Output = T>,
    keys: &mut mpsc::Receiver<Key>,
    ended: &mut Ended,
) -> Result<T, Status> {
    tokio::select! {
        done = work => Ok(done),
        () = quit(keys) => Err(Status::Done),
        status = ended.recv() => Err(status),
    }
}

/// Signals that some server sent an event. A server without events is polled once a second only.
async fn changes(servers: &Servers, request: &args::Watch) -> mpsc::Receiver<()> {
    let events = of(request.glob.clone(), Vec::new());
    let streams = servers.set.each(|client| {
        let events = events.clone();
        async move { client.events(&events).await }
    });
    let streams = streams.await.into_iter().filter_map(|(_, stream)| stream.ok()).collect();
    let mut heard = gather(streams);
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while heard.recv().await.is_some() {
            // If the channel is full, the signal in it covers this event too.
            let _ = sender.try_send(());
        }
        sender.closed().await;
    });
    receiver
}

fn table(servers: &Servers, answers: &ByAddress<Points>) -> Table {
    let mut points: Vec<(&str, &Point)> = Vec::new();
    let mut troubles = Vec::new();
    for (address, answer) in answers {
        match answer {
            Ok(answer) => points.extend(answer.points.iter().map(|p| (address.as_str(), p))),
            Err(error) => troubles.push((visible(&message_of(error)), Style::Paused)),
        }
    }
    // Armed points first, and of these the ones with paused callers first.
    points.sort_by_key(|(_, point)| (!point.armed, point.paused == 0));
    let several = servers.are_several();
    let cells: Vec<[String; 7]> =
        points.iter().map(|(address, point)| cells(address, point, several)).collect();
    let at = if several { "SERVER" } else { "" };
    let columns = ["NAME", "HITS", "FIRES", "PAUSED", "TERMS", "LAST FIRE", at].map(str::to_owned);
    let widths = widths(cells.iter().chain([&columns]));
    let rows = cells.iter().zip(&points);
    let rows = rows.map(|(cells, (_, point))| (line(cells, &widths), style_of(point)));
    let armed = points.iter().filter(|(_, point)| point.armed).count();
    let addresses: Vec<&str> = answers.iter().map(|(address, _)| address.as_str()).collect();
    Table {
        head: format!("{}: {} points, {armed} armed", addresses.join(", "), points.len()),
        columns: line(&columns, &widths),
        rows: troubles.into_iter().chain(rows).collect(),
    }
}

fn cells(address: &str, point: &Point, several: bool) -> [String; 7] {
    let count = |count: u64| if point.armed { count.to_string() } else { String::new() };
    let [hits, fires, paused] = [point.hits, point.fires, point.paused].map(count);
    let terms = point.terms.as_deref().map_or("-".to_owned(), visible_terms);
    let last_fire = point.last_fire.as_deref().map(visible).unwrap_or_default();
    let address = if several { address.to_owned() } else { String::new() };
    [visible(&point.name), hits, fires, paused, terms, last_fire, address]
}
