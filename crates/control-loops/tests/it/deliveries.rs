//! Messages become deliveries, and deliveries are tried until they arrive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use control_loops::deliveries::{Deliveries, Executor, Outcome};
use control_loops::driver::Activation;
use control_loops::{LoopContext, messages};
use state_model::delivery::{Action, Backoff, Call, Delivery, Retry};
use state_model::sns::notification::Signer;
use state_model::sns::{PendingMessage, Protocol, SignatureVersion, Subscription, SubscriptionStatus, Topic};
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use state_telemetry::metrics::{self, MetricStore};
use stdx::clock::{SystemClock, Timestamp};
use stdx::random::{self, SystemRandom};
use stdx_async::{shutdown, supervisor};

use crate::installation::scope;

async fn context() -> LoopContext {
    let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty store loads");
    supervisor::spawn("feed", feed.run());
    LoopContext { state, clock: SystemClock::shared(), random: SystemRandom::shared() }
}

fn metric_store(directory: &std::path::Path) -> MetricStore {
    MetricStore::open(directory, metrics::Config::default(), SystemClock::shared()).expect("a store")
}

/// Answers by the lane, and remembers what it was given.
#[derive(Debug, Default)]
struct Receivers {
    tried: Mutex<Vec<(String, u32)>>,
}

#[async_trait]
impl Executor for Receivers {
    async fn execute(&self, delivery: &Delivery) -> Outcome {
        let tried = (delivery.lane.clone(), delivery.attempts);
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push(tried);
        match delivery.lane.as_str() {
            "up" => Outcome::Arrived,
            "flaky" if delivery.attempts < 2 => Outcome::Failed("not yet".into()),
            "flaky" => Outcome::Arrived,
            "broken" => panic!("on purpose"),
            "refusing" => Outcome::Refused("never".into()),
            "hanging" => std::future::pending().await,
            _ => Outcome::Failed("down".into()),
        }
    }
}

fn delivery(context: &LoopContext, lane: &str) -> Delivery {
    let call = Call {
        service: "ecs".into(),
        operation: "RunTask".into(),
        input: "{}".into(),
        role_arn: None,
        principal: "events.amazonaws.com".into(),
    };
    let retry = Retry { retries_max: 3, age_max_secs: 60, backoff: Backoff::Listed(vec![0]) };
    Delivery::new(&scope(), lane, Action::Call(call), retry, context.clock.now(), &*context.random)
}

#[tokio::test]
async fn every_delivery_ends_as_its_receiver_has_it() {
    let context = context().await;
    let directory = std::env::temp_dir().join(format!("neargate-test-{}", random::hex(&SystemRandom, 12)));
    let mut transaction = Transaction::new();
    for lane in ["hanging", "down", "broken", "refusing", "flaky", "up", "up"] {
        transaction.insert(&delivery(&context, lane));
    }
    context.state.commit(transaction).await.expect("a commit");
    let executor = Arc::new(Receivers::default());
    let (_trigger, shutdown) = shutdown::channel();
    let deliveries = Deliveries {
        context: context.clone(),
        executor: Arc::clone(&executor) as Arc<dyn Executor>,
        metrics: metric_store(&directory),
    };
    supervisor::spawn("deliveries", deliveries.run(shutdown));
    let mut changes = context.state.changes();
    let settled = async {
        // Only the one that hangs is left.
        while context.state.view().deliveries.len() > 1 {
            changes.changed().await.expect("the state lives");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), settled).await.expect("everything else ends");
    let tried = executor.tried.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let count = |lane: &str| tried.iter().filter(|(tried, _)| tried == lane).count();
    let counts = ["hanging", "down", "broken", "refusing", "flaky", "up"].map(count);
    assert_eq!(counts, [1, 4, 4, 1, 3, 2]);
    // Nothing to clean up is no failure.
    let _ = std::fs::remove_dir_all(&directory);
}

#[derive(Debug)]
struct NoSigner;

impl Signer for NoSigner {
    fn sign(&self, _: SignatureVersion, _: &str) -> String {
        String::new()
    }
    fn certificate_url(&self) -> String {
        String::new()
    }
    fn endpoint(&self) -> String {
        String::new()
    }
}

fn subscription(index: usize, filter: Option<&str>) -> Subscription {
    Subscription {
        scope: scope(),
        topic: "alerts".into(),
        id: format!("{index:08}-0000-4000-8000-000000000000"),
        owner: "000000000000".into(),
        protocol: Protocol::Http,
        endpoint: format!("http://h/{index}"),
        status: SubscriptionStatus::Confirmed,
        confirmation: None,
        confirmed_with_signature: false,
        authenticate_on_unsubscribe: false,
        raw: false,
        filter: filter.map(str::to_owned),
        filters_body: true,
        delivery_policy: None,
        created_at: Timestamp::from_secs(1),
    }
}

#[tokio::test]
async fn a_message_reaches_everybody_once_in_as_many_commits_as_it_takes() {
    const SUBSCRIPTIONS: usize = 450;
    let context = context().await;
    let directory = std::env::temp_dir().join(format!("neargate-test-{}", random::hex(&SystemRandom, 12)));
    let metrics = metric_store(&directory);
    let topic = Topic::new(&scope(), "alerts", Timestamp::from_secs(1));
    let mut transaction = Transaction::new();
    transaction.insert(&topic);
    let now = context.clock.now();
    let message = PendingMessage::of_service(&topic.arn(), "s", "{}".into(), now, &*context.random);
    transaction.insert(&message);
    let nowhere = "arn:aws:sns:us-east-1:000000000000:gone";
    transaction.insert(&PendingMessage::of_service(nowhere, "s", "m".into(), now, &*context.random));
    context.state.commit(transaction).await.expect("a commit");
    for chunk in (0..SUBSCRIPTIONS).collect::<Vec<_>>().chunks(100) {
        let mut transaction = Transaction::new();
        for index in chunk {
            let filter = (index % 3 == 0).then_some(r#"{"a": ["x"]}"#);
            transaction.insert(&subscription(*index, filter));
        }
        context.state.commit(transaction).await.expect("a commit");
    }
    let mut commits = 0;
    while messages::activate(context.clone(), Arc::new(NoSigner), metrics.clone()).await.expect("a commit")
        == Activation::Again
    {
        commits += 1;
        // Whatever the server forgets in between: the record says how far it is.
        let left = context.state.view().pending_messages.len();
        assert!(left >= 1);
    }
    assert!(commits >= 3, "{commits}");
    let view = context.state.view();
    assert!(view.pending_messages.is_empty());
    let mut lanes: BTreeMap<String, usize> = BTreeMap::new();
    for (_, delivery) in view.deliveries.iter() {
        *lanes.entry(delivery.lane.clone()).or_default() += 1;
    }
    assert_eq!((lanes.len(), lanes.values().max()), (SUBSCRIPTIONS / 3 * 2, Some(&1)));
    // Nothing to clean up is no failure.
    let _ = std::fs::remove_dir_all(&directory);
}
