//! Brings an account and a region to life at their first use.

use std::sync::Arc;

use api_auth::context::transact_error;
use state_model::Scope;
use state_model::region::{Account, Region};
use state_tables::State;
use stdx::clock::Timestamp;
use stdx::random::Random;
use wire_schema::ServiceError;

use crate::limits::REGIONS_MAX;

/// Makes the defaults of `scope` unless they are there.
///
/// # Errors
/// When the region's name isn't one, when there are too many, or when the store can't write.
pub async fn ensure(
    state: &Arc<State>,
    scope: &Scope,
    now: Timestamp,
    random: &dyn Random,
) -> Result<(), ServiceError> {
    if state.view().regions.contains(&scope.to_string()) {
        return Ok(());
    }
    if !state_model::scope::is_region_name(&scope.region) {
        let message = format!("Credential should be scoped to a valid region. '{}' is none.", scope.region);
        return Err(ServiceError::caller("InvalidSignatureException", message).with_status(403));
    }
    let made = state.transact(|view, transaction| {
        if view.regions.contains(&scope.to_string()) {
            return Ok(());
        }
        if view.regions.len() >= REGIONS_MAX {
            let message = format!("This installation holds at most {REGIONS_MAX} accounts and regions.");
            return Err(ServiceError::caller("LimitExceededException", message));
        }
        transaction.insert(&Region { scope: scope.clone(), created_at: now });
        if !view.accounts.contains(&scope.account) {
            transaction.insert(&Account { id: scope.account.clone(), created_at: now });
            api_platform::defaults::write_account(view, transaction, &scope.account, now, random);
        }
        api_network::defaults::write(scope, now, random, transaction);
        api_compute::defaults::write(scope, now, transaction);
        Ok(())
    });
    made.await.map_err(transact_error)
}
