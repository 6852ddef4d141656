//! The target of a schedule: what is taken, and in which words the rest is refused.

use serde_json::Value;
use state_model::Scope;
use state_model::events::bus;
use state_model::events::rule::RetryPolicy;
use state_model::iam::parse_role_arn;
use state_model::scheduler::ScheduleTarget;
use wire_schema::ServiceError;
use wire_shapes_messaging::scheduler;

use super::invalid;
use super::limits::INPUT_BYTES_MAX;
use crate::ecs_parameters::scheduler as ecs_parameters;
use crate::events::Violations;

pub fn read(input: scheduler::TargetShape, scope: &Scope) -> Result<ScheduleTarget, ServiceError> {
    let mut violations = Violations::default();
    violations.required(input.arn.as_ref(), "target.arn");
    violations.length(input.arn.as_deref(), "target.arn", 1, 1_600);
    violations.required(input.role_arn.as_ref(), "target.roleArn");
    violations.length(input.input.as_deref(), "target.input", 1, INPUT_BYTES_MAX);
    if let Some(policy) = &input.retry_policy {
        violations.in_range(policy.maximum_retry_attempts, "target.retryPolicy.maximumRetryAttempts", 0, 185);
        let age = policy.maximum_event_age_in_seconds;
        violations.in_range(age, "target.retryPolicy.maximumEventAgeInSeconds", 60, 86_400);
    }
    violations.check()?;
    check_unserved(&input)?;
    let arn = input.arn.unwrap_or_default();
    let role_arn = input.role_arn.unwrap_or_default();
    if parse_role_arn(&role_arn).is_none() {
        return Err(invalid("Provided RoleArn is not in correct format."));
    }
    let kind = kind(&arn, scope)?;
    let ecs = input.ecs_parameters.map(ecs_parameters::read).transpose()?;
    let event = input
        .event_bridge_parameters
        .map(|event| (event.detail_type.unwrap_or_default(), event.source.unwrap_or_default()));
    match (kind, &ecs, &event) {
        ("ecs", Some(_), None) | ("sns", None, None) => {}
        ("ecs", None, None) => return Err(invalid("EcsParameters is required for an Amazon ECS target.")),
        ("events", None, Some((detail_type, source))) => {
            if detail_type.is_empty() || source.is_empty() || source.starts_with("aws.") {
                return Err(invalid(
                    "EventBridgeParameters needs a DetailType, and a Source that doesn't begin with aws.",
                ));
            }
            let is_object =
                |text: &String| serde_json::from_str(text).is_ok_and(|value: Value| value.is_object());
            if !input.input.as_ref().is_none_or(is_object) {
                return Err(invalid("Input of an EventBridge target must be a JSON object."));
            }
        }
        ("events", None, None) => {
            return Err(invalid("EventBridgeParameters is required for an Amazon EventBridge target."));
        }
        _ => return Err(invalid(format!("The parameters don't fit the target {arn}."))),
    }
    Ok(ScheduleTarget {
        arn,
        role_arn,
        input: input.input,
        ecs,
        event,
        retry: input.retry_policy.map(|policy| RetryPolicy {
            retries_max: policy.maximum_retry_attempts.and_then(|most| u32::try_from(most).ok()),
            age_max_secs: policy.maximum_event_age_in_seconds.and_then(|most| u64::try_from(most).ok()),
        }),
    })
}

fn check_unserved(input: &scheduler::TargetShape) -> Result<(), ServiceError> {
    let unserved = [
        (
            input.dead_letter_config.as_ref().is_some_and(|config| config.arn.is_some()),
            "DeadLetterConfig (there is no SQS)",
        ),
        (input.kinesis_parameters.is_some(), "KinesisParameters"),
        (input.sage_maker_pipeline_parameters.is_some(), "SageMakerPipelineParameters"),
        (input.sqs_parameters.is_some(), "SqsParameters"),
        (input.event_bridge_put_events_v2_parameters.is_some(), "EventBridgePutEventsV2Parameters"),
        (input.event_bridge_put_raw_events_parameters.is_some(), "EventBridgePutRawEventsParameters"),
    ];
    match unserved.iter().find(|(given, _)| *given) {
        Some((_, what)) => Err(invalid(format!("{what} is not supported here: leave it out."))),
        None => Ok(()),
    }
}

fn kind<'a>(arn: &'a str, scope: &Scope) -> Result<&'a str, ServiceError> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", _, service, region, account, resource] = parts[..] else {
        return Err(invalid("Provided Arn is not in correct format."));
    };
    let is_known = match service {
        "ecs" => resource.starts_with("cluster/"),
        "sns" => !resource.is_empty() && !resource.contains(':'),
        "events" => bus::parse_arn(arn).is_some(),
        _ => false,
    };
    if !is_known {
        return Err(invalid(format!(
            "The target {arn} is not supported here. Supported are ECS clusters, SNS topics and event buses; universal \
             targets are not."
        )));
    }
    if region != scope.region || account != scope.account {
        return Err(invalid(format!("The target {arn} is not in the account and region of its schedule.")));
    }
    Ok(service)
}

pub fn write(target: &ScheduleTarget) -> scheduler::TargetShape {
    let target = target.clone();
    // What wasn't said is shown as what it means, as on AWS.
    let policy = target.retry.unwrap_or(RetryPolicy { retries_max: None, age_max_secs: None });
    scheduler::TargetShape {
        arn: Some(target.arn),
        role_arn: Some(target.role_arn),
        input: target.input,
        ecs_parameters: target.ecs.as_ref().map(ecs_parameters::write),
        event_bridge_parameters: target.event.map(|(detail_type, source)| scheduler::EventBridgeParameters {
            detail_type: Some(detail_type),
            source: Some(source),
        }),
        retry_policy: Some(scheduler::RetryPolicy {
            maximum_retry_attempts: i32::try_from(policy.retries_max.unwrap_or(185)).ok(),
            maximum_event_age_in_seconds: i32::try_from(policy.age_max_secs.unwrap_or(86_400)).ok(),
        }),
        ..Default::default()
    }
}
