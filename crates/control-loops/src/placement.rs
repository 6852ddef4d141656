//! The placement loop: the only writer of `placement`, and of the interfaces of tasks.

use control_plan::placement::{self, NodeOffer};
use state_tables::{Transaction, task_columns};

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

pub async fn activate(context: LoopContext, nodes: Vec<NodeOffer>) -> Result<Activation, LoopError> {
    let placed = context
        .state
        .transact(|view, transaction| {
            let decisions = placement::plan(view, &nodes, context.clock.now(), &*context.random);
            for decision in &decisions {
                write(transaction, decision);
            }
            Ok::<_, LoopError>(decisions.len())
        })
        .await?;
    Ok(if placed == 0 { Activation::Idle(None) } else { Activation::Again })
}

fn write(transaction: &mut Transaction, decision: &placement::Decision) {
    // A stop request that comes first ends the task before any node hears of it.
    transaction.expect(&decision.intent);
    task_columns::create_placement(transaction, &decision.placement);
    if let Some(interface) = &decision.interface {
        transaction.insert(interface);
    }
}
