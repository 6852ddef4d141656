//! Settings and configuration of a cluster, as several operations take them.

use state_model::ecs::cluster::{
    ClusterConfiguration, ClusterSetting, ExecuteCommandConfiguration, ExecuteCommandLog,
};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::errors::{invalid_parameter, unsupported};

pub fn settings(given: Vec<wire::ClusterSetting>) -> Result<Vec<ClusterSetting>, ServiceError> {
    let mut settings: Vec<ClusterSetting> = Vec::new();
    for item in given {
        let name = item.name.map(|name| name.as_str().to_owned()).unwrap_or_default();
        let value = item.value.unwrap_or_default();
        if name != "containerInsights" {
            return Err(invalid_parameter(format!("Unrecognized cluster setting name: {name}")));
        }
        if !matches!(value.as_str(), "enabled" | "disabled" | "enhanced") {
            return Err(invalid_parameter(format!(
                "Invalid value for setting {name}: {value}. Must be one of [enabled, disabled, enhanced]"
            )));
        }
        settings.retain(|other| other.name != name);
        settings.push(ClusterSetting { name, value });
    }
    Ok(settings)
}

pub fn configuration(given: wire::ClusterConfiguration) -> Result<ClusterConfiguration, ServiceError> {
    if given.managed_storage_configuration.is_some() {
        return Err(unsupported(
            "Encryption of a cluster's managed storage with a key of your own is not available.",
        ));
    }
    let execute_command = given.execute_command_configuration.map(execute_command).transpose()?;
    Ok(ClusterConfiguration { execute_command, managed_storage: None })
}

/// There are no namespaces yet that a cluster could use or that could be made for it.
pub fn refuse_namespace(
    given: Option<&wire::ClusterServiceConnectDefaultsRequest>,
) -> Result<(), ServiceError> {
    match given.and_then(|defaults| defaults.namespace.as_deref()).filter(|name| !name.is_empty()) {
        None => Ok(()),
        Some(namespace) => Err(ServiceError::caller(
            "NamespaceNotFoundException",
            format!("The specified namespace was not found: {namespace}"),
        )),
    }
}

fn execute_command(
    given: wire::ExecuteCommandConfiguration,
) -> Result<ExecuteCommandConfiguration, ServiceError> {
    if given.logging.as_ref().is_some_and(|logging| !logging.is_known()) {
        return Err(invalid_parameter("logging must be one of [NONE, DEFAULT, OVERRIDE]"));
    }
    let overrides = given.logging == Some(wire::ExecuteCommandLogging::Override);
    let log = given.log_configuration;
    if log.is_some() && !overrides {
        return Err(invalid_parameter(
            "You must set logging to 'OVERRIDE' when you supply a log configuration",
        ));
    }
    let has_destination = log
        .as_ref()
        .is_some_and(|log| log.cloud_watch_log_group_name.is_some() || log.s3_bucket_name.is_some());
    if overrides && !has_destination {
        return Err(invalid_parameter(
            "A CloudWatch log group name or S3 bucket name must be specified when overriding the default log \
             configuration",
        ));
    }
    Ok(ExecuteCommandConfiguration {
        kms_key_id: given.kms_key_id,
        logging: given.logging.map(|logging| logging.as_str().to_owned()),
        log: log.map(|log| ExecuteCommandLog {
            cloud_watch_log_group_name: log.cloud_watch_log_group_name,
            cloud_watch_encryption_enabled: log.cloud_watch_encryption_enabled.unwrap_or(false),
            s3_bucket_name: log.s3_bucket_name,
            s3_encryption_enabled: log.s3_encryption_enabled.unwrap_or(false),
            s3_key_prefix: log.s3_key_prefix,
        }),
    })
}
