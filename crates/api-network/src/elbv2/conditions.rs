//! When a rule applies.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

use regex::RegexBuilder;
use state_model::ec2::subnet::Ipv4Block;
use state_model::elbv2::condition::{Condition, Patterns, QueryPattern};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::errors::{missing, unavailable, validation};
use super::limits::{
    CONDITION_VALUE_LENGTH_MAX, CONDITION_VALUES_MAX, CONDITION_WILDCARDS_MAX, HEADER_NAME_LENGTH_MAX,
    REGEX_BYTES_MAX,
};

const FIELDS: [&str; 6] =
    ["path-pattern", "host-header", "http-header", "http-request-method", "query-string", "source-ip"];

pub fn parse(given: Option<Vec<wire::RuleCondition>>) -> Result<Vec<Condition>, ServiceError> {
    let given = given.filter(|given| !given.is_empty());
    let given = given.ok_or_else(|| validation("A condition must be specified"))?;
    let conditions: Vec<Condition> = given.into_iter().map(condition).collect::<Result<_, _>>()?;
    check_repetition(&conditions)?;
    let values: usize = conditions.iter().map(value_count).sum();
    if values > CONDITION_VALUES_MAX {
        return Err(validation(format!("A rule can only have '{CONDITION_VALUES_MAX}' condition values")));
    }
    let wildcards: usize = conditions.iter().map(wildcard_count).sum();
    if wildcards > CONDITION_WILDCARDS_MAX {
        return Err(validation(format!(
            "A rule can only have '{CONDITION_WILDCARDS_MAX}' condition wildcards"
        )));
    }
    Ok(conditions)
}

fn condition(given: wire::RuleCondition) -> Result<Condition, ServiceError> {
    let field = field(&given)?;
    check_configs(&given, field)?;
    // Every way that the member with the field's own configuration is written besides.
    let (values, regexes) = (given.values, given.regex_values);
    match field {
        "host-header" => {
            let config = given.host_header_config.unwrap_or_default();
            let patterns =
                patterns(field, either(values, config.values), either(regexes, config.regex_values))?;
            check_each(&patterns, check_host)?;
            Ok(Condition::HostHeader(patterns))
        }
        "path-pattern" => {
            let config = given.path_pattern_config.unwrap_or_default();
            let patterns =
                patterns(field, either(values, config.values), either(regexes, config.regex_values))?;
            check_each(&patterns, check_path)?;
            Ok(Condition::PathPattern(patterns))
        }
        "http-header" => {
            let config = given.http_header_config.unwrap_or_default();
            let name = config.http_header_name.unwrap_or_default();
            check_header_name(&name)?;
            let patterns = patterns(field, config.values, either(regexes, config.regex_values))?;
            check_each(&patterns, check_header_value)?;
            Ok(Condition::HttpHeader { name, patterns })
        }
        "http-request-method" => {
            let config = given.http_request_method_config.unwrap_or_default();
            methods(field, either(values, config.values)).map(Condition::HttpRequestMethod)
        }
        "query-string" => {
            let values = given.query_string_config.unwrap_or_default().values.unwrap_or_default();
            queries(field, values).map(Condition::QueryString)
        }
        _ => {
            let config = given.source_ip_config.unwrap_or_default();
            if config.ip_address_type.is_some_and(|kind| kind != wire::SourceIpAddressTypeEnum::Ipv4) {
                return Err(unavailable("Source addresses of IPv6 are"));
            }
            addresses(field, either(values, config.values)).map(Condition::SourceIp)
        }
    }
}

fn field(given: &wire::RuleCondition) -> Result<&'static str, ServiceError> {
    let named = given.field.as_deref().filter(|field| !field.is_empty());
    let named = named.ok_or_else(|| missing("conditions.member.field"))?;
    FIELDS.into_iter().find(|field| *field == named).ok_or_else(|| {
        validation(format!("Condition field '{named}' must be one of '[{}]'", FIELDS.join(",")))
    })
}

