//! The balancers loop: the only writer of the places of load balancers and of their interfaces. Where a load balancer is
//! gone, it removes what was made for it.

use control_plan::balancers::{self, Decision};
use state_model::elbv2::{LoadBalancer, LoadBalancerPlacement};
use state_tables::Transaction;
use state_tables::public_addresses::PublicPool;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

/// Must not run beside the placement loop: both give out addresses of the same subnets, each from its snapshot.
pub async fn activate(context: LoopContext, node: &str, pool: PublicPool) -> Result<Activation, LoopError> {
    let changed = context
        .state
        .transact(|view, transaction| {
            let leftovers = balancers::leftovers(view);
            for one in &leftovers {
                // One that comes back under the same key would be another load balancer's: ids are never reused.
                transaction
                    .expect_absent::<LoadBalancer>(&one.placement.scope.key(&one.placement.load_balancer));
                transaction.delete(&one.placement);
                one.status.iter().for_each(|status| transaction.delete(status));
                one.interfaces.iter().for_each(|interface| transaction.delete(interface));
            }
            if !leftovers.is_empty() {
                return Ok::<_, LoopError>(true);
            }
            let decision = balancers::plan(view, node, pool, context.clock.now(), &*context.random);
            if let Some(decision) = &decision {
                write(transaction, decision);
            }
            Ok(decision.is_some())
        })
        .await?;
    Ok(if changed { Activation::Again } else { Activation::Idle(None) })
}

fn write(transaction: &mut Transaction, decision: &Decision) {
    // Deleted or changed meanwhile: then the next snapshot decides anew.
    transaction.expect(&decision.load_balancer);
    decision.made.iter().for_each(|interface| transaction.insert(interface));
    decision.changed.iter().for_each(|(row, next)| transaction.update(row, next));
    decision.gone.iter().for_each(|row| transaction.delete(row));
    match &decision.former {
        Some(former) => transaction.update::<LoadBalancerPlacement>(former, &decision.placement),
        None => transaction.insert(&decision.placement),
    }
}
