//! Services from their creation to their end.

use state_model::ecs::service_deployment::DeploymentStatus;
use state_model::ecs::task::{ObservedStop, Phase};
use state_model::elbv2::Target;
use state_model::elbv2::target::HealthState;
use state_tables::View;

use crate::service::{DELAY, Stage, group, target_count, task_of};

/// The messages without the ids of tasks.
fn told(stage: &Stage) -> Vec<String> {
    let plain = |message: String| {
        let words = message.split_inclusive("(task ").map(|part| match part.split_once(')') {
            Some((id, rest)) if id.len() == 32 => format!("T){rest}"),
            _ => part.to_owned(),
        });
        words.collect::<String>().replace(&group().arn(), "ARN")
    };
    stage.events().into_iter().map(plain).collect()
}

#[tokio::test]
async fn a_service_starts_registers_and_gets_steady() {
    let mut stage = Stage::start().await;
    stage.deploy("1", 2, true).await;
    let ids = stage.run_all(2).await;
    for id in &ids {
        stage.observe(id, HealthState::Healthy, None).await;
    }
    stage.until_told("has reached a steady state.").await;
    let view = stage.one.state.view();
    let intent = view.task_intents.get(&task_of(&ids[0])).expect("the task is there");
    assert_eq!(intent.group, "service:web");
    assert_eq!(intent.started_by.as_deref(), Some("ecs-svc/1"));
    assert_eq!(intent.tags.get("aws:ecs:serviceName").map(String::as_str), Some("web"));
    assert_eq!(stage.progress("1").status, DeploymentStatus::Successful);
    let events = told(&stage);
    assert_eq!(
        events.first().map(String::as_str),
        Some("(service web) has started 2 tasks: (task T) (task T).")
    );
    assert_eq!(
        events[events.len() - 2..],
        [
            "(service web) (deployment ecs-svc/1) deployment completed.",
            "(service web) has reached a steady state."
        ]
    );
    assert!(events.iter().any(|event| event.ends_with("targets in (target-group ARN)")), "{events:?}");
}

#[tokio::test]
async fn a_replaced_task_drains_before_its_node_hears_of_it() {
    let mut stage = Stage::start().await;
    stage.deploy("1", 1, true).await;
    let old = stage.run_all(1).await.remove(0);
    stage.observe(&old, HealthState::Healthy, None).await;
    stage.until_told("has reached a steady state.").await;
    stage.deploy("2", 1, true).await;
    let new = stage.run_all(2).await.remove(0);
    stage.observe(&new, HealthState::Healthy, None).await;
    let key = task_of(&old);
    let deactivating = |view: &View| {
        view.elb_targets.by(Target::TASK, &key).any(|target| target.is_draining())
            && view.task(&key).is_some_and(|task| task.last_status() == "DEACTIVATING")
    };
    stage.one.until("the old task drains", deactivating).await;
    stage.observe(&old, HealthState::Draining, None).await;
    assert!(stage.stopping.is_empty());
    stage.one.clock.advance(DELAY);
    stage.observe(&new, HealthState::Healthy, None).await;
    stage.hear(|stage| !stage.stopping.is_empty()).await;
    assert_eq!(stage.stopping, std::slice::from_ref(&old));
    assert_eq!(target_count(&stage.one.state.view()), 1);
    assert_eq!(stage.progress("2").status, DeploymentStatus::InProgress);
    stage.report(&old, Phase::Stopped, Some(ObservedStop::Requested), Some(143)).await;
    stage.until_told("(deployment ecs-svc/2) deployment completed.").await;
    let events = told(&stage);
    for expected in [
        "(service web) has stopped 1 running tasks: (task T).",
        "(service web, taskSet ecs-svc/1) has begun draining connections on 1 tasks.",
        "(service web) deregistered 1 targets in (target-group ARN)",
    ] {
        assert!(events.iter().any(|event| event == expected), "{expected} is not in {events:#?}");
    }
}

#[tokio::test]
async fn a_killed_task_is_replaced_and_its_target_goes_at_once() {
    let mut stage = Stage::start().await;
    stage.deploy("1", 1, true).await;
    let killed = stage.run_all(1).await.remove(0);
    stage.observe(&killed, HealthState::Healthy, None).await;
    stage.until_told("has reached a steady state.").await;
    let exited = Some(ObservedStop::EssentialContainerExited);
    stage.report(&killed, Phase::Stopping, exited, Some(137)).await;
    // No time passes: the replacement waits for nothing.
    stage.hear(|stage| stage.assigned.len() == 2).await;
    stage.one.until("its target is gone", |view| target_count(view) == 0).await;
}

