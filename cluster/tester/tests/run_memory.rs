//! A run over a store in memory: what passes, what is found, and how it ends.

mod support {
    pub(crate) mod fake_agent;
    pub(crate) mod memory;
}

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use failpoint_tester::cases::Case;
use failpoint_tester::checks::Check;
use failpoint_tester::clock::Clock;
use failpoint_tester::config::{Config, parse};
use failpoint_tester::report::collect::Collector;
use failpoint_tester::report::event::{Event, Observer};
use failpoint_tester::report::files::Directory;
use failpoint_tester::report::model::Outcome;
use failpoint_tester::run::{Ended, Options, Subject, Why, run};
use support::fake_agent::{FakeAgent, Fault, Managed};
use support::memory::{Memory, Reach};
use tokio::sync::oneshot;

/// A configuration whose cases take no longer than they have to.
fn config(cases: &str) -> Config {
    let text = format!(
        "driver: etcd
cases: [{cases}]
checks: [KV_HASH, ORDER, WATCH, SOME_SUCCEEDED]
limits: {{ fault: 10ms, request: 200ms, heal: 5s }}
load: {{ clients: 4, rate: 2000, runners: [] }}
"
    );
    parse(&text, "test.yaml".as_ref()).expect("the text is right")
}

struct Stage {
    agent: Arc<FakeAgent>,
    ended: Ended,
}

async fn run_with(
    config: Config,
    fault: Fault,
    options: Options,
    observers: Vec<Box<dyn Observer>>,
    interrupt: impl Future<Output = ()>,
) -> Stage {
    run_on(&Memory::new(3), config, fault, options, observers, interrupt).await
}

async fn run_on(
    memory: &Memory,
    config: Config,
    fault: Fault,
    options: Options,
    observers: Vec<Box<dyn Observer>>,
    interrupt: impl Future<Output = ()>,
) -> Stage {
    run_changing(memory, config, fault, options, observers, interrupt, None).await
}

/// The same for a store whose members can be removed, and added while `changes` is set.
async fn run_changing(
    memory: &Memory,
    config: Config,
    fault: Fault,
    options: Options,
    observers: Vec<Box<dyn Observer>>,
    interrupt: impl Future<Output = ()>,
    changes: Option<Arc<AtomicBool>>,
) -> Stage {
    let agent = FakeAgent::new(memory, fault);
    let clock = Clock::start();
    let subject = Subject {
        driver: Arc::new(Managed { driver: memory.driver(), changes }),
        agents: (0..3).map(|_| agent.clone() as _).collect(),
        clock,
    };
    let collector = Collector::new(clock, String::new());
    let ended = run(config, options, subject, collector, observers, interrupt).await;
    Stage { agent, ended }
}

fn once() -> Options {
    Options { seed: 7, rounds: Some(1), ..Options::default() }
}

async fn run_once(cases: &str, fault: Fault) -> Stage {
    run_alone(config(cases), fault, once()).await
}

/// A run that is neither observed nor interrupted.
async fn run_alone(config: Config, fault: Fault, options: Options) -> Stage {
    run_with(config, fault, options, Vec::new(), std::future::pending()).await
}

#[tokio::test]
async fn a_correct_store_passes_every_case() {
    let cases = "SIGTERM_ONE_FOLLOWER, SIGTERM_LEADER, SIGTERM_QUORUM, SIGTERM_ALL, \
                 SIGKILL_LEADER, PAUSE_ONE_FOLLOWER, PAUSE_QUORUM, \
                 NO_FAIL_WITH_STRESS, NO_FAIL_WITH_NO_STRESS_FOR_LIVENESS";
    let Stage { agent, ended } = run_once(cases, Fault::None).await;
    let summary = &ended.report.summary;
    assert_eq!(summary.verdict, Some(Outcome::Passed), "{:?}", summary.first_failure);
    assert_eq!((ended.status(), ended.why), (0, None));
    assert_eq!((summary.cases, summary.failed), (9, 0));
    // One for each member: 1, 1, 2, 3, 1, 1, 2.
    assert_eq!(summary.injections, 11);
    for case in &ended.report.cases {
        for injection in &case.injections {
            assert!(injection.felt.is_some(), "{}: {injection:?} was not felt", case.case);
        }
        // Without load there is no rate before.
        let Some([before, _, after]) = case.rates else {
            assert_eq!(case.case, "NO_FAIL_WITH_NO_STRESS_FOR_LIVENESS");
            continue;
        };
        assert!(before >= 5.0 && after >= 5.0, "{}: {:?}", case.case, case.rates);
    }
    assert_eq!(agent.running(), 0);
}

