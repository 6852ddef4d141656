//! A rule's target: what is taken, and in which words the rest is refused.

use serde_json::Value;
use state_model::Scope;
use state_model::events::bus;
use state_model::events::input::{PREDEFINED, parse_path};
use state_model::events::rule::{HttpParameters, Input, RetryPolicy, RuleTarget};
use state_model::iam::parse_role_arn;
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::errors::{invalid, not_served};
use super::validation::{NameConstraints, Violations};
use crate::ecs_parameters::events as ecs_parameters;

/// What a target is, by its ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ecs,
    LogGroup,
    Topic,
    ApiDestination,
    Bus,
}

pub fn read(input: events::TargetShape, scope: &Scope) -> Result<RuleTarget, ServiceError> {
    check(&input)?;
    let arn = input.arn.unwrap_or_default();
    let kind = kind(&arn, scope)?;
    let id = input.id.unwrap_or_default();
    if let Some(role) = &input.role_arn
        && parse_role_arn(role).is_none()
    {
        return Err(invalid(format!(
            "Parameter RoleArn of target {id} is not valid. Reason: Provided Arn is not in correct format."
        )));
    }
    let ecs = match (kind, input.ecs_parameters) {
        (Kind::Ecs, None) => {
            return Err(invalid(format!("Parameter EcsParameters is required for target {id}: {arn}.")));
        }
        (Kind::Ecs, Some(parameters)) => Some(ecs_parameters::read(parameters)?),
        (_, Some(_)) => {
            return Err(invalid(format!("Parameter EcsParameters is not valid for target {id}: {arn}.")));
        }
        (_, None) => None,
    };
    let http = match (kind, input.http_parameters) {
        (Kind::ApiDestination, http) => http.map(http_parameters),
        (_, Some(_)) => {
            return Err(invalid(format!("Parameter HttpParameters is not valid for target {id}: {arn}.")));
        }
        (_, None) => None,
    };
    Ok(RuleTarget {
        role_arn: input.role_arn,
        input: read_input(&id, input.input, input.input_path, input.input_transformer)?,
        ecs,
        http,
        retry: input.retry_policy.map(retry),
        id,
        arn,
    })
}

fn check(input: &events::TargetShape) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    violations.name(input.id.as_deref(), "targets.id", 64, "");
    violations.required(input.arn.as_ref(), "targets.arn");
    violations.length(input.arn.as_deref(), "targets.arn", 1, 1_600);
    violations.length(input.input.as_deref(), "targets.input", 0, 8_192);
    violations.length(input.input_path.as_deref(), "targets.inputPath", 0, 256);
    if let Some(transformer) = &input.input_transformer {
        let template = &transformer.input_template;
        violations.required(template.as_ref(), "targets.inputTransformer.inputTemplate");
        violations.length(template.as_deref(), "targets.inputTransformer.inputTemplate", 1, 8_192);
        let paths = transformer.input_paths_map.as_ref().map_or(0, |paths| paths.len());
        violations.count(paths, "targets.inputTransformer.inputPathsMap", 0, 100);
    }
    if let Some(policy) = &input.retry_policy {
        violations.in_range(
            policy.maximum_retry_attempts,
            "targets.retryPolicy.maximumRetryAttempts",
            0,
            185,
        );
        let age = policy.maximum_event_age_in_seconds;
        violations.in_range(age, "targets.retryPolicy.maximumEventAgeInSeconds", 60, 86_400);
    }
    violations.check()?;
    let unserved = [
        (
            input.dead_letter_config.as_ref().is_some_and(|config| config.arn.is_some()),
            "DeadLetterConfig (there is no SQS)",
        ),
        (input.kinesis_parameters.is_some(), "KinesisParameters"),
        (input.run_command_parameters.is_some(), "RunCommandParameters"),
        (input.batch_parameters.is_some(), "BatchParameters"),
        (input.sqs_parameters.is_some(), "SqsParameters"),
        (input.redshift_data_parameters.is_some(), "RedshiftDataParameters"),
        (input.sage_maker_pipeline_parameters.is_some(), "SageMakerPipelineParameters"),
        (input.app_sync_parameters.is_some(), "AppSyncParameters"),
    ];
    match unserved.iter().find(|(given, _)| *given) {
        Some((_, what)) => Err(not_served(what)),
        None => Ok(()),
    }
}