/// A configuration of another field would be accepted and ignored.
fn check_configs(given: &wire::RuleCondition, field: &str) -> Result<(), ServiceError> {
    let configs = [
        ("host-header", given.host_header_config.is_some()),
        ("path-pattern", given.path_pattern_config.is_some()),
        ("http-header", given.http_header_config.is_some()),
        ("http-request-method", given.http_request_method_config.is_some()),
        ("query-string", given.query_string_config.is_some()),
        ("source-ip", given.source_ip_config.is_some()),
    ];
    if let Some((other, _)) = configs.iter().find(|(name, present)| *present && *name != field) {
        return Err(validation(format!(
            "The configuration of '{other}' cannot be specified for the condition field '{field}'"
        )));
    }
    let by_values = !matches!(field, "http-header" | "query-string");
    if !by_values && given.values.as_ref().is_some_and(|values| !values.is_empty()) {
        return Err(validation(format!(
            "Values of the condition field '{field}' belong into its configuration"
        )));
    }
    let by_regex = matches!(field, "http-header" | "host-header" | "path-pattern");
    if !by_regex && given.regex_values.as_ref().is_some_and(|values| !values.is_empty()) {
        return Err(validation(format!(
            "Regular expressions are not supported for the condition field '{field}'"
        )));
    }
    Ok(())
}

fn either(first: Option<Vec<String>>, second: Option<Vec<String>>) -> Option<Vec<String>> {
    first.filter(|values| !values.is_empty()).or(second)
}

fn patterns(
    field: &str,
    values: Option<Vec<String>>,
    regexes: Option<Vec<String>>,
) -> Result<Patterns, ServiceError> {
    let values = values.unwrap_or_default();
    let regexes = regexes.unwrap_or_default();
    match (values.is_empty(), regexes.is_empty()) {
        (false, false) => Err(validation(format!(
            "Values and regular expressions cannot be specified together for the condition field '{field}'"
        ))),
        (true, true) => Err(empty(field)),
        (false, true) => {
            check_lengths(field, values.iter())?;
            Ok(Patterns::Wildcards(values))
        }
        (true, false) => {
            check_lengths(field, regexes.iter())?;
            for regex in &regexes {
                check_regex(regex)?;
            }
            Ok(Patterns::Regexes(regexes))
        }
    }
}

/// The balancer matches with the same library, and takes whatever is taken here.
pub fn check_regex(text: &str) -> Result<(), ServiceError> {
    match RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build() {
        Ok(_) => Ok(()),
        Err(_) => Err(validation(format!("The regular expression '{text}' is not valid"))),
    }
}

fn empty(field: &str) -> ServiceError {
    validation(format!("A condition value must be specified for the condition field '{field}'"))
}

fn check_lengths<'a>(field: &str, mut values: impl Iterator<Item = &'a String>) -> Result<(), ServiceError> {
    match values.find(|value| !(1..=CONDITION_VALUE_LENGTH_MAX).contains(&value.chars().count())) {
        None => Ok(()),
        Some(value) => Err(validation(format!(
            "The '{field}' condition value '{value}' must have between 1 and {CONDITION_VALUE_LENGTH_MAX} characters"
        ))),
    }
}

fn check_each(
    patterns: &Patterns,
    check: impl Fn(&str) -> Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    match patterns {
        Patterns::Wildcards(values) => values.iter().try_for_each(|value| check(value)),
        Patterns::Regexes(_) => Ok(()),
    }
}

fn check_host(value: &str) -> Result<(), ServiceError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.*?".contains(&byte);
    let top = value.rsplit_once('.').map_or("", |(_, top)| top);
    let is_top = !top.is_empty() && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    if value.bytes().all(allowed) && is_top {
        return Ok(());
    }
    Err(validation(format!(
        "The 'host-header' condition value '{value}' must be a host name with at least one '.' and only letters after the \
         last one; allowed are letters, digits, '-', '.', '*' and '?'"
    )))
}

fn check_path(value: &str) -> Result<(), ServiceError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$/~\"'@:+&*?".contains(&byte);
    if value.bytes().all(allowed) {
        return Ok(());
    }
    Err(validation(format!("The 'path-pattern' condition value '{value}' contains invalid characters")))
}

fn check_header_name(name: &str) -> Result<(), ServiceError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !(1..=HEADER_NAME_LENGTH_MAX).contains(&name.len()) || !name.bytes().all(token) {
        return Err(validation(format!(
            "The HTTP header name '{name}' must have between 1 and {HEADER_NAME_LENGTH_MAX} characters that are allowed in \
             header names"
        )));
    }
    if name.eq_ignore_ascii_case("host") {
        return Err(validation("Use a 'host-header' condition for the header 'Host'"));
    }
    Ok(())
}

