//! A field of an event, by the name that a pattern or JSON gives it.

use serde_json::Value;

use super::cursor::Cursor;
use super::json::{self, Selector};
use super::{Pattern, PatternError};

/// `$.user.id` of a JSON event, or `$bytes` of a space-delimited one.
#[derive(Clone, Debug)]
pub struct Field {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Json(Selector),
    Named(String),
}

impl Field {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let is_json = text.starts_with("$.") || text.starts_with("$[");
        let source = if is_json {
            let mut cursor = Cursor::new(text);
            let selector = json::parse_selector(&mut cursor)?;
            if !cursor.is_at_end() {
                return Err(PatternError::Invalid);
            }
            Source::Json(selector)
        } else {
            let name = text.strip_prefix('$').filter(|name| !name.is_empty()).ok_or(PatternError::Invalid)?;
            if !name.chars().all(|next| next.is_alphanumeric() || next == '_') {
                return Err(PatternError::Invalid);
            }
            Source::Named(text.to_owned())
        };
        Ok(Self { source })
    }

    /// The values of the fields in a message that matches `pattern`.
    pub fn values(fields: &[&Field], pattern: &Pattern, message: &[u8]) -> Vec<Option<String>> {
        let has = |is_wanted: fn(&Source) -> bool| fields.iter().any(|field| is_wanted(&field.source));
        let root: Option<Value> = if has(|source| matches!(source, Source::Json(_))) {
            serde_json::from_slice(message).ok()
        } else {
            None
        };
        let named =
            if has(|source| matches!(source, Source::Named(_))) { pattern.extract(message) } else { None };
        let value = |field: &&Field| match &field.source {
            Source::Json(selector) => selector.first(root.as_ref()?),
            Source::Named(name) => named.as_ref()?.get(name).cloned(),
        };
        fields.iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, field: &str, message: &str, expect: Option<&str>) {
        let pattern = Pattern::parse(pattern).expect("a pattern");
        let field = Field::parse(field).expect("a field");
        let found = Field::values(&[&field], &pattern, message.as_bytes());
        assert_eq!(found, [expect.map(str::to_owned)], "{message}");
    }

    #[test]
    fn fields_have_values() {
        check("{ $.a = 1 }", "$.b.c", r#"{"a":1,"b":{"c":2.5}}"#, Some("2.5"));
        check("{ $.a = 1 }", "$.b[1]", r#"{"a":1,"b":[1,"x"]}"#, Some("x"));
        check("{ $.a = 1 }", "$.b", r#"{"a":1,"b":null}"#, None);
        check("ERROR", "$.n", r#"{"n":3,"level":"ERROR"}"#, Some("3"));
        check("ERROR", "$.n", "no json ERROR", None);
        check("[ip, bytes > 10, ...]", "$bytes", "1.2.3.4 17 rest", Some("17"));
        check("[ip, bytes > 10, ...]", "$other", "1.2.3.4 17 rest", None);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for text in ["", "$", "x", "1", "$.", "$.a b", "$a-b", "$.a[", "$.a = 1"] {
            assert!(Field::parse(text).is_err(), "{text}");
        }
    }
}
