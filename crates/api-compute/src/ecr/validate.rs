//! Parameters that several operations take.

use std::collections::BTreeMap;

use state_model::ecr::repository::TagMutability;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    ImageIdentifier, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType, Tag,
};

use super::errors::{constraint, invalid_parameter};
use super::limits::{
    BATCH_MAX, EXCLUSION_LENGTH_MAX, EXCLUSION_WILDCARDS_MAX, EXCLUSIONS_MAX, TAG_KEY_LENGTH_MAX,
    TAG_VALUE_LENGTH_MAX, TAGS_MAX,
};

pub fn mutability(
    setting: Option<ImageTagMutability>,
    filters: Option<Vec<ImageTagMutabilityExclusionFilter>>,
) -> Result<TagMutability, ServiceError> {
    let parameter = "imageTagMutabilityExclusionFilters";
    let (is_immutable, with_exclusion) = match setting.unwrap_or(ImageTagMutability::Mutable) {
        ImageTagMutability::Mutable => (false, false),
        ImageTagMutability::MutableWithExclusion => (false, true),
        ImageTagMutability::Immutable => (true, false),
        ImageTagMutability::ImmutableWithExclusion => (true, true),
        ImageTagMutability::Other(_) => {
            let rule =
                format!("Member must satisfy enum value set: [{}]", ImageTagMutability::VALUES.join(", "));
            return Err(constraint("imageTagMutability", rule));
        }
    };
    let filters = filters.unwrap_or_default();
    if !with_exclusion && !filters.is_empty() {
        let rule = "exclusion filters need IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION";
        return Err(constraint(parameter, rule));
    }
    if with_exclusion && !(1..=EXCLUSIONS_MAX).contains(&filters.len()) {
        return Err(constraint(parameter, format!("must have between 1 and {EXCLUSIONS_MAX} filters")));
    }
    let exclusions = filters.into_iter().map(exclusion).collect::<Result<_, _>>()?;
    Ok(TagMutability { is_immutable, exclusions })
}

fn exclusion(filter: ImageTagMutabilityExclusionFilter) -> Result<String, ServiceError> {
    let parameter = "imageTagMutabilityExclusionFilters";
    if filter.filter_type != Some(ImageTagMutabilityExclusionFilterType::Wildcard) {
        return Err(constraint(parameter, "filterType must be WILDCARD"));
    }
    let pattern = filter.filter.unwrap_or_default();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'*' | b'-');
    if !(1..=EXCLUSION_LENGTH_MAX).contains(&pattern.len()) || !pattern.bytes().all(is_letter) {
        return Err(constraint(parameter, "filter must satisfy regular expression '[0-9a-zA-Z._*-]{1,128}'"));
    }
    if pattern.matches('*').count() > EXCLUSION_WILDCARDS_MAX {
        return Err(constraint(
            parameter,
            format!("filter has more than {EXCLUSION_WILDCARDS_MAX} wildcards"),
        ));
    }
    Ok(pattern)
}

pub fn tags(given: Option<Vec<Tag>>) -> Result<BTreeMap<String, String>, ServiceError> {
    let invalid = |message: &str| Err(ServiceError::caller("InvalidTagParameterException", message));
    let mut tags = BTreeMap::new();
    for tag in given.unwrap_or_default() {
        let (key, value) = (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        if key.is_empty() || key.chars().count() > TAG_KEY_LENGTH_MAX {
            return invalid("The key of a tag has between 1 and 128 characters");
        }
        if value.chars().count() > TAG_VALUE_LENGTH_MAX {
            return invalid("The value of a tag has at most 256 characters");
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("Tag keys that begin with aws: are reserved");
        }
        if tags.insert(key, value).is_some() {
            return invalid("A tag key is given twice");
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

pub fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    if tags.len() > TAGS_MAX {
        let message = format!("The number of tags must be less than or equal to {TAGS_MAX}");
        return Err(ServiceError::caller("TooManyTagsException", message));
    }
    Ok(())
}

/// Between one and a hundred of what a batch names.
pub fn batch<T>(parameter: &str, items: Option<Vec<T>>) -> Result<Vec<T>, ServiceError> {
    let items = items.unwrap_or_default();
    if items.is_empty() || items.len() > BATCH_MAX {
        return Err(constraint(parameter, format!("must have between 1 and {BATCH_MAX} members")));
    }
    Ok(items)
}

/// Image identifiers that may be left out.
pub fn image_ids(ids: Option<Vec<ImageIdentifier>>) -> Result<Vec<ImageIdentifier>, ServiceError> {
    match ids {
        None => Ok(Vec::new()),
        Some(ids) if ids.is_empty() => Ok(ids),
        ids => batch("imageIds", ids),
    }
}

pub fn required<T>(parameter: &str, value: Option<T>) -> Result<T, ServiceError> {
    value.ok_or_else(|| {
        invalid_parameter(format!(
            "Invalid parameter at '{parameter}' failed to satisfy constraint: 'must not be null'"
        ))
    })
}
