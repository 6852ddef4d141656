//! Managed policies: the account's own, and those that are there from the beginning.

use api_auth::policy::document::Kind;
use api_auth::{Context, identifiers};
use state_model::iam::policy::{Policy, PolicyVersion};
use state_model::iam::role::Role;
use state_model::iam::user::User;
use state_model::iam::{arn, named_key};
use state_model::scope::PARTITION;
use state_tables::{Row, Transaction, View};
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::iam;

use super::aws_managed::{self, AwsManaged};
use super::errors::{delete_conflict, invalid_input, no_such_entity, quota};
use super::limits::{MANAGED_POLICY_CHARS_MAX, POLICIES_MAX, POLICY_NAME_CHARS_MAX};
use super::page::Window;
use super::shapes::{self, Detail};
use super::{Iam, validation};
use crate::validation::{one_of, required};

/// A managed policy: the account's own or one of AWS's.
#[derive(Clone, Copy, Debug)]
pub enum Managed<'a> {
    Own(&'a Row<Policy>),
    Aws(&'static AwsManaged),
}

pub fn find<'a>(view: &'a View, account: &str, arn: &str) -> Result<Managed<'a>, ServiceError> {
    let rest = arn.strip_prefix(&format!("arn:{PARTITION}:iam::"));
    let (owner, name) = rest
        .and_then(|rest| rest.split_once(":policy/"))
        .and_then(|(owner, path)| Some((owner, path.rsplit('/').next()?)))
        .filter(|(owner, name)| !owner.is_empty() && !name.is_empty())
        .ok_or_else(|| invalid_input(format!("ARN {arn} is not valid.")))?;
    let found = match owner {
        "aws" => aws_managed::find(arn).map(Managed::Aws),
        owner if owner == account => view
            .iam_policies
            .get(&named_key(account, name))
            .filter(|policy| policy.arn() == arn)
            .map(Managed::Own),
        _ => None,
    };
    found.ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))
}

/// Finds a policy of the account's own: only those change.
pub fn find_own<'a>(view: &'a View, account: &str, arn: &str) -> Result<&'a Row<Policy>, ServiceError> {
    match find(view, account, arn)? {
        Managed::Own(policy) => Ok(policy),
        Managed::Aws(_) => {
            let message = format!("The policy {arn} is managed by AWS and can't be changed.");
            Err(ServiceError::caller("AccessDenied", message).with_status(403))
        }
    }
}

/// A permissions boundary must be a policy that exists when the transaction commits.
pub fn expect_boundary(
    view: &View,
    transaction: &mut Transaction,
    account: &str,
    arn: &str,
) -> Result<(), ServiceError> {
    match find(view, account, arn) {
        Ok(Managed::Own(policy)) => transaction.update(policy, policy),
        Ok(Managed::Aws(_)) => {}
        Err(_) => {
            return Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable.")));
        }
    }
    Ok(())
}

impl Managed<'_> {
    pub fn arn(&self) -> String {
        match self {
            Managed::Own(policy) => policy.arn(),
            Managed::Aws(policy) => policy.arn(),
        }
    }

    fn shape(&self, view: &View, account: &str, detail: Detail) -> iam::Policy {
        let used = Usage::of(view, account, &self.arn());
        match self {
            Managed::Own(policy) => shapes::policy(policy, used.attachments, used.boundaries, detail),
            Managed::Aws(policy) => policy.shape(used.attachments, used.boundaries, detail),
        }
    }
}

/// Who uses a policy.
struct Usage {
    attachments: usize,
    boundaries: usize,
}

impl Usage {
    fn of(view: &View, account: &str, arn: &str) -> Usage {
        let value = format!("{account}/{arn}");
        Usage {
            attachments: view.iam_users.by(User::BY_POLICY, &value).count()
                + view.iam_roles.by(Role::BY_POLICY, &value).count(),
            boundaries: view.iam_users.by(User::BY_BOUNDARY, &value).count()
                + view.iam_roles.by(Role::BY_BOUNDARY, &value).count(),
        }
    }
}

/// A document of a managed policy.
pub fn managed_document(value: Option<String>) -> Result<String, ServiceError> {
    let document = validation::policy_document(value, "policyDocument", Kind::Identity)?;
    if validation::policy_chars(&document) > MANAGED_POLICY_CHARS_MAX {
        return Err(quota("PolicySize", MANAGED_POLICY_CHARS_MAX));
    }
    Ok(document)
}

