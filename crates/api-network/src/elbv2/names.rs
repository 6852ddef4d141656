//! Names of load balancers and target groups.

use state_model::Scope;
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::errors::validation;
use super::limits::NAME_LENGTH_MAX;

/// `noun` begins a sentence: `Load balancer`.
pub fn check(noun: &str, name: &str) -> Result<(), ServiceError> {
    if name.len() > NAME_LENGTH_MAX {
        return Err(validation(format!(
            "{noun} name '{name}' cannot be longer than '{NAME_LENGTH_MAX}' characters"
        )));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(validation(format!(
            "{noun} name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(validation(format!("{noun} name '{name}' cannot begin or end with '-'")));
    }
    Ok(())
}

/// Two things of one name must not come at once: whoever gives a name in a region changes the region's row.
pub fn hold(view: &View, scope: &Scope, transaction: &mut Transaction) {
    if let Some(region) = view.regions.get(&scope.to_string()) {
        transaction.update(region, region.record());
    }
}
