//! Tags of resources: what they may be, how they arrive, how they are shown.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{invalid_parameter_value, missing_parameter};
use super::limits::{TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX, TAGS_MAX};

pub fn render(tags: &BTreeMap<String, String>) -> Vec<wire::Tag> {
    tags.iter().map(|(key, value)| wire::Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

/// The tags of a request that makes one kind of resource.
pub fn from_specifications(
    given: Option<Vec<wire::TagSpecification>>,
    resource_type: &wire::ResourceType,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = Vec::new();
    for specification in given.unwrap_or_default() {
        match specification.resource_type {
            None => return Err(missing_parameter("ResourceType")),
            Some(other) if other != *resource_type => {
                return Err(invalid_parameter_value(format!(
                    "'{other}' is not a valid taggable resource type for this operation."
                )));
            }
            Some(_) => tags.extend(specification.tags.unwrap_or_default()),
        }
    }
    let tags = parse(tags)?;
    check_count(&tags)?;
    Ok(tags)
}

pub fn parse(given: Vec<wire::Tag>) -> Result<BTreeMap<String, String>, ServiceError> {
    let mut tags = BTreeMap::new();
    for tag in given {
        let key = tag.key.unwrap_or_default();
        let value = tag.value.unwrap_or_default();
        check_key(&key)?;
        if value.chars().count() > TAG_VALUE_LENGTH_MAX {
            return Err(invalid_parameter_value(format!(
                "Tag value exceeds the maximum length of {TAG_VALUE_LENGTH_MAX} characters"
            )));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(invalid_parameter_value(format!("Duplicate tag key '{key}' specified.")));
        }
    }
    Ok(tags)
}

pub fn check_key(key: &str) -> Result<(), ServiceError> {
    if key.is_empty() {
        return Err(invalid_parameter_value("Tag key cannot be empty"));
    }
    if key.chars().count() > TAG_KEY_LENGTH_MAX {
        return Err(invalid_parameter_value(format!(
            "Tag key exceeds the maximum length of {TAG_KEY_LENGTH_MAX} characters"
        )));
    }
    if key.starts_with("aws:") {
        return Err(invalid_parameter_value(format!(
            "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
        )));
    }
    Ok(())
}

pub fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > TAGS_MAX {
        let message = format!("The maximum number of tags for this resource has been reached: {TAGS_MAX}");
        return Err(ServiceError::caller("TagLimitExceeded", message));
    }
    Ok(())
}
