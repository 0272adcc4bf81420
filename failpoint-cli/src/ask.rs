//! Requests that also work with a gofail in Go.
//!
//! A gofail in Go reports only points and terms. The other fields are empty or zero then.

use failpoint_http::wire::{Point, Points, Reset, WasArmed};
use failpoint_http::{Client, ClientError, Filter};

pub(crate) async fn list(client: &Client, filter: &Filter) -> Result<Points, ClientError> {
    match client.list_where(filter).await {
        Err(ClientError::OnlyGofail { .. }) if *filter == Filter::new() => {
            let points = client.gofail().list().await?;
            let points = points.into_iter().map(|(name, terms)| bare(name, terms)).collect();
            Ok(Points { revision: 0, points })
        }
        other => other,
    }
}

pub(crate) async fn get(client: &Client, name: &str) -> Result<Point, ClientError> {
    match client.get(name).await {
        Err(ClientError::OnlyGofail { .. }) => {
            let terms = client.gofail().get(name).await?;
            let fires = client.gofail().count(name).await?.unwrap_or_default();
            Ok(Point { fires, ..bare(name.to_owned(), terms) })
        }
        other => other,
    }
}

/// Disarms a point; returns the terms that were armed.
pub(crate) async fn disarm(
    client: &Client,
    name: &str,
    if_match: Option<u64>,
) -> Result<Option<String>, ClientError> {
    let changed = match if_match {
        Some(generation) => client.disarm_if(name, generation).await,
        None => client.disarm(name).await,
    };
    match changed {
        Err(ClientError::OnlyGofail { .. }) if if_match.is_none() => {
            let was = client.gofail().get(name).await?;
            client.gofail().disarm(name).await?;
            Ok(was)
        }
        changed => changed.map(|changed| changed.was),
    }
}

pub(crate) async fn reset(client: &Client) -> Result<Reset, ClientError> {
    match client.reset().await {
        Err(ClientError::OnlyGofail { .. }) => {
            let mut disarmed = Vec::new();
            for (name, terms) in client.gofail().list().await? {
                let Some(terms) = terms else { continue };
                let fires = client.gofail().count(&name).await?.unwrap_or_default();
                if client.gofail().disarm(&name).await? {
                    disarmed.push(WasArmed { name, terms, hits: 0, fires });
                }
            }
            Ok(Reset { revision: 0, disarmed })
        }
        other => other,
    }
}

pub(crate) async fn export(client: &Client) -> Result<String, ClientError> {
    match client.export().await {
        Err(ClientError::OnlyGofail { .. }) => {
            let points = client.gofail().list().await?.into_iter();
            let armed = points.filter_map(|(name, terms)| Some(format!("{name}={}", terms?)));
            Ok(armed.collect::<Vec<_>>().join(";"))
        }
        other => other,
    }
}

fn bare(name: String, terms: Option<String>) -> Point {
    Point {
        name,
        sites: Vec::new(),
        accepts: None,
        armed: terms.is_some(),
        terms,
        generation: 0,
        hits: 0,
        fires: 0,
        paused: 0,
        last_fire: None,
    }
}
