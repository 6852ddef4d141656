//! What the generator needs of a service model: the listed operations and the shapes they reach.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

/// A service model, cut down to what is served.
pub struct Model {
    pub metadata: Value,
    /// The listed operations, by name.
    pub operations: BTreeMap<String, Value>,
    /// The modelled operations that are not listed.
    pub unimplemented: Vec<String>,
    /// Structures that the operations reach, by name.
    pub structures: BTreeMap<String, Value>,
    /// Enums that they reach, by name, with their values.
    pub enums: BTreeMap<String, Vec<String>>,
    shapes: Map<String, Value>,
}

impl Model {
    pub fn new(mut source: Value, listed: &[String]) -> Result<Self> {
        // The text must not depend on whether some crate of the build asks serde_json for the order of the model.
        source.sort_all_objects();
        if source["metadata"]["serviceId"] == "S3" {
            name_s3_documents(&mut source["shapes"]);
        }
        let Value::Object(shapes) = source["shapes"].take() else { anyhow::bail!("the model has no shapes") };
        let Value::Object(all) = source["operations"].take() else {
            anyhow::bail!("the model has no operations")
        };
        for name in listed {
            ensure!(all.contains_key(name), "the model has no operation {name}");
        }
        let listed: BTreeSet<&String> = listed.iter().collect();
        let (served, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| listed.contains(name));
        let mut model = Self {
            metadata: source["metadata"].take(),
            operations: served.into_iter().collect(),
            unimplemented: others.into_iter().map(|(name, _)| name).collect(),
            structures: BTreeMap::new(),
            enums: BTreeMap::new(),
            shapes,
        };
        model.unimplemented.sort();
        let roots: Vec<String> = model.operations.values().flat_map(operation_shapes).collect();
        for root in roots {
            model.reach(&root)?;
        }
        Ok(model)
    }

    pub fn shape(&self, name: &str) -> Result<&Value> {
        self.shapes.get(name).with_context(|| format!("the model has no shape {name}"))
    }

    /// The shape that a member refers to, with the member's own traits laid over the shape's.
    pub fn resolve(&self, reference: &Value) -> Result<Map<String, Value>> {
        let name = reference["shape"].as_str().context("a reference names no shape")?;
        let mut merged = self.shape(name)?.as_object().cloned().unwrap_or_default();
        for (key, value) in reference.as_object().into_iter().flatten() {
            merged.insert(key.clone(), value.clone());
        }
        Ok(merged)
    }

    /// Whether a field of `from` holding `to` must be boxed: `to` holds a `from` without a list or map
    /// between.
    pub fn is_recursive(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![to];
        while let Some(name) = waiting.pop() {
            if name == from {
                return true;
            }
            if !seen.insert(name) {
                continue;
            }
            if let Some(structure) = self.structures.get(name) {
                waiting.extend(members(structure).filter_map(|(_, member)| member["shape"].as_str()));
            }
        }
        false
    }

    fn reach(&mut self, name: &str) -> Result<()> {
        if self.structures.contains_key(name) || self.enums.contains_key(name) {
            return Ok(());
        }
        let shape = self.shape(name)?.clone();
        let references: Vec<String> = match shape["type"].as_str() {
            Some("structure") => {
                self.structures.insert(name.to_owned(), shape.clone());
                members(&shape)
                    .filter_map(|(_, member)| member["shape"].as_str())
                    .map(str::to_owned)
                    .collect()
            }
            Some("list") => shape["member"]["shape"].as_str().map(str::to_owned).into_iter().collect(),
            Some("map") => shape["value"]["shape"].as_str().map(str::to_owned).into_iter().collect(),
            Some("string") => {
                if let Some(values) = shape["enum"].as_array() {
                    let values = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                    self.enums.insert(name.to_owned(), values);
                }
                Vec::new()
            }
            _ => Vec::new(),
        };
        references.iter().try_for_each(|reference| self.reach(reference))
    }
}

/// The names of S3's documents, which botocore's model leaves out because its parser doesn't look at them.
fn name_s3_documents(shapes: &mut Value) {
    for (shape, name) in [
        ("ListBucketsOutput", "ListAllMyBucketsResult"),
        ("ListObjectsOutput", "ListBucketResult"),
        ("ListObjectsV2Output", "ListBucketResult"),
        ("DeleteObjectsOutput", "DeleteResult"),
        ("GetBucketLocationOutput", "LocationConstraint"),
    ] {
        if shapes[shape].is_object() {
            shapes[shape]["locationName"] = Value::from(name);
            shapes[shape]["xmlNamespace"] = Value::from("http://s3.amazonaws.com/doc/2006-03-01/");
        }
    }
}

/// The members of a structure, sorted by name.
pub fn members(structure: &Value) -> impl Iterator<Item = (&String, &Value)> {
    structure["members"].as_object().into_iter().flatten()
}

fn operation_shapes(operation: &Value) -> Vec<String> {
    let errors = operation["errors"].as_array().cloned().unwrap_or_default();
    [&operation["input"], &operation["output"]]
        .into_iter()
        .chain(&errors)
        .filter_map(|reference| reference["shape"].as_str().map(str::to_owned))
        .collect()
}
