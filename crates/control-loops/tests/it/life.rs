//! The life of a task between control and its node.

use std::collections::BTreeSet;
use std::time::Duration;

use control_loops::billing::metering;
use control_loops::{cleanup, ecs_events};

use link_protocol::Down;
use state_model::ecs::task::{Phase, PlacementOutcome};

use crate::installation::start;

#[tokio::test]
async fn a_task_is_placed_reported_stopped_and_forgotten() {
    let mut one = start("10.0.0.0/24").await;
    let key = one.run_task("t1").await;
    let assignment = one.assigned().await;
    assert_eq!(assignment.intent.id, "t1");
    assert_eq!(assignment.observed, None);
    assert_eq!(one.last_status(&key), "PROVISIONING");
    for (phase, status) in [(Phase::Pending, "PENDING"), (Phase::Running, "RUNNING")] {
        one.report(&assignment, 1, phase).await;
        one.until(status, |view| view.task(&key).is_some_and(|task| task.last_status() == status)).await;
    }
    assert_eq!(one.state.view().task(&key).map(|task| task.version()), Some(3));
    one.stop_task(&key).await;
    assert!(matches!(one.told().await, Down::Stop { task } if task.id == "t1"));
    assert_eq!(one.last_status(&key), "RUNNING", "a request is not an observation");
    one.report(&assignment, 1, Phase::Stopped).await;
    assert!(matches!(one.told().await, Down::Network(_) | Down::Forget { .. }));
    one.until("its interface is given back", |view| view.network_interfaces.is_empty()).await;
    assert_eq!(one.last_status(&key), "STOPPED");
}

#[tokio::test]
async fn reports_never_move_backwards_or_come_from_another_generation() {
    let mut one = start("10.0.0.0/24").await;
    let key = one.run_task("t1").await;
    let assignment = one.assigned().await;
    one.report(&assignment, 1, Phase::Running).await;
    one.until("running", |view| view.task(&key).is_some_and(|task| task.last_status() == "RUNNING")).await;
    one.report(&assignment, 1, Phase::Pending).await;
    one.report(&assignment, 2, Phase::Stopped).await;
    // A later report of another task proves that the two before it were read.
    let other = one.run_task("t2").await;
    let second = one.assigned().await;
    one.report(&second, 1, Phase::Running).await;
    one.until("the other", |view| view.task(&other).is_some_and(|task| task.last_status() == "RUNNING"))
        .await;
    assert_eq!(one.last_status(&key), "RUNNING");
}

#[tokio::test]
async fn a_stop_before_the_placement_reaches_no_node() {
    let one = start("10.0.0.0/24").await;
    let key = one.run_task("t1").await;
    one.stop_task(&key).await;
    // Whichever came first, the task ends or its node is told to end it; it never stays wanted.
    one.until("decided", |view| view.task(&key).is_some_and(|task| task.desired_status() == "STOPPED")).await;
    let view = one.state.view();
    let placed = view.task_placements.get(&key).is_some();
    assert!(placed || view.task(&key).is_some_and(|task| task.is_stopped()));
}

#[tokio::test]
async fn a_full_subnet_refuses_with_the_words_of_ec2_and_goes_on_when_one_ends() {
    // Sixteen addresses, of which eleven can be given.
    let mut one = start("10.0.0.0/28").await;
    let mut keys = Vec::new();
    for index in 0..12 {
        keys.push(one.run_task(&format!("t{index}")).await);
    }
    let mut assignments = Vec::new();
    while assignments.len() < 11 {
        assignments.push(one.assigned().await);
    }
    one.until("all decided", |view| view.task_placements.len() == 12).await;
    let addresses: BTreeSet<_> = assignments.iter().map(|assignment| assignment.interface.address).collect();
    assert_eq!(addresses.len(), 11, "an address is given once");
    let view = one.state.view();
    let refused: Vec<String> = keys
        .iter()
        .filter_map(|key| match &view.task_placements.get(key)?.outcome {
            PlacementOutcome::Refused { reason } => Some(reason.clone()),
            PlacementOutcome::Placed(_) => None,
        })
        .collect();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].ends_with("in subnet 'subnet-1': InsufficientFreeAddressesInSubnet"), "{refused:?}");
    one.report(&assignments[0], 1, Phase::Stopped).await;
    one.until("an address comes back", |view| view.network_interfaces.len() == 10).await;
    let late = one.run_task("late").await;
    one.until("placed", |view| view.task_placements.get(&late).is_some_and(|row| row.placed().is_some()))
        .await;
}

#[tokio::test]
async fn a_stopped_task_is_described_for_an_hour() {
    let mut one = start("10.0.0.0/24").await;
    let key = one.run_task("t1").await;
    let assignment = one.assigned().await;
    one.report_stopped(&assignment).await;
    one.until("stopped", |view| view.task(&key).is_some_and(|task| task.is_stopped())).await;
    // What follows from its end is written: until then it stays.
    metering::activate(one.context.clone(), Default::default()).await.expect("the store takes it");
    ecs_events::tasks(one.context.clone(), Default::default()).await.expect("the store takes it");
    for (minutes, status) in [(59, "STOPPED"), (2, "gone")] {
        one.clock.advance(Duration::from_secs(minutes * 60));
        cleanup::history(one.context.clone()).await.expect("the store takes it");
        assert_eq!(one.last_status(&key), status);
    }
}
