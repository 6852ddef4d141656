//! Tags: the same rules on every resource.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::invalid_parameter;
use crate::ecs::limits::{TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX, TAGS_MAX};

pub fn tags(given: Option<Vec<wire::Tag>>) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    for tag in given.unwrap_or_default() {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        check_key(&key)?;
        if value.chars().count() > TAG_VALUE_LENGTH_MAX || !value.chars().all(is_tag_character) {
            return Err(invalid_parameter(format!("Tag value is invalid for tag key '{key}'.")));
        }
        if tags.insert(key, value).is_some() {
            return Err(invalid_parameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

pub fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    // Tags of our own don't count.
    if tags.keys().filter(|key| !is_reserved(key)).count() > TAGS_MAX {
        return Err(invalid_parameter(format!("The maximum number of tags is {TAGS_MAX}.")));
    }
    Ok(())
}

pub fn check_key(key: &str) -> Result<(), ServiceError> {
    if is_reserved(key) {
        return Err(invalid_parameter("Tag keys cannot start with the reserved prefix 'aws:'."));
    }
    let length = key.chars().count();
    if !(1..=TAG_KEY_LENGTH_MAX).contains(&length) || !key.chars().all(is_tag_character) {
        return Err(invalid_parameter(format!("Tag key '{key}' is invalid.")));
    }
    Ok(())
}

fn is_reserved(key: &str) -> bool {
    key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

/// Letters, digits and spaces of any script, and `_.:/=+-@`.
fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}