pub async fn create_policy(
    context: Context<Iam>,
    input: iam::CreatePolicyRequest,
) -> Result<iam::CreatePolicyResponse, ServiceError> {
    let name = validation::name(input.policy_name, "policyName", POLICY_NAME_CHARS_MAX)?;
    let account = context.scope.account.clone();
    let path = validation::path(input.path)?;
    context.authorise("iam:CreatePolicy", &arn(&account, "policy", &path, &name))?;
    let document = managed_document(input.policy_document)?;
    let policy = Policy {
        account,
        name: name.clone(),
        path,
        id: identifiers::policy_id(&*context.random),
        description: validation::description(input.description)?,
        created_at: context.now,
        updated_at: context.now,
        versions: vec![PolicyVersion { number: 1, document, created_at: context.now }],
        default_version: 1,
        next_version: 2,
        tags: validation::tags(input.tags)?,
    };
    context
        .transact(|view, transaction| {
            if view.iam_policies.contains(&named_key(&policy.account, &name)) {
                let message =
                    format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(ServiceError::caller("EntityAlreadyExists", message));
            }
            if view.iam_policies.prefix(&format!("{}/", policy.account)).count() >= POLICIES_MAX {
                return Err(quota("PoliciesPerAccount", POLICIES_MAX));
            }
            transaction.insert(&policy);
            Ok(())
        })
        .await?;
    let mut shape = shapes::policy(&policy, 0, 0, Detail::Full);
    shape.tags = shape.tags.filter(|tags| !tags.is_empty());
    Ok(iam::CreatePolicyResponse { policy: Some(shape) })
}

pub async fn get_policy(
    context: Context<Iam>,
    input: iam::GetPolicyRequest,
) -> Result<iam::GetPolicyResponse, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:GetPolicy", &arn)?;
    let view = context.view();
    let account = &context.scope.account;
    let policy = find(&view, account, &arn)?.shape(&view, account, Detail::Full);
    Ok(iam::GetPolicyResponse { policy: Some(policy) })
}

pub async fn delete_policy(
    context: Context<Iam>,
    input: iam::DeletePolicyRequest,
) -> Result<Empty, ServiceError> {
    let arn = required(input.policy_arn, "policyArn")?;
    context.authorise("iam:DeletePolicy", &arn)?;
    let account = context.scope.account.as_str();
    context
        .transact(|view, transaction| {
            let row = find_own(view, account, &arn)?;
            let used = Usage::of(view, account, &arn);
            if used.attachments + used.boundaries > 0 {
                return Err(delete_conflict("Cannot delete a policy attached to entities."));
            }
            if row.versions.len() > 1 {
                return Err(delete_conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                     versions. The default version is deleted with the policy.",
                ));
            }
            transaction.delete(row);
            Ok(())
        })
        .await?;
    Ok(Empty {})
}

pub async fn list_policies(
    context: Context<Iam>,
    input: iam::ListPoliciesRequest,
) -> Result<iam::ListPoliciesResponse, ServiceError> {
    let account = context.scope.account.as_str();
    context.authorise("iam:ListPolicies", &arn(account, "policy", "/", ""))?;
    let prefix = validation::path_prefix(input.path_prefix)?;
    let window = Window::new(input.marker, input.max_items)?;
    let scope = input.scope.unwrap_or(iam::PolicyScopeType::All);
    one_of(scope.as_str(), "scope", iam::PolicyScopeType::VALUES)?;
    if let Some(usage) = &input.policy_usage_filter {
        one_of(usage.as_str(), "policyUsageFilter", iam::PolicyUsageType::VALUES)?;
    }
    let view = context.view();
    let table_prefix = format!("{account}/");
    let own =
        view.iam_policies.prefix(&table_prefix).map(|(key, row)| (format!("0{key}"), Managed::Own(row)));
    let aws = aws_managed::POLICIES.iter().map(|policy| (format!("1{}", policy.arn()), Managed::Aws(policy)));
    let own = own.filter(|_| scope != iam::PolicyScopeType::Aws);
    let aws = aws.filter(|_| scope != iam::PolicyScopeType::Local);
    let wanted = own.chain(aws).filter(|(_, policy)| {
        let used = Usage::of(&view, account, &policy.arn());
        let used_as_wanted = match input.policy_usage_filter {
            Some(iam::PolicyUsageType::PermissionsPolicy) => used.attachments > 0,
            Some(iam::PolicyUsageType::PermissionsBoundary) => used.boundaries > 0,
            _ => true,
        };
        let path = policy.arn().split_once(":policy").map_or(String::new(), |(_, path)| path.to_owned());
        let attached = used.attachments > 0 || input.only_attached != Some(true);
        path.starts_with(&prefix) && attached && used_as_wanted
    });
    let page = window.cut(wanted.map(|(key, policy)| (key, policy.shape(&view, account, Detail::Listed))));
    Ok(iam::ListPoliciesResponse {
        policies: Some(page.items),
        is_truncated: Some(page.is_truncated),
        marker: page.marker,
    })
}
