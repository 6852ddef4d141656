//! What IAM tells of the whole account.

use std::collections::BTreeMap;

use api_auth::Context;
use state_model::iam::access_key::AccessKey;
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::Iam;
use super::limits::{
    ACCESS_KEYS_PER_USER_MAX, ATTACHED_POLICIES_MAX, MANAGED_POLICY_CHARS_MAX, POLICIES_MAX,
    POLICY_VERSIONS_MAX, ROLE_POLICIES_CHARS_MAX, ROLES_MAX, TRUST_POLICY_CHARS_MAX, USER_POLICIES_CHARS_MAX,
    USERS_MAX,
};
use super::page::Window;

/// Accounts have no aliases here: the list is empty, as on an account that has set none.
pub async fn list_account_aliases(
    context: Context<Iam>,
    input: iam::ListAccountAliasesRequest,
) -> Result<iam::ListAccountAliasesResponse, ServiceError> {
    context.authorise("iam:ListAccountAliases", "*")?;
    Window::new(input.marker, input.max_items)?;
    Ok(iam::ListAccountAliasesResponse {
        account_aliases: Some(Vec::new()),
        is_truncated: Some(false),
        marker: None,
    })
}

pub async fn get_account_summary(
    context: Context<Iam>,
    _input: Empty,
) -> Result<iam::GetAccountSummaryResponse, ServiceError> {
    context.authorise("iam:GetAccountSummary", "*")?;
    let account = context.scope.account.as_str();
    let prefix = format!("{account}/");
    let view = context.view();
    let versions: usize = view.iam_policies.prefix(&prefix).map(|(_, policy)| policy.versions.len()).sum();
    let root_keys = view.iam_access_keys.any_by(AccessKey::BY_OWNER, &AccessKey::owner(account, None));
    let entries = [
        ("Users", view.iam_users.prefix(&prefix).count()),
        ("UsersQuota", USERS_MAX),
        ("Roles", view.iam_roles.prefix(&prefix).count()),
        ("RolesQuota", ROLES_MAX),
        ("Policies", view.iam_policies.prefix(&prefix).count()),
        ("PoliciesQuota", POLICIES_MAX),
        ("PolicySizeQuota", MANAGED_POLICY_CHARS_MAX),
        ("PolicyVersionsInUse", versions),
        ("VersionsPerPolicyQuota", POLICY_VERSIONS_MAX),
        ("AttachedPoliciesPerUserQuota", ATTACHED_POLICIES_MAX),
        ("AttachedPoliciesPerRoleQuota", ATTACHED_POLICIES_MAX),
        ("UserPolicySizeQuota", USER_POLICIES_CHARS_MAX),
        ("RolePolicySizeQuota", ROLE_POLICIES_CHARS_MAX),
        ("AssumeRolePolicySizeQuota", TRUST_POLICY_CHARS_MAX),
        ("AccessKeysPerUserQuota", ACCESS_KEYS_PER_USER_MAX),
        ("AccountAccessKeysPresent", usize::from(root_keys)),
        ("AccountMFAEnabled", 0),
        ("Groups", 0),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("Providers", 0),
        ("ServerCertificates", 0),
        ("InstanceProfiles", 0),
    ];
    let entry = |(name, value): (&str, usize)| (name.to_owned(), i32::try_from(value).unwrap_or(i32::MAX));
    let summary: BTreeMap<String, i32> = entries.into_iter().map(entry).collect();
    Ok(iam::GetAccountSummaryResponse { summary_map: Some(summary) })
}
