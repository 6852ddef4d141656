//! IAM: users, access keys, roles, policies.

use std::sync::Arc;

use api_auth::{Context, SessionKeys};
use wire_protocols::ServiceTable;
use wire_shapes_platform::iam::{self, operations};

pub mod access_keys;
pub mod account;
pub mod attachments;
pub mod aws_managed;
pub mod boundaries;
mod errors;
mod holder;
pub mod inline_policies;
pub mod limits;
pub mod memberships;
mod page;
pub mod policies;
pub mod policy_versions;
pub mod roles;
pub mod service_linked_roles;
mod shapes;
pub mod tags;
pub mod users;
mod validation;

/// What IAM's handlers need besides the request.
#[derive(Debug)]
pub struct Iam {
    pub keys: Arc<SessionKeys>,
}

/// The pseudo-region of a service that each account has once.
pub const REGION: &str = "us-east-1";

pub fn table() -> ServiceTable<Context<Iam>> {
    managed_policies(holders(users_and_roles(ServiceTable::new(&iam::SERVICE))))
}

type Table = ServiceTable<Context<Iam>>;

fn users_and_roles(table: Table) -> Table {
    table
        .operation::<operations::CreateUser, _, _>(users::create_user)
        .operation::<operations::GetUser, _, _>(users::get_user)
        .operation::<operations::UpdateUser, _, _>(users::update_user)
        .operation::<operations::DeleteUser, _, _>(users::delete_user)
        .operation::<operations::ListUsers, _, _>(users::list_users)
        .operation::<operations::CreateAccessKey, _, _>(access_keys::create_access_key)
        .operation::<operations::UpdateAccessKey, _, _>(access_keys::update_access_key)
        .operation::<operations::DeleteAccessKey, _, _>(access_keys::delete_access_key)
        .operation::<operations::ListAccessKeys, _, _>(access_keys::list_access_keys)
        .operation::<operations::GetAccessKeyLastUsed, _, _>(access_keys::get_access_key_last_used)
        .operation::<operations::CreateRole, _, _>(roles::create_role)
        .operation::<operations::GetRole, _, _>(roles::get_role)
        .operation::<operations::UpdateRole, _, _>(roles::update_role)
        .operation::<operations::UpdateRoleDescription, _, _>(roles::update_role_description)
        .operation::<operations::UpdateAssumeRolePolicy, _, _>(roles::update_assume_role_policy)
        .operation::<operations::DeleteRole, _, _>(roles::delete_role)
        .operation::<operations::ListRoles, _, _>(roles::list_roles)
        .operation::<operations::CreateServiceLinkedRole, _, _>(
            service_linked_roles::create_service_linked_role,
        )
        .operation::<operations::DeleteServiceLinkedRole, _, _>(
            service_linked_roles::delete_service_linked_role,
        )
        .operation::<operations::GetServiceLinkedRoleDeletionStatus, _, _>(
            service_linked_roles::get_service_linked_role_deletion_status,
        )
        .operation::<operations::ListAccountAliases, _, _>(account::list_account_aliases)
        .operation::<operations::GetAccountSummary, _, _>(account::get_account_summary)
}

fn holders(table: Table) -> Table {
    table
        .operation::<operations::PutUserPolicy, _, _>(inline_policies::put_user_policy)
        .operation::<operations::GetUserPolicy, _, _>(inline_policies::get_user_policy)
        .operation::<operations::DeleteUserPolicy, _, _>(inline_policies::delete_user_policy)
        .operation::<operations::ListUserPolicies, _, _>(inline_policies::list_user_policies)
        .operation::<operations::PutRolePolicy, _, _>(inline_policies::put_role_policy)
        .operation::<operations::GetRolePolicy, _, _>(inline_policies::get_role_policy)
        .operation::<operations::DeleteRolePolicy, _, _>(inline_policies::delete_role_policy)
        .operation::<operations::ListRolePolicies, _, _>(inline_policies::list_role_policies)
        .operation::<operations::AttachUserPolicy, _, _>(attachments::attach_user_policy)
        .operation::<operations::DetachUserPolicy, _, _>(attachments::detach_user_policy)
        .operation::<operations::ListAttachedUserPolicies, _, _>(attachments::list_attached_user_policies)
        .operation::<operations::AttachRolePolicy, _, _>(attachments::attach_role_policy)
        .operation::<operations::DetachRolePolicy, _, _>(attachments::detach_role_policy)
        .operation::<operations::ListAttachedRolePolicies, _, _>(attachments::list_attached_role_policies)
        .operation::<operations::ListEntitiesForPolicy, _, _>(attachments::list_entities_for_policy)
        .operation::<operations::PutUserPermissionsBoundary, _, _>(boundaries::put_user_permissions_boundary)
        .operation::<operations::PutRolePermissionsBoundary, _, _>(boundaries::put_role_permissions_boundary)
        .operation::<operations::DeleteUserPermissionsBoundary, _, _>(
            boundaries::delete_user_permissions_boundary,
        )
        .operation::<operations::DeleteRolePermissionsBoundary, _, _>(
            boundaries::delete_role_permissions_boundary,
        )
        .operation::<operations::ListGroupsForUser, _, _>(memberships::list_groups_for_user)
        .operation::<operations::ListInstanceProfilesForRole, _, _>(
            memberships::list_instance_profiles_for_role,
        )
        .operation::<operations::TagUser, _, _>(tags::tag_user)
        .operation::<operations::UntagUser, _, _>(tags::untag_user)
        .operation::<operations::ListUserTags, _, _>(tags::list_user_tags)
        .operation::<operations::TagRole, _, _>(tags::tag_role)
        .operation::<operations::UntagRole, _, _>(tags::untag_role)
        .operation::<operations::ListRoleTags, _, _>(tags::list_role_tags)
        .operation::<operations::TagPolicy, _, _>(tags::tag_policy)
        .operation::<operations::UntagPolicy, _, _>(tags::untag_policy)
        .operation::<operations::ListPolicyTags, _, _>(tags::list_policy_tags)
}

fn managed_policies(table: Table) -> Table {
    table
        .operation::<operations::CreatePolicy, _, _>(policies::create_policy)
        .operation::<operations::GetPolicy, _, _>(policies::get_policy)
        .operation::<operations::DeletePolicy, _, _>(policies::delete_policy)
        .operation::<operations::ListPolicies, _, _>(policies::list_policies)
        .operation::<operations::CreatePolicyVersion, _, _>(policy_versions::create_policy_version)
        .operation::<operations::GetPolicyVersion, _, _>(policy_versions::get_policy_version)
        .operation::<operations::DeletePolicyVersion, _, _>(policy_versions::delete_policy_version)
        .operation::<operations::SetDefaultPolicyVersion, _, _>(policy_versions::set_default_policy_version)
        .operation::<operations::ListPolicyVersions, _, _>(policy_versions::list_policy_versions)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
