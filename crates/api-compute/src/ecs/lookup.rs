//! From the identifiers that requests use, names and ARNs, to records.

use state_model::Scope;
use state_model::ecs::cluster::{Cluster, DEFAULT_CLUSTER, cluster_arn};
use state_model::ecs::task::{TaskColumns, TaskIntent, task_key};
use state_model::ecs::task_definition::{
    TaskDefinition, TaskDefinitionStatus, family_prefix, task_definition_arn, task_definition_key,
};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::{cluster_not_found, inactive_cluster, invalid_parameter};

/// The resource part of an ARN of ECS in this account and region; the text itself when it is no ARN.
/// None when the ARN is of elsewhere.
pub fn resource<'a>(scope: &Scope, text: &'a str) -> Option<&'a str> {
    let Some(rest) = text.strip_prefix("arn:") else { return Some(text) };
    let mut parts = rest.splitn(5, ':');
    let (_partition, service) = (parts.next()?, parts.next()?);
    let (region, account) = (parts.next()?, parts.next()?);
    let here = service == "ecs" && region == scope.region && account == scope.account;
    parts.next().filter(|_| here)
}

/// The name of the cluster that a request means.
pub fn cluster_name<'a>(scope: &Scope, given: Option<&'a str>) -> Result<&'a str, ServiceError> {
    let Some(given) = given.filter(|text| !text.is_empty()) else { return Ok(DEFAULT_CLUSTER) };
    let resource = resource(scope, given).ok_or_else(cluster_not_found)?;
    if resource.len() == given.len() {
        return Ok(given);
    }
    resource
        .strip_prefix("cluster/")
        .ok_or_else(|| invalid_parameter("Invalid identifier: Unexpected resource type."))
}

/// The cluster, in whatever state.
pub fn cluster<'v>(
    view: &'v View,
    scope: &Scope,
    given: Option<&str>,
) -> Result<&'v Row<Cluster>, ServiceError> {
    let name = cluster_name(scope, given)?;
    view.clusters.get(&scope.key(name)).ok_or_else(cluster_not_found)
}

pub fn active_cluster<'v>(
    view: &'v View,
    scope: &Scope,
    given: Option<&str>,
) -> Result<&'v Row<Cluster>, ServiceError> {
    let row = cluster(view, scope, given)?;
    if row.is_active() { Ok(row) } else { Err(inactive_cluster()) }
}

/// The ARN that a request's cluster has or would have: for authorisation, before anything is looked up.
pub fn cluster_arn_of(scope: &Scope, given: Option<&str>) -> String {
    match given {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        given => cluster_arn(scope, given.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_CLUSTER)),
    }
}

/// As [`cluster_arn_of`], for a task definition. What can't be read is refused later.
pub fn task_definition_arn_of(scope: &Scope, given: &str) -> String {
    match Reference::parse(scope, given) {
        Ok(Some(reference)) => reference.arn(scope),
        _ => given.to_owned(),
    }
}

/// The id of a task in `cluster`, from an id or an ARN.
pub fn task_id<'a>(scope: &Scope, cluster: &str, given: &'a str) -> Result<&'a str, ServiceError> {
    let not_here = || invalid_parameter(format!("Invalid identifier: {given}"));
    let resource = resource(scope, given).ok_or_else(not_here)?;
    let id = if resource.len() == given.len() {
        given
    } else {
        let path = resource.strip_prefix("task/").ok_or_else(not_here)?;
        match path.split_once('/') {
            Some((of, _)) if of != cluster => {
                return Err(invalid_parameter(format!(
                    "Invalid identifier: Identifier is for cluster {of}. Your cluster is {cluster}"
                )));
            }
            Some((_, id)) => id,
            // The form without a cluster that accounts had before the long one.
            None => path,
        }
    };
    if matches!(id.len(), 32 | 36) {
        return Ok(id);
    }
    Err(invalid_parameter("taskId length should be one of [32,36]"))
}

/// The task's row and columns.
pub fn task<'v>(
    view: &'v View,
    scope: &Scope,
    cluster: &str,
    id: &str,
) -> Option<(&'v Row<TaskIntent>, TaskColumns<'v>)> {
    let key = task_key(scope, cluster, id);
    Some((view.task_intents.get(&key)?, view.task(&key)?))
}

/// The cluster's tasks that haven't stopped, in order of their keys, from the first after the key `after`.
pub fn live_tasks<'v>(
    view: &'v View,
    scope: &Scope,
    cluster: &str,
    after: Option<&str>,
) -> impl Iterator<Item = TaskColumns<'v>> {
    use std::ops::Bound;
    use std::sync::Arc;
    let prefix = task_key(scope, cluster, "");
    let start: Bound<Arc<str>> = match after {
        Some(after) if after >= prefix.as_str() => Bound::Excluded(after.into()),
        _ => Bound::Included(prefix.as_str().into()),
    };
    view.live_tasks
        .range((start, Bound::Unbounded))
        .take_while(move |key| key.starts_with(&prefix))
        .filter_map(|key| view.task(key))
}

/// How a request names a task definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    pub family: &'a str,
    pub revision: Option<u32>,
}

