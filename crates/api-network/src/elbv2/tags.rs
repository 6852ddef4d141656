//! Tags of resources: what they may be, how they arrive, how they are shown.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::errors::{constraint, too_many, validation};
use super::limits::{TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX, TAGS_MAX};

pub type Tags = BTreeMap<String, String>;

pub fn render(tags: &Tags) -> Vec<wire::Tag> {
    tags.iter().map(|(key, value)| wire::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// The tags of a request that makes a resource, or adds to one.
pub fn parse(given: Option<Vec<wire::Tag>>) -> Result<Tags, ServiceError> {
    let mut tags = Tags::new();
    for tag in given.unwrap_or_default() {
        let key = tag.key.unwrap_or_default();
        let value = tag.value.unwrap_or_default();
        check_key(&key)?;
        if value.chars().count() > TAG_VALUE_LENGTH_MAX {
            let rule = format!("have length less than or equal to {TAG_VALUE_LENGTH_MAX}");
            return Err(constraint(&value, "tags.member.value", &rule));
        }
        if tags.insert(key.clone(), value).is_some() {
            let message = format!("Tag key '{key}' was specified more than once");
            return Err(ServiceError::caller("DuplicateTagKeys", message));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

pub fn check_key(key: &str) -> Result<(), ServiceError> {
    if !(1..=TAG_KEY_LENGTH_MAX).contains(&key.chars().count()) {
        let rule = format!("have length between 1 and {TAG_KEY_LENGTH_MAX}");
        return Err(constraint(key, "tags.member.key", &rule));
    }
    if key.starts_with("aws:") {
        return Err(validation(format!("Tag key '{key}' is reserved: keys must not begin with 'aws:'")));
    }
    let allowed = |letter: char| letter.is_alphanumeric() || letter == ' ' || "_.:/=+-@".contains(letter);
    if !key.chars().all(allowed) {
        return Err(constraint(
            key,
            "tags.member.key",
            r"satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$",
        ));
    }
    Ok(())
}

pub fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        return Err(too_many("TooManyTags", "tags per resource", TAGS_MAX));
    }
    Ok(())
}
