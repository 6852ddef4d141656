//! The alarms loop on a store in memory, with a clock that the test moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use control_loops::LoopContext;
use control_loops::alarms::{self, Memory};
use control_loops::driver::Activation;
use state_model::cloudwatch::{
    Alarm, Comparison, MetricSource, MetricStat, MetricWatch, StateValue, TreatMissingData, Watch, Windows,
};
use state_store::memory::MemoryStore;
use state_tables::{State, Transaction};
use state_telemetry::metrics::{Config, Durability, MetricId, MetricStore, Resolution, Sample, Unit, Values};
use stdx::clock::{Clock, Timestamp};
use stdx::random::SeededRandom;
use stdx_async::supervisor;

use crate::installation::scope;

/// Beside time that passes, the wall clock can be set.
#[derive(Debug)]
struct TwoClocks {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl Clock for TwoClocks {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.monotonic.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

struct Stage {
    clock: Arc<TwoClocks>,
    context: LoopContext,
    metrics: MetricStore,
    memory: Memory,
    _dir: tempfile::TempDir,
}

const START: i64 = 1_763_703_002;

impl Stage {
    async fn new() -> Self {
        let (state, feed) = State::load(Arc::new(MemoryStore::new())).await.expect("an empty store loads");
        supervisor::spawn("feed", feed.run());
        let wall = AtomicI64::new(START * 1_000);
        let clock = Arc::new(TwoClocks { wall, monotonic: AtomicI64::new(0) });
        let dir = tempfile::tempdir().expect("there is room");
        let metrics =
            MetricStore::open(dir.path(), Config::default(), clock.clone()).expect("the store opens");
        let context = LoopContext { state, clock: clock.clone(), random: SeededRandom::shared(1) };
        Self { clock, context, metrics, memory: Memory::default(), _dir: dir }
    }

    fn pass(&self, seconds: i64) {
        self.clock.wall.fetch_add(seconds * 1_000, Ordering::SeqCst);
        self.clock.monotonic.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    async fn activate(&self) -> Activation {
        let (context, metrics) = (self.context.clone(), self.metrics.clone());
        alarms::activate(context, metrics, self.memory.clone()).await.expect("it commits")
    }

    async fn measure(&self, value: f64) {
        let sample = Sample {
            id: MetricId::new::<&str, &str>(scope().to_string(), "N", "m", []),
            at: self.clock.now(),
            unit: Unit::None,
            resolution: Resolution::Second,
            values: Values::One(value),
        };
        self.metrics.put(vec![sample], Durability::Soon).await.expect("it is taken");
    }

    fn state(&self, name: &str) -> Option<StateValue> {
        let view = self.context.state.view();
        view.alarm_states.get(&Alarm::key_of(&scope(), name)).map(|row| row.value)
    }

    async fn add(&self, names: &[String], treat: TreatMissingData) {
        for names in names.chunks(100) {
            let mut transaction = Transaction::new();
            names.iter().for_each(|name| transaction.insert(&alarm(name, treat, self.clock.now())));
            self.context.state.commit(transaction).await.expect("the store takes it");
        }
    }
}

fn alarm(name: &str, treat: TreatMissingData, now: Timestamp) -> Alarm {
    Alarm {
        scope: scope(),
        name: name.to_owned(),
        watch: Watch::Metric(Box::new(MetricWatch {
            source: MetricSource::One(MetricStat {
                namespace: "N".into(),
                name: "m".into(),
                dimensions: BTreeMap::new(),
                period_secs: 10,
                stat: "Average".into(),
                unit: None,
            }),
            comparison: Comparison::GreaterThanThreshold,
            threshold: 50.0,
            evaluation_periods: 1,
            datapoints_to_alarm: None,
            treat_missing_data: treat,
            evaluate_low_sample_count: None,
            windows: Windows::Aligned,
        })),
        description: None,
        actions_enabled: true,
        ok_actions: Vec::new(),
        alarm_actions: vec!["arn:aws:sns:us-east-1:000000000000:pager".into()],
        insufficient_data_actions: Vec::new(),
        tags: BTreeMap::new(),
        uid: format!("{name:0>32}"),
        created_at: now,
        configured_at: now,
    }
}

#[tokio::test]
async fn a_transition_is_told_once() {
    let stage = Stage::new().await;
    stage.add(&[String::from("a")], TreatMissingData::Missing).await;
    stage.measure(80.0).await;
    stage.pass(10);
    stage.activate().await;
    assert_eq!(stage.state("a"), Some(StateValue::Alarm));
    // The loop of a server that was started again, and one that is merely woken.
    let again = Stage { memory: Memory::default(), ..stage };
    again.activate().await;
    again.activate().await;
    let view = again.context.state.view();
    assert_eq!((view.pending_messages.len(), view.pending_events.len()), (1, 1));
    again.measure(10.0).await;
    again.pass(10);
    again.activate().await;
    assert_eq!(again.state("a"), Some(StateValue::Ok));
    assert_eq!(again.context.state.view().pending_messages.len(), 1, "OK has no topic");
    // What is deleted leaves no state behind.
    let mut transaction = Transaction::new();
    let view = again.context.state.view();
    view.alarms.iter().for_each(|(_, row)| transaction.delete(row));
    again.context.state.commit(transaction).await.expect("the store takes it");
    again.activate().await;
    assert_eq!(again.state("a"), None);
}

#[tokio::test]
async fn a_clock_that_jumps_makes_no_transition() {
    for jump in [3_600, -3_600] {
        let stage = Stage::new().await;
        stage.add(&[String::from("a")], TreatMissingData::Breaching).await;
        stage.measure(10.0).await;
        stage.pass(10);
        stage.activate().await;
        assert_eq!(stage.state("a"), Some(StateValue::Ok));
        stage.clock.wall.fetch_add(jump * 1_000, Ordering::SeqCst);
        for _ in 0..4 {
            stage.pass(10);
            stage.activate().await;
            assert_eq!(stage.state("a"), Some(StateValue::Ok), "after a jump of {jump} s");
        }
        // By now all that is looked at lies after the jump, and is missing indeed.
        stage.pass(10);
        stage.activate().await;
        assert_eq!(stage.state("a"), Some(StateValue::Alarm), "after a jump of {jump} s");
    }
}

#[tokio::test]
async fn a_start_makes_no_gap() {
    let stage = Stage::new().await;
    stage.add(&[String::from("a")], TreatMissingData::Breaching).await;
    stage.measure(10.0).await;
    stage.pass(10);
    stage.activate().await;
    // Down for a minute: nobody could put any data.
    stage.pass(60);
    let again = Stage { memory: Memory::default(), ..stage };
    again.activate().await;
    assert_eq!(again.state("a"), Some(StateValue::Ok));
}

/// Prints what one evaluation of very many alarms costs.
#[tokio::test]
async fn thousands_of_alarms_are_cheap() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..5_000).map(|number| format!("alarm-{number}")).collect();
    stage.add(&names, TreatMissingData::Missing).await;
    stage.measure(10.0).await;
    stage.pass(10);
    stage.activate().await;
    assert_eq!(stage.state("alarm-4999"), Some(StateValue::Ok));
    stage.measure(10.0).await;
    stage.pass(10);
    let clock = stdx::clock::SystemClock::new();
    stage.activate().await;
    let taken = clock.monotonic();
    println!("5,000 alarms were evaluated in {taken:?}");
    assert!(taken < Duration::from_secs(5), "{taken:?}");
}
