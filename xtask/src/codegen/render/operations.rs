//! A unit type and a table for each operation.

use std::fmt::Write;

use anyhow::{Context, Result};
use serde_json::Value;

use super::HEADER;
use crate::codegen::model::Model;
use crate::codegen::names;

pub fn operations(model: &Model) -> Result<String> {
    let mut body = String::new();
    writeln!(body, "/// Every operation with shapes, sorted by name.")?;
    writeln!(body, "pub static ALL: &[&OperationSchema] = &[")?;
    for name in model.operations.keys() {
        writeln!(body, "&{},", names::constant(name))?;
    }
    writeln!(body, "];")?;
    for (name, source) in &model.operations {
        operation(&mut body, name, source).with_context(|| format!("operation {name}"))?;
    }
    let mut imports = vec!["Operation", "OperationSchema"];
    imports.extend(body.contains(" = Empty;").then_some("Empty"));
    imports.extend(body.contains("::schema").then_some("Shape"));
    Ok(format!("{HEADER}use wire_schema::{{{}}};\n\nuse super::shapes;\n\n{body}", imports.join(", ")))
}

fn operation(text: &mut String, name: &str, source: &Value) -> Result<()> {
    let method = source["http"]["method"].as_str().context("no method")?;
    let uri = source["http"]["requestUri"].as_str().context("no uri")?;
    let constant = names::constant(name);
    let shape =
        |key: &str| source[key]["shape"].as_str().map(|shape| format!("shapes::{}", names::type_name(shape)));
    let (input, output) = (shape("input"), shape("output"));
    let or_empty = |shape: &Option<String>| shape.clone().unwrap_or_else(|| "Empty".to_owned());

    writeln!(text, "\n#[derive(Clone, Copy, Debug)]\npub struct {name};\n")?;
    writeln!(text, "impl Operation for {name} {{")?;
    writeln!(text, "type Input = {};", or_empty(&input))?;
    writeln!(text, "type Output = {};", or_empty(&output))?;
    writeln!(text, "const SCHEMA: &'static OperationSchema = &{constant};\n}}\n")?;

    write!(text, "static {constant}: OperationSchema = OperationSchema::new({name:?}, {method:?}, {uri:?})")?;
    if let Some(input) = input {
        write!(text, ".input({input}::schema)")?;
    }
    if let Some(output) = output {
        write!(text, ".output({output}::schema)")?;
    }
    let errors: Vec<String> = source["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["shape"].as_str())
        .map(|error| format!("shapes::{}::schema", names::type_name(error)))
        .collect();
    if !errors.is_empty() {
        write!(text, ".errors(&[{}])", errors.join(", "))?;
    }
    if let Some(wrapper) = source["output"]["resultWrapper"].as_str() {
        write!(text, ".result_wrapper({wrapper:?})")?;
    }
    if let Some(prefix) = source["endpoint"]["hostPrefix"].as_str() {
        write!(text, ".host_prefix({prefix:?})")?;
    }
    if let Some(status) = source["http"]["responseCode"].as_u64() {
        write!(text, ".status({status})")?;
    }
    if source["authtype"] == "none" {
        text.push_str(".anonymous()");
    }
    text.push_str(";\n");
    Ok(())
}
