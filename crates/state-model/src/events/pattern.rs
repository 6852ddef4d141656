//! Event patterns: what EventBridge's rules, archives and SNS's filter policies ask of a document.
//!
//! A pattern is compiled once and then asked of many documents. See "Amazon EventBridge event patterns" in the EventBridge User
//! Guide.

mod index;
mod parse;
pub(crate) mod test;
mod wildcard;

pub use index::RuleIndex;
pub use parse::PatternError;

use serde_json::Value;
use test::Test;

/// The longest text of a pattern, as AWS has it.
pub const PATTERN_BYTES_MAX: usize = 4_096;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    root: Node,
}

/// What an object must hold: all of the fields, and of each `$or` at least one alternative.
#[derive(Clone, Debug, Default, PartialEq)]
struct Node {
    fields: Vec<(Box<str>, Entry)>,
    choices: Vec<Vec<Node>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Entry {
    /// One of these must hold of the value, or of one of its elements.
    Leaf(Vec<Test>),
    Object(Node),
}

impl Pattern {
    /// Compiles the JSON text; the error is what AWS calls the pattern invalid for.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        parse::pattern(text).map(|root| Self { root })
    }

    /// As [`Pattern::parse`], of JSON that was read already and is as long as its owner allows.
    pub fn of_value(value: &Value) -> Result<Self, PatternError> {
        parse::pattern_of_value(value).map(|root| Self { root })
    }

    /// Whether the document, usually a JSON object, fits.
    pub fn matches(&self, document: &Value) -> bool {
        self.root.matches(Some(document))
    }
}

impl Node {
    /// Of an array one element must have all that is asked of it: fields of two elements never make a match together.
    fn matches(&self, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Array(elements)) if !elements.is_empty() => {
                elements.iter().any(|element| self.matches(Some(element)))
            }
            value => {
                let object = value.and_then(Value::as_object);
                self.fields
                    .iter()
                    .all(|(name, entry)| entry.matches(object.and_then(|object| object.get(&**name))))
                    && self.choices.iter().all(|nodes| nodes.iter().any(|node| node.matches(value)))
            }
        }
    }
}

impl Entry {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Entry::Object(node) => node.matches(value),
            Entry::Leaf(tests) => leaf_matches(tests, value),
        }
    }
}

