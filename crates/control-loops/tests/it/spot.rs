//! A node with bounds: Spot tasks yield to others.

use std::sync::Arc;

use control_loops::driver::Activation;
use control_loops::{LoopContext, placement};
use control_plan::capacity::Capacity;
use control_plan::placement::{CAPACITY_UNAVAILABLE, NodeOffer};
use state_model::ecs::task::{Phase, StopCode, TaskIntent, TaskObservation, task_key};
use state_tables::{Transaction, task_columns};

use crate::installation::{Installation, intent, scope, start_without_loops};
use crate::load_balancing::pool;

async fn run(one: &Installation, id: &str, provider: Option<&str>, cpu: u32) -> String {
    let mut transaction = Transaction::new();
    let provider = provider.map(str::to_owned);
    let intent = TaskIntent { capacity_provider_name: provider, cpu, ..intent(id) };
    task_columns::create_intent(&mut transaction, &intent);
    one.state.commit(transaction).await.expect("the store takes it");
    place(&one.context).await;
    task_key(&scope(), "default", id)
}

async fn place(context: &LoopContext) {
    let capacity = Capacity { cpu: Some(1_024), memory_mib: None };
    let nodes = vec![NodeOffer { name: "node-1".into(), capacity }];
    let pool = pool("127.80.0.0/16");
    while placement::activate(context.clone(), nodes.clone(), pool).await.expect("the store takes it")
        == Activation::Again
    {}
}

async fn stopped(one: &Installation, id: &str) {
    let mut transaction = Transaction::new();
    let observation = TaskObservation {
        scope: scope(),
        cluster: "default".into(),
        id: id.into(),
        generation: 1,
        phase: Phase::Stopped,
        containers: Vec::new(),
        times: Default::default(),
        stop: None,
        changes: 1,
    };
    task_columns::write_observation(&mut transaction, None, &observation);
    one.state.commit(transaction).await.expect("the store takes it");
    place(&one.context).await;
}

#[tokio::test]
async fn an_on_demand_task_waits_for_the_youngest_spot_task_to_leave() {
    let one = start_without_loops().await;
    let spot = Some("FARGATE_SPOT");
    let older = run(&one, "s1", spot, 512).await;
    let younger = run(&one, "s2", spot, 512).await;
    let refused = run(&one, "s3", spot, 256).await;
    let wanted = run(&one, "t1", None, 512).await;
    let view = Arc::clone(&one.state.view());
    let status = |key: &str| view.task(key).map(|task| (task.last_status(), task.stop()));
    assert_eq!(status(&older), Some(("PROVISIONING", None)));
    let (last_status, stop) = status(&younger).expect("it is there");
    let stop = stop.expect("it was interrupted");
    assert_eq!((last_status, stop.code), ("PROVISIONING", StopCode::SpotInterruption));
    assert_eq!(stop.reason, "Your Spot Task was interrupted.");
    let stop = status(&refused).and_then(|(_, stop)| stop).expect("it was refused");
    assert_eq!((stop.code, stop.reason.as_str()), (StopCode::TaskFailedToStart, CAPACITY_UNAVAILABLE));
    assert!(!view.task_placements.contains(&wanted), "it waits");
    stopped(&one, "s2").await;
    let view = one.state.view();
    assert!(view.task_placements.get(&wanted).is_some_and(|row| row.placed().is_some()));
}
