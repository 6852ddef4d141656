//! What of ECS has served its time besides tasks: client tokens, deleted definitions that nothing runs from
//! any more, deleted services with their history, and deleted clusters.

use std::time::Duration;

use state_model::ecs::cluster::Cluster;
use state_model::ecs::run_task_token::{RunTaskToken, token_day};
use state_model::ecs::service::Service;
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionFamily};
use state_model::record::Record;
use stdx::clock::Timestamp;

use crate::service_counts::{ServiceStatus, service_status};
use crate::service_history;
use crate::table::Row;
use crate::tables::View;
use crate::transaction::Transaction;

/// A deleted cluster is described for this long.
const INACTIVE_CLUSTER_KEPT: Duration = Duration::from_hours(24);

/// A deleted service is described for this long, and longer while any task of it is left.
const INACTIVE_SERVICE_KEPT: Duration = Duration::from_hours(1);

const DAY: Duration = Duration::from_hours(24);

/// Tokens are looked for by the day they were made on: how many days back, beyond those that may still hold.
const TOKEN_DAYS_SEARCHED: u32 = 30;

#[derive(Debug, Default)]
pub struct Leftovers {
    pub tokens: Vec<Row<RunTaskToken>>,
    pub definitions: Vec<Row<TaskDefinition>>,
    pub clusters: Vec<Row<Cluster>>,
    /// At most one: its history may be long, and goes first.
    pub service: Option<Row<Service>>,
    /// How many rows of the service's may go at once.
    service_rows: usize,
}

/// Finds up to `most` records that may go.
pub fn find(view: &View, now: Timestamp, most: usize) -> Leftovers {
    let mut tokens = Vec::new();
    for days in 2..2 + TOKEN_DAYS_SEARCHED {
        let of_day = token_day(now.minus(DAY * days));
        tokens.extend(view.run_task_tokens.by("day", &of_day).take(most - tokens.len()).cloned());
    }
    let left = most - tokens.len();
    let unused = |row: &&Row<TaskDefinition>| {
        let arn = row.arn();
        !view.task_intents.any_by("task-definition", &arn)
            && !view.service_revisions.any_by("task-definition", &arn)
    };
    let definitions: Vec<_> =
        view.task_definitions.by(TaskDefinition::DELETING, "").filter(unused).take(left).cloned().collect();
    let left = left - definitions.len();
    let expired = |row: &&Row<Cluster>| {
        row.deleted_at.is_some_and(|deleted_at| now.since(deleted_at) >= INACTIVE_CLUSTER_KEPT)
            // A deletion and a RunTask may cross: the cluster is kept for its tasks.
            && view.task_intents.prefix(&format!("{}/", row.key())).next().is_none()
            && view.services.prefix(&format!("{}/", row.key())).next().is_none()
    };
    let clusters: Vec<_> =
        view.clusters.by(Cluster::INACTIVE, "").filter(expired).take(left).cloned().collect();
    let service_rows = left - clusters.len();
    let service = match service_rows {
        0 => None,
        _ => view.services.by(Service::DELETED, "").find(|row| is_forgotten(view, row, now)).cloned(),
    };
    Leftovers { tokens, definitions, clusters, service, service_rows }
}

fn is_forgotten(view: &View, service: &Service, now: Timestamp) -> bool {
    service.deleted_at.is_some_and(|deleted_at| now.since(deleted_at) >= INACTIVE_SERVICE_KEPT)
        && service_status(view, service) == ServiceStatus::Inactive
}

impl Leftovers {
    pub fn len(&self) -> usize {
        self.tokens.len() + self.definitions.len() + self.clusters.len() + usize::from(self.service.is_some())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Deletes them. A family remembers the highest revision that went, so that its number isn't given again.
    pub fn delete(&self, view: &View, transaction: &mut Transaction) {
        for token in &self.tokens {
            transaction.delete(token);
        }
        for cluster in &self.clusters {
            transaction.delete(cluster);
        }
        if let Some(service) = &self.service {
            service_history::forget_service(view, service, transaction, self.service_rows);
        }
        let mut floors: Vec<TaskDefinitionFamily> = Vec::new();
        for definition in &self.definitions {
            transaction.delete(definition);
            let revision = definition.record().revision;
            let of_family = |floor: &&mut TaskDefinitionFamily| {
                floor.scope == definition.scope && floor.name == definition.family
            };
            match floors.iter_mut().find(of_family) {
                Some(floor) => floor.revision_floor = floor.revision_floor.max(revision),
                None => floors.push(TaskDefinitionFamily {
                    scope: definition.scope.clone(),
                    name: definition.family.clone(),
                    revision_floor: revision,
                }),
            }
        }
        for mut floor in floors {
            if let Some(row) = view.task_definition_families.get(&floor.key()) {
                floor.revision_floor = floor.revision_floor.max(row.revision_floor);
            }
            transaction.put(&floor);
        }
    }
}
