//! A service with a scalable target, of which the test plays the API, the alarms and what is measured.

use std::time::Duration;

use control_loops::scaling::{self, Memory};
use state_model::autoscaling::{
    AdjustmentType, PolicyKind, ScalableTarget, ScalingActivity, ScalingPolicy, StepAdjustment, StepScaling,
    Suspended, TargetTracking, TrackedMetric, tracking_alarms,
};
use state_model::cloudwatch::{Alarm, AlarmState, StateValue};
use state_model::ecs::service::service_key;
use state_model::elbv2::target::HealthState;
use state_tables::Transaction;
use state_tables::transaction::FreelyWritten;
use state_telemetry::metrics::{Config, Durability, MetricId, MetricStore, Resolution, Sample, Unit, Values};
use stdx::clock::{Clock, Timestamp};

use crate::installation::scope;
use crate::service::Stage;

pub const HIGH: &str = "TargetTracking-service/default/web-AlarmHigh-h";
pub const LOW: &str = "TargetTracking-service/default/web-AlarmLow-l";
const MINUTE: Duration = Duration::from_secs(60);

pub struct ScalingStage {
    pub stage: Stage,
    pub metrics: MetricStore,
    memory: Memory,
    _dir: tempfile::TempDir,
}

pub fn key() -> String {
    service_key(&scope(), "default", "web")
}

pub fn policy(name: &str, kind: PolicyKind) -> ScalingPolicy {
    ScalingPolicy {
        scope: scope(),
        cluster: "default".into(),
        service: "web".into(),
        name: name.into(),
        id: format!("id-of-{name}"),
        kind,
        created_at: Timestamp::from_secs(1),
    }
}

pub fn step(adjustment: i32, cooldown_secs: u32) -> ScalingPolicy {
    let steps = vec![StepAdjustment { lower: Some(0.0), upper: None, adjustment }];
    policy(
        "step",
        PolicyKind::Step(StepScaling {
            adjustment_type: AdjustmentType::ChangeInCapacity,
            steps,
            min_adjustment_magnitude: None,
            cooldown_secs: Some(cooldown_secs),
            aggregation: None,
        }),
    )
}

fn tracking() -> ScalingPolicy {
    policy(
        "cpu",
        PolicyKind::Tracking(Box::new(TargetTracking {
            target: 50.0,
            metric: TrackedMetric::Predefined {
                metric_type: "ECSServiceAverageCPUUtilization".into(),
                resource_label: None,
            },
            scale_out_cooldown_secs: Some(300),
            scale_in_cooldown_secs: Some(300),
            disable_scale_in: None,
            created_by: "c".into(),
            high_alarm_id: "h".into(),
            low_alarm_id: "l".into(),
        })),
    )
}

impl ScalingStage {
    /// A steady service of so many tasks behind a load balancer, with a target of 1 to 10 and a policy on the CPU.
    pub async fn start(desired: u32) -> Self {
        let mut stage = Stage::start().await;
        stage.deploy("1", desired, true).await;
        let count = usize::try_from(desired).expect("a small number");
        for id in stage.run_all(count).await {
            stage.observe(&id, HealthState::Healthy, None).await;
        }
        stage.until_told("has reached a steady state.").await;
        let dir = tempfile::tempdir().expect("a directory");
        let metrics = MetricStore::open(dir.path(), Config::default(), stage.one.context.clock.clone())
            .expect("the store opens");
        let one = Self { stage, metrics, memory: Memory::default(), _dir: dir };
        let view = one.stage.one.state.view();
        let service_uid = view.services.get(&key()).expect("the service is there").uid.clone();
        one.write(&ScalableTarget {
            scope: scope(),
            cluster: "default".into(),
            service: "web".into(),
            service_uid,
            id: "t".into(),
            min_capacity: 1,
            max_capacity: 10,
            suspended: Suspended::default(),
            tags: Default::default(),
            created_at: Timestamp::from_secs(1),
            bounds_generation: 1,
        })
        .await;
        one.track().await;
        one.activate().await;
        one
    }

    async fn track(&self) {
        let policy = tracking();
        let tracking = policy.tracking().expect("it tracks");
        for alarm in tracking_alarms(&policy, tracking, ["u".into(), "v".into()], Timestamp::from_secs(1)) {
            self.write(&alarm).await;
        }
        self.write(&policy).await;
    }

    pub async fn write<R: FreelyWritten>(&self, record: &R) {
        let mut transaction = Transaction::new();
        transaction.put(record);
        self.stage.one.state.commit(transaction).await.expect("the store takes it");
    }