/// Only values that aren't objects are leaves: of an object, as of an empty array, it is said that the leaf isn't there.
fn leaf_matches(tests: &[Test], value: Option<&Value>) -> bool {
    match value {
        Some(Value::Array(elements)) if !elements.is_empty() => {
            elements.iter().any(|element| leaf_matches(tests, Some(element)))
        }
        None | Some(Value::Object(_) | Value::Array(_)) => tests.iter().any(Test::wants_absence),
        Some(value) => tests.iter().any(|test| test.matches(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[track_caller]
    fn check(pattern: &str, event: &str, expected: bool) {
        let compiled = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let event = serde_json::from_str(event).expect("the event is JSON");
        assert_eq!(compiled.matches(&event), expected, "{pattern} of {event}");
    }

    #[test]
    fn exact_values() {
        check(r#"{"a":["x"]}"#, r#"{"a":"x","b":1}"#, true);
        check(r#"{"a":["x"]}"#, r#"{"a":"X"}"#, false);
        check(r#"{"a":["x","y"]}"#, r#"{"a":"y"}"#, true);
        check(r#"{"a":["x"],"b":["y"]}"#, r#"{"a":"x"}"#, false);
        check(r#"{"a":[300]}"#, r#"{"a":3.0e2}"#, true);
        check(r#"{"a":["300"]}"#, r#"{"a":300}"#, false);
        check(r#"{"a":[null]}"#, r#"{"a":null}"#, true);
        check(r#"{"a":[null]}"#, r#"{}"#, false);
        check(r#"{"a":[""]}"#, r#"{"a":""}"#, true);
        check(r#"{"a":[true]}"#, r#"{"a":true}"#, true);
        check(r#"{"a":[true]}"#, r#"{"a":"true"}"#, false);
        check(r#"{"a":{"b":["x"]}}"#, r#"{"a":{"b":"x"}}"#, true);
        check(r#"{"a":{"b":["x"]}}"#, r#"{"a":"x"}"#, false);
    }

    #[test]
    fn arrays_in_events() {
        check(r#"{"a":["x"]}"#, r#"{"a":["y","x"]}"#, true);
        check(r#"{"a":["x"]}"#, r#"{"a":[["x"]]}"#, true);
        check(r#"{"a":["x"]}"#, r#"{"a":[]}"#, false);
        let pattern = r#"{"people":{"first":["Ann"],"last":["Lee"]}}"#;
        check(pattern, r#"{"people":[{"first":"Bo","last":"Lee"},{"first":"Ann","last":"Lee"}]}"#, true);
        check(pattern, r#"{"people":[{"first":"Ann","last":"Ray"},{"first":"Bo","last":"Lee"}]}"#, false);
    }

    #[test]
    fn beginnings_and_ends() {
        check(r#"{"a":[{"prefix":"eu-"}]}"#, r#"{"a":"eu-west-1"}"#, true);
        check(r#"{"a":[{"prefix":"eu-"}]}"#, r#"{"a":"EU-west-1"}"#, false);
        check(r#"{"a":[{"prefix":{"equals-ignore-case":"eu-"}}]}"#, r#"{"a":"EU-west-1"}"#, true);
        check(r#"{"a":[{"suffix":".png"}]}"#, r#"{"a":"x.png"}"#, true);
        check(r#"{"a":[{"suffix":{"equals-ignore-case":".PNG"}}]}"#, r#"{"a":"x.png"}"#, true);
        check(r#"{"a":[{"prefix":"1"}]}"#, r#"{"a":12}"#, false);
        check(r#"{"a":[{"equals-ignore-case":"Hi"}]}"#, r#"{"a":"hI"}"#, true);
        check(r#"{"a":[{"wildcard":"x*z"}]}"#, r#"{"a":"xyyz"}"#, true);
        check(r#"{"a":[{"wildcard":"x*z"}]}"#, r#"{"a":"xyy"}"#, false);
        check(r#"{"a":[{"wildcard":"*a*b*"}]}"#, r#"{"a":"1a2b3"}"#, true);
        check(r#"{"a":[{"wildcard":"a\\*b"}]}"#, r#"{"a":"a*b"}"#, true);
        check(r#"{"a":[{"wildcard":"a\\*b"}]}"#, r#"{"a":"axb"}"#, false);
    }

    #[test]
    fn anything_but() {
        check(r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"y"}"#, true);
        check(r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"x"}"#, false);
        check(r#"{"a":[{"anything-but":"x"}]}"#, r#"{}"#, false);
        check(r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"y"}"#, false);
        check(r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":["y","z"]}"#, true);
        check(r#"{"a":[{"anything-but":[1,2]}]}"#, r#"{"a":2.0}"#, false);
        check(r#"{"a":[{"anything-but":[1,2]}]}"#, r#"{"a":"2"}"#, true);
        check(r#"{"a":[{"anything-but":{"prefix":"i-"}}]}"#, r#"{"a":"i-1"}"#, false);
        check(r#"{"a":[{"anything-but":{"prefix":["i-","j-"]}}]}"#, r#"{"a":"k-1"}"#, true);
        check(r#"{"a":[{"anything-but":{"suffix":".txt"}}]}"#, r#"{"a":"x.txt"}"#, false);
        check(r#"{"a":[{"anything-but":{"equals-ignore-case":["a","b"]}}]}"#, r#"{"a":"B"}"#, false);
        check(r#"{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}"#, r#"{"a":"x/lib/y"}"#, false);
        check(r#"{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}"#, r#"{"a":"x/y"}"#, true);
    }

    #[test]
    fn numbers_addresses_and_absence() {
        check(r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":5}"#, true);
        check(r#"{"a":[{"numeric":[">",0,"<=",5]}]}"#, r#"{"a":0}"#, false);
        check(r#"{"a":[{"numeric":["=",1.5]}]}"#, r#"{"a":1.50}"#, true);
        check(r#"{"a":[{"numeric":["<",1]}]}"#, r#"{"a":"0"}"#, false);
        check(r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.0.255"}"#, true);
        check(r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.1.0"}"#, false);
        check(r#"{"a":[{"cidr":"2001:db8::/32"}]}"#, r#"{"a":"2001:db8:1::1"}"#, true);
        check(r#"{"a":[{"exists":true}]}"#, r#"{"a":null}"#, true);
        check(r#"{"a":[{"exists":true}]}"#, r#"{"a":{"b":1}}"#, false);
        check(r#"{"a":[{"exists":false}]}"#, r#"{"a":1}"#, false);
        check(r#"{"d":{"a":[{"exists":false}]}}"#, r#"{}"#, true);
        check(r#"{"d":{"a":[{"exists":false}],"b":["x"]}}"#, r#"{"d":{"b":"x"}}"#, true);
        check(r#"{"a":["x",{"exists":false}]}"#, r#"{}"#, true);
    }

    #[test]
    fn alternatives() {
        let pattern = r#"{"s":["x"],"$or":[{"a":["1"]},{"b":[{"numeric":[">",5]}]}]}"#;
        check(pattern, r#"{"s":"x","a":"1"}"#, true);
        check(pattern, r#"{"s":"x","b":6}"#, true);
        check(pattern, r#"{"s":"x","b":5}"#, false);
        check(pattern, r#"{"s":"y","a":"1"}"#, false);
        check(r#"{"d":{"$or":[{"a":["1"]},{"b":{"c":["2"]}}]}}"#, r#"{"d":{"b":{"c":"2"}}}"#, true);
        check(r#"{"$or":["a","b"]}"#, r#"{"$or":"b"}"#, true);
    }

    #[track_caller]
    fn refused(pattern: &str, reason: &str) {
        let error = Pattern::parse(pattern).expect_err(pattern);
        assert!(error.to_string().contains(reason), "{pattern}: {error}");
        assert!(error.to_string().starts_with("Event pattern is not valid. Reason: "), "{error}");
    }

    #[test]
    fn what_is_no_pattern() {
        refused("{", "EOF");
        refused("[]", "Filter is not an object");
        refused("{}", "Empty objects are not allowed");
        refused(r#"{"a":"x"}"#, "\"a\" must be an object or an array");
        refused(r#"{"a":[]}"#, "Empty arrays are not allowed");
        refused(r#"{"a":{}}"#, "Empty objects are not allowed");
        refused(r#"{"a":[{"pre":"x"}]}"#, "Unrecognized match type pre");
        refused(r#"{"a":[{"prefix":1}]}"#, "prefix match pattern must be a string");
        refused(r#"{"a":[{"prefix":"x","suffix":"y"}]}"#, "Only one key allowed in match expression");
        refused(r#"{"a":[["x"]]}"#, "Match value must be String, number, true, false, or null");
        refused(r#"{"a":[{"exists":"x"}]}"#, "exists match pattern must be either true or false.");
        refused(r#"{"a":[{"numeric":">"}]}"#, "Value of numeric must be an array.");
        refused(r#"{"a":[{"numeric":["~",1]}]}"#, "Unrecognized numeric range operator: ~");
        refused(r#"{"a":[{"numeric":[">","x"]}]}"#, "Value of > must be numeric");
        refused(r#"{"a":[{"numeric":[">",5,"<",5]}]}"#, "Bottom must be less than top");
        refused(r#"{"a":[{"numeric":[">",5,"<",6,">",7]}]}"#, "Too many terms in numeric range expression");
        refused(r#"{"a":[{"numeric":["<",9000000000]}]}"#, "Value must be between");
        refused(r#"{"a":[{"cidr":"10.0.0.0"}]}"#, "Malformed CIDR, one '/' required");
        refused(r#"{"a":[{"cidr":"10.0.0.0/40"}]}"#, "Malformed CIDR");
        refused(r#"{"a":[{"anything-but":[]}]}"#, "Empty arrays are not allowed");
        refused(
            r#"{"a":[{"anything-but":["x",1]}]}"#,
            "either all values are number or all values are string",
        );
        refused(r#"{"a":[{"anything-but":{"exists":true}}]}"#, "Unsupported anything-but pattern: exists");
        refused(r#"{"a":[{"wildcard":"a**b"}]}"#, "Consecutive wildcard characters");
        refused(r#"{"a":[{"wildcard":"a\\x"}]}"#, "Invalid escape character");
        refused(&format!(r#"{{"a":[{{"wildcard":"{}"}}]}}"#, "a*".repeat(60)), "Rule is too complex");
        refused(&format!(r#"{{"a":["{}"]}}"#, "x".repeat(5000)), "longer than");
    }
}
