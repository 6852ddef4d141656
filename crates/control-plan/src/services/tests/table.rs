//! Snapshots and decisions.

use std::time::Duration;

use state_model::ecs::cluster::StrategyItem;
use state_model::ecs::service_deployment::{DeploymentStatus, StopKind};

use super::stage::{NOW, Stage, breaker, check, progress, rollback, rollout};
use crate::services::snapshot::FailureKind;
use crate::services::{AlarmsView, plan};

#[test]
fn nothing_is_done_in_a_steady_state() {
    check("steady", &Stage::default(), "");
    check("no tasks at all", &Stage { desired: 0, tasks: vec![], ..Stage::default() }, "");
    let told = vec![
        String::from("(service S) registered 1 targets in (target-group arn:tg)"),
        String::from("(service S) has reached a steady state."),
    ];
    check("targets don't end it", &Stage { told, ..Stage::default() }, "");
    let next = plan(&Stage::default().snapshot(), NOW).next;
    assert_eq!(next, Some(NOW.plus(Duration::from_secs(6 * 3600 - 60))), "told again every six hours");
}

#[test]
fn a_steady_state_is_told_after_something_moved() {
    let moved = String::from("(service S) has started 1 tasks: (task T).");
    let stage = Stage::default().with(|stage| stage.told.insert(0, moved));
    check("moved", &stage, "\"has reached a steady state\"");
    check("first", &Stage { told: vec![], ..Stage::default() }, "\"has reached a steady state\"");
}

#[test]
fn lost_tasks_are_replaced_where_fewest_are() {
    let stage = Stage { desired: 3, tasks: vec!["2h@a", "2x@b"], ..Stage::default() };
    check("one died", &stage, "+2@b +2@a \"has started 2 tasks: (task T) (task T)\"");
    let stage = Stage { desired: 1, tasks: vec!["2k@a"], maximum: 100, minimum: 0, ..Stage::default() };
    check("no room until it has left", &stage, "");
    let stage = Stage { tasks: vec!["2d@a"], ..stage };
    check("one that drains makes room", &stage, "+2@a \"has started 1 tasks: (task T)\"");
}

#[test]
fn a_rollout_keeps_within_both_percentages() {
    check(
        "start first",
        &rollout(2, &["1h@a", "1h@b"]),
        "+2@a +2@b \"has started 2 tasks: (task T) (task T)\"",
    );
    check("wait for the new ones", &rollout(2, &["1h@a", "1h@b", "2r@a", "2p@b"]), "");
    check(
        "one is healthy: one goes",
        &rollout(2, &["1h@a", "1h@b", "2h@a", "2r@b"]),
        "-1h@b in_progress:0 \"has stopped 1 running tasks: (task 1h@b)\"",
    );
    let half = rollout(4, &["1h@a", "1h@b", "1h@a", "1h@b"]).with(|stage| {
        stage.minimum = 50;
        stage.maximum = 100;
    });
    check(
        "stop first, as many as may",
        &half,
        "-1h@b -1h@a \"has stopped 2 running tasks: (task 1h@b) (task 1h@a)\"",
    );
    let half = half.with(|stage| stage.tasks = vec!["1k@a", "1k@b", "1h@a", "1h@b"]);
    check("they count until they have left", &half, "");
    let half = half.with(|stage| stage.tasks = vec!["1x@a", "1x@b", "1h@a", "1h@b"]);
    check("then new ones start", &half, "+2@a +2@b \"has started 2 tasks: (task T) (task T)\"");
}

#[test]
fn what_a_superseded_rollout_began_goes_first() {
    check(
        "its pending tasks take the room",
        &rollout(2, &["1h@a", "1h@b", "0p@a", "0p@b"]),
        "-0p@b -0p@a \"stopped 2 pending tasks\"",
    );
    let stage = rollout(2, &["1h@a", "0h@b", "2h@a"]).with(|stage| {
        stage.minimum = 50;
        stage.progress.counts.healthy_tasks = 1;
    });
    check(
        "what is missing starts, and one is replaced",
        &stage,
        "+2@b -1h@a \"has started 1 tasks: (task T)\" \"has stopped 1 running tasks: (task 1h@a)\"",
    );
}

