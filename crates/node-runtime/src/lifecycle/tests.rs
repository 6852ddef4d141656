//! Scripts of events with the decisions they must cause.

use std::time::Duration;

use super::{Decision, Event, HealthRules, Machine, RestartRules, Rules, RulesError};
use crate::spec::Condition;
use crate::status::{HealthState, StopFacts};

fn rules(name: &str) -> Rules {
    Rules { name: name.into(), essential: true, stop_timeout: Duration::from_secs(30), ..Rules::default() }
}

fn helper(name: &str) -> Rules {
    Rules { essential: false, ..rules(name) }
}

fn health() -> HealthRules {
    HealthRules {
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(2),
        retries: 2,
        start_period: Duration::ZERO,
    }
}

/// Runs a script of (seconds, event, expected decisions) and returns the machine for further questions.
fn check(rules: Vec<Rules>, script: &[(u64, Event, &[Decision])]) -> Machine {
    let mut machine = Machine::new(rules).expect("the rules of a test are sound");
    for (line, (seconds, event, expect)) in script.iter().enumerate() {
        let decisions = machine.step(Duration::from_secs(*seconds), event.clone());
        assert_eq!(&decisions, expect, "line {line}: {event:?}");
    }
    machine
}

fn exited(container: usize, code: i32) -> Event {
    Event::Exited { container, code }
}

fn stop() -> Event {
    Event::StopRequested { reason: "asked".into() }
}

#[test]
fn independent_containers_start_together_and_the_essential_one_ends_the_task() {
    let machine = check(
        vec![rules("web"), helper("side")],
        &[
            (0, Event::Tick, &[Decision::Start(0), Decision::Start(1)]),
            (0, Event::Started(0), &[]),
            (0, Event::Started(1), &[]),
            (5, exited(0, 0), &[Decision::Signal(1)]),
            (6, exited(1, 143), &[Decision::Finish]),
        ],
    );
    assert_eq!(machine.stop(), Some(&StopFacts::EssentialExited { container: "web".into() }));
}

#[test]
fn conditions_order_the_start() {
    let init = helper("init");
    let base = Rules { health: Some(health()), ..rules("base") };
    let app = Rules { depends_on: vec![(0, Condition::Success), (1, Condition::Healthy)], ..rules("app") };
    check(
        vec![init, base, app],
        &[
            (0, Event::Tick, &[Decision::Start(0), Decision::Start(1)]),
            (0, Event::Started(0), &[]),
            (0, Event::Started(1), &[]),
            (1, exited(0, 0), &[]),
            (10, Event::Tick, &[Decision::Probe(1)]),
            (11, Event::Probed { container: 1, healthy: true }, &[Decision::Start(2)]),
        ],
    );
}

#[test]
fn a_condition_that_cannot_be_met_stops_the_task() {
    let app = Rules { depends_on: vec![(0, Condition::Success)], ..rules("app") };
    let machine = check(
        vec![helper("init"), app],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, Event::Started(0), &[]),
            (1, exited(0, 3), &[Decision::Finish]),
        ],
    );
    let reason = "container init ended with exit code 3".into();
    assert_eq!(machine.stop(), Some(&StopFacts::DependencyFailed { container: "app".into(), reason }));
}

#[test]
fn a_start_timeout_of_the_target_stops_the_task() {
    let slow = Rules { start_timeout: Some(Duration::from_secs(5)), ..helper("slow") };
    let app = Rules { depends_on: vec![(0, Condition::Complete)], ..rules("app") };
    let mut machine =
        check(vec![slow, app], &[(0, Event::Tick, &[Decision::Start(0)]), (1, Event::Started(0), &[])]);
    assert_eq!(machine.deadline(), Some(Duration::from_secs(6)));
    assert_eq!(machine.step(Duration::from_secs(6), Event::Tick), [Decision::Signal(0)]);
    assert!(matches!(machine.stop(), Some(StopFacts::DependencyFailed { .. })));
}

#[test]
fn stopping_reverses_the_order_and_escalates() {
    let app = Rules { depends_on: vec![(0, Condition::Start)], ..rules("app") };
    let mut machine = check(
        vec![rules("base"), app],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, Event::Started(0), &[Decision::Start(1)]),
            (0, Event::Started(1), &[]),
            (10, stop(), &[Decision::Signal(1)]),
            (39, Event::Tick, &[]),
            (40, Event::Tick, &[Decision::Kill(1)]),
            (41, Event::Tick, &[]),
            (41, exited(1, 137), &[Decision::Signal(0)]),
        ],
    );
    assert_eq!(machine.deadline(), Some(Duration::from_secs(71)));
    assert_eq!(machine.step(Duration::from_secs(42), exited(0, 0)), [Decision::Finish]);
    assert_eq!(machine.stop(), Some(&StopFacts::Requested { reason: "asked".into() }));
    assert_eq!(machine.deadline(), None);
}

