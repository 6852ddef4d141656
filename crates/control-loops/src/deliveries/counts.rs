//! What CloudWatch is told of deliveries.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html>

use state_model::delivery::{Action, Delivery};
use state_model::sns::Subscription;
use state_telemetry::metrics::{Durability, MetricId, MetricStore, Resolution, Sample, Unit, Values};
use stdx::clock::Timestamp;

/// Samples of one commit, told when it is made. A crash in between loses them: counting is never worth a delivery.
pub struct Counts {
    now: Timestamp,
    samples: Vec<Sample>,
}

/// Whom a lane serves, as far as anybody counts it.
#[derive(Debug, PartialEq, Eq)]
enum Served<'a> {
    Topic(&'a str),
    Rule(&'a str),
    ScheduleGroup(&'a str),
}

impl Counts {
    pub fn new(now: Timestamp) -> Self {
        Self { now, samples: Vec::new() }
    }

    pub fn arrived(&mut self, delivery: &Delivery) {
        match served(delivery) {
            Some(Served::Topic(name)) => {
                self.add(delivery, "AWS/SNS", "NumberOfNotificationsDelivered", ("TopicName", name));
            }
            Some(Served::Rule(name)) => self.add(delivery, "AWS/Events", "Invocations", ("RuleName", name)),
            Some(Served::ScheduleGroup(name)) => {
                self.add(delivery, "AWS/Scheduler", "InvocationAttemptCount", ("ScheduleGroup", name));
            }
            None => {}
        }
    }

    pub fn retried(&mut self, delivery: &Delivery) {
        match served(delivery) {
            Some(Served::Rule(name)) => {
                self.add(delivery, "AWS/Events", "RetryInvocationAttempts", ("RuleName", name));
            }
            Some(Served::ScheduleGroup(name)) => {
                self.add(delivery, "AWS/Scheduler", "InvocationAttemptCount", ("ScheduleGroup", name));
                self.add(delivery, "AWS/Scheduler", "TargetErrorCount", ("ScheduleGroup", name));
            }
            Some(Served::Topic(_)) | None => {}
        }
    }

    pub fn dropped(&mut self, delivery: &Delivery) {
        match served(delivery) {
            Some(Served::Topic(name)) => {
                self.add(delivery, "AWS/SNS", "NumberOfNotificationsFailed", ("TopicName", name));
            }
            Some(Served::Rule(name)) => {
                self.add(delivery, "AWS/Events", "Invocations", ("RuleName", name));
                self.add(delivery, "AWS/Events", "FailedInvocations", ("RuleName", name));
            }
            Some(Served::ScheduleGroup(name)) => {
                for metric in ["InvocationAttemptCount", "TargetErrorCount", "InvocationDroppedCount"] {
                    self.add(delivery, "AWS/Scheduler", metric, ("ScheduleGroup", name));
                }
            }
            None => {}
        }
    }

    fn add(&mut self, delivery: &Delivery, namespace: &str, name: &str, dimension: (&str, &str)) {
        let id = MetricId::new(delivery.scope.to_string(), namespace, name, [dimension]);
        self.samples.push(one(id, self.now));
    }

    pub async fn tell(self, metrics: &MetricStore) {
        tell(metrics, self.samples).await;
    }
}

pub fn one(id: MetricId, at: Timestamp) -> Sample {
    Sample { id, at, unit: Unit::Count, resolution: Resolution::Minute, values: Values::One(1.0) }
}

pub async fn tell(metrics: &MetricStore, samples: Vec<Sample>) {
    if !samples.is_empty()
        && let Err(error) = metrics.put(samples, Durability::Soon).await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "deliveries could not be counted");
    }
}

fn served(delivery: &Delivery) -> Option<Served<'_>> {
    let lane = delivery.lane.as_str();
    if Subscription::key_of_arn(lane).is_some() {
        // Requests for confirmation aren't notifications.
        let topic = lane.rsplit(':').nth(1)?;
        return is_notification(&delivery.action).then_some(Served::Topic(topic));
    }
    let up_to = |text: &'static str| lane.split_once(text).map(|(_, rest)| rest);
    if let Some(rest) = up_to(":rule/") {
        // `rule/NAME` or `rule/BUS/NAME`, and what names the target behind it.
        let path = rest.split(['#', '|', ' ']).next().unwrap_or(rest);
        return path.rsplit('/').next().map(Served::Rule);
    }
    let group = up_to(":schedule/")?.split('/').next()?;
    Some(Served::ScheduleGroup(group))
}

fn is_notification(action: &Action) -> bool {
    const NAME: &str = "x-amz-sns-message-type";
    match action {
        Action::Http(call) => {
            call.headers.iter().any(|(name, value)| name == NAME && value == "Notification")
        }
        Action::Email(email) => email.headers.get(NAME).is_some_and(|value| value == "Notification"),
        Action::Call(_) => false,
    }
}
