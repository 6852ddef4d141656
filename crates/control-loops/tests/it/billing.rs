//! Usage: recorded by day, once, and before the task is forgotten; budgets told once per period.

use std::sync::Arc;
use std::time::Duration;

use control_loops::billing::{budgets, folding, metering};
use control_loops::{changed_tasks, cleanup, ecs_events};
use state_model::billing::budget::{
    Budget, BudgetKind, Comparison, CostTypes, Definition, Filters, Limits, Notification, NotificationKind,
    Spend, Subscriber, TimeUnit, Trigger,
};
use state_model::billing::calendar::Day;
use state_model::billing::prices::PriceTable;
use state_model::billing::usage::Detail;
use state_model::ecs::task::{ObservedTimes, Phase, TaskObservation};
use state_tables::{Transaction, task_columns};
use stdx::clock::{Clock, Timestamp};

use crate::installation::{Installation, intent, scope, start_without_loops};

/// A task that pulls from now on, or that has ended.
async fn observe(one: &Installation, id: &str, phase: Phase, times: ObservedTimes) {
    let key = state_model::ecs::task::task_key(&scope(), "default", id);
    let view = one.state.view();
    let former = view.task_observations.get(&key);
    let observation = TaskObservation {
        scope: scope(),
        cluster: "default".into(),
        id: id.into(),
        generation: 1,
        phase,
        containers: Vec::new(),
        times,
        stop: None,
        changes: former.map_or(1, |former| former.changes + 1),
    };
    let mut transaction = Transaction::new();
    task_columns::write_observation(&mut transaction, former, &observation);
    one.state.commit(transaction).await.expect("the store takes it");
}

fn pulled(at: Timestamp) -> ObservedTimes {
    ObservedTimes { pull_started_at: Some(at), ..ObservedTimes::default() }
}

fn stopped(pulled_at: Timestamp, at: Timestamp) -> ObservedTimes {
    ObservedTimes { stopped_at: Some(at), ..pulled(pulled_at) }
}

fn recorded(one: &Installation) -> Vec<(i32, u64)> {
    let view = one.state.view();
    let rows = view.billing_usage.iter().map(|(_, row)| (row.day.0, row.quantities().cpu_unit_secs / 256));
    rows.collect()
}

#[tokio::test]
async fn a_run_over_midnight_is_recorded_by_day_and_once_whoever_restarts() {
    let one = start_without_loops().await;
    let began = one.clock.now();
    one.run(&intent("t1")).await;
    observe(&one, "t1", Phase::Running, pulled(began)).await;
    metering::activate(one.context.clone(), Default::default()).await.expect("it commits");
    assert_eq!(recorded(&one), [], "the day isn't over");
    one.clock.advance(Duration::from_secs(86_400));
    // A new memory each time: as after a crash.
    for _ in 0..2 {
        metering::activate(one.context.clone(), Default::default()).await.expect("it commits");
        assert_eq!(recorded(&one), [(0, 85_400)]);
    }
    one.clock.advance(Duration::from_millis(500));
    observe(&one, "t1", Phase::Stopped, stopped(began, one.clock.now())).await;
    for _ in 0..2 {
        metering::activate(one.context.clone(), Default::default()).await.expect("it commits");
        assert_eq!(recorded(&one), [(0, 85_400), (1, 1_001)]);
    }
}

#[tokio::test]
async fn a_task_is_forgotten_only_when_its_usage_and_its_end_are_told() {
    let one = start_without_loops().await;
    let began = one.clock.now();
    let key = one.run(&intent("t1")).await;
    observe(&one, "t1", Phase::Stopped, stopped(began, began)).await;
    one.clock.advance(Duration::from_secs(7_200));
    let forget = || async { cleanup::history(one.context.clone()).await.expect("it commits") };
    forget().await;
    assert_eq!(one.last_status(&key), "STOPPED", "nothing was told");
    metering::activate(one.context.clone(), Default::default()).await.expect("it commits");
    forget().await;
    assert_eq!(one.last_status(&key), "STOPPED", "its end wasn't told");
    ecs_events::tasks(one.context.clone(), changed_tasks::Memory::default()).await.expect("it commits");
    forget().await;
    assert_eq!(one.last_status(&key), "gone");
    let view = one.state.view();
    assert!(view.task_meters.is_empty() && view.task_told.is_empty());
    assert_eq!(recorded(&one), [(0, 60)]);
    assert_eq!(view.pending_events.len(), 1);
}

