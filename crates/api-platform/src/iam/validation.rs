//! What IAM checks before it looks at any state.

use std::collections::BTreeMap;

use api_auth::policy::PolicyDocument;
use api_auth::policy::document::Kind;
use wire_schema::ServiceError;
use wire_shapes_platform::iam;

use super::errors::{invalid_input, malformed_policy};
use super::limits::{DESCRIPTION_CHARS_MAX, PATH_CHARS_MAX, TAGS_MAX};
use crate::validation::{count_max, invalid, is_name, required, text_length};

pub fn name(value: Option<String>, member: &str, chars_max: usize) -> Result<String, ServiceError> {
    let name = required(value, member)?;
    text_length(&name, member, 1, chars_max)?;
    if !is_name(&name) {
        return Err(invalid(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )));
    }
    Ok(name)
}

/// The path, or the root path when there is none.
pub fn path(value: Option<String>) -> Result<String, ServiceError> {
    let Some(path) = value else { return Ok("/".to_owned()) };
    text_length(&path, "path", 1, PATH_CHARS_MAX)?;
    let good = |byte: u8| (0x21..=0x7e).contains(&byte);
    if !path.starts_with('/') || !path.ends_with('/') || !path.bytes().all(good) || path.contains("//") {
        return Err(invalid(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    Ok(path)
}

pub fn path_prefix(value: Option<String>) -> Result<String, ServiceError> {
    let prefix = value.unwrap_or_else(|| "/".to_owned());
    text_length(&prefix, "pathPrefix", 1, PATH_CHARS_MAX)?;
    if !prefix.starts_with('/') {
        return Err(invalid(
            "The specified value for pathPrefix is invalid. It must begin with / and contain only alphanumeric \
             characters and/or / characters.",
        ));
    }
    Ok(prefix)
}

pub fn description(value: Option<String>) -> Result<Option<String>, ServiceError> {
    if let Some(text) = &value {
        text_length(text, "description", 0, DESCRIPTION_CHARS_MAX)?;
    }
    Ok(value)
}

pub fn policy_document(value: Option<String>, member: &str, kind: Kind) -> Result<String, ServiceError> {
    let document = required(value, member)?;
    text_length(&document, member, 1, 131_072)?;
    PolicyDocument::parse(&document, kind).map_err(|error| malformed_policy(error.message))?;
    Ok(document)
}

/// Policies are measured without their white space.
pub fn policy_chars(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

/// Tags of one request.
pub fn tags(value: Option<Vec<iam::Tag>>) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    let mut folded = Vec::new();
    for (index, tag) in value.unwrap_or_default().into_iter().enumerate() {
        let member = format!("tags.{}.member.key", index + 1);
        let key = required(tag.key, &member)?;
        text_length(&key, &member, 1, 128)?;
        let member = format!("tags.{}.member.value", index + 1);
        let value = required(tag.value, &member)?;
        text_length(&value, &member, 0, 256)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_input("Tag keys starting with 'aws:' are reserved for system use."));
        }
        if folded.contains(&key.to_ascii_lowercase()) {
            return Err(invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        folded.push(key.to_ascii_lowercase());
        tags.insert(key, value);
    }
    count_max(tags.len(), "tags", TAGS_MAX)?;
    Ok(tags)
}
