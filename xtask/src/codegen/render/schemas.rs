//! The static tables of members, as expressions.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::codegen::model::Model;
use crate::codegen::names;

/// The schema of a structure's member.
pub fn member(model: &Model, name: &str, reference: &Value, structure: &Value) -> Result<String> {
    let shape = model.resolve(reference)?;
    let mut text = plain(model, name, &shape)?;
    let listed =
        |key: &str| structure[key].as_array().is_some_and(|names| names.iter().any(|entry| entry == name));
    if listed("required") {
        text.push_str(".required()");
    }
    if structure["payload"] == name {
        text.push_str(".at(Location::Payload)");
    }
    Ok(text)
}

/// The schema of a member, list element or map value after its traits were merged.
fn plain(model: &Model, name: &str, shape: &Map<String, Value>) -> Result<String> {
    let mut text = format!("MemberSchema::new({name:?}, {})", target(model, shape)?);
    let get = |key: &str| shape.get(key).and_then(Value::as_str);
    let flag = |key: &str| shape.get(key) == Some(&Value::Bool(true));
    if let Some(wire_name) = get("locationName") {
        write!(text, ".wire_name({wire_name:?})")?;
    }
    if let Some(location) = location(get("location"))? {
        write!(text, ".at(Location::{location})")?;
    }
    if let Some(query_name) = get("queryName") {
        write!(text, ".query_name({query_name:?})")?;
    }
    if let Some(format) = get("timestampFormat") {
        let format = match format {
            "iso8601" => "DateTime",
            "rfc822" => "HttpDate",
            "unixTimestamp" => "EpochSeconds",
            other => bail!("unknown timestamp format {other}"),
        };
        write!(text, ".timestamp_format(TimestampFormat::{format})")?;
    }
    for (key, call) in [
        ("flattened", ".flattened()"),
        ("xmlAttribute", ".xml_attribute()"),
        ("streaming", ".streaming()"),
        ("idempotencyToken", ".idempotency_token()"),
        ("eventheader", ".event_header()"),
        ("eventpayload", ".event_payload()"),
    ] {
        text.push_str(if flag(key) { call } else { "" });
    }
    match shape.get("xmlNamespace") {
        Some(Value::String(uri)) => write!(text, ".xml_namespace({uri:?})")?,
        Some(Value::Object(namespace)) => {
            if let Some(uri) = namespace.get("uri").and_then(Value::as_str) {
                write!(text, ".xml_namespace({uri:?})")?;
            }
            if let Some(prefix) = namespace.get("prefix").and_then(Value::as_str) {
                write!(text, ".xml_prefix({prefix:?})")?;
            }
        }
        _ => {}
    }
    Ok(text)
}

fn location(name: Option<&str>) -> Result<Option<&'static str>> {
    Ok(Some(match name {
        None => return Ok(None),
        Some("header") => "Header",
        Some("headers") => "PrefixHeaders",
        Some("uri") => "Uri",
        Some("querystring") => "QueryString",
        Some("statusCode") => "StatusCode",
        Some(other) => bail!("unknown location {other}"),
    }))
}

fn target(model: &Model, shape: &Map<String, Value>) -> Result<String> {
    let kind = shape.get("type").and_then(Value::as_str).context("a shape has no type")?;
    let is_document = shape.get("document") == Some(&Value::Bool(true));
    let nested = |key: &str, name: &str| -> Result<String> {
        plain(model, name, &model.resolve(shape.get(key).context("a container has no content")?)?)
    };
    Ok(match kind {
        "structure" if is_document => "Target::Document".to_owned(),
        "structure" => {
            let name = shape.get("shape").and_then(Value::as_str).context("a structure has no name")?;
            format!("Target::Structure({}::schema)", names::type_name(name))
        }
        "list" => format!("Target::List(&ListSchema::new({}))", nested("member", "member")?),
        "map" => {
            format!("Target::Map(&MapSchema::new({}, {}))", nested("key", "key")?, nested("value", "value")?)
        }
        "boolean" => "Target::Boolean".to_owned(),
        "integer" => "Target::Integer".to_owned(),
        "long" => "Target::Long".to_owned(),
        "float" => "Target::Float".to_owned(),
        "double" => "Target::Double".to_owned(),
        "string" | "character" => "Target::String".to_owned(),
        "blob" => "Target::Blob".to_owned(),
        "timestamp" => "Target::Timestamp".to_owned(),
        other => bail!("unknown kind of shape: {other}"),
    })
}
