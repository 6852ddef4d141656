//! What AWS runs and this data plane doesn't: told at once, rather than by a task that can't start.
//! Definitions that use it can still be registered.

use state_model::ecs::task_definition::TaskDefinitionBody;
use wire_schema::ServiceError;

use super::errors::unsupported;

pub fn check(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    let refuse = |what: &str| Err(unsupported(format!("Tasks with {what} can't be run here.")));
    if body.is_windows() {
        return refuse("a Windows operating system family");
    }
    if body.proxy_configuration.is_some() {
        return refuse("a proxy configuration");
    }
    if body.enable_fault_injection == Some(true) {
        return refuse("fault injection");
    }
    if body.volumes.iter().any(|volume| !volume.is_task_directory()) {
        return refuse("EFS, S3 Files or EBS volumes");
    }
    for container in &body.container_definitions {
        if container.firelens_configuration.is_some() {
            return refuse("a FireLens log router");
        }
        match container.log_configuration.as_ref().map(|log| log.log_driver.as_str()) {
            None | Some("awslogs") => {}
            Some(driver) => return refuse(&format!("the log driver {driver}")),
        }
    }
    Ok(())
}