#[test]
fn percentages_that_leave_no_room_are_told() {
    let stage = rollout(2, &["1h@a", "1h@b"]).with(|stage| {
        stage.minimum = 75;
        stage.maximum = 125;
    });
    check(
        "75 and 125 percent of two",
        &stage,
        "\"was unable to stop or start tasks during a deployment because of the service deployment configuration. \
         Update the minimumHealthyPercent or maximumPercent value and try again\"",
    );
}

#[test]
fn a_deployment_completes_when_the_old_tasks_have_gone() {
    let draining = rollout(1, &["2h@a", "1d@a"]).with(|stage| stage.progress.counts.healthy_tasks = 1);
    check("the old one drains", &draining, "");
    let ended = draining.clone().with(|stage| stage.tasks = vec!["2h@a", "1x@a"]);
    let completed =
        "successful:0 \"(deployment ecs-svc/2) deployment completed\" \"has reached a steady state\"";
    check("it stops", &ended, completed);
    let baking = ended.with(|stage| stage.bake_secs = 60);
    check("baking begins", &baking, "in_progress:0");
    let baked = baking.with(|stage| stage.progress.baking_since = Some(NOW.minus(Duration::from_secs(60))));
    check("baked", &baked, completed);
    let unwatched = Stage { is_balanced: false, breaker: Some(breaker(true)), ..rollout(1, &["2h@a"]) };
    check("nothing checks it, and it has run for long enough", &unwatched, completed);
}

#[test]
fn unhealthy_tasks_are_replaced_first_where_there_is_room() {
    let stage = Stage { tasks: vec!["2h@a", "2u@b"], ..Stage::default() };
    let started =
        "+2@a \"has started 1 tasks: (task T). Amazon ECS replaced 1 tasks due to an unhealthy status\"";
    check("a replacement", &stage, started);
    let stage = Stage { tasks: vec!["2h@a", "2u@b", "2r@a"], ..stage };
    check("not healthy yet", &stage, "");
    let stage = Stage { tasks: vec!["2h@a", "2u@b", "2h@a"], ..stage };
    check(
        "replaced",
        &stage,
        "-2u@b \"(task 2u@b) (port 80) is unhealthy in (target-group arn:tg) due to (reason Health checks failed)\" \
         \"has stopped 1 running tasks: (task 2u@b)\"",
    );
    let full = Stage { tasks: vec!["2c@a", "2u@b"], minimum: 0, maximum: 100, ..Stage::default() };
    check(
        "no room: one at a time",
        &full,
        "-2c@a \"(task 2c@a) failed container health checks\" \"has stopped 1 running tasks: (task 2c@a)\"",
    );
    let full = Stage { tasks: vec!["2k@a", "2u@b"], ..full };
    check("the other waits", &full, "");
    let graceful = Stage { tasks: vec!["2h@a", "2u@b"], grace_secs: 300, ..Stage::default() };
    check("within the grace period", &graceful, "");
    let next = plan(&graceful.snapshot(), NOW).next;
    assert_eq!(next, Some(NOW.plus(Duration::from_secs(210))), "the grace period's end is a time to act");
}

#[test]
fn scaling_in_takes_pending_ones_then_the_fullest_zone() {
    let stage = Stage { desired: 1, tasks: vec!["2h@a", "2h@b", "2p@b"], ..Stage::default() };
    check(
        "pending first",
        &stage,
        "-2p@b -2h@b \"has stopped 1 running tasks: (task 2h@b)\" \"stopped 1 pending tasks\"",
    );
    let stage = Stage { desired: 2, tasks: vec!["2h@a", "2h!@b", "2h@b"], ..Stage::default() };
    check("the protected one stays", &stage, "-2h@b \"has stopped 1 running tasks: (task 2h@b)\"");
    let stage = Stage { desired: 0, tasks: vec!["2h!@a", "2h!@b"], ..Stage::default() };
    check(
        "only protected ones are left",
        &stage,
        "\"(service S) was unable to reach steady state because (taskSet ecs-svc/2) was unable to scale in due to \
         (reason 2 tasks under protection)\""
            .trim_start_matches("\"(service S) ")
            .replacen("was", "\"was", 1)
            .as_str(),
    );
}

