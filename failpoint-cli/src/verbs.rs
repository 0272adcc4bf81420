//! The commands that are one request and one reply per server.

use crate::args::List;
use crate::ask;
use crate::output::{Output, counted, plural, visible, visible_terms};
use crate::report::section;
use crate::servers::Servers;
use crate::show;
use crate::status::{Failure, Status};
use failpoint_http::wire::{Point, Report, Reset, Resumed};
use failpoint_http::{ByAddress, Client, ClientError, Filter};
use serde::Serialize;
use std::future::Future;

pub(crate) async fn list(
    servers: &Servers,
    list: List,
    output: &mut Output,
) -> Result<Status, Failure> {
    let mut filter = Filter::new();
    if list.armed || list.idle {
        filter = filter.armed(list.armed);
    }
    if list.reached || list.unreached {
        filter = filter.reached(list.reached);
    }
    if let Some(glob) = list.glob {
        filter = filter.matching(glob);
    }
    let answers = servers
        .set
        .each(|client| {
            let filter = filter.clone();
            async move { ask::list(&client, &filter).await }
        })
        .await;
    let text = |points: &failpoint_http::wire::Points, output: &Output| {
        show::table(&points.points, output)
    };
    Ok(show::answers(servers, output, answers, text))
}

pub(crate) async fn get(
    servers: &Servers,
    names: Vec<String>,
    output: &mut Output,
) -> Result<Status, Failure> {
    let answers =
        each_name(servers, names, |client, name| async move { ask::get(&client, &name).await });
    let text = |points: &One<Point>, _: &Output| points.iter().map(in_full).collect();
    Ok(show::answers(servers, output, answers.await, text))
}

pub(crate) async fn disarm(
    servers: &Servers,
    names: Vec<String>,
    if_match: Option<u64>,
    output: &mut Output,
) -> Result<Status, Failure> {
    #[derive(Serialize)]
    struct Disarmed {
        name: String,
        was: Option<String>,
    }
    let answers = each_name(servers, names, move |client, name| async move {
        let was = ask::disarm(&client, &name, if_match).await?;
        Ok(Disarmed { name, was })
    });
    let line = |Disarmed { name, was }: &Disarmed| match was {
        Some(terms) => format!("disarmed {}: was {}\n", visible(name), visible_terms(terms)),
        None => format!("{} was idle\n", visible(name)),
    };
    let text = |points: &One<Disarmed>, _: &Output| points.iter().map(line).collect();
    Ok(show::answers(servers, output, answers.await, text))
}

pub(crate) async fn reset(servers: &Servers, output: &mut Output) -> Result<Status, Failure> {
    let answers = servers.set.each(|client| async move { ask::reset(&client).await }).await;
    let text = |reset: &Reset, _: &Output| {
        if reset.disarmed.is_empty() {
            return "nothing was armed\n".to_owned();
        }
        let line = |was: &failpoint_http::wire::WasArmed| {
            let (name, terms) = (visible(&was.name), visible_terms(&was.terms));
            let (hits, fires) = (plural(was.hits, "hit"), plural(was.fires, "fire"));
            format!("disarmed {name}: was {terms}, {hits}, {fires}\n")
        };
        reset.disarmed.iter().map(line).collect()
    };
    Ok(show::answers(servers, output, answers, text))
}

pub(crate) async fn resume(
    servers: &Servers,
    name: String,
    count: Option<u64>,
    output: &mut Output,
) -> Result<Status, Failure> {
    let answers = servers
        .set
        .each(|client| {
            let name = name.clone();
            async move {
                match count {
                    Some(count) => client.resume(&name, count).await,
                    None => client.resume_all(&name).await,
                }
            }
        })
        .await;
    let text = |resumed: &Resumed, _: &Output| {
        format!("{} resumed, {} still paused\n", resumed.resumed, resumed.paused)
    };
    Ok(show::answers(servers, output, answers, text))
}

pub(crate) async fn export(servers: &Servers, output: &mut Output) -> Result<Status, Failure> {
    #[derive(Serialize)]
    struct Export {
        failpoints: String,
    }
    let question = |client: Client| async move {
        ask::export(&client).await.map(|failpoints| Export { failpoints })
    };
    let answers = servers.set.each(question).await;
    // A shell reads this.
    let text = |export: &Export, output: &Output| output.for_a_program(&export.failpoints) + "\n";
    Ok(show::answers(servers, output, answers, text))
}

pub(crate) async fn report(servers: &Servers, output: &mut Output) -> Result<Status, Failure> {
    let answers = servers.set.each(|client| async move { client.report().await }).await;
    let text = |report: &Report, _: &Output| {
        let shared: Vec<String> = report
            .shared
            .iter()
            .map(|(name, packages)| format!("{name} ({})", packages.join(", ")))
            .collect();
        [
            ("never reached", &report.never_reached),
            ("armed and never fired", &report.never_fired),
            ("in the environment, but no code declares them", &report.pending),
            ("names that packages share", &shared),
        ]
        .iter()
        .map(|(title, names)| section(title, names))
        .collect()
    };
    Ok(show::answers(servers, output, answers, text))
}

/// The answers for several names. In JSON, one name gives the answer itself, not a list.
#[derive(Serialize)]
#[serde(untagged)]
enum One<T> {
    Alone(T),
    Several(Vec<T>),
}

impl<T> One<T> {
    fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            One::Alone(one) => std::slice::from_ref(one).iter(),
            One::Several(all) => all.iter(),
        }
    }
}

/// Asks for each name in turn, all servers in parallel. At a server, the first refusal ends it.
async fn each_name<T, F>(
    servers: &Servers,
    names: Vec<String>,
    question: impl Fn(Client, String) -> F + Clone + Send + 'static,
) -> ByAddress<One<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T, ClientError>> + Send + 'static,
{
    servers
        .set
        .each(|client| {
            let (names, question) = (names.clone(), question.clone());
            async move {
                let mut all = Vec::new();
                for name in names {
                    all.push(question(client.clone(), name).await?);
                }
                Ok(match <[T; 1]>::try_from(all) {
                    Ok([one]) => One::Alone(one),
                    Err(all) => One::Several(all),
                })
            }
        })
        .await
}

fn in_full(point: &Point) -> String {
    let mut text = visible(&point.name);
    match &point.terms {
        Some(terms) => text += &format!(": {}\n", visible_terms(terms)),
        None => text += ": idle\n",
    }
    if point.armed {
        text += &format!("  {}", counted(point.hits, point.fires, point.paused));
        if let Some(time) = &point.last_fire {
            text += &format!(", last fire {}", visible(time));
        }
        text.push('\n');
    }
    if let Some(accepts) = &point.accepts {
        text += &format!("  takes {}\n", visible(accepts));
    }
    text += &format!("  generation {}\n", point.generation);
    for site in &point.sites {
        let reached = if site.reached { "reached" } else { "not reached" };
        let (file, module) = (visible(&site.file), visible(&site.module));
        text += &format!("  {file}:{} in {module}, {}, {reached}", site.line, site.kind);
        if !site.keys.is_empty() {
            text += &format!(", passes {}", visible(&site.keys.join(", ")));
        }
        text.push('\n');
    }
    text
}
