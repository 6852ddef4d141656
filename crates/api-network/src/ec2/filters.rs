//! Filters of `Describe…`: all must match, each by any of its values, with `*` and `?` as wildcards.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::invalid_parameter_value;
use super::limits::FILTER_VALUES_MAX;

#[derive(Debug)]
pub struct Filters(Vec<Filter>);

#[derive(Debug)]
struct Filter {
    name: String,
    values: Vec<String>,
}

/// The names that every taggable resource adds to its own.
const TAG_KEY: &str = "tag-key";
const TAG_PREFIX: &str = "tag:";

impl Filters {
    /// Checks that every filter is one of `names` or about tags.
    pub fn new(given: Option<Vec<wire::Filter>>, names: &[&str]) -> Result<Self, ServiceError> {
        let given = given.unwrap_or_default();
        let count: usize = given.iter().map(|filter| filter.values.as_ref().map_or(0, Vec::len)).sum();
        if count > FILTER_VALUES_MAX {
            return Err(ServiceError::caller(
                "FilterLimitExceeded",
                format!("The maximum length for a filter value list is {FILTER_VALUES_MAX}"),
            ));
        }
        let mut filters = Vec::with_capacity(given.len());
        for filter in given {
            let name = filter.name.unwrap_or_default();
            let known = names.contains(&name.as_str()) || name == TAG_KEY || name.starts_with(TAG_PREFIX);
            if !known {
                return Err(invalid_parameter_value(format!("The filter '{name}' is invalid")));
            }
            let values = filter.values.unwrap_or_default();
            if values.is_empty() {
                return Err(invalid_parameter_value(format!(
                    "The filter '{name}' is invalid: it has no values"
                )));
            }
            filters.push(Filter { name, values });
        }
        Ok(Self(filters))
    }

    /// Whether a resource with these tags passes; `values_of` tells its values by a filter's name.
    pub fn match_resource(
        &self,
        tags: &BTreeMap<String, String>,
        values_of: impl Fn(&str) -> Vec<String>,
    ) -> bool {
        self.0.iter().all(|filter| {
            if filter.name == TAG_KEY {
                return tags.keys().any(|key| filter.matches(key));
            }
            match filter.name.strip_prefix(TAG_PREFIX) {
                Some(key) => tags.get(key).is_some_and(|value| filter.matches(value)),
                None => values_of(&filter.name).iter().any(|value| filter.matches(value)),
            }
        })
    }
}

impl Filter {
    fn matches(&self, value: &str) -> bool {
        self.values.iter().any(|pattern| matches_pattern(pattern, value))
    }
}

/// `*` stands for any characters, `?` for one; a backslash takes their meaning from them.
///
/// Its time is bounded by the product of both lengths: only the last `*` is ever taken back.
fn matches_pattern(pattern: &str, value: &str) -> bool {
    let tokens = tokens(pattern);
    let value: Vec<char> = value.chars().collect();
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < value.len() {
        match tokens.get(at) {
            Some(Token::Any) => {
                star = Some((at, from));
                at += 1;
                continue;
            }
            Some(Token::One) => {
                at += 1;
                from += 1;
                continue;
            }
            Some(Token::Literal(expected)) if *expected == value[from] => {
                at += 1;
                from += 1;
                continue;
            }
            _ => {}
        }
        match star {
            Some((star_at, star_from)) => {
                star = Some((star_at, star_from + 1));
                at = star_at + 1;
                from = star_from + 1;
            }
            None => return false,
        }
    }
    tokens[at..].iter().all(|token| matches!(token, Token::Any))
}

enum Token {
    Any,
    One,
    Literal(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Literal(characters.next().unwrap_or('\\')),
            other => Token::Literal(other),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match() {
        for (pattern, value, expected) in [
            ("default", "default", true),
            ("default", "Default", false),
            ("de*t", "default", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("10.0.?.0/24", "10.0.1.0/24", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("a\\", "a\\", true),
        ] {
            assert_eq!(matches_pattern(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn filters_are_all_of_any() {
        let filter = |name: &str, values: &[&str]| wire::Filter {
            name: Some(name.to_owned()),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        let tags = BTreeMap::from([(String::from("team"), String::from("blue"))]);
        let check = |filters: Vec<wire::Filter>, expected: bool| {
            let filters = Filters::new(Some(filters), &["vpc-id"]).unwrap();
            assert_eq!(
                filters.match_resource(&tags, |_| vec![String::from("vpc-1")]),
                expected,
                "{filters:?}"
            );
        };
        check(vec![], true);
        check(vec![filter("vpc-id", &["vpc-2", "vpc-1"])], true);
        check(vec![filter("vpc-id", &["vpc-1"]), filter("tag:team", &["red"])], false);
        check(vec![filter("tag:team", &["bl*"]), filter("tag-key", &["team"])], true);
        check(vec![filter("tag:other", &["*"])], false);
        for wrong in [filter("colour", &["red"]), filter("vpc-id", &[])] {
            let error = Filters::new(Some(vec![wrong]), &["vpc-id"]).unwrap_err();
            assert_eq!(error.code, "InvalidParameterValue");
        }
    }
}
