//! Conditions on the state of an object (RFC 9110, section 13).

use state_model::s3::Object;
use wire_schema::{Instant, ServiceError};

use super::errors::{no_such_key, not_implemented, not_modified, precondition_failed};

/// The conditions of a request that reads.
#[derive(Clone, Debug, Default)]
pub struct ReadConditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    pub if_modified_since: Option<Instant>,
    pub if_unmodified_since: Option<Instant>,
}

impl ReadConditions {
    pub fn check(&self, object: &Object) -> Result<(), ServiceError> {
        let modified = object.modified_at.as_millis().div_euclid(1000);
        match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !names(tags, object) => return Err(precondition_failed("If-Match")),
            (None, Some(at)) if modified > at.as_secs() => {
                return Err(precondition_failed("If-Unmodified-Since"));
            }
            _ => {}
        }
        match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if names(tags, object) => Err(not_modified()),
            (None, Some(at)) if modified <= at.as_secs() => Err(not_modified()),
            _ => Ok(()),
        }
    }
}

/// The conditions of a request that writes `name`, where `present` is now.
pub fn check_write(
    name: &str,
    if_match: Option<&str>,
    if_none_match: Option<&str>,
    present: Option<&Object>,
) -> Result<(), ServiceError> {
    match if_none_match {
        None => {}
        Some("*") if present.is_none() => {}
        Some("*") => return Err(precondition_failed("If-None-Match")),
        Some(_) => return Err(not_implemented("If-None-Match with anything but *")),
    }
    match (if_match, present) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_such_key(name)),
        (Some(tags), Some(object)) if names(tags, object) => Ok(()),
        (Some(_), Some(_)) => Err(precondition_failed("If-Match")),
    }
}

fn names(tags: &str, object: &Object) -> bool {
    tags.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == object.etag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::clock::Timestamp;

    #[test]
    fn conditions_follow_the_standard() {
        let object = Object {
            bucket: "b".into(),
            name: "k".into(),
            length: 0,
            digest: String::new(),
            etag: "abc".into(),
            modified_at: Timestamp::from_millis(10_500),
            checksum: Default::default(),
            headers: Default::default(),
            metadata: Default::default(),
        };
        let check =
            |if_match: Option<&str>, if_none: Option<&str>, since: Option<i64>, until: Option<i64>| {
                let conditions = ReadConditions {
                    if_match: if_match.map(str::to_owned),
                    if_none_match: if_none.map(str::to_owned),
                    if_modified_since: since.map(Instant::from_secs),
                    if_unmodified_since: until.map(Instant::from_secs),
                };
                conditions.check(&object).err().and_then(|error| error.status)
            };
        assert_eq!(check(None, None, None, None), None);
        assert_eq!(check(Some("\"abc\""), None, None, None), None);
        assert_eq!(check(Some("\"x\", \"y\""), None, None, None), Some(412));
        assert_eq!(check(None, Some("*"), None, None), Some(304));
        assert_eq!(check(None, Some("\"x\""), Some(99), None), None, "the tag decides alone");
        assert_eq!(check(None, None, Some(10), None), Some(304));
        assert_eq!(check(None, None, Some(9), None), None);
        assert_eq!(check(None, None, None, Some(9)), Some(412));
        assert_eq!(check(Some("\"abc\""), None, None, Some(9)), None, "the tag decides alone");
        let write = |if_match, if_none, present| {
            check_write("k", if_match, if_none, present).err().and_then(|error| error.status)
        };
        assert_eq!(write(None, Some("*"), None), None);
        assert_eq!(write(None, Some("*"), Some(&object)), Some(412));
        assert_eq!(write(Some("abc"), None, Some(&object)), None);
        assert_eq!(write(Some("abc"), None, None), Some(404));
    }
}
