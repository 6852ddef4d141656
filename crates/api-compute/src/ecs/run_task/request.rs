//! What a RunTask request says by itself, before anything is looked up.

use std::collections::BTreeMap;

use state_model::ecs::cluster::Cluster;
use state_model::ecs::task_definition::TaskDefinition;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{PropagateTags, RunTaskRequest};

use crate::ecs::client_token::client_token;
use crate::ecs::errors::{invalid_parameter, unsupported};
use crate::ecs::limits::{
    CLIENT_TOKEN_LENGTH_MAX, NAME_LENGTH_MAX, RUN_TASK_COUNT_MAX, STARTED_BY_LENGTH_MAX,
};
use crate::ecs::page::digest;
use crate::ecs::{task_source, validate};

#[derive(Debug)]
pub struct Request {
    pub count: usize,
    pub started_by: Option<String>,
    pub group: Option<String>,
    pub client_token: Option<String>,
    /// Of everything but the token.
    pub hash: String,
    given_tags: BTreeMap<String, String>,
    propagate: bool,
    managed: bool,
}

impl Request {
    pub fn new(input: &RunTaskRequest) -> Result<Self, ServiceError> {
        task_source::check_platform(input.platform_version.as_deref())?;
        check_unsupported(input)?;
        let propagate = match &input.propagate_tags {
            None | Some(PropagateTags::None) => false,
            Some(PropagateTags::TaskDefinition) => true,
            Some(other) => {
                return Err(invalid_parameter(format!("Invalid value for propagateTags: {other}")));
            }
        };
        let anonymous = RunTaskRequest { client_token: None, ..input.clone() };
        Ok(Self {
            count: count(input.count)?,
            started_by: started_by(input.started_by.clone())?,
            group: group(input.group.clone())?,
            client_token: client_token(input.client_token.clone(), CLIENT_TOKEN_LENGTH_MAX)?,
            hash: format!("{:016x}", digest(&format!("{anonymous:?}"))),
            given_tags: validate::tags::tags(input.tags.clone())?,
            propagate,
            managed: input.enable_ecs_managed_tags == Some(true),
        })
    }

    /// The tags of the tasks: the request's own win over the definition's.
    pub fn tags(
        &self,
        cluster: &Cluster,
        definition: &TaskDefinition,
    ) -> Result<BTreeMap<String, String>, ServiceError> {
        let mut tags = BTreeMap::new();
        if self.propagate {
            tags.extend(definition.tags.clone());
        }
        tags.extend(self.given_tags.clone());
        validate::tags::check_count(&tags)?;
        if self.managed {
            tags.insert(String::from("aws:ecs:clusterName"), cluster.name.clone());
        }
        Ok(tags)
    }
}

fn count(given: Option<i32>) -> Result<usize, ServiceError> {
    let count = usize::try_from(given.unwrap_or(1)).ok();
    count
        .filter(|count| (1..=RUN_TASK_COUNT_MAX).contains(count))
        .ok_or_else(|| invalid_parameter(format!("count should be between 1 and {RUN_TASK_COUNT_MAX}")))
}

fn started_by(given: Option<String>) -> Result<Option<String>, ServiceError> {
    let Some(text) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_/-".contains(&byte);
    if text.len() > STARTED_BY_LENGTH_MAX || !text.bytes().all(allowed) {
        return Err(invalid_parameter(format!(
            "startedBy may have up to {STARTED_BY_LENGTH_MAX} letters, numbers, hyphens, forward slashes and \
             underscores."
        )));
    }
    Ok(Some(text))
}

/// Groups of services and families are named by ECS itself.
fn group(given: Option<String>) -> Result<Option<String>, ServiceError> {
    let Some(group) = given.filter(|text| !text.is_empty()) else { return Ok(None) };
    if group.starts_with("service:") {
        return Err(invalid_parameter("Invalid namespace for group."));
    }
    if group.len() > NAME_LENGTH_MAX || !group.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid_parameter("Invalid group."));
    }
    Ok(Some(group))
}

fn check_unsupported(input: &RunTaskRequest) -> Result<(), ServiceError> {
    task_source::check_placement(
        input.placement_constraints.as_deref().unwrap_or_default(),
        input.placement_strategy.as_deref().unwrap_or_default(),
    )?;
    if input.volume_configurations.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(unsupported("Managed EBS volumes are not available here."));
    }
    if input.enable_execute_command == Some(true) {
        return Err(unsupported("Execute command is not available here."));
    }
    Ok(())
}
