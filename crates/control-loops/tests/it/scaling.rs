//! The scaling loop from alarms to tasks.

use state_model::autoscaling::{ScheduledAction, Suspended};
use state_model::cloudwatch::StateValue;
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use crate::installation::scope;
use crate::scaling_stage::{HIGH, LOW, ScalingStage, key, step};

const HIGH_CAUSE: &str =
    "monitor alarm TargetTracking-service/default/web-AlarmHigh-h in state ALARM triggered policy cpu";
const LOW_CAUSE: &str =
    "monitor alarm TargetTracking-service/default/web-AlarmLow-l in state ALARM triggered policy cpu";

#[tokio::test]
async fn a_load_brings_tasks_and_its_end_takes_them_away() {
    let mut one = ScalingStage::start(2).await;
    one.measure(100.0, 3).await;
    one.set(HIGH, StateValue::Alarm).await;
    one.activate().await;
    assert_eq!(one.desired(), 4);
    assert_eq!(one.activities(), [format!("InProgress Setting desired count to 4. | {HIGH_CAUSE}")]);
    let event = &one.events()[0];
    assert_eq!(
        (
            &event["statusCode"],
            &event["newDesiredCapacity"],
            &event["oldDesiredCapacity"],
            &event["direction"]
        ),
        (&"InProgress".into(), &4.into(), &2.into(), &"scale-out".into())
    );
    // Killed and started again: what was decided isn't decided again.
    one.activate_anew().await;
    assert_eq!(one.desired(), 4);
    for id in one.stage.run_all(4).await {
        one.stage.observe(&id, HealthState::Healthy, None).await;
    }
    one.activate().await;
    assert_eq!(one.activities(), [format!("Successful Setting desired count to 4. | {HIGH_CAUSE}")]);
    assert_eq!(
        one.messages(),
        ["Successfully set desired count to 4. Change successfully fulfilled by ecs."]
    );
    assert_eq!(one.events().len(), 2);
    // A minute later it calls again: the cooldown holds, unless there is more to do.
    one.pass(1);
    one.measure(90.0, 1).await;
    one.activate().await;
    assert_eq!(one.desired(), 4);
    one.set(HIGH, StateValue::Ok).await;
    one.pass(20);
    one.measure(10.0, 15).await;
    one.set(LOW, StateValue::Alarm).await;
    one.activate().await;
    assert_eq!(one.desired(), 1);
    // Its tasks may have been asked to stop already.
    let newest = &one.activities()[0];
    assert!(newest.ends_with(&format!("Setting desired count to 1. | {LOW_CAUSE}")), "{newest}");
}

#[tokio::test]
async fn a_step_is_taken_once_a_minute_also_by_a_server_that_is_killed() {
    let mut one = ScalingStage::start(1).await;
    one.users_alarm("mine", &step(1, 0)).await;
    one.measure(80.0, 3).await;
    one.set("mine", StateValue::Alarm).await;
    one.activate().await;
    assert_eq!(one.desired(), 2);
    one.activate_anew().await;
    one.activate().await;
    assert_eq!(one.desired(), 2);
    for id in one.stage.run_all(2).await {
        one.stage.observe(&id, HealthState::Healthy, None).await;
    }
    one.activate().await;
    one.pass(1);
    one.measure(80.0, 1).await;
    one.activate().await;
    assert_eq!(one.desired(), 3);
    assert_eq!(
        one.activities(),
        [
            "InProgress Setting desired count to 3. | monitor alarm mine in state ALARM triggered policy step",
            "Successful Setting desired count to 2. | monitor alarm mine in state ALARM triggered policy step",
        ]
    );
    // An alarm that isn't heard calls nobody.
    one.set("mine", StateValue::Ok).await;
    one.pass(1);
    one.activate().await;
    assert_eq!(one.desired(), 3);
}

#[tokio::test]
async fn what_changes_nothing_is_told_once() {
    let one = ScalingStage::start(2).await;
    one.register(|target| target.max_capacity = 2).await;
    one.measure(100.0, 3).await;
    one.set(HIGH, StateValue::Alarm).await;
    for _ in 0..3 {
        one.activate().await;
        one.pass(1);
        one.measure(100.0, 1).await;
    }
    let told =
        format!("Failed Attempting to scale due to alarm triggered | {HIGH_CAUSE} AlreadyAtMaxCapacity");
    assert_eq!(one.activities(), [told]);
    assert!(one.events().is_empty());
    // Without data, and while it is suspended, there is nothing to tell.
    one.register(|target| {
        target.max_capacity = 10;
        target.suspended = Suspended { scale_out: true, ..Suspended::default() };
    })
    .await;
    one.activate().await;
    assert_eq!((one.desired(), one.activities().len()), (2, 1));
}

#[tokio::test]
async fn a_deployment_holds_less_but_not_more() {
    let one = ScalingStage::start(4).await;
    one.stage.deploy("2", 4, true).await;
    one.measure(10.0, 15).await;
    one.set(LOW, StateValue::Alarm).await;
    one.activate().await;
    let told = format!(
        "Failed Attempting to scale due to alarm triggered | {LOW_CAUSE} TargetServicePutResourceAsUnscalable"
    );
    assert_eq!((one.desired(), one.activities()), (4, vec![told]));
    one.set(LOW, StateValue::Ok).await;
    one.pass(1);
    one.measure(100.0, 1).await;
    one.set(HIGH, StateValue::Alarm).await;
    one.activate().await;
    assert_eq!(one.desired(), 8);
}