#[tokio::test]
async fn an_unhealthy_task_is_replaced_first() {
    let mut stage = Stage::start().await;
    stage.deploy("1", 1, true).await;
    let sick = stage.run_all(1).await.remove(0);
    stage.observe(&sick, HealthState::Healthy, None).await;
    stage.until_told("has reached a steady state.").await;
    stage.observe(&sick, HealthState::Unhealthy, Some("Health checks failed with these codes: [503]")).await;
    let new = stage.run_all(2).await.remove(0);
    let key = task_of(&sick);
    assert!(stage.one.state.view().task(&key).is_some_and(|task| task.desired_status() == "RUNNING"));
    stage.observe(&new, HealthState::Healthy, None).await;
    let stopped = |view: &View| view.task(&key).is_some_and(|task| task.desired_status() == "STOPPED");
    stage.one.until("the unhealthy one is stopped", stopped).await;
    let view = stage.one.state.view();
    let reason = view.task(&key).and_then(|task| task.stop()).map(|stop| stop.reason).unwrap_or_default();
    assert_eq!(reason, format!("Task failed ELB health checks in (target-group {})", group().arn()));
    let events = told(&stage);
    for expected in [
        "(service web) has started 1 tasks: (task T). Amazon ECS replaced 1 tasks due to an unhealthy status.",
        "(service web) (task T) (port 8080) is unhealthy in (target-group ARN) due to (reason Health checks failed with \
         these codes: [503]).",
    ] {
        assert!(events.iter().any(|event| event == expected), "{expected} is not in {events:#?}");
    }
}

#[tokio::test]
async fn an_image_that_exits_at_once_is_rolled_back() {
    let mut stage = Stage::start().await;
    stage.deploy("1", 1, true).await;
    let good = stage.run_all(1).await.remove(0);
    stage.observe(&good, HealthState::Healthy, None).await;
    stage.until_told("has reached a steady state.").await;
    stage.deploy("2", 1, true).await;
    for round in 2..5 {
        let bad = stage.run_all(round).await.remove(0);
        stage.report(&bad, Phase::Stopping, Some(ObservedStop::EssentialContainerExited), Some(1)).await;
        stage.report(&bad, Phase::Stopped, Some(ObservedStop::EssentialContainerExited), Some(1)).await;
        let counted = |view: &View| {
            view.service_deployment_progress
                .iter()
                .any(|(_, row)| row.counts.failure_count as usize == round - 1)
        };
        stage.one.until("the failure is counted", counted).await;
        stage.one.clock.advance(std::time::Duration::from_secs(9));
        // Time alone wakes nobody whose clock stands still: a change does.
        stage.change(|service| service.enable_ecs_managed_tags ^= true).await;
    }
    stage.until_told("has reached a steady state.").await;
    stage.until_told("(deployment ecs-svc/1) deployment completed.").await;
    let progress = stage.progress("2");
    assert_eq!(progress.rollback.as_ref().map(|rollback| rollback.revision.as_str()), Some("1"));
    let events = told(&stage);
    for expected in [
        "(service web) (deployment ecs-svc/2) deployment failed: tasks failed to start.",
        "(service web) rolling back to deployment ecs-svc/1.",
    ] {
        assert!(events.iter().any(|event| event == expected), "{expected} is not in {events:#?}");
    }
    let rolled_back = |view: &View| {
        let mut progress = view.service_deployment_progress.iter();
        progress.any(|(_, row)| row.status == DeploymentStatus::RollbackSuccessful)
    };
    stage.one.until("rolled back", rolled_back).await;
    let key = task_of(&good);
    assert!(stage.one.state.view().task(&key).is_some_and(|task| task.desired_status() == "RUNNING"));
}

#[tokio::test]
async fn a_deleted_service_ends_its_tasks() {
    let mut stage = Stage::start().await;
    stage.deploy("1", 2, false).await;
    let ids = stage.run_all(2).await;
    stage.change(|service| service.deleted_at = Some(stdx::clock::Timestamp::from_secs(1_000))).await;
    stage.hear(|stage| stage.stopping.len() == 2).await;
    let view = stage.one.state.view();
    let reason = view.task(&task_of(&ids[0])).and_then(|task| task.stop()).map(|stop| stop.reason);
    assert_eq!(reason.as_deref(), Some("Scaling activity initiated by (deployment ecs-svc/1)"));
}

#[tokio::test]
async fn what_the_api_deregisters_drains_too() {
    let stage = Stage::start().await;
    let target = Target {
        scope: group().scope,
        target_group: group().path(),
        target_id: String::from("10.0.0.99"),
        port: 80,
        availability_zone: None,
        registered_at: stage.one.context.clock.now(),
        deregistered_at: Some(stage.one.context.clock.now()),
        task_key: None,
    };
    let mut transaction = state_tables::Transaction::new();
    transaction.insert(&target);
    stage.one.state.commit(transaction).await.expect("the store takes it");
    // Its balancer is silent: that is waited for beyond the delay, and no longer.
    stage.one.clock.advance(DELAY);
    stage.deploy("1", 0, false).await;
    stage.until_told("has reached a steady state.").await;
    assert_eq!(target_count(&stage.one.state.view()), 1);
    stage.one.clock.advance(control_plan::limits::DRAIN_REPORT_PATIENCE);
    stage.change(|service| service.enable_ecs_managed_tags ^= true).await;
    stage.one.until("it is gone", |view| target_count(view) == 0).await;
}
