//! A structure with its table and codec.

use std::fmt::Write;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::schemas;
use crate::codegen::model::{self, Model};
use crate::codegen::names;

/// The imports that a file of structures needs.
pub fn imports(text: &str) -> String {
    let mut schema_names: Vec<&str> =
        vec!["DecodeError", "Members", "Shape", "ShapeReader", "ShapeWriter", "StructureSchema"];
    for (mark, name) in [
        ("MemberSchema::", "MemberSchema"),
        ("Target::", "Target"),
        ("ListSchema::", "ListSchema"),
        ("MapSchema::", "MapSchema"),
        ("Location::", "Location"),
        ("TimestampFormat::", "TimestampFormat"),
        ("ServiceError", "ServiceError"),
        ("<Instant>", "Instant"),
        ("Document>", "Document"),
        ("read_member(reader", "read_member"),
        ("write_member(writer", "write_member"),
    ] {
        schema_names.extend(names(text, mark).then_some(name));
    }
    schema_names.sort_unstable();
    let mut imports = String::new();
    if text.contains("BTreeMap<") {
        imports.push_str("use std::collections::BTreeMap;\n\n");
    }
    if text.contains("Bytes>") {
        imports.push_str("use wire_schema::bytes::Bytes;\n");
    }
    imports.push_str(&format!("use wire_schema::{{{}}};\n\n", schema_names.join(", ")));
    imports.push_str(
        "#[allow(unused_imports, reason = \"whether a file needs its siblings depends on the model\")]\n",
    );
    imports.push_str("use super::super::{enums::*, shapes::*};\n\n");
    imports
}

/// Whether the mark stands by itself, and not as the end of a longer name.
fn names(text: &str, mark: &str) -> bool {
    text.match_indices(mark).any(|(at, _)| {
        !mark.starts_with(char::is_alphanumeric) || !text[..at].ends_with(char::is_alphanumeric)
    })
}

