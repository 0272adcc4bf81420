//! Tests the client against the control plane of this process. Each test uses its own names of
//! points.
#![cfg(all(feature = "client", feature = "failpoints"))]

use failpoint::{fail_point, fail_value};
use failpoint_http::wire::{EventKind, Outcome};
use failpoint_http::{
    Arming, Armings, Client, ClientError, Control, Events, Filter, Received, Wait,
};
use failpoint_test_support::{PATIENCE, own_loopback, until};
use std::time::{Duration, Instant};

/// A guard that is dropped waits for its DELETE, but no longer than this.
const DROP_LIMIT: Duration = Duration::from_secs(1);

fn served() -> (Control, Client) {
    serve_at("127.0.0.1:0")
}

fn serve_at(address: &str) -> (Control, Client) {
    let control = failpoint_http::serve(address).unwrap();
    let address = control.address().unwrap().to_string();
    (control, Client::builder(&address).timeout(PATIENCE).build().unwrap())
}

/// Whether the drop of `guard` came back because its DELETE was answered.
fn drop_disarms<T>(guard: T) -> bool {
    let start = Instant::now();
    drop(guard);
    start.elapsed() < DROP_LIMIT
}

/// Drops `guard`, and waits until the point `name` is idle.
fn drop_and_wait<T>(guard: T, name: &str) {
    drop(guard);
    until("it is idle", || failpoint::point(name).unwrap().terms.is_none());
}

#[tokio::test]
async fn a_point_from_idle_to_armed_to_idle() {
    fn pass() -> Option<u64> {
        fail_value!("client/one", u64)
    }
    let (_control, client) = served();
    pass();
    let idle = client.get("client/one").await.unwrap();
    assert_eq!((idle.armed, idle.terms, idle.accepts.as_deref()), (false, None, Some("u64")));

    let armed = client.arm("client/one", "2*return(7)").await.unwrap();
    assert_eq!((armed.name(), armed.note()), ("client/one", None));
    assert_eq!(armed.point().terms.as_deref(), Some("2*return(7)"));
    assert!(armed.generation() > idle.generation);
    assert_eq!([pass(), pass(), pass()], [Some(7), Some(7), None]);
    assert_eq!((armed.hits().await.unwrap(), armed.fires().await.unwrap()), (3, 2));
    assert_eq!(armed.paused().await.unwrap(), 0);

    let listed = client.list_where(&Filter::new().armed(true).matching("client/on*")).await;
    let listed = listed.unwrap().points;
    assert_eq!(listed, [client.get("client/one").await.unwrap()]);
    assert_eq!(listed[0].hits, 3);
    assert!(client.list().await.unwrap().points.len() >= listed.len());
    assert!(client.export().await.unwrap().split(';').any(|one| one == "client/one=2*return(7)"));

    assert!(armed.disarm().await.unwrap());
    let changed = client.disarm("client/one").await.unwrap();
    assert_eq!((changed.was, changed.point.armed), (None, false));
    assert_eq!(pass(), None);
}

#[tokio::test]
async fn what_a_server_tells_of_itself() {
    let (_control, client) = served();
    client.healthz().await.unwrap();
    let info = client.info().await.unwrap();
    assert_eq!((info.pid, info.compiled_in), (std::process::id(), true));
    fn never() {
        fail_point!("client/never-reached");
    }
    let _ = never as fn();
    let report = client.report().await.unwrap();
    assert!(report.never_reached.iter().any(|name| name == "client/never-reached"));
}

#[tokio::test]
async fn a_guard_ends_the_arming_that_it_made_and_no_other() {
    fn declared() {
        fail_point!("client/guard");
    }
    declared();
    let (_control, client) = served();
    let terms = async || client.get("client/guard").await.unwrap().terms;

    let armed = client.arm("client/guard", "off").await.unwrap();
    if drop_disarms(armed) {
        assert_eq!(terms().await, None, "when the drop is over the point is idle");
    }

    client.arm("client/guard", "off").await.unwrap().keep();
    assert_eq!(terms().await.as_deref(), Some("off"));

    let first = client.arm("client/guard", "1*off").await.unwrap();
    let second = client.arm("client/guard", "2*off").await.unwrap();
    assert!(matches!(first.hits().await, Err(ClientError::Disarmed { .. })));
    drop(first);
    assert_eq!(terms().await.as_deref(), Some("2*off"));
    let third = client.arm("client/guard", "3*off").await.unwrap();
    assert!(!second.disarm().await.unwrap(), "it was over");
    assert_eq!(terms().await.as_deref(), Some("3*off"));
    client.disarm("client/guard").await.unwrap();
    assert!(!third.disarm().await.unwrap());
}

