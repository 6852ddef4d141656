//! Events of tasks and services: each version once, the newest one for sure.

use control_loops::changed_tasks::Memory;
use control_loops::ecs_events;
use serde_json::Value;
use state_model::ecs::task::Phase;

use crate::installation::{Installation, intent, start};

fn told(one: &Installation) -> Vec<(String, u64)> {
    let view = one.state.view();
    let details = view.pending_events.iter().map(|(_, event)| {
        assert_eq!((event.source.as_str(), event.bus.as_str()), ("aws.ecs", "default"));
        assert_eq!(event.detail_type, "ECS Task State Change");
        let detail: Value = serde_json::from_str(&event.detail).expect("it is JSON");
        assert_eq!(event.resources, [detail["taskArn"].as_str().expect("an ARN")]);
        (
            detail["lastStatus"].as_str().unwrap_or_default().to_owned(),
            detail["version"].as_u64().unwrap_or(0),
        )
    });
    let mut told: Vec<_> = details.collect();
    told.sort_by_key(|(_, version)| *version);
    told
}

#[tokio::test]
async fn every_version_of_a_task_is_told_once_over_all_restarts() {
    let mut one = start("10.0.0.0/24").await;
    let mut memory = Memory::default();
    let key = one.run_task("t1").await;
    let assignment = one.assigned().await;
    ecs_events::tasks(one.context.clone(), memory.clone()).await.expect("it commits");
    let mut expected = vec![(String::from("PROVISIONING"), 1)];
    assert_eq!(told(&one), expected);
    for (phase, version) in [(Phase::Pending, 2), (Phase::Running, 3), (Phase::Stopped, 4)] {
        one.report(&assignment, 1, phase).await;
        let status = phase.as_str();
        one.until(status, |view| view.task(&key).is_some_and(|task| task.last_status() == status)).await;
        // The second knows nothing of the first: as after a crash.
        for memory in [memory.clone(), Memory::default()] {
            ecs_events::tasks(one.context.clone(), memory).await.expect("it commits");
        }
        expected.push((status.to_owned(), version));
        assert_eq!(told(&one), expected);
        memory = Memory::default();
    }
}

#[tokio::test]
async fn what_was_missed_is_told_in_its_newest_state() {
    let mut one = start("10.0.0.0/24").await;
    let key = one.run_task("t1").await;
    let assignment = one.assigned().await;
    for phase in [Phase::Pending, Phase::Running] {
        one.report(&assignment, 1, phase).await;
        let status = phase.as_str();
        one.until(status, |view| view.task(&key).is_some_and(|task| task.last_status() == status)).await;
    }
    ecs_events::tasks(one.context.clone(), Memory::default()).await.expect("it commits");
    assert_eq!(told(&one), [(String::from("RUNNING"), 3)]);
}

#[tokio::test]
async fn three_hundred_tasks_are_told_in_few_commits() {
    let one = crate::installation::start_without_loops().await;
    for number in 0..300 {
        one.run(&intent(&format!("{number:032x}"))).await;
    }
    let before = one.state.view().revision;
    ecs_events::tasks(one.context.clone(), Memory::default()).await.expect("it commits");
    let view = one.state.view();
    assert_eq!(view.pending_events.len(), 300);
    assert!(view.revision - before <= 10, "{before} to {}", view.revision);
}