fn check_header_value(value: &str) -> Result<(), ServiceError> {
    if value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Ok(());
    }
    Err(validation(format!("The 'http-header' condition value '{value}' contains invalid characters")))
}

fn methods(field: &str, values: Option<Vec<String>>) -> Result<Vec<String>, ServiceError> {
    const METHOD_LENGTH_MAX: usize = 40;
    let values = values.filter(|values| !values.is_empty()).ok_or_else(|| empty(field))?;
    let allowed = |byte: u8| byte.is_ascii_uppercase() || b"-_".contains(&byte);
    let wrong = values
        .iter()
        .find(|value| !(1..=METHOD_LENGTH_MAX).contains(&value.len()) || !value.bytes().all(allowed));
    match wrong {
        None => Ok(values),
        Some(value) => Err(validation(format!(
            "The '{field}' condition value '{value}' must be a method in capital letters, '-' and '_', of at most \
             {METHOD_LENGTH_MAX} characters"
        ))),
    }
}

fn queries(
    field: &str,
    values: Vec<wire::QueryStringKeyValuePair>,
) -> Result<Vec<QueryPattern>, ServiceError> {
    if values.is_empty() {
        return Err(empty(field));
    }
    let pattern = |pair: wire::QueryStringKeyValuePair| {
        let value = pair.value.filter(|value| !value.is_empty()).ok_or_else(|| empty(field))?;
        let key = pair.key.filter(|key| !key.is_empty());
        check_lengths(field, key.iter().chain([&value]))?;
        Ok(QueryPattern { key, value })
    };
    values.into_iter().map(pattern).collect()
}

fn addresses(field: &str, values: Option<Vec<String>>) -> Result<Vec<String>, ServiceError> {
    let values = values.filter(|values| !values.is_empty()).ok_or_else(|| empty(field))?;
    if let Some(block) = values.iter().find(|value| value.contains(':')) {
        return Err(unavailable(format!("Source addresses of IPv6 ('{block}') are")));
    }
    match values.iter().find(|value| Ipv4Block::parse(value).is_none()) {
        None => Ok(values),
        Some(value) => {
            Err(validation(format!("The '{field}' condition value '{value}' is not a valid CIDR block")))
        }
    }
}

fn check_repetition(conditions: &[Condition]) -> Result<(), ServiceError> {
    let once = |field: &str, is: fn(&Condition) -> bool| {
        if conditions.iter().filter(|condition| is(condition)).count() > 1 {
            return Err(validation(format!("A rule can only have one '{field}' condition")));
        }
        Ok(())
    };
    once("host-header", |condition| matches!(condition, Condition::HostHeader(_)))?;
    once("path-pattern", |condition| matches!(condition, Condition::PathPattern(_)))?;
    once("http-request-method", |condition| matches!(condition, Condition::HttpRequestMethod(_)))?;
    once("source-ip", |condition| matches!(condition, Condition::SourceIp(_)))
}

fn value_count(condition: &Condition) -> usize {
    match condition {
        Condition::HostHeader(patterns)
        | Condition::PathPattern(patterns)
        | Condition::HttpHeader { patterns, .. } => match patterns {
            Patterns::Wildcards(values) | Patterns::Regexes(values) => values.len(),
        },
        Condition::HttpRequestMethod(values) | Condition::SourceIp(values) => values.len(),
        Condition::QueryString(values) => values.len(),
    }
}

fn wildcard_count(condition: &Condition) -> usize {
    match condition {
        Condition::HostHeader(Patterns::Wildcards(values))
        | Condition::PathPattern(Patterns::Wildcards(values))
        | Condition::HttpHeader { patterns: Patterns::Wildcards(values), .. } => {
            values.iter().map(|value| wildcards(value)).sum()
        }
        Condition::QueryString(values) => values
            .iter()
            .map(|pattern| wildcards(&pattern.value) + pattern.key.as_deref().map_or(0, wildcards))
            .sum(),
        _ => 0,
    }
}

/// A backslash makes the next character a literal one.
fn wildcards(text: &str) -> usize {
    let mut count = 0;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'*' | b'?' => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests;