/// What the ARN names, when events can be brought there.
pub fn kind(arn: &str, scope: &Scope) -> Result<Kind, ServiceError> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let ["arn", _, service, region, account, resource] = parts[..] else {
        return Err(invalid("Parameter Arn is not valid. Reason: Provided Arn is not in correct format."));
    };
    let is_here = region == scope.region && account == scope.account;
    let kind = match service {
        "ecs" if resource.starts_with("cluster/") => Kind::Ecs,
        "logs" if resource.starts_with("log-group:") => Kind::LogGroup,
        "sns" if !resource.is_empty() && !resource.contains(':') => Kind::Topic,
        "events" if resource.starts_with("api-destination/") => Kind::ApiDestination,
        "events" if bus::parse_arn(arn).is_some() => return Ok(Kind::Bus),
        _ => {
            return Err(invalid(format!(
                "Targets of {service} are not supported here ({arn}). Supported are ECS clusters, log groups of \
                 CloudWatch Logs, SNS topics, API destinations and other event buses."
            )));
        }
    };
    if is_here {
        Ok(kind)
    } else {
        Err(invalid(format!("Target {arn} is not in the account and region of its rule.")))
    }
}

fn read_input(
    id: &str,
    constant: Option<String>,
    path: Option<String>,
    transformer: Option<events::InputTransformer>,
) -> Result<Input, ServiceError> {
    let given = [constant.is_some(), path.is_some(), transformer.is_some()];
    if given.iter().filter(|given| **given).count() > 1 {
        return Err(invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )));
    }
    let bad_path = |path: &str| invalid(format!("Invalid InputPath for target {id}: {path}."));
    if let Some(text) = constant {
        if serde_json::from_str::<Value>(&text).is_err() {
            return Err(invalid(format!("JSON syntax error in input for target {id} : {text}")));
        }
        return Ok(Input::Constant(text));
    }
    if let Some(path) = path {
        return if parse_path(&path).is_some() { Ok(Input::Path(path)) } else { Err(bad_path(&path)) };
    }
    let Some(transformer) = transformer else { return Ok(Input::Event) };
    let paths = transformer.input_paths_map.unwrap_or_default();
    for (name, path) in &paths {
        if name.starts_with("AWS") || PREDEFINED.contains(&name.as_str()) {
            return Err(invalid(format!("Invalid InputPathsMap for target {id}: {name} is reserved.")));
        }
        if parse_path(path).is_none() {
            return Err(bad_path(path));
        }
    }
    Ok(Input::Transformer { paths, template: transformer.input_template.unwrap_or_default() })
}

fn http_parameters(http: events::HttpParameters) -> HttpParameters {
    HttpParameters {
        path_values: http.path_parameter_values.unwrap_or_default(),
        headers: http.header_parameters.unwrap_or_default(),
        query: http.query_string_parameters.unwrap_or_default(),
    }
}

fn retry(policy: events::RetryPolicy) -> RetryPolicy {
    RetryPolicy {
        retries_max: policy.maximum_retry_attempts.and_then(|most| u32::try_from(most).ok()),
        age_max_secs: policy.maximum_event_age_in_seconds.and_then(|most| u64::try_from(most).ok()),
    }
}

pub fn write(target: &RuleTarget) -> events::TargetShape {
    let target = target.clone();
    let mut shape = events::TargetShape {
        id: Some(target.id),
        arn: Some(target.arn),
        role_arn: target.role_arn,
        ecs_parameters: target.ecs.as_ref().map(ecs_parameters::write),
        ..Default::default()
    };
    match target.input {
        Input::Event => {}
        Input::Constant(text) => shape.input = Some(text),
        Input::Path(path) => shape.input_path = Some(path),
        Input::Transformer { paths, template } => {
            shape.input_transformer = Some(events::InputTransformer {
                input_paths_map: (!paths.is_empty()).then_some(paths),
                input_template: Some(template),
            });
        }
    }
    shape.http_parameters = target.http.map(|http| events::HttpParameters {
        path_parameter_values: Some(http.path_values),
        header_parameters: Some(http.headers),
        query_string_parameters: Some(http.query),
    });
    shape.retry_policy = target.retry.map(|policy| events::RetryPolicy {
        maximum_retry_attempts: policy.retries_max.and_then(|most| i32::try_from(most).ok()),
        maximum_event_age_in_seconds: policy.age_max_secs.and_then(|most| i32::try_from(most).ok()),
    });
    shape
}
