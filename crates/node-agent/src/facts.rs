//! What the agent knows of one task: the assignment, what came of it so far, and what containers may ask about.

use std::collections::BTreeMap;
use std::sync::Arc;

use link_protocol::{Assignment, Observation};
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::task::{ContainerOverride, TaskContainer};

/// A snapshot; the task's own driver publishes a new one with every change.
#[derive(Clone, Debug)]
pub struct TaskFacts {
    pub assignment: Arc<Assignment>,
    pub observation: Observation,
    /// By container name.
    pub containers: BTreeMap<String, ContainerFacts>,
    /// The id in `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, when the task has a role.
    pub credentials_id: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ContainerFacts {
    /// The digest of the image's configuration, once it is prepared.
    pub image_id: Option<String>,
    /// The full name of the log stream of an `awslogs` driver.
    pub log_stream: Option<String>,
    pub created_at: Option<stdx::clock::Timestamp>,
    pub health: Option<HealthFacts>,
}

/// The last probe of a health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthFacts {
    pub since: stdx::clock::Timestamp,
    pub exit_code: i32,
    pub output: String,
}

impl TaskFacts {
    pub fn task_arn(&self) -> String {
        self.assignment.intent.arn()
    }

    /// Definition and identity of each container, in the definition's order.
    pub fn each_container(&self) -> impl Iterator<Item = (&ContainerDefinition, &TaskContainer)> {
        let intent = &self.assignment.intent;
        self.assignment.definition.body.container_definitions.iter().filter_map(|definition| {
            let identity = intent.containers.iter().find(|identity| identity.name == definition.name)?;
            Some((definition, identity))
        })
    }

    /// The container with this runtime id.
    pub fn container_by_runtime_id(
        &self,
        runtime_id: &str,
    ) -> Option<(&ContainerDefinition, &TaskContainer)> {
        self.each_container().find(|(_, identity)| identity.runtime_id == runtime_id)
    }
}

/// The override of a container; none when nothing of it is overridden.
pub fn container_override<'a>(assignment: &'a Assignment, name: &str) -> Option<&'a ContainerOverride> {
    assignment.intent.overrides.containers.iter().find(|item| item.name == name)
}

/// The role that the task's own code acts as.
pub fn task_role(assignment: &Assignment) -> Option<&str> {
    let overridden = assignment.intent.overrides.task_role_arn.as_deref();
    overridden.or(assignment.definition.body.task_role_arn.as_deref())
}

/// The role that pulls images and writes logs for the task.
pub fn execution_role(assignment: &Assignment) -> Option<&str> {
    let overridden = assignment.intent.overrides.execution_role_arn.as_deref();
    overridden.or(assignment.definition.body.execution_role_arn.as_deref())
}
