//! Brings the environment files of a task's containers from S3, with the execution role.

use futures_util::future;
use link_protocol::Assignment;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::task_definition::EnvironmentFile;

use super::NodeContext;
use crate::environment_file::{self, Variable};
use crate::facts;
use crate::limits::ENVIRONMENT_FILE_BYTES_MAX;

/// The variables of each container, in the definition's order; or why the task can't start.
pub(super) async fn fetch(
    context: &NodeContext,
    assignment: &Assignment,
) -> Result<Vec<Vec<Variable>>, String> {
    let containers = assignment.definition.body.container_definitions.iter();
    let variables = containers.map(|definition| async move {
        let files = files(assignment, definition).iter().map(|file| download(context, assignment, file));
        let files = future::try_join_all(files).await?;
        environment_file::merge(files).map_err(|failure| reason(&definition.name, &failure))
    });
    future::try_join_all(variables).await
}

/// The override's files, when it has some, stand for the definition's.
fn files<'a>(assignment: &'a Assignment, definition: &'a ContainerDefinition) -> &'a [EnvironmentFile] {
    let overridden = facts::container_override(assignment, &definition.name);
    match overridden.map(|item| item.environment_files.as_slice()) {
        Some(files) if !files.is_empty() => files,
        _ => definition.environment_files.as_deref().unwrap_or_default(),
    }
}

async fn download(
    context: &NodeContext,
    assignment: &Assignment,
    file: &EnvironmentFile,
) -> Result<Vec<Variable>, String> {
    let object = environment_file::object(file).map_err(|failure| reason(&file.value, &failure))?;
    let role = facts::execution_role(assignment);
    let read =
        context.control.read_object(&assignment.name(), role, &object, ENVIRONMENT_FILE_BYTES_MAX).await;
    let content = read.map_err(|failure| {
        format!(
            "ResourceInitializationError: failed to download env files: file download command: non empty error \
             stream: {}: {failure}",
            file.value
        )
    })?;
    environment_file::parse(&content).map_err(|failure| reason(&file.value, &failure))
}

fn reason(file: &str, failure: &environment_file::FileError) -> String {
    format!("ResourceInitializationError: failed to download env files: {file}: {failure}")
}
