//! The cleanup loops. One gives addresses back as soon as their task has stopped; the other forgets what is described no
//! longer: tasks that stopped long ago, and what ECS keeps for a while after its end.

use control_plan::cleanup;
use control_plan::limits::DELETIONS_PER_COMMIT_MAX;
use state_model::ec2::ElasticIp;
use state_tables::{ecs_leftovers, task_columns};

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

/// Interfaces of stopped tasks. Woken by changes.
pub async fn interfaces(context: LoopContext) -> Result<Activation, LoopError> {
    let deleted = context
        .state
        .transact(|view, transaction| {
            let unused = cleanup::interfaces(view);
            for one in &unused {
                transaction.delete(&one.interface);
                one.public_address.iter().for_each(|address| transaction.delete(address));
            }
            Ok::<_, LoopError>(unused.len())
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(None) } else { Activation::Again })
}

/// What deleted NAT gateways held, once the nodes have told that they are gone. Woken by changes.
pub async fn nat_gateways(context: LoopContext) -> Result<Activation, LoopError> {
    let freed = context
        .state
        .transact(|view, transaction| {
            let leftovers = cleanup::nat_gateways(view);
            for one in &leftovers {
                transaction.expect(&one.gateway);
                transaction.delete(&one.interface);
                if let Some(row) = &one.elastic_ip {
                    let next = ElasticIp { association: None, ..ElasticIp::clone(row.record()) };
                    transaction.update(row, &next);
                }
            }
            Ok::<_, LoopError>(leftovers.len())
        })
        .await?;
    Ok(if freed == 0 { Activation::Idle(None) } else { Activation::Again })
}

/// Everything that has an age. It looks at the whole history, so it is woken by time.
pub async fn history(context: LoopContext) -> Result<Activation, LoopError> {
    let (deleted, next) = context
        .state
        .transact(|view, transaction| {
            let now = context.clock.now();
            let expired = cleanup::tasks(view, now);
            for key in &expired.tasks {
                let Some(intent) = view.task_intents.get(key) else { continue };
                let placement = view.task_placements.get(key);
                let observation = view.task_observations.get(key);
                task_columns::delete_task(transaction, intent, placement, observation);
                view.task_meters.get(key).into_iter().for_each(|meter| transaction.delete(meter));
                view.task_told.get(key).into_iter().for_each(|told| transaction.delete(told));
            }
            let leftovers = ecs_leftovers::find(view, now, DELETIONS_PER_COMMIT_MAX / 2);
            leftovers.delete(view, transaction);
            Ok::<_, LoopError>((expired.tasks.len() + leftovers.len(), expired.next))
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(next) } else { Activation::Again })
}

/// Deleted NAT gateways that are described no longer. Woken by time.
pub async fn expired_nat_gateways(context: LoopContext) -> Result<Activation, LoopError> {
    let (deleted, next) = context
        .state
        .transact(|view, transaction| {
            let expired = cleanup::expired_nat_gateways(view, context.clock.now());
            for (gateway, tokens) in &expired.gateways {
                transaction.delete(gateway);
                tokens.iter().for_each(|token| transaction.delete(token));
            }
            Ok::<_, LoopError>((expired.gateways.len(), expired.next))
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(next) } else { Activation::Again })
}
