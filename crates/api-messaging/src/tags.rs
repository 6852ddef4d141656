//! Tags of what EventBridge and its scheduler have, which keep the same rules within bounds of their own.

use std::collections::BTreeMap;

use wire_schema::ServiceError;

use crate::events::{Violations, invalid};

pub type Tags = BTreeMap<String, String>;

/// What a service allows.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub value_chars_min: usize,
    pub count_max: usize,
    /// What is tagged, in the words of a refusal.
    pub holder: &'static str,
}

/// Adds tags, or replaces their values. A new one is a key and a value.
pub fn merge<'a>(
    tags: &mut Tags,
    new: impl Iterator<Item = (&'a Option<String>, &'a Option<String>)> + Clone,
    bounds: Bounds,
) -> Result<(), ServiceError> {
    let mut violations = Violations::default();
    for (key, value) in new.clone() {
        violations.required(key.as_ref(), "tags.key");
        violations.required(value.as_ref(), "tags.value");
        violations.length(key.as_deref(), "tags.key", 1, 128);
        violations.length(value.as_deref(), "tags.value", bounds.value_chars_min, 256);
    }
    violations.check()?;
    for (key, value) in new {
        let (Some(key), Some(value)) = (key, value) else { continue };
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys starting with aws: are reserved for AWS."));
        }
        tags.insert(key.clone(), value.clone());
    }
    if tags.len() > bounds.count_max {
        let Bounds { holder, count_max, .. } = bounds;
        return Err(invalid(format!("{holder} can have no more than {count_max} tags.")));
    }
    Ok(())
}
