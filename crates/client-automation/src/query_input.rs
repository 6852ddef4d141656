//! An input in JSON as the parameters of the query protocol.

use serde_json::Value;

/// Members that are maps, with what keys and values are called on the wire: JSON doesn't tell them from structures.
const MAPS: [(&str, &str, &str); 2] =
    [("MessageAttributes", "Name", "Value"), ("Attributes", "key", "value")];

pub fn flatten(input: &Value) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    put(&mut parameters, "", input);
    parameters
}

fn put(parameters: &mut Vec<(String, String)>, path: &str, value: &Value) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Bool(flag) => parameters.push((path.to_owned(), flag.to_string())),
        Value::Number(number) => parameters.push((path.to_owned(), number.to_string())),
        Value::String(text) => parameters.push((path.to_owned(), text.clone())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                put(parameters, &below(&format!("member.{}", index + 1)), item);
            }
        }
        Value::Object(members) => {
            let name = path.rsplit('.').next().unwrap_or_default();
            let Some((_, key, entry)) = MAPS.iter().find(|(map, _, _)| *map == name) else {
                return members.iter().for_each(|(name, member)| put(parameters, &below(name), member));
            };
            for (index, (name, member)) in members.iter().enumerate() {
                let place = below(&format!("entry.{}", index + 1));
                parameters.push((format!("{place}.{key}"), name.clone()));
                put(parameters, &format!("{place}.{entry}"), member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn members_lists_and_maps_are_flattened() {
        let input = json!({
            "TopicArn": "a",
            "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "x"}},
            "Tags": [{"Key": "k", "Value": "v"}],
            "Flag": true,
        });
        let found = super::flatten(&input);
        let found: Vec<String> = found.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            "TopicArn=a",
            "MessageAttributes.entry.1.Name=kind",
            "MessageAttributes.entry.1.Value.DataType=String",
            "MessageAttributes.entry.1.Value.StringValue=x",
            "Tags.member.1.Key=k",
            "Tags.member.1.Value=v",
            "Flag=true",
        ];
        assert_eq!(found, expected);
    }
}