pub fn structure(text: &mut String, model: &Model, shape: &str, source: &Value) -> Result<()> {
    let name = names::type_name(shape);
    let constant = names::constant(shape);
    let members: Vec<(&String, &Value)> = model::members(source).collect();

    let secret = |reference: &Value| {
        model.resolve(reference).is_ok_and(|shape| shape.get("sensitive") == Some(&Value::Bool(true)))
    };
    let has_secrets = members.iter().any(|(_, reference)| secret(reference));
    let debug = if has_secrets { "" } else { "Debug, " };
    writeln!(text, "#[derive(Clone, {debug}Default, PartialEq)]\npub struct {name} {{")?;
    for (member, reference) in &members {
        let kind = field_type(model, shape, reference).with_context(|| format!("member {member}"))?;
        writeln!(text, "pub {}: Option<{kind}>,", names::field(member))?;
    }
    writeln!(text, "}}\n")?;

    writeln!(text, "static {constant}: StructureSchema = StructureSchema::new({shape:?}, &[")?;
    for (member, reference) in &members {
        writeln!(text, "{},", schemas::member(model, member, reference, source)?)?;
    }
    writeln!(text, "]){};\n", structure_traits(shape, source))?;

    writeln!(text, "impl Members for {name} {{")?;
    writeln!(text, "fn structure_schema(&self) -> &'static StructureSchema {{ &{constant} }}\n")?;
    codec(text, &constant, &members)?;
    writeln!(text, "}}\n")?;

    writeln!(text, "impl Shape for {name} {{")?;
    writeln!(text, "fn schema() -> &'static StructureSchema {{ &{constant} }}\n}}\n")?;

    if has_secrets {
        writeln!(text, "impl std::fmt::Debug for {name} {{")?;
        writeln!(text, "fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
        writeln!(text, "formatter.debug_struct({name:?})")?;
        for (member, reference) in &members {
            let field = names::field(member);
            let redacted = if secret(reference) { ".as_ref().map(|_| \"redacted\")" } else { "" };
            let value = format!("self.{field}{redacted}");
            writeln!(text, ".field({:?}, &{value})", field.trim_start_matches("r#"))?;
        }
        writeln!(text, ".finish()\n}}\n}}\n")?;
    }

    if source["exception"] == true {
        writeln!(text, "impl From<{name}> for ServiceError {{")?;
        writeln!(text, "fn from(error: {name}) -> Self {{ ServiceError::from_shape(&error) }}\n}}\n")?;
    }
    Ok(())
}

fn codec(text: &mut String, constant: &str, members: &[(&String, &Value)]) -> Result<()> {
    let unused = if members.is_empty() { "_" } else { "" };
    writeln!(text, "fn write_members(&self, {unused}writer: &mut dyn ShapeWriter) {{")?;
    if !members.is_empty() {
        writeln!(text, "let members = {constant}.members;")?;
    }
    for (index, (member, _)) in members.iter().enumerate() {
        writeln!(text, "write_member(writer, &members[{index}], &self.{});", names::field(member))?;
    }
    writeln!(text, "}}\n")?;
    write!(text, "fn read_member(&mut self, {unused}index: usize, {unused}reader: &mut dyn ShapeReader)")?;
    writeln!(text, " -> Result<(), DecodeError> {{")?;
    if members.is_empty() {
        writeln!(text, "Ok(())\n}}")?;
        return Ok(());
    }
    writeln!(text, "let member = &{constant}.members[index];\nmatch index {{")?;
    for (index, (member, _)) in members.iter().enumerate() {
        writeln!(text, "{index} => read_member(reader, member, &mut self.{}),", names::field(member))?;
    }
    writeln!(text, "_ => Ok(()),\n}}\n}}")?;
    Ok(())
}

fn structure_traits(shape: &str, source: &Value) -> String {
    let mut text = String::new();
    if source["exception"] == true {
        let fault = source["fault"] == true;
        let code = source["error"]["code"].as_str().unwrap_or(shape);
        let status = source["error"]["httpStatusCode"].as_u64().unwrap_or(if fault { 500 } else { 400 });
        let caller = source["error"]["senderFault"].as_bool().unwrap_or(!fault && status < 500);
        text.push_str(&format!(".error({code:?}, {status}, {caller})"));
    }
    if source["union"] == true {
        text.push_str(".union()");
    }
    if source["eventstream"] == true {
        text.push_str(".event_stream()");
    }
    if let Some(name) = source["locationName"].as_str() {
        text.push_str(&format!(".root_name({name:?})"));
    }
    if let Some(uri) = source["xmlNamespace"]["uri"].as_str().or(source["xmlNamespace"].as_str()) {
        text.push_str(&format!(".xml_namespace({uri:?})"));
    }
    text
}

fn field_type(model: &Model, owner: &str, reference: &Value) -> Result<String> {
    let name = reference["shape"].as_str().context("a reference names no shape")?;
    let shape = model.shape(name)?;
    Ok(match shape["type"].as_str() {
        Some("structure") if shape["document"] == true => "Document".to_owned(),
        Some("structure") if !owner.is_empty() && model.is_recursive(owner, name) => {
            format!("Box<{}>", names::type_name(name))
        }
        Some("structure") => names::type_name(name),
        Some("list") => format!("Vec<{}>", field_type(model, "", &shape["member"])?),
        Some("map") => format!("BTreeMap<String, {}>", field_type(model, "", &shape["value"])?),
        Some("boolean") => "bool".to_owned(),
        Some("integer") => "i32".to_owned(),
        Some("long") => "i64".to_owned(),
        Some("float") => "f32".to_owned(),
        Some("double") => "f64".to_owned(),
        Some("string") if shape["enum"].is_array() => names::type_name(name),
        Some("string" | "character") => "String".to_owned(),
        Some("blob") => "Bytes".to_owned(),
        Some("timestamp") => "Instant".to_owned(),
        other => bail!("unknown kind of shape: {other:?}"),
    })
}
