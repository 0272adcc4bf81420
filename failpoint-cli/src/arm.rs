//! `failpoint arm`: one point, several points, or all that match a glob.

use crate::args::Arm;
use crate::output::{Output, visible, visible_terms};
use crate::servers::Servers;
use crate::show;
use crate::status::{Failure, Status};
use failpoint_http::{Arming, Armings, ClientError, RemoteArmed};
use serde_json::{Map, Value, json};

/// The arguments of `arm`, parsed.
enum ArmRequest {
    One { name: String, terms: String },
    Several(Vec<(String, String)>),
    Matching { glob: String, terms: String },
}

pub(crate) async fn arm(
    servers: &Servers,
    arm: Arm,
    output: &mut Output,
) -> Result<Status, Failure> {
    let request = ArmRequest::of(&arm)?;
    let armed = match &request {
        ArmRequest::One { name, terms } => servers.set.arm(name, arming(terms, &arm)).await,
        ArmRequest::Several(points) => servers.set.arm_all(armings(points, &arm)).await,
        ArmRequest::Matching { glob, terms } => {
            servers.set.arm_matching(glob, arming(terms, &arm)).await
        }
    };
    match armed {
        Ok(guards) => {
            show(servers, &guards, &arm, output);
            guards.into_iter().for_each(RemoteArmed::keep);
            Ok(Status::Done)
        }
        Err(ClientError::OnlyGofail { .. }) => on_gofail(servers, &request, &arm, output).await,
        Err(error) => Err(error.into()),
    }
}

impl ArmRequest {
    fn of(arm: &Arm) -> Result<Self, Failure> {
        let what = arm.what.as_slice();
        if let Some(glob) = &arm.glob {
            return match what {
                [terms] => Ok(ArmRequest::Matching { glob: glob.clone(), terms: terms.clone() }),
                _ => Err(Failure::usage(
                    "with --match, write the terms alone: arm --match GLOB TERMS",
                )),
            };
        }
        if let [name, terms] = what {
            if !name.contains('=') {
                return Ok(ArmRequest::One { name: name.clone(), terms: terms.clone() });
            }
        }
        let mut pairs = Vec::new();
        for pair in what {
            let (name, terms) = pair.split_once('=').ok_or_else(|| no_pair(pair, what))?;
            if pairs.iter().any(|(known, _)| known == name) {
                return Err(Failure::usage(format!("`{}` is given twice", name.escape_debug())));
            }
            pairs.push((name.to_owned(), terms.to_owned()));
        }
        Ok(match <[_; 1]>::try_from(pairs) {
            Ok([(name, terms)]) => ArmRequest::One { name, terms },
            Err(pairs) => ArmRequest::Several(pairs),
        })
    }
}

/// The likely slip is that a shell split the terms.
fn no_pair(pair: &str, what: &[String]) -> Failure {
    let pair = pair.escape_debug();
    Failure::usage(match what {
        [name, terms @ ..] if terms.len() > 1 && what.iter().all(|word| !word.contains('=')) => {
            let (name, terms) = (name.escape_debug(), terms.join(" "));
            format!("put the terms in quotes, as one argument: arm {name} '{}'", visible(&terms))
        }
        _ => format!(
            "`{pair}` is not of the form NAME=TERMS; write arm NAME TERMS, or arm NAME=TERMS …"
        ),
    })
}

fn arming(terms: &str, arm: &Arm) -> Arming {
    let mut arming = Arming::new(terms);
    if let Some(ttl) = arm.ttl {
        arming = arming.ttl(ttl);
    }
    if arm.unlisted {
        arming = arming.unlisted();
    }
    if let Some(generation) = arm.if_match {
        arming = arming.if_match(generation);
    }
    arming
}

fn armings(points: &[(String, String)], arm: &Arm) -> Armings {
    let mut armings: Armings = points.iter().cloned().collect();
    if let Some(ttl) = arm.ttl {
        armings = armings.ttl(ttl);
    }
    if arm.unlisted {
        armings = armings.unlisted();
    }
    if let Some(revision) = arm.if_match {
        armings = armings.if_match(revision);
    }
    armings
}

fn show(servers: &Servers, guards: &[RemoteArmed], arm: &Arm, output: &mut Output) {
    if servers.json {
        let mut by_address = Map::new();
        for guard in guards {
            let entry = by_address.entry(guard.address()).or_insert_with(|| json!([]));
            if let Value::Array(points) = entry {
                points.push(json!(guard.point()));
            }
        }
        return show::as_json(servers, output, by_address);
    }
    for guard in guards {
        let terms = visible_terms(guard.point().terms.as_deref().unwrap_or_default());
        let ttl = arm.ttl.map(|ttl| format!(" for {ttl:?}")).unwrap_or_default();
        let generation = guard.generation();
        let prefix = servers.prefix(guard.address());
        let name = visible(guard.name());
        output.line(&format!("{prefix}armed {name}: {terms}{ttl} (generation {generation})"));
        if let Some(note) = guard.note() {
            output.line(&format!("{prefix}note: {}", visible(note)));
        }
    }
}

/// Arms on a gofail in Go, which takes terms but no conditions.
async fn on_gofail(
    servers: &Servers,
    request: &ArmRequest,
    arm: &Arm,
    output: &mut Output,
) -> Result<Status, Failure> {
    if arm.ttl.is_some() || arm.unlisted || arm.if_match.is_some() || servers.are_several() {
        let why = "this server uses gofail in Go: --ttl, --unlisted, --match, --if-match and \
                   several servers at once are not supported";
        return Err(Failure::new(Status::Refused, why));
    }
    let points = match request {
        ArmRequest::One { name, terms } => vec![(name.clone(), terms.clone())],
        ArmRequest::Several(points) => points.clone(),
        ArmRequest::Matching { .. } => {
            return Err(Failure::new(
                Status::Refused,
                "this server uses gofail in Go: --match is not supported",
            ));
        }
    };
    for client in servers.set.clients() {
        let config: Vec<String> =
            points.iter().map(|(name, terms)| format!("{name}={terms}")).collect();
        match points.as_slice() {
            [(name, terms)] => client.gofail().arm(name, terms).await?,
            _ => client.gofail().arm_all(&config.join(";")).await?,
        }
    }
    for (name, terms) in points {
        output.line(&format!("armed {}: {}", visible(&name), visible_terms(&terms)));
    }
    Ok(Status::Done)
}
