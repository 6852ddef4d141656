use super::*;

fn by_values(field: &str, values: &[&str]) -> wire::RuleCondition {
    wire::RuleCondition {
        field: Some(field.to_owned()),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        ..Default::default()
    }
}

fn header(name: &str, values: &[&str]) -> wire::RuleCondition {
    wire::RuleCondition {
        field: Some(String::from("http-header")),
        http_header_config: Some(wire::HttpHeaderConditionConfig {
            http_header_name: Some(name.to_owned()),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn query(pairs: &[(Option<&str>, &str)]) -> wire::RuleCondition {
    let pair = |(key, value): &(Option<&str>, &str)| wire::QueryStringKeyValuePair {
        key: key.map(str::to_owned),
        value: Some((*value).to_owned()),
    };
    wire::RuleCondition {
        field: Some(String::from("query-string")),
        query_string_config: Some(wire::QueryStringConditionConfig {
            values: Some(pairs.iter().map(pair).collect()),
        }),
        ..Default::default()
    }
}

fn regexes(field: &str, values: &[&str]) -> wire::RuleCondition {
    wire::RuleCondition {
        field: Some(field.to_owned()),
        regex_values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        ..Default::default()
    }
}

#[test]
fn good_conditions_are_taken() {
    for good in [
        vec![by_values("path-pattern", &["/img/*"])],
        vec![by_values("path-pattern", &["/a", "/b", "/c", "/d", "/e"])],
        vec![by_values("host-header", &["*.example.com"]), by_values("path-pattern", &["/*"])],
        vec![header("User-Agent", &["*Chrome*"]), header("X-A", &["1"]), header("X-B", &["2"])],
        vec![by_values("http-request-method", &["GET", "X-PURGE"])],
        vec![query(&[(Some("version"), "v1"), (None, "*beta*")])],
        vec![query(&[(None, r"\*\*\*\*\*\*literal")])],
        vec![by_values("source-ip", &["10.0.0.0/8", "192.0.2.1/32"])],
        vec![regexes("path-pattern", &["^/v[0-9]+/.*$"])],
    ] {
        let text = format!("{good:?}");
        assert!(parse(Some(good)).is_ok(), "{text}");
    }
}

#[test]
fn what_breaks_a_rule_is_told() {
    let long = "x".repeat(129);
    for (given, message) in [
        (vec![], "A condition must be specified"),
        (
            vec![by_values("path", &["/"])],
            "Condition field 'path' must be one of \
             '[path-pattern,host-header,http-header,http-request-method,query-string,source-ip]'",
        ),
        (
            vec![by_values("path-pattern", &[])],
            "A condition value must be specified for the condition field 'path-pattern'",
        ),
        (
            vec![by_values("path-pattern", &["/a"]), by_values("path-pattern", &["/b"])],
            "A rule can only have one 'path-pattern' condition",
        ),
        (
            vec![by_values("path-pattern", &["/a", "/b", "/c", "/d", "/e", "/f"])],
            "A rule can only have '5' condition values",
        ),
        (vec![by_values("path-pattern", &["/*?*?*?"])], "A rule can only have '5' condition wildcards"),
        (
            vec![by_values("path-pattern", &["/a b"])],
            "The 'path-pattern' condition value '/a b' contains invalid characters",
        ),
        (
            vec![by_values("path-pattern", &[&long])],
            &format!("The 'path-pattern' condition value '{long}' must have between 1 and 128 characters"),
        ),
        (
            vec![by_values("host-header", &["localhost"])],
            "The 'host-header' condition value 'localhost' must be a host name with at least one '.' and only letters \
             after the last one; allowed are letters, digits, '-', '.', '*' and '?'",
        ),
        (vec![header("Host", &["x"])], "Use a 'host-header' condition for the header 'Host'"),
        (
            vec![by_values("http-request-method", &["get"])],
            "The 'http-request-method' condition value 'get' must be a method in capital letters, '-' and '_', of at most \
             40 characters",
        ),
        (
            vec![by_values("source-ip", &["10.0.0.1"])],
            "The 'source-ip' condition value '10.0.0.1' is not a valid CIDR block",
        ),
        (
            vec![by_values("http-header", &["x"])],
            "Values of the condition field 'http-header' belong into its configuration",
        ),
        (vec![regexes("path-pattern", &["("])], "The regular expression '(' is not valid"),
        (
            vec![wire::RuleCondition {
                regex_values: Some(vec![String::from("x")]),
                ..by_values("path-pattern", &["/"])
            }],
            "Values and regular expressions cannot be specified together for the condition field 'path-pattern'",
        ),
        (
            vec![regexes("source-ip", &["x"])],
            "Regular expressions are not supported for the condition field 'source-ip'",
        ),
    ] {
        let refused = parse(Some(given)).expect_err(message);
        assert_eq!((refused.code.as_ref(), refused.message.as_str()), ("ValidationError", message));
    }
}
