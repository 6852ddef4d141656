//! The placement loop: the only writer of `placement`, and of the interfaces of tasks with their public addresses. It also interrupts Spot tasks where
//! others need their room.

use std::collections::{BTreeMap, BTreeSet};

use control_plan::placement::{self, NodeOffer};
use state_model::ecs::service::{Service, service_key};
use state_model::ecs::task::{StopCode, StopRequest, TaskIntent};
use state_tables::public_addresses::PublicPool;
use state_tables::{Row, Transaction, View, addresses, task_columns};
use stdx::clock::Timestamp;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};
use crate::service_events;

pub async fn activate(
    context: LoopContext,
    nodes: Vec<NodeOffer>,
    pool: PublicPool,
) -> Result<Activation, LoopError> {
    let changed = context
        .state
        .transact(|view, transaction| {
            let now = context.clock.now();
            let plan = placement::plan(view, &nodes, pool, now, &*context.random);
            for decision in &plan.decisions {
                write(transaction, decision);
            }
            claim_subnets(view, transaction, &plan.decisions);
            for intent in &plan.interruptions {
                task_columns::update_intent(transaction, intent, &interrupted(intent, now));
            }
            warn_services(&context, view, transaction, &plan.interruptions, now);
            Ok::<_, LoopError>(plan.decisions.len() + plan.interruptions.len())
        })
        .await?;
    Ok(if changed == 0 { Activation::Idle(None) } else { Activation::Again })
}

/// Requests give out addresses too, each from its snapshot: of two that meet, one decides anew.
fn claim_subnets(view: &View, transaction: &mut Transaction, decisions: &[placement::Decision]) {
    let interfaces = decisions.iter().filter_map(|decision| decision.interface.as_ref());
    let keys: BTreeSet<String> =
        interfaces.map(|interface| interface.scope.key(&interface.subnet_id)).collect();
    let subnets = keys.iter().filter_map(|key| view.subnets.get(key));
    subnets.for_each(|subnet| addresses::claim(transaction, subnet));
}

fn interrupted(row: &TaskIntent, now: Timestamp) -> TaskIntent {
    let reason = String::from("Your Spot Task was interrupted.");
    let stop = StopRequest { code: StopCode::SpotInterruption, reason, at: now };
    TaskIntent { stop: Some(stop), changes: row.changes + 1, ..row.clone() }
}

fn warn_services(
    context: &LoopContext,
    view: &View,
    transaction: &mut Transaction,
    interrupted: &[Row<TaskIntent>],
    now: Timestamp,
) {
    let mut messages: BTreeMap<String, (&Service, Vec<String>)> = BTreeMap::new();
    for intent in interrupted {
        let Some(own) = &intent.service else { continue };
        let key = service_key(&intent.scope, &intent.cluster, &own.name);
        let Some(service) = view.services.get(&key).filter(|service| service.uid == own.uid) else {
            continue;
        };
        let (name, id) = (&own.name, &intent.id);
        let message = format!(
            "(service {name}) (task {id}) is being interrupted: its Fargate Spot capacity is needed for other tasks."
        );
        messages.entry(key).or_insert_with(|| (service.record(), Vec::new())).1.push(message);
    }
    for (service, messages) in messages.into_values() {
        service_events::tell(view, transaction, service, messages, now, &*context.random);
    }
}

fn write(transaction: &mut Transaction, decision: &placement::Decision) {
    // A stop request that comes first ends the task before any node hears of it.
    transaction.expect(&decision.intent);
    task_columns::create_placement(transaction, &decision.placement);
    if let Some(interface) = &decision.interface {
        transaction.insert(interface);
    }
    if let Some(address) = &decision.public_address {
        // Someone else may have taken it meanwhile: then the next snapshot decides anew.
        transaction.insert(address);
    }
}
