//! What a task definition may ask for and this node can't give: such a task fails to start and says why. Accepting and
//! ignoring it would be worse.

use link_protocol::Assignment;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::volume::Volume;

/// The `stoppedReason` of a task that can't be started as it was asked for.
pub fn refusal(assignment: &Assignment) -> Option<String> {
    let body = &assignment.definition.body;
    if body.is_windows() || body.is_arm() != cfg!(target_arch = "aarch64") {
        return Some(String::from(
            "Capacity is unavailable at this time. No node of this installation has the task's runtime platform",
        ));
    }
    body.volumes.iter().find_map(volume).or_else(|| body.container_definitions.iter().find_map(container))
}

fn volume(volume: &Volume) -> Option<String> {
    let kind = if volume.efs.is_some() {
        "EFS file systems"
    } else if volume.s3_files.is_some() {
        "S3 file systems"
    } else if volume.configured_at_launch == Some(true) {
        "Amazon EBS volumes"
    } else if volume.docker.is_some() || volume.fsx_windows.is_some() {
        "Docker and FSx volumes"
    } else {
        return None;
    };
    Some(format!(
        "CannotCreateVolumeError: volume '{}': {kind} are not provided by this installation",
        volume.name
    ))
}

fn container(container: &ContainerDefinition) -> Option<String> {
    let log = container.log_configuration.as_ref();
    let has_secrets = container.secrets.as_ref().is_some_and(|secrets| !secrets.is_empty())
        || log.and_then(|log| log.secret_options.as_ref()).is_some_and(|secrets| !secrets.is_empty())
        || container.repository_credentials.is_some();
    if has_secrets {
        return Some(String::from(
            "ResourceInitializationError: unable to pull secrets or registry auth: AWS Secrets Manager and AWS Systems \
             Manager Parameter Store are not provided by this installation",
        ));
    }
    match log.map(|log| log.log_driver.as_str()) {
        None | Some("awslogs") => None,
        Some(driver) => Some(format!(
            "ResourceInitializationError: failed to validate logger args: log driver {driver} is not provided by this \
             installation; use awslogs"
        )),
    }
}
