use std::sync::Arc;

use state_model::scheduler::ScheduleTarget;
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use stdx::random::SeededRandom;

use super::*;

fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).expect("a time")
}

fn schedule(expression: &str) -> Schedule {
    Schedule {
        scope: Scope::new("000000000000", "us-east-1"),
        group: "default".into(),
        name: "s".into(),
        expression: expression.into(),
        zone: "UTC".into(),
        start: None,
        end: None,
        description: None,
        enabled: true,
        target: ScheduleTarget {
            arn: "arn:aws:sns:us-east-1:000000000000:topic".into(),
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            input: Some("at <aws.scheduler.scheduled-time>".into()),
            ecs: None,
            event: None,
            retry: None,
        },
        window_minutes: None,
        delete_after: false,
        created_at: time("2026-01-01T00:00:00Z"),
        modified_at: time("2026-01-01T00:00:00Z"),
        client_token: None,
    }
}

/// Asks at each of the times, keeping what was fired in between; yields the times that were served.
fn served(schedule: &Schedule, asked: &[&str]) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty state");
        let running = feed.run();
        let asking = async {
            let mut served = Vec::new();
            for now in asked {
                let view = state.view();
                let random = SeededRandom::shared(1);
                let Some(firing) = fire(&view, Timed::Schedule(schedule), time(now), &*random) else {
                    continue;
                };
                let mut transaction = Transaction::new();
                transaction.put(&firing.fired);
                state.commit(transaction).await.expect("a commit");
                for delivery in &firing.deliveries {
                    let Action::Call(call) = &delivery.action else { panic!("{delivery:?}") };
                    let input: Value = serde_json::from_str(&call.input).expect("JSON");
                    served.push(input["Message"].as_str().expect("a text").to_owned());
                }
                if firing.is_last {
                    served.push("last".into());
                }
            }
            served
        };
        tokio::select! {
            served = asking => served,
            _ = running => panic!("the feed ended"),
        }
    })
}

#[test]
fn each_time_is_served_once() {
    let hourly = schedule("cron(0 * * * ? *)");
    let asked =
        ["2026-01-01T00:59:59Z", "2026-01-01T01:00:00Z", "2026-01-01T01:00:01Z", "2026-01-01T02:00:00Z"];
    // It was made on the hour.
    let expected = ["at 2026-01-01T00:00:00Z", "at 2026-01-01T01:00:00Z", "at 2026-01-01T02:00:00Z"];
    assert_eq!(served(&hourly, &asked), expected);
}

#[test]
fn after_a_pause_the_last_time_is_made_up_for() {
    let hourly = schedule("cron(0 * * * ? *)");
    let asked = ["2026-01-01T01:00:00Z", "2026-01-03T05:30:00Z", "2026-01-03T05:31:00Z"];
    assert_eq!(served(&hourly, &asked), ["at 2026-01-01T01:00:00Z", "at 2026-01-03T05:00:00Z"]);
    let once = schedule("at(2026-01-01T00:05:00)");
    assert_eq!(served(&once, &["2026-01-01T20:00:00Z", "2026-01-01T21:00:00Z"]), ["at 2026-01-01T00:05:00Z"]);
    assert!(served(&once, &["2026-01-03T00:00:00Z"]).is_empty(), "older than a day");
}

#[test]
fn rates_begin_at_once_or_with_their_start_and_end_with_their_end() {
    let rate = schedule("rate(1 hour)");
    let asked = ["2026-01-01T00:00:00Z", "2026-01-01T00:59:00Z", "2026-01-01T01:00:00Z"];
    assert_eq!(served(&rate, &asked), ["at 2026-01-01T00:00:00Z", "at 2026-01-01T01:00:00Z"]);
    let bounded = Schedule {
        start: Some(time("2026-01-01T00:30:00Z")),
        end: Some(time("2026-01-01T02:00:00Z")),
        delete_after: true,
        ..rate
    };
    let asked =
        ["2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z", "2026-01-01T02:30:00Z"];
    assert_eq!(served(&bounded, &asked), ["at 2026-01-01T00:30:00Z", "at 2026-01-01T01:30:00Z", "last"]);
}

#[test]
fn a_window_puts_off_by_less_than_its_length() {
    let flexible = Schedule { window_minutes: Some(15), ..schedule("cron(0 * * * ? *)") };
    let view = View::default();
    let Next::At(at) = next(&view, Timed::Schedule(&flexible)) else { panic!("there is a next time") };
    // The moment it was made is on the hour.
    let due = time("2026-01-01T00:00:00Z");
    assert!(at > due && at < time("2026-01-01T00:15:00Z"), "{at}");
    let before = at.minus(Duration::from_millis(1)).to_rfc3339_millis();
    assert!(served(&flexible, &[&before]).is_empty());
    assert_eq!(served(&flexible, &[&at.to_rfc3339_millis()]), ["at 2026-01-01T00:00:00Z"]);
}

#[test]
fn what_is_disabled_or_over_comes_never() {
    let view = View::default();
    let disabled = Schedule { enabled: false, ..schedule("rate(1 hour)") };
    assert_eq!(next(&view, Timed::Schedule(&disabled)), Next::Never);
    let over = schedule("at(2025-01-01T00:00:00)");
    assert_eq!(next(&view, Timed::Schedule(&over)), Next::Never);
    assert_eq!(next(&view, Timed::Schedule(&Schedule { delete_after: true, ..over })), Next::Ended);
}
