//! When a key or a role was last used: written coarsely, since a request that reads must not cost a write.

use state_model::iam::{LastUse, named_key};
use state_tables::{Transaction, View};

use crate::limits::LAST_USE_RESOLUTION;
use crate::principal::Principal;

/// The write that remembers this use, when the remembered one is old enough. Losing it to a conflict is harmless: whoever
/// came first remembered a use of the same minutes.
pub fn transaction(
    view: &View,
    access_key_id: &str,
    principal: &Principal,
    used: &LastUse,
) -> Option<Transaction> {
    let mut transaction = Transaction::new();
    match principal {
        Principal::AssumedRole(session) => {
            let row = view.iam_roles.get(&named_key(&session.account, &session.role_name))?;
            if !is_stale(row.last_used.as_ref(), used) {
                return None;
            }
            let mut role = state_model::iam::role::Role::clone(row);
            role.last_used = Some(used.clone());
            transaction.update(row, &role);
        }
        _ => {
            let row = view.iam_access_keys.get(access_key_id)?;
            if !is_stale(row.last_used.as_ref(), used) {
                return None;
            }
            let mut key = state_model::iam::access_key::AccessKey::clone(row);
            key.last_used = Some(used.clone());
            transaction.update(row, &key);
        }
    }
    Some(transaction)
}

fn is_stale(known: Option<&LastUse>, used: &LastUse) -> bool {
    known.is_none_or(|known| used.at.since(known.at) >= LAST_USE_RESOLUTION)
}