#[test]
fn a_deleted_service_ends_everything() {
    let stage = Stage { is_deleted: true, tasks: vec!["2h!@a", "2p@b", "2d@b"], ..Stage::default() };
    check(
        "deleted",
        &stage,
        "-2h!@a -2p@b \"has stopped 1 running tasks: (task 2h!@a)\" \"stopped 1 pending tasks\"",
    );
    let stops = plan(&stage.snapshot(), NOW).stops;
    assert_eq!(stops[0].reason, "Scaling activity initiated by (deployment ecs-svc/2)");
    let stage = Stage { tasks: vec![], progress: progress(DeploymentStatus::InProgress), ..stage };
    check("its deployment ends", &stage, "stopped:0");
}

#[test]
fn failures_are_waited_for_and_trip_the_breaker() {
    let failing = rollout(1, &["1h@a"]).with(|stage| {
        stage.breaker = Some(breaker(true));
        stage.failures = vec![("f1", FailureKind::NeverStarted)];
    });
    check("counted, and waited for", &failing, "in_progress:1");
    let decisions = plan(&failing.snapshot(), NOW);
    assert_eq!(decisions.next, Some(NOW.plus(Duration::from_secs(1))));
    let counted = failing.clone().with(|stage| {
        stage.progress.counted_tasks = vec![String::from("f1")];
        stage.progress.counts.failure_count = 1;
    });
    check("counted once", &counted, "+2@b \"has started 1 tasks: (task T)\"");
    let tripped = failing.with(|stage| stage.progress.counts.failure_count = 2);
    check(
        "the third",
        &tripped,
        "rollback_in_progress:0 \"(deployment ecs-svc/2) deployment failed: tasks failed to start\" \
         \"rolling back to deployment ecs-svc/1\"",
    );
    let alone = tripped.clone().with(|stage| stage.completed = None);
    let failed = "stopped:3 \"(deployment ecs-svc/2) deployment failed: tasks failed to start\"";
    check("nothing to go back to", &alone, failed);
    let unwilling = tripped.with(|stage| stage.breaker = Some(breaker(false)));
    check("without rollback", &unwilling, failed);
    let stalled = Stage { progress: progress(DeploymentStatus::Stopped), ..rollout(1, &[]) };
    let stalled = stalled.with(|stage| stage.progress.status = DeploymentStatus::Stopped);
    check("a failed deployment starts nothing more", &stalled, "");
}

#[test]
fn a_healthy_task_takes_the_count_back() {
    let stage = rollout(4, &["2h@a", "2p@b", "2p@a", "2p@b"]).with(|stage| {
        stage.breaker = Some(breaker(true));
        stage.progress.counts.failure_count = 2;
        stage.progress.counts.reached_running = true;
    });
    check("the first", &stage, "in_progress:0");
    let stage = stage.with(|stage| stage.progress.counts.healthy_tasks = 1);
    check("one that was healthy before", &stage, "");
}

#[test]
fn capacity_is_told_once_and_counts_for_nothing() {
    let stage = rollout(1, &[]).with(|stage| {
        stage.breaker = Some(breaker(true));
        stage.completed = None;
        stage.failures = vec![("f1", FailureKind::Capacity)];
    });
    let message = "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or \
                   in a different availability zone";
    check("told", &stage, &format!("in_progress:0 \"{message}\""));
    let stage = stage.with(|stage| stage.told = vec![format!("(service S) {message}.")]);
    check("told before", &stage, "in_progress:0");
}

#[test]
fn a_rollback_goes_the_same_way() {
    let stage = rollback(2, &["1h@a", "2u@b"]);
    check("missing ones start", &stage, "+1@b \"has started 1 tasks: (task T)\"");
    let stage = stage.with(|stage| {
        stage.tasks = vec!["1h@a", "1h@b", "2u@b"];
        stage.back().healthy_tasks = 2;
    });
    check("failed ones go", &stage, "-2u@b \"has stopped 1 running tasks: (task 2u@b)\"");
    let stage = stage.with(|stage| stage.tasks = vec!["1h@a", "1h@b"]);
    check(
        "done",
        &stage,
        "rollback_successful:0 \"(deployment ecs-svc/1) deployment completed\" \"has reached a steady state\"",
    );
}