#[tokio::test]
async fn a_fault_that_is_not_felt_fails_the_case() {
    for case in ["SIGTERM_ONE_FOLLOWER", "PAUSE_LEADER"] {
        let Stage { ended, .. } = run_once(case, Fault::DoesNotStop).await;
        assert_eq!(ended.status(), 3);
        let [found] = &ended.report.cases[..] else { panic!("one case was run") };
        assert_eq!(found.outcome, Outcome::Failed);
        let reason = found.reason.as_deref().unwrap_or_default();
        assert!(reason.contains("still runs") || reason.contains("answers although"), "{reason}");
        assert_eq!(found.injections.len(), 1);
        assert_eq!(found.injections[0].felt, None);
    }
}

#[tokio::test]
async fn a_fault_that_does_not_heal_fails_the_case() {
    let mut config = config("SIGTERM_LEADER, SIGTERM_ALL");
    config.shuffle = false;
    config.limits.heal = Duration::from_millis(300);
    let Stage { ended, agent } = run_alone(config, Fault::DoesNotHeal, once()).await;
    assert_eq!(ended.status(), 3);
    let [found] = &ended.report.cases[..] else { panic!("no case is run on a broken cluster") };
    let reason = found.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("not healthy after 0.3 s"), "{reason}");
    assert_eq!(agent.running(), 0);
}

/// Lets members be added when the first case has ended.
struct Allow(Arc<AtomicBool>);