#[test]
fn a_stop_during_a_start_waits_for_the_start() {
    check(
        vec![rules("web"), Rules { depends_on: vec![(0, Condition::Start)], ..rules("late") }],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, stop(), &[]),
            (1, Event::Started(0), &[Decision::Signal(0)]),
            (2, exited(0, 143), &[Decision::Finish]),
        ],
    );
}

#[test]
fn a_start_failure_counts_only_for_essential_containers() {
    let machine = check(
        vec![rules("web"), helper("side")],
        &[
            (0, Event::Tick, &[Decision::Start(0), Decision::Start(1)]),
            (0, Event::Started(0), &[]),
            (0, Event::StartFailed(1, "no such file".into()), &[]),
        ],
    );
    assert_eq!(machine.stop(), None);
    let machine = check(
        vec![rules("web"), helper("side")],
        &[
            (0, Event::Tick, &[Decision::Start(0), Decision::Start(1)]),
            (0, Event::StartFailed(0, "no such file".into()), &[]),
            (0, Event::Started(1), &[Decision::Signal(1)]),
            (0, exited(1, 143), &[Decision::Finish]),
        ],
    );
    let facts = StopFacts::StartFailed { container: Some("web".into()), reason: "no such file".into() };
    assert_eq!(machine.stop(), Some(&facts));
}

#[test]
fn health_needs_retries_failures_and_recovers() {
    let web = Rules { health: Some(health()), ..rules("web") };
    let mut machine = check(
        vec![web],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, Event::Started(0), &[]),
            (9, Event::Tick, &[]),
            (10, Event::Tick, &[Decision::Probe(0)]),
            (12, Event::Tick, &[Decision::AbortProbe(0)]),
            (13, Event::Probed { container: 0, healthy: true }, &[]),
            (22, Event::Tick, &[Decision::Probe(0)]),
        ],
    );
    assert_eq!(machine.containers()[0].health(), Some(HealthState::Unknown), "a late result does not count");
    machine.step(Duration::from_secs(22), Event::Probed { container: 0, healthy: false });
    assert_eq!(machine.containers()[0].health(), Some(HealthState::Unhealthy));
    assert_eq!(machine.step(Duration::from_secs(32), Event::Tick), [Decision::Probe(0)]);
    machine.step(Duration::from_secs(33), Event::Probed { container: 0, healthy: true });
    assert_eq!(machine.containers()[0].health(), Some(HealthState::Healthy));
}

#[test]
fn the_start_period_forgives_failures_until_the_first_success() {
    let grace = HealthRules { start_period: Duration::from_secs(100), retries: 1, ..health() };
    for (first, expect) in [(false, HealthState::Unknown), (true, HealthState::Unhealthy)] {
        let mut machine = check(
            vec![Rules { health: Some(grace.clone()), ..rules("web") }],
            &[
                (0, Event::Tick, &[Decision::Start(0)]),
                (0, Event::Started(0), &[]),
                (10, Event::Tick, &[Decision::Probe(0)]),
                (10, Event::Probed { container: 0, healthy: first }, &[]),
                (20, Event::Tick, &[Decision::Probe(0)]),
            ],
        );
        machine.step(Duration::from_secs(20), Event::Probed { container: 0, healthy: false });
        assert_eq!(machine.containers()[0].health(), Some(expect));
    }
}

#[test]
fn restarts_need_the_attempt_period_and_an_exit_code_that_counts() {
    let restart = RestartRules { ignored_exit_codes: vec![0], attempt_period: Duration::from_secs(60) };
    let web = Rules { restart: Some(restart), ..rules("web") };
    let machine = check(
        vec![web.clone()],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, Event::Started(0), &[]),
            (60, exited(0, 1), &[Decision::Start(0)]),
            (61, Event::Started(0), &[]),
            (62, exited(0, 1), &[Decision::Finish]),
        ],
    );
    assert_eq!(machine.containers()[0].restart_count, 1);
    check(
        vec![web],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, Event::Started(0), &[]),
            (60, exited(0, 0), &[Decision::Finish]),
        ],
    );
}

#[test]
fn cycles_are_refused() {
    let one = Rules { depends_on: vec![(1, Condition::Start)], ..rules("one") };
    let other = Rules { depends_on: vec![(0, Condition::Start)], ..rules("other") };
    let refused = Machine::new(vec![one, other]).map(|_| ());
    assert_eq!(refused, Err(RulesError::Cycle { container: "one".into() }));
    assert_eq!(Machine::new(Vec::new()).map(|_| ()), Err(RulesError::Empty));
}

#[test]
fn a_task_of_helpers_ends_when_all_have_ended() {
    let machine = check(
        vec![helper("one")],
        &[
            (0, Event::Tick, &[Decision::Start(0)]),
            (0, Event::Started(0), &[]),
            (1, exited(0, 0), &[Decision::Finish]),
        ],
    );
    assert_eq!(machine.stop(), Some(&StopFacts::AllExited));
}
