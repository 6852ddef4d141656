//! The balancers loop: the only writer of the places of load balancers and of their interfaces. Where a load balancer is
//! gone, it removes what was made for it.

use control_plan::balancers::{self, Decision};
use state_model::ec2::ElasticIp;
use state_model::elbv2::{LoadBalancer, LoadBalancerPlacement};
use state_tables::public_addresses::PublicPool;
use state_tables::{Transaction, View, addresses};

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
                one.public_addresses.iter().for_each(|address| transaction.delete(address));
                for row in &one.elastic_ips {
                    let next = ElasticIp { association: None, ..ElasticIp::clone(row.record()) };
                    transaction.update(row, &next);
                }
            }
            if !leftovers.is_empty() {
                return Ok::<_, LoopError>(true);
            }
            let decision = balancers::plan(view, node, pool, context.clock.now(), &*context.random);
            if let Some(decision) = &decision {
                write(view, transaction, decision);
            }
            Ok(decision.is_some())
        })
        .await?;
    Ok(if changed { Activation::Again } else { Activation::Idle(None) })
}

fn write(view: &View, transaction: &mut Transaction, decision: &Decision) {
    // Deleted or changed meanwhile: then the next snapshot decides anew.
    transaction.expect(&decision.load_balancer);
    for interface in &decision.made {
        transaction.insert(interface);
        // Each is of another subnet.
        let subnet = view.subnets.get(&interface.scope.key(&interface.subnet_id));
        subnet.into_iter().for_each(|subnet| addresses::claim(transaction, subnet));
    }
    decision.taken.iter().for_each(|address| transaction.insert(address));
    decision.freed.iter().for_each(|row| transaction.delete(row));
    decision.elastic_ips.iter().for_each(|(row, next)| transaction.update(row, next));
    decision.changed.iter().for_each(|(row, next)| transaction.update(row, next));
    decision.gone.iter().for_each(|row| transaction.delete(row));
    match &decision.former {
        Some(former) => transaction.update::<LoadBalancerPlacement>(former, &decision.placement),
        None => transaction.insert(&decision.placement),
    }
}