#[test]
fn a_rollback_that_fails_as_well_ends() {
    let failed = "\"(deployment ecs-svc/1) deployment failed: tasks failed to start\"";
    // What the target failed with doesn't count for the way back.
    let failing = rollback(1, &["1h@a"]).with(|stage| {
        stage.desired = 2;
        stage.breaker = Some(breaker(true));
        stage.failures = vec![("f1", FailureKind::NeverStarted)];
        stage.progress.breaker_triggered = true;
        stage.progress.counts.failure_count = 3;
    });
    check("counted anew, beside one that runs from before", &failing, "rollback_in_progress:1");
    let tripped = failing.with(|stage| stage.back().failure_count = 2);
    check("the third", &tripped, &format!("rollback_failed:3 {failed}"));
    let snapshot = tripped.snapshot();
    let progress = plan(&snapshot, NOW).progress.expect("it ends");
    assert_eq!(progress.finished_at, Some(NOW));
    assert_eq!(
        progress.status_reason.as_deref(),
        Some("Service deployment rollback failed because the circuit breaker threshold was exceeded.")
    );
    let unwilling = tripped.clone().with(|stage| stage.breaker = Some(breaker(false)));
    check("somebody asked for the rollback", &unwilling, &format!("rollback_failed:3 {failed}"));
    let unwatched = tripped.clone().with(|stage| stage.breaker = None);
    check("no breaker watches: it is tried on", &unwatched, "rollback_in_progress:2");
    let recovered = tripped.clone().with(|stage| {
        stage.failures.clear();
        stage.tasks.push("1h@b");
    });
    check(
        "one that gets healthy takes the count back",
        &recovered,
        "rollback_successful:0 \"(deployment ecs-svc/1) deployment completed\" \"has reached a steady state\"",
    );
    let alarm = Some(AlarmsView { rollback: true, in_alarm: vec!["high"] });
    let alarmed = rollback(2, &["1h@a", "1r@b"]).with(|stage| stage.alarms = alarm);
    check("alarms don't end it", &alarmed, "");
}

#[test]
fn a_failed_rollback_starts_nothing_more() {
    let over = |tasks: &[&'static str]| {
        rollback(2, tasks).with(|stage| stage.progress.status = DeploymentStatus::RollbackFailed)
    };
    check("nothing runs", &over(&[]), "");
    check("what runs goes on", &over(&["1h@a"]), "");
    check("even when all are well in the end", &over(&["1h@a", "1h@b"]), "");
    check(
        "what is left of the target goes",
        &over(&["1h@a", "1h@b", "2h@b"]),
        "-2h@b \"has stopped 1 running tasks: (task 2h@b)\"",
    );
    let deleted = over(&["1h@a"]).with(|stage| stage.is_deleted = true);
    check("its service can be deleted", &deleted, "-1h@a \"has stopped 1 running tasks: (task 1h@a)\"");
}

#[test]
fn while_a_rollout_fails_lost_old_tasks_are_replaced_by_their_like() {
    let stage = rollout(2, &["1h@a"]).with(|stage| {
        stage.progress.start_failures = 2;
        stage.progress.next_start_at = Some(NOW.plus(Duration::from_secs(2)));
    });
    check("one of the old ones died", &stage, "+1@b \"has started 1 tasks: (task T)\"");
}

