//! `failpoint wait`: waits for a point, and shows the progress on a terminal.

use crate::args;
use crate::output::{Output, counted, visible};
use crate::servers::Servers;
use crate::show;
use crate::status::{Failure, Status};
use failpoint_http::wire::{Counts, Point};
use failpoint_http::{ClientError, Wait};
use serde_json::{Map, json};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use tokio::time::{Instant, interval};

pub(crate) async fn wait(
    servers: &Servers,
    request: args::Wait,
    output: &mut Output,
) -> Result<Status, Failure> {
    let mut wait = match (request.what.fires, request.what.paused) {
        (Some(fires), _) => Wait::fires(fires),
        (_, Some(paused)) => Wait::paused(paused),
        _ => Wait::hits(request.what.hits.unwrap_or(1)),
    };
    wait = wait.timeout(request.timeout);
    if let Some(generation) = request.since {
        wait = wait.since(generation);
    }
    let waiting = async {
        if request.any {
            servers.set.wait_any(&request.name, wait).await.map(|one| vec![one])
        } else {
            servers.set.wait_all(&request.name, wait).await
        }
    };
    let reached = with_progress(servers, &request, waiting).await?;
    show(servers, &reached, output);
    Ok(Status::Done)
}

fn show(servers: &Servers, reached: &[(String, Counts)], output: &mut Output) {
    if servers.json {
        let by_address: Map<_, _> =
            reached.iter().map(|(address, counts)| (address.clone(), json!(counts))).collect();
        return show::as_json(servers, output, by_address);
    }
    for (address, counts) in reached {
        let Counts { name, hits, fires, paused, .. } = counts;
        let (prefix, name) = (servers.prefix(address), visible(name));
        output.line(&format!("{prefix}{name}: {}", counted(*hits, *fires, *paused)));
    }
}

/// Awaits `waiting`. On a terminal, it shows the progress on one line and removes it at the end.
async fn with_progress<T>(
    servers: &Servers,
    request: &args::Wait,
    waiting: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    if !io::stderr().is_terminal() {
        return waiting.await;
    }
    tokio::pin!(waiting);
    let end = Instant::now() + request.timeout;
    let mut ticks = interval(Duration::from_millis(200));
    let reached = loop {
        tokio::select! {
            reached = &mut waiting => break reached,
            _ = ticks.tick() => {}
        }
        let name = request.name.clone();
        let points = servers.set.each(|client| {
            let name = name.clone();
            async move { client.get(&name).await }
        });
        let points = tokio::select! {
            reached = &mut waiting => break reached,
            points = points => points,
        };
        let counts: Vec<String> =
            points.iter().filter_map(|(_, point)| point.as_ref().ok()).map(progress).collect();
        let left = end.saturating_duration_since(Instant::now()).as_secs();
        let line = format!("waiting for {}: {}; {left} s left", request.name, counts.join("; "));
        let _ = write!(io::stderr(), "\r{}\x1b[K", visible(&line));
    };
    let _ = write!(io::stderr(), "\r\x1b[K");
    reached
}

fn progress(point: &Point) -> String {
    match point.armed {
        true => counted(point.hits, point.fires, point.paused),
        false => "idle".to_owned(),
    }
}
