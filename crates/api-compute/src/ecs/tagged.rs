//! The resources that have tags, by their ARN.

use std::collections::BTreeMap;

use state_model::ecs::cluster::Cluster;
use state_model::ecs::service::{Service, service_key};
use state_model::ecs::task::TaskIntent;
use state_model::ecs::task_definition::TaskDefinition;
use state_tables::{Row, Transaction, View, task_columns};
use wire_schema::ServiceError;

use super::Context;
use super::errors::{cluster_not_found, invalid_parameter};
use super::lookup::{self, Reference};

pub type TagMap = BTreeMap<String, String>;

#[derive(Debug)]
pub enum Tagged<'v> {
    Cluster(&'v Row<Cluster>),
    Service(&'v Row<Service>),
    Task(&'v Row<TaskIntent>),
    TaskDefinition(&'v Row<TaskDefinition>),
}

impl<'v> Tagged<'v> {
    pub fn find(context: &Context, view: &'v View, arn: &str) -> Result<Self, ServiceError> {
        let scope = &context.scope;
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "ecs", region, account, resource] = parts[..] else {
            return Err(invalid_parameter(format!("Invalid resource ARN: {arn}")));
        };
        if region != scope.region || account != scope.account {
            return Err(not_found());
        }
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        match kind {
            "cluster" => {
                let row = view.clusters.get(&scope.key(name)).ok_or_else(cluster_not_found)?;
                if !row.is_active() {
                    return Err(invalid_parameter(
                        "The specified cluster is inactive. Specify an active cluster and try again.",
                    ));
                }
                Ok(Tagged::Cluster(row))
            }
            "task" => {
                let (cluster, id) = name.split_once('/').ok_or_else(|| {
                    invalid_parameter("Long arn format must be used for tagging operations")
                })?;
                let found = lookup::task(view, scope, cluster, id);
                found.map(|(row, _)| Tagged::Task(row)).ok_or_else(not_found)
            }
            "task-definition" => {
                let reference = Reference::parse(scope, arn)?.filter(|found| found.revision.is_some());
                let found = reference.and_then(|reference| reference.find(view, scope));
                found.map(Tagged::TaskDefinition).ok_or_else(not_found)
            }
            "service" => service(view, context, name),
            "container-instance" | "task-set" | "capacity-provider" | "service-deployment"
            | "service-revision" => Err(not_found()),
            _ => Err(invalid_parameter(format!("Invalid resource ARN: {arn}"))),
        }
    }

    pub fn tags(&self) -> &TagMap {
        match self {
            Tagged::Cluster(row) => &row.tags,
            Tagged::Service(row) => &row.tags,
            Tagged::Task(row) => &row.tags,
            Tagged::TaskDefinition(row) => &row.tags,
        }
    }

    pub fn set_tags(&self, transaction: &mut Transaction, tags: TagMap) {
        match self {
            Tagged::Cluster(row) => transaction.update(row, &Cluster { tags, ..Cluster::clone(row) }),
            Tagged::Service(row) => transaction.update(row, &Service { tags, ..Service::clone(row) }),
            Tagged::TaskDefinition(row) => {
                transaction.update(row, &TaskDefinition { tags, ..TaskDefinition::clone(row) });
            }
            Tagged::Task(row) => {
                let intent = TaskIntent { tags, ..TaskIntent::clone(row) };
                task_columns::update_intent(transaction, row, &intent);
            }
        }
    }
}

/// `name` is `cluster/service`: the form without a cluster has no tags on AWS either.
fn service<'v>(view: &'v View, context: &Context, name: &str) -> Result<Tagged<'v>, ServiceError> {
    let (cluster, name) = name
        .split_once('/')
        .ok_or_else(|| invalid_parameter("Long arn format must be used for tagging operations"))?;
    let row = view.services.get(&service_key(&context.scope, cluster, name)).ok_or_else(not_found)?;
    if row.is_deleted() {
        return Err(invalid_parameter(
            "The specified service is inactive. Specify an active service and try again.",
        ));
    }
    Ok(Tagged::Service(row))
}

fn not_found() -> ServiceError {
    ServiceError::caller("ResourceNotFoundException", "The specified resource wasn't found.")
}
