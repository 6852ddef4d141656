//! What users and roles have in common: they hold policies and tags.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::iam::role::Role;
use state_model::iam::user::User;
use state_model::iam::{arn, named_key};
use state_tables::tables::InView;
use state_tables::transaction::FreelyWritten;
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;

use super::errors::{no_such_named, protected_role};
use super::{Iam, limits};

pub trait Holder: InView + FreelyWritten + Clone + PartialEq {
    /// `user` or `role`
    const NOUN: &'static str;
    const ATTACHED_QUOTA: &'static str;
    /// What all inline policies of one holder may have together.
    const INLINE_CHARS_MAX: usize;

    fn name(&self) -> &str;
    fn id(&self) -> &str;
    fn inline_policies(&self) -> &BTreeMap<String, String>;
    fn inline_policies_mut(&mut self) -> &mut BTreeMap<String, String>;
    fn attached_policies(&self) -> &Vec<String>;
    fn attached_policies_mut(&mut self) -> &mut Vec<String>;
    fn boundary_mut(&mut self) -> &mut Option<String>;
    fn tags(&self) -> &BTreeMap<String, String>;
    fn tags_mut(&mut self) -> &mut BTreeMap<String, String>;
    /// A role that only a service may change.
    fn is_protected(&self) -> bool;
}

macro_rules! holder {
    ($record:ty, $noun:literal, $quota:literal, $inline:expr, |$self:ident| $protected:expr) => {
        impl Holder for $record {
            const NOUN: &'static str = $noun;
            const ATTACHED_QUOTA: &'static str = $quota;
            const INLINE_CHARS_MAX: usize = $inline;

            fn name(&self) -> &str {
                &self.name
            }
            fn id(&self) -> &str {
                &self.id
            }
            fn inline_policies(&self) -> &BTreeMap<String, String> {
                &self.inline_policies
            }
            fn inline_policies_mut(&mut self) -> &mut BTreeMap<String, String> {
                &mut self.inline_policies
            }
            fn attached_policies(&self) -> &Vec<String> {
                &self.attached_policies
            }
            fn attached_policies_mut(&mut self) -> &mut Vec<String> {
                &mut self.attached_policies
            }
            fn boundary_mut(&mut self) -> &mut Option<String> {
                &mut self.permissions_boundary
            }
            fn tags(&self) -> &BTreeMap<String, String> {
                &self.tags
            }
            fn tags_mut(&mut self) -> &mut BTreeMap<String, String> {
                &mut self.tags
            }
            fn is_protected(&$self) -> bool {
                $protected
            }
        }
    };
}

holder!(User, "user", "PoliciesPerUser", limits::USER_POLICIES_CHARS_MAX, |self| false);
holder!(Role, "role", "PoliciesPerRole", limits::ROLE_POLICIES_CHARS_MAX, |self| self
    .linked_service
    .is_some());

pub fn find<'a, H: Holder>(view: &'a View, account: &str, name: &str) -> Result<&'a Row<H>, ServiceError> {
    H::table(view).get(&named_key(account, name)).ok_or_else(|| no_such_named(H::NOUN, name))
}

/// Finds the holder for a change: the roles of services aren't changed by callers.
pub fn find_changeable<'a, H: Holder>(
    view: &'a View,
    account: &str,
    name: &str,
) -> Result<&'a Row<H>, ServiceError> {
    let row = find::<H>(view, account, name)?;
    if row.is_protected() { Err(protected_role(name)) } else { Ok(row) }
}

/// The holder's ARN as far as its name alone tells it: what authorisation is asked for.
pub fn resource<H: Holder>(context: &Context<Iam>, name: &str) -> String {
    arn(&context.scope.account, H::NOUN, "/", name)
}

/// Changes the holder in one transaction; writes nothing when nothing changed.
pub async fn change<H: Holder, T>(
    context: &Context<Iam>,
    name: &str,
    mut change: impl FnMut(&View, &mut Transaction, &mut H) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let account = context.scope.account.as_str();
    context
        .transact(|view, transaction| {
            let row = find_changeable::<H>(view, account, name)?;
            let mut changed = H::clone(row);
            let output = change(view, transaction, &mut changed)?;
            if changed != **row {
                transaction.update(row, &changed);
            }
            Ok(output)
        })
        .await
}
