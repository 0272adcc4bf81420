//! How does an agent serve testers on other machines? By routes of the control plane of
//! `failpoint-http`, which checks the token, the `Host` and the `Origin`, and logs each change.
//!
//! # The risk
//! An agent **runs the programs that it is told to run**, with its own rights. Anyone with the token can
//! do on this machine what the user of the agent can do. So run it as a user with few rights, give it a
//! token of its own, and let only the network of the test reach it: HTTP is not encrypted, and a token
//! can be read there. Without a token the agent listens on loopback only, where any user of the machine
//! can reach it.
//!
//! # One tester at a time
//! Two testers would start and stop each other's members, and each would blame its store. So the first
//! that declares a member has the agent until it kills all members, or has not asked for 15 seconds.
//! The next one finds no member. Others may look in the meantime, and are refused what changes something.
//!
//! # Files
//! The files of a member must be below the directory of the agent. That keeps a wrong configuration
//! from moving other files; it does not confine the programs.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use failpoint_http::ext::{ExtendError, Refusal, Reply, Route};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::embedded::Embedded;
use super::wire::{Added, LONGEST_WAIT, Lines, Listed, Operated, PIECE, PREFIX, TESTER};
use super::{Agent, AgentError, MemberFiles, Request};

/// The bytes of lines that go into one reply.
const LINES: usize = 1 << 20;

/// How long the agent stays when it is over.
const LAST_REPLY: Duration = Duration::from_millis(500);

/// A tester that has not asked for so long is gone: the requests for lines come more often.
const GONE: Duration = LONGEST_WAIT.saturating_add(Duration::from_secs(5));

/// An agent that testers on other machines ask.
#[derive(Debug)]
pub struct Served {
    agent: Embedded,
    runtime: Handle,
    owner: Mutex<Owner>,
    /// Held while a tester becomes the owner.
    change: Mutex<()>,
    /// All agents of members were stopped.
    over: Notify,
}

/// The tester whose members they are.
#[derive(Debug)]
struct Owner {
    /// What it calls itself.
    tester: String,
    /// When it asked last.
    asked: Instant,
    /// Whether another one may take the agent: it has no tester yet, or its members were killed.
    free: bool,
}

impl Served {
    /// Adds the routes of `agent` to the control plane of this process. They run on `runtime`, which has
    /// threads of its own.
    ///
    /// # Errors
    /// The process serves an agent already.
    pub fn extend(agent: Embedded, runtime: Handle) -> Result<Arc<Self>, ExtendError> {
        let owner = Owner { tester: String::new(), asked: Instant::now(), free: true };
        let (owner, change, over) = (Mutex::new(owner), Mutex::default(), Notify::new());
        let served = Arc::new(Self { agent, runtime, owner, change, over });
        failpoint_http::extend(PREFIX, routes(&served))?;
        Ok(served)
    }

    /// Returns when the agents of all members were stopped (`…_AND_STOP_AGENT`). Until then, it kills the
    /// members when no tester has asked for `limit`: the tester may be gone.
    pub async fn watch(&self, limit: Duration) {
        loop {
            let deadline = self.owner().asked + limit;
            tokio::select! {
                () = self.over.notified() => {
                    // The reply to the last operation is on its way.
                    tokio::time::sleep(LAST_REPLY).await;
                    return;
                }
                () = tokio::time::sleep_until(deadline) => {}
            }
            let deadline = self.owner().asked + limit;
            if deadline > Instant::now() {
                continue;
            }
            if self.agent.runs_any() {
                // A standard error that is closed is no reason to stop.
                let _ = writeln!(
                    io::stderr(),
                    "failpoint-agent: no tester has asked for {limit:?}; the members are killed"
                );
            }
            let _ = self.agent.stop_all().await;
            let mut owner = self.owner();
            (owner.asked, owner.free) = (Instant::now(), true);
        }
    }

    fn owner(&self) -> MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a tester asks.
    fn asked(&self, tester: &str) {
        let mut owner = self.owner();
        if owner.tester == tester {
            owner.asked = Instant::now();
        }
    }