#[test]
fn zones_are_balanced_one_task_at_a_time() {
    let stage =
        Stage { desired: 3, rebalancing: true, tasks: vec!["2h@a", "2h@a", "2h@a"], ..Stage::default() };
    let told = "is not AZ balanced with 3 tasks in a, 0 tasks in b. AZ Rebalancing in progress";
    check(
        "uneven",
        &stage,
        &format!("+2@b \"{told}\" \"has started 1 tasks in b to AZ Rebalance: (task T)\""),
    );
    let moving = stage.with(|stage| stage.told.insert(0, format!("(service S) {told}.")));
    let waiting = moving.clone().with(|stage| stage.tasks = vec!["2h@a", "2h@a", "2h@a", "2p@b"]);
    check("on its way", &waiting, "");
    let arrived = moving.clone().with(|stage| stage.tasks = vec!["2h@a", "2h@a", "2h@a", "2h@b"]);
    check(
        "arrived",
        &arrived,
        "-2h@a \"has stopped 1 running tasks in a due to AZ rebalancing: (task 2h@a)\"",
    );
    let done = moving.with(|stage| stage.tasks = vec!["2h@a", "2h@a", "2h@b"]);
    check("done", &done, "\"is AZ balanced with 2 tasks in a, 1 tasks in b\" \"has reached a steady state\"");
    let full = Stage { desired: 2, maximum: 100, minimum: 0, rebalancing: true, ..Stage::default() };
    check("no room to start first", &Stage { tasks: vec!["2h@a", "2h@a"], ..full }, "");
}

#[test]
fn a_strategy_spreads_over_providers() {
    let item = |name: &str, base, weight| StrategyItem { capacity_provider: name.into(), base, weight };
    let stage = Stage {
        desired: 4,
        tasks: vec!["2h@a/FARGATE"],
        strategy: vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 0, 2)],
        ..Stage::default()
    };
    check(
        "base is there, the rest by weight",
        &stage,
        "+2@b/FARGATE_SPOT +2@b/FARGATE +2@a/FARGATE_SPOT \"has started 3 tasks: (task T) (task T) (task T)\"",
    );
}

#[test]
fn a_deployment_is_stopped_on_request() {
    let stage = rollout(2, &["1h@a", "1h@b", "2r@a"]);
    let rollback = Stage { stop: Some(StopKind::Rollback), ..stage.clone() };
    check("back", &rollback, "rollback_in_progress:0 \"rolling back to deployment ecs-svc/1\"");
    let nowhere = Stage { completed: None, ..rollback };
    check("there is no way back", &nowhere, "stopped:0");
    let abort = Stage { stop: Some(StopKind::Abort), ..stage.clone() };
    check("it stays as it is", &abort, "stopped:0");
    let done = Stage { stop: Some(StopKind::Rollback), ..Stage::default() };
    check("it was over already", &done, "");
}

#[test]
fn alarms_end_a_deployment_unless_they_were_there_before_it() {
    let view =
        |rollback, in_alarm: &[&'static str]| Some(AlarmsView { rollback, in_alarm: in_alarm.to_vec() });
    let stage = Stage { alarms: view(true, &["high"]), ..rollout(2, &["1h@a", "1h@b", "2r@a", "2r@b"]) };
    let failed = "\"(deployment ecs-svc/2) deployment failed: alarm detected\"";
    let back = format!("rollback_in_progress:0 {failed} \"rolling back to deployment ecs-svc/1\"");
    check("back", &stage, &back);
    check(
        "it stays as it is",
        &Stage { alarms: view(false, &["high"]), ..stage.clone() },
        &format!("stopped:0 {failed}"),
    );
    check(
        "there is no way back",
        &Stage { completed: None, ..stage.clone() },
        &format!("stopped:0 {failed}"),
    );
    let baking = Stage { bake_secs: 60, tasks: vec!["2h@a", "2h@b"], ..stage.clone() };
    check("while it bakes", &baking, &back);
    let quiet = Stage { alarms: view(true, &[]), ..stage.clone() };
    check("all is quiet", &quiet, "");
    let ignored = stage.clone().with(|stage| stage.progress.alarms_ignored = true);
    check("it was in ALARM before", &ignored, "");
    let over = Stage { alarms: view(true, &["high"]), ..Stage::default() };
    check("it was over already", &over, "");
    let beginning = stage.with(|stage| stage.progress.status = DeploymentStatus::Pending);
    let snapshot = beginning.snapshot();
    let progress = plan(&snapshot, NOW).progress.expect("it begins");
    assert!(progress.alarms_ignored && progress.triggered_alarms.is_empty());
}