#[tokio::test]
async fn bounds_pull_at_once_and_users_override() {
    let one = ScalingStage::start(2).await;
    one.register(|target| target.min_capacity = 3).await;
    one.activate().await;
    assert_eq!(one.desired(), 3);
    assert_eq!(one.activities(), ["InProgress Setting desired count to 3. | minimum capacity was set to 3"]);
    // Whoever sets the desired count meanwhile is let be, also outside of the bounds.
    one.stage.change(|service| service.desired_count = 1).await;
    one.activate().await;
    assert_eq!(one.desired(), 1);
    assert_eq!(
        (one.activities(), one.messages()),
        (
            vec![String::from("Overridden Setting desired count to 3. | minimum capacity was set to 3")],
            vec![String::from("Successfully set desired count to 3. Found it was later changed to 1.")]
        )
    );
    one.register(|target| (target.min_capacity, target.max_capacity) = (0, 0)).await;
    one.activate().await;
    assert_eq!(one.desired(), 0);
    let newest = &one.activities()[0];
    assert!(newest.ends_with("Setting desired count to 0. | maximum capacity was set to 0"), "{newest}");
}

fn scheduled(name: &str, schedule: &str, min: u32, max: u32, changed_at: Timestamp) -> ScheduledAction {
    ScheduledAction {
        scope: scope(),
        cluster: "default".into(),
        service: "web".into(),
        name: name.into(),
        id: format!("id-of-{name}"),
        schedule: schedule.into(),
        time_zone: None,
        start: None,
        end: None,
        min_capacity: Some(min),
        max_capacity: Some(max),
        created_at: changed_at,
        changed_at,
    }
}

#[tokio::test]
async fn scheduled_actions_set_bounds_and_pull() {
    let mut one = ScalingStage::start(2).await;
    // The clock of the stage stands at 1970-01-01T00:16:40.
    one.write(&scheduled("once", "at(1970-01-01T00:20:00)", 5, 5, one.now())).await;
    one.activate().await;
    assert_eq!(one.desired(), 2);
    one.pass(4);
    one.activate().await;
    assert_eq!(one.desired(), 5);
    assert_eq!(
        one.activities(),
        [
            "InProgress Setting desired count to 5. | minimum capacity was set to 5",
            "Successful Setting min capacity to 5 and max capacity to 5 | scheduled action name once was triggered",
        ]
    );
    assert!(one.stage.one.state.view().scheduled_actions.is_empty());
    // Times that were missed are caught up on once.
    one.write(&scheduled("again", "rate(5 minutes)", 1, 4, one.now())).await;
    one.pass(60);
    one.activate_anew().await;
    one.activate_anew().await;
    assert_eq!(one.desired(), 4);
    let again = |line: &&String| line.ends_with("scheduled action name again was triggered");
    assert_eq!(one.activities().iter().filter(again).count(), 1);
    one.pass(5);
    one.activate().await;
    assert_eq!(one.activities().iter().filter(again).count(), 2);
    // What comes while it is suspended isn't made good.
    one.register(|target| target.suspended.scheduled = true).await;
    one.pass(5);
    one.activate().await;
    one.register(|target| target.suspended.scheduled = false).await;
    one.activate().await;
    assert_eq!(one.activities().iter().filter(again).count(), 2);
}

#[tokio::test]
async fn a_deleted_service_takes_its_target_along() {
    let one = ScalingStage::start(1).await;
    one.register(|target| target.min_capacity = 2).await;
    one.activate().await;
    one.write(&scheduled("night", "cron(0 22 * * ? *)", 0, 1, one.now())).await;
    one.set(HIGH, StateValue::Ok).await;
    let now = one.now();
    one.stage.change(move |service| service.deleted_at = Some(now)).await;
    one.activate().await;
    let view = one.stage.one.state.view();
    assert!(!view.scalable_targets.contains(&key()));
    assert!(view.scaling_policies.is_empty() && view.scheduled_actions.is_empty());
    assert!(view.alarms.is_empty() && view.alarm_states.is_empty() && view.scaling_progress.is_empty());
    assert!(one.activities()[0].starts_with("Unfulfilled"), "{:?}", one.activities());
    assert!(!one.has_alarm(HIGH) && !one.has_alarm(LOW));
}

#[tokio::test]
async fn activities_are_forgotten_after_six_weeks() {
    let one = ScalingStage::start(2).await;
    one.register(|target| target.min_capacity = 3).await;
    one.activate().await;
    one.pass(41 * 24 * 60);
    control_loops::scaling::expired_activities(one.stage.one.context.clone()).await.expect("it commits");
    assert_eq!(one.activities().len(), 1);
    one.pass(2 * 24 * 60);
    control_loops::scaling::expired_activities(one.stage.one.context.clone()).await.expect("it commits");
    assert!(one.activities().is_empty());
}