    /// Changes the target as a user does.
    pub async fn register(&self, change: impl FnOnce(&mut ScalableTarget)) {
        let view = self.stage.one.state.view();
        let mut target =
            ScalableTarget::clone(view.scalable_targets.get(&key()).expect("the target is there"));
        change(&mut target);
        target.bounds_generation += 1;
        self.write(&target).await;
    }

    pub async fn activate(&self) {
        scaling::activate(self.stage.one.context.clone(), self.metrics.clone(), self.memory.clone())
            .await
            .expect("it commits");
    }

    /// As after a restart: nothing is remembered but what was committed.
    pub async fn activate_anew(&mut self) {
        self.memory = Memory::default();
        self.activate().await;
    }

    /// The CPU of the last minutes.
    pub async fn measure(&self, percent: f64, minutes: i64) {
        let now = self.now().as_secs();
        let dimensions = [("ClusterName", "default"), ("ServiceName", "web")];
        let id = MetricId::new(scope().to_string(), "AWS/ECS", "CPUUtilization", dimensions);
        let samples = (1..=minutes).map(|ago| Sample {
            id: id.clone(),
            at: Timestamp::from_secs(now - 60 * ago),
            unit: Unit::Percent,
            resolution: Resolution::Minute,
            values: Values::One(percent),
        });
        self.metrics.put(samples.collect(), Durability::Synced).await.expect("the store takes it");
    }

    pub async fn set(&self, alarm: &str, value: StateValue) {
        let view = self.stage.one.state.view();
        let row = view.alarms.get(&Alarm::key_of(&scope(), alarm)).expect("the alarm is there");
        let now = self.now();
        self.write(&AlarmState {
            scope: scope(),
            name: alarm.to_owned(),
            uid: row.uid.clone(),
            value,
            reason: String::new(),
            reason_data: None,
            updated_at: now,
            transitioned_at: now,
        })
        .await;
    }

    pub fn now(&self) -> Timestamp {
        self.stage.one.clock.now()
    }

    pub fn pass(&self, minutes: u32) {
        self.stage.one.clock.advance(MINUTE * minutes);
    }

    pub fn desired(&self) -> u32 {
        let view = self.stage.one.state.view();
        view.services.get(&key()).expect("the service is there").desired_count
    }

    /// `status description | cause` of each, newest first.
    pub fn activities(&self) -> Vec<String> {
        let view = self.stage.one.state.view();
        let rows = view.scaling_activities.by(ScalingActivity::TARGET, &key());
        let line = |row: &ScalingActivity| {
            let codes: Vec<_> = row.not_scaled.iter().map(|reason| reason.code.as_str()).collect();
            format!("{} {} | {} {}", row.status.as_str(), row.description, row.cause, codes.join(","))
                .trim_end()
                .to_owned()
        };
        rows.map(|row| line(row)).collect()
    }

    pub fn messages(&self) -> Vec<String> {
        let view = self.stage.one.state.view();
        let rows = view.scaling_activities.by(ScalingActivity::TARGET, &key());
        rows.map(|row| row.status_message.clone().unwrap_or_default()).collect()
    }

    /// The details of the events that wait to be told.
    pub fn events(&self) -> Vec<serde_json::Value> {
        let view = self.stage.one.state.view();
        let events = view.pending_events.iter().map(|(_, row)| row);
        let ours = events.filter(|row| row.source == "aws.application-autoscaling");
        ours.map(|row| serde_json::from_str(&row.detail).expect("it is JSON")).collect()
    }

    pub fn has_alarm(&self, name: &str) -> bool {
        self.stage.one.state.view().alarms.contains(&Alarm::key_of(&scope(), name))
    }

    /// An alarm of a user that calls the policy.
    pub async fn users_alarm(&self, name: &str, policy: &ScalingPolicy) {
        let tracked = tracking();
        let tracking = tracked.tracking().expect("it tracks");
        let [alarm, _]: [Alarm; 2] =
            tracking_alarms(&tracked, tracking, ["w".into(), "x".into()], Timestamp::from_secs(1))
                .try_into()
                .expect("there are two");
        self.write(policy).await;
        self.write(&Alarm { name: name.into(), alarm_actions: vec![policy.arn()], ..alarm }).await;
        assert!(self.stage.one.state.view().alarms.contains(&Alarm::key_of(&scope(), name)));
    }
}
