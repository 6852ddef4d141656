//! When a rule applies. Fields that older clients know are told in `Values` too.

use state_model::elbv2::condition::{Condition, Patterns, QueryPattern};
use wire_shapes_network::elbv2 as wire;

pub fn condition(condition: &Condition) -> wire::RuleCondition {
    match condition {
        Condition::HostHeader(patterns) => {
            let (values, regex_values) = split(patterns);
            wire::RuleCondition {
                field: Some(String::from("host-header")),
                host_header_config: Some(wire::HostHeaderConditionConfig {
                    regex_values: regex_values.clone(),
                    values: values.clone(),
                }),
                regex_values,
                values,
                ..Default::default()
            }
        }
        Condition::PathPattern(patterns) => {
            let (values, regex_values) = split(patterns);
            wire::RuleCondition {
                field: Some(String::from("path-pattern")),
                path_pattern_config: Some(wire::PathPatternConditionConfig {
                    regex_values: regex_values.clone(),
                    values: values.clone(),
                }),
                regex_values,
                values,
                ..Default::default()
            }
        }
        Condition::HttpHeader { name, patterns } => {
            let (values, regex_values) = split(patterns);
            wire::RuleCondition {
                field: Some(String::from("http-header")),
                http_header_config: Some(wire::HttpHeaderConditionConfig {
                    http_header_name: Some(name.clone()),
                    regex_values,
                    values,
                }),
                ..Default::default()
            }
        }
        Condition::HttpRequestMethod(values) => wire::RuleCondition {
            field: Some(String::from("http-request-method")),
            http_request_method_config: Some(wire::HttpRequestMethodConditionConfig {
                values: Some(values.clone()),
            }),
            ..Default::default()
        },
        Condition::QueryString(values) => wire::RuleCondition {
            field: Some(String::from("query-string")),
            query_string_config: Some(wire::QueryStringConditionConfig {
                values: Some(values.iter().map(query).collect()),
            }),
            ..Default::default()
        },
        Condition::SourceIp(values) => wire::RuleCondition {
            field: Some(String::from("source-ip")),
            source_ip_config: Some(wire::SourceIpConditionConfig {
                ip_address_type: None,
                values: Some(values.clone()),
            }),
            ..Default::default()
        },
    }
}

fn split(patterns: &Patterns) -> (Option<Vec<String>>, Option<Vec<String>>) {
    match patterns {
        Patterns::Wildcards(values) => (Some(values.clone()), None),
        Patterns::Regexes(values) => (None, Some(values.clone())),
    }
}

fn query(pattern: &QueryPattern) -> wire::QueryStringKeyValuePair {
    wire::QueryStringKeyValuePair { key: pattern.key.clone(), value: Some(pattern.value.clone()) }
}