impl<'a> Reference<'a> {
    /// Reads `family`, `family:revision` or an ARN of either. None when it names something of elsewhere.
    pub fn parse(scope: &Scope, given: &'a str) -> Result<Option<Self>, ServiceError> {
        let Some(resource) = resource(scope, given) else { return Ok(None) };
        let name = if resource.len() == given.len() {
            given
        } else {
            match resource.strip_prefix("task-definition/") {
                Some(name) => name,
                None => return Ok(None),
            }
        };
        let Some((family, revision)) = name.split_once(':') else {
            return Ok(Some(Reference { family: name, revision: None }));
        };
        let number = revision
            .parse()
            .map_err(|_| invalid_parameter(format!("Invalid revision number. Number: {revision}")))?;
        Ok(Some(Reference { family, revision: Some(number) }))
    }

    pub fn arn(&self, scope: &Scope) -> String {
        match self.revision {
            Some(revision) => task_definition_arn(scope, self.family, revision),
            None => scope.arn("ecs", &format!("task-definition/{}", self.family)),
        }
    }

    /// The revision itself in whatever state, or the family's latest ACTIVE one.
    pub fn find<'v>(&self, view: &'v View, scope: &Scope) -> Option<&'v Row<TaskDefinition>> {
        match self.revision {
            Some(revision) => view.task_definitions.get(&task_definition_key(scope, self.family, revision)),
            None => latest_active(view, scope, self.family),
        }
    }
}

/// The newest revision that may be used.
pub fn latest_active<'v>(view: &'v View, scope: &Scope, family: &str) -> Option<&'v Row<TaskDefinition>> {
    if !has_revision(view, scope, family, TaskDefinitionStatus::Active) {
        return None;
    }
    let prefix = family_prefix(scope, family);
    let mut revisions = view.task_definitions.before(&prefix, None);
    revisions.find(|(_, row)| row.status == TaskDefinitionStatus::Active).map(|(_, row)| row)
}

/// Whether the family has any revision of this status.
pub fn has_revision(view: &View, scope: &Scope, family: &str, status: TaskDefinitionStatus) -> bool {
    let value = scope.key(&format!("{family}/{}", status.as_str()));
    view.task_definitions.any_by("family-status", &value)
}

/// The ARNs of container instances that a request names. There are none.
pub fn missing_instances(scope: &Scope, cluster: &str, given: Vec<String>) -> impl Iterator<Item = String> {
    let base = scope.arn("ecs", &format!("container-instance/{cluster}/"));
    given.into_iter().map(move |text| if text.starts_with("arn:") { text } else { format!("{base}{text}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "000000000000";

    #[test]
    fn clusters_are_named_in_every_form() {
        let scope = Scope::new(ACCOUNT, "us-east-1");
        let name = |given| cluster_name(&scope, given).map_err(|error| error.code.into_owned());
        assert_eq!(name(None), Ok("default"));
        assert_eq!(name(Some("")), Ok("default"));
        assert_eq!(name(Some("web")), Ok("web"));
        assert_eq!(name(Some("arn:aws:ecs:us-east-1:000000000000:cluster/web")), Ok("web"));
        let elsewhere = name(Some("arn:aws:ecs:eu-west-1:000000000000:cluster/web"));
        assert_eq!(elsewhere, Err("ClusterNotFoundException".into()));
        let task = name(Some("arn:aws:ecs:us-east-1:000000000000:task/web"));
        assert_eq!(task, Err("InvalidParameterException".into()));
    }

    #[test]
    fn tasks_are_named_in_every_form() {
        let scope = Scope::new(ACCOUNT, "us-east-1");
        let id = "0123456789abcdef0123456789abcdef";
        let parse =
            |given: &str| task_id(&scope, "web", given).map(str::to_owned).map_err(|error| error.message);
        assert_eq!(parse(id), Ok(id.into()));
        assert_eq!(parse(&format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/web/{id}")), Ok(id.into()));
        assert_eq!(parse(&format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/{id}")), Ok(id.into()));
        assert_eq!(parse("1"), Err("taskId length should be one of [32,36]".into()));
        assert_eq!(
            parse(&format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/other/{id}")),
            Err("Invalid identifier: Identifier is for cluster other. Your cluster is web".into())
        );
    }

    #[test]
    fn task_definitions_are_named_in_every_form() {
        let scope = Scope::new(ACCOUNT, "us-east-1");
        let parse = |given| Reference::parse(&scope, given).map_err(|error| error.message);
        let reference = |family, revision| Ok(Some(Reference { family, revision }));
        assert_eq!(parse("web"), reference("web", None));
        assert_eq!(parse("web:7"), reference("web", Some(7)));
        assert_eq!(
            parse("arn:aws:ecs:us-east-1:000000000000:task-definition/web:7"),
            reference("web", Some(7))
        );
        assert_eq!(parse("arn:aws:ecs:eu-west-1:000000000000:task-definition/web:7"), Ok(None));
        assert_eq!(parse("web:x"), Err("Invalid revision number. Number: x".into()));
    }
}
