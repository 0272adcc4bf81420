//! `failpoint events`: the events of all servers, one line each.

use crate::args;
use crate::output::{Output, visible, visible_json, visible_terms};
use crate::servers::Servers;
use crate::status::{Failure, Status};
use crate::words::message_of;
use failpoint_http::wire::Event;
use failpoint_http::{ClientError, EventStream, Events, Received};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// How many events may wait to be written. Beyond that, the command stops reading from the servers,
/// and each server reports how many events were lost.
const AHEAD: usize = 256;

type Heard = (String, Result<Received, ClientError>);

pub(crate) async fn events(
    servers: &Servers,
    request: args::Events,
    output: &mut Output,
) -> Result<Status, Failure> {
    let mut left = request.count;
    let request = of(request.glob, request.kinds);
    let (streams, mut status) = open(servers, &request, output).await;
    let mut heard = gather(streams);
    while let Some((address, received)) = heard.recv().await {
        match received {
            Ok(received) => output.line(&line(servers, &address, &received)),
            Err(error) => {
                status = status.max(Status::of(&error));
                output.error(&message_of(&error));
                continue;
            }
        }
        output.flush();
        left = left.map(|left| left - 1);
        if output.is_closed() || left == Some(0) {
            return Ok(status);
        }
    }
    Ok(status)
}

pub(crate) fn of(glob: Option<String>, kinds: Vec<args::Kind>) -> Events {
    let events = glob.map_or_else(Events::all, Events::matching);
    events.kinds(kinds.into_iter().map(Into::into))
}

/// Opens a stream from each server; prints the errors of those that refuse.
async fn open(
    servers: &Servers,
    request: &Events,
    output: &mut Output,
) -> (Vec<EventStream>, Status) {
    let (mut streams, mut status) = (Vec::new(), Status::Done);
    let question = |client: failpoint_http::Client| {
        let request = request.clone();
        async move { client.events(&request).await }
    };
    for (_, stream) in servers.set.each(question).await {
        match stream {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                status = status.max(Status::of(&error));
                output.error(&message_of(&error));
            }
        }
    }
    (streams, status)
}

/// Merges the streams into one channel, which closes when the last stream has ended.
pub(crate) fn gather(streams: Vec<EventStream>) -> mpsc::Receiver<Heard> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    for mut stream in streams {
        let sender = sender.clone();
        tokio::spawn(async move {
            let address = stream.address().to_owned();
            loop {
                let received = stream.recv().await;
                let ended = received.is_err();
                if sender.send((address.clone(), received)).await.is_err() || ended {
                    return;
                }
            }
        });
    }
    receiver
}

fn line(servers: &Servers, address: &str, received: &Received) -> String {
    if servers.json {
        let mut value = match received {
            Received::Event(event) => json!(event),
            Received::Lost(lost) => json!({ "kind": "lost", "lost": lost }),
            _ => Value::Null,
        };
        if let (Value::Object(fields), true) = (&mut value, servers.are_several()) {
            fields.insert("address".into(), address.into());
        }
        return visible_json(value.to_string());
    }
    let text = match received {
        Received::Event(event) => in_words(event),
        Received::Lost(lost) => format!("{lost} events were lost because this reader was too slow"),
        _ => String::new(),
    };
    servers.prefix(address) + &visible(&text)
}

fn in_words(event: &Event) -> String {
    let Event { kind, name, terms, thread, context, time, .. } = event;
    let kind = kind.as_str();
    let terms = visible_terms(terms);
    let mut text = format!("{time} {kind:<8} {name} {terms}");
    if !thread.is_empty() {
        text += &format!(" on {thread}");
    }
    for (key, value) in context {
        text += &format!(" {key}={value}");
    }
    text
}
