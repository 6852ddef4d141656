//! What an account has before anybody asked for anything.

use api_auth::identifiers;
use state_model::iam::named_key;
use state_model::iam::service_linked_role::{TEMPLATES, new_role};
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;
use stdx::random::Random;

/// The service-linked roles that a new account has. Writes what is missing, so that a second call changes nothing; call
/// it for an account on its first use only, since a service-linked role may be deleted.
pub fn write_account(
    view: &View,
    transaction: &mut Transaction,
    account: &str,
    now: Timestamp,
    random: &dyn Random,
) {
    for template in TEMPLATES {
        if !view.iam_roles.contains(&named_key(account, template.role_name)) {
            transaction.insert(&new_role(template, account, identifiers::role_id(random), now));
        }
    }
}