#[tokio::test]
async fn old_usage_is_folded_and_dropped_in_the_end() {
    let one = start_without_loops().await;
    let began = one.clock.now();
    for id in ["t1", "t2", "t3"] {
        one.run(&intent(id)).await;
        observe(&one, id, Phase::Stopped, stopped(began, began)).await;
    }
    metering::activate(one.context.clone(), Default::default()).await.expect("it commits");
    let fold = || async {
        while folding::activate(one.context.clone()).await.expect("it commits")
            == control_loops::driver::Activation::Again
        {}
    };
    fold().await;
    assert_eq!(one.state.view().billing_usage.len(), 3);
    one.clock.advance(Duration::from_hours(24 * 16));
    fold().await;
    assert_eq!(recorded(&one), [(0, 180)]);
    let view = one.state.view();
    assert!(view.billing_usage.iter().all(|(_, row)| matches!(row.detail, Detail::Folded(_))));
    one.clock.advance(Duration::from_hours(24 * 460));
    fold().await;
    assert_eq!(recorded(&one), []);
}

fn budget(limit: &str) -> Budget {
    let trigger = Trigger {
        kind: NotificationKind::Actual,
        comparison: Comparison::GreaterThan,
        threshold: 80.0,
        is_percentage: true,
    };
    let topic = Subscriber::Sns("arn:aws:sns:us-east-1:000000000000:costs".into());
    let mail = Subscriber::Email("a@example.com".into());
    Budget {
        account: scope().account,
        name: "all".into(),
        uid: "1".into(),
        definition: Definition {
            kind: BudgetKind::Cost,
            time_unit: TimeUnit::Daily,
            limits: Limits::Fixed(Spend { amount: limit.into(), unit: "USD".into() }),
            start: Timestamp(0),
            end: Timestamp(i64::MAX / 2),
            cost_types: CostTypes::default(),
            filters: Filters::Legacy { given: Default::default(), filter: None },
            metric: None,
        },
        notifications: vec![Notification { trigger, subscribers: vec![topic, mail] }],
        tags: Default::default(),
        defined_at: Timestamp(1),
    }
}

#[tokio::test]
async fn a_budget_tells_once_per_period() {
    let one = start_without_loops().await;
    let prices = Arc::new(PriceTable::default());
    let began = one.clock.now();
    // A quarter vCPU and half a GB: 0.0123425 an hour.
    one.put(&budget("0.0123425")).await;
    one.run(&intent("t1")).await;
    observe(&one, "t1", Phase::Running, pulled(began)).await;
    let sent = || {
        let view = one.state.view();
        (view.pending_messages.len(), view.deliveries.len())
    };
    let memory = budgets::Memory::default();
    for (seconds, expected) in [(0, 0), (2_800, 0), (100, 1), (3_600, 1)] {
        one.clock.advance(Duration::from_secs(seconds));
        for memory in [memory.clone(), budgets::Memory::default()] {
            budgets::activate(one.context.clone(), Arc::clone(&prices), memory).await.expect("it commits");
        }
        assert_eq!(sent(), (expected, expected), "after {seconds} s more");
    }
    let view = one.state.view();
    let (_, state) = view.budget_states.iter().next().expect("it is noted");
    assert_eq!((state.in_alarm.len(), state.sent.len()), (1, 1));
    let (_, message) = view.pending_messages.iter().next().expect("it was sent");
    assert_eq!(message.subject.as_deref(), Some("AWS Budgets: all has exceeded your alert threshold"));
    assert!(message.message.contains("Budgeted Amount: 0.0123425 USD"), "{}", message.message);
    // The next day begins at nothing, and is told anew.
    one.clock
        .advance(Duration::from_secs(86_400 - one.clock.now().as_secs().unsigned_abs() % 86_400 + 3_600));
    budgets::activate(one.context.clone(), prices, memory).await.expect("it commits");
    assert_eq!(sent(), (2, 2));
    assert_eq!(Day::of(one.clock.now()), Day(1));
}