    /// Whether a tester may change something.
    fn is_owner(&self, tester: &str) -> Result<(), Refusal> {
        let mut owner = self.owner();
        if owner.tester == tester {
            owner.free = false;
            return Ok(());
        }
        let seconds = owner.asked.elapsed().as_secs();
        Err(Refusal::new(
            409,
            format!(
                "another tester uses this agent; it asked {seconds} s ago. Wait for its end: the agent is \
                 free when it has not asked for {} s",
                GONE.as_secs()
            ),
        ))
    }

    /// Makes a tester the owner, if the agent is free. It finds no member of another one.
    fn own(&self, tester: &str) -> Result<(), Refusal> {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, free) = {
            let owner = self.owner();
            (owner.tester == tester, owner.free || owner.asked.elapsed() >= GONE)
        };
        if !known && free {
            let forgotten = self.runtime.block_on(self.agent.forget());
            forgotten.map_err(|error| refusal(500, error))?;
            *self.owner() = Owner { tester: tester.into(), asked: Instant::now(), free: false };
        }
        self.is_owner(tester)
    }
}

type Asked<'a> = &'a failpoint_http::ext::Request;

fn routes(served: &Arc<Served>) -> Vec<Route> {
    let handler = |handle: fn(&Served, Asked<'_>) -> Result<Reply, Refusal>| {
        let served = served.clone();
        move |request: Asked<'_>| {
            served.asked(tester(request));
            handle(&served, request)
        }
    };
    let member = "members/{member}";
    vec![
        Route::put(member, handler(add))
            .parameter(TESTER, ABOUT_TESTER)
            .about("Declares a member, with its files."),
        Route::get(member, handler(state))
            .parameter(TESTER, ABOUT_TESTER)
            .about("What the agent knows of the member."),
        Route::post("members/{member}/operate", handler(operate))
            .parameter(TESTER, ABOUT_TESTER)
            .about("Does an operation to the member: starts, stops or pauses it."),
        Route::get("members/{member}/ended", handler(ended))
            .parameter(TESTER, ABOUT_TESTER)
            .parameter("starts", "The number of the start whose process is to end.")
            .parameter("limit_ms", "How long to wait, in milliseconds; at most 10 s.")
            .about("Waits for the end of the member's process."),
        Route::get("members/{member}/log", handler(log))
            .parameter(TESTER, ABOUT_TESTER)
            .parameter("after", "The number of the last line that is known.")
            .parameter("limit_ms", "How long to wait, in milliseconds; at most 10 s.")
            .about("Waits for lines of the member's log."),
        Route::get("members/{member}/files", handler(files))
            .parameter(TESTER, ABOUT_TESTER)
            .about("The files of the member's data and log."),
        Route::get("members/{member}/file", handler(file))
            .parameter(TESTER, ABOUT_TESTER)
            .parameter("path", "Its path, as it is listed.")
            .parameter("offset", "How many bytes to leave out.")
            .about("A piece of such a file, at most 1 MiB."),
        Route::post("stop-all", handler(stop_all))
            .parameter(TESTER, ABOUT_TESTER)
            .about("Kills all members."),
    ]
}

/// What the parameter of all routes says.
const ABOUT_TESTER: &str = "What the tester calls itself; one at a time may change something.";

fn add(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    let files: MemberFiles = body(request)?;
    if files.name != name(request) {
        return Err(Refusal::new(422, "`name`: expected the name in the path"));
    }
    served.own(tester(request))?;
    served.runtime.block_on(served.agent.add(&files)).map_err(|error| refusal(422, error))?;
    let lines = served.agent.logs(&files.name).map_err(unknown)?.len();
    let directory = files.directory.display();
    Ok(json(&Added { lines })?.logged(format!("the member {} is in {directory}", files.name)))
}

fn state(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    json(&served.runtime.block_on(served.agent.state(name(request))).map_err(unknown)?)
}

