//! AssumeRole: a session of a role, for whom its trust policy names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api_auth::context::access_denied;
use api_auth::policy::PolicyDocument;
use api_auth::policy::condition::Facts;
use api_auth::policy::document::Kind;
use api_auth::policy::trust;
use api_auth::principal::AssumedRole;
use api_auth::{Context, Principal, roles};
use state_model::iam::role::Role;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_platform::sts;

use super::limits::{
    CHAINED_DURATION_S_MAX, DURATION_S_MIN, ROLE_DURATION_S_DEFAULT, ROLE_DURATION_S_MAX,
    SESSION_POLICY_ARNS_MAX, SESSION_POLICY_CHARS_MAX, SESSION_TAGS_MAX,
};
use super::{Sts, credentials};
use crate::iam::policies;
use crate::validation::{count_max, in_range, invalid, is_name, pattern, required, text_length};

pub async fn assume_role(
    context: Context<Sts>,
    input: sts::AssumeRoleRequest,
) -> Result<sts::AssumeRoleResponse, ServiceError> {
    let request = Request::check(&context, input)?;
    context.authorise_endpoint("sts:AssumeRole", &request.role_arn)?;
    let view = context.view();
    let role = trusted_role(&context, &view, &request)?;
    let seconds = duration(&context.principal, role, request.duration_s)?;
    for arn in &request.policy_arns {
        policies::find(&view, &role.account, arn).map_err(|_| {
            malformed(format!("The specified policy {arn} does not exist or is not attachable."))
        })?;
    }
    let session = request.session(&context.principal, role);
    let packed = request.packed_percent();
    let response = sts::AssumeRoleResponse {
        assumed_role_user: Some(sts::AssumedRoleUser {
            assumed_role_id: Some(session.user_id()),
            arn: Some(session.arn()),
        }),
        packed_policy_size: packed,
        source_identity: session.source_identity.clone(),
        ..Default::default()
    };
    let lifetime = Duration::from_secs(u64::from(seconds.unsigned_abs()));
    let principal = Principal::AssumedRole(session);
    let session = context.service.keys.issue(principal, lifetime, context.now, &*context.random);
    Ok(sts::AssumeRoleResponse { credentials: Some(credentials(session)), ..response })
}

/// The request after its own checks.
struct Request {
    role_arn: String,
    session_name: String,
    duration_s: Option<i32>,
    external_id: Option<String>,
    source_identity: Option<String>,
    policy: Option<String>,
    policy_arns: Vec<String>,
    tags: BTreeMap<String, String>,
    transitive_tag_keys: Vec<String>,
}

impl Request {
    fn check(context: &Context<Sts>, input: sts::AssumeRoleRequest) -> Result<Self, ServiceError> {
        let role_arn = required(input.role_arn, "roleArn")?;
        text_length(&role_arn, "roleArn", 20, 2048)?;
        if state_model::iam::parse_role_arn(&role_arn).is_none() {
            return Err(invalid("Request ARN is invalid"));
        }
        let session_name =
            session_text(required(input.role_session_name, "roleSessionName")?, "roleSessionName")?;
        let duration_s = input
            .duration_seconds
            .map(|seconds| in_range(seconds, "durationSeconds", DURATION_S_MIN, ROLE_DURATION_S_MAX))
            .transpose()?;
        if input.serial_number.is_some() || input.token_code.is_some() {
            let message = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
            return Err(ServiceError::caller("AccessDenied", message).with_status(403));
        }
        if input.minimum_session_token_size.is_some() {
            return Err(invalid("MinimumSessionTokenSize is not supported."));
        }
        if input.provided_contexts.is_some_and(|contexts| !contexts.is_empty()) {
            return Err(invalid("ProvidedContexts are not supported."));
        }
        let source_identity =
            input.source_identity.map(|text| session_text(text, "sourceIdentity")).transpose()?;
        // The first source identity of a chain stays.
        let inherited = match &context.principal {
            Principal::AssumedRole(session) => session.source_identity.clone(),
            _ => None,
        };
        let tags = tags(input.tags.unwrap_or_default())?;
        Ok(Request {
            role_arn,
            session_name,
            duration_s,
            external_id: input.external_id,
            source_identity: inherited.or(source_identity),
            policy: session_policy(input.policy)?,
            policy_arns: policy_arns(input.policy_arns.unwrap_or_default())?,
            transitive_tag_keys: transitive(&tags, input.transitive_tag_keys.unwrap_or_default())?,
            tags,
        })
    }

    fn session(&self, caller: &Principal, role: &Role) -> AssumedRole {
        let mut tags = self.tags.clone();
        let mut transitive: BTreeSet<String> = self.transitive_tag_keys.iter().cloned().collect();
        if let Principal::AssumedRole(former) = caller {
            for (key, value) in &former.session_tags {
                if former.transitive_tag_keys.contains(key) {
                    tags.insert(key.clone(), value.clone());
                    transitive.insert(key.clone());
                }
            }
        }
        AssumedRole {
            account: role.account.clone(),
            role_name: role.name.clone(),
            role_arn: role.arn(),
            role_id: role.id.clone(),
            session_name: self.session_name.clone(),
            source: caller.arn(),
            session_policy: self.policy.clone(),
            session_policy_arns: self.policy_arns.clone(),
            session_tags: tags.into_iter().collect(),
            transitive_tag_keys: transitive.into_iter().collect(),
            source_identity: self.source_identity.clone(),
        }
    }

