//! Log configuration, log routers and the secrets of both.

use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::log_configuration::{FirelensConfiguration, LogConfiguration, Secret};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::client;

const AWSLOGS_OPTIONS: &[&str] = &[
    "awslogs-create-group",
    "awslogs-group",
    "awslogs-region",
    "awslogs-stream-prefix",
    "awslogs-datetime-format",
    "awslogs-multiline-pattern",
    "awslogs-endpoint",
    "mode",
    "max-buffer-size",
];

pub fn log_configuration(given: wire::LogConfiguration) -> Result<LogConfiguration, ServiceError> {
    let Some(driver) = given.log_driver else {
        return Err(client("Log driver should not be null or empty."));
    };
    if !driver.is_known() {
        return Err(client(format!(
            "{driver} is not a valid log driver. Must be one of [{}]",
            wire::LogDriver::VALUES.join(", ")
        )));
    }
    let configuration = LogConfiguration {
        log_driver: driver.as_str().to_owned(),
        options: given.options,
        secret_options: given.secret_options.map(secrets).transpose()?,
    };
    match configuration.log_driver.as_str() {
        "awslogs" => check_awslogs(&configuration)?,
        "splunk" => check_splunk(&configuration)?,
        _ => {}
    }
    if let Some(mode) = configuration.option("mode")
        && !matches!(mode, "blocking" | "non-blocking")
    {
        return Err(client(format!(
            "Invalid log option 'mode': {mode}. Must be one of [blocking, non-blocking]"
        )));
    }
    Ok(configuration)
}

pub fn firelens(given: wire::FirelensConfiguration) -> Result<FirelensConfiguration, ServiceError> {
    let kind = given.r#type.filter(wire::FirelensConfigurationType::is_known);
    let Some(kind) = kind else {
        return Err(client("Firelens configuration type must be one of [fluentd, fluentbit]"));
    };
    Ok(FirelensConfiguration { kind: kind.as_str().to_owned(), options: given.options })
}

pub fn secrets(given: Vec<wire::Secret>) -> Result<Vec<Secret>, ServiceError> {
    given.into_iter().map(secret).collect()
}

/// Logs that go to a router need one.
pub fn check(containers: &[ContainerDefinition]) -> Result<(), ServiceError> {
    let uses_router = containers
        .iter()
        .filter_map(|container| container.log_configuration.as_ref())
        .any(|log| log.log_driver == "awsfirelens");
    let routers = containers.iter().filter(|container| container.firelens_configuration.is_some()).count();
    if uses_router && routers == 0 {
        return Err(client(
            "When awsfirelens log driver is specified in log configuration, a firelens configuration \
             object must be specified",
        ));
    }
    if routers > 1 {
        return Err(client("Only one container can have a firelens configuration object"));
    }
    Ok(())
}

fn secret(given: wire::Secret) -> Result<Secret, ServiceError> {
    let (name, value_from) = (given.name.unwrap_or_default(), given.value_from.unwrap_or_default());
    if name.is_empty() {
        return Err(client("Secret.name should not be null or empty."));
    }
    if value_from.is_empty() {
        return Err(client("Secret.valueFrom should not be null or empty."));
    }
    Ok(Secret { name, value_from })
}

fn check_awslogs(log: &LogConfiguration) -> Result<(), ServiceError> {
    require(log, &["awslogs-group", "awslogs-region"])?;
    let unknown = |name: &&String| !AWSLOGS_OPTIONS.contains(&name.as_str());
    if let Some(name) = log.options.iter().flat_map(|options| options.keys()).find(unknown) {
        return Err(client(format!("Log driver awslogs disallows options: {name}")));
    }
    if log.option("awslogs-datetime-format").is_some() && log.option("awslogs-multiline-pattern").is_some() {
        return Err(client(
            "Log driver awslogs options 'awslogs-datetime-format' and 'awslogs-multiline-pattern' can't be \
             used together",
        ));
    }
    match log.option("awslogs-create-group") {
        None | Some("true" | "false") => Ok(()),
        Some(_) => Err(client("Log option 'awslogs-create-group' must be true or false")),
    }
}

/// The token may also come from a secret.
fn check_splunk(log: &LogConfiguration) -> Result<(), ServiceError> {
    let from_secret = log.secret_options.iter().flatten().any(|secret| secret.name == "splunk-token");
    if from_secret { require(log, &["splunk-url"]) } else { require(log, &["splunk-token", "splunk-url"]) }
}

fn require(log: &LogConfiguration, names: &[&str]) -> Result<(), ServiceError> {
    let missing: Vec<&str> = names.iter().copied().filter(|name| log.option(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(client(format!("Log driver {} requires options: {}", log.log_driver, missing.join(", "))))
}