fn operate(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    let member = name(request);
    let asked: Request = body(request)?;
    served.agent.logs(member).map_err(unknown)?;
    served.is_owner(tester(request))?;
    let what = asked.operation.name();
    match served.runtime.block_on(served.agent.operate(member, &asked)) {
        Ok(state) => {
            let logged = match &asked.start {
                Some(start) => format!("{what} of {member}: {start}"),
                None => format!("{what} of {member}"),
            };
            if served.agent.is_over() {
                served.over.notify_one();
            }
            Ok(json(&Operated::Done(state))?.logged(logged))
        }
        Err(error) => {
            let logged = format!("{what} of {member} failed: {}", error.message);
            Ok(json(&Operated::Failed(error.message))?.logged(logged))
        }
    }
}

fn ended(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    let (starts, limit) = (number(request, "starts")?, limit(request)?);
    let ended = served.agent.ended(name(request), starts, limit);
    let state = served.runtime.block_on(ended).map_err(|error| refusal(409, error))?;
    json(&state)
}

fn log(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    let logs = served.agent.logs(name(request)).map_err(unknown)?;
    let after: u64 = number(request, "after")?;
    let after = usize::try_from(after).unwrap_or(usize::MAX);
    let lines = logs.len();
    if lines < after {
        return json(&Lines { texts: Vec::new(), dropped: 0, last: 0 });
    }
    let limit = limit(request)?;
    // Every line contains it.
    let _ = served.runtime.block_on(logs.expect_after(after, "", 1, limit));
    let (mut texts, mut dropped, mut last, mut bytes) = (Vec::new(), 0, after, 0);
    for line in logs.lines_after(after) {
        bytes += line.text.len();
        if bytes > LINES && !texts.is_empty() {
            break;
        }
        dropped += line.number - last - 1;
        last = line.number;
        texts.push(line.text);
    }
    json(&Lines { texts, dropped, last })
}

fn files(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    let listed = served.agent.listed(name(request)).map_err(unknown)?;
    let listed: Vec<Listed> =
        listed.into_iter().map(|(path, _, size)| Listed { path, size }).collect();
    json(&listed)
}

fn file(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    let wanted = request.query("path").unwrap_or_default();
    let offset = number(request, "offset")?;
    // What is not listed is not served, so the path cannot lead elsewhere.
    let listed = served.agent.listed(name(request)).map_err(unknown)?;
    let Some((_, path, _)) = listed.into_iter().find(|(path, ..)| path == wanted) else {
        return Err(Refusal::new(404, format!("there is no file {wanted:?}")));
    };
    let piece = piece(&path, offset);
    let piece = piece.map_err(|error| Refusal::new(404, format!("{wanted:?}: {error}")))?;
    Ok(Reply::new("application/octet-stream", piece))
}

fn stop_all(served: &Served, request: Asked<'_>) -> Result<Reply, Refusal> {
    served.is_owner(tester(request))?;
    served.runtime.block_on(served.agent.stop_all()).map_err(|error| refusal(500, error))?;
    served.owner().free = true;
    Ok(Reply::done().logged("all members are killed"))
}

fn piece(path: &PathBuf, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut piece = Vec::new();
    file.take(PIECE as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

fn name<'a>(request: Asked<'a>) -> &'a str {
    request.segments().get(1).map_or("", String::as_str)
}

fn tester(request: Asked<'_>) -> &str {
    request.query(TESTER).unwrap_or_default()
}

fn body<T: DeserializeOwned>(request: Asked<'_>) -> Result<T, Refusal> {
    serde_json::from_slice(request.body())
        .map_err(|error| Refusal::new(422, format!("the body: {error}")))
}

fn number(request: Asked<'_>, name: &str) -> Result<u64, Refusal> {
    let text = request.query(name).unwrap_or("0");
    text.parse().map_err(|_| Refusal::new(400, format!("`{name}`: expected a number")))
}

fn limit(request: Asked<'_>) -> Result<Duration, Refusal> {
    Ok(Duration::from_millis(number(request, "limit_ms")?).min(LONGEST_WAIT))
}

fn json(value: &impl Serialize) -> Result<Reply, Refusal> {
    match serde_json::to_string(value) {
        Ok(json) => Ok(Reply::json(json)),
        Err(error) => Err(Refusal::new(500, error.to_string())),
    }
}

fn unknown(error: AgentError) -> Refusal {
    refusal(404, error)
}

fn refusal(status: u16, error: AgentError) -> Refusal {
    Refusal::new(status, error.message)
}
