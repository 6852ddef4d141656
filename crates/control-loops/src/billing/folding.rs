//! The folding loop: old usage takes less and less room.

use control_plan::billing::folding;

use crate::LoopContext;
use crate::driver::{Activation, LoopError};

/// Woken by time.
pub async fn activate(context: LoopContext) -> Result<Activation, LoopError> {
    let folded = context
        .state
        .transact(|view, transaction| {
            let folding = folding::plan(view, context.clock.now());
            folding.gone.iter().for_each(|row| transaction.delete(row));
            for (former, usage) in &folding.folded {
                match former {
                    Some(row) => transaction.update(row, usage),
                    None => transaction.insert(usage),
                }
            }
            Ok::<_, LoopError>(folding.gone.len())
        })
        .await?;
    Ok(if folded == 0 { Activation::Idle(None) } else { Activation::Again })
}