#[test]
fn a_guard_that_outlives_its_runtime_disarms() {
    fn declared() {
        fail_point!("client/outlives");
    }
    declared();
    let (_control, client) = served();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let armed = runtime.block_on(client.arm("client/outlives", "off")).unwrap();
    drop(runtime);
    assert!(failpoint::point("client/outlives").unwrap().terms.is_some());
    if drop_disarms(armed) {
        assert_eq!(failpoint::point("client/outlives").unwrap().terms, None);
    }
}

#[tokio::test]
async fn conditions() {
    fn declared() {
        fail_point!("client/conditions");
    }
    declared();
    let (_control, client) = served();
    let name = "client/conditions";

    let armed = client.arm(name, Arming::new("off").ttl(Duration::from_millis(1))).await.unwrap();
    let wait = Wait::hits(1).since(armed.generation()).timeout(PATIENCE);
    assert_eq!(client.wait(name, wait).await.unwrap().outcome, Outcome::Disarmed);
    assert!(!armed.disarm().await.unwrap());

    let unlisted = client.arm("client/nobody", "off").await.unwrap_err();
    assert!(unlisted.is_refused_as("unknown-point"), "{unlisted}");
    let unlisted = client.arm("client/nobody", Arming::new("off").unlisted()).await.unwrap();
    assert!(unlisted.disarm().await.unwrap());

    let now = client.get(name).await.unwrap().generation;
    let armed = client.arm(name, Arming::new("off").if_match(now)).await.unwrap();
    let stale = client.arm(name, Arming::new("panic").if_match(now)).await.unwrap_err();
    assert!(stale.is_refused_as("stale"), "{stale}");
    let stale = client.disarm_if(name, now).await.unwrap_err();
    assert!(stale.is_refused_as("stale"), "{stale}");
    let changed = client.disarm_if(name, armed.generation()).await.unwrap();
    assert_eq!(changed.was.as_deref(), Some("off"));
    armed.keep();
}

