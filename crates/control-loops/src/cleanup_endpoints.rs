//! Forgets VPC endpoints and peering connections that have ended.

use control_plan::cleanup_endpoints;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

/// Endpoints that were deleted, with their interfaces, as soon as no node has them any more. Woken by changes.
pub async fn endpoints(context: LoopContext) -> Result<Activation, LoopError> {
    let deleted = context
        .state
        .transact(|view, transaction| {
            let ended = cleanup_endpoints::endpoints(view);
            for one in &ended {
                one.interfaces.iter().for_each(|interface| transaction.delete(interface));
                transaction.delete(&one.endpoint);
            }
            Ok::<_, LoopError>(ended.len())
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(None) } else { Activation::Again })
}

/// Peering connections some time after their end. Woken by time.
pub async fn peerings(context: LoopContext) -> Result<Activation, LoopError> {
    let (deleted, next) = context
        .state
        .transact(|view, transaction| {
            let ended = cleanup_endpoints::peerings(view, context.clock.now());
            ended.connections.iter().for_each(|connection| transaction.delete(connection));
            Ok::<_, LoopError>((ended.connections.len(), ended.next))
        })
        .await?;
    Ok(if deleted == 0 { Activation::Idle(next) } else { Activation::Again })
}
