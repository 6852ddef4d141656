//! What of ECS has served its time besides tasks: client tokens, deleted definitions that nothing runs from
//! any more, and deleted clusters.

use std::time::Duration;

use state_model::ecs::cluster::Cluster;
use state_model::ecs::run_task_token::{RunTaskToken, token_day};
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionFamily};
use state_model::record::Record;
use stdx::clock::Timestamp;

use crate::table::Row;
use crate::tables::View;
use crate::transaction::Transaction;

/// A deleted cluster is described for this long.
const INACTIVE_CLUSTER_KEPT: Duration = Duration::from_hours(24);

const DAY: Duration = Duration::from_hours(24);

/// Tokens are looked for by the day they were made on: how many days back, beyond those that may still hold.
const TOKEN_DAYS_SEARCHED: u32 = 30;

#[derive(Debug, Default)]
pub struct Leftovers {
    pub tokens: Vec<Row<RunTaskToken>>,
    pub definitions: Vec<Row<TaskDefinition>>,
    pub clusters: Vec<Row<Cluster>>,
}

/// Finds up to `most` records that may go.
pub fn find(view: &View, now: Timestamp, most: usize) -> Leftovers {
    let mut tokens = Vec::new();
    for days in 2..2 + TOKEN_DAYS_SEARCHED {
        let of_day = token_day(now.minus(DAY * days));
        tokens.extend(view.run_task_tokens.by("day", &of_day).take(most - tokens.len()).cloned());
    }
    let left = most - tokens.len();
    let unused = |row: &&Row<TaskDefinition>| !view.task_intents.any_by("task-definition", &row.arn());
    let definitions: Vec<_> =
        view.task_definitions.by(TaskDefinition::DELETING, "").filter(unused).take(left).cloned().collect();
    let left = left - definitions.len();
    let expired = |row: &&Row<Cluster>| {
        row.deleted_at.is_some_and(|deleted_at| now.since(deleted_at) >= INACTIVE_CLUSTER_KEPT)
            // A deletion and a RunTask may cross: the cluster is kept for its tasks.
            && view.task_intents.prefix(&format!("{}/", row.key())).next().is_none()
    };
    let clusters = view.clusters.by(Cluster::INACTIVE, "").filter(expired).take(left).cloned().collect();
    Leftovers { tokens, definitions, clusters }
}

impl Leftovers {
    pub fn len(&self) -> usize {
        self.tokens.len() + self.definitions.len() + self.clusters.len()
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