#[tokio::test]
async fn several_at_once_are_all_armed_or_none() {
    fn declared() {
        fail_point!("client/several-a");
        fail_point!("client/several-b");
    }
    declared();
    let (_control, client) = served();
    let armed = client.arm_all([("client/several-b", "1*off"), ("client/several-a", "off")]).await;
    let armed = armed.unwrap();
    assert_eq!(
        armed.iter().map(|one| one.name()).collect::<Vec<_>>(),
        ["client/several-a", "client/several-b"]
    );
    drop_and_wait(armed, "client/several-b");

    let armings = Armings::from([("client/several-a", "slep(1)"), ("client/several-c", "off")])
        .with("client/several-b", "off");
    let error = client.arm_all(armings).await.unwrap_err();
    assert!(error.is_refused_as("several"), "{error}");
    let told = error.to_string();
    assert!(told.contains("slep(1)\n") && told.contains("^ at byte 0"), "{told}");
    assert!(told.contains("client/several-c") && told.contains("nearest"), "{told}");
    assert!(!client.get("client/several-b").await.unwrap().armed, "nothing was changed");

    let armed = client.arm_matching("client/several-*", "off").await.unwrap();
    assert_eq!(armed.len(), 2);
    let none = client.arm_matching("client/no-such-*", "off").await.unwrap_err();
    assert!(none.is_refused_as("no-match"), "{none}");
    let unlisted = Armings::from([("client/several-new", "off")]).unlisted();
    assert_eq!(client.arm_all(unlisted).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_shows_the_place_and_the_nearest() {
    fn declared() {
        fail_point!("client/refusals");
    }
    declared();
    let (_control, client) = served();
    let error = client.arm("client/refusals", "off->slep(1)").await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!((problem.status, problem.offset), (422, Some(5)));
    let told = format!("{error:?}");
    assert!(told.contains("  off->slep(1)\n") && told.contains("     ^ at byte 5"), "{told}");

    let told = client.arm("client/refusal", "off").await.unwrap_err().to_string();
    assert!(told.contains("`client/refusals`"), "{told}");
    for name in ["a b", "client/?x=1", "é", ""] {
        let refused = client.arm(name, Arming::new("off").unlisted()).await;
        assert!(matches!(refused, Err(ClientError::Refused { .. })), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn gofails_rows() {
    fn pass() {
        fail_point!("client/gofail-a");
        fail_point!("client/gofail-b");
    }
    pass();
    let (_control, client) = served();
    let gofail = client.gofail();
    assert_eq!(gofail.get("client/gofail-a").await.unwrap(), None);
    assert_eq!(gofail.count("client/gofail-a").await.unwrap(), None);
    assert!(!gofail.disarm("client/gofail-a").await.unwrap());

    gofail.arm("client/gofail-a", "1*off->print(\"=\")").await.unwrap();
    pass();
    let terms = Some("1*off->print(\"=\")".to_owned());
    assert_eq!(gofail.get("client/gofail-a").await.unwrap(), terms);
    assert_eq!(gofail.count("client/gofail-a").await.unwrap(), Some(1));
    let all = gofail.list().await.unwrap();
    assert_eq!((&all["client/gofail-a"], &all["client/gofail-b"]), (&terms, &None));

    gofail.arm_all("client/gofail-a=off;client/gofail-b=2*off").await.unwrap();
    assert!(gofail.disarm("client/gofail-a").await.unwrap());
    assert!(gofail.disarm("client/gofail-b").await.unwrap());
    for refused in [
        gofail.arm("client/gofail-a", "slep").await.map(|()| false),
        gofail.arm_all("client/gofail-x=off").await.map(|()| false),
        gofail.disarm("client/gofail-x").await,
    ] {
        let problem = refused.unwrap_err();
        assert!(problem.to_string().contains("failpoint"), "{problem}");
        assert_eq!(problem.problem().map(|problem| problem.status), Some(400));
    }
}

#[tokio::test]
async fn on_a_servers_own_router() {
    fn declared() {
        fail_point!("client/mounted");
    }
    declared();
    let app = failpoint_http::mount(axum::Router::new(), "/fail");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/fail", listener.local_addr().unwrap());
    // A runtime of its own, as in a server: a dropped guard holds up that of the test.
    let listener = listener.into_std().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    let client = Client::new(&address).unwrap();
    assert_eq!(client.address(), address);
    drop_and_wait(client.arm("client/mounted", "off").await.unwrap(), "client/mounted");
    assert_eq!(client.gofail().get("client/mounted").await.unwrap(), None);
    assert!(!client.gofail().list().await.unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn by_a_unix_socket() {
    fn declared() {
        fail_point!("client/unix");
    }
    declared();
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}?mode=0660", directory.path().join("fail").display());
    let control = failpoint_http::serve(&address).unwrap();
    let client = Client::new(&address).unwrap();
    assert_eq!(client.address(), control.address().unwrap().to_string());
    let armed = client.arm("client/unix", "off").await.unwrap();
    assert!(armed.disarm().await.unwrap());
    drop(control);
    let gone = client.list().await.unwrap_err();
    assert!(matches!(gone, ClientError::NotReachable { .. }), "{gone}");
}

#[tokio::test]
async fn waits() {
    fn pass() {
        fail_point!("client/waits");
    }
    pass();
    let (_control, client) = served();
    let name = "client/waits";
    let armed = client.arm(name, "pause").await.unwrap();
    let short = Duration::from_millis(1);
    match armed.wait_paused(1, short).await.unwrap_err() {
        ClientError::TimedOut { counts, .. } => {
            assert_eq!((counts.name.as_str(), counts.hits), (name, 0))
        }
        other => panic!("{other}"),
    }
    let callers: Vec<_> = (0..3).map(|_| std::thread::spawn(pass)).collect();
    assert_eq!(armed.wait_paused(3, PATIENCE).await.unwrap().paused, 3);
    assert_eq!(armed.wait_hits(3, PATIENCE).await.unwrap().hits, 3);
    assert_eq!(armed.wait_fires(1, PATIENCE).await.unwrap().fires, 3);
    let waited = client.wait(name, Wait::paused(3).since(armed.generation())).await.unwrap();
    assert_eq!(waited.outcome, Outcome::Reached);

    let resumed = armed.resume(1).await.unwrap();
    assert_eq!((resumed.resumed, resumed.paused), (1, 2));
    assert_eq!(client.resume(name, 1).await.unwrap().resumed, 1);
    assert_eq!(client.resume_all(name).await.unwrap().resumed, 1);
    callers.into_iter().for_each(|caller| caller.join().unwrap());

    let wait = armed.wait_hits(4, PATIENCE);
    let ended = async { client.disarm(name).await.unwrap() };
    let (waited, _) = tokio::join!(wait, ended);
    assert!(matches!(waited, Err(ClientError::Disarmed { .. })), "{waited:?}");
}

#[tokio::test]
async fn an_idle_point_is_waited_for_until_it_is_armed() {
    fn pass() {
        fail_point!("client/idle");
    }
    pass();
    let (_control, client) = served();
    let waiting = client.wait("client/idle", Wait::hits(1).timeout(PATIENCE));
    let arming = async {
        let armed = client.arm("client/idle", "off").await.unwrap();
        pass();
        armed
    };
    let (waited, armed) = tokio::join!(waiting, arming);
    let waited = waited.unwrap();
    assert_eq!((waited.outcome, waited.counts.generation), (Outcome::Reached, armed.generation()));
    let refused = client.wait("client/idle", Wait::hits(1).since(u64::MAX)).await.unwrap_err();
    assert!(refused.is_refused_as("bad-request"), "{refused}");
    let refused = client.wait("client/nobody", Wait::hits(1)).await.unwrap_err();
    assert!(refused.is_refused_as("unknown-point"), "{refused}");
}

#[tokio::test]
async fn events_as_they_come() {
    fn pass(term: u64) {
        fail_point!("client/events", term = term);
        fail_point!("client/events-not");
    }
    pass(0);
    let (control, client) = served();
    let mut events = client.events(&Events::matching("client/events")).await.unwrap();
    let armed = client.arm("client/events", "1*off->1*print(\"x\")").await.unwrap();
    let _not = client.arm("client/events-not", "off").await.unwrap();
    (1..4).for_each(pass);
    assert!(armed.disarm().await.unwrap());
    let mut kinds = Vec::new();
    while kinds.last() != Some(&EventKind::Disarmed) {
        let Received::Event(event) = events.recv().await.unwrap() else { panic!("lost") };
        assert_eq!(event.name, "client/events");
        if event.kind == EventKind::Fired {
            assert_eq!(event.context["term"], kinds.len().to_string());
        }
        kinds.push(event.kind);
    }
    let [armed, fired, disarmed] = [EventKind::Armed, EventKind::Fired, EventKind::Disarmed];
    assert_eq!(kinds, [armed, fired, fired, disarmed]);

    let only = Events::matching("client/events").kinds([EventKind::Disarmed]);
    let mut only = client.events(&only).await.unwrap();
    drop(client.arm("client/events", "off").await.unwrap());
    let received = only.recv().await.unwrap();
    assert!(matches!(received, Received::Event(event) if event.kind == disarmed));

    drop(control);
    let ended = only.recv().await.unwrap_err();
    assert!(matches!(ended, ClientError::NotReachable { .. }), "{ended}");
}

#[tokio::test]
async fn metrics() {
    fn declared() {
        fail_point!("client/metrics");
    }
    let (_control, client) = served();
    let _armed = client.arm("client/metrics", "off").await.unwrap();
    declared();
    let text = client.metrics().await.unwrap();
    assert!(text.contains("failpoint_hits_total{point=\"client/metrics\"} 1\n"), "{text}");
}

#[tokio::test]
async fn a_server_that_was_started_again() {
    fn declared() {
        fail_point!("client/again");
    }
    declared();
    // No other test takes the port between two servers.
    let (control, client) = serve_at(&own_loopback());
    let address = control.address().unwrap().to_string();
    let mut running = control;
    for _ in 0..20 {
        // The connection that is kept alive ends with its server, and is not asked again.
        assert!(client.arm("client/again", "off").await.unwrap().disarm().await.unwrap());
        drop(running);
        running = failpoint_http::serve(&address).unwrap();
    }
}
