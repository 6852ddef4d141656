use std::sync::Arc;

use state_model::Record;
use state_model::delivery::Action;
use state_model::events::Replayed;
use state_model::events::rule::Input;
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use stdx::random::SeededRandom;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn scope() -> Scope {
    Scope::new("000000000000", "us-east-1")
}

fn rule(name: &str, pattern: &str, targets: &[&str]) -> Rule {
    let target = |(number, arn): (usize, &&str)| RuleTarget {
        id: format!("t{number}"),
        arn: (*arn).to_owned(),
        role_arn: None,
        input: Input::Event,
        ecs: None,
        http: None,
        retry: None,
    };
    Rule {
        scope: scope(),
        bus: "default".into(),
        name: name.into(),
        description: None,
        event_pattern: Some(pattern.into()),
        schedule: None,
        enabled: true,
        role_arn: None,
        managed_by: None,
        created_at: NOW,
        scheduled_at: NOW,
        tags: Default::default(),
        targets: targets.iter().enumerate().map(target).collect(),
    }
}

fn event(source: &str) -> PendingEvent {
    let random = SeededRandom::shared(1);
    PendingEvent::of_service(&scope(), source, "Made", vec!["r".into()], &json!({"a": 1}), NOW, &*random)
}

fn planned(rules: &[Rule], event: &PendingEvent, writes: usize) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state");
        let running = feed.run();
        let commit = async {
            let mut transaction = Transaction::new();
            rules.iter().for_each(|rule| transaction.insert(rule));
            state.commit(transaction).await.expect("a commit");
            let view = state.view();
            let known = bus_rules(&view, &event.scope, &event.bus);
            plan(&view, &known, event, Room { writes, bytes: 900 * 1024 }, NOW, &*SeededRandom::shared(7))
        };
        tokio::select! {
            outcome = commit => outcome,
            _ = running => panic!("the feed ended"),
        }
    })
}

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:topic";
const OTHER_BUS: &str = "arn:aws:events:eu-west-1:000000000000:event-bus/other";

#[test]
fn an_event_goes_where_its_rules_say() {
    let rules = [
        rule("a", r#"{"source":["x"]}"#, &[TOPIC, OTHER_BUS]),
        rule("b", r#"{"source":["y"]}"#, &[TOPIC]),
        Rule { enabled: false, ..rule("c", r#"{"source":["x"]}"#, &[TOPIC]) },
    ];
    let outcome = planned(&rules, &event("x"), 100);
    assert_eq!(outcome.deliveries.len(), 1);
    let delivery = &outcome.deliveries[0];
    assert_eq!(delivery.lane, "arn:aws:events:us-east-1:000000000000:rule/a#t0");
    let Action::Call(call) = &delivery.action else { panic!("{delivery:?}") };
    assert_eq!((call.service.as_str(), call.operation.as_str()), ("sns", "Publish"));
    let input: Value = serde_json::from_str(&call.input).expect("JSON");
    let message: Value = serde_json::from_str(input["Message"].as_str().expect("a text")).expect("JSON");
    assert_eq!(
        message,
        json!({
            "version": "0", "id": event("x").id, "detail-type": "Made", "source": "x", "account": "000000000000",
            "time": "2027-01-15T08:00:00Z", "region": "us-east-1", "resources": ["r"], "detail": {"a": 1},
        })
    );
    assert_eq!(outcome.forwarded.len(), 1);
    let sent_on = &outcome.forwarded[0];
    assert_eq!(
        (sent_on.scope.region.as_str(), sent_on.bus.as_str(), sent_on.hops),
        ("eu-west-1", "other", 1)
    );
    assert_eq!(sent_on.id, event("x").id);
    assert!(outcome.told.is_none());
}

#[test]
fn a_ring_of_buses_comes_to_rest() {
    let here = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let rules = [rule("a", r#"{"source":["x"]}"#, &[here])];
    let mut turning = event("x");
    for turn in 0..EVENT_HOPS_MAX {
        let outcome = planned(&rules, &turning, 100);
        assert_ne!(outcome.forwarded[0].key(), turning.key());
        turning = outcome.forwarded[0].clone();
        assert_eq!(turning.hops, turn + 1);
    }
    assert!(planned(&rules, &turning, 100).forwarded.is_empty());
}

#[test]
fn what_does_not_fit_goes_on_where_it_stopped() {
    let names = ["a", "b", "c", "d", "e"];
    let rules = names.map(|name| rule(name, r#"{"source":["x"]}"#, &[TOPIC, TOPIC]));
    let mut lanes = Vec::new();
    let mut waiting = event("x");
    let mut commits = 0;
    loop {
        let outcome = planned(&rules, &waiting, 10);
        lanes.extend(outcome.deliveries.into_iter().map(|delivery| delivery.lane));
        commits += 1;
        match outcome.told {
            Some(told) => waiting.told = Some(told),
            None => break,
        }
    }
    let expected = names.iter().flat_map(|name| {
        let arn = rule(name, "{}", &[]).arn();
        [format!("{arn}#t0"), format!("{arn}#t1")]
    });
    assert_eq!(lanes, expected.collect::<Vec<_>>());
    assert!(commits > 1, "it was too much for one commit");
}

#[test]
fn large_events_are_told_in_several_commits() {
    let topics = [TOPIC; 5];
    let rules = [rule("a", r#"{"source":["x"]}"#, &topics)];
    let mut waiting = PendingEvent { detail: json!({"a": "x".repeat(250_000)}).to_string(), ..event("x") };
    let mut lanes = Vec::new();
    loop {
        let outcome = planned(&rules, &waiting, 100);
        assert!(outcome.bytes <= 900 * 1024 && !outcome.deliveries.is_empty());
        lanes.extend(outcome.deliveries.into_iter().map(|delivery| delivery.lane));
        match outcome.told {
            Some(told) => waiting.told = Some(told),
            None => break,
        }
    }
    assert_eq!(lanes.len(), 5);
    lanes.dedup();
    assert_eq!(lanes.len(), 5, "none twice");
}

#[test]
fn a_replay_tells_the_rules_that_it_names() {
    let rules = [rule("a", r#"{"source":["x"]}"#, &[TOPIC]), rule("b", r#"{"source":["x"]}"#, &[TOPIC])];
    let only = |rules: Vec<String>| {
        let replay = Some(Replayed { name: "again".into(), rules });
        PendingEvent { replay, ..event("x") }
    };
    assert_eq!(planned(&rules, &only(vec![rules[1].arn()]), 100).deliveries.len(), 1);
    assert_eq!(planned(&rules, &only(Vec::new()), 100).deliveries.len(), 2);
    assert_eq!(envelope(&only(Vec::new()))["replay-name"], "again");
}

#[test]
fn the_rules_of_other_buses_are_not_asked() {
    let elsewhere = Rule { bus: "default2".into(), ..rule("a", r#"{"source":["x"]}"#, &[TOPIC]) };
    assert!(planned(&[elsewhere], &event("x"), 100).deliveries.is_empty());
}
