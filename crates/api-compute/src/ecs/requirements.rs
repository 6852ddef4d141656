//! What the API computes from a definition: the attributes a container instance would need, and where it
//! could run.
//!
//! Source of the names: "Amazon ECS container agent capabilities" and the agent's own source.

use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::task_definition::TaskDefinitionBody;

use super::validate::names::is_ecr_image;

const DOCKER_API: &str = "com.amazonaws.ecs.capability.docker-remote-api.";

pub fn compatibilities(body: &TaskDefinitionBody, runs_on_fargate: bool) -> Vec<String> {
    let names: &[&str] = match (body.network_mode.as_deref(), runs_on_fargate) {
        (Some("awsvpc"), true) => &["EC2", "FARGATE"],
        (Some("awsvpc"), false) => &["EC2"],
        _ => &["EXTERNAL", "EC2"],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn requires_attributes(body: &TaskDefinitionBody) -> Vec<String> {
    let mut found = Found::default();
    for container in &body.container_definitions {
        of_container(body, container, &mut found);
    }
    if body.task_role_arn.is_some() {
        found.add("com.amazonaws.ecs.capability.task-iam-role");
    }
    if body.network_mode.as_deref() == Some("awsvpc") {
        found.add("ecs.capability.task-eni");
        found.docker_api("1.18");
    }
    if body.pid_mode.is_some() || body.ipc_mode.is_some() {
        found.add("ecs.capability.pid-ipc-namespace-sharing");
    }
    if body.proxy_configuration.is_some() {
        found.add("ecs.capability.aws-appmesh");
    }
    for volume in &body.volumes {
        if let Some(efs) = &volume.efs {
            let with_auth = efs.authorization.is_some();
            found.add(if with_auth { "ecs.capability.efsAuth" } else { "ecs.capability.efs" });
            found.docker_api("1.25");
        }
    }
    found.names
}

fn of_container(body: &TaskDefinitionBody, container: &ContainerDefinition, found: &mut Found) {
    let with_role = body.execution_role_arn.is_some();
    if let Some(log) = &container.log_configuration {
        found.add(&format!("com.amazonaws.ecs.capability.logging-driver.{}", log.log_driver));
        if log.log_driver == "awslogs" {
            found.docker_api("1.19");
            if with_role {
                found.add("ecs.capability.execution-role-awslogs");
            }
        }
    }
    if is_ecr_image(&container.image) {
        found.add("com.amazonaws.ecs.capability.ecr-auth");
        if with_role {
            found.add("ecs.capability.execution-role-ecr-pull");
        }
    }
    if container.health_check.is_some() {
        found.add("ecs.capability.container-health-check");
        found.docker_api("1.24");
    }
    let ordered = container.depends_on.as_ref().is_some_and(|list| !list.is_empty());
    if ordered || container.start_timeout_secs.is_some() || container.stop_timeout_secs.is_some() {
        found.add("ecs.capability.container-ordering");
    }
    for secret in container.secrets.iter().flatten() {
        let manager = secret.value_from.contains(":secretsmanager:");
        found.add(if manager {
            "ecs.capability.secrets.asm.environment-variables"
        } else {
            "ecs.capability.secrets.ssm.environment-variables"
        });
    }
    if container.environment_files.as_ref().is_some_and(|list| !list.is_empty()) {
        found.add("ecs.capability.env-files.s3");
    }
    if let Some(firelens) = &container.firelens_configuration {
        found.add(&format!("ecs.capability.firelens.{}", firelens.kind));
    }
    if container.repository_credentials.is_some() {
        found.add("ecs.capability.private-registry-authentication.secretsmanager");
    }
    if container.memory_reservation.is_some() {
        found.docker_api("1.21");
    }
    if container.instance_only.privileged == Some(true) {
        found.add("com.amazonaws.ecs.capability.privileged-container");
    }
}

/// Names in the order they were found, each once.
#[derive(Default)]
struct Found {
    names: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str) {
        if !self.names.iter().any(|other| other == name) {
            self.names.push(name.to_owned());
        }
    }

    fn docker_api(&mut self, version: &str) {
        self.add(&format!("{DOCKER_API}{version}"));
    }
}
