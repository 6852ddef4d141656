//! The tags of certificates.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_platform::acm;

use super::errors::{invalid_tag, too_many_tags};
use super::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use super::validation;

pub type Tags = BTreeMap<String, String>;

/// Tags to set. A tag without a value has an empty one.
pub fn parse(tags: Option<Vec<acm::Tag>>) -> Result<Tags, ServiceError> {
    let mut parsed = Tags::new();
    for tag in tags.unwrap_or_default() {
        let (key, value) = checked(tag)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_tag("Tag keys that begin with aws: are reserved for AWS use."));
        }
        if parsed.contains_key(&key) {
            return Err(invalid_tag(format!("The tag key {key} is given more than once.")));
        }
        parsed.insert(key, value.unwrap_or_default());
    }
    check_count(&parsed)?;
    Ok(parsed)
}

/// A tag to remove: with a value, only when it has that value.
pub fn checked(tag: acm::Tag) -> Result<(String, Option<String>), ServiceError> {
    const PATTERN: &str = r"[\p{L}\p{Z}\p{N}_.:\/=+\-@]*";
    let good = |next: char| next.is_alphanumeric() || next == ' ' || "_.:/=+-@".contains(next);
    let key = validation::required(tag.key.filter(|key| !key.is_empty()), "tags.1.member.key")?;
    validation::length_max(&key, "tags.1.member.key", TAG_KEY_CHARS_MAX)?;
    validation::pattern(key.chars().all(good), &key, "tags.1.member.key", PATTERN)?;
    if let Some(value) = &tag.value {
        validation::length_max(value, "tags.1.member.value", TAG_VALUE_CHARS_MAX)?;
        validation::pattern(value.chars().all(good), value, "tags.1.member.value", PATTERN)?;
    }
    Ok((key, tag.value))
}

pub fn check_count(tags: &Tags) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        return Err(too_many_tags(format!("A certificate can have at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

pub fn render(tags: &Tags) -> Vec<acm::Tag> {
    tags.iter().map(|(key, value)| acm::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}
