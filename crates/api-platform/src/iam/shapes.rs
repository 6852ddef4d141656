//! From records to shapes.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use state_model::iam::access_key::AccessKey;
use state_model::iam::policy::{Policy, PolicyVersion};
use state_model::iam::role::Role;
use state_model::iam::user::User;
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_platform::iam;

/// RFC 3986: IAM answers with escaped documents, and every SDK unescapes them.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub fn document(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

pub fn instant(at: Timestamp) -> Instant {
    Instant::from_secs(at.as_secs())
}

pub fn tags(tags: &BTreeMap<String, String>) -> Vec<iam::Tag> {
    let tag =
        |(key, value): (&String, &String)| iam::Tag { key: Some(key.clone()), value: Some(value.clone()) };
    tags.iter().map(tag).collect()
}

/// Lists leave tags and boundaries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    Full,
    Listed,
}

pub fn user(user: &User, detail: Detail) -> iam::User {
    let full = detail == Detail::Full;
    iam::User {
        path: Some(user.path.clone()),
        user_name: Some(user.name.clone()),
        user_id: Some(user.id.clone()),
        arn: Some(user.arn()),
        create_date: Some(instant(user.created_at)),
        permissions_boundary: full.then(|| boundary(user.permissions_boundary.as_ref())).flatten(),
        tags: (full && !user.tags.is_empty()).then(|| tags(&user.tags)),
        ..Default::default()
    }
}

pub fn role(role: &Role, detail: Detail) -> iam::Role {
    let full = detail == Detail::Full;
    let last_used = role.last_used.as_ref();
    iam::Role {
        path: Some(role.path.clone()),
        role_name: Some(role.name.clone()),
        role_id: Some(role.id.clone()),
        arn: Some(role.arn()),
        create_date: Some(instant(role.created_at)),
        assume_role_policy_document: Some(document(&role.trust_policy)),
        description: role.description.clone(),
        max_session_duration: Some(role.session_duration_s_max),
        permissions_boundary: full.then(|| boundary(role.permissions_boundary.as_ref())).flatten(),
        tags: (full && !role.tags.is_empty()).then(|| tags(&role.tags)),
        role_last_used: full.then(|| iam::RoleLastUsed {
            last_used_date: last_used.map(|used| instant(used.at)),
            region: last_used.map(|used| used.region.clone()),
        }),
        ..Default::default()
    }
}

fn boundary(arn: Option<&String>) -> Option<iam::AttachedPermissionsBoundary> {
    arn.map(|arn| iam::AttachedPermissionsBoundary {
        permissions_boundary_type: Some(iam::PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
        permissions_boundary_arn: Some(arn.clone()),
    })
}

pub fn access_key_status(key: &AccessKey) -> iam::StatusType {
    if key.active { iam::StatusType::Active } else { iam::StatusType::Inactive }
}

pub fn policy(policy: &Policy, attachments: usize, boundaries: usize, detail: Detail) -> iam::Policy {
    iam::Policy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn()),
        path: Some(policy.path.clone()),
        default_version_id: Some(state_model::iam::policy::version_id(policy.default_version)),
        attachment_count: i32::try_from(attachments).ok(),
        permissions_boundary_usage_count: i32::try_from(boundaries).ok(),
        is_attachable: Some(true),
        description: policy.description.clone().filter(|_| detail == Detail::Full),
        create_date: Some(instant(policy.created_at)),
        update_date: Some(instant(policy.updated_at)),
        tags: (detail == Detail::Full).then(|| tags(&policy.tags)),
    }
}

pub fn policy_version(policy: &Policy, version: &PolicyVersion, with_document: bool) -> iam::PolicyVersion {
    iam::PolicyVersion {
        document: with_document.then(|| document(&version.document)),
        version_id: Some(version.id()),
        is_default_version: Some(version.number == policy.default_version),
        create_date: Some(instant(version.created_at)),
    }
}
