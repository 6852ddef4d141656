//! What a target is given of an event: all of it, a part, a constant, or a template filled in.
//!
//! See "Amazon EventBridge input transformation" in the EventBridge User Guide.

use serde_json::Value;
use stdx::clock::Timestamp;

use super::rule::Input;

/// What the templates may refer to beside the event.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub rule_arn: &'a str,
    pub rule_name: &'a str,
    /// When the bus took the event.
    pub ingested_at: Timestamp,
}

/// Variables that every template has.
pub const PREDEFINED: [&str; 5] = [
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
];

/// The text that the target gets.
pub fn payload(input: &Input, event: &Value, origin: Origin<'_>) -> String {
    match input {
        Input::Event => event.to_string(),
        Input::Constant(text) => text.clone(),
        Input::Path(path) => {
            parse_path(path).and_then(|path| find(&path, event)).unwrap_or(Value::Null).to_string()
        }
        Input::Transformer { paths, template } => {
            let value_of = |name: &str| match paths.get(name) {
                Some(path) => parse_path(path).and_then(|path| find(&path, event)),
                None => predefined(name, event, origin),
            };
            let is_variable = |name: &str| paths.contains_key(name) || PREDEFINED.contains(&name);
            fill(template, is_variable, value_of)
        }
    }
}

fn predefined(name: &str, event: &Value, origin: Origin<'_>) -> Option<Value> {
    match name {
        "aws.events.rule-arn" => Some(origin.rule_arn.into()),
        "aws.events.rule-name" => Some(origin.rule_name.into()),
        "aws.events.event.ingestion-time" => Some(origin.ingested_at.to_rfc3339_secs().into()),
        "aws.events.event" => {
            let mut object = event.as_object()?.clone();
            object.shift_remove("detail");
            Some(Value::Object(object))
        }
        "aws.events.event.json" => Some(event.clone()),
        _ => None,
    }
}

/// Fills in `<name>`s. Within a JSON text a value becomes part of the text; elsewhere it is JSON.
fn fill(
    template: &str,
    is_variable: impl Fn(&str) -> bool,
    value_of: impl Fn(&str) -> Option<Value>,
) -> String {
    let mut output = String::with_capacity(template.len());
    let mut rest = template;
    let mut in_text = false;
    while let Some(next) = rest.chars().next() {
        let (head, tail) = rest.split_at(next.len_utf8());
        rest = tail;
        match next {
            '\\' if in_text => {
                output.push(next);
                if let Some(escaped) = rest.chars().next() {
                    output.push(escaped);
                    rest = &rest[escaped.len_utf8()..];
                }
            }
            '"' => {
                in_text = !in_text;
                output.push(next);
            }
            '<' => match tail.split_once('>') {
                Some((name, behind)) if is_variable(name) => {
                    output.push_str(&inserted(value_of(name), in_text));
                    rest = behind;
                }
                _ => output.push_str(head),
            },
            _ => output.push_str(head),
        }
    }
    output
}

fn inserted(value: Option<Value>, in_text: bool) -> String {
    match (value, in_text) {
        (None, true) => String::new(),
        (None, false) => String::from("null"),
        (Some(value), false) => value.to_string(),
        (Some(value), true) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let quoted = Value::String(text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Field(String),
    Element(usize),
    EachElement,
}

/// Reads a JSONPath of dots and brackets: `$.detail.list[0]['a b'][*]`. None when it is no such path.
pub fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('.') {
            let end = behind.find(['.', '[']).unwrap_or(behind.len());
            let (name, behind) = behind.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(if name == "*" { Step::EachElement } else { Step::Field(name.to_owned()) });
            rest = behind;
        } else {
            let (inside, behind) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = |quote: char| inside.strip_prefix(quote)?.strip_suffix(quote);
            steps.push(match quoted('\'').or_else(|| quoted('"')) {
                Some(name) => Step::Field(name.to_owned()),
                None if inside == "*" => Step::EachElement,
                None => Step::Element(inside.parse().ok()?),
            });
            rest = behind;
        }
    }
    Some(steps)
}

/// The value at the path; of a path with `*` the list of all.
pub fn find(path: &[Step], value: &Value) -> Option<Value> {
    let Some((step, rest)) = path.split_first() else { return Some(value.clone()) };
    match step {
        Step::Field(name) => find(rest, value.get(name)?),
        Step::Element(index) => find(rest, value.get(index)?),
        Step::EachElement => {
            let found: Vec<_> = match value {
                Value::Array(elements) => elements.iter().filter_map(|one| find(rest, one)).collect(),
                Value::Object(object) => object.values().filter_map(|one| find(rest, one)).collect(),
                _ => return None,
            };
            Some(Value::Array(found))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const EVENT: &str = r#"{"id":"1","source":"my.app","detail-type":"Made","resources":["r0","r1"],
        "detail":{"name":"a \"b\"","count":3,"list":[{"x":1},{"x":2}],"deep":{"y z":true}}}"#;

    #[track_caller]
    fn check(input: Input, expected: &str) {
        let event = serde_json::from_str(EVENT).expect("JSON");
        let ingested_at = Timestamp::from_secs(0);
        let origin = Origin { rule_arn: "arn:rule", rule_name: "rule", ingested_at };
        assert_eq!(payload(&input, &event, origin), expected);
    }

    #[test]
    fn parts_of_events() {
        for (path, expected) in [
            ("$.detail.count", "3"),
            ("$.detail-type", "\"Made\""),
            ("$.resources[1]", "\"r1\""),
            ("$.detail.list[*].x", "[1,2]"),
            ("$.detail.deep['y z']", "true"),
            ("$['detail'][\"count\"]", "3"),
            ("$.nothing.there", "null"),
        ] {
            check(Input::Path(path.into()), expected);
        }
        for path in ["detail", "$detail", "$.", "$[x]", "$.a[", "$..a"] {
            assert_eq!(parse_path(path), None, "{path}");
        }
    }

    #[test]
    fn templates() {
        let paths: BTreeMap<String, String> = [
            ("name", "$.detail.name"),
            ("count", "$.detail.count"),
            ("list", "$.detail.list"),
            ("none", "$.x"),
        ]
        .into_iter()
        .map(|(name, path)| (name.to_owned(), path.to_owned()))
        .collect();
        for (template, expected) in [
            (r#""<name> has <count>""#, r#""a \"b\" has 3""#),
            (r#"{"n": <name>, "c": <count>}"#, r#"{"n": "a \"b\"", "c": 3}"#),
            (r#"{"l": <list>, "t": "<list>"}"#, r#"{"l": [{"x":1},{"x":2}], "t": "[{\"x\":1},{\"x\":2}]"}"#),
            (r#"{"x": <none>, "t": "<none>"}"#, r#"{"x": null, "t": ""}"#),
            (r#""<unknown> < \"<count>\"""#, r#""<unknown> < \"3\"""#),
            (r#""<aws.events.rule-name> <aws.events.rule-arn>""#, r#""rule arn:rule""#),
            ("<aws.events.event.ingestion-time>", r#""1970-01-01T00:00:00Z""#),
            (
                "<aws.events.event>",
                r#"{"id":"1","source":"my.app","detail-type":"Made","resources":["r0","r1"]}"#,
            ),
        ] {
            check(Input::Transformer { paths: paths.clone(), template: template.into() }, expected);
        }
        check(Input::Constant("{\"a\":1}".into()), "{\"a\":1}");
    }
}
