//! The services loop: the only writer of a deployment's progress. It makes the tasks of services and asks for their end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use control_plan::ecs_events;
use control_plan::services::{self, Decisions, Launch, TaskRow, TasksByService};
use state_model::ecs::new_task::{NewServiceTask, new_service_task};
use state_model::ecs::service::Service;
use state_model::ecs::service_deployment::service_deployment_key;
use state_model::ecs::service_revision::service_revision_key;
use state_model::ecs::task::{StopCode, StopRequest, TaskIntent};
use state_model::ecs::task_definition::task_definition_key;
use state_model::events::PendingEvent;
use state_model::record::Record;
use state_store::CommitError;
use state_tables::{Row, Transaction, View, task_columns};
use stdx::clock::Timestamp;
use stdx::random::Random;
use tracing::debug;

use crate::LoopContext;
use crate::changed::{Touched, Tracker};
use crate::driver::{Activation, LoopError};
use crate::limits::{CONFLICT_PAUSE, SERVICES_LOOKED_UP_MAX};
use crate::service_events;

/// What an activation leaves for the next one. Losing it costs a full pass.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    tracker: Tracker,
    /// When time alone gives a service something to do, by its key.
    due: BTreeMap<String, Timestamp>,
}

pub async fn activate(context: LoopContext, memory: Memory) -> Result<Activation, LoopError> {
    let view = context.state.view();
    let now = context.clock.now();
    let mut remembered = std::mem::take(&mut *memory.lock());
    let touched = remembered.tracker.touched(&view, context.clock.monotonic());
    for service in chosen(&view, touched, &remembered.due, now) {
        let key = service.row.key();
        remembered.due.remove(&key);
        let Some(snapshot) = services::snapshot(&view, service.row, &service.tasks) else { continue };
        let decisions = services::plan(&snapshot, now);
        let mut next = decisions.next;
        if !decisions.is_empty() && !commit(&context, &view, service.row, &decisions, now).await? {
            // Somebody wrote something that this depended on: its wake-up is under way, or comes with this pause.
            next = Some(now.plus(CONFLICT_PAUSE));
        }
        next.into_iter().for_each(|next| _ = remembered.due.insert(key.clone(), next));
    }
    remembered.tracker.settle(view);
    let next = remembered.due.values().min().copied();
    *memory.lock() = remembered;
    Ok(Activation::Idle(next))
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service that is to be planned.
struct Chosen<'v> {
    row: &'v Row<Service>,
    tasks: Vec<TaskRow<'v>>,
}

fn chosen<'v>(
    view: &'v View,
    touched: Touched,
    due: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> Vec<Chosen<'v>> {
    let mut keys = match touched {
        Touched::All => return everything(view),
        Touched::Services(keys) => keys,
    };
    keys.extend(due.iter().filter(|(_, at)| now >= **at).map(|(key, _)| key.clone()));
    if keys.len() > SERVICES_LOOKED_UP_MAX {
        return everything(view);
    }
    let rows = keys.iter().filter_map(|key| view.services.get(key));
    rows.map(|row| Chosen { row, tasks: services::tasks_of(view, row) }).collect()
}

fn everything(view: &View) -> Vec<Chosen<'_>> {
    let mut tasks: TasksByService<'_> = services::all_tasks(view);
    let rows = view.services.iter().map(|(_, row)| row);
    rows.map(|row| Chosen { row, tasks: tasks.remove(row.uid.as_str()).unwrap_or_default() }).collect()
}

/// False when something that the decisions depend on has changed.
async fn commit(
    context: &LoopContext,
    view: &View,
    service: &Row<Service>,
    decisions: &Decisions<'_>,
    now: Timestamp,
) -> Result<bool, LoopError> {
    let mut transaction = Transaction::new();
    transaction.expect(service);
    let key = service_deployment_key(&service.scope, &service.cluster, &service.name, &service.deployment);
    let deployment = view.service_deployments.get(&key);
    deployment.into_iter().for_each(|deployment| transaction.expect(deployment));
    let former = view.service_deployment_progress.get(&key).map(|row| &**row.record());
    let told =
        ecs_events::service::told(service, deployment.map(|row| &**row.record()), former, decisions, now);
    for told in told {
        let (scope, arn) = (&service.scope, vec![service.arn()]);
        let event = PendingEvent::of_service(
            scope,
            ecs_events::SOURCE,
            told.detail_type,
            arn,
            &told.detail,
            now,
            &*context.random,
        );
        transaction.insert(&event);
    }
    for progress in decisions.progress.iter().chain(&decisions.superseded) {
        if let Some(row) = view.service_deployment_progress.get(&progress.key()) {
            transaction.update(row, progress);
        }
    }
    for stop in &decisions.stops {
        let Some(row) = view.task_intents.get(stop.key) else { continue };
        task_columns::update_intent(&mut transaction, row, &stopped(row, &stop.reason, now));
    }
    let mut started = Vec::with_capacity(decisions.launches.len());
    for launch in &decisions.launches {
        let Some(intent) = intent(view, service, launch, now, &*context.random) else { return Ok(true) };
        task_columns::create_intent(&mut transaction, &intent);
        started.push(intent.id);
    }
    let messages = decisions.events.iter().map(|event| event.message(&service.name, &started)).collect();
    service_events::tell(view, &mut transaction, service, messages, now, &*context.random);
    match context.state.commit(transaction).await {
        Ok(_) => Ok(true),
        Err(CommitError::Conflict { .. }) => {
            debug!(service = service.name, "decided anew, since something changed meanwhile");
            Ok(false)
        }
        Err(error) => Err(LoopError::Commit(error)),
    }
}

fn stopped(row: &TaskIntent, reason: &str, now: Timestamp) -> TaskIntent {
    let code = StopCode::ServiceSchedulerInitiated;
    let stop = StopRequest { code, reason: reason.to_owned(), at: now };
    TaskIntent { stop: Some(stop), changes: row.changes + 1, ..row.clone() }
}

/// None when something that it is made from isn't there: nothing can be started then.
fn intent(
    view: &View,
    service: &Service,
    launch: &Launch<'_>,
    now: Timestamp,
    random: &dyn Random,
) -> Option<TaskIntent> {
    let scope = &service.scope;
    let key = service_revision_key(scope, &service.cluster, &service.name, launch.revision);
    let revision = view.service_revisions.get(&key)?;
    let definition = task_definition_key(scope, &revision.family, revision.task_revision);
    let subnet = view.subnets.get(&scope.key(launch.place.subnet))?;
    let mut security_groups = revision.network.security_groups.clone();
    if security_groups.is_empty() {
        security_groups
            .extend(view.default_security_group(scope, &subnet.vpc_id).map(|group| group.id.clone()));
    }
    let task = NewServiceTask {
        service,
        revision: revision.record(),
        definition: view.task_definitions.get(&definition)?.record(),
        capacity_provider: launch.capacity_provider,
        subnet: subnet.record(),
        security_groups: &security_groups,
        now,
    };
    Some(new_service_task(&task, random))
}