impl Observer for Allow {
    fn on(&mut self, event: &Event<'_>) {
        if let Event::CaseEnded(_) = event {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_member_that_a_failed_case_left_outside_joins_again() {
    let mut config = config("PAUSE_LEADER");
    let case = |name: &str| Case::named(name).expect("there is such a case");
    config.cases = ["SIGQUIT_AND_REMOVE_ONE_FOLLOWER", "PAUSE_ONE_FOLLOWER"].map(case).to_vec();
    config.shuffle = false;
    config.limits.heal = Duration::from_millis(500);
    let changes = Arc::new(AtomicBool::new(false));
    let observers: Vec<Box<dyn Observer>> = vec![Box::new(Allow(changes.clone()))];
    let (memory, pending) = (Memory::new(3), std::future::pending());
    let changes = Some(changes);
    let Stage { ended, agent } =
        run_changing(&memory, config, Fault::None, once(), observers, pending, changes).await;
    let outcomes: Vec<Outcome> = ended.report.cases.iter().map(|case| case.outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Passed], "{:#?}", ended.report.cases);
    let reason = ended.report.cases[0].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("no member is added"), "{reason}");
    // The others were not started again.
    let mut starts = agent.starts();
    starts.sort_unstable();
    assert_eq!(starts, [1, 1, 2]);
}

#[tokio::test]
async fn an_agent_that_dies_ends_the_run_and_the_report_is_there() {
    let Stage { ended, .. } = run_once("SIGKILL_LEADER", Fault::Dies).await;
    assert_eq!(ended.status(), 1);
    let Some(Why::Setup(why)) = &ended.why else { panic!("{:?}", ended.why) };
    assert!(why.contains("the agent does not answer"), "{why}");
    let [case] = &ended.report.cases[..] else { panic!("the case was begun") };
    assert_eq!(case.outcome, Outcome::Interrupted);
}

#[tokio::test]
async fn a_member_that_is_not_started_ends_the_run() {
    let Stage { ended, .. } = run_once("SIGKILL_LEADER", Fault::DoesNotStart).await;
    assert_eq!(ended.status(), 1);
    let Some(Why::Setup(why)) = &ended.why else { panic!("{:?}", ended.why) };
    assert!(why.contains("`etcd` is not there"), "{why}");
    assert_eq!(ended.report.summary.verdict, Some(Outcome::SetupFailed));
    // A script that reads only the summary is told, too.
    assert_eq!(ended.report.summary.first_failure, Some(format!("the run cannot go on: {why}")));
}

#[tokio::test]
async fn a_pattern_of_the_configuration_is_found_in_lines_that_are_long_gone() {
    let mut config = config("SIGTERM_LEADER");
    config.checks = vec![Check::Logs];
    config.log_patterns = vec!["quota exceeded".to_owned()];
    let Stage { ended, .. } = run_alone(config, Fault::LogsQuota, once()).await;
    let [check] = &ended.report.checks[..] else { panic!("{:#?}", ended.report.checks) };
    assert_eq!((check.check, check.outcome), (Check::Logs, Outcome::Failed), "{}", check.message);
    assert!(check.message.contains("quota exceeded"), "{}", check.message);
}

/// Makes a member unreachable at the end of a round.
struct Unreachable(Memory);

impl Observer for Unreachable {
    fn on(&mut self, event: &Event<'_>) {
        if matches!(event, Event::Step("ending the round")) {
            self.0.reach(0, Reach::Refused);
        }
    }
}

#[tokio::test]
async fn a_round_is_judged_even_if_its_last_write_fails() {
    let mut config = config("NO_FAIL_WITH_STRESS");
    config.limits.heal = Duration::from_millis(300);
    let memory = Memory::new(3);
    let observers: Vec<Box<dyn Observer>> = vec![Box::new(Unreachable(memory.clone()))];
    let pending = std::future::pending();
    let Stage { ended, .. } =
        run_on(&memory, config, Fault::None, once(), observers, pending).await;
    assert_eq!(ended.status(), 3);
    let Some(Why::Subject(why)) = &ended.why else { panic!("{:?}", ended.why) };
    assert!(why.contains("no write through m1 succeeds"), "{why}");
    let order = ended.report.checks.iter().find(|check| check.check == Check::Order);
    let order = order.expect("the round is judged");
    assert_eq!(order.outcome, Outcome::NotDecided);
    assert!(order.message.contains("no write through m1 succeeds"), "{}", order.message);
}

/// Fires at an event, by its number.
struct At {
    left: usize,
    fire: Mutex<Option<oneshot::Sender<()>>>,
}

impl Observer for At {
    fn on(&mut self, _event: &Event<'_>) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0
            && let Ok(mut fire) = self.fire.lock()
            && let Some(fire) = fire.take()
        {
            // The run may have ended.
            let _ = fire.send(());
        }
    }
}

/// A run that is interrupted at this event. `None`: there were not that many.
async fn interrupted_at(event: usize) -> Option<Why> {
    let (fire, fired) = oneshot::channel();
    let observer = Box::new(At { left: event, fire: Mutex::new(Some(fire)) });
    let interrupt = async {
        if fired.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let mut config = config("SIGTERM_LEADER, PAUSE_QUORUM");
    config.load.rate = 100;
    let options = Options { rounds: Some(2), ..once() };
    let Stage { ended, agent } =
        run_with(config, Fault::None, options, vec![observer], interrupt).await;
    assert_eq!(agent.running(), 0, "interrupted at event {event}");
    let verdict = ended.report.summary.verdict;
    match &ended.why {
        None => assert_eq!(verdict, Some(Outcome::Passed)),
        Some(_) => {
            assert_eq!(ended.status(), 130);
            assert_eq!(verdict, Some(Outcome::Interrupted));
        }
    }
    ended.why
}

#[tokio::test]
async fn an_interrupt_at_any_event_ends_the_run_at_once() {
    let mut runs = tokio::task::JoinSet::new();
    for event in 1..=30 {
        runs.spawn(async move { (event, interrupted_at(event).await) });
    }
    for (event, why) in runs.join_all().await {
        assert!(matches!(why, Some(Why::Interrupted { .. })), "event {event}: {why:?}");
    }
}

#[tokio::test]
async fn the_time_ends_a_run_without_an_end() {
    let options = Options { rounds: None, time: Some(Duration::from_millis(1_500)), ..once() };
    let Stage { ended, .. } = run_alone(config("SIGKILL_LEADER"), Fault::None, options).await;
    // How many rounds that was depends on the machine.
    assert_eq!(ended.why, None);
    assert_eq!(ended.report.summary.verdict, Some(Outcome::Passed));
}

/// Fires when the third round starts.
struct ThirdRound(Mutex<Option<oneshot::Sender<()>>>);

impl Observer for ThirdRound {
    fn on(&mut self, event: &Event<'_>) {
        if let Event::Round(3) = event
            && let Some(fire) = self.0.lock().expect("no panic").take()
        {
            fire.send(()).expect("the run listens");
        }
    }
}

#[tokio::test]
async fn a_run_without_an_end_goes_on_until_it_is_interrupted() {
    let (fire, fired) = oneshot::channel();
    let observer: Box<dyn Observer> = Box::new(ThirdRound(Mutex::new(Some(fire))));
    let options = Options { rounds: None, ..once() };
    let interrupt = async { fired.await.expect("there is a third round") };
    let config = config("SIGKILL_LEADER");
    let Stage { ended, .. } =
        run_with(config, Fault::None, options, vec![observer], interrupt).await;
    assert!(matches!(ended.why, Some(Why::Interrupted { .. })), "{:?}", ended.why);
    assert_eq!(ended.report.rounds, 3);
}

#[tokio::test]
async fn a_time_that_no_clock_reaches_is_no_limit() {
    let options = Options { time: Some(Duration::MAX), ..once() };
    let Stage { ended, .. } = run_alone(config("NO_FAIL_WITH_STRESS"), Fault::None, options).await;
    assert_eq!(ended.report.summary.verdict, Some(Outcome::Passed));
}

#[tokio::test]
async fn histories_of_failed_rounds_and_of_the_last_one_are_kept() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let options = Options {
        rounds: Some(3),
        directory: Some(Directory::at(directory.path().to_owned())),
        ..once()
    };
    let Stage { ended, .. } = run_alone(config("NO_FAIL_WITH_STRESS"), Fault::None, options).await;
    assert_eq!(ended.report.summary.verdict, Some(Outcome::Passed));
    let mut files: Vec<String> = std::fs::read_dir(directory.path())
        .expect("the directory is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["history-r3.jsonl"]);
}

/// A run of EXTERNAL whose program is this shell script; `$1` and `$2` are what it is called with.
async fn run_external(script: &str) -> Ended {
    let mut config = config("NO_FAIL_WITH_STRESS");
    config.cases = vec![Case::named("EXTERNAL").expect("there is such a case")];
    config.external = Some(["sh", "-c", script, "sh"].map(str::to_owned).to_vec());
    run_alone(config, Fault::None, once()).await.ended
}

#[tokio::test]
async fn an_external_program_injects_and_heals() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let calls = directory.path().join("calls");
    let ended = run_external(&format!("echo \"$1 $2\" >> '{}'", calls.display())).await;
    let summary = &ended.report.summary;
    assert_eq!(summary.verdict, Some(Outcome::Passed), "{:?}", summary.first_failure);
    assert_eq!(std::fs::read_to_string(&calls).expect("it was called"), "enable 1\ndisable 1\n");
    let [case] = &ended.report.cases[..] else { panic!("{:#?}", ended.report.cases) };
    assert_eq!(case.injections.len(), 1);
    assert_eq!(case.injections[0].felt.as_deref(), Some("it exited with status 0"));
}

#[tokio::test]
async fn an_external_program_that_fails_fails_its_case_and_is_asked_to_heal() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let calls = directory.path().join("calls");
    let script = format!(
        "echo \"$1\" >> '{}'; echo no such disk >&2; test \"$1\" = disable || exit 3",
        calls.display()
    );
    let ended = run_external(&script).await;
    assert_eq!(ended.status(), 3);
    assert_eq!(std::fs::read_to_string(&calls).expect("it was called"), "enable\ndisable\n");
    let reason = ended.report.cases[0].reason.clone().expect("it says why");
    assert!(reason.contains("enable 1") && reason.contains("no such disk"), "{reason}");
}