    /// How much of what a session may carry its policies and tags take; absent when there are none.
    fn packed_percent(&self) -> Option<i32> {
        let tags: usize = self.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
        let arns: usize = self.policy_arns.iter().map(String::len).sum();
        let chars = self.policy.as_ref().map_or(0, String::len) + arns + tags;
        let percent = (chars * 100).div_ceil(SESSION_POLICY_CHARS_MAX * 2).min(100);
        (chars > 0).then(|| i32::try_from(percent).unwrap_or(100))
    }
}

/// A role that doesn't exist and one that doesn't trust the caller answer alike, so that nobody can ask for names.
fn trusted_role<'a>(
    context: &Context<Sts>,
    view: &'a View,
    request: &Request,
) -> Result<&'a Role, ServiceError> {
    let caller = &context.principal;
    let denied = |action: &str| access_denied(caller, action, &request.role_arn);
    if !caller.exists(view) {
        return Err(denied("sts:AssumeRole"));
    }
    let role = roles::find(view, &context.scope.account, &request.role_arn);
    let role = role.ok_or_else(|| denied("sts:AssumeRole"))?;
    let facts = facts(caller, request);
    let mut actions = vec!["sts:AssumeRole"];
    if !request.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if request.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    for action in actions {
        if !trust::allows(&role.trust_policy, caller, action, &facts) {
            return Err(denied(action));
        }
    }
    Ok(role)
}

/// What conditions of a trust policy can ask about.
fn facts(caller: &Principal, request: &Request) -> Facts {
    let mut facts = Facts::from([
        ("aws:principalarn".to_owned(), principal_arn(caller)),
        ("aws:principalaccount".to_owned(), caller.account().to_owned()),
        ("sts:rolesessionname".to_owned(), request.session_name.clone()),
        ("aws:multifactorauthpresent".to_owned(), "false".to_owned()),
    ]);
    let mut add = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            facts.insert(key.to_owned(), value.clone());
        }
    };
    add("sts:externalid", &request.external_id);
    add("sts:sourceidentity", &request.source_identity);
    for (key, value) in &request.tags {
        facts.insert(format!("aws:requesttag/{}", key.to_ascii_lowercase()), value.clone());
    }
    facts
}

/// A session's `aws:PrincipalArn` is its role.
fn principal_arn(caller: &Principal) -> String {
    match caller {
        Principal::AssumedRole(session) => session.role_arn.clone(),
        caller => caller.arn(),
    }
}

fn duration(caller: &Principal, role: &Role, asked: Option<i32>) -> Result<i32, ServiceError> {
    let Some(seconds) = asked else { return Ok(ROLE_DURATION_S_DEFAULT) };
    if matches!(caller, Principal::AssumedRole(_)) && seconds > CHAINED_DURATION_S_MAX {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if seconds > role.session_duration_s_max {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(seconds)
}

fn session_text(text: String, member: &str) -> Result<String, ServiceError> {
    text_length(&text, member, 2, 64)?;
    pattern(is_name(&text), &text, member, "[\\w+=,.@-]*")?;
    Ok(text)
}

fn session_policy(policy: Option<String>) -> Result<Option<String>, ServiceError> {
    if let Some(document) = &policy {
        if document.chars().count() > SESSION_POLICY_CHARS_MAX {
            let message = "Packed size of session tags and policies exceeds the limit.";
            return Err(ServiceError::caller("PackedPolicyTooLarge", message));
        }
        PolicyDocument::parse(document, Kind::Identity).map_err(|error| malformed(error.message))?;
    }
    Ok(policy)
}

fn policy_arns(policies: Vec<sts::PolicyDescriptorType>) -> Result<Vec<String>, ServiceError> {
    count_max(policies.len(), "policyArns", SESSION_POLICY_ARNS_MAX)?;
    policies.into_iter().map(|policy| required(policy.arn, "policyArns.1.member.arn")).collect()
}

fn tags(tags: Vec<sts::Tag>) -> Result<BTreeMap<String, String>, ServiceError> {
    count_max(tags.len(), "tags", SESSION_TAGS_MAX)?;
    let mut checked: BTreeMap<String, String> = BTreeMap::new();
    for (index, tag) in tags.into_iter().enumerate() {
        let member = format!("tags.{}.member.key", index + 1);
        let key = required(tag.key, &member)?;
        text_length(&key, &member, 1, 128)?;
        let member = format!("tags.{}.member.value", index + 1);
        let value = required(tag.value, &member)?;
        text_length(&value, &member, 0, 256)?;
        if checked.keys().any(|present| present.eq_ignore_ascii_case(&key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(ServiceError::caller("InvalidParameterValue", message));
        }
        checked.insert(key, value);
    }
    Ok(checked)
}

fn transitive(tags: &BTreeMap<String, String>, keys: Vec<String>) -> Result<Vec<String>, ServiceError> {
    match keys.iter().find(|key| !tags.contains_key(*key)) {
        None => Ok(keys),
        Some(_) => Err(ServiceError::caller(
            "InvalidParameterValue",
            "The specified transitive tag key must be included in the requested tags.",
        )),
    }
}

fn malformed(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("MalformedPolicyDocument", message)
}
